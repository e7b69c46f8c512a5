//! What a playbook does, and what it refuses to be.

mod body;
mod machine;

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
fn what_turns_on_a_rebase_moves_when_it_is_released() {
    let mut object = Object::of(full());
    object.day(F, F, F);
    assert_eq!(object.rebased(T, F, F), NOTHING);
    assert_eq!(object.day(T, F, F), NOTHING);
    assert!(object.memory.is_owed());
    assert_eq!(object.release([U, F, F]), NOTHING, "nobody can tell now");
    assert_eq!(object.release([T, F, F]), ["in 1 released"]);
    assert_eq!(object.release([T, F, F]), NOTHING);
    assert_eq!(object.rebased(T, T, T), NOTHING);
    assert_eq!(object.day(T, T, T), NOTHING);
    assert_eq!(object.release([T, T, T]), ["met 1", "out 1 released"]);
    assert!(!object.memory.is_owed());
}

#[test]
fn after_a_rebase_behaviour_counts_again() {
    let mut object = Object::of(full());
    object.day(T, F, F);
    assert_eq!(object.rebased(F, F, F), NOTHING);
    assert_eq!(object.day(T, F, F), ["in 1"], "it came to hold by behaviour, whatever made it fall");
    object.day(T, F, F);
    object.rebased(T, T, F);
    object.day(T, F, F);
    assert!(!object.memory.is_owed(), "what turned back is not owed");
    assert_eq!(object.day(T, T, F), ["out 1"]);
}

#[test]
fn over_the_cap_an_entry_waits_for_release() {
    let mut object = Object::of(full());
    object.day(F, F, F);
    let wants = object.see([T, F, F], false, |playbook, memory, sight| playbook.wants(memory, sight));
    assert!(wants);
    assert_eq!(object.look([T, F, F], false, false), NOTHING);
    let wants = object.see([T, F, F], false, |playbook, memory, sight| playbook.wants(memory, sight));
    assert!(!wants);
    assert_eq!(object.day(T, F, F), NOTHING);
    assert_eq!(object.release([T, F, F]), ["in 1 released"]);
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
fn those_held_out_are_followed_and_not_told() {
    let mut body = full();
    body["hold_out_percent"] = 50.into();
    let mut object = Object::of(body);
    let id = SignalId::from_text("p");
    let is_out = |object_id: &String| object.playbook.is_held_out(&id, object_id);
    let lots: Vec<String> = (0..1_000).map(|at| format!("account-{at}")).collect();
    let held_out = lots.iter().filter(|id| is_out(id)).count();
    assert!((430..570).contains(&held_out), "{held_out} of 1000 by a lot of one half");
    let drawn = lots.into_iter().find(|id| is_out(id)).unwrap();
    let mut look = |truths| {
        object.day += 1;
        told(&object.see(truths, false, |playbook, memory, sight| playbook.step(&id, &drawn, memory, sight, true)))
    };
    look([F, F, F]);
    assert_eq!(look([T, F, F]), ["held 1"]);
    assert_eq!(look([T, F, T]), NOTHING);
    assert_eq!(look([F, T, T]), NOTHING);
    assert_eq!(look([T, T, T]), ["held 2"]);
    let first = &object.memory.entries[0];
    assert_eq!((first.met, first.exited), (Some(first.on + 1), Some(first.on + 2)));
    let refused = object.see([T, T, T], false, |playbook, memory, sight| playbook.enrol(memory, sight, By::Hand));
    assert_eq!(refused, Err(Refused::HeldOut));
    let out = object.see([T, T, T], false, |playbook, memory, sight| playbook.take_out(memory, sight));
    assert_eq!(out, Ok(Vec::new()));
    let enrolled = object.see([T, T, T], false, |playbook, memory, sight| playbook.enrol(memory, sight, By::Hand));
    assert_eq!(told(&enrolled.unwrap()), ["in 3 by hand", "met 3"]);
}

#[test]
fn people_enrol_and_take_out() {
    let mut object = Object::of(json!({"segment": holds("s"), "exit": holds("x")}));
    assert_eq!(object.day(T, T, F), NOTHING);
    let enrolled = object.see([T, T, F], false, |playbook, memory, sight| playbook.enrol(memory, sight, By::Hand));
    assert_eq!(told(&enrolled.unwrap()), ["in 1 by hand"]);
    let refused = object.see([T, T, F], false, |playbook, memory, sight| playbook.enrol(memory, sight, By::Hand));
    assert_eq!(refused, Err(Refused::AlreadyEnrolled));
    assert_eq!(object.day(T, T, F), NOTHING);
    let out = object.see([T, T, F], false, |playbook, memory, sight| playbook.take_out(memory, sight));
    assert_eq!(told(&out.unwrap()), ["out 1 by hand"]);
    let refused = object.see([T, T, F], false, |playbook, memory, sight| playbook.take_out(memory, sight));
    assert_eq!(refused, Err(Refused::NotEnrolled));
    let ended = object.day;
    for (days, expected) in [(-1, Err(Refused::WasEnrolled)), (0, Ok(vec!["in 2 by hand".to_owned()]))] {
        object.day = ended + days;
        let enrolled = object.see([T, T, F], false, |playbook, memory, sight| playbook.enrol(memory, sight, By::Hand));
        assert_eq!(enrolled.map(|changes| told(&changes)), expected);
    }
    object.see([T, T, F], false, |playbook, memory, sight| playbook.take_out(memory, sight)).unwrap();
    let past = past(&[("s", F)]);
    let sight = Sight { past: &past, day: object.day, at_ms: 1, is_rebased: false };
    assert_eq!(object.playbook.enrol(&mut object.memory, &sight, By::Hand), Err(Refused::OutsideSegment));
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
