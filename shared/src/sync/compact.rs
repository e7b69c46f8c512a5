//! Keeps house, once a day: the hours of a closed day become one block, and what nobody names any more is swept.

use super::checkpoint::Checkpoint;
use super::run::{Run, SyncError};
use super::shards::Blocks;
use crate::id::Kind;
use crate::store::{Change, Layout, Shard, StoreError};
use crate::time::{DAY_MS, Hour, HourRange};
use crate::usage::block;
use crate::usage::block_row::{BlockRow, Texts};
use crate::usage::entry::Entries;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Closed days that compaction looks back on: the days that late rows still change.
const DAYS_BACK: i32 = 14;
/// A day of so many rows may well lie in one more block.
const ROWS_PER_BLOCK: u64 = 20_000;

/// Compacts and sweeps when a day has passed since the last time.
///
/// # Errors
/// The table's. A head that moved meanwhile is left to the next run.
pub async fn keep_house(run: &Run<'_>, layout: Layout, checkpoint: &Checkpoint) -> Result<(), SyncError> {
    if checkpoint.housekept_at.is_some_and(|at| run.as_of.0 - at.0 < 24) {
        return Ok(());
    }
    let before_ms = run.context.clock.now_ms() - DAY_MS;
    for number in 0..layout.shards {
        let outcome = async {
            compact(run, layout, number).await?;
            run.store.shard_sweep(run.workspace, &run.connection.id, number, before_ms).await.map(|_| ())
        };
        match outcome.await {
            Ok(()) | Err(StoreError::Conflict { .. } | StoreError::Missing { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    run.store.pages_sweep(run.workspace, &run.connection.id, before_ms).await?;
    let as_of = run.as_of;
    run.store
        .checkpoint_change(run.workspace, &run.connection.id, |checkpoint| checkpoint.housekept_at = Some(as_of))
        .await?;
    Ok(())
}

async fn compact(run: &Run<'_>, layout: Layout, number: u16) -> Result<(), StoreError> {
    let sink = run.sink(layout);
    let mut shard = run.store.shard_get(run.workspace, &run.connection.id, number).await?;
    let open_from = sink.open_from();
    let range = HourRange { from: open_from.plus(-24 * DAYS_BACK), to: open_from };
    run.store.shard_load(&mut shard, range).await?;
    let mut repacked = Entries::new();
    for day in (range.from.utc_day()..range.to.utc_day())
        .map(|day| HourRange { from: Hour(day * 24), to: Hour(day * 24 + 24) })
    {
        repacked.append(&mut repack(run, &sink, &shard, day).await?);
    }
    if repacked.is_empty() {
        return Ok(());
    }
    let change = Change { repacked, ..Change::default() };
    run.store.shard_move(&shard, change, open_from, sink.now_ms).await
}

/// The entries of one day over blocks of its own; none when the day lies in few enough blocks.
async fn repack(
    run: &Run<'_>,
    sink: &super::moves::Sink<'_>,
    shard: &Shard,
    day: HourRange,
) -> Result<Entries, StoreError> {
    let mut entries: Entries = Kind::ALL
        .into_iter()
        .flat_map(|kind| shard.entries(kind, day).map(move |(hour, entry)| ((kind, hour), entry.clone())))
        .collect();
    let mut valid: BTreeMap<Arc<str>, BTreeSet<(Kind, Hour)>> = BTreeMap::new();
    for (key, entry) in &entries {
        for name in &entry.blocks {
            valid.entry(Arc::clone(name)).or_default().insert(*key);
        }
    }
    let rows: u64 = entries.values().map(|entry| entry.share.rows).sum();
    if valid.len() as u64 <= 1 + rows / ROWS_PER_BLOCK {
        return Ok(Entries::new());
    }
    let names: Vec<Arc<str>> = valid.keys().cloned().collect();
    let (mut rows, mut texts): (Vec<BlockRow>, _) = (Vec::new(), Texts::default());
    for (name, block) in names.iter().zip(Blocks::default().get(&run.store, shard, &names).await?) {
        rows.extend(block.rows(|kind, hour| valid[name].contains(&(kind, hour))).map(|row| texts.row(&row)));
    }
    entries.values_mut().for_each(|entry| entry.blocks.clear());
    for packed in block::pack(&rows) {
        let name = run.store.block_put(shard, packed.body, sink.now_ms).await?;
        for key in &packed.buckets {
            if let Some(entry) = entries.get_mut(key) {
                entry.blocks.push(Arc::clone(&name));
            }
        }
    }
    Ok(entries)
}
