//! The aggregation language: a request is parsed into a checked pipeline (`plan`), and only then run (`run`).
//!
//! What is not known is refused with Pendo's statuses and plain texts; nothing is skipped in silence but unknown parameters of a source.

mod accumulate;
pub(crate) mod agent;
pub(crate) mod answer;
mod expand;
mod expression;
mod fetch;
mod field;
mod function;
mod group;
mod item;
mod lexer;
mod parser;
pub(crate) mod plan;
pub(crate) mod run;
mod seen;
mod series;
mod source;
mod stage;
pub(crate) mod time;

/// Why an aggregation is refused: a status and the text that is its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) text: String,
}

impl Refusal {
    /// A request that cannot be read.
    pub(crate) fn bad(text: impl Into<String>) -> Refusal {
        Refusal { status: 400, text: text.into() }
    }

    /// A request that can be read but makes no sense.
    pub(crate) fn senseless(text: impl Into<String>) -> Refusal {
        Refusal { status: 422, text: text.into() }
    }
}
