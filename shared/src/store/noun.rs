//! One small family of methods per noun: connection, matching, exclusions, fields, directory, Pendo's visitors and accounts.

use super::run::Due;
use super::tree::Map;
use super::{Partition, Store, StoreError, Versioned};
use crate::connection::{Connection, ConnectionStatus};
use crate::directory::Directory;
use crate::exclusions::Standing;
use crate::fields::Field;
use crate::id::{ConnectionId, Kind, ObjectKind, WorkspaceId};
use crate::matching::{KeptMatching, Matching};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Which of Pendo's lists of people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum People {
    /// Visitors: id → `{"v": match value}`.
    Visitors,
    /// Pendo accounts: id → `{"v": match value}`.
    Accounts,
}

impl People {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Visitors => "visitors",
            Self::Accounts => "accounts",
        }
    }
}

impl Store {
    /// The workspace's connection.
    ///
    /// # Errors
    /// The table's.
    pub async fn connection_get(&self, workspace: &WorkspaceId) -> Result<Option<Versioned<Connection>>, StoreError> {
        self.document_get(&Partition::workspace(workspace), "connection").await
    }

    /// Writes the connection if its version still is `expected` (0: none there yet).
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it moved; the table's.
    pub async fn connection_put(
        &self,
        workspace: &WorkspaceId,
        connection: &Connection,
        expected: u64,
    ) -> Result<u64, StoreError> {
        let due = (connection.status == ConnectionStatus::Active).then_some(Due::Connection);
        self.document_put(&Partition::workspace(workspace), "connection", connection, expected, due).await
    }

    /// Removes the connection's item if its version still is `expected`.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it moved, or is gone; the table's.
    pub async fn connection_delete(&self, workspace: &WorkspaceId, expected: u64) -> Result<(), StoreError> {
        self.document_delete(&Partition::workspace(workspace), "connection", expected).await
    }

    /// Forgets the workspace's matching, exclusions, fields and directory. What the directory's roots named is swept by
    /// [`Store::directory_sweep`], what the fields were before by [`Store::versions_sweep`].
    ///
    /// # Errors
    /// The table's.
    pub async fn workspace_forget(&self, workspace: &WorkspaceId) -> Result<(), StoreError> {
        self.item_delete(&Partition::workspace(workspace), "matching").await?;
        self.item_delete(&Partition::workspace(workspace), "exclusions").await?;
        self.item_delete(&Partition::workspace(workspace), "fields").await?;
        self.item_delete(&Partition::workspace(workspace), "signals").await?;
        for kind in [ObjectKind::Account, ObjectKind::Contact] {
            self.tree_forget(&Partition::directory(workspace), kind.name()).await?;
        }
        Ok(())
    }

    /// Deletes pages of the directory that nothing names and that were put before `before_ms`.
    ///
    /// # Errors
    /// The table's.
    pub async fn directory_sweep(&self, workspace: &WorkspaceId, before_ms: i64) -> Result<(), StoreError> {
        for kind in [ObjectKind::Account, ObjectKind::Contact] {
            self.tree_sweep(&Partition::directory(workspace), kind.name(), before_ms).await?;
        }
        Ok(())
    }

    /// The matching; `None` before it was first saved.
    ///
    /// # Errors
    /// The table's.
    pub async fn matching_get(&self, workspace: &WorkspaceId) -> Result<Option<Versioned<Matching>>, StoreError> {
        let kept = self.matching_kept_get(workspace).await?;
        Ok(kept.map(|kept| Versioned { version: kept.version, value: kept.value.stands }))
    }

    /// The matching with what its last change replaced; `None` before it was first saved.
    ///
    /// # Errors
    /// The table's.
    pub async fn matching_kept_get(
        &self,
        workspace: &WorkspaceId,
    ) -> Result<Option<Versioned<KeptMatching>>, StoreError> {
        self.document_get(&Partition::workspace(workspace), "matching").await
    }

    /// Writes the matching if its version still is `expected`.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it moved; the table's.
    pub async fn matching_put(
        &self,
        workspace: &WorkspaceId,
        matching: &KeptMatching,
        expected: u64,
    ) -> Result<u64, StoreError> {
        self.document_put(&Partition::workspace(workspace), "matching", matching, expected, None).await
    }

    /// Whose usage counts in no field; version 0 and nobody before they were first saved.
    ///
    /// # Errors
    /// The table's.
    pub async fn exclusions_get(&self, workspace: &WorkspaceId) -> Result<Versioned<Standing>, StoreError> {
        let found = self.document_get(&Partition::workspace(workspace), "exclusions").await?;
        Ok(found.unwrap_or(Versioned { version: 0, value: Standing::default() }))
    }

    /// Writes whose usage counts in no field if their version still is `expected`.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it moved; the table's.
    pub async fn exclusions_put(
        &self,
        workspace: &WorkspaceId,
        exclusions: &Standing,
        expected: u64,
    ) -> Result<u64, StoreError> {
        self.document_put(&Partition::workspace(workspace), "exclusions", exclusions, expected, None).await
    }

    /// All calculated fields; version 0 and empty before the first.
    ///
    /// # Errors
    /// The table's.
    pub async fn fields_get(&self, workspace: &WorkspaceId) -> Result<Versioned<Vec<Field>>, StoreError> {
        let found = self.document_get(&Partition::workspace(workspace), "fields").await?;
        Ok(found.unwrap_or(Versioned { version: 0, value: Vec::new() }))
    }

    /// Writes all calculated fields if their version still is `expected`.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when they moved; the table's.
    pub async fn fields_put(
        &self,
        workspace: &WorkspaceId,
        fields: &[Field],
        expected: u64,
    ) -> Result<u64, StoreError> {
        self.document_put(&Partition::workspace(workspace), "fields", &fields, expected, None).await
    }

    /// The directory. Its version is the sum of both lists' versions, so it rises with each change of either.
    ///
    /// # Errors
    /// The table's.
    pub async fn directory_get(&self, workspace: &WorkspaceId) -> Result<Directory, StoreError> {
        let (accounts, contacts) = (
            self.objects_get(workspace, ObjectKind::Account).await?,
            self.objects_get(workspace, ObjectKind::Contact).await?,
        );
        Ok(Directory {
            version: accounts.version + contacts.version,
            accounts: objects_of(&accounts.value),
            contacts: objects_of(&contacts.value),
        })
    }

    /// One list of the directory with its own version, for [`Store::objects_put`].
    ///
    /// # Errors
    /// The table's.
    pub async fn objects_get(
        &self,
        workspace: &WorkspaceId,
        kind: ObjectKind,
    ) -> Result<Versioned<Arc<Map>>, StoreError> {
        self.tree_get(&Partition::directory(workspace), kind.name()).await
    }

    /// The names of one list's pages: fresh whenever a page changes, so that they tell its states apart.
    ///
    /// # Errors
    /// The table's.
    pub async fn objects_pages(
        &self,
        workspace: &WorkspaceId,
        kind: ObjectKind,
    ) -> Result<Versioned<Vec<Option<String>>>, StoreError> {
        self.tree_pages(&Partition::directory(workspace), kind.name()).await
    }

    /// Applies changes (whole objects; `None` removes) to one list if its version still is `expected`.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it moved; the table's.
    pub async fn objects_put(
        &self,
        workspace: &WorkspaceId,
        kind: ObjectKind,
        changes: &BTreeMap<String, Option<serde_json::Value>>,
        expected: u64,
        now_ms: i64,
    ) -> Result<u64, StoreError> {
        self.tree_put(&Partition::directory(workspace), kind.name(), changes, expected, now_ms).await
    }

    /// Pendo's visitors or accounts as last read and seen.
    ///
    /// # Errors
    /// The table's.
    pub async fn people_get(
        &self,
        workspace: &WorkspaceId,
        connection: &ConnectionId,
        people: People,
    ) -> Result<Versioned<Arc<Map>>, StoreError> {
        self.tree_get(&Partition::connection(workspace, connection), people.name()).await
    }

    /// Applies changes to Pendo's visitors or accounts if the version still is `expected`.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it moved; the table's.
    pub async fn people_put(
        &self,
        workspace: &WorkspaceId,
        connection: &ConnectionId,
        people: People,
        changes: &BTreeMap<String, Option<serde_json::Value>>,
        expected: u64,
        now_ms: i64,
    ) -> Result<u64, StoreError> {
        self.tree_put(&Partition::connection(workspace, connection), people.name(), changes, expected, now_ms).await
    }

    /// The objects of a kind as Pendo's catalogue last showed them: when they were changed, and whether that is still being
    /// applied to history.
    ///
    /// # Errors
    /// The table's.
    pub async fn tags_get(
        &self,
        workspace: &WorkspaceId,
        connection: &ConnectionId,
        kind: Kind,
    ) -> Result<Versioned<Arc<Map>>, StoreError> {
        self.tree_get(&Partition::connection(workspace, connection), &tags_name(kind)).await
    }

    /// Applies changes to the objects of a kind if the version still is `expected`.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it moved; the table's.
    pub async fn tags_put(
        &self,
        workspace: &WorkspaceId,
        connection: &ConnectionId,
        kind: Kind,
        changes: &BTreeMap<String, Option<serde_json::Value>>,
        expected: u64,
        now_ms: i64,
    ) -> Result<u64, StoreError> {
        self.tree_put(&Partition::connection(workspace, connection), &tags_name(kind), changes, expected, now_ms).await
    }
}

/// The name of the tree that holds a kind's objects.
pub(super) fn tags_name(kind: Kind) -> String {
    format!("tags-{}", kind.name())
}

fn objects_of(map: &Map) -> BTreeMap<String, crate::directory::Object> {
    map.iter()
        .map(|(id, value)| {
            let fields = value.as_object().into_iter().flatten();
            (id.clone(), fields.map(|(name, value)| (name.clone(), value.clone())).collect())
        })
        .collect()
}
