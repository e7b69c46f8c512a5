//! Shards: one head each, moved by compare-and-swap; everything else of a shard is immutable under a fresh key.
//!
//! A shard *is* what its head names. Entries of the open days stand in the head itself, those of closed days in immutable
//! indexes of thirty days each, a span, that the head names.
#![expect(clippy::disallowed_types, reason = "the room that knows item shapes")]

use super::index::{IndexRef, overflow};
use super::item::{Item, n, number};
use super::meter::Holds;
use super::{Partition, Store, StoreError};
use crate::id::{ConnectionId, Kind, WorkspaceId, random_hex};
use crate::planted::planted;
use crate::time::{Hour, HourRange};
use crate::usage::entry::{self, Entries, Entry};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

const FORMAT: u64 = 1;
const HEAD: &str = "head";
/// Days of an index.
const INDEX_DAYS: i32 = 30;

/// A page of values that a head names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageRef {
    /// Its sort key.
    pub sort: String,
    /// A hash of what it holds, so that an equal page is not written again.
    pub content: u64,
}

/// The folds of a home by a hash of all that each was made from, with the sort keys of its parts. One that was made from
/// something else than what stands is not found; so nothing of a fold is believed for being young.
pub type Folds = BTreeMap<u64, Vec<String>>;

/// What a shard's pages were evaluated from. A shard is due when this differs from what stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Seen {
    /// A hash of the definitions that are evaluated.
    pub definitions: u64,
    /// Version of the directory.
    pub directory: u64,
    /// Version of the matching.
    pub matching: u64,
    /// A hash of the links of the objects at home here, and of who is excluded of those with rows in the sources: what directory,
    /// matching, exclusions and Pendo's people come to.
    pub links: u64,
    /// The zone in which windows were cut.
    pub zone: String,
    /// The local day of each kind's `as_of`.
    pub days: BTreeMap<Kind, i32>,
    /// Up to when each kind was read. A worker that slept evaluates up to here, and never up to an earlier hour.
    pub as_of: BTreeMap<Kind, Hour>,
    /// The rows versions of the shards that were read.
    pub sources: BTreeMap<u16, u64>,
}

/// What stands in a head beside its entries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Body {
    token: String,
    swept: u64,
    rows_version: u64,
    pub(super) indexes: BTreeMap<i32, IndexRef>,
    pages: Vec<Option<PageRef>>,
    folds: Folds,
    seen: Seen,
}

/// A shard as its head names it.
#[derive(Clone, Debug)]
pub struct Shard {
    pub(super) partition: Partition,
    /// Its number within the connection.
    pub number: u16,
    version: u64,
    pub(super) body: Body,
    open: Entries,
    /// Indexes of closed days that were read so far.
    pub(super) closed: BTreeMap<i32, Entries>,
}

/// What a move changes.
#[derive(Default)]
pub struct Change {
    /// Buckets with new rows: their entries, whose blocks have been put.
    pub entries: Entries,
    /// Buckets whose rows moved to other blocks (compaction): no new rows, so nobody becomes due.
    pub repacked: Entries,
    /// New pages and what they were evaluated from.
    pub pages: Option<(Vec<Option<PageRef>>, Seen)>,
    /// The folds that are named from now on, if others than before.
    pub folds: Option<Folds>,
}

impl Shard {
    /// Counts the moves that took new rows.
    #[must_use]
    pub fn rows_version(&self) -> u64 {
        self.body.rows_version
    }

    /// Counts the sweeps: what was put before the last one and never named may be gone.
    #[must_use]
    pub fn swept(&self) -> u64 {
        self.body.swept
    }

    /// What the pages were evaluated from.
    #[must_use]
    pub fn seen(&self) -> &Seen {
        &self.body.seen
    }

    /// The pages of values, by the low bits of the object's hash.
    #[must_use]
    pub fn pages(&self) -> &[Option<PageRef>] {
        &self.body.pages
    }

    /// The folds of the objects at home here.
    #[must_use]
    pub fn folds(&self) -> &Folds {
        &self.body.folds
    }

    /// The spans that have entries of hours before `to`.
    pub fn spans(&self, to: Hour) -> impl Iterator<Item = i32> {
        let open = self.open.keys().filter(move |(_, hour)| *hour < to).map(|(_, hour)| span_of(*hour));
        self.body.indexes.keys().copied().chain(open)
    }

    /// Stands for all rows of a span before `to`, as they are once the entries in `new` are taken: another number as soon
    /// as one bucket was read anew, the same when rows only moved to other blocks or entries to an index. Needs no index
    /// but those of the buckets in `new`.
    #[must_use]
    pub fn mark(&self, span: i32, to: Hour, new: &Entries) -> u64 {
        let is_in = |hour: Hour| hour < to && span_of(hour) == span;
        let closed = self.body.indexes.get(&span).map_or(0, |index| index.mark);
        let open = self.open.iter().filter(|((_, hour), _)| is_in(*hour)).map(|(key, entry)| entry.mark(*key));
        let stands = open.fold(closed, u64::wrapping_add);
        new.iter().filter(|((_, hour), _)| is_in(*hour)).fold(stands, |sum, (key, entry)| {
            let replaced = self.entry(key.0, key.1).map_or(0, |entry| entry.mark(*key));
            sum.wrapping_sub(replaced).wrapping_add(entry.mark(*key))
        })
    }

    /// Stands for all rows from the span of `from` on and before `to`, as [`Shard::mark`] does for a span. Needs the index of
    /// the span in which `to` lies, if that has entries of hours from `to` on.
    #[must_use]
    pub fn mark_of(&self, from: Hour, to: Hour) -> u64 {
        let (first, last) = (span_of(from), span_of(to));
        let is_in = |hour: Hour| hour < to && first <= span_of(hour);
        let entries = self.open.iter().chain(self.closed.get(&last).into_iter().flatten());
        let marks = entries.filter(|((_, hour), _)| is_in(*hour)).map(|(key, entry)| entry.mark(*key));
        let has_entries = |span: i32| span == last && self.closed.contains_key(&span);
        let whole = self.body.indexes.range(first..=last.max(first)).filter(|(span, _)| !has_entries(**span));
        marks.chain(whole.map(|(_, index)| index.mark)).fold(0, u64::wrapping_add)
    }

    /// The entry of a bucket. Its index must have been loaded.
    #[must_use]
    pub fn entry(&self, kind: Kind, hour: Hour) -> Option<&Entry> {
        let key = (kind, hour);
        self.open.get(&key).or_else(|| self.closed.get(&span_of(hour))?.get(&key))
    }

    /// The entries of a kind within a range whose indexes have been loaded.
    pub fn entries(&self, kind: Kind, range: HourRange) -> impl Iterator<Item = (Hour, &Entry)> {
        let bounds = (kind, range.from)..(kind, range.to.max(range.from));
        let closed = self.closed.range(span_of(range.from)..=span_of(range.to)).flat_map({
            let bounds = bounds.clone();
            move |(_, entries)| entries.range(bounds.clone())
        });
        closed.chain(self.open.range(bounds)).map(|((_, hour), entry)| (*hour, entry))
    }

    /// The kinds that have entries in a range, whose indexes must have been loaded.
    #[must_use]
    pub fn kinds(&self, range: HourRange) -> BTreeSet<Kind> {
        let closed = self.closed.range(span_of(range.from)..=span_of(range.to)).flat_map(|(_, entries)| entries.keys());
        closed.chain(self.open.keys()).filter(|(_, hour)| range.holds(*hour)).map(|(kind, _)| *kind).collect()
    }

    /// The sort keys of all that the head names. All indexes must have been loaded.
    pub(super) fn named(&self) -> impl Iterator<Item = String> {
        let indexes = self.body.indexes.values().flat_map(|index| index.sorts.iter().cloned());
        let pages = self.body.pages.iter().flatten().map(|page| page.sort.clone());
        let folds = self.body.folds.values().flatten().cloned();
        let blocks = self.all_entries().flat_map(|(_, entry)| entry.blocks.iter().map(|name| name.to_string()));
        indexes.chain(pages).chain(folds).chain(blocks)
    }

    /// All entries whose indexes have been loaded.
    pub fn all_entries(&self) -> impl Iterator<Item = (&(Kind, Hour), &Entry)> {
        self.closed.values().flatten().chain(&self.open)
    }
}

/// The span that an hour lies in: the days of one index.
#[must_use]
pub fn span_of(hour: Hour) -> i32 {
    hour.utc_day().div_euclid(INDEX_DAYS)
}

/// The hours of a span.
#[must_use]
pub fn span_hours(span: i32) -> HourRange {
    HourRange { from: Hour(span * INDEX_DAYS * 24), to: Hour((span + 1) * INDEX_DAYS * 24) }
}

impl Store {
    /// Reads a shard's head, strongly consistent. A shard without one is empty.
    ///
    /// # Errors
    /// The table's; [`StoreError::Unreadable`] for a format that this version does not know.
    pub async fn shard_get(
        &self,
        workspace: &WorkspaceId,
        connection: &ConnectionId,
        number_of: u16,
    ) -> Result<Shard, StoreError> {
        let partition = Partition::shard(workspace, connection, number_of);
        let mut shard = Shard {
            number: number_of,
            version: 0,
            body: Body::default(),
            open: Entries::new(),
            closed: BTreeMap::new(),
            partition,
        };
        let Some(item) = self.item_get(&shard.partition, HEAD).await? else { return Ok(shard) };
        let unreadable = |detail: String| StoreError::Unreadable { key: HEAD.to_owned(), detail };
        match number(&item, "format") {
            Some(FORMAT) => {}
            other => return Err(unreadable(format!("format {other:?} is unknown, this version reads {FORMAT}"))),
        }
        shard.version = number(&item, "version").ok_or_else(|| unreadable("it has no version".to_owned()))?;
        let bytes = |name: &str| item.get(name).and_then(|v| v.as_b().ok()).map(|blob| blob.as_ref());
        let body = bytes("body").ok_or_else(|| unreadable("it has no body".to_owned()))?;
        let json = zstd::stream::decode_all(body).map_err(|e| unreadable(e.to_string()))?;
        shard.body = serde_json::from_slice(&json).map_err(|e| unreadable(e.to_string()))?;
        let entries = bytes("entries").ok_or_else(|| unreadable("it has no entries".to_owned()))?;
        shard.open = entry::unpack(entries).map_err(|e| unreadable(e.to_string()))?;
        Ok(shard)
    }

    /// Moves a head: one compare-and-swap that makes everything of a change visible at once. Entries of days before
    /// `open_from` go to the indexes. Only entries with a higher reading than what stands are taken.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the head moved meanwhile: read it again and redo.
    pub async fn shard_move(
        &self,
        shard: &Shard,
        change: Change,
        open_from: Hour,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let mut next = shard.clone();
        let takes_rows = !change.entries.is_empty();
        let mut touched: BTreeSet<i32> = BTreeSet::new();
        for (key, entry) in change.entries.into_iter().chain(change.repacked) {
            let is_closed = next.body.indexes.get(&span_of(key.1)).is_some_and(|index| key.1 <= index.last);
            if key.1 < open_from || is_closed {
                self.indexes_load(&mut next, &[span_of(key.1)]).await?;
            }
            next.open.remove(&key);
            if key.1 < open_from {
                next.closed.entry(span_of(key.1)).or_default().insert(key, entry);
                touched.insert(span_of(key.1));
            } else {
                if next.closed.get_mut(&span_of(key.1)).is_some_and(|closed| closed.remove(&key).is_some()) {
                    touched.insert(span_of(key.1));
                }
                next.open.insert(key, entry);
            }
        }
        for key in next.open.keys().filter(|(_, hour)| *hour < open_from).copied().collect::<Vec<_>>() {
            let index = span_of(key.1);
            self.indexes_load(&mut next, &[index]).await?;
            if let Some(entry) = next.open.remove(&key) {
                next.closed.entry(index).or_default().insert(key, entry);
                touched.insert(index);
            }
        }
        for (key, entry) in overflow(&mut next.open) {
            self.indexes_load(&mut next, &[span_of(key.1)]).await?;
            next.closed.entry(span_of(key.1)).or_default().insert(key, entry);
            touched.insert(span_of(key.1));
        }
        for span in touched {
            self.index_put(&mut next, span, now_ms).await?;
        }
        if takes_rows {
            next.body.rows_version += 1;
        }
        let takes_values = change.pages.is_some();
        if let Some((pages, mut seen)) = change.pages {
            // Our own rows were read as they stand after this move.
            if let Some(own) = seen.sources.get_mut(&next.number) {
                *own = next.body.rows_version;
            }
            (next.body.pages, next.body.seen) = (pages, seen);
        }
        if let Some(folds) = change.folds {
            next.body.folds = folds;
        }
        let holds = match (takes_rows, takes_values) {
            (true, _) => Holds::Usage,
            (false, true) => Holds::Values,
            (false, false) => Holds::Bookkeeping,
        };
        let (shard, head) = (next.number, next.version + 1);
        self.head_put(next, holds).await?;
        tracing::debug!(shard, head, takes_rows, takes_values, "a head moved");
        Ok(())
    }

    /// Raises the counter of sweeps, so that a worker that still holds unnamed items of the shard finds out.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the head moved meanwhile.
    pub(super) async fn shard_mark_swept(&self, mut shard: Shard) -> Result<(), StoreError> {
        shard.body.swept += 1;
        self.head_put(shard, Holds::Bookkeeping).await
    }

    async fn head_put(&self, mut next: Shard, holds: Holds) -> Result<(), StoreError> {
        let unwritable = |detail: String| StoreError::Unreadable { key: HEAD.to_owned(), detail };
        let expected = next.version;
        next.body.token = random_hex();
        let json = serde_json::to_vec(&next.body).map_err(|e| unwritable(e.to_string()))?;
        let body = zstd::bulk::compress(&json, 6).map_err(|e| unwritable(e.to_string()))?;
        let entries = entry::pack(&next.open);
        if body.len() + entries.len() > super::item::BODY_BYTES_MAX {
            return Err(StoreError::TooLarge { key: HEAD.to_owned(), bytes: body.len() + entries.len() });
        }
        let item = Item::from([
            ("format".to_owned(), n(FORMAT)),
            ("version".to_owned(), n(expected + 1)),
            ("token".to_owned(), AttributeValue::S(next.body.token.clone())),
            ("body".to_owned(), AttributeValue::B(Blob::new(body))),
            ("entries".to_owned(), AttributeValue::B(Blob::new(entries))),
        ]);
        let put = self.item_put(&next.partition, HEAD, item);
        let put = if expected == 0 {
            put.condition_expression("attribute_not_exists(pk)")
        } else {
            put.condition_expression("version = :expected").expression_attribute_values(":expected", n(expected))
        };
        match self.item_send(put, HEAD, holds).await {
            // A resend after a lost answer looks refused though it won: a head that bears my token is my success.
            Err(StoreError::Conflict { key }) => {
                let stands = self.item_get(&next.partition, HEAD).await?;
                let token = stands.as_ref().and_then(|item| item.get("token")).and_then(|v| v.as_s().ok());
                let is_mine = token == Some(&next.body.token) && !planted!(NoToken);
                if is_mine { Ok(()) } else { Err(StoreError::Conflict { key }) }
            }
            other => other,
        }
    }
}
