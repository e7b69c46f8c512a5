//! What is kept while rows are added up: a sum, a set or an extreme. Merging is commutative and associative, so rows may
//! come in any order and in any parts, and what was folded earlier can be kept.

use super::function::Function;
use super::plan::Plan;
use crate::id::VisitorHash;
use crate::usage::property::{self, Amount};
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
    /// Billionths, and the events with a number.
    Sum(i128, u64),
    /// The lowest of numbers, in billionths.
    Least(Option<i128>),
    /// The highest of numbers, in billionths.
    Most(Option<i128>),
    /// When the last event with a value was, and its value as JSON; of several at one time the last in the order of texts.
    Latest(Option<(i64, String)>),
    /// Hashes of values.
    Values(HashSet<u64>),
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
            Function::Sum | Function::Average => State::Sum(0, 0),
            Function::Min => State::Least(None),
            Function::Max => State::Most(None),
            Function::Latest => State::Latest(None),
            Function::DistinctValues => State::Values(HashSet::new()),
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
            State::Values(values) => {
                if let Some(value) = plan.property(row).as_ref().and_then(property::text) {
                    values.insert(XxHash3_64::oneshot(value.as_bytes()));
                }
            }
            State::Latest(latest) => {
                if let Some(value) = plan.property(row).filter(|value| property::text(value).is_some()) {
                    let at = Some((row.last_ms, value.to_string()));
                    if *latest < at {
                        *latest = at;
                    }
                }
            }
            numbers => numbers.add_amount(plan.amount(row), row.events),
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
            (State::Sum(sum, count), State::Sum(more, events)) => {
                *sum = sum.wrapping_add(*more);
                *count = count.saturating_add(*events);
            }
            (State::Least(least), State::Least(other)) => *least = earlier(*least, *other),
            (State::Most(most), State::Most(other)) => *most = (*most).max(*other),
            (State::Latest(latest), State::Latest(other)) => {
                if *latest < *other {
                    latest.clone_from(other);
                }
            }
            (State::Values(values), State::Values(more)) => values.extend(more),
            _ => debug_assert!(false, "accumulators of different functions"),
        }
    }
}

impl State {
    /// Takes the numbers that the events of a row have. Sums wrap around rather than stop at an end, so that no order of adding
    /// gives another one; no usage comes near the end.
    fn add_amount(&mut self, amount: Option<Amount>, events: u64) {
        let Some(amount) = amount else { return };
        match self {
            Self::Sum(sum, count) => {
                *sum = sum.wrapping_add(amount.sum);
                *count = count.saturating_add(events);
            }
            Self::Least(least) => *least = earlier(*least, Some(amount.least)),
            Self::Most(most) => *most = (*most).max(Some(amount.most)),
            _ => {}
        }
    }
}

/// Rows mostly come in the order of time, so a day mostly is the last one that was seen.
fn see_day(days: &mut BTreeSet<i32>, local_day: i32) {
    if days.last() != Some(&local_day) {
        days.insert(local_day);
    }
}

fn earlier<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::accumulator_outcome::ratio;
    use crate::fields::{Definition, Field, Outcome};
    use crate::id::{FieldId, Kind};
    use crate::time::{HOUR_MS, Hour, Zone};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    const NEW_YORK: &str = "America/New_York";
    /// By visitor: what the property is that functions of one look at.
    const SIZES: [&str; 9] =
        ["[null]", "[\"many\"]", "[\"1e3\"]", "[-2]", "[0.1]", "[\"\"]", "[true]", "[2.5]", "[\"2.5\"]"];

    /// As of day 10; over all time, or over the days from day 5 on where it must be over.
    fn plan(function: Function, zone: &str) -> Plan {
        let window = if function.needs_whole_window() { json!({"rolling_days": 5}) } else { json!({"all_time": true}) };
        let mut body = json!({"name": "x", "object": "account", "usage": {"kind": "feature"},
                              "function": function.name(), "window": window});
        if function == Function::AdoptionRate {
            (body["usage"]["ids"], body["of"]) = (json!(["g"]), json!("same_kind"));
        }
        if function.is_of_property() {
            // Named by a filter, it is read one by one.
            let filters = json!([{"property": "size", "operator": "present"}]);
            body["usage"] = json!({"kind": "track", "ids": ["f", "g", "h"], "filters": filters});
            body["of_property"] = json!("size");
        }
        let definition = Definition::parse(&body).unwrap();
        let field = Field::new(FieldId::from_text("f"), definition, 0, None);
        Plan::new(&field, Hour(240), Zone::parse(zone).unwrap(), Hour(0)).unwrap()
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
            event_type: SIZES[usize::try_from(visitor.0).unwrap() % SIZES.len()],
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
            Outcome::number(17.5),
            Outcome::number(2.5),
            Outcome::number(2.5),
            Outcome::number(2.5),
            Outcome::number(2.5),
            Outcome::Count(1),
        ];
        assert_eq!(outcomes(&rows, "UTC"), expected);
    }

    #[test]
    fn nothing_is_zero_or_never_used() {
        let mut expected = vec![Outcome::Count(0); 4];
        expected.extend(vec![Outcome::NeverUsed; 3]);
        expected.extend([ratio(0, 0), ratio(0, 0), Outcome::Count(0), ratio(0, 0), ratio(0, 0)]);
        expected.extend([Outcome::Change { current: 0, previous: 0 }, ratio(0, 0)]);
        expected.extend([Outcome::number(0.0), ratio(0, 0)]);
        expected.extend(vec![Outcome::NeverUsed; 3]);
        expected.push(Outcome::Count(0));
        assert_eq!(outcomes(&[], "UTC"), expected);
        assert_eq!(outcomes(&[row(5, 1, 0, 0)], "UTC"), expected, "a row without events");
    }

    #[test]
    fn days_are_local_days() {
        // 03:00 UTC is still the day before in New York; as of is 19:00 of 10 January there.
        let rows = [row(216 + 3, 1, 1, 1), row(216 - 2, 1, 1, 1)];
        let new_york = outcomes(&rows, NEW_YORK);
        let utc = outcomes(&rows, "UTC");
        assert_eq!((&new_york[3], &utc[3]), (&Outcome::Count(1), &Outcome::Count(2)));
        assert_eq!((&new_york[6], &utc[6]), (&Outcome::Count(1), &Outcome::Count(1)));
        assert_eq!(outcomes(&[row(230, 1, 1, 1)], NEW_YORK)[6], Outcome::Count(0), "today");
    }

    #[test]
    fn numbers_of_a_property_count_once_for_each_event_and_what_is_no_number_counts_not() {
        // By visitor: 0 has none, 1 and 6 no number, 2 a thousand, 3 minus two, 4 a tenth.
        let rows =
            [row(1, 0, 9, 0), row(2, 1, 9, 0), row(3, 2, 1, 0), row(4, 3, 3, 0), row(5, 4, 1, 0), row(6, 6, 9, 0)];
        let of = |function| {
            let plan = plan(function, "UTC");
            let of_kind = |row: &UsageRow<'static>| UsageRow { kind: plan.kind(), ..*row };
            folded(&plan, &rows.iter().map(of_kind).collect::<Vec<_>>()).outcome(&plan).value()
        };
        let functions = [Function::Sum, Function::Average, Function::Min, Function::Max];
        assert_eq!(functions.map(of), [994.1, 994.1 / 5.0, -2.0, 1000.0].map(Value::from));
        assert_eq!(of(Function::Latest), "true", "whatever it is");
        assert_eq!(of(Function::DistinctValues), Value::from(5), "many, 1e3, -2, 0.1 and true");
    }

    #[test]
    fn what_pendo_added_up_is_added_up() {
        let body = json!({"name": "x", "object": "account", "usage": {"kind": "track", "ids": ["f"]}, "of_property": "size",
                          "function": "sum", "window": {"all_time": true}});
        let of = |function: &str| {
            let mut body = body.clone();
            body["function"] = json!(function);
            let field = Field::new(FieldId::from_text("f"), Definition::parse(&body).unwrap(), 0, None);
            let plan = Plan::new(&field, Hour(240), Zone::UTC, Hour(0)).unwrap();
            let texts = ["[[7.5,-2,3]]", "[[0.25,0.25,0.25]]"];
            let rows = texts.map(|text| UsageRow { kind: plan.kind(), event_type: text, ..row(1, 1, 3, 0) });
            folded(&plan, &rows).outcome(&plan).value()
        };
        assert_eq!(["sum", "average", "min", "max"].map(of), [7.75, 7.75 / 6.0, -2.0, 3.0].map(Value::from));
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
