//! A journey's rules told once more, without edges: of a goal it is known what it is, and what counts.

use super::*;
use std::collections::BTreeSet;

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
pub(super) struct Place {
    pub(super) stage: String,
    from: i32,
    at: i64,
    by: By,
    before: Vec<String>,
    aims: BTreeMap<String, Aim>,
    is_due: bool,
    untold_days: BTreeSet<i32>,
    is_overdue: bool,
}

/// What is to happen, and what is known for that.
#[derive(Default)]
pub(super) struct Naive {
    pub(super) segment: Option<bool>,
    pub(super) is_held_back: bool,
    pub(super) place: Option<Place>,
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

    /// Whether something would have moved.
    pub(super) fn owes(&self, rule: &Journey) -> bool {
        let owes = |place: &Place| {
            let is_edited = !place.is_due && place.by != By::Hand && self.moves_on(rule);
            is_edited || place.aims.values().any(|aim| aim.is_held_back)
        };
        self.is_held_back || self.place.as_ref().is_some_and(owes)
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

    pub(super) fn enter(
        &mut self,
        rule: &Journey,
        at: usize,
        now: (i32, i64),
        truths: [Truth; 5],
        by: By,
    ) -> Vec<String> {
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

    pub(super) fn look(
        &mut self,
        rule: &Journey,
        now: (i32, i64),
        truths: [Truth; 5],
        is_rebased: bool,
    ) -> Vec<String> {
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

    pub(super) fn release(&mut self, rule: &Journey, now: (i32, i64), truths: [Truth; 5]) -> Vec<String> {
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
            if truth == U || aim.holds != (truth == T) || (goal.is_latched && !aim.holds) {
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
