//! Random lives of an object, against the rules told once more without edges: of a goal it is known what it is and what counts.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

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

fn truth_of(goal: &str, truths: [Truth; 5]) -> Truth {
    truths[COLUMNS.iter().position(|name| *name == goal).unwrap()]
}

/// A goal: what it is, whether that came without behaviour and does not count, and since when it is met.
#[derive(Clone, Debug)]
struct Aim {
    holds: bool,
    is_held_back: bool,
    met: Option<i32>,
}

/// Where the object is.
#[derive(Clone, Debug)]
struct Place {
    stage: String,
    from: i32,
    at: i64,
    by: By,
    before: Vec<String>,
    aims: BTreeMap<String, Aim>,
    is_due: bool,
    untold_days: BTreeSet<i32>,
    is_overdue: bool,
}

#[derive(Default)]
struct Naive {
    segment: Option<bool>,
    is_held_back: bool,
    place: Option<Place>,
    history: Vec<String>,
}

impl Naive {
    fn lets_on(rule: &Journey, at: usize, met: &BTreeSet<String>) -> bool {
        let asked: BTreeSet<String> = rule.stages[at].goals.iter().map(|goal| goal.name.clone()).collect();
        let is_last = at == rule.stages.len() - 1;
        !is_last
            && match rule.stages[at].advance {
                Advance::All => !asked.is_empty() && asked.is_subset(met),
                Advance::Any => !asked.is_disjoint(met),
                Advance::ByHand => false,
            }
    }

    fn moves_on(&self, rule: &Journey) -> bool {
        let place = self.place.as_ref().unwrap();
        let met = place.aims.iter().filter(|(_, aim)| aim.met.is_some()).map(|(name, _)| name.clone()).collect();
        Self::lets_on(rule, rule.position(&place.stage).unwrap(), &met)
    }

    fn arrive(
        &mut self,
        rule: &Journey,
        at: usize,
        now: (i32, i64),
        truths: [Truth; 5],
        by: By,
        how: &str,
    ) -> Vec<String> {
        let stage = &rule.stages[at];
        let mut told = Vec::new();
        let mut aims = BTreeMap::new();
        for goal in &stage.goals {
            let holds = truth_of(&goal.name, truths) == T;
            let is_held_back = holds && how == "edit";
            let met = (holds && !is_held_back).then_some(now.0);
            aims.insert(goal.name.clone(), Aim { holds, is_held_back, met });
            if holds && how == "told" {
                told.push(format!("met {} {}", stage.name, goal.name));
            }
        }
        self.history.push(stage.name.clone());
        self.place = Some(Place {
            stage: stage.name.clone(),
            from: now.0,
            at: now.1,
            by,
            before: rule.stage_names()[..at].to_vec(),
            aims,
            is_due: false,
            untold_days: BTreeSet::new(),
            is_overdue: false,
        });
        let is_due = how == "told" && self.moves_on(rule);
        self.place.as_mut().unwrap().is_due = is_due;
        told
    }

    fn enter(&mut self, rule: &Journey, at: usize, now: (i32, i64), truths: [Truth; 5], by: By) -> Vec<String> {
        let from = self.place.take().map_or("-".to_owned(), |place| place.stage);
        let met = self.arrive(rule, at, now, truths, by, if by == By::Hand { "silent" } else { "told" });
        let stage = &rule.stages[at].name;
        let entry = self.history.iter().filter(|visited| *visited == stage).count();
        [format!("{from} > {stage} {entry} {by:?}")].into_iter().chain(met).collect()
    }

    /// The stage may be gone.
    fn replace(&mut self, rule: &Journey, now: (i32, i64), truths: [Truth; 5]) -> bool {
        let Some(place) = self.place.as_ref().filter(|place| rule.position(&place.stage).is_none()) else {
            return false;
        };
        let at = place.before.iter().filter_map(|stage| rule.position(stage).map(|at| (stage, at))).next_back();
        let at = at.map_or(0, |(_, at)| at);
        self.arrive(rule, at, now, truths, By::Hand, "edit");
        true
    }

    fn look(&mut self, rule: &Journey, now: (i32, i64), truths: [Truth; 5], is_rebased: bool) -> Vec<String> {
        let is_rebased = self.replace(rule, now, truths) || is_rebased;
        let segment = if rule.segment.is_some() { truths[4] } else { T };
        if segment != U {
            let is_in = segment == T;
            match self.segment.replace(is_in) {
                None if is_in && self.place.is_none() => {
                    let met: BTreeSet<String> = COLUMNS
                        .iter()
                        .filter(|name| truth_of(name, truths) == T)
                        .map(|name| (*name).to_owned())
                        .collect();
                    let at = (0..rule.stages.len()).find(|at| !Self::lets_on(rule, *at, &met)).unwrap();
                    self.arrive(rule, at, now, truths, By::Behaviour, "silent");
                    return Vec::new();
                }
                Some(was) if was != is_in => {
                    if std::mem::take(&mut self.is_held_back) {
                        // It is back where it was.
                    } else if is_rebased {
                        self.is_held_back = true;
                    } else if is_in {
                        return self.enter(rule, 0, now, truths, By::Behaviour);
                    } else {
                        return vec![format!("left {}", self.place.take().unwrap().stage)];
                    }
                }
                _ => {}
            }
        }
        let Some(stage) = self.place.as_ref().map(|place| place.stage.clone()) else { return Vec::new() };
        let at = rule.position(&stage).unwrap();
        let mut told = Vec::new();
        let mut is_risen = false;
        let goals = &rule.stages[at].goals;
        let place = self.place.as_mut().unwrap();
        place.before = rule.stage_names()[..at].to_vec();
        place.aims.retain(|name, _| goals.iter().any(|goal| goal.name == *name));
        for goal in goals {
            let truth = truth_of(&goal.name, truths);
            let new = Aim { holds: false, is_held_back: false, met: None };
            let aim = place.aims.entry(goal.name.clone()).or_insert(new);
            let holds = if truth == U { aim.holds } else { truth == T };
            if holds != aim.holds {
                aim.holds = holds;
                if std::mem::take(&mut aim.is_held_back) {
                    // It is back at what counts.
                } else if is_rebased {
                    aim.is_held_back = true;
                } else if holds {
                    is_risen = true;
                    if aim.met.is_none() {
                        aim.met = Some(now.0);
                        told.push(format!("met {stage} {}", goal.name));
                    }
                } else if !goal.is_latched && aim.met.take().is_some() {
                    told.push(format!("lost {stage} {}", goal.name));
                }
            }
            let differs = if aim.holds { aim.met.is_none() } else { aim.met.is_some() && !goal.is_latched };
            aim.is_held_back &= differs;
            aim.is_held_back |= is_rebased && differs && !aim.holds;
        }
        let is_untold = !goals.is_empty() && goals.iter().all(|goal| truth_of(&goal.name, truths) == U);
        if is_untold && now.0 > place.from {
            place.untold_days.insert(now.0);
        } else {
            place.untold_days.remove(&now.0);
        }
        let days = (place.from + 1..=now.0).filter(|day| !place.untold_days.contains(day)).count();
        let is_due = self.moves_on(rule) && (self.place.as_ref().unwrap().is_due || is_risen);
        let place = self.place.as_mut().unwrap();
        place.is_due = is_due;
        if is_rebased {
            return told;
        }
        if is_due && now.1 > place.at {
            told.extend(self.enter(rule, at + 1, now, truths, By::Behaviour));
        } else if !place.is_overdue && rule.stages[at].target_days.is_some_and(|target| days > target as usize) {
            place.is_overdue = true;
            told.push(format!("overdue {stage} {days}"));
        }
        told
    }

    fn release(&mut self, rule: &Journey, now: (i32, i64), truths: [Truth; 5]) -> Vec<String> {
        self.replace(rule, now, truths);
        let segment = if rule.segment.is_some() { truths[4] } else { T };
        if self.is_held_back && segment != U && self.segment == Some(segment == T) {
            self.is_held_back = false;
            if segment == T {
                return self.enter(rule, 0, now, truths, By::Release);
            }
            return vec![format!("left {}", self.place.take().unwrap().stage)];
        }
        let Some(stage) = self.place.as_ref().map(|place| place.stage.clone()) else { return Vec::new() };
        let at = rule.position(&stage).unwrap();
        let place = self.place.as_ref().unwrap();
        let mut moves = !place.is_due && place.by != By::Hand && self.moves_on(rule);
        let mut told = Vec::new();
        for goal in &rule.stages[at].goals {
            let truth = truth_of(&goal.name, truths);
            let aims = &mut self.place.as_mut().unwrap().aims;
            let Some(aim) = aims.get_mut(&goal.name).filter(|aim| aim.is_held_back) else { continue };
            if truth == U || aim.holds != (truth == T) {
                continue;
            }
            aim.is_held_back = false;
            aim.met = aim.holds.then_some(now.0);
            moves |= aim.holds;
            told.push(format!("{} {stage} {}", if aim.holds { "met" } else { "lost" }, goal.name));
        }
        let moves_on = self.moves_on(rule);
        self.place.as_mut().unwrap().is_due &= moves_on;
        if moves && moves_on {
            told.extend(self.enter(rule, at + 1, now, truths, By::Release));
        }
        told
    }
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
