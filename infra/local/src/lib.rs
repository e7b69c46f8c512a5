//! The three functions on one machine, with nothing installed.
//!
//! A request passes the [`gateway`], which verifies the caller's token as API Gateway would and calls a function's own
//! handler, or its binary as [`lambda`] runs it. The functions reach the embedded [`database`] and the [`endpoints`] of
//! secrets, queue and [`events`] through the AWS SDK, and Pendo, real or simulated, over HTTP. The [`worker`] and the [`schedule`] hand jobs and ticks to `sync`.
//! [`Stack`] holds all of it. The [`command`] is a client of the API, like any other.
//!
//! Nothing here decides what a number means, and no function knows that it is not in AWS.

pub mod api;
pub mod clients;
pub mod command;
pub mod data_dir;
pub mod database;
pub mod endpoints;
pub mod events;
pub mod explanation;
pub mod export;
pub mod functions;
pub mod gateway;
pub mod lambda;
pub mod options;
pub mod overview;
pub mod parts;
pub mod process;
pub mod progress;
mod reasons;
pub mod report;
pub mod schedule;
pub mod setup;
pub mod showcase;
pub mod signals;
pub mod stack;
pub mod status;
pub mod stopping;
pub mod table;
pub mod tokens;
pub mod worker;

pub use functions::Binaries;
pub use stack::{Options, Pendo, Stack, StartError};
pub use tokens::AccessLevel;
