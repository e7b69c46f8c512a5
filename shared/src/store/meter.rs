//! Counts what the table's use costs, from the consumed capacity that the table reports with each answer.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Mutex;

/// Adds up capacity and item writes.
#[derive(Default)]
pub struct Meter(Mutex<Spent>);

/// What was spent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Spent {
    /// Write request units.
    pub write_units: f64,
    /// Read request units.
    pub read_units: f64,
    /// Write request units by what was written: `head`, `block`, `page`, a document's or a tree's name.
    pub write_units_by: BTreeMap<String, f64>,
    /// Read request units by what was read.
    pub read_units_by: BTreeMap<String, f64>,
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
        self.lock().clone()
    }

    pub(crate) fn wrote(&self, sort: &str, units: Option<f64>, holds: Holds) {
        let mut spent = self.lock();
        spent.write_units += units.unwrap_or_default();
        *spent.write_units_by.entry(noun_of(sort).to_owned()).or_default() += units.unwrap_or_default();
        match holds {
            Holds::Usage => spent.usage_writes += 1,
            Holds::Values => spent.value_writes += 1,
            Holds::Bookkeeping => {}
        }
    }

    pub(crate) fn read(&self, sort: &str, units: Option<f64>) {
        let mut spent = self.lock();
        spent.read_units += units.unwrap_or_default();
        *spent.read_units_by.entry(noun_of(sort).to_owned()).or_default() += units.unwrap_or_default();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Spent> {
        // A poisoned meter still counts: its numbers are plain sums.
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// What an item is, by its sort key: roots and pages of a tree go by the tree's name.
fn noun_of(sort: &str) -> &str {
    let mut parts = sort.split('#');
    match (parts.next().unwrap_or_default(), parts.next()) {
        ("root", Some(tree)) => tree,
        ("page", Some(tree)) if !tree.starts_with(|first: char| first.is_ascii_digit()) => tree,
        (noun, _) => noun,
    }
}
