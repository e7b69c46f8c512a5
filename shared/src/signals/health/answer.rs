//! What a health score comes to, as it is shown.

use super::step::Override;
use crate::fields::Reason;
use crate::signals::event::Driver;
use crate::signals::facts::{Gap, Known};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

/// What the health of an object comes to on a day.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Scored {
    /// 0 to 100; null where it is not scored. While a score set by hand stands it is that one.
    pub score: Option<f64>,
    /// What the inputs come to, whatever was set by hand: 100 less what the inputs cost.
    pub calculated: Option<f64>,
    /// Why nothing is calculated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_scored: Option<NotScored>,
    /// The score that stands by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by_hand: Option<Override>,
    /// The profile that fits.
    pub profile: Option<String>,
    /// The share of the profile's weight, 0 to 1, that is known.
    pub covered: f64,
    /// The inputs that cost points or are missing, those that cost most first.
    #[schemars(schema_with = "drivers_schema")]
    pub drivers: Vec<Driver>,
    /// Every input, as the profile lists them.
    pub inputs: Vec<InputScored>,
    /// The input whose veto holds the score down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vetoed_by: Option<String>,
}

impl Scored {
    /// Whether an input is missing that arrives with the next data of Pendo. Until then the score tells of no behaviour.
    #[must_use]
    pub fn awaits_pendo(&self) -> bool {
        self.inputs.iter().any(|input| input.missing == Some(Missing::OutOfDate))
    }

    /// What is known of the score, for the rules that look at it: nothing where it is not scored, nor, unless a person set it,
    /// while it awaits Pendo.
    #[must_use]
    pub fn known(&self) -> Known {
        match self.score {
            _ if self.by_hand.is_none() && self.awaits_pendo() => Known::nothing(Gap::Stale),
            Some(score) => Known::Number(score),
            None => Known::nothing(Gap::NotScored),
        }
    }
}

/// Why an object is not scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotScored {
    /// It fits no profile.
    NoProfile,
    /// Nothing is known of it, or less than the minimum weight.
    TooLittleKnown,
}

/// What an input comes to.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct InputScored {
    /// Its name.
    pub name: String,
    /// Its group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// What it weighs, in its group or in the whole.
    pub weight: f64,
    /// Its points, 0 to 100; null where it is missing.
    pub scored: Option<f64>,
    /// The value: a number, a text or null.
    #[serde(serialize_with = "as_json")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub was: Known,
    /// How many days ago the value was last known; 0 today.
    pub days_old: u32,
    /// Why it is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<Missing>,
    /// Points of the whole score that it costs. The costs of all inputs and the calculated score make 100. In a group of the
    /// best or the worst input that one bears what the group costs (the first of several alike); and what a veto takes away
    /// is borne by the input that vetoes.
    pub costs: f64,
    /// Whether it is so low that its veto caps the whole.
    pub vetoed: bool,
}

/// Why an input is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// The value is null for this reason.
    Value(Reason),
    /// Nothing was seen of that day.
    NotSeen,
    /// The column is empty.
    Empty,
    /// The health score that it looks at is not scored.
    NotScored,
    /// Pendo was last read too long ago for the value to say anything of now.
    OutOfDate,
    /// It was last known longer ago than the input allows.
    Stale,
    /// It is no number, and is scored by bands.
    NoNumber,
    /// It is none of the categories.
    NoCategory,
}

impl Missing {
    /// Whether usage itself is why. What is missing for another reason, and comes back, shifts the score without behaviour.
    #[must_use]
    pub const fn is_told_by_usage(self) -> bool {
        match self {
            Self::Value(reason) => reason.is_told_by_usage(),
            // What arrives late is behaviour all the same.
            Self::OutOfDate => true,
            Self::NotSeen | Self::Empty | Self::NotScored | Self::Stale | Self::NoNumber | Self::NoCategory => false,
        }
    }
}

impl From<Gap> for Missing {
    fn from(gap: Gap) -> Self {
        match gap {
            Gap::Value(reason) => Self::Value(reason),
            Gap::NotSeen | Gap::NoStage => Self::NotSeen,
            Gap::Stale => Self::OutOfDate,
            Gap::Empty => Self::Empty,
            Gap::NotScored => Self::NotScored,
        }
    }
}

fn as_json<S: Serializer>(known: &Known, serializer: S) -> Result<S::Ok, S::Error> {
    known.to_json().serialize(serializer)
}

/// How drivers are written, for the answers that have them.
pub(crate) fn drivers_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "array", "items": {
        "type": "object", "required": ["input", "scored", "was", "costs"], "properties": {
            "input": {"type": "string", "description": "The input's name."},
            "scored": {"type": ["number", "null"], "description": "What it scored, 0 to 100; null where it is missing."},
            "was": {"type": ["number", "string", "object"], "description": "What it looked at; where it is not known, why.",
                "properties": {"why": {"anyOf": [
                    {"type": "string"}, {"type": "object", "properties": {"value": {"type": "string"}}}]}}},
            "costs": {"type": "number", "description": "Points of the whole score that it costs."}}}})
}
