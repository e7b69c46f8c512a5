//! Conditions: one language for indicators, playbooks, journeys and segments.
//!
//! A condition looks at what is known of one object up to a day, and comes to true, false, or unknown where what it looks at is
//! not known (Kleene's logic: an `any` with one part that is true is true, whatever the others).

mod at;
mod body;
mod contradiction;
#[cfg(test)]
pub(in crate::signals) mod laws;
mod shown;

pub(in crate::signals) use at::number;
pub use body::{Named, NamedKind, Names};
pub(in crate::signals) use body::{fact, name_of, needs_number};

use super::facts::{Fact, Known};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The most parts of a condition, groups among them.
pub const PARTS_MAX: usize = 50;
/// How deep groups may lie in each other.
pub const DEPTH_MAX: usize = 6;
/// The most days that a condition looks back.
pub const DAYS_MAX: u32 = 366;

/// A condition that was checked: all names in it were found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// All of these.
    All(Vec<Condition>),
    /// At least one of these.
    Any(Vec<Condition>),
    /// Not this.
    Not(Box<Condition>),
    /// One comparison.
    Is(Comparison),
}

/// One fact, what it is compared with, and over which days.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// What is looked at.
    pub fact: Fact,
    /// What it is held against.
    pub test: Test,
    /// On which days.
    pub over: Over,
}

/// What a fact is held against.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// A number against another.
    Number(Operator, Target),
    /// A text that is one of these.
    In(BTreeSet<String>),
    /// A text that is none of these.
    NotIn(BTreeSet<String>),
    /// It changed by at least this share (0.2 for 20 %, negative where it fell) against so many days before.
    Changed {
        /// The share of what it was.
        by: f64,
        /// Days before.
        days: u32,
    },
    /// A date from today on, so many days ahead at most.
    WithinNext(u32),
    /// A date up to today, so many days ago at most.
    WithinPast(u32),
}

/// How numbers are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    /// More than.
    Above,
    /// As much or more.
    AtLeast,
    /// Less than.
    Below,
    /// As much or less.
    AtMost,
    /// The same number.
    Equals,
    /// Another number.
    NotEquals,
}

/// What a number is compared with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// A number.
    Number(f64),
    /// Another fact of the same object and day, times a number.
    Fact(Fact, f64),
}

/// On which days a comparison must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Over {
    /// Now.
    Now,
    /// Now and at the end of each of the days before, so many days in a row.
    Held(u32),
    /// It holds now, and did not hold at the end of some day of the last so many.
    Crossed(u32),
    /// At the end of the day so many days before, whatever it is now.
    Ago(u32),
}

/// What a condition comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not.
    False,
    /// What it looks at is not known.
    Unknown,
}

/// What a condition comes to, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// What it comes to.
    pub truth: Truth,
    /// The comparisons that made it so.
    pub because: Vec<Because>,
}

/// A comparison that made a condition what it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Because {
    /// The comparison.
    pub of: Comparison,
    /// What the fact was.
    pub was: Known,
    /// What the other fact was, where it is compared with one, or what it was before where it changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<f64>,
}

impl Condition {
    /// The condition that always holds.
    #[must_use]
    pub const fn always() -> Self {
        Self::All(Vec::new())
    }

    /// Every comparison in it.
    pub fn comparisons(&self) -> Vec<&Comparison> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::comparisons).collect(),
            Self::Not(part) => part.comparisons(),
            Self::Is(comparison) => vec![comparison],
        }
    }

    /// Every fact that it looks at, with how many days back.
    #[must_use]
    pub fn facts(&self) -> BTreeMap<Fact, u32> {
        let mut facts = BTreeMap::new();
        for Comparison { fact, test, over } in self.comparisons() {
            let over = match over {
                Over::Now => 0,
                Over::Held(days) => days.saturating_sub(1),
                Over::Crossed(days) | Over::Ago(days) => *days,
            };
            let (changed, other) = match test {
                Test::Changed { days, .. } => (*days, None),
                Test::Number(_, Target::Fact(other, _)) => (0, Some(other)),
                _ => (0, None),
            };
            for fact in [Some(fact), other].into_iter().flatten() {
                let days = facts.entry(fact.clone()).or_insert(0);
                *days = (*days).max(over + changed);
            }
        }
        facts
    }
}
