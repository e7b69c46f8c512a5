//! Small cases that can be reckoned by hand.

use super::said::short;
use super::world::{Chosen, World, world};
use super::{Entry, Impact, Question, Unit, Verdict, measure};

const ENTERED: i32 = 20_000;

/// A unit with these values in the weeks up to the day of entry, and these in the weeks after.
fn unit(id: usize, before: [f64; 4], after: [f64; 4]) -> Unit {
    let days = (0..).map(|week| ENTERED - 21 + 7 * week);
    let outcome = days.zip(before.into_iter().chain(after)).collect();
    Unit { id: format!("{id:02}"), segment: None, size: None, since: None, stage: None, outcome }
}

fn entry(unit: usize) -> Entry {
    Entry { unit, entered: ENTERED, exited: None, met: None, is_held_out: false, in_others: false }
}

fn question() -> Question {
    Question { minimum: 4, ..Question::on(ENTERED + 29) }
}

fn measured(impact: &Impact) -> usize {
    match impact.verdict {
        Verdict::Measured { treated, .. } => treated,
        _ => 0,
    }
}

#[test]
fn the_day_of_entry_is_before_and_the_windows_end_is_after() {
    let mut one = unit(0, [1.0, 2.0, 3.0, 6.0], [5.0, 7.0, 9.0, 11.0]);
    one.outcome.insert(ENTERED - 28, 1_000.0);
    one.outcome.insert(ENTERED + 29, 1_000.0);
    let told = measure(&question(), &[one], &[entry(0)]).before_and_after.unwrap();
    assert_eq!((told.before, told.after, told.change), (3.0, 8.0, 5.0));
    assert!((told.change_percent.unwrap() - 500.0 / 3.0).abs() < 1e-9);
}

#[test]
fn nobody_is_measured_before_the_window_is_over() {
    let units = [unit(0, [1.0; 4], [2.0; 4])];
    let early = measure(&Question { today: ENTERED + 28, ..question() }, &units, &[entry(0)]);
    assert_eq!((early.participants, early.measured, early.before_and_after), (1, 0, None));
    let over = measure(&question(), &units, &[entry(0)]);
    assert_eq!(over.measured, 1);
    assert_eq!(over.verdict, Verdict::NotEnoughData { measured: 1, needed: 4 });
}

#[test]
fn half_of_the_weeks_after_are_enough() {
    let mut sparse = unit(0, [1.0; 4], [2.0; 4]);
    sparse.outcome.remove(&(ENTERED + 7));
    sparse.outcome.remove(&(ENTERED + 14));
    assert_eq!(measure(&question(), &[sparse.clone()], &[entry(0)]).measured, 1);
    sparse.outcome.remove(&(ENTERED + 21));
    assert_eq!(measure(&question(), &[sparse], &[entry(0)]).measured, 0);
}

#[test]
fn only_the_first_entry_is_measured_and_every_one_participates() {
    let units = [unit(0, [1.0; 4], [2.0; 4])];
    let again = Entry { entered: ENTERED + 20, ..entry(0) };
    let impact = measure(&Question { today: ENTERED + 99, ..question() }, &units, &[again, entry(0), entry(7)]);
    assert_eq!((impact.participants, impact.measured), (2, 1));
}

#[test]
fn the_objective_may_be_met_thirty_days_after_exit() {
    let units = [unit(0, [1.0; 4], [2.0; 4])];
    let met = |met: i32| Entry { met: Some(met), exited: Some(ENTERED + 5), ..entry(0) };
    let question = Question { has_objective: true, ..question() };
    let share = |day: i32| measure(&question, &units, &[met(day), entry(0)]).met_objective;
    assert_eq!(
        [share(ENTERED - 1), share(ENTERED), share(ENTERED + 35), share(ENTERED + 36)].map(Option::unwrap),
        [0.0, 0.5, 0.5, 0.0]
    );
    assert_eq!(measure(&Question { has_objective: false, ..question }, &units, &[met(ENTERED)]).met_objective, None);
}

#[test]
fn hold_out_is_welch_s() {
    // Changes 1, 2, 3, 4 against 0, 0, 2, 6: means 2.5 and 2, squares of errors 5/12 and 2, 4.21 degrees of freedom.
    let changes = [1.0, 2.0, 3.0, 4.0, 0.0, 0.0, 2.0, 6.0];
    let units: Vec<Unit> =
        changes.iter().enumerate().map(|(at, change)| unit(at, [1.0; 4], [1.0 + change; 4])).collect();
    let entries: Vec<Entry> = (0..8).map(|at| Entry { is_held_out: at > 3, ..entry(at) }).collect();
    let told = measure(&question(), &units, &entries).hold_out.unwrap();
    assert_eq!((told.effect, told.enrolled, told.held_out), (0.5, 4, 4));
    let half = (told.high - told.low) / 2.0;
    let error = (5.0f64 / 12.0 + 2.0).sqrt();
    assert!((half / error - 2.723).abs() < 0.01, "t of 4.21 degrees: {}", half / error);
    assert_eq!(measure(&Question { minimum: 10, ..question() }, &units, &entries).hold_out, None);
}

#[test]
fn those_in_other_playbooks_are_counted_and_can_be_left_out() {
    let World { units, entries, question } = world(Chosen::ByLot, 240, 3.0, 15);
    let others = entries.iter().filter(|entry| entry.in_others).count();
    let impact = measure(&question, &units, &entries);
    assert_eq!(impact.contamination.participants, others);
    let without = impact.contamination.without.unwrap();
    assert!(without.treated < measured(&impact) && without.low <= 3.0 && 3.0 <= without.high);
    let alone: Vec<Entry> = entries.iter().map(|entry| Entry { in_others: false, ..*entry }).collect();
    assert_eq!(measure(&question, &units, &alone).contamination.without, None);
    let all: Vec<Entry> = entries.iter().map(|entry| Entry { in_others: true, ..*entry }).collect();
    assert_eq!(measure(&question, &units, &all).contamination.without, None);
}

#[test]
fn who_was_low_is_said_to_have_stood_out() {
    let of = |chosen: Chosen| {
        let World { units, entries, question } = world(chosen, 240, 0.0, 12);
        measure(&question, &units, &entries).regression_to_the_mean
    };
    let low = of(Chosen::LowLastWeek).unwrap();
    assert!(low.deviations < -0.5 && low.explained > 0.2, "{low:?}");
    assert_eq!(low.what, "last week before");
    assert_eq!(of(Chosen::ByLot), None);
}

#[test]
fn an_effect_is_said_in_words() {
    let said = |effect: f64| {
        let World { units, entries, question } = world(Chosen::ByLot, 240, effect, 13);
        match measure(&question, &units, &entries).verdict {
            Verdict::Measured { said, placebo, balance, .. } => {
                assert!(placebo.is_some_and(|placebo| placebo.passed) && balance.len() == 6);
                said
            }
            other => format!("{other:?}"),
        }
    };
    assert!(said(3.0).starts_with("The playbook raised the outcome by "), "{}", said(3.0));
    assert!(said(-3.0).starts_with("The playbook lowered the outcome by "), "{}", said(-3.0));
    assert!(said(0.0).starts_with("No effect that could be told from chance (95 % interval from -"), "{}", said(0.0));
}

#[test]
fn without_history_there_is_no_placebo() {
    let World { mut units, entries, question } = world(Chosen::ByLot, 240, 3.0, 14);
    let first = entries.iter().map(|entry| entry.entered).min().unwrap();
    units.iter_mut().for_each(|unit| unit.outcome = unit.outcome.split_off(&(first - 28)));
    let verdict = measure(&question, &units, &entries).verdict;
    assert!(matches!(verdict, Verdict::Measured { placebo: None, .. }), "{verdict:?}");
}

#[test]
fn three_digits_count() {
    assert_eq!(
        [0.0, 1.0, 95.0, 12.345, 0.012_345, -123.4, 1e12].map(short),
        ["0", "1.00", "95.0", "12.3", "0.0123", "-123", "1.00e12"]
    );
}
