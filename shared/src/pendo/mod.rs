//! Pendo's API. Nothing outside this room names a Pendo JSON key, header or host.

pub mod answer;
pub mod catalog;
pub mod client;
pub mod decode;
pub mod error;
mod loose;
pub mod metadata;
pub mod pace;
pub mod parts;
pub mod people;
pub mod properties;
pub mod region;
pub mod reproduce;
mod subject;
pub mod totals;
pub mod usage;
mod wire;

pub use client::Client;
pub use error::{PendoError, Trouble};
pub use region::Region;
