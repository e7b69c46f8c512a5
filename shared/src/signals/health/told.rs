//! Facts about what is told when a health score changes its band, and what is owed.

use super::tests::{DAY, field, health, of, percent};
use super::*;
use crate::fields::Reason;
use crate::signals::event::{Band, By, Change, What};
use crate::signals::facts::{Gap, Known};
use crate::signals::sight::Sight;
use serde_json::json;

/// A sight of one value of the field a.
struct Look {
    health: Health,
    memory: Memory,
}

impl Look {
    fn new() -> Self {
        Self { health: health(&of(&[percent("a", 1.0)])), memory: Memory::default() }
    }

    fn at(&mut self, known: Known, is_rebased: bool, over: Option<&Override>) -> Vec<Change> {
        let mut past = Past::default();
        past.note(field("a"), DAY, known);
        let sight = Sight { past: &past, day: DAY, at_ms: 0, is_rebased };
        self.health.step(&mut self.memory, &sight, over).1
    }

    fn moves(&mut self, value: f64) -> Vec<(Option<Band>, Option<Band>, By)> {
        turns(&self.at(Known::Number(value), false, None))
    }
}

fn turns(changes: &[Change]) -> Vec<(Option<Band>, Option<Band>, By)> {
    let turn = |change: &Change| match &change.what {
        What::HealthChanged { from, to, by, .. } => (*from, *to, *by),
        other => panic!("{other:?}"),
    };
    changes.iter().map(turn).collect()
}

const GOOD: Option<Band> = Some(Band::Good);
const FAIR: Option<Band> = Some(Band::Fair);
const POOR: Option<Band> = Some(Band::Poor);

#[test]
fn a_change_of_band_is_told_with_its_score_and_what_drives_it() {
    let mut look = Look::new();
    assert_eq!(look.moves(90.0), [], "the first look is where it starts from");
    assert_eq!(look.moves(80.0), [], "within the band nothing is told");
    let told = look.at(Known::Number(40.0), false, None);
    let [Change { what: What::HealthChanged { from, to, score, drivers, by }, because }] = &told[..] else {
        panic!("{told:?}")
    };
    assert_eq!((*from, *to, *score, *by), (GOOD, POOR, Some(40.0), By::Behaviour));
    assert_eq!((drivers[0].input.as_str(), drivers[0].costs), ("a", 60.0));
    assert!(because.is_empty());
    assert_eq!(look.memory.since, Some(DAY));
}

#[test]
fn what_turns_without_behaviour_is_owed_until_it_is_released_or_turns_back() {
    let mut look = Look::new();
    look.moves(90.0);
    assert_eq!(look.at(Known::Number(40.0), true, None), []);
    assert_eq!(look.memory.owed, Some(OwedBand { from: Band::Good, to: POOR, day: DAY }));
    assert_eq!(look.moves(40.0), [], "it has turned already");
    let mut back = Look { health: look.health.clone(), memory: look.memory.clone() };
    assert_eq!(back.moves(90.0), [], "it turned back to what was told last");
    assert_eq!(back.memory.owed, None);
    let mut on = Look { health: look.health.clone(), memory: look.memory.clone() };
    assert_eq!(on.moves(60.0), [(POOR, FAIR, By::Behaviour)]);
    assert_eq!(on.memory.owed, None);
    let released = release(&mut look.memory).unwrap();
    assert_eq!(turns(&[released]), [(GOOD, POOR, By::Release)]);
    assert_eq!(release(&mut look.memory), None);
    assert_eq!(look.moves(40.0), []);
}

#[test]
fn re_based_twice_it_owes_one_change_from_what_was_told() {
    let mut look = Look::new();
    look.moves(90.0);
    look.at(Known::Number(40.0), true, None);
    look.at(Known::Number(60.0), true, None);
    assert_eq!(look.memory.owed, Some(OwedBand { from: Band::Good, to: FAIR, day: DAY }));
    look.at(Known::Number(90.0), true, None);
    assert_eq!(look.memory.owed, None);
}

#[test]
fn a_score_that_is_lost_keeps_its_band_and_goes_on_from_it() {
    let mut look = Look::new();
    look.moves(90.0);
    for gap in [Gap::NotSeen, Gap::Stale, Gap::Value(Reason::NeverUsed), Gap::Value(Reason::Unmatched)] {
        assert_eq!(look.at(Known::nothing(gap), false, None), []);
        assert_eq!((look.memory.score, look.memory.band), (None, GOOD));
    }
    assert_eq!(look.moves(40.0), [(GOOD, POOR, By::Behaviour)], "what arrives late is behaviour");
}

/// Two inputs, of which either is enough.
fn two(values: [Known; 2]) -> Past {
    let mut past = Past::default();
    for (name, known) in ["a", "b"].iter().zip(values) {
        past.note(field(name), DAY, known);
    }
    past
}

#[test]
fn an_input_that_goes_or_comes_without_usage_moves_nobody() {
    let health = health(&of(&[percent("a", 1.0), percent("b", 1.0)]));
    let mut memory = Memory::default();
    let mut look = |a, b| {
        let past = two([a, b]);
        let before = memory.clone();
        let sight = Sight { past: &past, day: DAY, at_ms: 0, is_rebased: false };
        let (scored, changes) = health.step(&mut memory, &sight, None);
        let rests = memory.rests_on_the_same_as(&before);
        (scored.score, memory.band, turns(&changes), memory.owed.map(|owed| owed.to), rests, scored.known())
    };
    let number = Known::Number;
    let unmatched = || Known::nothing(Gap::Value(Reason::Unmatched));
    assert_eq!(look(number(100.0), number(0.0)), (Some(50.0), POOR, vec![], None, false, number(50.0)));
    assert_eq!(
        look(number(100.0), unmatched()),
        (Some(100.0), GOOD, vec![], Some(GOOD), false, number(100.0)),
        "it is owed"
    );
    assert_eq!(
        look(number(100.0), number(0.0)),
        (Some(50.0), POOR, vec![], None, false, number(50.0)),
        "and turns back"
    );
    let never = || Known::nothing(Gap::Value(Reason::NeverUsed));
    let told = vec![(POOR, GOOD, By::Behaviour)];
    assert_eq!(look(number(100.0), never()), (Some(100.0), GOOD, told, None, true, number(100.0)), "usage is why");
}

#[test]
fn while_an_input_awaits_pendo_the_band_stays_and_what_arrives_late_is_told() {
    let health = health(&of(&[percent("a", 1.0), percent("b", 1.0)]));
    let mut memory = Memory::default();
    let mut look = |a, b| {
        let past = two([a, b]);
        let sight = Sight { past: &past, day: DAY, at_ms: 0, is_rebased: false };
        let (scored, changes) = health.step(&mut memory, &sight, None);
        (scored.score, memory.band, turns(&changes), scored.known())
    };
    let stale = || Known::nothing(Gap::Stale);
    look(Known::Number(100.0), Known::Number(100.0));
    assert_eq!(look(Known::Number(0.0), stale()), (Some(0.0), GOOD, vec![], stale()));
    let told = vec![(GOOD, POOR, By::Behaviour)];
    assert_eq!(look(Known::Number(0.0), Known::Number(20.0)), (Some(10.0), POOR, told, Known::Number(10.0)));
}

#[test]
fn another_profile_is_no_behaviour() {
    let health = health(&json!({"profiles": [
        {"name": "Pro", "segment": {"column": "plan", "is": "in", "values": ["pro"]}, "inputs": [percent("a", 1.0)]},
        {"name": "Rest", "inputs": [percent("b", 1.0)]},
    ]}));
    let mut memory = Memory::default();
    let mut past = two([Known::Number(90.0), Known::Number(10.0)]);
    for plan in ["pro", "free"] {
        past.columns.insert("plan".to_owned(), Known::Text(plan.to_owned()));
        let sight = Sight { past: &past, day: DAY, at_ms: 0, is_rebased: false };
        assert_eq!(health.step(&mut memory, &sight, None).1, []);
    }
    assert_eq!(memory.owed, Some(OwedBand { from: Band::Good, to: POOR, day: DAY }));
}

fn set(score: f64) -> Override {
    Override { score, reason: "sponsor left".to_owned(), by: Some("kim".to_owned()), until: DAY, since: DAY }
}

#[test]
fn a_score_by_hand_stands_for_its_time_and_is_told_as_by_hand() {
    let mut look = Look::new();
    look.moves(90.0);
    let set = set(20.0);
    let mut day = |day: i32, value: f64| {
        let mut past = Past::default();
        past.note(field("a"), day, Known::Number(value));
        let sight = Sight { past: &past, day, at_ms: 0, is_rebased: false };
        let before = look.memory.clone();
        let (scored, changes) = look.health.step(&mut look.memory, &sight, Some(&set));
        (scored.score, scored.calculated, turns(&changes), look.memory.rests_on_the_same_as(&before))
    };
    assert_eq!(day(DAY - 1, 90.0), (Some(90.0), Some(90.0), vec![], true), "it does not stand yet");
    assert_eq!(day(DAY, 90.0), (Some(20.0), Some(90.0), vec![(GOOD, POOR, By::Hand)], false));
    assert_eq!(day(DAY, 60.0), (Some(20.0), Some(60.0), vec![], true), "what is beneath moves nothing");
    assert_eq!(day(DAY + 1, 60.0), (Some(60.0), Some(60.0), vec![(POOR, FAIR, By::Hand)], false), "where that has led");
    assert_eq!(day(DAY + 1, 60.0), (Some(60.0), Some(60.0), vec![], true));
}

#[test]
fn what_lies_beneath_a_score_by_hand_keeps_its_hysteresis() {
    let mut look = Look::new();
    look.moves(70.0);
    assert_eq!(turns(&look.at(Known::Number(70.0), false, Some(&set(90.0)))), [(FAIR, GOOD, By::Hand)]);
    assert_eq!(look.moves(77.0), [(GOOD, FAIR, By::Hand)], "from fair, 77 is not above 75 by more than 3");
}

#[test]
fn a_score_that_was_set_for_nothing_known_ends_with_it() {
    let mut look = Look::new();
    let nothing = || Known::nothing(Gap::NotSeen);
    assert_eq!(look.at(nothing(), false, Some(&set(20.0))), [], "there was no band before");
    assert_eq!(look.memory.band, POOR);
    assert_eq!(turns(&look.at(nothing(), false, None)), [(POOR, None, By::Hand)]);
    assert_eq!((look.memory.band, look.memory.score, look.memory.since), (None, None, None));
}
