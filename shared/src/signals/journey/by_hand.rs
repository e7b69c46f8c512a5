//! What people do: move an object, and release what turned without behaviour.

use super::step::leave;
use super::{Journey, Memory};
use crate::signals::condition::Truth;
use crate::signals::event::{By, Change, What};
use crate::signals::sight::{Edge, Sight};

/// Why nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no such stage.
    #[error("the journey has no stage of this name; name one of its stages")]
    NoSuchStage,
    /// It is there.
    #[error("it is in this stage already; name another")]
    AlreadyThere,
    /// The segment does not hold.
    #[error("it is not of the journey's segment; change the segment to move it")]
    OutsideSegment,
}

impl Journey {
    /// Moves an object into a stage for a person, forward or back, or brings it into the journey. It stays there until a goal
    /// comes to hold by behaviour; goals that hold already are met, which is not told.
    ///
    /// # Errors
    /// There is no such stage, it is there already, or it is known not to be of the segment.
    pub fn move_to(&self, memory: &mut Memory, sight: &Sight<'_>, stage: &str) -> Result<Vec<Change>, Refused> {
        let at = self.position(stage).ok_or(Refused::NoSuchStage)?;
        if memory.stage() == Some(stage) {
            return Err(Refused::AlreadyThere);
        }
        if self.of_segment(sight).truth == Truth::False {
            return Err(Refused::OutsideSegment);
        }
        memory.segment = Edge { known: Some(true), owed: None };
        Ok(self.enter(at, memory, sight, By::Hand, Vec::new()))
    }

    /// Does what turned without behaviour, as far as it is still so: the object joins or leaves, goals are met or lost, and it
    /// moves on by one stage where that is all that it waited for.
    pub fn release(&self, memory: &mut Memory, sight: &Sight<'_>) -> Vec<Change> {
        self.replace(memory, sight);
        let segment = self.of_segment(sight);
        match (memory.segment.owed.map(|owed| owed.rose), segment.truth) {
            (Some(true), Truth::True) => {
                memory.segment.owed = None;
                if memory.open().is_none() {
                    return self.enter(0, memory, sight, By::Release, segment.because);
                }
            }
            (Some(false), Truth::False) => {
                memory.segment.owed = None;
                return leave(memory, sight, segment.because).into_iter().collect();
            }
            _ => {}
        }
        let Some(at) = memory.stage().and_then(|stage| self.position(stage)) else { return Vec::new() };
        let owes_move = self.owes_move(at, memory);
        let mut changes = self.release_goals(at, memory, sight);
        let is_newly_met = changes.iter().any(|change| matches!(change.what, What::GoalMet { .. }));
        if (owes_move || is_newly_met) && self.may_move_on(at, &memory.stay) {
            let because = self.because(at, &memory.stay, sight, true);
            changes.extend(self.enter(at + 1, memory, sight, By::Release, because));
        }
        changes
    }
}
