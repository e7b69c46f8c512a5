//! What is kept while rows are added up: a sum, a set or an extreme. Merging is commutative and associative, so rows may
//! come in any order and in any parts, and what was folded earlier can be kept.

use super::function::Function;
use super::outcome::Outcome;
use super::plan::Plan;
use crate::id::VisitorHash;
use crate::usage::row::UsageRow;
use std::collections::BTreeSet;

/// The state of one field for one object: no more than its function needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accumulator(pub(super) State);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    Events(u64),
    Minutes(u64),
    Visitors(BTreeSet<VisitorHash>),
    Days(BTreeSet<i32>),
    First(Option<i64>),
    Last(Option<i64>),
}

impl Accumulator {
    /// The state of no rows.
    #[must_use]
    pub fn empty(function: Function) -> Self {
        Self(match function {
            Function::Count => State::Events(0),
            Function::Minutes => State::Minutes(0),
            Function::DistinctVisitors => State::Visitors(BTreeSet::new()),
            Function::ActiveDays => State::Days(BTreeSet::new()),
            Function::FirstUsed => State::First(None),
            Function::LastUsed | Function::DaysSinceLastUsed => State::Last(None),
        })
    }

    /// Adds a row; `local_day` is the local day in which the row's hour begins. A row without events leaves no trace
    /// but its minutes.
    pub fn add(&mut self, row: &UsageRow<'_>, local_day: i32) {
        let has_events = row.events > 0;
        match &mut self.0 {
            State::Events(sum) => *sum = sum.saturating_add(row.events),
            State::Minutes(sum) => *sum = sum.saturating_add(row.minutes),
            State::Visitors(visitors) if has_events => _ = visitors.insert(row.visitor),
            State::Days(days) if has_events => _ = days.insert(local_day),
            State::First(first) if has_events => *first = earlier(*first, Some(row.first_ms)),
            State::Last(last) if has_events => *last = (*last).max(Some(row.last_ms)),
            State::Visitors(_) | State::Days(_) | State::First(_) | State::Last(_) => {}
        }
    }

    /// Adds what another accumulator of the same function holds. One of another function is left out.
    pub fn merge(&mut self, other: &Self) {
        match (&mut self.0, &other.0) {
            (State::Events(sum), State::Events(more)) | (State::Minutes(sum), State::Minutes(more)) => {
                *sum = sum.saturating_add(*more);
            }
            (State::Visitors(visitors), State::Visitors(more)) => visitors.extend(more),
            (State::Days(days), State::Days(more)) => days.extend(more),
            (State::First(first), State::First(other)) => *first = earlier(*first, *other),
            (State::Last(last), State::Last(other)) => *last = (*last).max(*other),
            _ => debug_assert!(false, "accumulators of different functions"),
        }
    }

    /// The value of what was added.
    #[must_use]
    pub fn outcome(&self, plan: &Plan) -> Outcome {
        match &self.0 {
            State::Events(sum) | State::Minutes(sum) => Outcome::Count(*sum),
            State::Visitors(visitors) => Outcome::Count(visitors.len() as u64),
            State::Days(days) => Outcome::Count(days.len() as u64),
            State::First(None) | State::Last(None) => Outcome::NeverUsed,
            State::Last(Some(last)) if plan.function() == Function::DaysSinceLastUsed => {
                let days = i64::from(plan.today()) - i64::from(plan.zone().local_day(*last));
                Outcome::Count(u64::try_from(days).unwrap_or(0))
            }
            State::First(Some(ms)) | State::Last(Some(ms)) => Outcome::Instant(*ms),
        }
    }
}

fn earlier(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
