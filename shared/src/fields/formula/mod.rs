//! Formulas: arithmetic over other calculated fields of a level and numbers of its directory. A formula is read once, checked
//! against the fields that stand, and evaluated where values are read; nothing of it is stored but its text.

mod check;
#[cfg(test)]
mod drawn;
mod evaluate;
mod parse;

pub use check::{FORMULA_LEVELS_MAX, layers, refuse_unfit};
pub use parse::{FORMULA_DEPTH_MAX, FORMULA_TERMS_MAX};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;

/// A formula. Two are equal if they calculate the same in the same order, however they are spaced or bracketed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Formula(Expression);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Expression {
    /// Decimal digits as they were written, so that they print as they were.
    Number(String),
    Term(Term),
    Negative(Box<Self>),
    Binary(Operator, Box<Self>, Box<Self>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Plus,
    Minus,
    Times,
    Over,
}

/// What a formula calculates with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operand {
    /// A calculated field of the same level: by its name as people write it, by its id as it is stored.
    Field(String),
    /// A column of the level's directory.
    Directory(String),
}

/// An operand and where it stands.
#[derive(Clone, Debug)]
pub struct Term {
    /// The operand.
    pub operand: Operand,
    /// The character of the formula at which it begins; the first is 1.
    pub at: usize,
}

// Where it stands is not part of what it says.
impl PartialEq for Term {
    fn eq(&self, other: &Self) -> bool {
        self.operand == other.operand
    }
}

impl Eq for Term {}

impl Formula {
    /// The operands in the order in which they stand, as often as they stand.
    #[must_use]
    pub fn terms(&self) -> Vec<&Term> {
        let mut terms = Vec::new();
        self.0.collect(&mut terms);
        terms
    }

    /// The fields that it names, in the order in which they stand, each once.
    #[must_use]
    pub fn fields(&self) -> Vec<&str> {
        let mut fields = Vec::new();
        for term in self.terms() {
            if let Operand::Field(field) = &term.operand
                && !fields.contains(&field.as_str())
            {
                fields.push(field.as_str());
            }
        }
        fields
    }

    /// Whether it names the directory.
    #[must_use]
    pub fn names_directory(&self) -> bool {
        self.terms().iter().any(|term| matches!(term.operand, Operand::Directory(_)))
    }

    /// The same with its fields named in another way.
    #[must_use]
    pub fn renamed(&self, name: &impl Fn(&str) -> String) -> Self {
        Self(self.0.renamed(name))
    }
}

impl Expression {
    fn collect<'e>(&'e self, terms: &mut Vec<&'e Term>) {
        match self {
            Self::Number(_) => {}
            Self::Term(term) => terms.push(term),
            Self::Negative(inner) => inner.collect(terms),
            Self::Binary(_, left, right) => {
                left.collect(terms);
                right.collect(terms);
            }
        }
    }

    fn renamed(&self, name: &impl Fn(&str) -> String) -> Self {
        match self {
            Self::Term(Term { operand: Operand::Field(field), at }) => {
                Self::Term(Term { operand: Operand::Field(name(field)), at: *at })
            }
            Self::Number(_) | Self::Term(_) => self.clone(),
            Self::Negative(inner) => Self::Negative(Box::new(inner.renamed(name))),
            Self::Binary(operator, left, right) => {
                Self::Binary(*operator, Box::new(left.renamed(name)), Box::new(right.renamed(name)))
            }
        }
    }

    /// How tightly it holds together.
    const fn rank(&self) -> u8 {
        match self {
            Self::Binary(operator, ..) => operator.rank(),
            Self::Negative(_) => 3,
            Self::Number(_) | Self::Term(_) => 4,
        }
    }
}

impl Operator {
    const fn rank(self) -> u8 {
        match self {
            Self::Plus | Self::Minus => 1,
            Self::Times | Self::Over => 2,
        }
    }

    const fn sign(self) -> char {
        match self {
            Self::Plus => '+',
            Self::Minus => '-',
            Self::Times => '*',
            Self::Over => '/',
        }
    }
}

/// The shortest text that reads as the same formula: no brackets but those that it needs.
impl fmt::Display for Formula {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(digits) => f.write_str(digits),
            Self::Term(term) => term.operand.fmt(f),
            Self::Negative(inner) => {
                f.write_str("-")?;
                bracketed(f, inner, inner.rank() < self.rank())
            }
            Self::Binary(operator, left, right) => {
                bracketed(f, left, left.rank() < operator.rank())?;
                write!(f, " {} ", operator.sign())?;
                // From left to right: what is of one rank to the right was bracketed.
                bracketed(f, right, right.rank() <= operator.rank())
            }
        }
    }
}

fn bracketed(f: &mut fmt::Formatter<'_>, inner: &Expression, is_needed: bool) -> fmt::Result {
    if is_needed { write!(f, "({inner})") } else { write!(f, "{inner}") }
}

/// As it stands in a formula.
impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |name: &str| name.replace('\\', "\\\\").replace('"', "\\\"");
        match self {
            Self::Field(name) => write!(f, "\"{}\"", quoted(name)),
            Self::Directory(column) if parse::is_word(column) => write!(f, "directory.{column}"),
            Self::Directory(column) => write!(f, "directory.\"{}\"", quoted(column)),
        }
    }
}

impl Serialize for Formula {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Formula {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Formula".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "minLength": 1})
    }
}
