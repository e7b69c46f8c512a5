//! Random lives of an object, against the rules told once more.

use super::naive::Naive;
use super::*;
use proptest::prelude::*;

/// What happens to an object.
#[derive(Clone, Debug)]
enum Act {
    Look {
        after: i32,
        truths: [Truth; 5],
        is_rebased: bool,
    },
    Move {
        stage: usize,
        truths: [Truth; 5],
    },
    Release {
        truths: [Truth; 5],
    },
    /// Another definition stands; the next look is a rebase.
    Edit(usize),
}

const STAGES: [&str; 4] = ["Zero", "One", "Two", "Three"];

/// Definitions, from one of which to the other a journey is edited.
fn definitions() -> Vec<Journey> {
    let zero = json!({"name": "Zero", "goals": [goal("d", false)], "target_days": 3});
    let mut without_two = three();
    without_two["stages"] = json!([zero, three()["stages"][0], three()["stages"][2]]);
    let mut unlatched = three();
    unlatched["stages"][0]["goals"] = json!([goal("a", false), goal("b", true), goal("c", true)]);
    unlatched["stages"][1]["goals"] = json!([goal("c", false)]);
    let mut fewer = three();
    fewer["stages"][0]["goals"] = json!([goal("b", false)]);
    fewer["stages"][1]["advance"] = "all".into();
    let everybody = json!({"stages": [
        {"name": "Two", "advance": "by_hand", "target_days": 2},
        {"name": "One", "goals": [goal("a", true)], "target_days": 4},
        {"name": "Three", "goals": [goal("d", false)]},
    ]});
    [three(), without_two, unlatched, fewer, everybody].map(journey).into()
}

fn truth() -> impl Strategy<Value = Truth> {
    prop_oneof![5 => Just(T), 5 => Just(F), 2 => Just(U)]
}

fn act() -> impl Strategy<Value = Act> {
    let truths = || {
        let segment = prop_oneof![8 => Just(T), 1 => Just(F), 1 => Just(U)];
        ([truth(), truth(), truth(), truth()], segment).prop_map(|([a, b, c, d], s)| [a, b, c, d, s])
    };
    let look = (0..3_i32, truths(), proptest::bool::weighted(0.2)).prop_map(|(after, truths, is_rebased)| Act::Look {
        after,
        truths,
        is_rebased,
    });
    prop_oneof![
        12 => look,
        1 => (0..4_usize, truths()).prop_map(|(stage, truths)| Act::Move { stage, truths }),
        1 => truths().prop_map(|truths| Act::Release { truths }),
        1 => (0..5_usize).prop_map(Act::Edit),
    ]
}

/// What must be so whatever happens.
fn check(memory: &Memory, before: &Memory) {
    for (at, visit) in memory.visits.iter().enumerate() {
        let is_last = at + 1 == memory.visits.len();
        assert!(visit.to.is_some() || is_last, "two stages at once");
        assert!(is_last || visit.to.unwrap() <= memory.visits[at + 1].from);
        let earlier = memory.visits[..at].iter().filter(|other| other.stage == visit.stage).count();
        assert_eq!(visit.entry as usize, earlier + 1);
    }
    // Past visits stay as they were.
    let closed = before.visits.iter().filter(|visit| visit.to.is_some()).count();
    assert_eq!(memory.visits[..closed], before.visits[..closed]);
    let stored = serde_json::to_string(memory).unwrap();
    assert_eq!(&serde_json::from_str::<Memory>(&stored).unwrap(), memory);
}

proptest! {
    #[test]
    fn a_life_is_told_as_the_rules_say(first in 0..5_usize, acts in proptest::collection::vec(act(), 1..60)) {
        let rules = definitions();
        let (mut at, mut now, mut is_edited) = (first, (20_000, 0), false);
        let mut memory = Memory::default();
        let mut naive = Naive::default();
        for act in acts {
            let rule = &rules[at];
            let before = memory.clone();
            now.1 += 1;
            let changes = match act {
                Act::Edit(other) => {
                    is_edited |= other != at;
                    at = other;
                    continue;
                }
                Act::Look { after, truths, is_rebased } => {
                    now.0 += after;
                    let is_rebased = is_rebased || std::mem::take(&mut is_edited);
                    let past = past(truths);
                    let sight = Sight { past: &past, day: now.0, at_ms: now.1, is_rebased };
                    let changes = told(&rule.step(&mut memory, &sight));
                    prop_assert!(!is_rebased || changes.is_empty(), "a rebase moves nobody: {:?}", changes);
                    prop_assert!(truths.contains(&T) || !changes.iter().any(|told| told.starts_with("met")));
                    let again = memory.clone();
                    prop_assert_eq!(&told(&rule.step(&mut memory, &sight)), &NOTHING);
                    prop_assert_eq!(&memory, &again);
                    prop_assert_eq!(&changes, &naive.look(rule, now, truths, is_rebased));
                    prop_assert_eq!(memory.is_owed(), naive.owes(rule));
                    changes
                }
                Act::Move { stage, truths } => {
                    let past = past(truths);
                    let sight = Sight { past: &past, day: now.0, at_ms: now.1, is_rebased: false };
                    let moved = rule.move_to(&mut memory, &sight, STAGES[stage]).map(|changes| told(&changes));
                    let is_outside = rule.segment.is_some() && truths[4] == F;
                    let is_there = naive.place.as_ref().is_some_and(|place| place.stage == STAGES[stage]);
                    match rule.position(STAGES[stage]) {
                        None => prop_assert_eq!(&moved, &Err(Refused::NoSuchStage)),
                        Some(_) if is_there => prop_assert_eq!(&moved, &Err(Refused::AlreadyThere)),
                        Some(_) if is_outside => prop_assert_eq!(&moved, &Err(Refused::OutsideSegment)),
                        Some(at) => {
                            (naive.segment, naive.is_held_back) = (Some(true), false);
                            prop_assert_eq!(&moved, &Ok(naive.enter(rule, at, now, truths, By::Hand)));
                        }
                    }
                    moved.unwrap_or_default()
                }
                Act::Release { truths } => {
                    let past = past(truths);
                    let sight = Sight { past: &past, day: now.0, at_ms: now.1, is_rebased: false };
                    let changes = told(&rule.release(&mut memory, &sight));
                    prop_assert_eq!(&changes, &naive.release(rule, now, truths));
                    prop_assert_eq!(&told(&rule.release(&mut memory, &sight)), &NOTHING);
                    changes
                }
            };
            check(&memory, &before);
            prop_assert_eq!(memory.stage(), naive.place.as_ref().map(|place| place.stage.as_str()));
            // In one stage a latched goal keeps its date.
            if memory.visits.len() == before.visits.len() && memory.stage() == before.stage() {
                let goals = rule.position(memory.stage().unwrap_or_default()).map_or(&[][..], |at| &rule.stages[at].goals);
                for goal in goals.iter().filter(|goal| goal.is_latched) {
                    let met = |memory: &Memory| memory.stay.goals.get(&goal.name).and_then(|known| known.met);
                    prop_assert!(met(&before).is_none() || met(&memory) == met(&before));
                }
            }
            // One move at most, from where it was, or from where an edit put it as its stage went.
            let moves: Vec<_> = changes.iter().filter(|told| told.contains(" > ") || told.starts_with("left")).collect();
            prop_assert!(moves.len() <= 1);
            let from = moves.first().and_then(|told| told.split_once(" > ")).map(|(from, _)| from);
            let was = before.stage().unwrap_or("-");
            prop_assert!(from.is_none_or(|from| from == was) || rule.position(was).is_none());
            prop_assert_eq!(moves.is_empty() || memory.stage() != before.stage(), true);
        }
    }
}
