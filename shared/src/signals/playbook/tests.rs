//! What a playbook does, and what it refuses to be.

mod body;
mod by_hand;
mod machine;
mod naive;

use super::*;
use crate::signals::condition::{Named, NamedKind, Names, Truth};
use crate::signals::event::{By, Change, What};
use crate::signals::facts::{Known, Past};
use crate::signals::sight::Sight;
use serde_json::{Value, json};

/// The level's names: columns `e`, `x`, `o` and `s` that hold 1 where a condition holds and 0 where not, and two fields.
fn names() -> Names {
    let field = |name: &str, id: &str, kind| Named { name: name.into(), id: FieldId::from_text(id), kind, version: 3 };
    Names {
        fields: vec![field("Logins", "f1", NamedKind::Number), field("Last seen", "f2", NamedKind::Instant)],
        columns: ["e", "x", "o", "s"].map(String::from).into(),
        ..Names::default()
    }
}

fn holds(column: &str) -> Value {
    json!({"column": column, "is": "at_least", "value": 1.0})
}

fn playbook(body: Value) -> Playbook {
    Playbook::parse(&body, "/body", &names()).unwrap()
}

/// What is known of an object; a truth that is unknown is an empty column.
fn past(columns: &[(&str, Truth)]) -> Past {
    let number = |truth| if truth == Truth::True { 1.0 } else { 0.0 };
    let known = columns.iter().filter(|(_, truth)| *truth != Truth::Unknown);
    let columns = known.map(|(name, truth)| ((*name).to_owned(), Known::Number(number(*truth)))).collect();
    Past { columns, ..Past::default() }
}

/// An object, looked at by hand.
struct Object {
    playbook: Playbook,
    memory: Memory,
    day: i32,
}

const T: Truth = Truth::True;
const F: Truth = Truth::False;
const U: Truth = Truth::Unknown;

impl Object {
    fn of(body: Value) -> Self {
        Self { playbook: playbook(body), memory: Memory::default(), day: 20_000 }
    }

    fn see<R>(
        &mut self,
        truths: [Truth; 3],
        is_rebased: bool,
        act: impl FnOnce(&Playbook, &mut Memory, &Sight<'_>) -> R,
    ) -> R {
        let past = past(&[("e", truths[0]), ("x", truths[1]), ("o", truths[2]), ("s", T)]);
        let sight = Sight { past: &past, day: self.day, at_ms: i64::from(self.day) * 86_400_000, is_rebased };
        act(&self.playbook, &mut self.memory, &sight)
    }

    /// The next day with entry, exit and objective as given.
    fn day(&mut self, entry: Truth, exit: Truth, objective: Truth) -> Vec<String> {
        self.after(1, entry, exit, objective)
    }

    fn after(&mut self, days: i32, entry: Truth, exit: Truth, objective: Truth) -> Vec<String> {
        self.day += days;
        self.look([entry, exit, objective], false, true)
    }

    fn rebased(&mut self, entry: Truth, exit: Truth, objective: Truth) -> Vec<String> {
        self.day += 1;
        self.look([entry, exit, objective], true, true)
    }

    fn look(&mut self, truths: [Truth; 3], is_rebased: bool, may_enter: bool) -> Vec<String> {
        told(&self.see(truths, is_rebased, |playbook, memory, sight| {
            playbook.step(&SignalId::from_text("p"), "a", memory, sight, may_enter)
        }))
    }

    fn release(&mut self, truths: [Truth; 3]) -> Vec<String> {
        told(&self.see(truths, false, |playbook, memory, sight| {
            playbook.release(&SignalId::from_text("p"), "a", memory, sight)
        }))
    }
}

/// Changes in a word each.
fn told(changes: &[Change]) -> Vec<String> {
    let by = |by: &By| match by {
        By::Behaviour => "",
        By::Hand => " by hand",
        By::Release => " released",
    };
    let each = |change: &Change| match &change.what {
        What::PlaybookEntered { entry, by: who } => format!("in {entry}{}", by(who)),
        What::PlaybookHeldOut { entry } => format!("held {entry}"),
        What::PlaybookMetObjective { entry } => format!("met {entry}"),
        What::PlaybookExited { entry, by: who } => format!("out {entry}{}", by(who)),
        other => format!("{other:?}"),
    };
    changes.iter().map(each).collect()
}

fn full() -> Value {
    json!({"entry": holds("e"), "exit": holds("x"), "objective": holds("o"), "re_entry": "after_exit"})
}

const NOTHING: [&str; 0] = [];

#[test]
fn a_crossing_enters_and_what_stood_before_does_not() {
    let mut object = Object::of(full());
    assert_eq!(object.day(T, F, F), NOTHING);
    assert_eq!(object.day(F, F, F), NOTHING);
    assert_eq!(object.day(T, F, F), ["in 1"]);
    assert_eq!(object.day(T, T, F), ["out 1"]);
    assert_eq!(object.day(T, F, F), NOTHING, "it held all along");
    assert_eq!(object.day(U, F, F), NOTHING);
    assert_eq!(object.day(T, F, F), NOTHING, "a gap is no fall");
    assert_eq!(object.day(F, F, F), NOTHING);
    assert_eq!(object.day(T, F, F), ["in 2"]);
}

#[test]
fn those_who_meet_it_already_are_taken_where_asked() {
    let mut body = full();
    body["takes_standing"] = true.into();
    let mut object = Object::of(body.clone());
    assert_eq!(object.day(U, F, F), NOTHING);
    assert_eq!(object.day(T, F, F), ["in 1"]);
    let mut object = Object::of(body);
    assert_eq!(object.rebased(T, F, F), NOTHING);
    assert_eq!(object.release([T, F, F]), ["in 1 released"]);
}

#[test]
fn exit_comes_before_entry_and_both_may_be_in_one_step() {
    let mut object = Object::of(full());
    object.day(F, F, F);
    object.day(T, F, F);
    object.day(F, F, F);
    assert_eq!(object.day(T, T, F), ["out 1", "in 2"]);
    assert_eq!(object.look([T, T, F], false, true), NOTHING);
    assert_eq!(object.day(T, T, F), NOTHING, "an exit that held at entry must come to hold anew");
    assert_eq!(object.day(T, F, F), NOTHING);
    assert_eq!(object.day(T, T, F), ["out 2"]);
}

#[test]
fn an_exit_that_was_unknown_until_now_is_not_lost() {
    let mut object = Object::of(full());
    object.day(F, U, F);
    assert_eq!(object.day(T, U, F), ["in 1"]);
    assert_eq!(object.day(T, T, F), ["out 1"]);
}

#[test]
fn an_entry_ends_after_its_days_but_not_on_a_rebase() {
    let mut object = Object::of(json!({"entry": holds("e"), "exit_after_days": 5}));
    object.day(F, F, F);
    object.day(T, F, F);
    assert_eq!(object.after(4, F, F, F), NOTHING);
    assert_eq!(object.rebased(F, F, F), NOTHING);
    assert_eq!(object.day(F, F, F), ["out 1"]);
    assert_eq!(object.day(T, F, F), NOTHING, "once is all");
}

#[test]
fn the_objective_is_met_until_thirty_days_after_the_exit() {
    for (days, met) in [(30, vec!["met 1"]), (31, vec![])] {
        let mut object = Object::of(full());
        object.day(F, F, F);
        object.day(T, F, F);
        assert_eq!(object.after(100, F, T, F), ["out 1"]);
        assert_eq!(object.after(days, F, T, T), met);
        assert_eq!(object.day(F, F, F), NOTHING);
        assert_eq!(object.day(F, F, T), NOTHING, "once per entry");
    }
}

#[test]
fn an_objective_that_holds_at_entry_is_met_that_day() {
    let mut object = Object::of(full());
    object.day(F, F, T);
    assert_eq!(object.day(T, F, T), ["in 1", "met 1"]);
    assert_eq!(object.memory.entries[0].met, Some(object.day));
    assert_eq!(object.day(F, T, T), ["out 1"]);
}

#[test]
fn an_entry_waits_until_the_object_has_cooled_down() {
    let mut body = full();
    body["cool_down_days"] = 10.into();
    let mut object = Object::of(body);
    object.day(F, F, F);
    object.day(T, F, F);
    assert_eq!(object.day(F, T, F), ["out 1"]);
    assert_eq!(object.after(5, T, F, F), NOTHING);
    assert_eq!(object.after(4, T, F, F), NOTHING);
    assert_eq!(object.day(T, F, F), ["in 2"]);
    assert_eq!(object.day(F, T, F), ["out 2"]);
    assert_eq!(object.after(5, T, F, F), NOTHING);
    assert_eq!(object.day(F, F, F), NOTHING);
    assert_eq!(object.after(20, F, F, F), NOTHING, "it does not meet it any more");
}

#[test]
fn joining_the_segment_enters_too_and_leaving_it_ends_nothing() {
    let rule = playbook(json!({"entry": holds("e"), "segment": holds("s")}));
    let mut memory = Memory::default();
    let mut look = |day, entry, segment| {
        let past = past(&[("e", entry), ("s", segment)]);
        let sight = Sight { past: &past, day, at_ms: 0, is_rebased: false };
        let changes = rule.step(&SignalId::from_text("p"), "a", &mut memory, &sight, true);
        (told(&changes), changes.first().map_or(0, |change| change.because.len()))
    };
    assert_eq!(look(1, T, F).0, NOTHING);
    assert_eq!(look(2, U, F).0, NOTHING);
    assert_eq!(look(3, U, T).0, NOTHING);
    assert_eq!(look(4, T, T), (vec!["in 1".to_owned()], 2), "with the reasons of both");
    assert_eq!(look(5, T, F).0, NOTHING);
}

#[test]
fn the_oldest_entries_that_ended_are_dropped_and_counted() {
    let mut object = Object::of(full());
    for _ in 0..150 {
        object.day(F, F, F);
        object.day(T, F, F);
        object.day(T, T, F);
    }
    let entries = &object.memory.entries;
    assert_eq!((entries.len(), object.memory.dropped), (ENTRIES_MAX, 50));
    assert_eq!(entries.iter().map(|entry| entry.entry).collect::<Vec<_>>(), (51..=150).collect::<Vec<_>>());
}

#[test]
fn a_small_level_has_playbooks_too() {
    let rule = playbook(full());
    assert_eq!([0, 5, 10, 19, 20, 1_000].map(|objects| rule.most_of(objects)), [1, 1, 1, 1, 2, 100]);
}
