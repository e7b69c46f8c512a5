//! Sums of rows, at whatever level they are shown.

use crate::time::to_the_millisecond;
use crate::usage::row::UsageRow;
use schemars::JsonSchema;
use serde::Serialize;

/// What some rows add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Sums {
    /// Stored rows.
    pub rows: u64,
    /// Events.
    pub events: u64,
    /// Pendo's minutes, added up row by row.
    pub minutes: u64,
    /// The first event.
    pub first: Option<String>,
    /// The last event.
    pub last: Option<String>,
}

/// The same while rows are added.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) rows: u64,
    pub(super) events: u64,
    pub(super) minutes: u64,
    first_ms: Option<i64>,
    last_ms: Option<i64>,
}

impl Tally {
    /// Takes a row in. Times are those of rows with events, as in every function.
    pub(super) fn add(&mut self, row: &UsageRow<'_>) {
        self.rows += 1;
        self.events = self.events.saturating_add(row.events);
        self.minutes = self.minutes.saturating_add(row.minutes);
        if row.events > 0 {
            self.first_ms = self.first_ms.into_iter().chain([row.first_ms]).min();
            self.last_ms = self.last_ms.max(Some(row.last_ms));
        }
    }

    /// Takes other sums in.
    pub(super) fn merge(&mut self, other: &Self) {
        self.rows += other.rows;
        self.events = self.events.saturating_add(other.events);
        self.minutes = self.minutes.saturating_add(other.minutes);
        self.first_ms = self.first_ms.into_iter().chain(other.first_ms).min();
        self.last_ms = self.last_ms.max(other.last_ms);
    }

    pub(super) fn shown(&self) -> Sums {
        Sums {
            rows: self.rows,
            events: self.events,
            minutes: self.minutes,
            first: self.first_ms.map(to_the_millisecond),
            last: self.last_ms.map(to_the_millisecond),
        }
    }
}
