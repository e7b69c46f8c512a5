//! What is kept while rows are added up: a sum, a set or an extreme. Merging is commutative and associative, so rows may
//! come in any order and in any parts, and what was folded earlier can be kept.

use super::function::Function;
use super::outcome::Outcome;
use super::plan::Plan;
use crate::id::VisitorHash;
use crate::usage::row::UsageRow;
use std::collections::{BTreeSet, HashMap, HashSet};
use twox_hash::XxHash3_64;

/// The state of one field for one object: no more than its function needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accumulator(pub(super) State);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    Events(u64),
    Minutes(u64),
    Visitors(HashSet<VisitorHash>),
    Days(BTreeSet<i32>),
    First(Option<i64>),
    Last(Option<i64>),
    EventsAndDays(u64, BTreeSet<i32>),
    /// Hashes of the objects' ids.
    Objects(HashSet<u64>),
    /// Each visitor's events: for adoption those of the named objects, which may be none.
    EventsOfVisitors(HashMap<VisitorHash, u64>),
    /// Of each visitor and sixty-four local days, counted from 1970, those with events: the first is the lowest bit.
    DaysOfVisitors(HashMap<(VisitorHash, i32), u64>),
    /// Events of the window, and of the equal one before it.
    Change(u64, u64),
}

/// Days whose bits one number holds.
pub(super) const DAYS_OF_BITS: i32 = 64;

impl Accumulator {
    /// The state of no rows.
    #[must_use]
    pub fn empty(function: Function) -> Self {
        Self(match function {
            Function::Count => State::Events(0),
            Function::Minutes => State::Minutes(0),
            Function::DistinctVisitors => State::Visitors(HashSet::new()),
            Function::ActiveDays => State::Days(BTreeSet::new()),
            Function::FirstUsed => State::First(None),
            Function::LastUsed | Function::DaysSinceLastUsed => State::Last(None),
            Function::AveragePerActiveDay => State::EventsAndDays(0, BTreeSet::new()),
            Function::FeatureBreadth => State::Objects(HashSet::new()),
            Function::AveragePerActiveUser | Function::PowerUserConcentration | Function::AdoptionRate => {
                State::EventsOfVisitors(HashMap::new())
            }
            Function::Stickiness => State::DaysOfVisitors(HashMap::new()),
            Function::Trend => State::Change(0, 0),
        })
    }

    /// Adds a row that the plan takes; `local_day` is the local day in which the row's hour begins. A row without events
    /// leaves no trace but its minutes.
    pub fn add(&mut self, plan: &Plan, row: &UsageRow<'_>, local_day: i32) {
        if let State::Minutes(sum) = &mut self.0 {
            *sum = sum.saturating_add(row.minutes);
        }
        if row.events == 0 {
            return;
        }
        let more = |sum: &mut u64| *sum = sum.saturating_add(row.events);
        match &mut self.0 {
            State::Events(sum) => more(sum),
            State::Minutes(_) => {}
            State::Visitors(visitors) => _ = visitors.insert(row.visitor),
            State::Days(days) => see_day(days, local_day),
            State::First(first) => *first = earlier(*first, Some(row.first_ms)),
            State::Last(last) => *last = (*last).max(Some(row.last_ms)),
            State::EventsAndDays(sum, days) => {
                more(sum);
                see_day(days, local_day);
            }
            State::Objects(objects) => _ = objects.insert(XxHash3_64::oneshot(row.object.as_bytes())),
            State::EventsOfVisitors(visitors) => {
                let sum = visitors.entry(row.visitor).or_default();
                if plan.is_use_of_named(row.object) {
                    more(sum);
                }
            }
            State::DaysOfVisitors(days) => {
                let bits = days.entry((row.visitor, local_day.div_euclid(DAYS_OF_BITS))).or_default();
                *bits |= 1 << local_day.rem_euclid(DAYS_OF_BITS);
            }
            State::Change(current, _) if plan.is_current(local_day) => more(current),
            State::Change(_, previous) => more(previous),
        }
    }

    /// Whether another accumulator keeps the same of its rows, so that the two can be merged.
    #[must_use]
    pub fn is_of_one_function_with(&self, other: &Self) -> bool {
        std::mem::discriminant(&self.0) == std::mem::discriminant(&other.0)
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
            (State::EventsAndDays(sum, days), State::EventsAndDays(events, more)) => {
                *sum = sum.saturating_add(*events);
                days.extend(more);
            }
            (State::Objects(objects), State::Objects(more)) => objects.extend(more),
            (State::EventsOfVisitors(visitors), State::EventsOfVisitors(more)) => {
                for (visitor, events) in more {
                    let sum = visitors.entry(*visitor).or_default();
                    *sum = sum.saturating_add(*events);
                }
            }
            (State::DaysOfVisitors(days), State::DaysOfVisitors(more)) => {
                more.iter().for_each(|(key, bits)| *days.entry(*key).or_default() |= bits);
            }
            (State::Change(current, previous), State::Change(more, before)) => {
                *current = current.saturating_add(*more);
                *previous = previous.saturating_add(*before);
            }
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
        }
    }
}

const fn ratio(numerator: u64, denominator: u64) -> Outcome {
    Outcome::Ratio { numerator, denominator }
}

/// Rows mostly come in the order of time, so a day mostly is the last one that was seen.
fn see_day(days: &mut BTreeSet<i32>, local_day: i32) {
    if days.last() != Some(&local_day) {
        days.insert(local_day);
    }
}

fn earlier(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::{Definition, Field};
    use crate::id::{FieldId, Kind};
    use crate::time::{HOUR_MS, Hour, Zone};
    use proptest::prelude::*;
    use serde_json::json;

    const NEW_YORK: &str = "America/New_York";

    /// As of day 10; over all time, or over the days from day 5 on where it must be over.
    fn plan(function: Function, zone: &str) -> Plan {
        let window = if function.needs_whole_window() { json!({"rolling_days": 5}) } else { json!({"all_time": true}) };
        let mut body = json!({"name": "x", "object": "account", "usage": {"kind": "feature"},
                              "function": function.name(), "window": window});
        if function == Function::AdoptionRate {
            (body["usage"]["ids"], body["of"]) = (json!(["g"]), json!("same_kind"));
        }
        let definition = Definition::parse(&body).unwrap();
        let field = Field::new(FieldId::from_text("f"), definition, 0, None);
        Plan::new(&field, Hour(240), Zone::parse(zone).unwrap(), Hour(0))
    }

    fn row(hour: i32, visitor: u64, events: u64, minutes: u64) -> UsageRow<'static> {
        let (hour, start) = (Hour(hour), Hour(hour).start_ms());
        let (kind, visitor) = (Kind::Feature, VisitorHash(visitor));
        let (first_ms, last_ms) = (start + 5, start + HOUR_MS - 5);
        UsageRow {
            kind,
            hour,
            account: Some("a"),
            visitor,
            app: 1,
            object: "f",
            event_type: "",
            events,
            minutes,
            first_ms,
            last_ms,
        }
    }

    fn folded(plan: &Plan, rows: &[UsageRow<'_>]) -> Accumulator {
        let mut accumulator = plan.start();
        rows.iter().for_each(|row| accumulator.add(plan, row, plan.zone().local_day(row.hour.start_ms())));
        accumulator
    }

    fn outcomes(rows: &[UsageRow<'_>], zone: &str) -> Vec<Outcome> {
        Function::ALL.map(|function| plan(function, zone)).iter().map(|plan| folded(plan, rows).outcome(plan)).collect()
    }

    #[test]
    fn each_function_gives_its_own_number() {
        // Two visitors on three UTC days, as of day 10; all but the last before day 5.
        let mut rows = [row(1, 7, 2, 1), row(30, 7, 3, 2), row(31, 8, 1, 1), row(193, 7, 1, 0)];
        rows[2].object = "g";
        let expected = [
            Outcome::Count(7),
            Outcome::Count(4),
            Outcome::Count(2),
            Outcome::Count(3),
            Outcome::Instant(HOUR_MS + 5),
            Outcome::Instant(194 * HOUR_MS - 5),
            Outcome::Count(2),
            ratio(7, 3),
            ratio(7, 2),
            Outcome::Count(2),
            ratio(6, 7),
            ratio(4, 10),
            Outcome::Change { current: 1, previous: 6 },
            ratio(1, 2),
        ];
        assert_eq!(outcomes(&rows, "UTC"), expected);
    }

    #[test]
    fn nothing_is_zero_or_never_used() {
        let mut expected = vec![Outcome::Count(0); 4];
        expected.extend([Outcome::NeverUsed; 3]);
        expected.extend([ratio(0, 0), ratio(0, 0), Outcome::Count(0), ratio(0, 0), ratio(0, 0)]);
        expected.extend([Outcome::Change { current: 0, previous: 0 }, ratio(0, 0)]);
        assert_eq!(outcomes(&[], "UTC"), expected);
        assert_eq!(outcomes(&[row(5, 1, 0, 0)], "UTC"), expected, "a row without events");
    }

    #[test]
    fn days_are_local_days() {
        // 03:00 UTC is still the day before in New York; as of is 19:00 of 10 January there.
        let rows = [row(216 + 3, 1, 1, 1), row(216 - 2, 1, 1, 1)];
        let new_york = outcomes(&rows, NEW_YORK);
        let utc = outcomes(&rows, "UTC");
        assert_eq!((new_york[3], utc[3]), (Outcome::Count(1), Outcome::Count(2)));
        assert_eq!((new_york[6], utc[6]), (Outcome::Count(1), Outcome::Count(1)));
        assert_eq!(outcomes(&[row(230, 1, 1, 1)], NEW_YORK)[6], Outcome::Count(0), "today");
    }

    fn rows() -> impl Strategy<Value = Vec<UsageRow<'static>>> {
        let objects = prop::sample::select(vec!["f", "g", "h"]);
        let some = (0..240_i32, 0..20_u64, prop_oneof![0..50_u64, Just(u64::MAX)], 0..9_u64, objects);
        let some = some.prop_map(|(hour, visitor, events, minutes, object)| UsageRow {
            object,
            ..row(hour, visitor, events, minutes)
        });
        prop::collection::vec(some, 0..40)
    }

    proptest! {
        #[test]
        fn rows_may_come_in_any_order_and_in_any_parts(
            rows in rows(),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 2),
            function in prop::sample::select(&Function::ALL[..]),
        ) {
            let plan = plan(function, NEW_YORK);
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(rows.len() + 1)).collect();
            cuts.sort_unstable();
            let parts = [&rows[..cuts[0]], &rows[cuts[0]..cuts[1]], &rows[cuts[1]..]].map(|part| folded(&plan, part));
            let whole = folded(&plan, &rows);
            let merged = |one: &Accumulator, other: &Accumulator| {
                let mut sum = one.clone();
                sum.merge(other);
                sum
            };
            let [one, two, three] = &parts;
            prop_assert_eq!(&merged(&merged(one, two), three), &whole);
            prop_assert_eq!(&merged(one, &merged(two, three)), &whole);
            prop_assert_eq!(&merged(&merged(three, one), two), &whole);
            let mut backwards = rows.clone();
            backwards.reverse();
            prop_assert_eq!(folded(&plan, &backwards), whole);
        }
    }
}
