//! Checksums of who and what: what equal totals hide.
//!
//! When Pendo merges two accounts, or moves a tag, rows change their account or object while every total of the hour stays
//! the same. A checksum is linear: each key's totals are multiplied by numbers drawn from the key, and all is added up. So
//! ours is added row by row, Pendo's group by group, in any order, and the two agree only where (but for a chance of
//! about 1 in 2^60) each key has the same totals.

use super::fingerprint::Fingerprint;
use crate::time::Hour;
use std::collections::BTreeMap;

/// One number per span of hours, named by its first hour. A span without usage is absent or 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checksums(BTreeMap<Hour, u64>);

impl Checksums {
    /// Adds a key's totals, or a part of them, to a span.
    pub fn add(&mut self, span: Hour, key: &str, totals: &Fingerprint) {
        self.add_sum(span, weigh(key, totals));
    }

    /// Adds a sum that was made before.
    pub fn add_sum(&mut self, span: Hour, sum: u64) {
        let mine = self.0.entry(span).or_default();
        *mine = mine.wrapping_add(sum);
    }

    /// Adds another part's sums.
    pub fn merge(&mut self, other: &Self) {
        for (span, sum) in &other.0 {
            self.add_sum(*span, *sum);
        }
    }

    /// The spans in which the two differ, oldest first.
    #[must_use]
    pub fn differing(&self, other: &Self) -> Vec<Hour> {
        let of = |sums: &Self, span: &Hour| sums.0.get(span).copied().unwrap_or_default();
        let mut spans: Vec<Hour> = self.0.keys().chain(other.0.keys()).copied().collect();
        spans.sort_unstable();
        spans.dedup();
        spans.retain(|span| of(self, span) != of(other, span));
        spans
    }
}

/// A key's totals as one number. The newest time is left out: it is a maximum and no sum.
pub(super) fn weigh(key: &str, totals: &Fingerprint) -> u64 {
    [totals.rows, totals.events, totals.minutes, totals.squares]
        .into_iter()
        .enumerate()
        .filter(|(_, number)| *number > 0)
        .map(|(at, number)| {
            // Odd, so that no number is lost in the multiplication.
            let factor = twox_hash::XxHash3_64::oneshot_with_seed(at as u64 + 1, key.as_bytes()) | 1;
            factor.wrapping_mul(number)
        })
        .fold(0, u64::wrapping_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn totals(events: u64) -> Fingerprint {
        Fingerprint { rows: 1, events, minutes: events / 2, squares: events * events, newest_ms: 7, amount: 0 }
    }

    #[test]
    fn the_same_totals_under_another_key_are_seen() {
        let (mut one, mut other) = (Checksums::default(), Checksums::default());
        one.add(Hour(0), "A-1", &totals(3));
        one.add(Hour(0), "A-2", &totals(5));
        other.add(Hour(0), "A-1", &totals(5));
        other.add(Hour(0), "A-2", &totals(3));
        assert_eq!(one.differing(&other), [Hour(0)]);
        assert!(Checksums::default().differing(&Checksums::default()).is_empty());
    }

    proptest! {
        #[test]
        fn parts_in_any_order_add_up_to_the_whole(parts in prop::collection::vec((0..3i32, 0..5u8, 1..1_000u64), 0..30)) {
            let mut whole: BTreeMap<(i32, u8), Fingerprint> = BTreeMap::new();
            let mut by_parts = Checksums::default();
            for (span, key, events) in parts.iter().rev() {
                by_parts.add(Hour(*span), &key.to_string(), &totals(*events));
                whole.entry((*span, *key)).or_default().merge(&totals(*events));
            }
            let mut by_keys = Checksums::default();
            whole.iter().for_each(|((span, key), sums)| by_keys.add(Hour(*span), &key.to_string(), sums));
            prop_assert!(by_parts.differing(&by_keys).is_empty());
        }
    }
}
