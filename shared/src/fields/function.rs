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
    /// Events over local days with at least one event.
    AveragePerActiveDay,
    /// Events over distinct identified visitors.
    AveragePerActiveUser,
    /// Number of different features, pages, guides or track types that were used, whatever the app.
    FeatureBreadth,
    /// Events of the most active visitor over all events.
    PowerUserConcentration,
    /// Days on which visitors were active, added up over the visitors, over the window's days times its visitors.
    Stickiness,
    /// Events of the window less those of the equal one before it, over those before it.
    Trend,
    /// Distinct visitors who used the named objects over those whom the definition's `of` names.
    AdoptionRate,
    /// Of a property of track events: its numbers added up over the events.
    Sum,
    /// Of a property: that sum over the events with a number.
    Average,
    /// Of a property: the lowest number.
    Min,
    /// Of a property: the highest number.
    Max,
    /// Of a property: its value on the last event that has one.
    Latest,
    /// Of a property: how many different values there are.
    DistinctValues,
}

impl Function {
    /// Every function, in the order in which messages list them.
    pub const ALL: [Self; 20] = [
        Self::Count,
        Self::Minutes,
        Self::DistinctVisitors,
        Self::ActiveDays,
        Self::FirstUsed,
        Self::LastUsed,
        Self::DaysSinceLastUsed,
        Self::AveragePerActiveDay,
        Self::AveragePerActiveUser,
        Self::FeatureBreadth,
        Self::PowerUserConcentration,
        Self::Stickiness,
        Self::Trend,
        Self::AdoptionRate,
        Self::Sum,
        Self::Average,
        Self::Min,
        Self::Max,
        Self::Latest,
        Self::DistinctValues,
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
            Self::AveragePerActiveDay => "average_per_active_day",
            Self::AveragePerActiveUser => "average_per_active_user",
            Self::FeatureBreadth => "feature_breadth",
            Self::PowerUserConcentration => "power_user_concentration",
            Self::Stickiness => "stickiness",
            Self::Trend => "trend",
            Self::AdoptionRate => "adoption_rate",
            Self::Sum => "sum",
            Self::Average => "average",
            Self::Min => "min",
            Self::Max => "max",
            Self::Latest => "latest",
            Self::DistinctValues => "distinct_values",
        }
    }

    /// The function of this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|function| function.name() == name)
    }

    /// Whether a window is of whole days when the definition does not say: what is made of active days or of distinct
    /// visitors would sink each midnight otherwise.
    #[must_use]
    pub const fn is_whole_by_default(self) -> bool {
        matches!(
            self,
            Self::DistinctVisitors
                | Self::ActiveDays
                | Self::AveragePerActiveDay
                | Self::AveragePerActiveUser
                | Self::Stickiness
                | Self::Trend
                | Self::AdoptionRate
        )
    }

    /// Whether its window can only be one that is over: a value must stand still between two midnights.
    #[must_use]
    pub const fn needs_whole_window(self) -> bool {
        matches!(self, Self::Stickiness | Self::Trend)
    }

    /// Whether it gives numbers, which can be calculated with: not times, and not whatever a property is.
    #[must_use]
    pub const fn is_number(self) -> bool {
        !self.is_time() && !matches!(self, Self::Latest)
    }

    /// Whether it gives a time.
    #[must_use]
    pub const fn is_time(self) -> bool {
        matches!(self, Self::FirstUsed | Self::LastUsed)
    }

    /// Whether it says something of a property of track events, which the definition names.
    #[must_use]
    pub const fn is_of_property(self) -> bool {
        matches!(self, Self::DistinctValues | Self::Latest) || self.is_of_numbers()
    }

    /// Whether it looks at those values of a property that are numbers.
    #[must_use]
    pub const fn is_of_numbers(self) -> bool {
        matches!(self, Self::Sum | Self::Average | Self::Min | Self::Max)
    }

    /// Whether it says something of single objects, which all activity has not.
    #[must_use]
    pub const fn is_of_objects(self) -> bool {
        matches!(self, Self::FeatureBreadth | Self::AdoptionRate)
    }

    /// Whether it says something of accounts only, since a contact is one user.
    #[must_use]
    pub const fn is_of_accounts_only(self) -> bool {
        matches!(self, Self::AveragePerActiveUser | Self::PowerUserConcentration | Self::AdoptionRate)
    }
}

/// Among whom an adoption rate looks for those who used something: what stands below the line, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Among {
    /// The visitors with any usage of the field's kind in the window, whatever the objects.
    SameKind,
}

impl Among {
    /// All there are.
    pub const ALL: [Self; 1] = [Self::SameKind];

    /// The name as it stands in definitions.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SameKind => "same_kind",
        }
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
        assert_eq!(Function::of_name("total"), None);
        for among in Among::ALL {
            assert_eq!(serde_json::to_value(among).unwrap(), among.name());
        }
    }
}
