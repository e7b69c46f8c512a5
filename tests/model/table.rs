//! The table: strongly consistent items, one head for each shard that moves by compare-and-swap.

use super::source::{BUCKETS, NONE, Rows, SHARDS, State, VISITORS, share, whole};
use std::collections::{BTreeMap, BTreeSet};

/// A fresh key, a token or an event: who made it, and their how manieth.
pub(crate) type Name = u16;

/// What a head says of a bucket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Entry {
    pub(crate) reading: u8,
    pub(crate) share: u8,
    pub(crate) whole: u8,
    pub(crate) block: Option<Name>,
}

/// What a page was made from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Seen {
    pub(crate) definitions: u8,
    pub(crate) sources: [Option<u8>; SHARDS],
}

/// The values of a home: its account's distinct visitors, and of its contact the events and the distinct hours, which lie
/// in several shards.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Page {
    pub(crate) definitions: u8,
    pub(crate) visitors: u8,
    pub(crate) events: u8,
    pub(crate) hours: u8,
}

/// Something immutable under a fresh key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Item {
    Block([Rows; BUCKETS]),
    Page(Page),
}

/// A shard. The last two fields are the model's own, no worker decides by them: for each bucket, how far Pendo was when its
/// rows were asked for, and when that fetch began (its reading or its question, whichever came first).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Head {
    pub(crate) version: u8,
    pub(crate) token: Name,
    pub(crate) swept: u8,
    pub(crate) rows_version: u8,
    pub(crate) entries: [Option<Entry>; BUCKETS],
    pub(crate) page: Option<Name>,
    pub(crate) seen: Seen,
    pub(crate) outbox: Vec<Name>,
    pub(crate) asked: [u8; BUCKETS],
    pub(crate) begun: [u8; BUCKETS],
}

/// All that workers share.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Table {
    pub(crate) heads: [Head; SHARDS],
    pub(crate) items: BTreeMap<(usize, Name), Item>,
    /// For each visitor a bit for each shard.
    pub(crate) index: [u8; VISITORS],
    pub(crate) reading: u8,
    pub(crate) definitions: u8,
    /// Events that went out, outside of the table.
    pub(crate) published: BTreeSet<Name>,
    /// How far Pendo is.
    pub(crate) time: usize,
}

/// A named item is not there.
#[derive(Debug)]
pub(crate) struct Missing;

impl Head {
    /// What it names.
    pub(crate) fn names(&self) -> impl Iterator<Item = Name> {
        self.entries.iter().flatten().filter_map(|entry| entry.block).chain(self.page)
    }
}

impl Table {
    /// The rows of a bucket as a head names them.
    pub(crate) fn rows(&self, shard: usize, head: &Head, bucket: usize) -> Result<Rows, Missing> {
        match head.entries[bucket].as_ref().and_then(|entry| entry.block) {
            None => Ok(NONE),
            Some(name) => match self.items.get(&(shard, name)) {
                Some(Item::Block(rows)) => Ok(rows[bucket]),
                _ => Err(Missing),
            },
        }
    }

    /// The values that a head names.
    pub(crate) fn page(&self, shard: usize, head: &Head) -> Result<Option<Page>, Missing> {
        let Some(name) = head.page else { return Ok(None) };
        match self.items.get(&(shard, name)) {
            Some(Item::Page(page)) => Ok(Some(page.clone())),
            _ => Err(Missing),
        }
    }

    /// Whether a bucket needs no fetch.
    pub(crate) fn is_clean(&self, bucket: usize, pendo: &State, by_reading: bool) -> bool {
        let entries = || self.heads.iter().filter_map(|head| head.entries[bucket].as_ref());
        let total = whole(&pendo[bucket]);
        let shares: u8 = entries().map(|entry| entry.share).sum();
        let Some(first) = entries().next() else { return total == 0 };
        let agree = entries().all(|entry| (entry.reading, entry.whole) == (first.reading, total));
        shares == total && (agree || !by_reading)
    }
}

/// The shards that a home reads, by the visitor index.
pub(crate) fn sources(home: usize, index: &[u8; VISITORS]) -> impl Iterator<Item = usize> + use<> {
    let held = index[home] | 1 << home;
    (0..SHARDS).filter(move |shard| held & 1 << shard != 0)
}

/// The values of a home, by brute force over the rows of the shards that it reads.
pub(crate) fn fold(home: usize, definitions: u8, rows: &BTreeMap<usize, [Rows; BUCKETS]>) -> Page {
    let mut page = Page { definitions, ..Page::default() };
    for (shard, buckets) in rows {
        for (bucket, rows) in buckets.iter().enumerate() {
            if *shard == home {
                let visitors = (0..VISITORS).filter(|visitor| rows[*visitor] > 0);
                visitors.for_each(|visitor| page.visitors |= 1 << visitor);
            }
            page.events += rows[home];
            page.hours |= u8::from(rows[home] > 0) << bucket;
        }
    }
    page
}

/// The fingerprint of a shard's part of a bucket.
pub(crate) fn part(rows: Rows) -> Option<u8> {
    Some(share(rows)).filter(|share| *share > 0)
}
