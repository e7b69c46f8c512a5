//! Whose usage a row is: the rules that link Pendo's visitors to contacts and Pendo's accounts to accounts, and what comes
//! of them.

mod kept;
mod key;
mod link;
mod links;
mod near;
mod report;
mod resolve;
mod rule;
#[cfg(test)]
mod sample;
mod suggestion;
mod tally;

pub use kept::KeptMatching;
pub use link::{KnownAccount, KnownVisitor, Link, Status};
pub use links::Links;
pub use near::{Near, Why, nearest};
pub use report::{Examples, LevelReport, ObjectCounts, PendoCounts, Report, report};
pub use rule::{ALIASES_MAX, Matching, PendoKey, Rule};
pub use suggestion::{Candidate, Candidates, Suggestion};
pub use tally::{Tally, TallyCounts, TallyLine};

use crate::id::ObjectKind;

impl Matching {
    /// The rule of a level; a level without one is not matched.
    #[must_use]
    pub fn rule(&self, level: ObjectKind) -> Option<&Rule> {
        match level {
            ObjectKind::Account => self.account.as_ref(),
            ObjectKind::Contact => self.contact.as_ref(),
        }
    }
}
