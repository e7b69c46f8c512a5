//! What is asked: units, who entered when, and the window.

use std::collections::BTreeMap;

/// An account or a contact that could have entered the playbook.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// Its id. The order of ids settles every tie, so that the order of units does not matter.
    pub id: String,
    /// Its segment. Only units of the same segment are compared; those without one are a segment of their own.
    pub segment: Option<String>,
    /// How large it is, in whatever is counted of it (seats, revenue); compared by its logarithm. Less than 0 counts as 0.
    pub size: Option<f64>,
    /// The day since which it is a customer, or was first seen; days since 1970.
    pub since: Option<i32>,
    /// Its stage in the journey. Only units of the same stage are compared; those without one are a stage of their own.
    pub stage: Option<String>,
    /// The outcome at the end of local days (since 1970), on a weekly grid. Days without a known value are absent.
    pub outcome: BTreeMap<i32, f64>,
}

/// That a unit came into the playbook, or was held out of it by lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Whose entry it is: an index into the units.
    pub unit: usize,
    /// The day on which it entered, or would have; days since 1970.
    pub entered: i32,
    /// The day on which it left; absent while it is in the playbook.
    pub exited: Option<i32>,
    /// The day on which its objective was first met.
    pub met: Option<i32>,
    /// It was held out by lot: it would have entered and did not.
    pub is_held_out: bool,
    /// It was in another playbook within the windows before or after.
    pub in_others: bool,
}

/// How it is to be measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Question {
    /// The running day, which is not over; days since 1970.
    pub today: i32,
    /// The length of the window before and of the one after, in days: 7 to 182.
    pub window_days: u32,
    /// The fewest participants of whom anything is concluded.
    pub minimum: usize,
    /// The confidence of intervals: 0.95 is 95 %.
    pub confidence: f64,
    /// The playbook has an objective.
    pub has_objective: bool,
}

impl Question {
    /// The question for a day, with a window of 28 days, 20 participants and 95 %.
    #[must_use]
    pub const fn on(today: i32) -> Self {
        Self { today, window_days: 28, minimum: 20, confidence: 0.95, has_objective: false }
    }

    /// The window's length within its limits, in days.
    pub(super) fn window(&self) -> i64 {
        i64::from(self.window_days.clamp(7, 182))
    }

    /// The fewest participants; two are the fewest of which anything varies.
    pub(super) fn needed(&self) -> usize {
        self.minimum.max(2)
    }

    /// The confidence within its limits.
    pub(super) fn sure(&self) -> f64 {
        if self.confidence.is_finite() { self.confidence.clamp(0.5, 0.999) } else { 0.95 }
    }
}
