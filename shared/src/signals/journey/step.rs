//! One look at one object: whether it joins, leaves, meets goals, moves on, or stays too long.

use super::goals::Standing;
use super::{Journey, Memory};
use crate::signals::condition::{Because, Condition, Truth, Verdict};
use crate::signals::event::{By, Change, What};
use crate::signals::sight::{Sight, Turn};

impl Journey {
    /// Looks at one object again. It moves by one stage at most; a step that is repeated changes nothing.
    pub fn step(&self, memory: &mut Memory, sight: &Sight<'_>) -> Vec<Change> {
        let is_replaced = self.replace(memory, sight);
        let sight = &Sight { is_rebased: sight.is_rebased || is_replaced, ..*sight };
        let segment = self.of_segment(sight);
        let is_first = memory.segment.known.is_none();
        let because = segment.because.clone();
        match memory.segment.look(segment, sight) {
            Turn::Fell => return leave(memory, sight, because).into_iter().collect(),
            Turn::Rose(because) => {
                return if memory.open().is_none() {
                    self.enter(0, memory, sight, By::Behaviour, because)
                } else {
                    Vec::new()
                };
            }
            Turn::None if is_first && memory.segment.known == Some(true) && memory.open().is_none() => {
                self.place(memory, sight);
                return Vec::new();
            }
            Turn::None => {}
        }
        let Some(at) = memory.stage().and_then(|stage| self.position(stage)) else { return Vec::new() };
        let mut changes = self.look_at_goals(at, memory, sight);
        self.pause(at, memory, sight);
        if sight.is_rebased {
            return changes;
        }
        if memory.stay.is_due && sight.at_ms > memory.stay.at_ms {
            let because = self.because(at, &memory.stay, sight, true);
            changes.extend(self.enter(at + 1, memory, sight, By::Behaviour, because));
        } else {
            changes.extend(self.overdue(at, memory, sight));
        }
        changes
    }

    pub(super) fn of_segment(&self, sight: &Sight<'_>) -> Verdict {
        self.segment.as_ref().map_or_else(|| sight.of(&Condition::always()), |segment| sight.of(segment))
    }

    /// Brings an object into a stage and tells so.
    pub(super) fn enter(
        &self,
        at: usize,
        memory: &mut Memory,
        sight: &Sight<'_>,
        by: By,
        because: Vec<Because>,
    ) -> Vec<Change> {
        let Some(stage) = self.stages.get(at) else { return Vec::new() };
        let standing = if by == By::Hand { Standing::Silent } else { Standing::Told };
        let from = memory.close(sight.day);
        let (stay, met) = self.arrival(at, sight, standing);
        let entry = memory.open_new(&stage.name, sight.day, by, stay);
        let entered = What::StageEntered { stage: stage.name.clone(), from, entry, by };
        [Change { what: entered, because }].into_iter().chain(met).collect()
    }

    /// Where an object starts from: the first stage whose goals do not let it move on as things stand.
    fn place(&self, memory: &mut Memory, sight: &Sight<'_>) {
        let lets_on = |at: &usize| self.lets_on(*at, |goal| sight.of(&goal.condition).truth == Truth::True);
        let at = (0..self.stages.len()).find(|at| !lets_on(at)).unwrap_or(0);
        if let Some(stage) = self.stages.get(at) {
            let (stay, _) = self.arrival(at, sight, Standing::Silent);
            memory.open_new(&stage.name, sight.day, By::Behaviour, stay);
        }
    }

    /// An edit may have taken the stage away. Then the object goes to the nearest earlier one that is left, and nothing is told.
    pub(super) fn replace(&self, memory: &mut Memory, sight: &Sight<'_>) -> bool {
        if memory.stage().is_none_or(|stage| self.position(stage).is_some()) {
            return false;
        }
        let at = memory.stay.earlier.iter().rev().find_map(|stage| self.position(stage)).unwrap_or(0);
        let Some(stage) = self.stages.get(at) else { return false };
        memory.close(sight.day);
        let (stay, _) = self.arrival(at, sight, Standing::Owed);
        memory.open_new(&stage.name, sight.day, By::Hand, stay);
        true
    }

    /// Counts the days on which none of the goals can be told: they are no days in the stage.
    fn pause(&self, at: usize, memory: &mut Memory, sight: &Sight<'_>) {
        let goals = self.stages.get(at).map_or(&[][..], |stage| &stage.goals);
        let is_unknown =
            !goals.is_empty() && goals.iter().all(|goal| sight.of(&goal.condition).truth == Truth::Unknown);
        let is_later = memory.open().is_some_and(|visit| sight.day > visit.from);
        let stay = &mut memory.stay;
        match (is_unknown && is_later, stay.paused_on == Some(sight.day)) {
            (true, false) => {
                stay.paused = stay.paused.saturating_add(1);
                stay.paused_on = Some(sight.day);
            }
            // Later on the same day it can be told, so the day counts.
            (false, true) => {
                stay.paused = stay.paused.saturating_sub(1);
                stay.paused_on = None;
            }
            _ => {}
        }
    }

    fn overdue(&self, at: usize, memory: &mut Memory, sight: &Sight<'_>) -> Option<Change> {
        let stage = self.stages.get(at)?;
        let days = memory.days(sight.day);
        if memory.stay.is_overdue_told || days <= stage.target_days? {
            return None;
        }
        memory.stay.is_overdue_told = true;
        let because = self.because(at, &memory.stay, sight, false);
        Some(Change { what: What::StageOverdue { stage: stage.name.clone(), days }, because })
    }
}

/// Ends the visit of an object that is not of the segment any more.
pub(super) fn leave(memory: &mut Memory, sight: &Sight<'_>, because: Vec<Because>) -> Option<Change> {
    let stage = memory.close(sight.day)?;
    Some(Change { what: What::JourneyLeft { stage }, because })
}
