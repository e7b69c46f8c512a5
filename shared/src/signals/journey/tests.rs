//! What a journey does, and what it refuses to be.

mod body;
mod by_hand;
mod machine;
mod naive;

use super::*;
use crate::id::SignalId;
use crate::signals::condition::{Named, NamedKind, Names, Truth};
use crate::signals::event::{By, Change, What};
use crate::signals::facts::{Known, Past};
use crate::signals::sight::Sight;
use serde_json::{Value, json};

const T: Truth = Truth::True;
const F: Truth = Truth::False;
const U: Truth = Truth::Unknown;
const NOTHING: [&str; 0] = [];
const COLUMNS: [&str; 5] = ["a", "b", "c", "d", "s"];

/// The level's names: columns that hold 1 where the goal that is called like them is met, and 0 where not.
fn names() -> Names {
    let named = |name: &str, id: &str| Named {
        name: name.into(),
        id: SignalId::from_text(id),
        kind: NamedKind::Text,
        version: 1,
    };
    Names {
        columns: COLUMNS.map(String::from).into(),
        journeys: vec![(named("Own", "j1"), vec!["One".into()]), (named("Other", "j2"), vec!["First".into()])],
        ..Names::default()
    }
}

fn holds(column: &str) -> Value {
    json!({"column": column, "is": "at_least", "value": 1.0})
}

fn goal(column: &str, latched: bool) -> Value {
    json!({"name": column, "condition": holds(column), "latched": latched})
}

fn journey(body: Value) -> Journey {
    Journey::parse(&body, "/body", &names()).unwrap()
}

/// Three stages: one with a latched goal and one that is not, one with a goal and a target, and the end.
fn three() -> Value {
    json!({"segment": holds("s"), "stages": [
        {"name": "One", "goals": [goal("a", true), goal("b", false)]},
        {"name": "Two", "goals": [goal("c", true), goal("d", true)], "advance": "any", "target_days": 5},
        {"name": "Three"},
    ]})
}

fn past(truths: [Truth; 5]) -> Past {
    let number = |truth| if truth == T { 1.0 } else { 0.0 };
    let known = COLUMNS.iter().zip(truths).filter(|(_, truth)| *truth != U);
    let columns = known.map(|(name, truth)| ((*name).to_owned(), Known::Number(number(truth)))).collect();
    Past { columns, ..Past::default() }
}

/// Changes in a few words each.
fn told(changes: &[Change]) -> Vec<String> {
    let each = |change: &Change| match &change.what {
        What::StageEntered { stage, from, entry, by } => {
            format!("{} > {stage} {entry} {by:?}", from.as_deref().unwrap_or("-"))
        }
        What::GoalMet { stage, goal } => format!("met {stage} {goal}"),
        What::GoalLost { stage, goal } => format!("lost {stage} {goal}"),
        What::StageOverdue { stage, days } => format!("overdue {stage} {days}"),
        What::JourneyLeft { stage } => format!("left {stage}"),
        other => format!("{other:?}"),
    };
    changes.iter().map(each).collect()
}

/// An object, looked at by hand.
struct Object {
    journey: Journey,
    memory: Memory,
    day: i32,
    at_ms: i64,
}

impl Object {
    fn of(body: Value) -> Self {
        Self { journey: journey(body), memory: Memory::default(), day: 20_000, at_ms: 0 }
    }

    fn see<R>(
        &mut self,
        truths: [Truth; 5],
        is_rebased: bool,
        act: impl FnOnce(&Journey, &mut Memory, &Sight<'_>) -> R,
    ) -> R {
        self.at_ms += 1;
        let past = past(truths);
        let sight = Sight { past: &past, day: self.day, at_ms: self.at_ms, is_rebased };
        act(&self.journey, &mut self.memory, &sight)
    }

    /// The next day, with a, b, c, d and the segment as given.
    fn day(&mut self, truths: [Truth; 5]) -> Vec<String> {
        self.day += 1;
        told(&self.see(truths, false, Journey::step))
    }

    fn rebased(&mut self, truths: [Truth; 5]) -> Vec<String> {
        self.day += 1;
        told(&self.see(truths, true, Journey::step))
    }

    fn stuck(&self, truths: [Truth; 5]) -> Option<Stuck> {
        self.journey.stuck(&self.memory, &past(truths), self.day)
    }

    fn release(&mut self, truths: [Truth; 5]) -> Vec<String> {
        told(&self.see(truths, false, |journey, memory, sight| journey.release(memory, sight)))
    }

    fn move_to(&mut self, stage: &str, truths: [Truth; 5]) -> Result<Vec<String>, Refused> {
        self.see(truths, false, |journey, memory, sight| journey.move_to(memory, sight, stage))
            .map(|changes| told(&changes))
    }
}

#[test]
fn the_first_look_places_silently_where_the_goals_stand() {
    for (truths, stage) in
        [([F, T, T, T, T], "One"), ([U, T, T, T, T], "One"), ([T, T, F, F, T], "Two"), ([T, T, F, T, T], "Three")]
    {
        let mut object = Object::of(three());
        assert_eq!(object.day(truths), NOTHING);
        assert_eq!(object.memory.stage(), Some(stage));
        assert_eq!(object.day(truths), NOTHING, "nothing moved");
    }
    let mut object = Object::of(three());
    object.day([T, T, T, T, U]);
    assert_eq!(object.memory.stage(), None, "whether it is of the segment nobody can tell");
}

#[test]
fn one_that_joins_by_behaviour_begins_in_the_first_stage_and_skips_none() {
    let mut object = Object::of(three());
    object.day([T, T, T, F, F]);
    assert_eq!(object.day([T, T, T, F, T]), ["- > One 1 Behaviour", "met One a", "met One b"]);
    assert_eq!(object.day([T, T, T, F, T]), ["One > Two 1 Behaviour", "met Two c"]);
    assert_eq!(object.day([T, T, T, F, T]), ["Two > Three 1 Behaviour"]);
    assert_eq!(object.day([T, T, T, F, T]), NOTHING);
    assert_eq!(object.day([T, T, T, F, F]), ["left Three"]);
    assert_eq!(object.day([F, F, F, F, T]), ["- > One 2 Behaviour"]);
    let visits: Vec<_> =
        object.memory.visits.iter().map(|visit| (visit.stage.as_str(), visit.from, visit.to)).collect();
    assert_eq!(
        visits,
        [
            ("One", 20_002, Some(20_003)),
            ("Two", 20_003, Some(20_004)),
            ("Three", 20_004, Some(20_006)),
            ("One", 20_007, None)
        ]
    );
    assert_eq!(object.memory.visits[1].goals, BTreeMap::from([("c".to_owned(), 20_003)]));
}

#[test]
fn a_step_that_is_repeated_moves_nobody() {
    let mut object = Object::of(three());
    object.day([F, F, T, T, T]);
    let past = past([T, T, T, T, T]);
    let sight = Sight { past: &past, day: 20_002, at_ms: 2, is_rebased: false };
    let moved = object.journey.step(&mut object.memory, &sight);
    assert_eq!(told(&moved), ["met One a", "met One b", "One > Two 1 Behaviour", "met Two c", "met Two d"]);
    assert_eq!(moved[2].because.len(), 2, "with the goals that moved it");
    assert_eq!(object.journey.step(&mut object.memory, &sight), []);
    let later = Sight { at_ms: 3, ..sight };
    assert_eq!(told(&object.journey.step(&mut object.memory, &later)), ["Two > Three 1 Behaviour"]);
}

#[test]
fn latched_goals_stay_and_others_are_lost() {
    let mut object = Object::of(three());
    object.day([F, F, F, F, T]);
    assert_eq!(object.day([T, F, F, F, T]), ["met One a"]);
    assert_eq!(object.day([F, T, F, F, T]), ["met One b", "One > Two 1 Behaviour"]);
    let mut object = Object::of(three());
    object.day([F, F, F, F, T]);
    assert_eq!(object.day([F, T, F, F, T]), ["met One b"]);
    assert_eq!(object.day([F, U, F, F, T]), NOTHING, "what nobody can tell is not lost");
    assert_eq!(object.day([T, F, F, F, T]), ["met One a", "lost One b"]);
    assert_eq!(object.day([F, T, F, F, T]), ["met One b", "One > Two 1 Behaviour"]);
}

#[test]
fn overdue_is_told_once_and_days_that_nobody_can_tell_do_not_count() {
    let mut object = Object::of(three());
    object.day([T, T, F, F, T]);
    for _ in 0..3 {
        assert_eq!(object.day([T, T, F, U, T]), NOTHING);
    }
    for _ in 0..10 {
        assert_eq!(object.day([T, T, U, U, T]), NOTHING);
    }
    // Later on that day one can be told.
    assert_eq!(told(&object.see([T, T, F, U, T], false, Journey::step)), NOTHING);
    assert_eq!(object.day([T, T, F, F, T]), NOTHING);
    assert_eq!(object.rebased([T, T, F, F, T]), NOTHING, "no alert on a rebase");
    assert_eq!(object.day([T, T, F, F, T]), ["overdue Two 7"]);
    assert_eq!(object.day([T, T, F, F, T]), NOTHING);
    let stuck = object.stuck([T, T, F, F, T]).unwrap();
    let waits = |name: &str| StuckGoal { name: name.into(), met_on: None, truth: GoalIs::False };
    assert_eq!(
        stuck,
        Stuck {
            stage: "Two".into(),
            days: 8,
            target_days: Some(5),
            is_overdue: true,
            goals: vec![waits("c"), waits("d")]
        }
    );
}

#[test]
fn who_is_at_the_end_is_not_stuck() {
    let mut object = Object::of(three());
    assert_eq!(object.stuck([F; 5]), None);
    object.day([F, U, F, F, T]);
    object.day([T, U, F, F, T]);
    let stuck = object.stuck([F, U, F, F, T]).unwrap();
    assert_eq!(
        json!(stuck),
        json!({"stage": "One", "days": 1, "target_days": null, "is_overdue": false, "goals": [
            {"name": "a", "met_on": "2024-10-06", "truth": "false"}, {"name": "b", "met_on": null, "truth": "unknown"},
        ]})
    );
    object.move_to("Three", [F, F, F, F, T]).unwrap();
    assert_eq!(object.stuck([F; 5]), None);
}

#[test]
fn the_oldest_visits_are_dropped_and_their_numbers_go_on() {
    let mut object = Object::of(json!({"stages": [{"name": "X", "advance": "by_hand"}, {"name": "Y"}]}));
    object.day([F; 5]);
    for turn in 0..300 {
        let to = if turn % 2 == 0 { "Y" } else { "X" };
        object.move_to(to, [F; 5]).unwrap();
    }
    assert_eq!(object.memory.visits.len(), VISITS_MAX);
    assert_eq!(object.memory.visits.last().unwrap().entry, 151);
    assert_eq!(object.memory.dropped, BTreeMap::from([("X".to_owned(), 51), ("Y".to_owned(), 50)]));
    let body =
        json!({"stages": [{"name": "X", "advance": "by_hand"}, {"name": "Y", "advance": "by_hand"}, {"name": "Z"}]});
    object.journey = journey(body);
    object.move_to("Y", [F; 5]).unwrap();
    for turn in 0..300 {
        let to = if turn % 2 == 0 { "Z" } else { "Y" };
        object.move_to(to, [F; 5]).unwrap();
    }
    assert_eq!(object.move_to("X", [F; 5]), Ok(vec!["Y > X 152 Hand".to_owned()]));
}
