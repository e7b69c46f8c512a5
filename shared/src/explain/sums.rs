//! Sums of rows, at whatever level they are shown.

use crate::fields::Plan;
use crate::time::to_the_millisecond;
use crate::usage::property;
use crate::usage::row::UsageRow;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Number;

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
    /// Where numbers of a property are looked at: how many of the events have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub numbers: Option<u64>,
    /// Those numbers added up, each once for each event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sum: Option<Number>,
}

/// The same while rows are added.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) rows: u64,
    pub(super) events: u64,
    pub(super) minutes: u64,
    first_ms: Option<i64>,
    last_ms: Option<i64>,
    /// Billionths, and the events with a number; `None` where no numbers are looked at.
    numbers: Option<(i128, u64)>,
}

impl Tally {
    /// Takes in what a plan that looks at numbers of a property makes of a row.
    pub(super) fn add_number(&mut self, plan: &Plan, row: &UsageRow<'_>) {
        if !plan.function().is_of_numbers() {
            return;
        }
        let (sum, count) = self.numbers.get_or_insert_default();
        if let Some(amount) = plan.amount(row) {
            *sum = sum.wrapping_add(amount.sum);
            *count = count.saturating_add(row.events);
        }
    }

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
        if let Some((sum, count)) = other.numbers {
            let (all, events) = self.numbers.get_or_insert_default();
            (*all, *events) = (all.wrapping_add(sum), events.saturating_add(count));
        }
    }

    pub(super) fn shown(&self) -> Sums {
        Sums {
            rows: self.rows,
            events: self.events,
            minutes: self.minutes,
            first: self.first_ms.map(to_the_millisecond),
            last: self.last_ms.map(to_the_millisecond),
            numbers: self.numbers.map(|(_, count)| count),
            sum: self.numbers.and_then(|(sum, _)| Number::from_f64(property::double(sum))),
        }
    }
}
