//! What a connection's runs keep: the layout, the checkpoint, readings, and who was seen in rows.

use super::item::number;
use super::meter::Holds;
use super::tree::Map;
use super::{Partition, Store, StoreError, Versioned};
use crate::id::{ConnectionId, Kind, WorkspaceId};
use crate::sync::checkpoint::Checkpoint;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity, ReturnValue};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How a connection is laid out in the table. Decided once, when its first kind is mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    /// Number of shards: a fixed hash range of Pendo accounts each.
    pub shards: u16,
}

/// What the tick finds in the sparse index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// A connection that is active.
    Connection,
    /// A purge that is not at its end.
    Purge,
}

impl Due {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Purge => "purge",
        }
    }
}

/// Who stood on rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeenIn {
    /// The visitor index: visitor id → the shards that hold rows of theirs. Only ever added to, but for the erased.
    Visitors,
    /// Pendo account id → an empty list.
    Accounts,
}

impl SeenIn {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Visitors => "seen-visitors",
            Self::Accounts => "seen-accounts",
        }
    }
}

impl Store {
    /// The layout; `None` before the first backfill.
    ///
    /// # Errors
    /// The table's.
    pub async fn layout_get(
        &self,
        workspace: &WorkspaceId,
        connection: &ConnectionId,
    ) -> Result<Option<Layout>, StoreError> {
        let found = self.document_get(&Partition::connection(workspace, connection), "layout").await?;
        Ok(found.map(|layout| layout.value))
    }

    /// Writes the layout if none stands; answers the one that stands.
    ///
    /// # Errors
    /// The table's.
    pub async fn layout_put(
        &self,
        workspace: &WorkspaceId,
        connection: &ConnectionId,
        layout: Layout,
    ) -> Result<Layout, StoreError> {
        match self.document_put(&Partition::connection(workspace, connection), "layout", &layout, 0, None).await {
            Ok(_) => Ok(layout),
            Err(StoreError::Conflict { .. }) => Ok(self.layout_get(workspace, connection).await?.unwrap_or(layout)),
            Err(error) => Err(error),
        }
    }

    /// The checkpoint; empty at version 0 before the first run.
    ///
    /// # Errors
    /// The table's.
    pub async fn checkpoint_get(
        &self,
        workspace: &WorkspaceId,
        connection: &ConnectionId,
    ) -> Result<Versioned<Checkpoint>, StoreError> {
        let found = self.document_get(&Partition::connection(workspace, connection), "checkpoint").await?;
        Ok(found.unwrap_or(Versioned { version: 0, value: Checkpoint::default() }))
    }

    /// Changes the checkpoint by compare-and-swap, reading it anew when it moved. It vouches only for what is stored, so
    /// it is written after it.
    ///
    /// # Errors
    /// The table's.
    pub async fn checkpoint_change(
        &self,
        workspace: &WorkspaceId,
        connection: &ConnectionId,
        change: impl Fn(&mut Checkpoint),
    ) -> Result<Checkpoint, StoreError> {
        loop {
            let mut checkpoint = self.checkpoint_get(workspace, connection).await?;
            change(&mut checkpoint.value);
            let partition = Partition::connection(workspace, connection);
            match self.document_put(&partition, "checkpoint", &checkpoint.value, checkpoint.version, None).await {
                Ok(_) => return Ok(checkpoint.value),
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes the next reading: a number that only rises within a connection. Taken before each fetch.
    ///
    /// # Errors
    /// The table's.
    pub async fn reading_next(&self, workspace: &WorkspaceId, connection: &ConnectionId) -> Result<u64, StoreError> {
        let answer = self
            .client
            .update_item()
            .table_name(&*self.table)
            .key("pk", AttributeValue::S(Partition::connection(workspace, connection).as_str().to_owned()))
            .key("sk", AttributeValue::S("reading".to_owned()))
            .update_expression("ADD reading :one")
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .return_values(ReturnValue::UpdatedNew)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(StoreError::unavailable("take a reading"))?;
        let units = answer.consumed_capacity().and_then(|c| c.capacity_units());
        self.meter.wrote("reading", units, Holds::Bookkeeping);
        let reading = answer.attributes.as_ref().and_then(|item| number(item, "reading"));
        reading.ok_or(StoreError::Unreadable { key: "reading".to_owned(), detail: "it is not a number".to_owned() })
    }

    /// Who was seen in rows.
    ///
    /// # Errors
    /// The table's.
    pub async fn seen_get(
        &self,
        workspace: &WorkspaceId,
        connection: &ConnectionId,
        seen: SeenIn,
    ) -> Result<Versioned<Arc<Map>>, StoreError> {
        self.tree_get(&Partition::connection(workspace, connection), seen.name()).await
    }

    /// Changes who was seen in rows, if the version still is `expected`.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it moved; the table's.
    pub async fn seen_put(
        &self,
        workspace: &WorkspaceId,
        connection: &ConnectionId,
        seen: SeenIn,
        changes: &BTreeMap<String, Option<serde_json::Value>>,
        expected: u64,
        now_ms: i64,
    ) -> Result<u64, StoreError> {
        self.tree_put(&Partition::connection(workspace, connection), seen.name(), changes, expected, now_ms).await
    }

    /// Deletes what nothing names any more in a connection's own partition and the workspace's directory.
    ///
    /// # Errors
    /// The table's.
    pub async fn pages_sweep(
        &self,
        workspace: &WorkspaceId,
        connection: &ConnectionId,
        before_ms: i64,
    ) -> Result<(), StoreError> {
        let partition = Partition::connection(workspace, connection);
        let seen = [SeenIn::Visitors, SeenIn::Accounts].map(SeenIn::name);
        for name in seen.into_iter().chain(["visitors", "accounts", super::erased::TREE, super::points::TREE]) {
            self.tree_sweep(&partition, name, before_ms).await?;
        }
        self.points_sweep(workspace, connection, before_ms).await?;
        self.signals_sweep(workspace, connection, before_ms).await?;
        for kind in Kind::ALL {
            self.tree_sweep(&partition, &super::noun::tags_name(kind), before_ms).await?;
        }
        self.directory_sweep(workspace, before_ms).await
    }

    /// The workspaces that the tick has something to do for: a query of the sparse index, no scan.
    ///
    /// # Errors
    /// The table's.
    pub async fn workspaces_due(&self, due: Due) -> Result<Vec<WorkspaceId>, StoreError> {
        let what = due.name();
        let (mut found, mut start) = (Vec::new(), None);
        loop {
            let answer = self
                .client
                .query()
                .table_name(&*self.table)
                .index_name("due")
                .key_condition_expression("due = :due")
                .expression_attribute_values(":due", AttributeValue::S(what.to_owned()))
                .projection_expression("pk")
                .set_exclusive_start_key(start)
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
                .await
                .map_err(StoreError::unavailable("list what is due"))?;
            self.meter.read("due", answer.consumed_capacity().and_then(|c| c.capacity_units()));
            for item in answer.items.into_iter().flatten() {
                let name = item.get("pk").and_then(|pk| pk.as_s().ok()).and_then(|pk| pk.split('#').next());
                found.extend(name.and_then(WorkspaceId::parse));
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(found);
            }
        }
    }
}
