//! Stories over the real functions: the real handlers, through the real HTTP path, against the embedded database and the
//! Pendo simulator. Each file is a topic, each test a sentence about what people can rely on.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends where something is not as it says; helpers count as tests"
)]

mod audit;
mod browse;
mod calculator;
mod canary;
mod checked;
mod compare;
mod configuration;
mod deleted;
mod demo;
mod early;
mod erased;
mod exclusions;
mod explain;
mod fanout;
mod faults;
mod folds;
mod formula_changes;
mod formulas;
mod freshness;
mod fuzz;
mod garbled;
mod golden;
mod groups;
mod harness;
mod identity;
mod life;
mod log;
mod logged;
mod nulls;
mod once;
mod peers;
mod points;
mod preview;
mod properties;
mod reconciled;
mod reference;
mod refusals;
mod resilience;
mod rewritten;
mod signals;
mod stale;
mod undo;
mod unmatched;
mod versions;
mod zones;
