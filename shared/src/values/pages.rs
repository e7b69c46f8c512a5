//! The pages of stored outcomes, as the heads name them.

use super::Query;
use crate::connection::Connection;
use crate::id::{ObjectKind, WorkspaceId};
use crate::matching::Status;
use crate::store::{Store, StoreError};
use crate::sync::page::{self, Values};

/// Reads the heads and those of their pages that can hold what is asked.
pub(super) async fn read(
    store: &Store,
    workspace: &WorkspaceId,
    connection: &Connection,
    query: &Query,
) -> Result<Values, StoreError> {
    let Some(layout) = store.layout_get(workspace, &connection.id).await? else {
        return Ok(Values::new());
    };
    let mut values = Values::new();
    for number in 0..layout.shards {
        let mut missed = None;
        loop {
            let shard = store.shard_get(workspace, &connection.id, number).await?;
            let wanted = |at: usize| {
                query.id.as_ref().is_none_or(|id| {
                    let levels = [ObjectKind::Account, ObjectKind::Contact];
                    levels.iter().any(|level| page::page_of(*level, id, shard.pages().len()) == at)
                })
            };
            let sorts: Vec<String> = shard
                .pages()
                .iter()
                .enumerate()
                .filter(|(at, _)| wanted(*at))
                .filter_map(|(_, page)| Some(page.as_ref()?.sort.clone()))
                .collect();
            match store.pages_get(&shard, &sorts).await {
                Ok(bodies) => {
                    for (sort, body) in sorts.into_iter().zip(bodies) {
                        let page = page::unpack(&body)
                            .map_err(|error| StoreError::Unreadable { key: sort, detail: error.to_string() })?;
                        for (key, object) in page {
                            // An object on its way from one home to another may stand in both: the matched one counts.
                            if object.status == Status::Matched || !values.contains_key(&key) {
                                values.insert(key, object);
                            }
                        }
                    }
                    break;
                }
                // The page was replaced after the head was read: a newer head stands. One that is named again is gone.
                Err(StoreError::Missing { key }) if missed.as_ref() != Some(&key) => missed = Some(key),
                Err(error) => return Err(error),
            }
        }
    }
    Ok(values)
}
