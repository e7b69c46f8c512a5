//! Accumulators as bytes, so that a fold of closed days can be kept: a tag, then the sum, set or extreme in few bytes.
//! Equal accumulators have equal bytes, and bytes that are not written here are refused.

use super::accumulator::{Accumulator, State};
use super::numbers::{
    read_billionths, read_byte, read_hash, read_instant, read_number, read_signed, read_some_billionths, read_text,
    write_billionths, write_instant, write_number, write_signed,
};
use crate::id::VisitorHash;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::Hash;

const EVENTS: u8 = 0;
const MINUTES: u8 = 1;
const VISITORS: u8 = 2;
const DAYS: u8 = 3;
const FIRST: u8 = 4;
const LAST: u8 = 5;
const EVENTS_AND_DAYS: u8 = 6;
const OBJECTS: u8 = 7;
const EVENTS_OF_VISITORS: u8 = 8;
const DAYS_OF_VISITORS: u8 = 9;
const CHANGE: u8 = 10;
const SUM: u8 = 11;
const LEAST: u8 = 12;
const MOST: u8 = 13;
const LATEST: u8 = 14;
const VALUES: u8 = 15;
/// Members of one piece: of eight bytes each, or of up to twenty-three with what stands beside them.
const PIECE_MEMBERS: usize = 16_384;
const PIECE_PAIRS: usize = 6_144;

impl Accumulator {
    /// The bytes of this accumulator in pieces of at most about 140 KB: read and merged they are this accumulator again.
    /// None when it holds nothing.
    #[must_use]
    pub fn pieces(&self) -> Vec<Vec<u8>> {
        let bytes = |piece: State| {
            let mut bytes = Vec::new();
            Self(piece).write(&mut bytes);
            bytes
        };
        match &self.0 {
            State::Events(0)
            | State::Minutes(0)
            | State::First(None)
            | State::Last(None)
            | State::Change(0, 0)
            | State::Sum(0, 0)
            | State::Least(None)
            | State::Most(None)
            | State::Latest(None) => Vec::new(),
            State::Days(days) | State::EventsAndDays(0, days) if days.is_empty() => Vec::new(),
            State::Visitors(visitors) => cut(visitors).map(|piece| bytes(State::Visitors(piece))).collect(),
            State::Objects(objects) => cut(objects).map(|piece| bytes(State::Objects(piece))).collect(),
            State::Values(values) => cut(values).map(|piece| bytes(State::Values(piece))).collect(),
            State::EventsOfVisitors(events) => {
                cut_pairs(events).map(|piece| bytes(State::EventsOfVisitors(piece))).collect()
            }
            State::DaysOfVisitors(days) => cut_pairs(days).map(|piece| bytes(State::DaysOfVisitors(piece))).collect(),
            whole => vec![bytes(whole.clone())],
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
                write_hashes(bytes, sorted(visitors).iter().map(|visitor| visitor.0));
            }
            State::Days(days) => {
                bytes.push(DAYS);
                write_days(bytes, days);
            }
            State::First(first) => {
                bytes.push(FIRST);
                write_instant(bytes, *first);
            }
            State::Last(last) => {
                bytes.push(LAST);
                write_instant(bytes, *last);
            }
            State::EventsAndDays(sum, days) => {
                bytes.push(EVENTS_AND_DAYS);
                write_number(bytes, *sum);
                write_days(bytes, days);
            }
            State::Objects(objects) => {
                bytes.push(OBJECTS);
                write_hashes(bytes, sorted(objects).iter().copied());
            }
            State::EventsOfVisitors(events) => {
                bytes.push(EVENTS_OF_VISITORS);
                write_number(bytes, events.len() as u64);
                for (visitor, events) in sorted_pairs(events) {
                    bytes.extend(visitor.0.to_le_bytes());
                    write_number(bytes, events);
                }
            }
            State::DaysOfVisitors(days) => {
                bytes.push(DAYS_OF_VISITORS);
                write_number(bytes, days.len() as u64);
                for ((visitor, block), bits) in sorted_pairs(days) {
                    bytes.extend(visitor.0.to_le_bytes());
                    write_signed(bytes, i64::from(block));
                    write_number(bytes, bits);
                }
            }
            State::Change(current, previous) => {
                bytes.push(CHANGE);
                write_number(bytes, *current);
                write_number(bytes, *previous);
            }
            State::Sum(sum, count) => {
                bytes.push(SUM);
                bytes.extend(sum.to_le_bytes());
                write_number(bytes, *count);
            }
            State::Least(least) => {
                bytes.push(LEAST);
                write_billionths(bytes, *least);
            }
            State::Most(most) => {
                bytes.push(MOST);
                write_billionths(bytes, *most);
            }
            State::Latest(latest) => {
                bytes.push(LATEST);
                write_instant(bytes, latest.as_ref().map(|(ms, _)| *ms));
                if let Some((_, json)) = latest {
                    write_number(bytes, json.len() as u64);
                    bytes.extend(json.as_bytes());
                }
            }
            State::Values(values) => {
                bytes.push(VALUES);
                write_hashes(bytes, sorted(values).iter().copied());
            }
        }
    }

    /// Takes an accumulator from the front of `bytes`; `None` if they do not begin with one.
    pub fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self(match read_byte(bytes)? {
            EVENTS => State::Events(read_number(bytes)?),
            MINUTES => State::Minutes(read_number(bytes)?),
            VISITORS => State::Visitors(read_ascending(bytes, read_visitor)?),
            DAYS => State::Days(read_days(bytes)?),
            FIRST => State::First(read_instant(bytes)?),
            LAST => State::Last(read_instant(bytes)?),
            EVENTS_AND_DAYS => State::EventsAndDays(read_number(bytes)?, read_days(bytes)?),
            OBJECTS => State::Objects(read_ascending(bytes, read_hash)?),
            EVENTS_OF_VISITORS => State::EventsOfVisitors(read_pairs(bytes, read_visitor)?),
            DAYS_OF_VISITORS => State::DaysOfVisitors(read_pairs(bytes, |bytes| {
                Some((read_visitor(bytes)?, i32::try_from(read_signed(bytes)?).ok()?))
            })?),
            CHANGE => State::Change(read_number(bytes)?, read_number(bytes)?),
            SUM => State::Sum(read_billionths(bytes)?, read_number(bytes)?),
            LEAST => State::Least(read_some_billionths(bytes)?),
            MOST => State::Most(read_some_billionths(bytes)?),
            LATEST => State::Latest(match read_instant(bytes)? {
                Some(ms) => Some((ms, read_text(bytes)?)),
                None => None,
            }),
            VALUES => State::Values(read_ascending(bytes, read_hash)?),
            _ => return None,
        }))
    }
}

fn sorted<T: Copy + Ord>(members: &HashSet<T>) -> Vec<T> {
    let mut members: Vec<T> = members.iter().copied().collect();
    members.sort_unstable();
    members
}

fn sorted_pairs<K: Copy + Ord>(pairs: &HashMap<K, u64>) -> Vec<(K, u64)> {
    let mut pairs: Vec<(K, u64)> = pairs.iter().map(|(key, number)| (*key, *number)).collect();
    pairs.sort_unstable();
    pairs
}

/// A set in parts, those with the lowest members first.
fn cut<T: Copy + Ord + Hash>(members: &HashSet<T>) -> impl Iterator<Item = HashSet<T>> {
    let members = sorted(members);
    let count = members.len().div_ceil(PIECE_MEMBERS);
    (0..count).map(move |at| members.iter().skip(at * PIECE_MEMBERS).take(PIECE_MEMBERS).copied().collect())
}

fn cut_pairs<K: Copy + Ord + Hash>(pairs: &HashMap<K, u64>) -> impl Iterator<Item = HashMap<K, u64>> {
    let pairs = sorted_pairs(pairs);
    let count = pairs.len().div_ceil(PIECE_PAIRS);
    (0..count).map(move |at| pairs.iter().skip(at * PIECE_PAIRS).take(PIECE_PAIRS).copied().collect())
}

fn write_hashes(bytes: &mut Vec<u8>, hashes: impl ExactSizeIterator<Item = u64>) {
    write_number(bytes, hashes.len() as u64);
    hashes.for_each(|hash| bytes.extend(hash.to_le_bytes()));
}

fn read_visitor(bytes: &mut &[u8]) -> Option<VisitorHash> {
    read_hash(bytes).map(VisitorHash)
}

fn read_ascending<T: Copy + Ord + Hash>(
    bytes: &mut &[u8],
    read: impl Fn(&mut &[u8]) -> Option<T>,
) -> Option<HashSet<T>> {
    let count = read_number(bytes)?;
    let mut members = HashSet::new();
    let mut last = None;
    for _ in 0..count {
        let member = read(bytes)?;
        if last.is_some_and(|last| last >= member) {
            return None;
        }
        last = Some(member);
        members.insert(member);
    }
    Some(members)
}

fn read_pairs<K: Copy + Ord + Hash>(
    bytes: &mut &[u8],
    read: impl Fn(&mut &[u8]) -> Option<K>,
) -> Option<HashMap<K, u64>> {
    let count = read_number(bytes)?;
    let mut pairs = HashMap::new();
    let mut last = None;
    for _ in 0..count {
        let key = read(bytes)?;
        if last.is_some_and(|last| last >= key) {
            return None;
        }
        last = Some(key);
        pairs.insert(key, read_number(bytes)?);
    }
    Some(pairs)
}

fn write_days(bytes: &mut Vec<u8>, days: &BTreeSet<i32>) {
    write_number(bytes, days.len() as u64);
    let mut before = 0;
    for day in days {
        write_signed(bytes, i64::from(*day) - before);
        before = i64::from(*day);
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn states() -> impl Strategy<Value = Accumulator> {
        let visitor = || any::<u64>().prop_map(VisitorHash);
        let visitors = || prop::collection::hash_set(visitor(), 0..30);
        let days = || prop::collection::btree_set(any::<i32>(), 0..30);
        prop_oneof![
            any::<u64>().prop_map(State::Events),
            any::<u64>().prop_map(State::Minutes),
            visitors().prop_map(State::Visitors),
            days().prop_map(State::Days),
            any::<Option<i64>>().prop_map(State::First),
            any::<Option<i64>>().prop_map(State::Last),
            (0..3_u64, days()).prop_map(|(sum, days)| State::EventsAndDays(sum, days)),
            prop::collection::hash_set(any::<u64>(), 0..30).prop_map(State::Objects),
            prop::collection::hash_map(visitor(), any::<u64>(), 0..30).prop_map(State::EventsOfVisitors),
            prop::collection::hash_map((visitor(), any::<i32>()), any::<u64>(), 0..30).prop_map(State::DaysOfVisitors),
            (0..3_u64, 0..3_u64).prop_map(|(current, previous)| State::Change(current, previous)),
            (prop_oneof![Just(0), any::<i128>()], 0..3_u64).prop_map(|(sum, count)| State::Sum(sum, count)),
            any::<Option<i128>>().prop_map(State::Least),
            any::<Option<i128>>().prop_map(State::Most),
            prop::option::of((any::<i64>(), "[a-zä]{0,9}")).prop_map(State::Latest),
            prop::collection::hash_set(any::<u64>(), 0..30).prop_map(State::Values),
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
                State::Days(days) | State::EventsAndDays(0, days) => days.is_empty(),
                State::Objects(objects) => objects.is_empty(),
                State::EventsOfVisitors(events) => events.is_empty(),
                State::DaysOfVisitors(days) => days.is_empty(),
                State::Events(sum) | State::Minutes(sum) => *sum == 0,
                State::First(at) | State::Last(at) => at.is_none(),
                State::Change(current, previous) => (*current, *previous) == (0, 0),
                State::Sum(sum, count) => (*sum, *count) == (0, 0),
                State::Least(number) | State::Most(number) => number.is_none(),
                State::Latest(latest) => latest.is_none(),
                State::Values(values) => values.is_empty(),
                State::EventsAndDays(..) => false,
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

    #[test]
    fn many_visitors_go_into_several_pieces_that_merge_to_the_whole() {
        let visitors = || (0..40_000_u64).map(|n| VisitorHash(n.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        for whole in [
            State::Visitors(visitors().collect()),
            State::Objects(visitors().map(|visitor| visitor.0).collect()),
            State::EventsOfVisitors(visitors().map(|visitor| (visitor, visitor.0)).collect()),
            State::DaysOfVisitors(visitors().map(|visitor| ((visitor, -3), visitor.0)).collect()),
        ] {
            let whole = Accumulator(whole);
            let pieces = whole.pieces();
            assert!(pieces.len() > 2 && pieces.iter().all(|piece| piece.len() < 145_000), "{}", pieces.len());
            let mut read = pieces.iter().map(|piece| Accumulator::read(&mut piece.as_slice()).unwrap());
            let first = read.next().unwrap();
            let merged = read.fold(first, |mut sum, piece| {
                sum.merge(&piece);
                sum
            });
            assert_eq!(merged, whole);
        }
    }

    #[test]
    fn a_visitors_month_is_about_as_many_bytes_as_its_days_ask_for() {
        let month = HashMap::from([((VisitorHash(u64::MAX), 20_600 / 64), (1 << 30) - 1)]);
        let mut bytes = Vec::new();
        Accumulator(State::DaysOfVisitors(month)).write(&mut bytes);
        assert_eq!(bytes.len(), 2 + 8 + 2 + 5);
    }
}
