//! Health scores: how well an object is, from 0 to 100, out of several inputs that are weighed, with what pulls it down.
//!
//! The score is the weighted mean of the parts of the profile that fits, Σ(weight × points) ÷ Σ weight over those that are
//! known. A part is an input on its own or a group of inputs, which is its weighted mean, its best or its worst input. What
//! an object lacks in knowledge never makes it green: with too little known it is not scored.

mod answer;
mod bands;
mod body;
mod input;
mod renewal;
mod score;
mod shown;
mod step;

#[cfg(test)]
mod drawn;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod told;

pub(crate) use answer::drivers_schema;
pub use answer::{InputScored, Missing, NotScored, Scored};
pub use bands::Bands;
pub use renewal::{DueRow, Renewal, Risk, WITHIN_DAYS, renewals};
pub use step::{DRIVERS_TOLD, Memory, Override, OwedBand, Set, release};

use super::condition::{Condition, Truth};
use super::facts::{Fact, Past};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The most profiles of a health score.
pub const PROFILES_MAX: usize = 10;
/// The most inputs of a profile.
pub const INPUTS_MAX: usize = 40;
/// The most groups of a profile.
pub const GROUPS_MAX: usize = 20;
/// The most bands by which an input is scored.
pub const BANDS_MAX: usize = 20;
/// The most categories by which an input is scored.
pub const CATEGORIES_MAX: usize = 100;
/// The most characters of a name of a profile, a group or an input.
pub const NAME_CHARS_MAX: usize = 100;
/// The most that an input or a group weighs.
pub const WEIGHT_MAX: f64 = 1000.0;
/// The least that an input or a group weighs.
pub const WEIGHT_MIN: f64 = 0.001;
/// The end of a band lies so far from 0 at most; beyond, doubles get too coarse to divide a band evenly.
pub const VALUE_MAX: f64 = 1e15;
/// The most points of hysteresis.
pub const HYSTERESIS_MAX: f64 = 25.0;
/// The share of the weight that must be known, where none is given.
pub const MINIMUM_WEIGHT: f64 = 0.5;
/// The points of hysteresis, where none are given.
pub const HYSTERESIS: f64 = 3.0;

/// A health score that was checked: all names in it were found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// What is weighed, by segment. The first whose segment holds counts, so segments may overlap.
    pub profiles: Vec<Profile>,
    /// What an input counts whose value is not known.
    pub missing: WhenMissing,
    /// The share of the profile's weight, 0 to 1, that must be known; below it nothing is scored.
    pub minimum_weight: f64,
    /// Where a score is poor, fair and good.
    pub bands: Bands,
    /// By how many points the score must exceed a boundary to go up into a better band. It goes down as soon as it is at the
    /// boundary or below, so a score that swings in between changes its band once at most.
    pub hysteresis: f64,
}

/// What is weighed for the objects of one segment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// Whose health it scores; everybody's where none is given. While a segment is unknown, it does not hold.
    pub segment: Option<Condition>,
    /// What is weighed.
    pub inputs: Vec<Input>,
    /// The groups that inputs name.
    pub groups: Vec<Group>,
}

/// Inputs that count as one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// What it weighs among the inputs without a group and the other groups.
    pub weight: f64,
    /// What its inputs come to.
    pub rule: Rule,
}

/// What the inputs of a group come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Their weighted mean.
    Mean,
    /// The points of the best of them.
    Best,
    /// The points of the worst of them.
    Worst,
}

/// Something that is weighed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// What is looked at: a field, a column or another health score.
    pub fact: Fact,
    /// What it weighs in its group, or in the whole where it is in none.
    pub weight: f64,
    /// Its group.
    pub group: Option<String>,
    /// How its value becomes points.
    pub scoring: Scoring,
    /// For so many days the last known value counts where none is known; afterwards it is stale, and missing. Where usage
    /// itself leaves no value, it is missing at once.
    pub stale_after_days: Option<u32>,
    /// The whole score that it caps when it is low itself.
    pub veto: Option<Veto>,
}

/// How a value becomes points, 0 to 100.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scoring {
    /// A number, by the band in which it lies.
    Bands {
        /// The bands from low to high; each begins where the one before ends.
        bands: Vec<Linear>,
        /// Whether lower is better: 100 less the points of the band.
        inverse: bool,
    },
    /// A text.
    Categories {
        /// The points of each.
        categories: BTreeMap<String, f64>,
        /// The points of any other; where none are given, an input with another text is missing.
        otherwise: Option<f64>,
    },
}

/// A band of values in which points rise or fall evenly.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Linear {
    /// Where it begins. Below the first band, the points of its beginning count.
    pub from: f64,
    /// Up to where it goes, without this value. From the end of the last band on, the points of its end count.
    pub to: f64,
    /// The points at its beginning and at its end.
    pub scores: [f64; 2],
}

/// One input that caps the whole.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Veto {
    /// It caps while the input has fewer points than this. An input that is missing caps nothing.
    pub below: f64,
    /// The most that the whole then comes to.
    pub caps_at: f64,
}

/// What an input counts whose value is not known. Whatever it counts, it is not known: where all are missing, or too many,
/// nothing is scored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenMissing {
    /// Nothing; the others weigh as much more.
    #[default]
    Skip,
    /// 50 points.
    Neutral,
    /// 0 points.
    Worst,
}

/// How many objects fit the profiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Overlap {
    /// Fit none, so are not scored.
    pub none: u64,
    /// Fit one.
    pub one: u64,
    /// Fit several, so the order of the profiles decides.
    pub several: u64,
}

impl Profile {
    /// Whether an object is of the segment on a day.
    fn fits(&self, past: &Past, day: i32) -> bool {
        self.segment.as_ref().is_none_or(|segment| segment.at(past, day).truth == Truth::True)
    }
}

impl Health {
    /// Every fact that it looks at, with how many days back. Other health scores among them must not lead back to this one.
    #[must_use]
    pub fn facts(&self) -> BTreeMap<Fact, u32> {
        let segments = self.profiles.iter().filter_map(|profile| profile.segment.as_ref()).flat_map(Condition::facts);
        let inputs = self.profiles.iter().flat_map(|profile| &profile.inputs);
        let inputs = inputs.map(|input| (input.fact.clone(), input.stale_after_days.unwrap_or(0)));
        let mut facts = BTreeMap::new();
        for (fact, days) in segments.chain(inputs) {
            let most = facts.entry(fact).or_insert(0);
            *most = days.max(*most);
        }
        facts
    }

    /// How many of these objects fit no profile, one, or several on a day. A profile for everybody behind others is their
    /// rest, so it is no second one.
    #[must_use]
    pub fn overlap<'a>(&self, objects: impl IntoIterator<Item = &'a Past>, day: i32) -> Overlap {
        let mut overlap = Overlap::default();
        for past in objects {
            let (rest, segments): (Vec<&Profile>, Vec<&Profile>) =
                self.profiles.iter().partition(|profile| profile.segment.is_none());
            match segments.iter().filter(|profile| profile.fits(past, day)).count() {
                0 if rest.is_empty() => overlap.none += 1,
                0 | 1 => overlap.one += 1,
                _ => overlap.several += 1,
            }
        }
        overlap
    }
}
