//! What is remembered of one object in one journey.

use crate::signals::event::By;
use crate::signals::sight::Edge;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The most visits that are kept of one object; the oldest go first.
pub const VISITS_MAX: usize = 200;

/// What is remembered of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Memory {
    /// Whether it is of the segment.
    pub segment: Edge,
    /// The stages in which it was, the oldest first; the last is open while it is in the journey.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub visits: Vec<Visit>,
    /// How many times it entered each stage by the visits that are not kept any more.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub dropped: BTreeMap<String, u32>,
    /// What is remembered of the open visit.
    pub stay: Stay,
}

/// A time in a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Visit {
    /// The stage.
    pub stage: String,
    /// Its first, second, … time in this stage.
    pub entry: u32,
    /// The local day on which it entered, counted from 1970.
    pub from: i32,
    /// The day on which it left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<i32>,
    /// Who or what brought it here. An edit that takes a stage away is a person's doing.
    pub by: By,
    /// The goals that were met when it left, each with the day.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub goals: BTreeMap<String, i32>,
}

/// What is remembered of the open visit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Stay {
    /// When it entered, ms since 1970. A step that is repeated has the same time and moves it no further.
    pub at_ms: i64,
    /// The stages before this one: to the nearest that is left the object goes when an edit takes this one away.
    pub earlier: Vec<String>,
    /// The stage's goals.
    pub goals: BTreeMap<String, GoalMemory>,
    /// Behaviour met the goals that let it move on.
    pub is_due: bool,
    /// Its goals let it move on and that was not by behaviour: an edit changed what is asked. Where a person put it, it stays.
    pub owes_move: bool,
    /// Days at whose last look none of its goals could be told: these do not count.
    pub paused: u32,
    /// The last of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused_on: Option<i32>,
    /// It was told that it stays longer than planned.
    pub is_overdue_told: bool,
}

/// What is remembered of a goal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GoalMemory {
    /// Whether its condition holds.
    pub edge: Edge,
    /// The day on which it was met.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub met: Option<i32>,
}

impl Memory {
    /// The visit that has not ended.
    #[must_use]
    pub fn open(&self) -> Option<&Visit> {
        self.visits.last().filter(|visit| visit.to.is_none())
    }

    /// The stage in which it is.
    #[must_use]
    pub fn stage(&self) -> Option<&str> {
        self.open().map(|visit| visit.stage.as_str())
    }

    /// Whether something would have moved and can be released.
    #[must_use]
    pub fn is_owed(&self) -> bool {
        let is_goal_owed = self.stay.goals.values().any(|goal| goal.edge.owed.is_some());
        self.segment.owed.is_some() || is_goal_owed || self.stay.owes_move
    }

    /// Full days in the stage up to a day, without those on which none of its goals could be told.
    #[must_use]
    pub fn days(&self, today: i32) -> u32 {
        let days = self.open().map_or(0, |visit| i64::from(today) - i64::from(visit.from));
        u32::try_from(days - i64::from(self.stay.paused)).unwrap_or(0)
    }

    /// Ends the open visit and says of which stage it was.
    pub(super) fn close(&mut self, day: i32) -> Option<String> {
        let visit = self.visits.last_mut().filter(|visit| visit.to.is_none())?;
        visit.to = Some(day);
        let goals = std::mem::take(&mut self.stay).goals;
        visit.goals = goals.into_iter().filter_map(|(name, goal)| Some((name, goal.met?))).collect();
        Some(visit.stage.clone())
    }

    /// Begins a visit and says its number.
    pub(super) fn open_new(&mut self, stage: &str, day: i32, by: By, stay: Stay) -> u32 {
        let last = self.visits.iter().rev().find(|visit| visit.stage == stage).map(|visit| visit.entry);
        let entry = last.or_else(|| self.dropped.get(stage).copied()).unwrap_or(0).saturating_add(1);
        let visit = Visit { stage: stage.to_owned(), entry, from: day, to: None, by, goals: BTreeMap::new() };
        self.visits.push(visit);
        if self.visits.len() > VISITS_MAX {
            let oldest = self.visits.remove(0);
            self.dropped.insert(oldest.stage, oldest.entry);
        }
        self.stay = stay;
        entry
    }
}
