//! A function over some rows and some time: what a definition measures that is no formula.

use super::filter::named;
use super::function::{Among, Function};
use super::problem::Problem;
use super::sense::refuse_nonsense;
use super::shape::{Shape, listed, wrong_type};
use super::usage::Usage;
use super::window::Window;
use crate::id::{Kind, ObjectKind};
use crate::time::{Hour, HourRange, Zone};
use crate::usage::properties::Properties;
use serde::Serialize;
use std::collections::BTreeSet;

/// A function over some rows and some time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Measured {
    /// The rows.
    pub usage: Usage,
    /// What is computed over them.
    pub function: Function,
    /// Among whom: for an adoption rate, and only for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<Among>,
    /// Of which property of the track events: for functions of a property, and only for those.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of_property: Option<String>,
    /// The look-back window.
    pub window: Window,
}

impl Measured {
    pub(super) fn parse(shape: &Shape<'_>, object: ObjectKind) -> Result<Self, Problem> {
        let usage = shape.required("usage", "an object such as {\"kind\":\"feature\"}, or a formula")?;
        let usage = Usage::parse(usage, "/usage")?;
        let function = function_of(shape)?;
        let of = among(shape)?;
        let of_property = of_property(shape)?;
        let window =
            shape.required("window", "{\"rolling_days\":30}, {\"calendar\":\"month\"} or {\"all_time\":true}")?;
        let window = Window::parse(window, "/window", function.is_whole_by_default())?;
        let measured = Self { usage, function, of, of_property, window };
        refuse_nonsense(object, &measured)?;
        Ok(measured)
    }

    /// The kind of usage that it reads: that of its definition, or track events with properties.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.properties().map_or(self.usage.kind, |properties| Kind::Properties(properties.id()))
    }

    /// The properties that it looks at, with the track types; `None` where it looks at none. One that is only added up, and no
    /// filter looks at, is left to Pendo to add up.
    #[must_use]
    pub fn properties(&self) -> Option<Properties> {
        let mut names: BTreeSet<String> = self.usage.filters.iter().map(|filter| filter.property.clone()).collect();
        let of = self.of_property.clone();
        let amount = of.clone().filter(|name| self.function.is_of_numbers() && !names.contains(name));
        if amount.is_none() {
            names.extend(of);
        }
        let is_any = amount.is_some() || !names.is_empty();
        is_any.then(|| Properties { types: self.usage.ids.clone().unwrap_or_default(), names, amount })
    }

    /// The hours of its window.
    #[must_use]
    pub fn hours(&self, as_of: Hour, zone: Zone, first_hour: Hour) -> HourRange {
        self.window.range(as_of, zone, first_hour)
    }

    /// All hours that its values look at: of a trend also those of the equal window before.
    #[must_use]
    pub fn reach(&self, as_of: Hour, zone: Zone, first_hour: Hour) -> HourRange {
        self.reach_on(zone.local_day(as_of.start_ms()), as_of, zone, first_hour)
    }

    /// The same with another day as today.
    #[must_use]
    pub fn reach_on(&self, today: i32, as_of: Hour, zone: Zone, first_hour: Hour) -> HourRange {
        let window = self.window.range_on(today, as_of, zone, first_hour);
        let previous = self.window.previous_on(today, zone).filter(|_| self.function == Function::Trend);
        HourRange { from: previous.map_or(window.from, |previous| previous.from), to: window.to }
    }
}

fn function_of(shape: &Shape<'_>) -> Result<Function, Problem> {
    let names = listed(&Function::ALL.map(Function::name));
    let name = shape.text("function", &names)?;
    Function::of_name(name)
        .ok_or_else(|| Problem::at("/function", format!("function \"{name}\" is not known; use {names}")))
}

fn of_property(shape: &Shape<'_>) -> Result<Option<String>, Problem> {
    let Some(value) = shape.optional("of_property") else { return Ok(None) };
    let name = value.as_str().ok_or_else(|| wrong_type("/of_property", value, "the name of a property"))?;
    named(name, "/of_property").map(Some)
}

fn among(shape: &Shape<'_>) -> Result<Option<Among>, Problem> {
    let Some(value) = shape.optional("of") else { return Ok(None) };
    let names = listed(&Among::ALL.map(Among::name));
    let name = value.as_str().ok_or_else(|| wrong_type("/of", value, &names))?;
    let found = Among::ALL.into_iter().find(|among| among.name() == name);
    found.map(Some).ok_or_else(|| Problem::at("/of", format!("of \"{name}\" is not known; use {names}")))
}
