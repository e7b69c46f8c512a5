//! Purges: what is left to remove of connections that are gone. One small document of a workspace, without data of theirs,
//! which stands only until all of it was looked at once more.

use super::run::Due;
use super::{Partition, Store, StoreError, Versioned};
use crate::id::{ConnectionId, WorkspaceId};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};

const NAME: &str = "purges";
/// Items that are deleted side by side.
const DELETES_AT_ONCE: usize = 16;

/// What is left to remove of one life of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Purge {
    /// Which life.
    pub connection: ConnectionId,
    /// The secret that held its key.
    pub secret: String,
    /// When it was asked for, ms since 1970: pages of the directory that are newer belong to somebody else.
    pub asked_at_ms: i64,
    /// Its number of shards, once that is known.
    pub shards: u16,
    /// Items removed so far.
    pub items: u64,
    /// When nothing was left, ms since 1970. A worker that slept may still bring something back.
    pub cleared_at_ms: Option<i64>,
}

impl Store {
    /// The purges of a workspace that are not at their end.
    ///
    /// # Errors
    /// The table's.
    pub async fn purges_get(&self, workspace: &WorkspaceId) -> Result<Versioned<Vec<Purge>>, StoreError> {
        let found = self.document_get(&Partition::workspace(workspace), NAME).await?;
        Ok(found.unwrap_or(Versioned { version: 0, value: Vec::new() }))
    }

    /// Changes the purges by compare-and-swap, reading them anew when they moved. The schedule finds the workspace for as
    /// long as there are any.
    ///
    /// # Errors
    /// The table's.
    pub async fn purges_change(
        &self,
        workspace: &WorkspaceId,
        change: impl Fn(&mut Vec<Purge>),
    ) -> Result<(), StoreError> {
        self.list_change(&Partition::workspace(workspace), NAME, Some(Due::Purge), change).await
    }

    /// The sort keys of all that stands in a partition.
    ///
    /// # Errors
    /// The table's.
    pub async fn partition_sorts(&self, partition: &Partition) -> Result<Vec<String>, StoreError> {
        self.sorts_list(partition, "").await
    }

    /// Deletes items of a partition.
    ///
    /// # Errors
    /// The table's.
    pub async fn items_delete(&self, partition: &Partition, sorts: &[String]) -> Result<(), StoreError> {
        let deletes: Vec<_> = sorts.iter().map(|sort| self.item_delete(partition, sort)).collect();
        stream::iter(deletes).buffer_unordered(DELETES_AT_ONCE).try_collect().await
    }
}
