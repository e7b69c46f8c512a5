//! The protocol by which shards change, as a small model: no table, no Pendo and no clock, only steps in every order. What it
//! covers and what not stands in docs/protocol.md.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a test tells what it found, and draws from a seed")]

mod evaluate;
mod explore;
mod gather;
mod house;
mod invariants;
mod mix;
mod moves;
mod proof;
mod rules;
#[expect(dead_code, reason = "shared with the torture chamber, which uses all of it")]
#[path = "../torture/size.rs"]
mod size;
mod source;
mod table;
mod worker;
