//! The command is killed while it reads history: over the same data the next one ends where one does that nobody disturbed.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

#[expect(clippy::disallowed_methods, reason = "how large a test is to be is said by whoever runs it")]
fn is_full() -> bool {
    std::env::var("TORTURE").is_ok_and(|size| size == "full")
}

fn start(data: &Path, export: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_local"));
    command.env_remove("PENDO_INTEGRATION_KEY").env_remove("RUST_LOG");
    command.args(["--once", "--port", "0", "--now", "2026-06-30T12:30:00Z", "--history-from", "2026-04-01"]);
    command.arg("--data-dir").arg(data).arg("--export").arg(export);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn a_command_that_is_killed_anywhere_is_mended_by_the_next_over_the_same_data() {
    let kills: u32 = if is_full() { 20 } else { 3 };
    let root = tempfile::tempdir().unwrap();
    let (calm, killed) = (root.path().join("calm.ndjson"), root.path().join("killed.ndjson"));
    let began = Instant::now();
    assert!(start(&root.path().join("calm"), &calm).wait().unwrap().success());
    let whole = began.elapsed();
    let mut cut = 0;
    for n in 1..=kills {
        let mut child = start(&root.path().join("data"), &killed);
        // Somewhere else each time; the clock of the world stands, so nothing runs out.
        std::thread::sleep((whole * (n * 37 % 100)) / 100 + Duration::from_millis(50));
        cut += u32::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(cut > 0, "none of {kills} was killed before its end");
    assert!(start(&root.path().join("data"), &killed).wait().unwrap().success(), "it is not complete");
    assert!(fs::read(&calm).unwrap() == fs::read(&killed).unwrap(), "the exports differ");
    println!(
        "killed commands: n {kills}, {cut} before their end, failures 0, at most {:.1} % (3/n)",
        300.0 / f64::from(kills)
    );
}
