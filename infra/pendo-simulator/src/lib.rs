//! A Pendo Engage API that runs on this machine and behaves as badly as the real one.
//!
//! [`Simulator`] serves one generated (or hand-made) subscription over HTTP. It has its own [`Clock`], its own [`Faults`], and it tells
//! the truth about its raw rows, so that a client's numbers can be checked against something that the client did not compute.
//!
//! The rooms, in the order in which a request meets them: `http` (keys, routes, faults, log), `query` (the aggregation language),
//! `world` (who, what, when). The world is a function of the options alone: two runs with one seed, one set of sizes and one instant
//! answer alike, and an hour's rows are the same whenever they are asked for.

mod clock;
mod faults;
mod http;
mod json;
mod options;
mod query;
mod random;
mod region;
mod row;
mod simulator;
mod state;
mod texts;
mod trouble;
mod value;
mod world;

pub use clock::Clock;
pub use faults::Faults;
pub use options::{DEFAULT_KEY, Late, Options};
pub use region::Region;
pub use row::{Kind, RawRow};
pub use simulator::Simulator;
pub use state::LoggedRequest;
pub use trouble::Trouble;
pub use world::directory::{DirectoryList, print_directory};
pub use world::{DEFAULT_APP, SECOND_APP};
