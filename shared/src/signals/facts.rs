//! What is known of an object, day by day: what conditions look at.

use crate::fields::Reason;
use crate::id::{FieldId, SignalId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Something that is known of an object, or is not.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// A calculated field, which may be a trend.
    Field(FieldId),
    /// A column of the directory.
    Column(String),
    /// A health score, 0 to 100.
    Health(SignalId),
    /// The stage in which the object is in a journey.
    Stage(SignalId),
}

/// What a fact is on a day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Known {
    /// A finite number.
    Number(f64),
    /// A text, such as a stage or a date of the directory.
    Text(String),
    /// Nothing, and why.
    Nothing {
        /// Why.
        why: Gap,
    },
}

/// Why a fact is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gap {
    /// The value is null for this reason.
    Value(Reason),
    /// Nothing was seen of that day.
    NotSeen,
    /// Pendo was last read too long ago for the value to say anything of now.
    Stale,
    /// The column is empty.
    Empty,
    /// Too few inputs of the score are known.
    NotScored,
    /// The object is in no stage of the journey.
    NoStage,
}

impl Gap {
    /// Whether usage is why, or why it could not be told: all of it is known and comes to no number, or it has not come yet. Any
    /// other gap closes for another reason than behaviour.
    #[must_use]
    pub const fn is_told_by_usage(self) -> bool {
        match self {
            Self::Value(reason) => reason.is_told_by_usage(),
            // What arrives late is behaviour all the same.
            Self::Stale => true,
            Self::NotSeen | Self::Empty | Self::NotScored | Self::NoStage => false,
        }
    }
}

impl Known {
    /// A fact that is not known.
    #[must_use]
    pub const fn nothing(why: Gap) -> Self {
        Self::Nothing { why }
    }

    /// The number that it is.
    #[must_use]
    pub const fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(_) | Self::Nothing { .. } => None,
        }
    }

    /// The text that it is.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Number(_) | Self::Nothing { .. } => None,
        }
    }

    /// Whether it is known.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        !matches!(self, Self::Nothing { .. })
    }

    /// As it stands in answers: a number, a text or null.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Number(number) => (*number).into(),
            Self::Text(text) => text.as_str().into(),
            Self::Nothing { .. } => serde_json::Value::Null,
        }
    }
}

/// What is known of one object: its columns as they stand, and of everything else what it was at the end of each day that is
/// over, and what it is on the day that runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Past {
    /// The directory's columns. The directory keeps no past, so a day that is over is looked at with the columns of today.
    pub columns: BTreeMap<String, Known>,
    /// By fact the days that are known, counted from 1970.
    pub days: BTreeMap<Fact, BTreeMap<i32, Known>>,
}

impl Past {
    /// What a fact was at the end of a day.
    #[must_use]
    pub fn at(&self, fact: &Fact, day: i32) -> Known {
        match fact {
            Fact::Column(name) => self.columns.get(name).cloned().unwrap_or(Known::nothing(Gap::Empty)),
            _ => self.days.get(fact).and_then(|days| days.get(&day)).cloned().unwrap_or(Known::nothing(Gap::NotSeen)),
        }
    }

    /// Notes what a fact is on a day.
    pub fn note(&mut self, fact: Fact, day: i32, known: Known) {
        self.days.entry(fact).or_default().insert(day, known);
    }
}
