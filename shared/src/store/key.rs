//! Partition keys: none can be built without a workspace.

use crate::id::{ConnectionId, WorkspaceId};

/// One partition of the table. Workspaces hold no `#`, so no key of one can begin with another's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Partition(String);

impl Partition {
    /// What belongs to a workspace: its connection, matching, fields.
    #[must_use]
    pub fn workspace(workspace: &WorkspaceId) -> Self {
        Self(format!("{workspace}#workspace"))
    }

    /// A workspace's accounts and contacts.
    #[must_use]
    pub fn directory(workspace: &WorkspaceId) -> Self {
        Self(format!("{workspace}#directory"))
    }

    /// Who changed what of a workspace, and which requests were answered already: what goes away by itself in time.
    #[must_use]
    pub fn trail(workspace: &WorkspaceId) -> Self {
        Self(format!("{workspace}#trail"))
    }

    /// What belongs to one life of a connection: layout, checkpoint, readings, Pendo's visitors and accounts.
    #[must_use]
    pub fn connection(workspace: &WorkspaceId, connection: &ConnectionId) -> Self {
        Self(format!("{workspace}#{}", connection.as_str()))
    }

    /// One shard of a connection.
    #[must_use]
    pub fn shard(workspace: &WorkspaceId, connection: &ConnectionId, shard: u16) -> Self {
        Self(format!("{workspace}#{}#{shard:05}", connection.as_str()))
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
