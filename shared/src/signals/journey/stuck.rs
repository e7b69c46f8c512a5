//! Where an object stands in its stage, on which goals it waits, and where it was.

use super::{Goal, Journey, Memory, Visit};
use crate::signals::condition::Truth;
use crate::signals::event::By;
use crate::signals::facts::Past;
use crate::time::date_text;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// Where an object stands in its stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Stuck {
    /// The stage.
    pub stage: String,
    /// Full days in it, without those on which none of its goals could be told.
    pub days: u32,
    /// Days that it is meant to stay at most.
    pub target_days: Option<u32>,
    /// Whether it stays longer than that.
    pub is_overdue: bool,
    /// The stage's goals, in order.
    pub goals: Vec<StuckGoal>,
}

/// Where an object stands on a goal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StuckGoal {
    /// The goal.
    pub name: String,
    /// The local date on which it was met.
    pub met_on: Option<String>,
    /// What its condition comes to today.
    pub truth: GoalIs,
}

/// What a goal's condition came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GoalIs {
    /// It holds.
    True,
    /// It does not.
    False,
    /// What it looks at is not known.
    Unknown,
}

/// A time in a stage, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ShownVisit {
    /// The stage.
    pub stage: String,
    /// Its first, second, … time in this stage.
    pub entry: u32,
    /// The local date on which it entered.
    pub from: String,
    /// The date on which it left; null while it is there.
    pub to: Option<String>,
    /// Who or what brought it here.
    #[schemars(with = "String")]
    pub by: By,
    /// The goals that were met, each with the date.
    pub goals: BTreeMap<String, String>,
}

impl Journey {
    /// Where an object stands today that has not come to the end of its stage: nothing of one that is in no stage, and nothing
    /// of one in the last stage that has met all goals there and is in time. Who is overdue is stuck for sure.
    #[must_use]
    pub fn stuck(&self, memory: &Memory, past: &Past, today: i32) -> Option<Stuck> {
        let at = self.position(memory.stage()?)?;
        let stage = self.stages.get(at)?;
        let met = |goal: &Goal| memory.stay.goals.get(&goal.name).and_then(|known| known.met);
        let days = memory.days(today);
        let is_overdue = stage.target_days.is_some_and(|target| days > target);
        let is_last = at + 1 == self.stages.len();
        if is_last && !is_overdue && stage.goals.iter().all(|goal| met(goal).is_some()) {
            return None;
        }
        let goals = stage.goals.iter().map(|goal| StuckGoal {
            name: goal.name.clone(),
            met_on: met(goal).map(date_text),
            truth: goal.condition.at(past, today).truth.into(),
        });
        let goals = goals.collect();
        Some(Stuck { stage: stage.name.clone(), days, target_days: stage.target_days, is_overdue, goals })
    }

    /// The stages in which an object was and is, the oldest first.
    #[must_use]
    pub fn visits(&self, memory: &Memory) -> Vec<ShownVisit> {
        let stay = memory.stay.goals.iter().filter_map(|(name, goal)| Some((name, goal.met?)));
        let stay: BTreeMap<&String, i32> = stay.collect();
        let shown = |visit: &Visit| {
            let dated = |(name, day): (&String, i32)| (name.clone(), date_text(day));
            let goals = match visit.to {
                Some(_) => visit.goals.iter().map(|(name, day)| dated((name, *day))).collect(),
                None => stay.iter().map(|(name, day)| dated((*name, *day))).collect(),
            };
            ShownVisit {
                stage: visit.stage.clone(),
                entry: visit.entry,
                from: date_text(visit.from),
                to: visit.to.map(date_text),
                by: visit.by,
                goals,
            }
        };
        memory.visits.iter().map(shown).collect()
    }
}

impl From<Truth> for GoalIs {
    fn from(truth: Truth) -> Self {
        match truth {
            Truth::True => Self::True,
            Truth::False => Self::False,
            Truth::Unknown => Self::Unknown,
        }
    }
}
