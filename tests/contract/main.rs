//! The API as a contract: the document that the code makes, its examples, who may ask what, and what is sent in bad faith.
//!
//! `UPDATE=1 cargo test -p tests --test contract document` writes `docs/openapi.json` and `docs/api.md` anew.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends where something is not as it says; helpers count as tests"
)]

mod asked;
mod bodies;
mod document;
mod examples;
mod gradual;
#[expect(dead_code, reason = "shared with the stories, which use all of it")]
#[path = "../it/harness.rs"]
mod harness;
mod lines;
#[expect(dead_code, reason = "shared with the stories, which use all of it")]
#[path = "../it/log.rs"]
mod log;
mod matrix;
mod page;
#[expect(dead_code, reason = "shared with the stories, which use all of it")]
#[path = "../it/reference/mod.rs"]
mod reference;
