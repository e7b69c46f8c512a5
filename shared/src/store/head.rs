//! Shards: one head each, moved by compare-and-swap; everything else of a shard is immutable under a fresh key.
//!
//! A shard *is* what its head names. Entries of the open days stand in the head itself, those of closed days in immutable
//! indexes of thirty days each that the head names.
#![expect(clippy::disallowed_types, reason = "the room that knows item shapes")]

use super::item::{Item, n, number};
use super::meter::Holds;
use super::{Partition, Store, StoreError};
use crate::id::{ConnectionId, Kind, WorkspaceId, random_hex};
use crate::time::{Hour, HourRange};
use crate::usage::entry::{self, Entries, Entry};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

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

/// What a shard's pages were evaluated from. A shard is due when this differs from what stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Seen {
    /// Version of the definitions.
    pub definitions: u64,
    /// Version of the directory.
    pub directory: u64,
    /// Version of the matching.
    pub matching: u64,
    /// A hash of the links of the objects at home here: what directory, matching and Pendo's people come to.
    pub links: u64,
    /// The zone in which windows were cut.
    pub zone: String,
    /// The local day of each kind's `as_of`.
    pub days: BTreeMap<Kind, i32>,
    /// The rows versions of the shards that were read.
    pub sources: BTreeMap<u16, u64>,
}

/// What stands in a head beside its entries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Body {
    token: String,
    swept: u64,
    rows_version: u64,
    indexes: BTreeMap<i32, String>,
    pages: Vec<Option<PageRef>>,
    seen: Seen,
}

/// A shard as its head names it.
#[derive(Clone, Debug)]
pub struct Shard {
    partition: Partition,
    /// Its number within the connection.
    pub number: u16,
    version: u64,
    body: Body,
    open: Entries,
    /// Indexes of closed days that were read so far.
    closed: BTreeMap<i32, Entries>,
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
}

impl Shard {
    /// Counts the moves that took new rows.
    #[must_use]
    pub fn rows_version(&self) -> u64 {
        self.body.rows_version
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

    /// The entry of a bucket. Its index must have been loaded.
    #[must_use]
    pub fn entry(&self, kind: Kind, hour: Hour) -> Option<&Entry> {
        let key = (kind, hour);
        self.open.get(&key).or_else(|| self.closed.get(&index_of(hour))?.get(&key))
    }

    /// The entries of a kind within a range whose indexes have been loaded.
    pub fn entries(&self, kind: Kind, range: HourRange) -> impl Iterator<Item = (Hour, &Entry)> {
        let bounds = (kind, range.from)..(kind, range.to.max(range.from));
        let closed = self.closed.range(index_of(range.from)..=index_of(range.to)).flat_map({
            let bounds = bounds.clone();
            move |(_, entries)| entries.range(bounds.clone())
        });
        closed.chain(self.open.range(bounds)).map(|((_, hour), entry)| (*hour, entry))
    }

    /// All entries whose indexes have been loaded.
    pub fn all_entries(&self) -> impl Iterator<Item = (&(Kind, Hour), &Entry)> {
        self.closed.values().flatten().chain(&self.open)
    }
}

fn index_of(hour: Hour) -> i32 {
    hour.utc_day().div_euclid(INDEX_DAYS)
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

    /// Loads the indexes of closed days that a range touches.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when the head has moved on meanwhile: read it again.
    pub async fn shard_load(&self, shard: &mut Shard, range: HourRange) -> Result<(), StoreError> {
        let wanted: Vec<(i32, String)> = shard
            .body
            .indexes
            .range(index_of(range.from)..=index_of(range.to).max(index_of(range.from)))
            .filter(|(index, _)| !shard.closed.contains_key(index))
            .map(|(index, sort)| (*index, sort.clone()))
            .collect();
        let sorts: Vec<String> = wanted.iter().map(|(_, sort)| sort.clone()).collect();
        for ((index, sort), body) in wanted.into_iter().zip(self.blobs_get(&shard.partition, &sorts).await?) {
            let entries =
                entry::unpack(&body).map_err(|e| StoreError::Unreadable { key: sort, detail: e.to_string() })?;
            shard.closed.insert(index, entries);
        }
        Ok(())
    }

    /// Loads every index.
    ///
    /// # Errors
    /// As [`Store::shard_load`].
    pub async fn shard_load_all(&self, shard: &mut Shard) -> Result<(), StoreError> {
        let Some((first, _)) = shard.body.indexes.first_key_value() else { return Ok(()) };
        let Some((last, _)) = shard.body.indexes.last_key_value() else { return Ok(()) };
        let day = |index: i32| Hour(index * INDEX_DAYS * 24);
        let range = HourRange { from: day(*first), to: day(*last + 1).plus(-1) };
        self.shard_load(shard, range).await
    }

    /// Puts a block under a fresh key; its name goes into entries.
    ///
    /// # Errors
    /// The table's.
    pub async fn block_put(&self, shard: &Shard, body: Vec<u8>, now_ms: i64) -> Result<Arc<str>, StoreError> {
        let sort = format!("block#{now_ms:013}-{}", random_hex());
        self.blob_put(&shard.partition, &sort, body, Holds::Usage).await?;
        Ok(sort.into())
    }

    /// Reads blocks by name, in order.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when the head has moved on meanwhile.
    pub async fn blocks_get(&self, shard: &Shard, names: &[Arc<str>]) -> Result<Vec<Vec<u8>>, StoreError> {
        let sorts: Vec<String> = names.iter().map(|name| name.to_string()).collect();
        self.blobs_get(&shard.partition, &sorts).await
    }

    /// Puts a page of values under a fresh key.
    ///
    /// # Errors
    /// The table's.
    pub async fn page_put(&self, shard: &Shard, body: Vec<u8>, now_ms: i64) -> Result<String, StoreError> {
        let sort = format!("page#{now_ms:013}-{}", random_hex());
        self.blob_put(&shard.partition, &sort, body, Holds::Values).await?;
        Ok(sort)
    }

    /// Reads pages, in order.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when the head has moved on meanwhile.
    pub async fn pages_get(&self, shard: &Shard, sorts: &[String]) -> Result<Vec<Vec<u8>>, StoreError> {
        self.blobs_get(&shard.partition, sorts).await
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
            if next.body.indexes.contains_key(&index_of(key.1)) && !next.closed.contains_key(&index_of(key.1)) {
                self.shard_load(&mut next, HourRange { from: key.1, to: key.1 }).await?;
            }
            next.open.remove(&key);
            if key.1 < open_from {
                next.closed.entry(index_of(key.1)).or_default().insert(key, entry);
                touched.insert(index_of(key.1));
            } else {
                if next.closed.get_mut(&index_of(key.1)).is_some_and(|closed| closed.remove(&key).is_some()) {
                    touched.insert(index_of(key.1));
                }
                next.open.insert(key, entry);
            }
        }
        for key in next.open.keys().filter(|(_, hour)| *hour < open_from).copied().collect::<Vec<_>>() {
            let index = index_of(key.1);
            self.shard_load(&mut next, HourRange { from: key.1, to: key.1 }).await?;
            if let Some(entry) = next.open.remove(&key) {
                next.closed.entry(index).or_default().insert(key, entry);
                touched.insert(index);
            }
        }
        for index in touched {
            let sort = format!("index#{now_ms:013}-{}", random_hex());
            let body = entry::pack(next.closed.get(&index).unwrap_or(&Entries::new()));
            self.blob_put(&next.partition, &sort, body, Holds::Usage).await?;
            next.body.indexes.insert(index, sort);
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
        let holds = match (takes_rows, takes_values) {
            (true, _) => Holds::Usage,
            (false, true) => Holds::Values,
            (false, false) => Holds::Bookkeeping,
        };
        self.head_put(next, holds).await
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
                if token == Some(&next.body.token) { Ok(()) } else { Err(StoreError::Conflict { key }) }
            }
            other => other,
        }
    }

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
        let is_old = |sort: &str| {
            let at =
                sort.split_once('#').and_then(|(_, rest)| rest.get(..13)).and_then(|digits| digits.parse::<i64>().ok());
            at.is_some_and(|at| at < before_ms)
        };
        let mut old: Vec<String> =
            self.sorts_list(&partition, "").await?.into_iter().filter(|sort| is_old(sort)).collect();
        let mut shard = self.shard_get(workspace, connection, number_of).await?;
        self.shard_load_all(&mut shard).await?;
        let mut named: BTreeSet<String> = shard.body.indexes.values().cloned().collect();
        named.extend(shard.body.pages.iter().flatten().map(|page| page.sort.clone()));
        named.extend(shard.all_entries().flat_map(|(_, entry)| entry.blocks.iter().map(|name| name.to_string())));
        old.retain(|sort| !named.contains(sort));
        if old.is_empty() {
            return Ok(0);
        }
        shard.body.swept += 1;
        self.head_put(shard, Holds::Bookkeeping).await?;
        for sort in &old {
            self.item_delete(&partition, sort).await?;
        }
        Ok(old.len() as u64)
    }

    /// Deletes every item of a shard: a purge.
    ///
    /// # Errors
    /// The table's.
    pub async fn partition_clear(&self, partition: &Partition) -> Result<u64, StoreError> {
        let sorts = self.sorts_list(partition, "").await?;
        for sort in &sorts {
            self.item_delete(partition, sort).await?;
        }
        Ok(sorts.len() as u64)
    }
}
