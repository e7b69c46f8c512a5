//! Rows as shards hold them, with those that a run is about to store.

use crate::id::Kind;
use crate::store::{Shard, Store, StoreError};
use crate::time::{Hour, HourRange};
use crate::usage::block::Block;
use crate::usage::block_row::BlockRow;
use crate::usage::entry::{Entries, Entry};
use crate::usage::row::UsageRow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// New rows of one shard, with the entries that will name them.
#[derive(Default)]
pub struct Rows {
    /// The entries. They name the blocks that were put while rows arrived; those of `rows` follow.
    pub entries: Entries,
    /// The rows that are in no block yet.
    pub rows: Vec<BlockRow>,
}

/// Which buckets of which blocks count: a block may still hold an hour that another one has replaced.
pub(super) fn buckets_by_block<'a>(
    entries: impl Iterator<Item = ((Kind, Hour), &'a Entry)>,
) -> BTreeMap<Arc<str>, BTreeSet<(Kind, Hour)>> {
    let mut valid: BTreeMap<Arc<str>, BTreeSet<(Kind, Hour)>> = BTreeMap::new();
    for (key, entry) in entries {
        for name in &entry.blocks {
            valid.entry(Arc::clone(name)).or_default().insert(key);
        }
    }
    valid
}

/// How many rows of the ranges some shards have.
///
/// # Errors
/// The table's; [`StoreError::Missing`] when a head has moved on meanwhile.
pub async fn rows_in(
    store: &Store,
    shards: &mut [Shard],
    ranges: &BTreeMap<Kind, HourRange>,
) -> Result<u64, StoreError> {
    let mut rows = 0_u64;
    for shard in shards {
        for (kind, range) in ranges {
            store.shard_load(shard, *range).await?;
            rows = shard.entries(*kind, *range).fold(rows, |rows, (_, entry)| rows.saturating_add(entry.share.rows));
        }
    }
    Ok(rows)
}

/// Decoded blocks of a run, so that several homes read each only once. Bounded: when full it starts anew.
#[derive(Default)]
pub struct Blocks {
    decoded: HashMap<Arc<str>, Arc<Block>>,
    rows: usize,
}

/// Decoded rows kept at most, of about 60 bytes each.
const CACHED_ROWS_MAX: usize = 150_000;
/// Blocks that are read at once. They may hold tens of thousands of rows each.
pub(super) const BLOCKS_AT_ONCE: usize = 4;

impl Blocks {
    /// Reads blocks of a shard, from memory where they are.
    ///
    /// # Errors
    /// The table's, and [`StoreError::Unreadable`].
    pub async fn get(
        &mut self,
        store: &Store,
        shard: &Shard,
        names: &[Arc<str>],
    ) -> Result<Vec<Arc<Block>>, StoreError> {
        if self.rows > CACHED_ROWS_MAX {
            (self.decoded, self.rows) = (HashMap::new(), 0);
        }
        let missing: Vec<Arc<str>> = names.iter().filter(|name| !self.decoded.contains_key(*name)).cloned().collect();
        for (name, body) in missing.iter().zip(store.blocks_get(shard, &missing).await?) {
            let block = Block::decode(&body)
                .map_err(|error| StoreError::Unreadable { key: name.to_string(), detail: error.to_string() })?;
            self.rows += block.len();
            self.decoded.insert(Arc::clone(name), Arc::new(block));
        }
        let found = names.iter().map(|name| self.decoded.get(name).cloned());
        found.collect::<Option<Vec<_>>>().ok_or(StoreError::Missing { key: "block".to_owned() })
    }
}

impl Rows {
    /// Shows each row of a shard within the ranges: of the new entries the new rows, of the others what the head names.
    ///
    /// # Errors
    /// The table's; [`StoreError::Missing`] when the head has moved on meanwhile.
    pub async fn visit(
        &self,
        store: &Store,
        shard: &mut Shard,
        ranges: &BTreeMap<Kind, HourRange>,
        blocks: &mut Blocks,
        see: &mut impl FnMut(&UsageRow<'_>),
    ) -> Result<(), StoreError> {
        for row in &self.rows {
            if ranges.get(&row.kind).is_some_and(|range| range.holds(row.hour)) {
                see(&row.as_row());
            }
        }
        for range in ranges.values() {
            store.shard_load(shard, *range).await?;
        }
        let mut counting: Vec<((Kind, Hour), &Entry)> = Vec::new();
        for (kind, range) in ranges {
            let stands = shard.entries(*kind, *range).map(|(hour, entry)| ((*kind, hour), entry));
            counting.extend(stands.filter(|(key, _)| !self.entries.contains_key(key)));
            let bounds = (*kind, range.from)..(*kind, range.to.max(range.from));
            counting.extend(self.entries.range(bounds).map(|(key, entry)| (*key, entry)));
        }
        let valid = buckets_by_block(counting.into_iter());
        let names: Vec<Arc<str>> = valid.keys().cloned().collect();
        // A few at a time, so that memory does not follow the length of history.
        for part in names.chunks(BLOCKS_AT_ONCE) {
            for (name, block) in part.iter().zip(blocks.get(store, shard, part).await?) {
                let buckets = &valid[name];
                block.rows(|kind, hour| buckets.contains(&(kind, hour))).for_each(|row| see(&row));
            }
        }
        Ok(())
    }
}
