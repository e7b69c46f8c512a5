//! The stages of a pipeline after checking.

use crate::query::accumulate::Aggregator;
use crate::query::expression::{Expression, Operator, Path};
use crate::query::source::Source;
use crate::value::Value;

/// One stage.
#[derive(Clone, Debug)]
pub(crate) enum Stage {
    Source(Source),
    Spawn(Vec<Vec<Stage>>),
    Fork(Vec<Vec<Stage>>),
    /// Keeps the identified, or with `false` the others.
    Identified(Path, bool),
    Filter(Expression),
    Select(Vec<(String, Expression)>),
    Eval(Vec<(String, Expression)>),
    Set(Vec<(String, Value)>),
    Group(Group),
    Sort(Vec<(Path, bool)>),
    Limit(usize),
    Skip(usize),
    Count,
    Cat,
    Expand(Vec<Expansion>),
    Merge {
        fields: Vec<Path>,
        mappings: Vec<(String, Path)>,
        pipeline: Vec<Stage>,
    },
    Join(Vec<Path>),
    Switch(Vec<Switch>),
    Unwind {
        field: String,
        path: Path,
        index: Option<String>,
        keep_empty: bool,
    },
    Unmarshal(Vec<(String, Path)>),
    UserAgent(Vec<(String, Path)>),
}

/// Rows with equal keys become one. Without keys (`reduce`) all rows do.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) keys: Vec<(String, Path)>,
    pub(crate) fields: Vec<(String, Aggregator)>,
    pub(crate) is_reduce: bool,
}

/// A field that takes on all that is known about an id.
#[derive(Clone, Debug)]
pub(crate) struct Expansion {
    pub(crate) out: String,
    pub(crate) of: Known,
    pub(crate) id: Path,
}

/// About whom or what something is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    Visitor,
    Account,
    Item,
}

/// A field that takes the value of the first case that fits.
#[derive(Clone, Debug)]
pub(crate) struct Switch {
    pub(crate) out: String,
    pub(crate) field: Path,
    /// The value, and what the field must be like; nothing for "otherwise".
    pub(crate) cases: Vec<(Value, Option<(Operator, Value)>)>,
}
