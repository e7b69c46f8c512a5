//! What a process has used so far, as Linux tells it; other systems don't.

use std::fs;

/// The kernel counts processor time in hundredths of a second, whatever its own clock is.
const TICKS_PER_SECOND: f64 = 100.0;

/// Processor time and memory of a process from its start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Used {
    /// Seconds of processor time, the kernel's on its behalf included.
    pub cpu_seconds: f64,
    /// The most memory that it ever held, in bytes.
    pub peak_memory_bytes: u64,
}

/// What a process that still runs has used: a process id, or `self`.
#[must_use]
pub fn used(process: &str) -> Option<Used> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The second member is a name in parentheses that may hold blanks; the user's and the kernel's time are the 14th and 15th.
    let mut times = stat.rsplit_once(')')?.1.split_whitespace().skip(11).take(2).map(str::parse::<u32>);
    let (user, kernel) = (times.next()?.ok()?, times.next()?.ok()?);
    let cpu_seconds = (f64::from(user) + f64::from(kernel)) / TICKS_PER_SECOND;
    Some(Used { cpu_seconds, peak_memory_bytes: kilobytes * 1024 })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_process_knows_what_it_used() {
        let before = used("self").unwrap();
        let block = vec![1_u8; 64 << 20];
        let sum: u64 = (0..20_u64).flat_map(|turn| block.iter().map(move |byte| u64::from(*byte) ^ turn)).sum();
        let after = used("self").unwrap();
        assert!(sum > 0 && after.cpu_seconds >= before.cpu_seconds);
        assert!(after.peak_memory_bytes >= 64 << 20, "{after:?}");
        assert_eq!(used("0"), None);
    }
}
