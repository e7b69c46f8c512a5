//! Filters on track events' properties: which events of a field's count.

use super::operator::{Operator, Takes};
use super::problem::Problem;
use super::shape::{Shape, listed, wrong_type};
use crate::time::Zone;
use crate::usage::property;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::{Number, Value, json};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Filters of a field at most; all of them must hold.
pub const FILTERS_MAX: usize = 10;
/// The longest name of a property.
const NAME_CHARS_MAX: usize = 64;
/// The longest text that a property is compared with: longer values are not kept whole.
const TEXT_CHARS_MAX: usize = 200;
/// Texts of one filter at most.
const TEXTS_MAX: usize = 100;
/// Names that can stand in a question to Pendo as they are.
const NAME_PATTERN: &str = "^[A-Za-z_][A-Za-z0-9_]*$";

/// What a property is compared with, as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(untagged)]
pub enum Against {
    /// A text, or a date.
    Text(String),
    /// A number.
    Number(Number),
    /// Texts.
    Texts(BTreeSet<String>),
}

/// One filter.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Filter {
    /// The property's name, to the letter.
    pub property: String,
    /// How it is compared.
    pub operator: Operator,
    /// With what; nothing for `present` and `blank`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Against>,
    /// Whether upper and lower case differ.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub match_case: bool,
}

impl Filter {
    /// Reads a list of filters.
    pub(super) fn list(value: &Value, pointer: &str) -> Result<Vec<Self>, Problem> {
        let Value::Array(items) = value else { return Err(wrong_type(pointer, value, "a list of filters")) };
        if items.is_empty() || items.len() > FILTERS_MAX {
            let detail = format!("usage.filters has {} entries; give 1 to {FILTERS_MAX}, or leave it out", items.len());
            return Err(Problem::at(pointer, detail));
        }
        items.iter().enumerate().map(|(at, item)| Self::parse(item, &format!("{pointer}/{at}"))).collect()
    }

    fn parse(value: &Value, pointer: &str) -> Result<Self, Problem> {
        let shape = Shape::of(value, pointer, &["property", "operator", "value", "match_case"])?;
        let property = named(shape.text("property", "the name of a property")?, &shape.pointer_to("property"))?;
        let names = listed(&Operator::ALL.map(Operator::name));
        let name = shape.text("operator", &names)?;
        let operator = Operator::ALL.into_iter().find(|operator| operator.name() == name).ok_or_else(|| {
            Problem::at(shape.pointer_to("operator"), format!("operator \"{name}\" is not known; use {names}"))
        })?;
        let value_at = shape.pointer_to("value");
        let needs = |wanted: &str| shape.required("value", wanted);
        let value = match operator.takes() {
            Takes::Nothing => {
                if shape.optional("value").is_some() {
                    let detail = format!("{name} compares with nothing; leave value out");
                    return Err(Problem::at(value_at, detail));
                }
                None
            }
            Takes::Text => Some(Against::Text(text(needs("the text")?, &value_at)?)),
            Takes::Texts => Some(Against::Texts(texts(needs("a list of text")?, &value_at)?)),
            Takes::Number => Some(Against::Number(number(needs("a number")?, &value_at)?)),
            Takes::Date => Some(Against::Text(date(needs("a date such as 2026-06-30")?, &value_at)?)),
        };
        let match_case = shape.optional_bool("match_case")?.unwrap_or_default();
        if match_case && !matches!(operator.takes(), Takes::Text | Takes::Texts) {
            let detail = format!("match_case is about text; leave it out for {name}");
            return Err(Problem::at(shape.pointer_to("match_case"), detail));
        }
        Ok(Self { property, operator, value, match_case })
    }

    /// Whether an event with this value of the property counts. What is no number, or no date, meets no comparison of them.
    #[must_use]
    pub fn holds(&self, value: &Value, zone: Zone) -> bool {
        let cased = |text: &str| if self.match_case { text.to_owned() } else { text.to_lowercase() };
        let found = property::text(value).map(|text| cased(&text));
        match (self.operator, &self.value) {
            (Operator::Present, _) => found.is_some(),
            (Operator::Blank, _) => found.is_none(),
            (operator, Some(Against::Text(wanted))) if operator.takes() == Takes::Date => {
                let (Some(day), Some(wanted)) = (property::day(value, zone), property::date(wanted, zone)) else {
                    return false;
                };
                match operator {
                    Operator::Before => day < wanted,
                    Operator::After => day > wanted,
                    _ => day == wanted,
                }
            }
            (operator, Some(Against::Text(wanted))) => {
                let wanted = cased(wanted.trim());
                match operator {
                    Operator::Is => found.as_ref() == Some(&wanted),
                    Operator::IsNot => found.as_ref() != Some(&wanted),
                    _ => found.is_some_and(|found| found.contains(&wanted)),
                }
            }
            (operator, Some(Against::Texts(wanted))) => {
                let is_one = found.is_some_and(|found| wanted.iter().any(|wanted| cased(wanted.trim()) == found));
                is_one == (operator == Operator::AnyOf)
            }
            (operator, Some(Against::Number(wanted))) => {
                let wanted = wanted.as_f64().and_then(property::billionths);
                let (Some(found), Some(wanted)) = (property::number(value), wanted) else { return false };
                match operator {
                    Operator::NotEqual => found != wanted,
                    Operator::Less => found < wanted,
                    Operator::AtMost => found <= wanted,
                    Operator::More => found > wanted,
                    Operator::AtLeast => found >= wanted,
                    _ => found == wanted,
                }
            }
            (_, None) => false,
        }
    }
}

/// The name of a property, if Pendo can be asked for it.
pub(super) fn named(name: &str, pointer: &str) -> Result<String, Problem> {
    let is_first = |letter: char| letter.is_ascii_alphabetic() || letter == '_';
    let is_plain = name.starts_with(is_first) && name.chars().all(|letter| is_first(letter) || letter.is_ascii_digit());
    if !is_plain || name.len() > NAME_CHARS_MAX {
        let detail = format!(
            "\"{name}\" cannot be asked for at Pendo; a property's name has 1 to {NAME_CHARS_MAX} letters, digits and underscores, and no digit first"
        );
        return Err(Problem::at(pointer, detail));
    }
    Ok(name.to_owned())
}

fn text(value: &Value, pointer: &str) -> Result<String, Problem> {
    let text = value.as_str().ok_or_else(|| wrong_type(pointer, value, "text"))?;
    if text.trim().is_empty() || text.chars().count() > TEXT_CHARS_MAX {
        let detail =
            format!("value must have 1 to {TEXT_CHARS_MAX} characters; for no value at all use blank or present");
        return Err(Problem::at(pointer, detail));
    }
    Ok(text.to_owned())
}

fn texts(value: &Value, pointer: &str) -> Result<BTreeSet<String>, Problem> {
    let Value::Array(items) = value else { return Err(wrong_type(pointer, value, "a list of text")) };
    if items.is_empty() || items.len() > TEXTS_MAX {
        let detail = format!("value has {} entries; give 1 to {TEXTS_MAX} texts", items.len());
        return Err(Problem::at(pointer, detail));
    }
    items.iter().enumerate().map(|(at, item)| text(item, &format!("{pointer}/{at}"))).collect()
}

fn number(value: &Value, pointer: &str) -> Result<Number, Problem> {
    let Value::Number(number) = value else { return Err(wrong_type(pointer, value, "a number")) };
    if number.as_f64().and_then(property::billionths).is_none() {
        return Err(Problem::at(pointer, "value is too large; give a number below 10 to the power of 15"));
    }
    Ok(number.clone())
}

fn date(value: &Value, pointer: &str) -> Result<String, Problem> {
    let text = value.as_str().ok_or_else(|| wrong_type(pointer, value, "a date such as 2026-06-30"))?;
    let is_date = text.len() == 10 && property::date(text, Zone::UTC).is_some();
    if is_date { Ok(text.to_owned()) } else { Err(Problem::at(pointer, "value must be a date such as 2026-06-30")) }
}

impl JsonSchema for Filter {
    fn schema_name() -> Cow<'static, str> {
        "PropertyFilter".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let case = |takes: &[Takes], then: Value| {
            let names =
                Operator::ALL.into_iter().filter(|operator| takes.contains(&operator.takes())).map(Operator::name);
            json!({"if": {"properties": {"operator": {"enum": names.collect::<Vec<_>>()}}, "required": ["operator"]}, "then": then})
        };
        let value = |shape: Value| json!({"required": ["value"], "properties": {"value": shape}});
        let text = json!({"type": "string", "minLength": 1, "maxLength": TEXT_CHARS_MAX, "pattern": r"\S"});
        json_schema!({"type": "object", "required": ["property", "operator"], "additionalProperties": false, "properties": {
            "property": property_name(),
            "operator": {"enum": Operator::ALL.map(Operator::name)},
            "value": {"type": ["string", "number", "array"], "description": "What it is compared with: text, a list of text, a number or a date, as the operator asks."},
            "match_case": {"type": "boolean", "description": "Whether upper and lower case differ; they do not if left out."}},
            "description": "A condition on a property of the track events that count.",
            "allOf": [
                case(&[Takes::Nothing], json!({"properties": {"value": false}})),
                case(&[Takes::Text], value(text.clone())),
                case(&[Takes::Texts], value(json!({"type": "array", "minItems": 1, "maxItems": TEXTS_MAX, "items": text}))),
                case(&[Takes::Number], value(json!({"type": "number", "exclusiveMinimum": -1e15, "exclusiveMaximum": 1e15}))),
                case(&[Takes::Date], value(json!({"type": "string", "format": "date"}))),
                case(&[Takes::Nothing, Takes::Number, Takes::Date], json!({"properties": {"match_case": {"const": false}}}))]})
    }
}

/// The name of a property, for the document.
pub(super) fn property_name() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": NAME_CHARS_MAX, "pattern": NAME_PATTERN,
           "description": "A property's name, to the letter."})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(operator: &str, value: Value) -> Filter {
        let mut body = json!([{"property": "plan", "operator": operator}]);
        if !value.is_null() {
            body[0]["value"] = value;
        }
        Filter::list(&body, "/usage/filters").unwrap().remove(0)
    }

    fn holds(operator: &str, value: Value, found: &Value) -> bool {
        filter(operator, value).holds(found, Zone::UTC)
    }

    #[test]
    fn text_is_compared_whatever_its_case() {
        for (operator, value, found, wanted) in [
            ("is", json!("Pro"), json!("pro "), true),
            ("is", json!("5"), json!(5), true),
            ("is", json!("true"), json!(true), true),
            ("is", json!("Pro"), Value::Null, false),
            ("is_not", json!("Pro"), json!("PRO"), false),
            ("is_not", json!("Pro"), Value::Null, true),
            ("any_of", json!(["Free", "pro"]), json!("Pro"), true),
            ("none_of", json!(["Free", "pro"]), json!("Pro"), false),
            ("none_of", json!(["Free", "pro"]), json!(""), true),
            ("contains", json!("RO"), json!("pro"), true),
            ("contains", json!("x"), Value::Null, false),
            ("present", Value::Null, json!(0), true),
            ("present", Value::Null, json!("  "), false),
            ("blank", Value::Null, Value::Null, true),
        ] {
            assert_eq!(holds(operator, value.clone(), &found), wanted, "{found} {operator} {value}");
        }
        let cased = Filter { match_case: true, ..filter("is", json!("Pro")) };
        assert!(cased.holds(&json!("Pro"), Zone::UTC) && !cased.holds(&json!("pro"), Zone::UTC));
    }

    #[test]
    fn numbers_are_compared_as_numbers_and_what_is_none_meets_nothing() {
        for (operator, found, wanted) in [
            ("=", json!("10.0"), true),
            ("=", json!(10), true),
            ("!=", json!(10), false),
            ("!=", json!(9), true),
            ("<", json!("9"), true),
            ("<=", json!(10), true),
            (">", json!(10), false),
            (">=", json!("1e1"), true),
            ("!=", json!("many"), false),
            ("<", Value::Null, false),
        ] {
            assert_eq!(holds(operator, json!(10), &found), wanted, "{found} {operator} 10");
        }
    }

    #[test]
    fn dates_are_compared_by_day() {
        for (operator, found, wanted) in [
            ("on", json!("2026-06-30"), true),
            ("on", json!("2026-06-30T23:59:59Z"), true),
            ("before", json!("2026-06-29T23:00:00Z"), true),
            ("before", json!("2026-06-30"), false),
            ("after", json!("2026-07-01"), true),
            ("after", json!("later"), false),
        ] {
            assert_eq!(holds(operator, json!("2026-06-30"), &found), wanted, "{found} {operator}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (body, pointer, part) in [
            (json!({}), "/f", "a list"),
            (json!([]), "/f", "0 entries"),
            (json!([{"operator": "is", "value": "x"}]), "/f/0/property", "missing"),
            (json!([{"property": "a b", "operator": "present"}]), "/f/0/property", "letters"),
            (json!([{"property": "1a", "operator": "present"}]), "/f/0/property", "no digit first"),
            (json!([{"property": "a", "operator": "like", "value": "x"}]), "/f/0/operator", "contains"),
            (json!([{"property": "a", "operator": "is"}]), "/f/0/value", "missing"),
            (json!([{"property": "a", "operator": "is", "value": 5}]), "/f/0/value", "text"),
            (json!([{"property": "a", "operator": "is", "value": " "}]), "/f/0/value", "blank"),
            (json!([{"property": "a", "operator": "any_of", "value": ["x", 2]}]), "/f/0/value/1", "text"),
            (json!([{"property": "a", "operator": "any_of", "value": []}]), "/f/0/value", "0 entries"),
            (json!([{"property": "a", "operator": ">", "value": "5"}]), "/f/0/value", "a number"),
            (json!([{"property": "a", "operator": ">", "value": 1e16}]), "/f/0/value", "too large"),
            (json!([{"property": "a", "operator": "on", "value": "30.6."}]), "/f/0/value", "2026-06-30"),
            (json!([{"property": "a", "operator": "blank", "value": "x"}]), "/f/0/value", "leave value out"),
            (json!([{"property": "a", "operator": ">", "value": 1, "match_case": true}]), "/f/0/match_case", "text"),
            (json!([{"property": "a", "operator": "present", "case": 1}]), "/f/0/case", "not known"),
        ] {
            let problem = Filter::list(&body, "/f").unwrap_err();
            assert_eq!(problem.pointer, pointer, "{problem}");
            assert!(problem.detail.contains(part), "{problem}");
        }
    }
}
