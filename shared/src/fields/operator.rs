//! The ways in which a filter compares a property, and a condition a value.

use super::problem::Problem;
use super::shape::{Shape, listed};
use serde::{Serialize, Serializer};
use std::cmp::Ordering;

/// How something is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operator {
    /// It is this text.
    Is,
    /// It is another text, or there is none.
    IsNot,
    /// It is one of these texts.
    AnyOf,
    /// It is none of these texts.
    NoneOf,
    /// It holds this text.
    Contains,
    /// There is a value.
    Present,
    /// There is no value.
    Blank,
    /// It is this number.
    Equal,
    /// It is another number.
    NotEqual,
    /// It is a lower number.
    Less,
    /// It is this number or a lower one.
    AtMost,
    /// It is a higher number.
    More,
    /// It is this number or a higher one.
    AtLeast,
    /// It is an earlier date.
    Before,
    /// It is a later date.
    After,
    /// It is this date.
    On,
    /// It is one of so many dates up to today.
    WithinPast,
    /// It is one of so many dates from today on.
    WithinNext,
    /// It lies in a period of the fiscal calendar.
    InFiscal,
}

/// What an operator compares with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    Nothing,
    Text,
    Texts,
    Number,
    Date,
    Days,
    FiscalPeriod,
}

impl Operator {
    /// All of them, in the order in which messages list them.
    pub const ALL: [Self; 19] = [
        Self::Is,
        Self::IsNot,
        Self::AnyOf,
        Self::NoneOf,
        Self::Contains,
        Self::Present,
        Self::Blank,
        Self::Equal,
        Self::NotEqual,
        Self::Less,
        Self::AtMost,
        Self::More,
        Self::AtLeast,
        Self::Before,
        Self::After,
        Self::On,
        Self::WithinPast,
        Self::WithinNext,
        Self::InFiscal,
    ];

    /// The name as it stands in definitions.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Is => "is",
            Self::IsNot => "is_not",
            Self::AnyOf => "any_of",
            Self::NoneOf => "none_of",
            Self::Contains => "contains",
            Self::Present => "present",
            Self::Blank => "blank",
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::More => ">",
            Self::AtLeast => ">=",
            Self::Before => "before",
            Self::After => "after",
            Self::On => "on",
            Self::WithinPast => "within_past",
            Self::WithinNext => "within_next",
            Self::InFiscal => "in_fiscal",
        }
    }

    /// The member `operator`.
    pub(crate) fn read(shape: &Shape<'_>) -> Result<Self, Problem> {
        let names = listed(&Self::ALL.map(Self::name));
        let name = shape.text("operator", &names)?;
        Self::ALL.into_iter().find(|operator| operator.name() == name).ok_or_else(|| {
            Problem::at(shape.pointer_to("operator"), format!("operator \"{name}\" is not known; use {names}"))
        })
    }

    /// Whether a number, or a date, meets it that stands so to the one that it is compared with.
    pub(crate) const fn meets(self, found: Ordering) -> bool {
        match self {
            Self::NotEqual => found.is_ne(),
            Self::Less | Self::Before => found.is_lt(),
            Self::AtMost => found.is_le(),
            Self::More | Self::After => found.is_gt(),
            Self::AtLeast => found.is_ge(),
            _ => found.is_eq(),
        }
    }

    /// Whether a text, or that there is none, meets it beside one of these.
    pub(crate) fn meets_texts(self, found: Option<&str>, wanted: impl IntoIterator<Item = String>) -> bool {
        let mut wanted = wanted.into_iter();
        match self {
            Self::Contains => found.is_some_and(|found| wanted.any(|wanted| found.contains(&wanted))),
            Self::IsNot | Self::NoneOf => !wanted.any(|wanted| found == Some(wanted.as_str())),
            _ => wanted.any(|wanted| found == Some(wanted.as_str())),
        }
    }

    /// Whether what it says of a value depends on the day.
    pub(crate) const fn is_relative(self) -> bool {
        matches!(self, Self::WithinPast | Self::WithinNext | Self::InFiscal)
    }

    /// What it compares with.
    pub(crate) const fn takes(self) -> Takes {
        match self {
            Self::Present | Self::Blank => Takes::Nothing,
            Self::Is | Self::IsNot | Self::Contains => Takes::Text,
            Self::AnyOf | Self::NoneOf => Takes::Texts,
            Self::Equal | Self::NotEqual | Self::Less | Self::AtMost | Self::More | Self::AtLeast => Takes::Number,
            Self::Before | Self::After | Self::On => Takes::Date,
            Self::WithinPast | Self::WithinNext => Takes::Days,
            Self::InFiscal => Takes::FiscalPeriod,
        }
    }
}

impl Serialize for Operator {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
