//! What people do: enrol, take out, and release what was held back.

use super::memory::Eligible;
use super::step::leave;
use super::{Memory, Playbook};
use crate::id::SignalId;
use crate::signals::condition::{Condition, Truth};
use crate::signals::event::{By, Change};
use crate::signals::sight::{Edge, Sight};

/// Why nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It has an open entry.
    #[error("it is enrolled already; take it out first to enrol it anew")]
    AlreadyEnrolled,
    /// It is held out.
    #[error("it is held out by lot to compare with; take it out first to end that, then enrol it")]
    HeldOut,
    /// An earlier entry ended after that day.
    #[error("it was enrolled on that day already; enrol it from the day on which that ended")]
    WasEnrolled,
    /// The segment does not hold.
    #[error("it is not of the playbook's segment; change the segment to enrol it")]
    OutsideSegment,
    /// It has no open entry.
    #[error("it is not enrolled, so there is nothing to take it out of")]
    NotEnrolled,
}

impl Playbook {
    /// Enrols an object for a person, who may do so whatever entry, lot, cool-down, re-entry and cap say; also on a day that is
    /// over.
    ///
    /// # Errors
    /// It is enrolled or held out already, was on that day, or is known not to be of the segment.
    pub fn enrol(&self, memory: &mut Memory, sight: &Sight<'_>, by: By) -> Result<Vec<Change>, Refused> {
        if let Some(open) = memory.open() {
            return Err(if open.is_held_out { Refused::HeldOut } else { Refused::AlreadyEnrolled });
        }
        if memory.entries.iter().any(|entry| entry.exited.is_some_and(|exited| exited > sight.day)) {
            return Err(Refused::WasEnrolled);
        }
        if self.segment.as_ref().is_some_and(|segment| sight.of(segment).truth == Truth::False) {
            return Err(Refused::OutsideSegment);
        }
        Ok(self.begin(memory, sight, by, false, Vec::new()))
    }

    /// Ends an entry for a person. Nothing is told where the object was held out.
    ///
    /// # Errors
    /// It has no open entry.
    pub fn take_out(&self, memory: &mut Memory, sight: &Sight<'_>) -> Result<Vec<Change>, Refused> {
        if memory.open().is_none() {
            return Err(Refused::NotEnrolled);
        }
        let left = leave(memory, sight, By::Hand, Vec::new());
        memory.settle(self, sight.day);
        Ok(left.into_iter().collect())
    }

    /// Does what turned without behaviour or over the cap, as far as it still holds: the objective is met, the entry ends, the
    /// object is enrolled or held out by lot. What nobody can tell at present, or cools down, stays for a later release.
    pub fn release(&self, id: &SignalId, object_id: &str, memory: &mut Memory, sight: &Sight<'_>) -> Vec<Change> {
        let mut changes = Vec::new();
        if is_due(self.objective.as_ref(), &memory.objective, sight) {
            memory.objective.owed = None;
            changes.extend(self.meet(memory, sight));
        }
        if is_due(self.exit.as_ref(), &memory.exit, sight) {
            memory.exit.owed = None;
            let because = self.exit.as_ref().map(|exit| sight.of(exit).because);
            changes.extend(leave(memory, sight, By::Release, because.unwrap_or_default()));
        }
        if memory.entry.owed.is_some()
            && memory.eligible(self, sight.day) == Eligible::Yes
            && let Some(entering) = self.entering(sight).filter(|entering| entering.truth == Truth::True)
        {
            let is_held_out = self.is_held_out(id, object_id);
            changes.extend(self.begin(memory, sight, By::Release, is_held_out, entering.because));
        }
        memory.settle(self, sight.day);
        changes
    }
}

fn is_due(condition: Option<&Condition>, edge: &Edge, sight: &Sight<'_>) -> bool {
    edge.owed.is_some() && condition.is_some_and(|condition| sight.of(condition).truth == Truth::True)
}
