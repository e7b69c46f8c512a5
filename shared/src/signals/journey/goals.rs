//! The goals of the stage in which an object is.

use super::memory::{GoalMemory, Memory, Stay};
use super::{Goal, Journey, Stage};
use crate::signals::condition::{Because, Truth};
use crate::signals::event::{By, Change, What};
use crate::signals::sight::{Edge, Owed, Sight, Turn};

/// What becomes of goals that hold as an object enters their stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// They are met and that is told: behaviour brought it here.
    Told,
    /// They are met and nothing follows: this is where the object starts from.
    Silent,
    /// They are owed: an edit brought it here.
    Owed,
}

impl Journey {
    /// What is remembered of a stage that an object enters now, and the goals that are met by that.
    pub(super) fn arrival(&self, at: usize, sight: &Sight<'_>, standing: Standing) -> (Stay, Vec<Change>) {
        let mut stay = Stay { at_ms: sight.at_ms, earlier: self.earlier(at), ..Stay::default() };
        let mut changes = Vec::new();
        let Some(stage) = self.stages.get(at) else { return (stay, changes) };
        for goal in &stage.goals {
            let verdict = sight.of(&goal.condition);
            let holds = verdict.truth == Truth::True;
            let is_owed = holds && standing == Standing::Owed;
            let owed = is_owed.then_some(Owed { rose: true, day: sight.day });
            let met = (holds && !is_owed).then_some(sight.day);
            stay.goals.insert(goal.name.clone(), GoalMemory { edge: Edge { known: Some(holds), owed }, met });
            if holds && standing == Standing::Told {
                changes.push(Change { what: goal_met(stage, goal), because: verdict.because });
            }
        }
        stay.is_due = standing == Standing::Told && self.may_move_on(at, &stay);
        (stay, changes)
    }

    /// Looks at the goals again. Those that came to hold by behaviour are met; those that ceased to are lost, unless they are
    /// latched; what turned otherwise is noted.
    pub(super) fn look_at_goals(&self, at: usize, memory: &mut Memory, sight: &Sight<'_>) -> Vec<Change> {
        let Some(stage) = self.stages.get(at) else { return Vec::new() };
        let stay = &mut memory.stay;
        stay.goals.retain(|name, _| stage.goals.iter().any(|goal| goal.name == *name));
        let earlier = self.earlier(at);
        if stay.earlier != earlier {
            stay.earlier = earlier;
        }
        let mut changes = Vec::new();
        let mut has_risen = false;
        for goal in &stage.goals {
            let verdict = sight.of(&goal.condition);
            let known = stay.goals.entry(goal.name.clone()).or_default();
            // A goal that an edit brought in starts as one that does not hold, so that it is not lost.
            known.edge.known.get_or_insert(false);
            let because = verdict.because.clone();
            let turn = known.edge.look(verdict, sight);
            has_risen |= matches!(turn, Turn::Rose(_));
            match turn {
                Turn::Rose(because) if known.met.is_none() => {
                    known.met = Some(sight.day);
                    changes.push(Change { what: goal_met(stage, goal), because });
                }
                Turn::Fell if known.met.is_some() && !goal.is_latched => {
                    known.met = None;
                    changes.push(Change { what: goal_lost(stage, goal), because });
                }
                Turn::None | Turn::Rose(_) | Turn::Fell => {}
            }
            known.settle(goal, sight);
        }
        stay.is_due = self.may_move_on(at, stay) && (stay.is_due || has_risen);
        memory.stay.owes_move = self.owes_move(at, memory);
        changes
    }

    /// Meets and loses the goals that turned without behaviour, as far as they are still so.
    pub(super) fn release_goals(&self, at: usize, memory: &mut Memory, sight: &Sight<'_>) -> Vec<Change> {
        let Some(stage) = self.stages.get(at) else { return Vec::new() };
        let mut changes = Vec::new();
        for goal in &stage.goals {
            let Some(known) = memory.stay.goals.get_mut(&goal.name) else { continue };
            let Some(owed) = known.edge.owed else { continue };
            let verdict = sight.of(&goal.condition);
            match (owed.rose, verdict.truth) {
                (true, Truth::True) => {
                    known.met = Some(sight.day);
                    changes.push(Change { what: goal_met(stage, goal), because: verdict.because });
                }
                // An edit may have latched it since.
                (false, Truth::False) if !goal.is_latched => {
                    known.met = None;
                    changes.push(Change { what: goal_lost(stage, goal), because: verdict.because });
                }
                _ => continue,
            }
            known.edge.owed = None;
        }
        let may_move_on = self.may_move_on(at, &memory.stay);
        memory.stay.is_due &= may_move_on;
        memory.stay.owes_move &= may_move_on;
        changes
    }

    /// Whether the goals that are met let an object move on.
    pub(super) fn may_move_on(&self, at: usize, stay: &Stay) -> bool {
        self.lets_on(at, |goal| stay.goals.get(&goal.name).is_some_and(|known| known.met.is_some()))
    }

    /// Whether its goals let it move on and that was not by behaviour, nor where a person put it.
    pub(super) fn owes_move(&self, at: usize, memory: &Memory) -> bool {
        let is_by_hand = memory.open().is_some_and(|visit| visit.by == By::Hand);
        !is_by_hand && !memory.stay.is_due && self.may_move_on(at, &memory.stay)
    }

    /// The comparisons of the stage's goals that are met, or of those that are not.
    pub(super) fn because(&self, at: usize, stay: &Stay, sight: &Sight<'_>, is_met: bool) -> Vec<Because> {
        let goals = self.stages.get(at).map_or(&[][..], |stage| &stage.goals);
        let met = |goal: &&Goal| stay.goals.get(&goal.name).is_some_and(|known| known.met.is_some()) == is_met;
        goals.iter().filter(met).flat_map(|goal| sight.of(&goal.condition).because).collect()
    }

    fn earlier(&self, at: usize) -> Vec<String> {
        self.stages.iter().take(at).map(|stage| stage.name.clone()).collect()
    }
}

impl GoalMemory {
    /// Keeps as owed only what a release would change.
    fn settle(&mut self, goal: &Goal, sight: &Sight<'_>) {
        let is_met = self.met.is_some();
        let changes = |owed: &Owed| if owed.rose { !is_met } else { is_met && !goal.is_latched };
        self.edge.owed = self.edge.owed.filter(changes);
        // An edit took the latch from a goal that holds no longer.
        if sight.is_rebased && is_met && !goal.is_latched && self.edge.known == Some(false) {
            self.edge.owed.get_or_insert(Owed { rose: false, day: sight.day });
        }
    }
}

fn goal_met(stage: &Stage, goal: &Goal) -> What {
    What::GoalMet { stage: stage.name.clone(), goal: goal.name.clone() }
}

fn goal_lost(stage: &Stage, goal: &Goal) -> What {
    What::GoalLost { stage: stage.name.clone(), goal: goal.name.clone() }
}
