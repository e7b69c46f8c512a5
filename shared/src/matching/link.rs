//! The words of matching: what Pendo knows, and what a row or an object comes to.

use crate::fields::Reason;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A visitor that Pendo knows: from its list of visitors or from any stored row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownVisitor {
    /// Pendo's visitor id.
    pub id: String,
    /// The metadata value, when the rule names a path; else the id itself is compared.
    pub value: Option<String>,
}

/// A Pendo account that Pendo knows: from its list of accounts or from any stored row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownAccount {
    /// Pendo's account id.
    pub id: String,
    /// The metadata value, when the rule names a path; else the id itself is compared.
    pub value: Option<String>,
}

/// Whose a row is on a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link<'a> {
    /// The object of this id.
    Matched(&'a str),
    /// Nobody's: the key fits no object.
    Unmatched,
    /// Nobody's: the key fits several objects and nothing decides between them.
    Ambiguous,
    /// Nobody's: there is no Pendo account, or the value to compare is missing or empty.
    WithoutId,
    /// The level is not matched at all.
    NotMatchedLevel,
}

/// Whether an object has usage to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "MatchStatus")]
pub enum Status {
    /// Its key fits something that Pendo knows.
    Matched,
    /// Whatever fits it can never be told from another object's.
    Ambiguous,
    /// Its key fits nothing that Pendo knows, or the level is not matched.
    Unmatched,
}

impl Status {
    /// Why the object's values are null, when they are.
    #[must_use]
    pub fn reason(self) -> Option<Reason> {
        match self {
            Self::Matched => None,
            Self::Ambiguous => Some(Reason::Ambiguous),
            Self::Unmatched => Some(Reason::Unmatched),
        }
    }
}
