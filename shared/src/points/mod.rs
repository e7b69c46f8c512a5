//! Points: what an account's fields came to at the end of each local day, and what was said of it before.
//!
//! The point of a day is the value at the end of that day, when all of it has come and it still is today: what
//! `GET /v1/values` shows in its last moment. What was told of it never changes: where a day that is over comes to something
//! else, that is told behind it, with the time and the reason. So what was known at any time can be told again.

mod history;
mod part;

pub use history::{Earlier, HistoryQuery, Point, ValueHistory, history};
pub use part::{pack, part_of, unpack};

use crate::connection::Connection;
use crate::fields::{Outcome, Plan, Reason};
use crate::id::FieldId;
use crate::matching::Status;
use crate::sync::checkpoint::KindState;
use crate::sync::rewrites::Cause;
use crate::time::Hour;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// So many days that are over are told again where they come to something else; older ones stay as they were told.
pub const DAYS_RESTATED: i32 = 92;
/// Months before the running one that are kept.
pub const MONTHS_KEPT: u32 = 24;

/// What is said of an account, a field and a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// The account's usage comes to this.
    Of(Outcome),
    /// No usage is the account's.
    Unmatched,
    /// Whatever fits the account fits others too.
    Ambiguous,
}

impl Said {
    /// What is said of an object by its status; `outcome` is what its usage comes to.
    #[must_use]
    pub fn of(status: Status, outcome: Option<Outcome>) -> Self {
        match (status, outcome) {
            (Status::Matched, Some(outcome)) => Self::Of(outcome),
            (Status::Ambiguous, _) => Self::Ambiguous,
            _ => Self::Unmatched,
        }
    }

    /// The value on the wire.
    #[must_use]
    pub fn value(&self) -> Value {
        match self {
            Self::Of(outcome) => outcome.value(),
            Self::Unmatched | Self::Ambiguous => Value::Null,
        }
    }

    /// Why there is none.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        match self {
            Self::Of(outcome) => outcome.reason(),
            Self::Unmatched => Some(Reason::Unmatched),
            Self::Ambiguous => Some(Reason::Ambiguous),
        }
    }
}

/// Why something else is said of a day that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Rows came that were not there yet.
    LateData,
    /// A page's or feature's tag was edited, and Pendo applied that to the past.
    TagEdit,
    /// Rows moved to another Pendo account or object while no total changed.
    RowsMoved,
    /// A day that shrank to half its events or fewer was believed after readings had agreed.
    DayShrank,
    /// Pendo changed hours that were final and does not say why.
    Unexplained,
    /// Other Pendo accounts are the account's: a rule, an alias, a key in the directory or Pendo's metadata was changed.
    NewMatching,
    /// The connection's time zone was changed, so days begin and end elsewhere.
    NewZone,
    /// A visitor was erased, or let in again. What was said before is not kept.
    Erasure,
    /// Others are excluded than before.
    Exclusions,
}

impl Why {
    /// Every reason; the place of each is what is stored.
    pub const ALL: [Self; 9] = [
        Self::LateData,
        Self::TagEdit,
        Self::RowsMoved,
        Self::DayShrank,
        Self::Unexplained,
        Self::NewMatching,
        Self::NewZone,
        Self::Erasure,
        Self::Exclusions,
    ];
}

impl From<Cause> for Why {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::TagEdit => Self::TagEdit,
            Cause::RowsMoved => Self::RowsMoved,
            Cause::DayShrank => Self::DayShrank,
            Cause::Exclusions => Self::Exclusions,
            Cause::Unexplained => Self::Unexplained,
        }
    }
}

/// What was told once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// When, seconds since 1970.
    pub at_s: i64,
    /// Why again; nothing the first time.
    pub why: Option<Why>,
    /// The first version of the field that computes this.
    pub version: u64,
    /// What was said.
    pub said: Said,
}

/// What was told of each day, counted from 1970, the last telling last.
pub type Days = BTreeMap<i32, Vec<Told>>;
/// The same by account and field.
pub type Points = BTreeMap<(String, FieldId), Days>;

/// Tells what a day comes to now, unless that is what was told last; answers whether it is news. An account without usage is
/// not told of before it had some. `forgets` leaves nothing of what was told before.
pub fn tell(told: &mut Vec<Told>, now: Told, forgets: bool) -> bool {
    let is_news = match told.last() {
        None => now.said != Said::Unmatched,
        Some(last) => (last.version, &last.said) != (now.version, &now.said),
    };
    if is_news {
        // A clock that goes back must not turn the order of what was known.
        let at_s = told.last().map_or(now.at_s, |last| now.at_s.max(last.at_s));
        if forgets {
            told.clear();
        }
        told.push(Told { at_s, ..now });
    }
    is_news
}

/// What was known of a day at a time: its tellings up to then.
#[must_use]
pub fn known(told: &[Told], at_s: i64) -> &[Told] {
    &told[..told.partition_point(|telling| telling.at_s <= at_s)]
}

/// Why nothing can be told of a plan's window that ends at `end`; nothing if it can. As `GET /v1/values` has it.
#[must_use]
pub fn not_told(
    connection: &Connection,
    state: Option<&KindState>,
    plan: &Plan,
    is_all_time: bool,
    end: Hour,
) -> Option<Reason> {
    let Some(state) = state.filter(|state| state.as_of.is_some_and(|as_of| end <= as_of)) else {
        return Some(Reason::Backfilling);
    };
    if connection.history_from.is_some_and(|start| plan.reach().from < start) && !is_all_time {
        return Some(Reason::NotRead);
    }
    let is_covered = state.covered_from.is_some_and(|from| !is_all_time && from <= plan.reach().from);
    let is_all_read = state.covered_from.is_some() && state.backfill.is_none();
    (!is_all_read && !is_covered).then_some(Reason::Backfilling)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(at_s: i64, count: u64) -> Told {
        Told { at_s, why: None, version: 1, said: Said::Of(Outcome::Count(count)) }
    }

    #[test]
    fn only_news_are_told_and_nothing_that_was_told_changes() {
        let mut told = Vec::new();
        assert!(!tell(&mut told, Told { said: Said::Unmatched, ..count(1, 0) }, false), "it never had any usage");
        assert!(tell(&mut told, count(10, 5), false));
        assert!(!tell(&mut told, count(20, 5), false));
        assert!(tell(&mut told, count(30, 6), false));
        assert!(tell(&mut told, Told { version: 2, ..count(40, 6) }, false), "another version is news");
        assert!(tell(&mut told, Told { said: Said::Unmatched, ..count(50, 0) }, false));
        assert_eq!(told.iter().map(|telling| telling.at_s).collect::<Vec<_>>(), [10, 30, 40, 50]);
        let known_at = |at_s| known(&told, at_s).last().map(|telling| telling.said.clone());
        assert_eq!(known_at(9), None);
        assert_eq!(known_at(29), Some(Said::Of(Outcome::Count(5))));
        assert_eq!(known_at(30), Some(Said::Of(Outcome::Count(6))));
        assert_eq!(known_at(99), Some(Said::Unmatched));
    }

    #[test]
    fn a_clock_that_goes_back_does_not_turn_the_order() {
        let mut told = vec![count(100, 1)];
        assert!(tell(&mut told, count(50, 2), false));
        assert_eq!(told[1].at_s, 100);
        assert_eq!(known(&told, 99), []);
    }

    #[test]
    fn what_is_forgotten_leaves_only_what_is_said_now() {
        let mut told = vec![count(1, 1), count(2, 2)];
        assert!(!tell(&mut told, count(3, 2), true));
        assert_eq!(told.len(), 2, "what does not change holds nothing of who is gone");
        assert!(tell(&mut told, count(3, 1), true));
        assert_eq!(told, [count(3, 1)]);
    }
}
