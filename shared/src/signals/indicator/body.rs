//! Reads an indicator as callers write it, and shows it so.

use super::{COOL_DOWN_DAYS_MAX, Indicator, Strength, TEMPLATES};
use crate::fields::shape::{Shape, dotted, listed, wrong_type};
use crate::fields::{Problem, below};
use crate::signals::condition::{Condition, DAYS_MAX, Names, fact, name_of, needs_number};
use serde_json::{Map, Value, json};

const MEMBERS: &[&str] =
    &["template", "condition", "for_days", "unless", "cool_down_days", "strength", "takes_standing"];
/// What can be looked at for strength.
const FACTS: [&str; 3] = ["field", "column", "health"];

impl Indicator {
    /// Reads and checks an indicator.
    ///
    /// # Errors
    /// The first thing that is wrong with it, with its place.
    pub fn parse(body: &Value, pointer: &str, names: &Names) -> Result<Self, Problem> {
        let shape = Shape::of(body, pointer, MEMBERS)?;
        let place = |name: &str| below(pointer, name);
        let template = shape.optional("template").map(|_| template(&shape)).transpose()?;
        let condition = shape.required("condition", "a condition, such as a comparison of a field with a number")?;
        let condition = possible(condition, &place("condition"), names)?;
        let unless = shape.optional("unless").map(|unless| possible(unless, &place("unless"), names)).transpose()?;
        Ok(Self {
            template,
            condition,
            for_days: days(&shape, "for_days", 1, DAYS_MAX)?.unwrap_or(1),
            unless,
            cool_down_days: days(&shape, "cool_down_days", 0, COOL_DOWN_DAYS_MAX)?.unwrap_or(0),
            strength: shape
                .optional("strength")
                .map(|strength| Strength::parse(strength, &place("strength"), names))
                .transpose()?,
            takes_standing: shape.optional_bool("takes_standing")?.unwrap_or(false),
        })
    }

    /// The indicator as callers write it, by the names that stand now.
    #[must_use]
    pub fn shown(&self, names: &Names) -> Value {
        let mut shown = Map::new();
        let mut put = |name: &str, value: Value| drop(shown.insert(name.to_owned(), value));
        if let Some(template) = &self.template {
            put("template", template.as_str().into());
        }
        put("condition", self.condition.shown(names));
        put("for_days", self.for_days.into());
        if let Some(unless) = &self.unless {
            put("unless", unless.shown(names));
        }
        put("cool_down_days", self.cool_down_days.into());
        if let Some(strength) = &self.strength {
            put("strength", strength.shown(names));
        }
        put("takes_standing", self.takes_standing.into());
        Value::Object(shown)
    }
}

fn template(shape: &Shape<'_>) -> Result<String, Problem> {
    let name = shape.text("template", "the name of a template")?;
    let known = TEMPLATES.map(|template| template.name);
    if known.contains(&name) {
        return Ok(name.to_owned());
    }
    let detail = format!("no template is called \"{name}\"; use {} or leave it out", listed(&known));
    Err(Problem::at(shape.pointer_to("template"), detail))
}

/// A condition that somebody can meet.
fn possible(body: &Value, pointer: &str, names: &Names) -> Result<Condition, Problem> {
    let condition = Condition::parse(body, pointer, names)?;
    let Some(fact) = condition.contradiction() else { return Ok(condition) };
    let name = name_of(&fact, names).into_values().next().unwrap_or_default();
    let detail = format!("nothing meets all comparisons of \"{name}\" at once; widen one of them or use \"any\"");
    Err(Problem::at(pointer, detail))
}

fn days(shape: &Shape<'_>, name: &str, least: u32, most: u32) -> Result<Option<u32>, Problem> {
    let Some(value) = shape.optional(name) else { return Ok(None) };
    let days = value.as_u64().and_then(|days| u32::try_from(days).ok()).filter(|days| (least..=most).contains(days));
    let place = shape.pointer_to(name);
    let refused = || {
        let detail = format!("{} must be a whole number of days, {least} to {most}", dotted(&place));
        Problem::at(place.as_str(), detail)
    };
    days.ok_or_else(refused).map(Some)
}

impl Strength {
    fn parse(body: &Value, pointer: &str, names: &Names) -> Result<Self, Problem> {
        let shape = Shape::of(body, pointer, &[&FACTS[..], &["other", "from", "to"]].concat())?;
        let looked_at = |shape: &Shape<'_>, pointer: &str| {
            let (fact, kind) = fact(shape, pointer, names)?;
            needs_number(kind, shape, pointer).map(|()| fact)
        };
        let looks_at = looked_at(&shape, pointer)?;
        let other = shape.optional("other").map(|other| {
            let place = shape.pointer_to("other");
            looked_at(&Shape::of(other, &place, &FACTS)?, &place)
        });
        let (from, to) = (end(&shape, "from", 0)?, end(&shape, "to", 100)?);
        if from == to {
            let detail = format!("strength grows between two ends; give a \"to\" that is not {from}");
            return Err(Problem::at(shape.pointer_to("to"), detail));
        }
        Ok(Self { fact: looks_at, of: other.transpose()?, from, to })
    }

    fn shown(&self, names: &Names) -> Value {
        let mut shown: Map<String, Value> =
            name_of(&self.fact, names).into_iter().map(|(what, name)| (what.to_owned(), name.into())).collect();
        if let Some(of) = &self.of {
            shown.insert("other".to_owned(), json!(name_of(of, names)));
        }
        shown.insert("from".to_owned(), self.from.into());
        shown.insert("to".to_owned(), self.to.into());
        Value::Object(shown)
    }
}

fn end(shape: &Shape<'_>, name: &str, strength: u8) -> Result<f64, Problem> {
    let wanted = format!("the number at which the strength is {strength}");
    let value = shape.required(name, &wanted)?;
    value
        .as_f64()
        .filter(|number| number.is_finite())
        .ok_or_else(|| wrong_type(&shape.pointer_to(name), value, &wanted))
}
