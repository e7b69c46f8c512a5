//! Counts what the table's use costs, from the consumed capacity that the table reports with each answer.

use serde::{Deserialize, Serialize};
use std::sync::Mutex;

/// Adds up capacity and item writes.
#[derive(Default)]
pub struct Meter(Mutex<Spent>);

/// What was spent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Spent {
    /// Write request units.
    pub write_units: f64,
    /// Read request units.
    pub read_units: f64,
    /// Items written that hold usage: blocks, month indexes, and heads that took new rows.
    pub usage_writes: u64,
    /// Items written that hold values: pages, and heads that took only values.
    pub value_writes: u64,
}

/// What an item that is written holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Usage.
    Usage,
    /// Values.
    Values,
    /// Configuration and bookkeeping.
    Bookkeeping,
}

impl Meter {
    /// What was spent so far.
    #[must_use]
    pub fn spent(&self) -> Spent {
        *self.lock()
    }

    pub(crate) fn wrote(&self, units: Option<f64>, holds: Holds) {
        let mut spent = self.lock();
        spent.write_units += units.unwrap_or_default();
        match holds {
            Holds::Usage => spent.usage_writes += 1,
            Holds::Values => spent.value_writes += 1,
            Holds::Bookkeeping => {}
        }
    }

    pub(crate) fn read(&self, units: Option<f64>) {
        self.lock().read_units += units.unwrap_or_default();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Spent> {
        // A poisoned meter still counts: its numbers are plain sums.
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
