//! Journeys: in which stage an object is, which goals of the stage it has met, and who is stuck.
//!
//! An object of the segment is in one stage at a time. The first look places it silently, past every stage whose goals it meets
//! already; one that joins the segment later by behaviour begins in the first stage. Goals that hold as it enters a stage by
//! behaviour are met on that day. When its goals let it move on it does so by one stage a step and never skips one: where the
//! next stage's goals are met too, the next step moves it on. Where a person put it, goals that hold already count as met, but it
//! stays until a goal comes to hold by behaviour, so that no run undoes what the person did.

mod body;
mod by_hand;
mod goals;
mod memory;
mod step;
mod stuck;
#[cfg(test)]
mod tests;

pub use by_hand::Refused;
pub use memory::{GoalMemory, Memory, Stay, VISITS_MAX, Visit};
pub use stuck::{GoalIs, ShownVisit, Stuck, StuckGoal};

use crate::signals::condition::Condition;
use crate::signals::facts::Fact;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The fewest stages: between fewer nothing moves.
pub const STAGES_MIN: usize = 2;
/// The most stages.
pub const STAGES_MAX: usize = 30;
/// The most goals of a stage.
pub const GOALS_MAX: usize = 20;
/// The most days that an object is meant to stay in a stage.
pub const TARGET_DAYS_MAX: u32 = 730;
/// The most characters of a stage's or goal's name.
pub const NAME_MAX: usize = 100;

/// A journey that was checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Journey {
    /// Which objects it is for; nothing for all of the level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<Condition>,
    /// Its stages, in order.
    pub stages: Vec<Stage>,
}

/// A stage of a journey.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Its name, which is its own in the journey: what is remembered of objects names it.
    pub name: String,
    /// What is to be reached in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub goals: Vec<Goal>,
    /// What moves an object on to the next stage.
    pub advance: Advance,
    /// Days that an object is meant to stay at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_days: Option<u32>,
}

/// A goal of a stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Goal {
    /// Its name, which is its own in the stage.
    pub name: String,
    /// What meets it.
    pub condition: Condition,
    /// Whether it stays met when the condition ceases to hold.
    pub is_latched: bool,
}

/// What moves an object on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Advance {
    /// All goals are met.
    All,
    /// At least one goal is met.
    Any,
    /// A person does.
    ByHand,
}

impl Journey {
    /// Every fact that it looks at, with how many days back.
    #[must_use]
    pub fn facts(&self) -> BTreeMap<Fact, u32> {
        let goals = self.stages.iter().flat_map(|stage| &stage.goals).map(|goal| &goal.condition);
        let mut facts = BTreeMap::new();
        for (fact, days) in self.segment.iter().chain(goals).flat_map(Condition::facts) {
            let most = facts.entry(fact).or_insert(0);
            *most = days.max(*most);
        }
        facts
    }

    /// The names of its stages, in order: what conditions on it can name.
    #[must_use]
    pub fn stage_names(&self) -> Vec<String> {
        self.stages.iter().map(|stage| stage.name.clone()).collect()
    }

    pub(super) fn position(&self, stage: &str) -> Option<usize> {
        self.stages.iter().position(|known| known.name == stage)
    }

    /// Whether the goals for which `is_met` let an object move on from a stage. From the last one nothing does.
    fn lets_on(&self, at: usize, is_met: impl Fn(&Goal) -> bool) -> bool {
        let Some(stage) = self.stages.get(at).filter(|_| at + 1 < self.stages.len()) else { return false };
        match stage.advance {
            Advance::All => !stage.goals.is_empty() && stage.goals.iter().all(is_met),
            Advance::Any => stage.goals.iter().any(is_met),
            Advance::ByHand => false,
        }
    }
}
