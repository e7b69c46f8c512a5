//! Rows on their way into shards. Few are held at once: when they are many, blocks are put while more arrive, which nobody
//! names before their hours are proven (an unnamed block counts for nothing, and is swept after a day).

use super::shards::Rows;
use super::world::shard_of;
use crate::connection::Connection;
use crate::id::{Kind, VisitorHash, WorkspaceId};
use crate::planted::planted;
use crate::store::{Shard, Store, StoreError};
use crate::time::{Hour, HourRange};
use crate::usage::block;
use crate::usage::block_row::{BlockRow, Texts};
use crate::usage::entry::{Dropped, Entries, Entry};
use crate::usage::fingerprint::Fingerprint;
use crate::usage::row::Row;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// A block that was put: its name, and its buckets.
pub(super) type PutBlock = (Arc<str>, BTreeSet<(Kind, Hour)>);

/// A bucket as one fetch read it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fetched {
    /// Taken before the fetch.
    pub reading: u64,
    /// Totals of what was decoded.
    pub whole: Fingerprint,
    /// Whether a probe agrees.
    pub is_verified: bool,
}

/// Blocks of a shard that no head names yet.
struct Put {
    /// How often the shard had been swept before the first of them was put.
    swept: u64,
    /// The version of who is erased, when the first of them was put.
    erased_version: u64,
    /// Their names and buckets.
    blocks: Vec<PutBlock>,
    /// What was left out of them because its visitors are erased.
    dropped: HashMap<(Kind, Hour), Dropped>,
}

/// Sums of rows that are dropped, by bucket.
fn add_up<'a>(rows: impl Iterator<Item = &'a BlockRow>) -> HashMap<(Kind, Hour), Dropped> {
    let mut dropped: HashMap<(Kind, Hour), Dropped> = HashMap::new();
    rows.for_each(|row| dropped.entry((row.kind, row.hour)).or_default().add(&row.as_row()));
    dropped
}

impl Put {
    /// No block yet, in the same state of the shard.
    fn nothing(&self) -> Self {
        Self { blocks: Vec::new(), dropped: HashMap::new(), ..*self }
    }

    fn append(&mut self, other: Self) {
        self.swept = self.swept.min(other.swept);
        self.erased_version = self.erased_version.min(other.erased_version);
        self.blocks.extend(other.blocks);
        for (key, dropped) in other.dropped {
            self.dropped.entry(key).or_default().merge(&dropped);
        }
    }
}

/// What a run has fetched and not yet stored.
#[derive(Default)]
pub struct Batch {
    /// The buckets, empty ones too.
    pub buckets: BTreeMap<(Kind, Hour), Fetched>,
    /// Their rows that are in no block yet, by shard.
    pub rows: BTreeMap<u16, Vec<BlockRow>>,
    /// How many these are.
    held: usize,
    /// Totals of all their rows, by shard.
    shares: HashMap<(u16, Kind, Hour), Fingerprint>,
    /// Their blocks that were put while rows arrived, by shard.
    put: BTreeMap<u16, Put>,
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
        let row = BlockRow {
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
        };
        self.shares.entry((shard, row.kind, row.hour)).or_default().merge(&row.as_row().totals());
        self.rows.entry(shard).or_default().push(row);
        self.held += 1;
    }

    /// Takes another batch in.
    pub fn append(&mut self, other: Self) {
        self.buckets.extend(other.buckets);
        for (shard, mut rows) in other.rows {
            self.rows.entry(shard).or_default().append(&mut rows);
        }
        self.held += other.held;
        for (key, share) in other.shares {
            self.shares.entry(key).or_default().merge(&share);
        }
        for (shard, put) in other.put {
            self.put.entry(shard).or_insert_with(|| put.nothing()).append(put);
        }
        for (visitor, shards) in other.visitors {
            self.visitors.entry(visitor).or_default().extend(shards);
        }
        self.accounts.extend(other.accounts);
    }

    /// How many rows it has taken.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.shares.values().map(|share| share.rows).sum()
    }

    /// Whether it has taken no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shares.is_empty()
    }

    /// The hours of its buckets, from the first to the last.
    #[must_use]
    pub fn range(&self) -> Option<HourRange> {
        let hours = self.buckets.keys().map(|(_, hour)| *hour);
        hours.clone().min().zip(hours.max()).map(|(from, to)| HourRange { from, to: to.plus(1) })
    }

    /// Totals of its rows by bucket.
    #[must_use]
    pub fn totals(&self) -> BTreeMap<(Kind, Hour), Fingerprint> {
        let mut totals: BTreeMap<(Kind, Hour), Fingerprint> = BTreeMap::new();
        for ((_, kind, hour), share) in &self.shares {
            totals.entry((*kind, *hour)).or_default().merge(share);
        }
        totals
    }

    /// How many rows it holds that are in no block yet.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held
    }

    /// Puts all rows into blocks, but for those of erased visitors, which only count. Rows of open days (from `open_from`) lie
    /// in blocks of their own.
    ///
    /// # Errors
    /// The table's.
    pub async fn put_early(
        &mut self,
        store: &Store,
        (workspace, connection): (&WorkspaceId, &Connection),
        open_from: Hour,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let erased = store.erased_get(workspace, connection).await?;
        let erased_version = erased.version;
        let gone: BTreeSet<VisitorHash> =
            self.visitors.keys().filter(|id| erased.value.holds(id)).map(|id| VisitorHash::of(id)).collect();
        for (number, rows) in std::mem::take(&mut self.rows) {
            let shard = store.shard_get(workspace, &connection.id, number).await?;
            let (dropped, stays): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| gone.contains(&row.visitor));
            let blocks = put_rows(store, &shard, stays, open_from, now_ms).await?;
            let put = Put { swept: shard.swept(), erased_version, blocks, dropped: add_up(dropped.iter()) };
            self.put.entry(number).or_insert_with(|| put.nothing()).append(put);
        }
        self.held = 0;
        Ok(())
    }

    /// Whether its blocks may still be named: none was swept meanwhile, and the same visitors are erased.
    ///
    /// # Errors
    /// [`StoreError::Overtaken`]: what was fetched is lost, and the next run fetches it again.
    pub(super) fn check(&self, shards: &[Shard], erased_version: u64) -> Result<(), StoreError> {
        let is_overtaken = |(number, put): (&u16, &Put)| {
            let shard = shards.get(usize::from(*number));
            put.erased_version != erased_version || shard.is_none_or(|shard| shard.swept() != put.swept)
        };
        if self.put.iter().any(is_overtaken) { Err(StoreError::Overtaken) } else { Ok(()) }
    }

    /// What a shard takes of it: of each bucket whose reading is higher than what the shard has, the entry and the rows
    /// but for those of `erased` visitors, which only count. A shard that has an entry takes the new reading even when its
    /// rows did not change; one with neither entry nor rows takes nothing.
    #[must_use]
    pub fn for_shard(&self, shard: &Shard, erased: &BTreeSet<VisitorHash>) -> Rows {
        let (rows, put) = (self.rows.get(&shard.number), self.put.get(&shard.number));
        let mut dropped = add_up(rows.into_iter().flatten().filter(|row| erased.contains(&row.visitor)));
        for (key, before) in put.iter().flat_map(|put| &put.dropped) {
            dropped.entry(*key).or_default().merge(before);
        }
        let mut entries = Entries::new();
        for (key, bucket) in &self.buckets {
            let stands = shard.entry(key.0, key.1);
            let share = self.shares.get(&(shard.number, key.0, key.1)).copied();
            let is_newer = stands.is_none_or(|entry| entry.reading < bucket.reading || planted!(OlderReadingWins));
            if is_newer && (stands.is_some() || share.is_some()) {
                let entry = Entry {
                    reading: bucket.reading,
                    whole: bucket.whole,
                    share: share.unwrap_or_default(),
                    erased: dropped.get(key).copied().unwrap_or_default(),
                    is_verified: bucket.is_verified,
                    read_at: Hour(0),
                    blocks: stands
                        .filter(|_| planted!(CounterThatAdds))
                        .map_or_else(Vec::new, |old| old.blocks.clone()),
                };
                entries.insert(*key, entry);
            }
        }
        name_blocks(&mut entries, put.map_or(&[], |put| put.blocks.as_slice()));
        let is_taken = |row: &&BlockRow| entries.contains_key(&(row.kind, row.hour)) && !erased.contains(&row.visitor);
        let rows = rows.into_iter().flatten().filter(is_taken).cloned().collect();
        Rows { entries, rows }
    }
}

/// Puts rows into blocks; answers the names and what is in each.
///
/// # Errors
/// The table's.
pub(super) async fn put_rows(
    store: &Store,
    shard: &Shard,
    rows: Vec<BlockRow>,
    open_from: Hour,
    now_ms: i64,
) -> Result<Vec<PutBlock>, StoreError> {
    let (open, closed): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.hour >= open_from);
    let mut put = Vec::new();
    for packed in block::pack(&closed).into_iter().chain(block::pack(&open)) {
        put.push((store.block_put(shard, packed.body, now_ms).await?, packed.buckets));
    }
    Ok(put)
}

/// Entries name the blocks that hold their rows.
pub(super) fn name_blocks(entries: &mut Entries, blocks: &[PutBlock]) {
    for (name, buckets) in blocks {
        for key in buckets {
            if let Some(entry) = entries.get_mut(key).filter(|_| !planted!(EntryWithoutItsBlock)) {
                entry.blocks.push(Arc::clone(name));
            }
        }
    }
}
