//! Fingerprints: a bucket's totals over grouped rows. Pendo's come from a probe, ours are sums over the shards.

use super::property;
use super::row::Row;
use crate::id::Kind;
use serde::{Deserialize, Serialize};

/// Sums of a property's numbers that Pendo added up are equal if they differ by no more than a millionth of the larger, and a
/// millionth for each row: Pendo adds doubles in an order of its own.
pub const AMOUNT_TOLERANCE: f64 = 1e-6;

/// Totals that two states of a bucket share only if, for all we can see, they are the same. The squares are there
/// because equal sums can hide different rows.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Grouped rows.
    pub rows: u64,
    /// Events.
    pub events: u64,
    /// Pendo's minutes, summed.
    pub minutes: u64,
    /// Sum of each row's events squared.
    pub squares: u64,
    /// The newest event, ms since 1970; 0 when there is none.
    pub newest_ms: i64,
    /// What Pendo added up of a property, in billionths; 0 where it added up none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub amount: i128,
}

const fn is_zero(number: &i128) -> bool {
    *number == 0
}

/// Amounts are equal within [`AMOUNT_TOLERANCE`], all else to the unit.
impl PartialEq for Fingerprint {
    #[expect(clippy::cast_precision_loss, reason = "the tolerance is larger")]
    fn eq(&self, other: &Self) -> bool {
        let whole = |one: &Self| (one.rows, one.events, one.minutes, one.squares, one.newest_ms);
        let apart = self.amount.abs_diff(other.amount) as f64;
        let largest = self.amount.unsigned_abs().max(other.amount.unsigned_abs()) as f64;
        let allowed = AMOUNT_TOLERANCE * (largest + self.rows as f64 * 1e9);
        whole(self) == whole(other) && apart <= allowed
    }
}

/// What a row's text adds to the amount of its bucket.
pub(super) fn amount_of(kind: Kind, text: &str) -> i128 {
    if kind.is_properties() { property::amount(text).map_or(0, |amount| amount.sum) } else { 0 }
}

impl Fingerprint {
    /// Takes a row into the totals.
    pub fn add(&mut self, row: &Row<'_>) {
        self.merge(&Self {
            rows: 1,
            events: row.events,
            minutes: row.minutes,
            squares: row.events.saturating_mul(row.events),
            newest_ms: row.last_ms,
            amount: amount_of(row.kind, &row.event_type),
        });
    }

    /// Takes another part's totals in. Commutative and associative.
    pub fn merge(&mut self, other: &Self) {
        self.rows += other.rows;
        self.events = self.events.saturating_add(other.events);
        self.minutes = self.minutes.saturating_add(other.minutes);
        self.squares = self.squares.saturating_add(other.squares);
        self.newest_ms = self.newest_ms.max(other.newest_ms);
        self.amount = self.amount.wrapping_add(other.amount);
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_equal_within_the_tolerance_and_all_else_to_the_unit() {
        let of = |amount: i128| Fingerprint { rows: 2, events: 5, amount, ..Fingerprint::default() };
        let thousand = 1_000_000_000_000;
        assert_eq!(of(thousand), of(thousand + 1_001_000));
        assert_ne!(of(thousand), of(thousand + 1_010_000));
        assert_eq!((of(0), of(-thousand)), (of(2_000), of(-thousand - 1_001_000)));
        assert_ne!(of(0), of(2_100));
        assert_ne!(of(0), Fingerprint { events: 6, ..of(0) });
    }
}
