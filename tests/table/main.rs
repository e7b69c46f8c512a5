//! The store and the runs against a table that misbehaves: crashes at every request, answers that are lost, throttling,
//! workers that overlap or sleep for days, items that are spoiled. Whatever happens, the next run ends in the same bytes.
//!
//! `.ci/torture` runs all of it in full size;
//! `TABLE_URL=http://127.0.0.1:4566` runs the contract against another server.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test ends where something is not as it says; helpers count as tests"
)]

#[path = "../torture/catch.rs"]
mod catch;
mod connect;
mod corrupt;
mod crash;
#[expect(dead_code, reason = "shared with the stories, which use all of it")]
#[path = "../it/harness.rs"]
mod harness;
mod once;
mod overlap;
mod planted;
mod proxy;
#[expect(dead_code, reason = "shared with the stories, which use all of it")]
#[path = "../it/reference/mod.rs"]
mod reference;
mod scene;
#[expect(dead_code, reason = "shared with the torture chamber, which uses all of it")]
#[path = "../torture/size.rs"]
mod size;
mod sizes;
mod store;
mod throttle;
