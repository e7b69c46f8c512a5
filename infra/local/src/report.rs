//! The file of `--report`: what the run read, wrote and cost. The API counts; only the whole time and the memory are taken
//! here.

use std::time::Duration;

use serde_json::{Value, json};

use crate::process;

/// The report of a run that took so long from the command's start.
#[must_use]
pub fn of_run(run: &Value, took: Duration) -> Value {
    let mut report = if run.is_object() { run.clone() } else { json!({}) };
    if !report["seconds"].is_object() {
        report["seconds"] = json!({});
    }
    report["seconds"]["total"] = json!(took.as_secs_f64());
    report["peak_memory_bytes"] = json!(process::used("self").map(|used| used.peak_memory_bytes));
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_this_commands() {
        let run = json!({"rows": 3, "seconds": {"fetch": 0.5, "total": 0.7}});
        let report = of_run(&run, Duration::from_millis(1500));
        assert_eq!(report["rows"], 3);
        assert_eq!(report["seconds"], json!({"fetch": 0.5, "total": 1.5}));
    }
}
