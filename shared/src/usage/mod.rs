//! Usage as it is kept: rows, fingerprints, blocks.

pub mod row;
