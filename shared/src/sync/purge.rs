//! Removes everything of connections that are gone, and looks once more a day later: a worker that slept meanwhile may have
//! brought something back.

use super::layout::SHARDS_MAX;
use super::run::{RunEnd, SyncError};
use crate::connection::ConnectionStatus;
use crate::context::Context;
use crate::id::WorkspaceId;
use crate::store::purge::Purge;
use crate::store::{Partition, Store, StoreError};
use crate::time::DAY_MS;
use std::time::Instant;

/// Items that are deleted between two notes of how far it is.
const ITEMS_PER_NOTE: usize = 500;

/// Goes on with the purges of a workspace until `stop_at`. May run any number of times, and side by side.
///
/// # Errors
/// The table's and Secrets Manager's.
pub async fn purge(context: &Context, workspace: &WorkspaceId, stop_at: Instant) -> Result<RunEnd, SyncError> {
    let (store, now_ms) = (&context.store, context.clock.now_ms());
    for purge in store.purges_get(workspace).await?.value {
        // Longer than any worker lives.
        if purge.cleared_at_ms.is_some_and(|at_ms| now_ms - at_ms < DAY_MS) {
            continue;
        }
        disconnect(context, workspace, &purge).await?;
        if !clear(store, workspace, &purge, stop_at).await? {
            return Ok(RunEnd::Continues);
        }
        store.directory_sweep(workspace, purge.asked_at_ms + 1).await?;
        store.versions_sweep(workspace).await?;
        store.trail_sweep(workspace, purge.asked_at_ms).await?;
        context.secrets.delete(&purge.secret).await?;
        let is_last_look = purge.cleared_at_ms.is_some();
        store
            .purges_change(workspace, |purges| {
                purges.retain(|other| !(is_last_look && other.connection == purge.connection));
                let mine = purges.iter_mut().filter(|other| other.connection == purge.connection);
                mine.for_each(|mine| mine.cleared_at_ms = Some(now_ms));
            })
            .await?;
        tracing::info!(is_last_look, "a purged connection is removed");
    }
    Ok(RunEnd::Done)
}

/// Ends what `DELETE /v1/connection` began, where that broke off before the connection's item was gone.
async fn disconnect(context: &Context, workspace: &WorkspaceId, purge: &Purge) -> Result<(), SyncError> {
    let Some(stands) = context.store.connection_get(workspace).await? else { return Ok(()) };
    if stands.value.id == purge.connection && stands.value.status == ConnectionStatus::Purging {
        context.store.workspace_forget(workspace).await?;
        context.store.connection_delete(workspace, stands.version).await?;
    }
    Ok(())
}

/// Deletes every item; answers false when time was up before. The partition with the layout goes last.
async fn clear(store: &Store, workspace: &WorkspaceId, purge: &Purge, stop_at: Instant) -> Result<bool, StoreError> {
    let laid_out = match store.layout_get(workspace, &purge.connection).await {
        Ok(layout) => layout.map_or(0, |layout| layout.shards),
        Err(StoreError::Unreadable { .. }) => SHARDS_MAX,
        Err(error) => return Err(error),
    };
    let shards = laid_out.max(purge.shards);
    let note = |purges: &mut Vec<Purge>, items: u64| {
        let mine = purges.iter_mut().filter(|other| other.connection == purge.connection);
        mine.for_each(|mine| (mine.shards, mine.items) = (mine.shards.max(shards), mine.items + items));
    };
    if shards > purge.shards {
        store.purges_change(workspace, |purges| note(purges, 0)).await?;
    }
    let of_shards = (0..shards).map(|number| Partition::shard(workspace, &purge.connection, number));
    for partition in of_shards.chain([Partition::connection(workspace, &purge.connection)]) {
        for sorts in store.partition_sorts(&partition).await?.chunks(ITEMS_PER_NOTE) {
            store.items_delete(&partition, sorts).await?;
            store.purges_change(workspace, |purges| note(purges, sorts.len() as u64)).await?;
            if Instant::now() >= stop_at {
                return Ok(false);
            }
        }
    }
    Ok(true)
}
