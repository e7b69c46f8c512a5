//! What a fold gives, and why a value can be null.

use crate::time::to_the_millisecond;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a field's fold gives for one matched object whose window was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A number: events, minutes, visitors or days.
    Count(u64),
    /// An instant, ms since 1970.
    Instant(i64),
    /// Null, because nothing happened in the window.
    NeverUsed,
    /// Null, because nothing of the contact's usage counts.
    Excluded,
    /// One whole number over another; null over nothing.
    Ratio {
        /// What is divided.
        numerator: u64,
        /// By what.
        denominator: u64,
    },
    /// A window's events beside those of the equal one before it.
    Change {
        /// Of the window.
        current: u64,
        /// Of the one before.
        previous: u64,
    },
    /// A number, by the bits of its double.
    Number(u64),
    /// A text that a property has.
    Text(String),
}

impl Outcome {
    /// A number.
    #[must_use]
    pub const fn number(number: f64) -> Self {
        Self::Number(number.to_bits())
    }

    /// A sum over so many; null over nothing.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "the nearest double is what is promised")]
    pub const fn mean(sum: f64, count: u64) -> Self {
        if count == 0 { Self::Ratio { numerator: 0, denominator: 0 } } else { Self::number(sum / count as f64) }
    }

    /// The value on the wire: a number, an instant to the millisecond, or null. Ratios and changes are the quotient of
    /// their whole numbers, the nearest number that a double can hold.
    #[must_use]
    pub fn value(&self) -> Value {
        if self.reason().is_some() {
            return Value::Null;
        }
        match self {
            Self::Count(count) => Value::from(*count),
            Self::Instant(ms) => Value::from(to_the_millisecond(*ms)),
            Self::Number(bits) => Value::from(f64::from_bits(*bits)),
            Self::Text(text) => Value::from(text.as_str()),
            Self::NeverUsed | Self::Excluded => Value::Null,
            Self::Ratio { numerator, denominator } => Value::from(quotient((*numerator).into(), *denominator)),
            // Nothing after nothing is no change.
            Self::Change { current: 0, previous: 0 } => Value::from(0.0),
            Self::Change { current, previous } => {
                Value::from(quotient(i128::from(*current) - i128::from(*previous), *previous))
            }
        }
    }

    /// Why the value is null, when it is.
    #[must_use]
    pub const fn reason(&self) -> Option<Reason> {
        match self {
            Self::NeverUsed => Some(Reason::NeverUsed),
            Self::Excluded => Some(Reason::Excluded),
            Self::Ratio { denominator: 0, .. } => Some(Reason::Undefined),
            Self::Change { current: 1.., previous: 0 } => Some(Reason::New),
            _ => None,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "the nearest double is what is promised")]
fn quotient(numerator: i128, denominator: u64) -> f64 {
    numerator as f64 / denominator as f64
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
    /// The contact, or everybody that it is matched with, is excluded.
    Excluded,
    /// A ratio over nothing, or a formula that divides by zero.
    Undefined,
    /// A change from nothing to something.
    New,
    /// A formula's column of the directory is empty, or no number.
    NoNumber,
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
            Self::Excluded => "excluded",
            Self::Undefined => "undefined",
            Self::New => "new",
            Self::NoNumber => "no_number",
            Self::Disconnected => "disconnected",
        }
    }

    /// Whether the usage itself is why: all of it is known, and it comes to no number.
    #[must_use]
    pub const fn is_told_by_usage(self) -> bool {
        matches!(self, Self::NeverUsed | Self::Undefined | Self::New)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_the_quotient_of_its_whole_numbers_and_null_over_nothing() {
        let said = |numerator, denominator| {
            let outcome = Outcome::Ratio { numerator, denominator };
            (outcome.value(), outcome.reason())
        };
        assert_eq!(said(1, 3), (Value::from(1.0 / 3.0), None));
        assert_eq!(said(0, 7), (Value::from(0.0), None));
        assert_eq!(said(0, 0), (Value::Null, Some(Reason::Undefined)));
        assert_eq!(said(u64::MAX, u64::MAX), (Value::from(1.0), None));
    }

    #[test]
    fn a_change_is_new_from_nothing_and_none_between_two_nothings() {
        let said = |current, previous| {
            let outcome = Outcome::Change { current, previous };
            (outcome.value(), outcome.reason())
        };
        assert_eq!(said(3, 2), (Value::from(0.5), None));
        assert_eq!(said(1, 4), (Value::from(-0.75), None));
        assert_eq!(said(0, 4), (Value::from(-1.0), None));
        assert_eq!(said(4, 4), (Value::from(0.0), None));
        assert_eq!(said(0, 0), (Value::from(0.0), None));
        assert_eq!(said(1, 0), (Value::Null, Some(Reason::New)));
        assert_eq!(said(0, u64::MAX), (Value::from(-1.0), None));
    }
}
