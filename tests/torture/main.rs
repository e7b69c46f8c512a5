//! The torture chamber, Pendo's side: random histories against the brute force of `it/reference`, faults of every kind,
//! late rows, hostile ids, wrong clocks, volume, other strategies, and planted bugs that the checks must catch. Small in an
//! ordinary run; the whole of it with `.ci/torture`. Each check prints its seed, how many cases it ran, how many failed, and what
//! that says.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test ends where something is not as it says, and prints what it saw; helpers count as tests"
)]

#[path = "../it/harness.rs"]
#[expect(dead_code, reason = "what only the stories use")]
mod harness;
#[path = "../it/reference/mod.rs"]
#[expect(dead_code, reason = "what only the stories use")]
mod reference;

mod adversarial;
mod calls;
mod catch;
mod clocks;
mod faults;
mod fleet;
mod history;
mod ids;
mod keys;
mod late;
mod operations;
mod planted;
mod size;
mod strategies;
mod volume;
