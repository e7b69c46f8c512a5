//! Entries: what a shard's head says of each of its buckets.

use super::checksum::weigh;
use super::fingerprint::Fingerprint;
use super::pack::{PackError, Reader, Writer};
use super::row::UsageRow;
use crate::id::Kind;
use crate::time::Hour;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// What a shard holds of one bucket.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The reading of the fetch that these rows came with; the higher wins.
    pub reading: u64,
    /// The whole bucket's totals of that fetch, over all shards.
    pub whole: Fingerprint,
    /// This shard's part of them: its stored rows, and those of erased visitors.
    pub share: Fingerprint,
    /// What was dropped of the share, because its visitors are erased.
    pub erased: Dropped,
    /// Whether a probe agreed with the whole.
    pub is_verified: bool,
    /// The hour of the clock at which it was fetched.
    pub read_at: Hour,
    /// The blocks that hold its rows; none when the bucket became empty here.
    pub blocks: Vec<Arc<str>>,
}

impl Entry {
    /// Stands for the rows that this shard has of the bucket: the reading says which fetch they are of, the share how
    /// much of it is this shard's, and `erased` what is gone of that. When it was read and in which blocks the rows lie
    /// does not matter.
    #[must_use]
    pub fn mark(&self, (kind, hour): (Kind, Hour)) -> u64 {
        // Each member is named, so that a new one can't be forgotten here.
        let Self { reading, share, erased, whole: _, is_verified: _, read_at: _, blocks: _ } = self;
        let Dropped { totals, by_account, by_object } = erased;
        let mut hasher = twox_hash::XxHash3_64::default();
        (kind, hour, reading, by_account, by_object).hash(&mut hasher);
        for Fingerprint { rows, events, minutes, squares, newest_ms, amount } in [share, totals] {
            (rows, events, minutes, squares, newest_ms, amount).hash(&mut hasher);
        }
        hasher.finish()
    }
}

/// The sums of rows that were dropped: enough to go on comparing them with Pendo's.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Dropped {
    /// Their totals.
    pub totals: Fingerprint,
    /// Their part of the checksum by Pendo account.
    pub by_account: u64,
    /// Their part of the checksum by object.
    pub by_object: u64,
}

impl Dropped {
    /// Takes a row in.
    pub fn add(&mut self, row: &UsageRow<'_>) {
        let totals = row.totals();
        self.totals.merge(&totals);
        self.by_account = self.by_account.wrapping_add(weigh(row.account.unwrap_or_default(), &totals));
        self.by_object = self.by_object.wrapping_add(weigh(row.object, &totals));
    }

    /// Takes other sums in.
    pub fn merge(&mut self, other: &Self) {
        self.totals.merge(&other.totals);
        self.by_account = self.by_account.wrapping_add(other.by_account);
        self.by_object = self.by_object.wrapping_add(other.by_object);
    }

    /// Whether nothing was dropped.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.totals.is_empty()
    }
}

/// Entries by kind and hour.
pub type Entries = BTreeMap<(Kind, Hour), Entry>;

/// The names of all blocks that entries name.
#[must_use]
pub fn blocks_of(entries: &Entries) -> BTreeSet<Arc<str>> {
    entries.values().flat_map(|entry| entry.blocks.iter().cloned()).collect()
}

/// Packs entries, column by column.
#[must_use]
pub fn pack(entries: &Entries) -> Vec<u8> {
    let blocks: Vec<Arc<str>> = blocks_of(entries).into_iter().collect();
    let mut out = Writer::default();
    out.number(blocks.len() as u64);
    blocks.iter().for_each(|name| out.text(name));
    out.number(entries.len() as u64);
    for (kind, _) in entries.keys() {
        out.kind(*kind);
    }
    let mut last = 0;
    for (_, hour) in entries.keys() {
        out.signed(i64::from(hour.0) - last);
        last = i64::from(hour.0);
    }
    let mut last = 0i64;
    for entry in entries.values() {
        let reading = i64::try_from(entry.reading).unwrap_or(i64::MAX);
        out.signed(reading - last);
        last = reading;
    }
    for ((_, hour), entry) in entries {
        out.signed(i64::from(entry.read_at.0) - i64::from(hour.0));
        out.number(u64::from(entry.is_verified));
    }
    for (bucket, entry) in entries {
        write_fingerprint(&mut out, *bucket, &entry.whole);
    }
    for (bucket, entry) in entries {
        write_fingerprint(&mut out, *bucket, &entry.share);
    }
    for (bucket, entry) in entries {
        write_fingerprint(&mut out, *bucket, &entry.erased.totals);
        if !entry.erased.is_empty() {
            out.hash(entry.erased.by_account);
            out.hash(entry.erased.by_object);
        }
    }
    for entry in entries.values() {
        out.number(entry.blocks.len() as u64);
        for name in &entry.blocks {
            out.number(blocks.binary_search(name).unwrap_or_default() as u64);
        }
    }
    out.finish()
}

/// Reads packed entries.
///
/// # Errors
/// An unknown format, or damage.
pub fn unpack(body: &[u8]) -> Result<Entries, PackError> {
    let mut input = Reader::open(body)?;
    let mut blocks: Vec<Arc<str>> = Vec::new();
    for _ in 0..input.count()? {
        blocks.push(input.text()?.into());
    }
    let count = input.count()?;
    let mut keys = Vec::with_capacity(count);
    for _ in 0..count {
        keys.push((input.kind()?, Hour(0)));
    }
    let mut last = 0;
    for (_, hour) in &mut keys {
        last += input.signed()?;
        *hour = Hour(i32::try_from(last).map_err(|_| PackError::Damaged("hour"))?);
    }
    let mut readings = Vec::with_capacity(count);
    let mut last = 0i64;
    for _ in 0..count {
        last += input.signed()?;
        readings.push(u64::try_from(last).map_err(|_| PackError::Damaged("reading"))?);
    }
    let mut states = Vec::with_capacity(count);
    for (_, hour) in &keys {
        let age = i32::try_from(input.signed()?).map_err(|_| PackError::Damaged("age"))?;
        states.push((hour.plus(age), input.number()? == 1));
    }
    let mut wholes = Vec::with_capacity(count);
    for bucket in &keys {
        wholes.push(read_fingerprint(&mut input, *bucket)?);
    }
    let mut shares = Vec::with_capacity(count);
    for bucket in &keys {
        shares.push(read_fingerprint(&mut input, *bucket)?);
    }
    let mut erased = Vec::with_capacity(count);
    for bucket in &keys {
        let totals = read_fingerprint(&mut input, *bucket)?;
        erased.push(match totals.is_empty() {
            true => Dropped::default(),
            false => Dropped { totals, by_account: input.hash()?, by_object: input.hash()? },
        });
    }
    let mut entries = Entries::new();
    for (at, key) in keys.into_iter().enumerate() {
        let mut named = Vec::new();
        for _ in 0..input.count()? {
            let index = usize::try_from(input.number()?).map_err(|_| PackError::Damaged("block"))?;
            named.push(blocks.get(index).cloned().ok_or(PackError::Damaged("block"))?);
        }
        let (read_at, is_verified) = states[at];
        entries.insert(
            key,
            Entry {
                reading: readings[at],
                whole: wholes[at],
                share: shares[at],
                erased: erased[at],
                is_verified,
                read_at,
                blocks: named,
            },
        );
    }
    Ok(entries)
}

fn write_fingerprint(out: &mut Writer, (kind, hour): (Kind, Hour), totals: &Fingerprint) {
    out.number(totals.rows);
    if totals.rows > 0 {
        out.number(totals.events);
        out.number(totals.minutes);
        out.number(totals.squares);
        out.signed(totals.newest_ms - hour.start_ms());
        if kind.is_properties() {
            totals.amount.to_le_bytes().as_chunks().0.iter().for_each(|half| out.hash(u64::from_le_bytes(*half)));
        }
    }
}

fn read_fingerprint(input: &mut Reader, (kind, hour): (Kind, Hour)) -> Result<Fingerprint, PackError> {
    let rows = input.number()?;
    if rows == 0 {
        return Ok(Fingerprint::default());
    }
    Ok(Fingerprint {
        rows,
        events: input.number()?,
        minutes: input.number()?,
        squares: input.number()?,
        newest_ms: input.signed()?.wrapping_add(hour.start_ms()),
        amount: if kind.is_properties() { read_amount(input)? } else { 0 },
    })
}

fn read_amount(input: &mut Reader) -> Result<i128, PackError> {
    let (low, high) = (u128::from(input.hash()?), u128::from(input.hash()?));
    Ok((low | high << 64).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::PropertiesId;

    #[test]
    fn entries_come_back_as_they_went_in() {
        let mut entries = Entries::new();
        let mut kinds = Kind::ALL.to_vec();
        kinds.push(Kind::Properties(PropertiesId(7)));
        for i in 0..200i32 {
            let share = Fingerprint {
                rows: u64::from(i.unsigned_abs() % 3),
                events: 9,
                minutes: 2,
                squares: 81,
                newest_ms: Hour(i).start_ms() + 77,
                amount: if i % 6 == 5 { -7_i128 << 70 } else { 0 },
            };
            let share = if share.rows == 0 { Fingerprint::default() } else { share };
            let dropped = Dropped { totals: share, by_account: u64::MAX, by_object: 7 };
            let name: Arc<str> = format!("block#{}", i / 24).into();
            entries.insert(
                (kinds[i.unsigned_abs() as usize % 6], Hour(490_000 + i)),
                Entry {
                    reading: 1_000 - u64::from(i.unsigned_abs()),
                    whole: share,
                    share,
                    erased: if share.rows > 0 && i % 4 == 0 { dropped } else { Dropped::default() },
                    is_verified: i % 2 == 0,
                    read_at: Hour(490_050),
                    blocks: if share.rows == 0 { Vec::new() } else { vec![name] },
                },
            );
        }
        assert_eq!(unpack(&pack(&entries)).unwrap(), entries);
        assert!(unpack(&[7, 1, 2]).is_err());
    }
}
