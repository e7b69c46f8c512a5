//! Removes everything of one life of a connection.

use super::run::SyncError;
use crate::context::Context;
use crate::id::{ConnectionId, WorkspaceId};
use crate::store::Partition;

/// Deletes the items and the secret of a connection that is gone, and what its directory left; answers the number of
/// the connection's items. May run any number of
/// times. Does nothing while the workspace's connection still is this one.
///
/// # Errors
/// The table's and Secrets Manager's.
pub async fn purge(
    context: &Context,
    workspace: &WorkspaceId,
    connection: &ConnectionId,
    secret: &str,
    asked_at_ms: i64,
) -> Result<u64, SyncError> {
    if context.store.connection_get(workspace).await?.is_some_and(|stands| stands.value.id == *connection) {
        return Ok(0);
    }
    let mut deleted = 0;
    if let Some(layout) = context.store.layout_get(workspace, connection).await? {
        for number in 0..layout.shards {
            deleted += context.store.partition_clear(&Partition::shard(workspace, connection, number)).await?;
        }
    }
    deleted += context.store.partition_clear(&Partition::connection(workspace, connection)).await?;
    context.store.directory_sweep(workspace, asked_at_ms + 1).await?;
    context.secrets.delete(secret).await?;
    Ok(deleted)
}
