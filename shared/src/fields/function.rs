//! What a calculated field computes over its rows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The functions over the rows of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Function {
    /// Number of events.
    Count,
    /// Sum of Pendo's minutes, which can exceed clock time.
    Minutes,
    /// Number of distinct identified visitors, from a set.
    DistinctVisitors,
    /// Number of local days with at least one event.
    ActiveDays,
    /// Time of the first event.
    FirstUsed,
    /// Time of the last event.
    LastUsed,
    /// Local days from the last event to today; 0 when it was today.
    DaysSinceLastUsed,
}

impl Function {
    /// Every function, in the order in which messages list them.
    pub const ALL: [Self; 7] = [
        Self::Count,
        Self::Minutes,
        Self::DistinctVisitors,
        Self::ActiveDays,
        Self::FirstUsed,
        Self::LastUsed,
        Self::DaysSinceLastUsed,
    ];

    /// The name as it stands in definitions.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Minutes => "minutes",
            Self::DistinctVisitors => "distinct_visitors",
            Self::ActiveDays => "active_days",
            Self::FirstUsed => "first_used",
            Self::LastUsed => "last_used",
            Self::DaysSinceLastUsed => "days_since_last_used",
        }
    }

    /// The function of this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|function| function.name() == name)
    }

    /// Whether a rolling window leaves out the running day when the definition does not say.
    #[must_use]
    pub const fn takes_complete_days(self) -> bool {
        matches!(self, Self::DistinctVisitors | Self::ActiveDays)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_stored_names() {
        for function in Function::ALL {
            assert_eq!(serde_json::to_value(function).unwrap(), function.name());
            assert_eq!(Function::of_name(function.name()), Some(function));
        }
        assert_eq!(Function::of_name("sum"), None);
    }
}
