//! Indexes: the entries of a shard's closed days, a span of thirty days each, in as many immutable items as their size asks
//! for. What a head itself can't hold of the open days stands there too.

use super::head::{Shard, span_hours, span_of};
use super::meter::Holds;
use super::{Store, StoreError};
use crate::id::random_hex;
use crate::time::{Hour, HourRange};
use crate::usage::entry::{self, Entries};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Bytes of one item of an index, at most: well under what an item may hold.
const PART_BYTES_MAX: usize = 300_000;
/// Bytes of entries in a head, at most: each move writes them again.
const OPEN_BYTES_MAX: usize = 100_000;

/// An index that a head names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct IndexRef {
    /// The sort keys of its parts.
    pub(super) sorts: Vec<String>,
    /// The sum of its entries' marks.
    pub(super) mark: u64,
    /// The newest hour it has an entry of.
    pub(super) last: Hour,
}

/// Packs entries in parts that are small enough.
fn parts(mut entries: Entries) -> Vec<Vec<u8>> {
    let body = entry::pack(&entries);
    let middle = entries.keys().nth(entries.len() / 2).copied();
    match middle {
        Some(middle) if body.len() > PART_BYTES_MAX && entries.len() > 1 => {
            let right = entries.split_off(&middle);
            let mut parts = parts(entries);
            parts.extend(self::parts(right));
            parts
        }
        _ => vec![body],
    }
}

/// Takes the oldest hours out of entries until those that stay fit a head.
pub(super) fn overflow(open: &mut Entries) -> Entries {
    let mut gone = Entries::new();
    while entry::pack(open).len() > OPEN_BYTES_MAX {
        let hours: BTreeSet<Hour> = open.keys().map(|(_, hour)| *hour).collect();
        let Some(middle) = hours.iter().nth(hours.len() / 2).copied() else { break };
        gone.extend(open.extract_if(.., |(_, hour), _| *hour <= middle));
    }
    gone
}

impl Store {
    /// Loads the indexes that have entries of a range's hours.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when the head has moved on meanwhile: read it again.
    pub async fn shard_load(&self, shard: &mut Shard, range: HourRange) -> Result<(), StoreError> {
        let spans = span_of(range.from)..=span_of(range.to).max(span_of(range.from));
        let has_any = |span: i32, index: &IndexRef| span_hours(span).from < range.to && range.from <= index.last;
        let indexes = shard.body.indexes.range(spans).filter(|(span, index)| has_any(**span, index));
        let spans: Vec<i32> = indexes.map(|(span, _)| *span).collect();
        self.indexes_load(shard, &spans).await
    }

    /// Loads every index.
    ///
    /// # Errors
    /// As [`Store::shard_load`].
    pub async fn shard_load_all(&self, shard: &mut Shard) -> Result<(), StoreError> {
        let spans: Vec<i32> = shard.body.indexes.keys().copied().collect();
        self.indexes_load(shard, &spans).await
    }

    pub(super) async fn indexes_load(&self, shard: &mut Shard, spans: &[i32]) -> Result<(), StoreError> {
        let missing = spans.iter().filter(|span| !shard.closed.contains_key(*span));
        let named: Vec<(i32, String)> = missing
            .filter_map(|span| Some((*span, &shard.body.indexes.get(span)?.sorts)))
            .flat_map(|(span, sorts)| sorts.iter().map(move |sort| (span, sort.clone())))
            .collect();
        let sorts: Vec<String> = named.iter().map(|(_, sort)| sort.clone()).collect();
        let mut loaded = std::collections::BTreeMap::<i32, Entries>::new();
        for ((span, sort), body) in named.into_iter().zip(self.blobs_get(&shard.partition, &sorts).await?) {
            let mut entries =
                entry::unpack(&body).map_err(|e| StoreError::Unreadable { key: sort, detail: e.to_string() })?;
            loaded.entry(span).or_default().append(&mut entries);
        }
        shard.closed.extend(loaded);
        Ok(())
    }

    /// Puts the index of a span anew, as the shard has its entries in memory.
    pub(super) async fn index_put(&self, shard: &mut Shard, span: i32, now_ms: i64) -> Result<(), StoreError> {
        let entries = shard.closed.entry(span).or_default();
        let mark = entries.iter().fold(0, |sum: u64, (key, entry)| sum.wrapping_add(entry.mark(*key)));
        let last = entries.keys().map(|(_, hour)| *hour).max().unwrap_or(span_hours(span).from);
        let mut sorts = Vec::new();
        for body in parts(entries.clone()) {
            let sort = format!("index#{now_ms:013}-{}", random_hex());
            self.blob_put(&shard.partition, &sort, body, Holds::Usage).await?;
            sorts.push(sort);
        }
        shard.body.indexes.insert(span, IndexRef { sorts, mark, last });
        Ok(())
    }
}
