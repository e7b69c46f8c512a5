//! Playbooks: who is enrolled in a programme of success work, who is held out to compare with, who leaves, and whether the
//! objective was met.
//!
//! An object enters when its segment and entry condition come to hold by behaviour, and leaves when the exit condition comes to
//! hold or after so many days. Leaving the segment does not end an entry. What already held before counts neither for entry
//! nor for exit: it must come to hold. The objective is met by an entry when it holds at any step from the entry until
//! [`OBJECTIVE_DAYS_AFTER_EXIT`] days after the exit; one that holds as an object enters is met on the day of the entry.

mod body;
mod by_hand;
mod memory;
mod step;
#[cfg(test)]
mod tests;

pub use by_hand::Refused;
pub use memory::{ENTRIES_MAX, Enrolment, Memory};

use crate::id::{FieldId, SignalId};
use crate::signals::condition::Condition;
use crate::signals::facts::Fact;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use twox_hash::XxHash3_64;

/// Days after an exit on which the objective is still met for that entry.
pub const OBJECTIVE_DAYS_AFTER_EXIT: i32 = 30;
/// The most days after which a participant leaves by itself.
pub const EXIT_AFTER_DAYS_MAX: u32 = 730;
/// The most days after an exit on which an object does not enter again.
pub const COOL_DOWN_DAYS_MAX: u32 = 730;
/// Percent of the level's objects that one run enrols at most, unless a playbook says otherwise.
pub const CAP_PERCENT_DEFAULT: u8 = 10;
/// The most percent that are held out: half gives the surest comparison, and more only delays help.
pub const HOLD_OUT_PERCENT_MAX: u8 = 50;
/// Days before and after the entry over which the outcome is measured, unless a playbook says otherwise.
pub const WINDOW_DAYS_DEFAULT: u32 = 28;
/// The most days over which the outcome is measured.
pub const WINDOW_DAYS_MAX: u32 = 180;

/// A playbook that was checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Playbook {
    /// What an object must come to meet to be enrolled; nothing where people enrol by hand only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<Condition>,
    /// Which objects it is for; nothing for all of the level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<Condition>,
    /// What ends an entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<Condition>,
    /// Days after which an entry ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_after_days: Option<u32>,
    /// What it is meant to reach.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objective: Option<Condition>,
    /// Whether an object that left may be enrolled again.
    pub re_entry: ReEntry,
    /// Days after an exit before which an object is not enrolled again. One that comes to meet the entry before they are over is
    /// enrolled when they are, if it still meets it.
    pub cool_down_days: u32,
    /// Percent of the level's objects that one run enrols at most without release, 1 to 100.
    pub cap_percent: u8,
    /// Percent of those who meet the entry who are not enrolled, to compare with, 0 to 50.
    pub hold_out_percent: u8,
    /// Whether those who meet the entry at the first look are taken.
    pub takes_standing: bool,
    /// What its outcome is measured by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measure: Option<Measure>,
}

/// Whether an object that left may be enrolled again by its usage. People may always do so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReEntry {
    /// Once is all.
    Never,
    /// Once it left, when it comes to meet the entry anew.
    AfterExit,
}

/// What an outcome is measured by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    /// A calculated field that is a number.
    pub field: FieldId,
    /// Days before and after the entry.
    pub window_days: u32,
}

impl Playbook {
    /// Every fact that it looks at, with how many days back; the field that measures the outcome among them.
    #[must_use]
    pub fn facts(&self) -> BTreeMap<Fact, u32> {
        let conditions = [&self.entry, &self.segment, &self.exit, &self.objective];
        let looked_at = conditions.into_iter().flatten().flat_map(Condition::facts);
        let measured = self.measure.iter().map(|measure| (Fact::Field(measure.field.clone()), measure.window_days));
        let mut facts = BTreeMap::new();
        for (fact, days) in looked_at.chain(measured) {
            let most = facts.entry(fact).or_insert(0);
            *most = days.max(*most);
        }
        facts
    }

    /// How many of the level's objects one run enrols at most without release: at least one, so that small levels have
    /// playbooks too.
    #[must_use]
    pub fn most_of(&self, objects: usize) -> usize {
        (objects.saturating_mul(usize::from(self.cap_percent)) / 100).max(1)
    }

    /// Whether an object is held out by lot: the same in each of its entries, and still so when the share is raised.
    #[must_use]
    pub fn is_held_out(&self, id: &SignalId, object_id: &str) -> bool {
        // A byte that is in no text keeps ids apart that only differ in where one ends.
        let both = [id.as_str().as_bytes(), &[0xff], object_id.as_bytes()].concat();
        XxHash3_64::oneshot(&both) % 100 < u64::from(self.hold_out_percent)
    }
}
