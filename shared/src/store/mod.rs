//! State in one DynamoDB table. The only room that knows the SDK's types, keys and item shapes.
//!
//! Every partition key begins with a workspace: a [`Partition`] can't be built without one. Whatever is not a versioned
//! document or a head is immutable, each under a fresh key.
#![expect(clippy::disallowed_types, reason = "the one room that knows the table")]

pub mod configuration;
pub mod document;
mod erased;
pub mod error;
pub mod head;
mod immutable;
mod index;
mod item;
mod key;
pub mod meter;
pub mod noun;
pub mod once;
pub mod points;
pub mod purge;
pub mod run;
pub mod signals;
pub mod spare;
mod sweep;
mod trail;
pub mod tree;
mod versions;

pub use document::Versioned;
pub use error::StoreError;
pub use head::{Change, Folds, PageRef, Seen, Shard, span_hours, span_of};
pub use key::Partition;
pub use meter::{Meter, Spent};
pub use run::{Due, Layout, SeenIn};
pub use trail::Lines;

use crate::trail::Line;
use std::sync::Arc;

/// The table, with a meter that counts what its use costs.
#[derive(Clone)]
pub struct Store {
    client: aws_sdk_dynamodb::Client,
    table: Arc<str>,
    meter: Arc<Meter>,
    /// What a run has read of trees.
    trees: Option<Arc<tree::Trees>>,
    /// What the next document that is written is noted with.
    noted: Option<Arc<(Partition, Line)>>,
}

impl Store {
    /// Over the SDK's client and the table's name.
    #[must_use]
    pub fn new(client: aws_sdk_dynamodb::Client, table: String) -> Self {
        Self { client, table: table.into(), meter: Arc::default(), trees: None, noted: None }
    }

    /// The same table for one run: with a meter of its own, and reading no page of a tree twice.
    #[must_use]
    pub fn metered(&self) -> Self {
        Self {
            client: self.client.clone(),
            table: Arc::clone(&self.table),
            meter: Arc::default(),
            trees: Some(Arc::default()),
            noted: None,
        }
    }

    /// What was spent through this handle.
    #[must_use]
    pub fn meter(&self) -> &Meter {
        &self.meter
    }
}
