//! The configuration as one file: matching, exclusions and calculated fields. It names nothing by id, so it fits any workspace; keys, the
//! directory and the connection are no part of it. Pure: it is read, printed and compared here, and stored elsewhere.

mod difference;
mod file;

pub use difference::{Change, Difference};
pub use file::{Configuration, FORMAT};
