//! What stands behind a number: the stored rows of an object, and a value taken apart into the people, objects, days and
//! hours that it was made from.
//!
//! Rows come from the heads' blocks by the same links as in an evaluation, so what is shown is what is counted. Nothing is
//! written here, and Pendo is not asked.

mod advice;
mod formula;
mod found;
mod parts;
mod path;
mod people;
mod reproduction;
mod source;
mod sums;
mod usage;
mod value;

pub use advice::Advice;
pub use formula::FormulaOperand;
pub use parts::{Day, HourOfUse, LeftOut, PendoAccount, Person, UsedObject, UsedValue};
pub use path::{Linked, MatchPath, MatchRule};
pub use people::Rank;
pub use reproduction::{Gives, Reproduction};
pub(crate) use source::{Source, Whose};
pub use sums::Sums;
pub use usage::{Position, UsageLine, UsagePage, UsageQuery, usage};
pub use value::{Defined, Explanation, ExplanationQuery, explain};

use crate::store::StoreError;
use crate::values::ValuesError;

/// How often heads are read again because they have moved on meanwhile.
pub(crate) const REREADS_MAX: u32 = 3;

/// Why nothing can be shown.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// What was asked for does not exist.
    #[error(transparent)]
    Values(#[from] ValuesError),
    /// The window holds more rows than can be added up while somebody waits.
    #[error("the window holds {rows} rows")]
    TooMuch {
        /// The rows of the shards that hold the object's.
        rows: u64,
    },
    /// A formula is calculated when it is read: it has no days of its own.
    #[error("a formula has no days of its own")]
    Formula,
    /// The table's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ExplainError {
    /// Whether what a head named was gone: a newer head stands, and reading again helps.
    pub(crate) fn is_overtaken(&self) -> bool {
        matches!(
            self,
            Self::Store(StoreError::Missing { .. }) | Self::Values(ValuesError::Store(StoreError::Missing { .. }))
        )
    }
}
