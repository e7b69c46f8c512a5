//! What was added up comes to: from sums, sets and extremes to a value.

use super::accumulator::{Accumulator, State};
use super::function::Function;
use super::outcome::Outcome;
use super::plan::Plan;
use crate::id::VisitorHash;
use crate::usage::property;
use serde_json::Value;
use std::collections::HashSet;

impl Accumulator {
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
            State::EventsAndDays(sum, days) => ratio(*sum, days.len() as u64),
            State::Objects(objects) => Outcome::Count(objects.len() as u64),
            State::EventsOfVisitors(visitors) => {
                let sum = || visitors.values().fold(0, |sum: u64, events| sum.saturating_add(*events));
                match plan.function() {
                    Function::AdoptionRate => {
                        let users = visitors.values().filter(|events| **events > 0).count();
                        ratio(users as u64, visitors.len() as u64)
                    }
                    Function::AveragePerActiveUser => ratio(sum(), visitors.len() as u64),
                    _ => ratio(visitors.values().copied().max().unwrap_or(0), sum()),
                }
            }
            State::DaysOfVisitors(days) => {
                let visitors: HashSet<VisitorHash> = days.keys().map(|(visitor, _)| *visitor).collect();
                let active = days.values().map(|bits| u64::from(bits.count_ones())).sum();
                ratio(active, plan.days().saturating_mul(visitors.len() as u64))
            }
            State::Change(current, previous) => Outcome::Change { current: *current, previous: *previous },
            State::Values(values) => Outcome::Count(values.len() as u64),
            State::Sum(sum, _) if plan.function() == Function::Sum => Outcome::number(property::double(*sum)),
            State::Sum(sum, count) => Outcome::mean(property::double(*sum), *count),
            State::Least(None) | State::Most(None) | State::Latest(None) => Outcome::NeverUsed,
            State::Least(Some(number)) | State::Most(Some(number)) => Outcome::number(property::double(*number)),
            State::Latest(Some((_, json))) => match serde_json::from_str(json) {
                Ok(Value::Number(number)) => Outcome::number(number.as_f64().unwrap_or_default()),
                Ok(value) => Outcome::Text(property::text(&value).unwrap_or_default().into_owned()),
                Err(_) => Outcome::NeverUsed,
            },
        }
    }
}

pub(super) const fn ratio(numerator: u64, denominator: u64) -> Outcome {
    Outcome::Ratio { numerator, denominator }
}
