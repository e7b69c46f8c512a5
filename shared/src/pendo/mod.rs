//! Pendo's API. Nothing outside this room names a Pendo JSON key, header or host.

pub mod client;
pub mod decode;
pub mod error;
pub mod region;

pub use client::Client;
pub use error::PendoError;
pub use region::Region;
