//! Calculated fields: a checked definition becomes a plan, a plan folds rows into an accumulator, and an accumulator
//! gives an outcome; a formula calculates with what others give. Everything that can be wrong is said when the definition is
//! parsed, or checked beside the others; from then on nothing can fail.

mod accumulator;
mod accumulator_bytes;
mod accumulator_outcome;
pub(crate) mod against;
mod definition;
mod field;
mod filter;
mod fiscal;
mod fold;
mod formula;
mod function;
mod measured;
mod numbers;
mod operator;
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
mod written;

pub use accumulator::Accumulator;
pub use against::Against;
pub use definition::{Definition, Measure, NAME_CHARS_MAX};
pub use field::{FIELDS_MAX, Field, VERSIONS_MAX};
pub use filter::{FILTERS_MAX, Filter};
pub use fiscal::{FiscalLength, FiscalPeriod};
pub use fold::Fold;
pub use formula::{
    FORMULA_DEPTH_MAX, FORMULA_LEVELS_MAX, FORMULA_TERMS_MAX, Formula, Operand, Term, layers, refuse_unfit,
};
pub use function::{Among, Function};
pub use measured::Measured;
pub use operator::Operator;
pub use outcome::{Outcome, Reason};
pub use period::{Period, ROLLING_DAYS_MAX};
pub use plan::Plan;
pub use problem::{Problem, below};
pub use takers::Takers;
pub use usage::{GUIDE_TYPES, IDS_MAX, Usage};

pub use window::Window;
