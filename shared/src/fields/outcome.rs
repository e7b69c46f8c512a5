//! What a fold gives, and why a value can be null.

use crate::time::to_the_millisecond;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a field's fold gives for one matched object whose window was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A number: events, minutes, visitors or days.
    Count(u64),
    /// An instant, ms since 1970.
    Instant(i64),
    /// Null, because nothing happened in the window.
    NeverUsed,
}

impl Outcome {
    /// The value on the wire: a number, an instant to the millisecond, or null.
    #[must_use]
    pub fn value(self) -> Value {
        match self {
            Self::Count(count) => Value::from(count),
            Self::Instant(ms) => Value::from(to_the_millisecond(ms)),
            Self::NeverUsed => Value::Null,
        }
    }

    /// Why the value is null, when it is.
    #[must_use]
    pub fn reason(self) -> Option<Reason> {
        (self == Self::NeverUsed).then_some(Reason::NeverUsed)
    }
}

/// Why a value is null, or frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The object's key fits nothing that Pendo knows.
    Unmatched,
    /// Whatever fits the object fits others too.
    Ambiguous,
    /// The window is still being read.
    Backfilling,
    /// The window begins before the history that is read.
    NotRead,
    /// Nothing happened in the window.
    NeverUsed,
    /// A ratio over nothing.
    Undefined,
    /// The connection was ended with its data kept.
    Disconnected,
}

impl Reason {
    /// The name as it stands in answers and exports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unmatched => "unmatched",
            Self::Ambiguous => "ambiguous",
            Self::Backfilling => "backfilling",
            Self::NotRead => "not_read",
            Self::NeverUsed => "never_used",
            Self::Undefined => "undefined",
            Self::Disconnected => "disconnected",
        }
    }
}
