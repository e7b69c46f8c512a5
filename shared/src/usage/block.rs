//! Blocks: packed rows of one shard, immutable.
//!
//! A block holds any number of buckets (kind and hour), column by column with one dictionary each for accounts, objects,
//! guide types, visitors (64-bit hashes) and apps. Rows are sorted, so that neighbours repeat and compress.

use super::block_row::BlockRow;
use super::pack::{PackError, Reader, Writer};
use super::row::UsageRow;
use crate::id::{Kind, VisitorHash};
use crate::time::Hour;
use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

/// A packed block stays below this, well under what an item may hold.
pub const BLOCK_BYTES_MAX: usize = 300_000;
/// Rows of one block at most, so that decoding one needs little memory.
const BLOCK_ROWS_MAX: usize = 60_000;

/// A bucket inside a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bucket {
    kind: Kind,
    hour: Hour,
    start: usize,
    len: usize,
}

/// A decoded block.
#[derive(Debug, Default)]
pub struct Block {
    buckets: Vec<Bucket>,
    accounts: Vec<Option<String>>,
    objects: Vec<String>,
    types: Vec<String>,
    visitors: Vec<VisitorHash>,
    apps: Vec<i64>,
    rows: Vec<Packed>,
}

#[derive(Clone, Copy, Debug)]
struct Packed {
    account: u32,
    object: u32,
    event_type: u32,
    visitor: u32,
    app: u32,
    events: u64,
    minutes: u64,
    first_ms: i64,
    last_ms: i64,
}

/// A packed block, with the buckets that have rows in it.
#[derive(Debug, PartialEq, Eq)]
pub struct PackedBlock {
    /// The bytes.
    pub body: Vec<u8>,
    /// Its buckets.
    pub buckets: BTreeSet<(Kind, Hour)>,
}

/// Packs rows into as many blocks as their size asks for. The same rows in any order give the same bytes.
#[must_use]
pub fn pack(rows: &[BlockRow]) -> Vec<PackedBlock> {
    // Sorted by numbers that stand for a row's first members, and by the row itself only where those are equal.
    let (_, accounts) = column(rows.iter().map(|row| row.account.as_deref()));
    let numbered = rows.iter().zip(accounts).map(|(row, account)| ((row.kind, row.hour, account, row.visitor), row));
    let mut sorted: Vec<_> = numbered.collect();
    sorted.sort_unstable();
    let rows: Vec<&BlockRow> = sorted.into_iter().map(|(_, row)| row).collect();
    let mut blocks = Vec::new();
    for part in rows.chunks(BLOCK_ROWS_MAX) {
        pack_part(part, &mut blocks);
    }
    blocks
}

fn pack_part(rows: &[&BlockRow], blocks: &mut Vec<PackedBlock>) {
    let body = encode(rows);
    if body.len() > BLOCK_BYTES_MAX && rows.len() > 1 {
        let (left, right) = rows.split_at(rows.len() / 2);
        pack_part(left, blocks);
        pack_part(right, blocks);
    } else {
        let buckets = rows.chunk_by(|a, b| (a.kind, a.hour) == (b.kind, b.hour));
        blocks.push(PackedBlock { body, buckets: buckets.map(|rows| (rows[0].kind, rows[0].hour)).collect() });
    }
}

/// The different values of a column, sorted, and for each row which of them it has.
fn column<T: Ord + Hash + Copy>(values: impl Iterator<Item = T>) -> (Vec<T>, Vec<u32>) {
    let mut known: HashMap<T, u32> = HashMap::new();
    // Neighbours mostly have the same value.
    let mut last: Option<(T, u32)> = None;
    let mut rows = Vec::with_capacity(values.size_hint().0);
    for value in values {
        let at = match last {
            Some((before, at)) if before == value => at,
            _ => {
                let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
                *known.entry(value).or_insert(next)
            }
        };
        last = Some((value, at));
        rows.push(at);
    }
    let mut sorted: Vec<(T, u32)> = known.into_iter().collect();
    sorted.sort_unstable();
    let mut places = vec![0; sorted.len()];
    for (place, (_, at)) in (0..).zip(&sorted) {
        places[*at as usize] = place;
    }
    rows.iter_mut().for_each(|at| *at = places[*at as usize]);
    (sorted.into_iter().map(|(value, _)| value).collect(), rows)
}

fn encode(rows: &[&BlockRow]) -> Vec<u8> {
    let (accounts, account_of) = column(rows.iter().map(|row| row.account.as_deref()));
    let (objects, object_of) = column(rows.iter().map(|row| &*row.object));
    let (types, type_of) = column(rows.iter().map(|row| &*row.event_type));
    let (visitors, visitor_of) = column(rows.iter().map(|row| row.visitor));
    let (apps, app_of) = column(rows.iter().map(|row| row.app));
    let mut out = Writer::default();
    out.number(accounts.len() as u64);
    for account in accounts {
        // An empty id never stands on a row, so it can stand for "none".
        out.text(account.unwrap_or_default());
    }
    for texts in [objects, types] {
        out.number(texts.len() as u64);
        texts.into_iter().for_each(|text| out.text(text));
    }
    out.number(visitors.len() as u64);
    visitors.into_iter().for_each(|visitor| out.hash(visitor.0));
    out.number(apps.len() as u64);
    apps.into_iter().for_each(|app| out.signed(app));

    let buckets: Vec<&[&BlockRow]> = rows.chunk_by(|a, b| (a.kind, a.hour) == (b.kind, b.hour)).collect();
    out.number(buckets.len() as u64);
    for bucket in buckets {
        out.kind(bucket[0].kind);
        out.signed(i64::from(bucket[0].hour.0));
        out.number(bucket.len() as u64);
    }
    for column in [account_of, visitor_of, app_of, object_of, type_of] {
        out.column(&column.into_iter().map(u64::from).collect::<Vec<_>>());
    }
    out.column(&rows.iter().map(|row| row.events).collect::<Vec<_>>());
    out.column(&rows.iter().map(|row| row.minutes).collect::<Vec<_>>());
    out.signed_column(rows.iter().map(|row| row.first_ms - row.hour.start_ms()));
    out.signed_column(rows.iter().map(|row| row.last_ms - row.first_ms));
    out.finish()
}

impl Block {
    /// Whether it has rows of any of these visitors.
    #[must_use]
    pub fn has_any(&self, visitors: &BTreeSet<VisitorHash>) -> bool {
        self.visitors.iter().any(|visitor| visitors.contains(visitor))
    }

    /// Decodes a block's bytes.
    ///
    /// # Errors
    /// An unknown format, or damage; never a panic.
    pub fn decode(body: &[u8]) -> Result<Self, PackError> {
        let mut input = Reader::open(body)?;
        let mut block = Self::default();
        for _ in 0..input.count()? {
            let text = input.text()?;
            block.accounts.push((!text.is_empty()).then(|| text.to_owned()));
        }
        for _ in 0..input.count()? {
            block.objects.push(input.text()?.to_owned());
        }
        for _ in 0..input.count()? {
            block.types.push(input.text()?.to_owned());
        }
        for _ in 0..input.count()? {
            block.visitors.push(VisitorHash(input.hash()?));
        }
        for _ in 0..input.count()? {
            block.apps.push(input.signed()?);
        }
        let mut start = 0;
        for _ in 0..input.count()? {
            let kind = input.kind()?;
            let hour = Hour(i32::try_from(input.signed()?).map_err(|_| PackError::Damaged("hour"))?);
            let len = input.count()?;
            block.buckets.push(Bucket { kind, hour, start, len });
            start += len;
        }
        if start > BLOCK_ROWS_MAX {
            return Err(PackError::Damaged("rows"));
        }
        let most =
            [block.accounts.len(), block.visitors.len(), block.apps.len(), block.objects.len(), block.types.len()];
        let mut indexes = Vec::with_capacity(most.len());
        for most in most {
            let column = input.column(start)?;
            if column.iter().any(|at| *at >= most as u64) {
                return Err(PackError::Damaged("index"));
            }
            indexes.push(column);
        }
        let index = |column: usize, row: usize| u32::try_from(indexes[column][row]).unwrap_or_default();
        let (events, minutes) = (input.column(start)?, input.column(start)?);
        let (first, last) = (input.signed_column(start)?, input.signed_column(start)?);
        block.rows.reserve_exact(start);
        for bucket in &block.buckets {
            for at in bucket.start..bucket.start + bucket.len {
                let first_ms = bucket.hour.start_ms().wrapping_add(first[at]);
                block.rows.push(Packed {
                    account: index(0, at),
                    visitor: index(1, at),
                    app: index(2, at),
                    object: index(3, at),
                    event_type: index(4, at),
                    events: events[at],
                    minutes: minutes[at],
                    first_ms,
                    last_ms: first_ms.wrapping_add(last[at]),
                });
            }
        }
        Ok(block)
    }

    /// How many rows it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether it holds no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows of the buckets that `wants` says yes to.
    pub fn rows(&self, wants: impl Fn(Kind, Hour) -> bool) -> impl Iterator<Item = UsageRow<'_>> {
        self.buckets.iter().filter(move |bucket| wants(bucket.kind, bucket.hour)).flat_map(|bucket| {
            self.rows[bucket.start..bucket.start + bucket.len].iter().map(|row| UsageRow {
                kind: bucket.kind,
                hour: bucket.hour,
                account: self.accounts[row.account as usize].as_deref(),
                visitor: self.visitors[row.visitor as usize],
                app: self.apps[row.app as usize],
                object: &self.objects[row.object as usize],
                event_type: &self.types[row.event_type as usize],
                events: row.events,
                minutes: row.minutes,
                first_ms: row.first_ms,
                last_ms: row.last_ms,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::block_row::Texts;
    use std::sync::Arc;

    fn row(hour: i32, visitor: &str, account: Option<&str>, events: u64) -> BlockRow {
        let start = Hour(hour).start_ms();
        BlockRow {
            kind: if hour % 2 == 0 { Kind::Feature } else { Kind::Guide },
            hour: Hour(hour),
            account: account.map(Arc::from),
            visitor: VisitorHash::of(visitor),
            app: -323_232,
            object: "f\"1".into(),
            event_type: if hour % 2 == 0 { "" } else { "guideSeen" }.into(),
            events,
            minutes: 3,
            first_ms: start + 5,
            last_ms: start + 5 + i64::try_from(events).unwrap(),
        }
    }

    fn sample() -> Vec<BlockRow> {
        (0..500i32)
            .map(|i| {
                row(
                    490_000 + i % 7,
                    &format!("v{}", i % 50),
                    (i % 5 > 0).then_some("acme::\u{1F600}"),
                    1 + u64::from(i.unsigned_abs()),
                )
            })
            .collect()
    }

    #[test]
    fn rows_come_back_as_they_went_in() {
        let mut rows = sample();
        let blocks = pack(&rows);
        let mut texts = Texts::default();
        let mut back: Vec<BlockRow> = blocks
            .iter()
            .flat_map(|block| {
                Block::decode(&block.body).unwrap().rows(|_, _| true).map(|row| texts.row(&row)).collect::<Vec<_>>()
            })
            .collect();
        rows.sort();
        back.sort();
        assert_eq!(back, rows);
    }

    #[test]
    fn the_order_of_rows_does_not_change_the_bytes() {
        let (rows, mut turned) = (sample(), sample());
        turned.reverse();
        assert_eq!(pack(&rows), pack(&turned));
    }

    #[test]
    fn an_unknown_format_is_refused_and_damage_never_panics() {
        let body = pack(&sample()).remove(0).body;
        let mut unknown = body.clone();
        unknown[0] = 9;
        assert_eq!(Block::decode(&unknown).unwrap_err(), PackError::Format(9));
        for end in 0..body.len() {
            assert!(Block::decode(&body[..end]).is_err(), "cut at {end}");
        }
    }
}
