//! What is remembered of one object in one playbook.

use super::{OBJECTIVE_DAYS_AFTER_EXIT, Playbook, ReEntry};
use crate::signals::event::By;
use crate::signals::sight::Edge;
use serde::{Deserialize, Serialize};

/// The most entries that are kept of one object; the oldest that ended go first.
pub const ENTRIES_MAX: usize = 100;

/// What is remembered of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Memory {
    /// Whether it meets segment and entry.
    pub entry: Edge,
    /// Whether it meets the exit.
    pub exit: Edge,
    /// Whether it meets the objective.
    pub objective: Edge,
    /// On this day it came to meet the entry while it cools down; it is enrolled when that is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<i32>,
    /// Its entries, the oldest first. At most one is open.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<Enrolment>,
    /// How many older ones are not kept any more.
    pub dropped: u32,
}

/// One time that an object was enrolled, or held out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enrolment {
    /// Its first, second, … time.
    pub entry: u32,
    /// The local day, counted from 1970.
    pub on: i32,
    /// When, ms since 1970.
    pub at_ms: i64,
    /// Who or what enrolled it.
    pub by: By,
    /// It was not enrolled but is held out by lot: exit and objective are followed all the same, and not told.
    pub is_held_out: bool,
    /// The day on which it left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exited: Option<i32>,
    /// The day on which the objective was met.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub met: Option<i32>,
}

/// Whether an object may be enrolled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Eligible {
    Yes,
    /// When it has cooled down.
    Later,
    No,
}

impl Memory {
    /// The entry that has not ended, of one held out too.
    #[must_use]
    pub fn open(&self) -> Option<&Enrolment> {
        self.entries.iter().find(|entry| entry.exited.is_none())
    }

    /// Whether something would have moved and can be released.
    #[must_use]
    pub const fn is_owed(&self) -> bool {
        self.entry.owed.is_some() || self.exit.owed.is_some() || self.objective.owed.is_some()
    }

    pub(super) fn open_mut(&mut self) -> Option<&mut Enrolment> {
        self.entries.iter_mut().find(|entry| entry.exited.is_none())
    }

    /// Entries that may still meet the objective on a day.
    pub(super) fn awaiting(&mut self, day: i32) -> impl Iterator<Item = &mut Enrolment> {
        let is_late = move |exited: i32| day > exited.saturating_add(OBJECTIVE_DAYS_AFTER_EXIT);
        self.entries.iter_mut().filter(move |entry| entry.met.is_none() && !entry.exited.is_some_and(is_late))
    }

    pub(super) fn eligible(&self, playbook: &Playbook, day: i32) -> Eligible {
        let Some(last) = self.entries.last() else { return Eligible::Yes };
        match (last.exited, playbook.re_entry) {
            (None, _) | (_, ReEntry::Never) => Eligible::No,
            (Some(exited), ReEntry::AfterExit) => {
                let is_over = i64::from(day) - i64::from(exited) >= i64::from(playbook.cool_down_days);
                if is_over { Eligible::Yes } else { Eligible::Later }
            }
        }
    }

    pub(super) fn next_number(&self) -> u32 {
        self.entries.last().map_or(self.dropped, |last| last.entry).saturating_add(1)
    }

    pub(super) fn add(&mut self, entry: Enrolment) {
        self.entries.push(entry);
        if self.entries.len() > ENTRIES_MAX
            && let Some(at) = self.entries.iter().position(|entry| entry.exited.is_some())
        {
            self.entries.remove(at);
            self.dropped = self.dropped.saturating_add(1);
        }
    }

    /// Forgets what is owed where nothing would move: an entry of one that can't enter, an exit of one that is not in, an
    /// objective that nobody waits for.
    pub(super) fn settle(&mut self, playbook: &Playbook, day: i32) {
        if self.eligible(playbook, day) == Eligible::No {
            self.entry.owed = None;
            self.pending = None;
        }
        if self.open().is_none() {
            self.exit.owed = None;
        }
        if self.awaiting(day).next().is_none() {
            self.objective.owed = None;
        }
    }
}
