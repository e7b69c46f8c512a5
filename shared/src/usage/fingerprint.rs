//! Fingerprints: a bucket's totals over grouped rows. Pendo's come from a probe, ours are sums over the shards.

use super::row::Row;
use serde::{Deserialize, Serialize};

/// Totals that two states of a bucket share only if, for all we can see, they are the same. The squares are there
/// because equal sums can hide different rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
        });
    }

    /// Takes another part's totals in. Commutative and associative.
    pub fn merge(&mut self, other: &Self) {
        self.rows += other.rows;
        self.events = self.events.saturating_add(other.events);
        self.minutes = self.minutes.saturating_add(other.minutes);
        self.squares = self.squares.saturating_add(other.squares);
        self.newest_ms = self.newest_ms.max(other.newest_ms);
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }
}
