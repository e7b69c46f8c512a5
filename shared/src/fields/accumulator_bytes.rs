//! Accumulators as bytes, so that a fold of closed days can be kept: a tag, then the sum, set or extreme in few bytes.
//! Equal accumulators have equal bytes, and bytes that are not written here are refused.

use super::accumulator::{Accumulator, State};
use crate::id::VisitorHash;
use std::collections::{BTreeSet, HashSet};

const EVENTS: u8 = 0;
const MINUTES: u8 = 1;
const VISITORS: u8 = 2;
const DAYS: u8 = 3;
const FIRST: u8 = 4;
const LAST: u8 = 5;
/// Visitors of one piece: eight bytes each.
const PIECE_VISITORS: usize = 16_384;

impl Accumulator {
    /// The bytes of this accumulator in pieces of at most about 130 KB: read and merged they are this accumulator again.
    /// None when it holds nothing.
    #[must_use]
    pub fn pieces(&self) -> Vec<Vec<u8>> {
        let bytes = |piece: &Self| {
            let mut bytes = Vec::new();
            piece.write(&mut bytes);
            bytes
        };
        match &self.0 {
            State::Events(0) | State::Minutes(0) | State::First(None) | State::Last(None) => Vec::new(),
            State::Days(days) if days.is_empty() => Vec::new(),
            State::Visitors(visitors) => {
                let pieces = sorted(visitors);
                let pieces = pieces.chunks(PIECE_VISITORS);
                pieces.map(|piece| bytes(&Self(State::Visitors(piece.iter().copied().collect())))).collect()
            }
            _ => vec![bytes(self)],
        }
    }

    /// Appends the bytes of this accumulator; they say where they end.
    pub fn write(&self, bytes: &mut Vec<u8>) {
        match &self.0 {
            State::Events(sum) => {
                bytes.push(EVENTS);
                write_number(bytes, *sum);
            }
            State::Minutes(sum) => {
                bytes.push(MINUTES);
                write_number(bytes, *sum);
            }
            State::Visitors(visitors) => {
                bytes.push(VISITORS);
                write_number(bytes, visitors.len() as u64);
                sorted(visitors).iter().for_each(|visitor| bytes.extend(visitor.0.to_le_bytes()));
            }
            State::Days(days) => {
                bytes.push(DAYS);
                write_number(bytes, days.len() as u64);
                let mut before = 0;
                for day in days {
                    write_signed(bytes, i64::from(*day) - before);
                    before = i64::from(*day);
                }
            }
            State::First(first) => {
                bytes.push(FIRST);
                write_instant(bytes, *first);
            }
            State::Last(last) => {
                bytes.push(LAST);
                write_instant(bytes, *last);
            }
        }
    }

    /// Takes an accumulator from the front of `bytes`; `None` if they do not begin with one.
    pub fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self(match read_byte(bytes)? {
            EVENTS => State::Events(read_number(bytes)?),
            MINUTES => State::Minutes(read_number(bytes)?),
            VISITORS => State::Visitors(read_visitors(bytes)?),
            DAYS => State::Days(read_days(bytes)?),
            FIRST => State::First(read_instant(bytes)?),
            LAST => State::Last(read_instant(bytes)?),
            _ => return None,
        }))
    }
}

fn sorted(visitors: &HashSet<VisitorHash>) -> Vec<VisitorHash> {
    let mut visitors: Vec<VisitorHash> = visitors.iter().copied().collect();
    visitors.sort_unstable();
    visitors
}

fn read_visitors(bytes: &mut &[u8]) -> Option<HashSet<VisitorHash>> {
    let count = read_number(bytes)?;
    let mut visitors = HashSet::new();
    let mut last = None;
    for _ in 0..count {
        let (hash, rest) = bytes.split_first_chunk::<8>()?;
        *bytes = rest;
        let visitor = VisitorHash(u64::from_le_bytes(*hash));
        if last.is_some_and(|last| last >= visitor) {
            return None;
        }
        last = Some(visitor);
        visitors.insert(visitor);
    }
    Some(visitors)
}

fn read_days(bytes: &mut &[u8]) -> Option<BTreeSet<i32>> {
    let count = read_number(bytes)?;
    let mut days = BTreeSet::new();
    let mut before = 0_i64;
    for _ in 0..count {
        before = before.checked_add(read_signed(bytes)?)?;
        let day = i32::try_from(before).ok()?;
        if days.last().is_some_and(|last| *last >= day) {
            return None;
        }
        days.insert(day);
    }
    Some(days)
}

fn write_instant(bytes: &mut Vec<u8>, ms: Option<i64>) {
    bytes.push(u8::from(ms.is_some()));
    if let Some(ms) = ms {
        write_signed(bytes, ms);
    }
}

fn read_instant(bytes: &mut &[u8]) -> Option<Option<i64>> {
    match read_byte(bytes)? {
        0 => Some(None),
        1 => read_signed(bytes).map(Some),
        _ => None,
    }
}

/// Seven bits a byte, the lowest first.
fn write_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn read_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = read_byte(bytes)?;
        let bits = u64::from(byte & 0x7f);
        if bits << shift >> shift != bits || (byte == 0 && shift > 0) {
            return None;
        }
        number |= bits << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

/// Small numbers of either sign become small numbers: 0, -1, 1, -2 …
fn write_signed(bytes: &mut Vec<u8>, number: i64) {
    write_number(bytes, ((number << 1) ^ (number >> 63)).cast_unsigned());
}

fn read_signed(bytes: &mut &[u8]) -> Option<i64> {
    let number = read_number(bytes)?;
    Some((number >> 1).cast_signed() ^ -((number & 1).cast_signed()))
}

fn read_byte(bytes: &mut &[u8]) -> Option<u8> {
    let (first, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(*first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn states() -> impl Strategy<Value = Accumulator> {
        let visitors = prop::collection::hash_set(any::<u64>().prop_map(VisitorHash), 0..30);
        prop_oneof![
            any::<u64>().prop_map(State::Events),
            any::<u64>().prop_map(State::Minutes),
            visitors.prop_map(State::Visitors),
            prop::collection::btree_set(any::<i32>(), 0..30).prop_map(State::Days),
            any::<Option<i64>>().prop_map(State::First),
            any::<Option<i64>>().prop_map(State::Last),
        ]
        .prop_map(Accumulator)
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_and_nothing_after_it(accumulator in states(), tail in prop::collection::vec(any::<u8>(), 0..5)) {
            let mut bytes = Vec::new();
            accumulator.write(&mut bytes);
            let length = bytes.len();
            bytes.extend(&tail);
            let mut rest = bytes.as_slice();
            prop_assert_eq!(Accumulator::read(&mut rest), Some(accumulator));
            prop_assert_eq!(rest, tail);
            for cut in 0..length {
                prop_assert_eq!(Accumulator::read(&mut &bytes[..cut]), None);
            }
        }

        #[test]
        fn pieces_merge_to_the_whole_and_nothing_has_none(accumulator in states()) {
            let pieces = accumulator.pieces();
            let mut read = pieces.iter().map(|piece| Accumulator::read(&mut piece.as_slice()).unwrap());
            let merged = read.next().map(|first| read.fold(first, |mut sum, piece| {
                sum.merge(&piece);
                sum
            }));
            let is_nothing = match &accumulator.0 {
                State::Visitors(visitors) => visitors.is_empty(),
                State::Days(days) => days.is_empty(),
                other => matches!(other, State::Events(0) | State::Minutes(0) | State::First(None) | State::Last(None)),
            };
            prop_assert_eq!(merged, (!is_nothing).then_some(accumulator));
        }

        #[test]
        fn whatever_is_read_is_written_the_same(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut rest = bytes.as_slice();
            if let Some(accumulator) = Accumulator::read(&mut rest) {
                let mut written = Vec::new();
                accumulator.write(&mut written);
                prop_assert_eq!(&written, &bytes[..bytes.len() - rest.len()]);
            }
        }
    }

    #[test]
    fn a_month_of_days_is_about_as_many_bytes() {
        let days = Accumulator(State::Days((20_600..20_630).collect()));
        let mut bytes = Vec::new();
        days.write(&mut bytes);
        assert_eq!(bytes.len(), 2 + 3 + 29);
    }
}
