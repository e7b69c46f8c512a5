//! Usage as it is kept: rows, fingerprints, blocks.

pub mod block;
pub mod block_row;
pub mod checksum;
pub mod entry;
pub mod fingerprint;
pub mod pack;
pub mod properties;
pub mod property;
pub mod row;
