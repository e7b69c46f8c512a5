//! Keeps house: the hours of a day that is over become one block, and what nobody names any more is swept.

use super::batch::{name_blocks, put_rows};
use super::checkpoint::Checkpoint;
use super::run::{Run, SyncError};
use super::shards::{BLOCKS_AT_ONCE, Blocks, buckets_by_block};
use crate::store::{Change, Layout, Shard, StoreError};
use crate::time::{DAY_MS, Hour, HourRange};
use crate::usage::block_row::{BlockRow, Texts};
use crate::usage::entry::Entries;
use std::sync::Arc;

/// What nobody names is swept once in so many hours.
const SWEEP_HOURS: i32 = 7 * 24;
/// Closed days that compaction looks back on: the days that late rows still change.
const DAYS_BACK: i32 = 14;
/// A day of so many rows may well lie in one more block: full ones hold about twice as many.
const ROWS_PER_BLOCK: u64 = 7_500;
/// An open day is packed once, and again when late rows have come for so many of its hours.
const BLOCKS_OF_AN_OPEN_DAY: u64 = 6;
/// Rows that are held before blocks are put.
const ROWS_HELD_MAX: usize = 80_000;

/// Compacts with the first run of a UTC day, and sweeps once a week.
///
/// # Errors
/// The table's. A head that moved meanwhile is left to the next time.
pub async fn keep_house(run: &Run<'_>, layout: Layout, checkpoint: &Checkpoint) -> Result<(), SyncError> {
    if checkpoint.housekept_at.is_some_and(|at| run.as_of.utc_day() <= at.utc_day()) {
        return Ok(());
    }
    let is_sweep = checkpoint.sweeps(run.as_of);
    let before_ms = run.context.clock.now_ms() - DAY_MS;
    for number in 0..layout.shards {
        let outcome = async {
            compact(run, layout, number).await?;
            if is_sweep {
                run.store.shard_sweep(run.workspace, &run.connection.id, number, before_ms).await?;
            }
            Ok(())
        };
        match outcome.await {
            Ok(()) | Err(StoreError::Conflict { .. } | StoreError::Missing { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    if is_sweep {
        run.store.pages_sweep(run.workspace, &run.connection.id, before_ms).await?;
    }
    let as_of = run.as_of;
    let keep = |checkpoint: &mut Checkpoint| {
        checkpoint.housekept_at = Some(as_of);
        checkpoint.swept_at = if is_sweep { Some(as_of) } else { checkpoint.swept_at };
    };
    run.store.checkpoint_change(run.workspace, &run.connection.id, keep).await?;
    Ok(())
}

impl Checkpoint {
    /// Whether what nobody names is to be swept. Listing a partition costs as much as reading it, and what waits a week costs
    /// next to nothing; where somebody was erased it does not wait.
    fn sweeps(&self, as_of: Hour) -> bool {
        let is_asked = self.sweep_until.is_some_and(|until| as_of < until);
        self.swept_at.is_none_or(|at| is_asked || as_of.0 - at.0 >= SWEEP_HOURS)
    }
}

async fn compact(run: &Run<'_>, layout: Layout, number: u16) -> Result<(), StoreError> {
    let sink = run.sink(layout);
    let mut shard = run.store.shard_get(run.workspace, &run.connection.id, number).await?;
    let open_from = sink.open_from();
    let range = HourRange { from: open_from.plus(-24 * DAYS_BACK), to: Hour(run.as_of.utc_day() * 24) };
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
    let mut entries: Entries = shard
        .kinds(day)
        .into_iter()
        .flat_map(|kind| shard.entries(kind, day).map(move |(hour, entry)| ((kind, hour), entry.clone())))
        .collect();
    let valid = buckets_by_block(entries.iter().map(|(key, entry)| (*key, entry)));
    let rows: u64 = entries.values().map(|entry| entry.share.rows).sum();
    let few = if day.from < sink.open_from() { 1 } else { BLOCKS_OF_AN_OPEN_DAY };
    if valid.len() as u64 <= few + rows / ROWS_PER_BLOCK {
        return Ok(Entries::new());
    }
    entries.values_mut().for_each(|entry| entry.blocks.clear());
    let (mut rows, mut texts): (Vec<BlockRow>, _) = (Vec::new(), Texts::default());
    // Names sort by when they were put, so what is joined is mostly of neighbouring hours.
    let names: Vec<Arc<str>> = valid.keys().cloned().collect();
    for part in names.chunks(BLOCKS_AT_ONCE) {
        for (name, block) in part.iter().zip(Blocks::default().get(&run.store, shard, part).await?) {
            rows.extend(block.rows(|kind, hour| valid[name].contains(&(kind, hour))).map(|row| texts.row(&row)));
        }
        if rows.len() >= ROWS_HELD_MAX || part.last() == names.last() {
            let put = put_rows(&run.store, shard, std::mem::take(&mut rows), day.to, sink.now_ms).await?;
            name_blocks(&mut entries, &put);
        }
    }
    Ok(entries)
}
