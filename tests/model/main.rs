//! The protocol by which shards change, as a small model: no table, no Pendo and no clock, only steps in every order. What it
//! covers and what not stands in docs/protocol.md.

#![expect(clippy::print_stdout, reason = "a test tells what it found")]

mod evaluate;
mod explore;
mod gather;
mod house;
mod invariants;
mod mix;
mod moves;
mod proof;
mod rules;
mod source;
mod table;
mod worker;
