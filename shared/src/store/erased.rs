//! Who is erased: keyed hash → the places in which Pendo says so.

use super::noun::People;
use super::run::SeenIn;
use super::{Partition, Store, StoreError, Versioned};
use crate::connection::Connection;
use crate::erased::Erased;
use crate::id::WorkspaceId;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) const TREE: &str = "erased";

impl Store {
    /// The erased visitors.
    ///
    /// # Errors
    /// The table's.
    pub async fn erased_get(
        &self,
        workspace: &WorkspaceId,
        connection: &Connection,
    ) -> Result<Versioned<Erased>, StoreError> {
        let kept = self.tree_get(&Partition::connection(workspace, &connection.id), TREE).await?;
        let value = Erased::new(&connection.erasure_key, Arc::unwrap_or_clone(kept.value))
            .map_err(|error| StoreError::Unreadable { key: TREE.to_owned(), detail: error.to_string() })?;
        Ok(Versioned { version: kept.version, value })
    }

    /// Applies changes to who is erased if the version still is `expected`.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it moved; the table's.
    pub async fn erased_put(
        &self,
        workspace: &WorkspaceId,
        connection: &Connection,
        changes: &BTreeMap<String, Option<serde_json::Value>>,
        expected: u64,
        now_ms: i64,
    ) -> Result<u64, StoreError> {
        self.tree_put(&Partition::connection(workspace, &connection.id), TREE, changes, expected, now_ms).await
    }

    /// The versions of who is erased, of the visitor index and of Pendo's visitors: while they stand still, nobody new is
    /// to be erased. The others are not asked for where nobody ever was.
    ///
    /// # Errors
    /// The table's.
    pub async fn erased_versions(
        &self,
        workspace: &WorkspaceId,
        connection: &Connection,
    ) -> Result<[u64; 3], StoreError> {
        let partition = Partition::connection(workspace, &connection.id);
        let mut versions = [0; 3];
        for (version, name) in versions.iter_mut().zip([TREE, SeenIn::Visitors.name(), People::Visitors.name()]) {
            *version = self.tree_version(&partition, name).await?;
            if name == TREE && *version == 0 {
                break;
            }
        }
        Ok(versions)
    }
}
