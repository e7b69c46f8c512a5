//! Erases: takes everything of a visitor whom Pendo says not to process out of what is stored, and asks again for what was
//! dropped of one whom it lets process again.
//!
//! Both compare what stands with who is erased, so a run that was cut anywhere is mended by the next. The id stays in the
//! visitor index until no block holds rows of it.

use super::batch::{name_blocks, put_rows};
use super::checkpoint::{Checkpoint, PeopleState};
use super::moves::Sink;
use super::run::{Run, SyncError};
use super::shards::{BLOCKS_AT_ONCE, Blocks, buckets_by_block};
use crate::connection::Connection;
use crate::erased::{Erased, Told};
use crate::id::{VisitorHash, WorkspaceId};
use crate::store::noun::People;
use crate::store::{Change, Folds, Layout, SeenIn, Shard, Store, StoreError};
use crate::time::Hour;
use crate::usage::block_row::{BlockRow, Texts};
use crate::usage::entry::Entries;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How often something that moved meanwhile is read again before the rest is left to the next run.
const REDOS_MAX: u32 = 8;

/// Keeps who is erased, as Pendo has just told; `unmarked` are the visitors that were read without the mark.
///
/// # Errors
/// The table's.
pub async fn learn(
    store: &Store,
    workspace: &WorkspaceId,
    connection: &Connection,
    told: &Told,
    unmarked: &BTreeMap<String, Option<String>>,
    now_ms: i64,
) -> Result<(), StoreError> {
    if told.listed.is_none() && told.marked.is_empty() && unmarked.is_empty() {
        return Ok(());
    }
    loop {
        let erased = store.erased_get(workspace, connection).await?;
        let changes = erased.value.changes(told, unmarked.keys());
        if changes.is_empty() {
            return Ok(());
        }
        match store.erased_put(workspace, connection, &changes, erased.version, now_ms).await {
            Ok(_) => return Ok(()),
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Brings what stands in line with who is erased. Looks only when somebody new is erased or known since the last time. Where
/// somebody was, the classes of events have to be added up anew: it answers what to keep as [`PeopleState::erased_in`] after
/// that, so that a run that is cut before does it again.
///
/// # Errors
/// The table's. What moved too often meanwhile is left to the next run.
pub async fn settle(run: &Run<'_>, people: &mut PeopleState) -> Result<Option<[u64; 3]>, SyncError> {
    let layout = run.store.layout_get(run.workspace, &run.connection.id).await?;
    let sink = run.sink(layout.unwrap_or(Layout { shards: 0 }));
    let mut has_changed = false;
    for _ in 0..REDOS_MAX {
        let versions = run.store.erased_versions(run.workspace, &run.connection).await?;
        if versions == people.erased_in {
            return Ok(None);
        }
        if run.fields.is_empty() {
            forget_folds(&sink).await?;
        }
        match pass(&sink).await {
            Ok(true) => {
                has_changed = true;
                // What is put until then waits for another day.
                let until = run.as_of.plus(72);
                let sweep = |checkpoint: &mut Checkpoint| checkpoint.sweep_until = Some(until);
                run.store.checkpoint_change(run.workspace, &run.connection.id, sweep).await?;
            }
            Ok(false) if has_changed || versions[0] != people.erased_in[0] => return Ok(Some(versions)),
            Ok(false) => people.erased_in = versions,
            Err(StoreError::Conflict { .. } | StoreError::Missing { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

/// One look at everybody; answers whether there was anything to do.
async fn pass(sink: &Sink<'_>) -> Result<bool, StoreError> {
    let (store, workspace, connection) = (sink.store, sink.workspace, sink.connection);
    let erased = store.erased_get(workspace, connection).await?;
    let seen = store.seen_get(workspace, &connection.id, SeenIn::Visitors).await?;
    let known = store.people_get(workspace, &connection.id, People::Visitors).await?;
    let gone = |ids: &BTreeMap<String, serde_json::Value>| -> BTreeMap<String, Option<serde_json::Value>> {
        ids.keys().filter(|id| erased.value.holds(id)).map(|id| (id.clone(), None)).collect()
    };
    let mut shards: BTreeSet<u16> = BTreeSet::new();
    for (_, held) in seen.value.iter().filter(|(id, _)| erased.value.holds(id)) {
        shards.extend(held.as_array().into_iter().flatten().filter_map(|n| u16::try_from(n.as_u64()?).ok()));
    }
    let (indexed, listed) = (gone(&seen.value), gone(&known.value));
    let visitors: BTreeSet<VisitorHash> = indexed.keys().map(|id| VisitorHash::of(id)).collect();
    for number in shards {
        drop_rows(sink, number, &visitors).await?;
    }
    if !indexed.is_empty() {
        store.seen_put(workspace, &connection.id, SeenIn::Visitors, &indexed, seen.version, sink.now_ms).await?;
    }
    if !listed.is_empty() {
        store.people_put(workspace, &connection.id, People::Visitors, &listed, known.version, sink.now_ms).await?;
    }
    let released = release(sink, &erased.value, erased.version).await?;
    Ok(released || !indexed.is_empty() || !listed.is_empty())
}

/// Takes the rows of some visitors out of a shard. The head moves even when it holds none: whoever read it before hearing
/// of the erasure is refused, and reads again.
async fn drop_rows(sink: &Sink<'_>, number: u16, visitors: &BTreeSet<VisitorHash>) -> Result<(), StoreError> {
    let mut shard = sink.store.shard_get(sink.workspace, &sink.connection.id, number).await?;
    sink.store.shard_load_all(&mut shard).await?;
    let entries = without(sink, &shard, visitors).await?;
    let change = Change { entries, ..Change::default() };
    sink.store.shard_move(&shard, change, sink.open_from(), sink.now_ms).await
}

/// The entries of a shard that change when the rows of some visitors go, over blocks of their own. Reading, whole and
/// share stay: the rows that are gone go on counting.
async fn without(sink: &Sink<'_>, shard: &Shard, visitors: &BTreeSet<VisitorHash>) -> Result<Entries, StoreError> {
    let named = buckets_by_block(shard.all_entries().map(|(key, entry)| (*key, entry)));
    let names: Vec<Arc<str>> = named.keys().cloned().collect();
    let mut blocks = Blocks::default();
    let mut entries = Entries::new();
    for part in names.chunks(BLOCKS_AT_ONCE) {
        for (name, block) in part.iter().zip(blocks.get(sink.store, shard, part).await?) {
            if !block.has_any(visitors) {
                continue;
            }
            let buckets = &named[name];
            for key in buckets {
                if let Some(stands) = shard.entry(key.0, key.1) {
                    entries.entry(*key).or_insert_with(|| stands.clone()).blocks.retain(|named| named != name);
                }
            }
            let (mut kept, mut texts): (Vec<BlockRow>, _) = (Vec::new(), Texts::default());
            for row in block.rows(|kind, hour| buckets.contains(&(kind, hour))) {
                if !visitors.contains(&row.visitor) {
                    kept.push(texts.row(&row));
                } else if let Some(entry) = entries.get_mut(&(row.kind, row.hour)) {
                    entry.erased.add(&row);
                }
            }
            let fresh = put_rows(sink.store, shard, kept, Hour(i32::MAX), sink.now_ms).await?;
            name_blocks(&mut entries, &fresh);
        }
    }
    Ok(entries)
}

/// Folds hold whom they counted. Where there is no field nothing is evaluated any more, and they would stay.
async fn forget_folds(sink: &Sink<'_>) -> Result<(), StoreError> {
    for number in 0..sink.shards {
        let shard = sink.store.shard_get(sink.workspace, &sink.connection.id, number).await?;
        if !shard.folds().is_empty() {
            let change = Change { folds: Some(Folds::new()), ..Change::default() };
            sink.store.shard_move(&shard, change, sink.open_from(), sink.now_ms).await?;
        }
    }
    Ok(())
}

/// Forgets those who are erased no longer. Whose the dropped rows were nobody knows any more, so every bucket of which
/// something was dropped counts as unproven, and the next run compares all history. Answers whether there was anybody.
async fn release(sink: &Sink<'_>, erased: &Erased, version: u64) -> Result<bool, StoreError> {
    let changes: BTreeMap<String, Option<serde_json::Value>> =
        erased.released().map(|hash| (hash.clone(), None)).collect();
    if changes.is_empty() {
        return Ok(false);
    }
    for number in 0..sink.shards {
        let mut shard = sink.store.shard_get(sink.workspace, &sink.connection.id, number).await?;
        sink.store.shard_load_all(&mut shard).await?;
        let mut repacked: Entries = shard
            .all_entries()
            .filter(|(_, entry)| entry.is_verified && !entry.erased.is_empty())
            .map(|(key, entry)| (*key, entry.clone()))
            .collect();
        repacked.values_mut().for_each(|entry| entry.is_verified = false);
        let change = Change { repacked, ..Change::default() };
        sink.store.shard_move(&shard, change, sink.open_from(), sink.now_ms).await?;
    }
    sink.store
        .checkpoint_change(sink.workspace, &sink.connection.id, |checkpoint| {
            checkpoint.kinds.values_mut().for_each(|state| state.history_at = None);
        })
        .await?;
    sink.store.erased_put(sink.workspace, sink.connection, &changes, version, sink.now_ms).await?;
    Ok(true)
}
