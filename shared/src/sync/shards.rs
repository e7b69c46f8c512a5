//! Rows on their way into shards, and rows as shards hold them.

use super::world::shard_of;
use crate::id::{Kind, VisitorHash};
use crate::planted::planted;
use crate::store::{Shard, Store, StoreError};
use crate::time::{Hour, HourRange};
use crate::usage::block::Block;
use crate::usage::block_row::{BlockRow, Texts};
use crate::usage::entry::{Dropped, Entries, Entry};
use crate::usage::fingerprint::Fingerprint;
use crate::usage::row::{Row, UsageRow};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// A bucket as one fetch read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Taken before the fetch.
    pub reading: u64,
    /// Totals of what was decoded.
    pub whole: Fingerprint,
    /// Whether a probe agrees.
    pub is_verified: bool,
}

/// What a run has fetched and not yet stored.
#[derive(Default)]
pub struct Batch {
    /// The buckets, empty ones too.
    pub buckets: BTreeMap<(Kind, Hour), Fetched>,
    /// Their rows, by shard.
    pub rows: BTreeMap<u16, Vec<BlockRow>>,
    /// Visitors on the rows, with the shards they stand in.
    pub visitors: HashMap<String, BTreeSet<u16>>,
    /// Pendo accounts on the rows, with their shards.
    pub accounts: HashMap<Arc<str>, u16>,
    /// Texts of the rows, each kept once.
    texts: Texts,
}

impl Batch {
    /// Takes a row to its shard.
    pub fn push(&mut self, row: &Row<'_>, shards: u16) {
        let visitor = VisitorHash::of(&row.visitor);
        let known = row.account.as_deref().and_then(|account| self.accounts.get_key_value(account));
        let (account, shard) = match (known, row.account.as_deref()) {
            (Some((account, shard)), _) => (Some(Arc::clone(account)), *shard),
            (None, Some(account)) => {
                let (account, shard) = (Arc::from(account), shard_of(Some(account), visitor, shards));
                self.accounts.insert(Arc::clone(&account), shard);
                (Some(account), shard)
            }
            (None, None) => (None, shard_of(None, visitor, shards)),
        };
        match self.visitors.get_mut(row.visitor.as_ref()) {
            Some(known) => drop(known.insert(shard)),
            None => drop(self.visitors.insert(row.visitor.clone().into_owned(), BTreeSet::from([shard]))),
        }
        self.rows.entry(shard).or_default().push(BlockRow {
            kind: row.kind,
            hour: row.hour,
            account,
            visitor,
            app: row.app,
            object: self.texts.of(&row.object),
            event_type: self.texts.of(&row.event_type),
            events: row.events,
            minutes: row.minutes,
            first_ms: row.first_ms,
            last_ms: row.last_ms,
        });
    }

    /// Takes another batch in.
    pub fn append(&mut self, other: Self) {
        self.buckets.extend(other.buckets);
        for (shard, mut rows) in other.rows {
            self.rows.entry(shard).or_default().append(&mut rows);
        }
        for (visitor, shards) in other.visitors {
            self.visitors.entry(visitor).or_default().extend(shards);
        }
        self.accounts.extend(other.accounts);
    }

    /// What a shard takes of it: of each bucket whose reading is higher than what the shard has, the entry and the rows
    /// but for those of `erased` visitors, which only count. A shard that has an entry takes the new reading even when its rows did not change; one with neither entry nor
    /// rows takes nothing.
    #[must_use]
    pub fn for_shard(&self, shard: &Shard, erased: &BTreeSet<VisitorHash>) -> Rows {
        let mut taken = Rows::default();
        let rows = self.rows.get(&shard.number);
        let mut shares: HashMap<(Kind, Hour), (Fingerprint, Dropped)> = HashMap::new();
        for row in rows.into_iter().flatten().map(BlockRow::as_row) {
            let (share, dropped) = shares.entry((row.kind, row.hour)).or_default();
            share.merge(&row.totals());
            if erased.contains(&row.visitor) {
                dropped.add(&row);
            }
        }
        for (key, bucket) in &self.buckets {
            let stands = shard.entry(key.0, key.1);
            let share = shares.get(key).copied();
            let is_newer = stands.is_none_or(|entry| entry.reading < bucket.reading || planted!(OlderReadingWins));
            if is_newer && (stands.is_some() || share.is_some()) {
                let (share, erased) = share.unwrap_or_default();
                let entry = Entry {
                    reading: bucket.reading,
                    whole: bucket.whole,
                    share,
                    erased,
                    is_verified: bucket.is_verified,
                    read_at: Hour(0),
                    blocks: stands
                        .filter(|_| planted!(CounterThatAdds))
                        .map_or_else(Vec::new, |old| old.blocks.clone()),
                };
                taken.entries.insert(*key, entry);
            }
        }
        taken.rows = rows
            .into_iter()
            .flatten()
            .filter(|row| taken.entries.contains_key(&(row.kind, row.hour)) && !erased.contains(&row.visitor))
            .cloned()
            .collect();
        taken
    }
}

/// New rows of one shard, with the entries that will name them once their blocks are put.
#[derive(Default)]
pub struct Rows {
    /// The entries, still without blocks.
    pub entries: Entries,
    /// Their rows.
    pub rows: Vec<BlockRow>,
}

/// Decoded blocks of a run, so that several homes read each only once. Bounded: when full it starts anew.
#[derive(Default)]
pub struct Blocks {
    decoded: HashMap<Arc<str>, Arc<Block>>,
    rows: usize,
}

/// Decoded rows kept at most: about 50 bytes each.
const CACHED_ROWS_MAX: usize = 600_000;

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
        // Which buckets of which blocks count: a block may still hold an hour that another one has replaced.
        let mut valid: BTreeMap<Arc<str>, BTreeSet<(Kind, Hour)>> = BTreeMap::new();
        for (kind, range) in ranges {
            for (hour, entry) in shard.entries(*kind, *range) {
                if !self.entries.contains_key(&(*kind, hour)) {
                    for name in &entry.blocks {
                        valid.entry(Arc::clone(name)).or_default().insert((*kind, hour));
                    }
                }
            }
        }
        let names: Vec<Arc<str>> = valid.keys().cloned().collect();
        // A few at a time, so that memory does not follow the length of history.
        for part in names.chunks(16) {
            for (name, block) in part.iter().zip(blocks.get(store, shard, part).await?) {
                let buckets = &valid[name];
                block.rows(|kind, hour| buckets.contains(&(kind, hour))).for_each(|row| see(&row));
            }
        }
        Ok(())
    }
}
