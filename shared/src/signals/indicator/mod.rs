//! Expansion indicators: a condition that held on enough days in a row fires, once, with how strong it is.
//!
//! - What must hold is the condition on each of its days, and `unless` not today. While `unless` holds the indicator does not
//!   fire, and one that fires is cleared; when `unless` is over and the condition still holds, it fires. An `unless` that nobody
//!   can tell stays what it last was, and holds nothing back where it was never known.
//! - A rise within the cool-down waits: it fires when the cool-down is over if all still holds then, for the reasons of that day.
//! - A rise without behaviour is owed, as everywhere, and can be released by hand; a release within the cool-down waits, too.

mod body;
mod calibration;
mod step;
mod templates;
#[cfg(test)]
mod tests;

pub use calibration::{Calibration, EXPANSIONS_MIN, History, LeadTime, Question, Share, calibrate};
pub use templates::{Parameter, TEMPLATES, Takes, Template, fill};

use super::condition::Condition;
use super::facts::Fact;
use super::sight::Edge;
use crate::signals::event::By;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The longest cool-down in days: ten years.
pub const COOL_DOWN_DAYS_MAX: u32 = 3660;

/// An indicator that was checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Indicator {
    /// The template from which it was made. It is told and changes nothing.
    pub template: Option<String>,
    /// What must hold.
    pub condition: Condition,
    /// On how many days in a row, today among them; at least 1.
    pub for_days: u32,
    /// While this holds it does not fire.
    pub unless: Option<Condition>,
    /// It fires again so many days after it last fired at the earliest. At 1 it fires at most once a day.
    pub cool_down_days: u32,
    /// How strong it is; 100 where this is not said.
    pub strength: Option<Strength>,
    /// Whether who meets it at the first look is taken as having come to meet it then.
    pub takes_standing: bool,
}

/// How strong an indicator is: 0 at one end and 100 at the other, in proportion between them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Strength {
    /// The number that is looked at.
    pub fact: Fact,
    /// By which it is divided first, so that the ends are shares of it.
    pub of: Option<Fact>,
    /// Where it is 0.
    pub from: f64,
    /// Where it is 100. Below `from`, lower is stronger.
    pub to: f64,
}

/// What is remembered of an indicator for one object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Memory {
    /// What all that must hold last came to.
    pub edge: Edge,
    /// Whether it fires.
    pub is_firing: bool,
    /// The day since which it fires, counted from 1970; nothing while it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fired_on: Option<i32>,
    /// The day on which it last began to, whether or not it still does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_fired: Option<i32>,
    /// How often it began to.
    pub times: u32,
    /// How strong it is, 0 to 100; once it fires no more, how strong it last was.
    pub strength: u8,
    /// It rose, by this, and waits for the end of the cool-down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits: Option<By>,
    /// What `unless` last came to, when that was known.
    pub is_held_back: bool,
}

impl Indicator {
    /// Every fact that it looks at, with how many days back.
    #[must_use]
    pub fn facts(&self) -> BTreeMap<Fact, u32> {
        let mut facts = self.condition.facts();
        for days in facts.values_mut() {
            *days += self.for_days.saturating_sub(1);
        }
        let unless = self.unless.iter().flat_map(Condition::facts);
        let strength = self.strength.iter().flat_map(|strength| [Some(&strength.fact), strength.of.as_ref()]);
        for (fact, days) in unless.chain(strength.flatten().map(|fact| (fact.clone(), 0))) {
            let known = facts.entry(fact).or_insert(0);
            *known = (*known).max(days);
        }
        facts
    }
}
