//! Deleting what no head names any more.

use super::{Partition, Store, StoreError};
use crate::id::{ConnectionId, WorkspaceId};
use crate::planted::planted;
use std::collections::BTreeSet;

/// Whether a fresh key, which begins with the time at which it was made, is older than this; nothing else is.
pub(super) fn was_put_before(key: &str, before_ms: i64) -> bool {
    key.get(..13).and_then(|digits| digits.parse().ok()).is_some_and(|at: i64| at < before_ms)
}

impl Store {
    /// Deletes what no head names and was put before `before_ms`: first raises the head's `swept` counter by
    /// compare-and-swap, so that a worker that still holds such items finds out.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the head moved meanwhile: nothing was deleted.
    pub async fn shard_sweep(
        &self,
        workspace: &WorkspaceId,
        connection: &ConnectionId,
        number_of: u16,
        before_ms: i64,
    ) -> Result<u64, StoreError> {
        let partition = Partition::shard(workspace, connection, number_of);
        let is_old = |sort: &str| sort.split_once('#').is_some_and(|(_, key)| was_put_before(key, before_ms));
        let mut old: Vec<String> =
            self.sorts_list(&partition, "").await?.into_iter().filter(|sort| is_old(sort)).collect();
        let mut shard = self.shard_get(workspace, connection, number_of).await?;
        self.shard_load_all(&mut shard).await?;
        let named: BTreeSet<String> = shard.named().collect();
        old.retain(|sort| !named.contains(sort) || planted!(SweepWithoutTheHead));
        if old.is_empty() {
            return Ok(0);
        }
        self.shard_mark_swept(shard).await?;
        for sort in &old {
            self.item_delete(&partition, sort).await?;
        }
        Ok(old.len() as u64)
    }
}
