//! Pendo's regions and their hosts: an enum, so that a caller can never name a host.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a Pendo subscription lives. A key works only on its own region's host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Region {
    /// United States.
    Us,
    /// United States, second cluster.
    Us1,
    /// European Union.
    Eu,
    /// Japan.
    Jpn,
    /// Australia.
    Au,
}

impl Region {
    /// All regions, in the order in which they are offered.
    pub const ALL: [Self; 5] = [Self::Us, Self::Us1, Self::Eu, Self::Jpn, Self::Au];

    /// The name in requests and stored connections.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Us => "us",
            Self::Us1 => "us1",
            Self::Eu => "eu",
            Self::Jpn => "jpn",
            Self::Au => "au",
        }
    }

    /// The name for people.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Us => "US",
            Self::Us1 => "US1",
            Self::Eu => "EU",
            Self::Jpn => "Japan",
            Self::Au => "Australia",
        }
    }

    /// The hosts to try, in order. US1 has two: the one that Pendo documents, and the one that a customer-success
    /// vendor's help page gives; which of them answers is uncertain, so the one that verifies is kept.
    #[must_use]
    pub const fn hosts(self) -> &'static [&'static str] {
        match self {
            Self::Us => &["app.pendo.io"],
            Self::Us1 => &["us1.app.pendo.io", "app1.pendo.io"],
            Self::Eu => &["app.eu.pendo.io"],
            Self::Jpn => &["app.jpn.pendo.io"],
            Self::Au => &["app.au.pendo.io"],
        }
    }

    /// Parses a name as [`Region::name`] gives it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|region| region.name() == text)
    }
}
