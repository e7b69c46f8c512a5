//! Calculated fields: a checked definition becomes a plan, a plan folds rows into an accumulator, and an accumulator
//! gives an outcome. Everything that can be wrong is said when the definition is parsed; from then on nothing can fail.

mod accumulator;
mod accumulator_bytes;
mod definition;
mod field;
mod fold;
mod function;
mod outcome;
mod period;
mod plan;
mod problem;
mod sense;
pub(crate) mod shape;
mod takers;
mod usage;
mod window;
mod window_body;

pub use accumulator::Accumulator;
pub use definition::{Definition, NAME_CHARS_MAX};
pub use field::{FIELDS_MAX, Field, VERSIONS_MAX};
pub use fold::Fold;
pub use function::{Among, Function};
pub use outcome::{Outcome, Reason};
pub use period::{Period, ROLLING_DAYS_MAX};
pub use plan::Plan;
pub use problem::{Problem, below};
pub use takers::Takers;
pub use usage::{GUIDE_TYPES, IDS_MAX, Usage};

pub use window::Window;
