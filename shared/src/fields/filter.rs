//! Filters on track events' properties: which events of a field's count.

use super::against::{Against, operator_case};
use super::operator::{Operator, Takes};
use super::problem::Problem;
use super::shape::{Shape, wrong_type};
use crate::time::Zone;
use crate::usage::property;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::{Value, json};
use std::borrow::Cow;

/// Filters of a field at most; all of them must hold.
pub const FILTERS_MAX: usize = 10;
/// The longest name of a property.
const NAME_CHARS_MAX: usize = 64;
/// Names that can stand in a question to Pendo as they are.
const NAME_PATTERN: &str = "^[A-Za-z_][A-Za-z0-9_]*$";

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
        let operator = Operator::read(&shape)?;
        let value = Against::read(operator, &shape)?;
        let match_case = shape.optional_bool("match_case")?.unwrap_or_default();
        if match_case && !matches!(operator.takes(), Takes::Text | Takes::Texts) {
            let detail = format!("match_case is about text; leave it out for {}", operator.name());
            return Err(Problem::at(shape.pointer_to("match_case"), detail));
        }
        Ok(Self { property, operator, value, match_case })
    }

    /// Whether what it says depends on the day.
    #[must_use]
    pub fn is_relative(&self) -> bool {
        self.operator.is_relative()
    }

    /// Whether an event with this value of the property counts, as of a local day. What is no number, or no date, meets no
    /// comparison of them.
    #[must_use]
    pub fn holds(&self, value: &Value, zone: Zone, today: i32) -> bool {
        let cased = |text: &str| if self.match_case { text.to_owned() } else { text.to_lowercase() };
        let found = property::text(value).map(|text| cased(&text));
        match (self.operator, &self.value) {
            (Operator::Present, _) => found.is_some(),
            (Operator::Blank, _) => found.is_none(),
            (operator, Some(against)) if operator.is_relative() => {
                property::day(value, zone).is_some_and(|day| against.meets_from(operator, day, today))
            }
            (operator, Some(Against::Text(wanted))) if operator.takes() == Takes::Date => {
                let (Some(day), Some(wanted)) = (property::day(value, zone), property::date(wanted, zone)) else {
                    return false;
                };
                operator.meets(day.cmp(&wanted))
            }
            (operator, Some(Against::Text(wanted))) => operator.meets_texts(found.as_deref(), [cased(wanted.trim())]),
            (operator, Some(Against::Texts(wanted))) => {
                operator.meets_texts(found.as_deref(), wanted.iter().map(|wanted| cased(wanted.trim())))
            }
            (operator, Some(Against::Number(wanted))) => {
                let wanted = wanted.as_f64().and_then(property::billionths);
                let (Some(found), Some(wanted)) = (property::number(value), wanted) else { return false };
                operator.meets(found.cmp(&wanted))
            }
            (_, Some(Against::Fiscal(_)) | None) => false,
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

impl JsonSchema for Filter {
    fn schema_name() -> Cow<'static, str> {
        "PropertyFilter".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut cases = Against::cases();
        let without_case = [Takes::Nothing, Takes::Number, Takes::Date, Takes::Days, Takes::FiscalPeriod];
        cases.push(operator_case(&without_case, &json!({"properties": {"match_case": {"const": false}}})));
        json_schema!({"type": "object", "required": ["property", "operator"], "additionalProperties": false, "properties": {
            "property": property_name(),
            "operator": {"enum": Operator::ALL.map(Operator::name)},
            "value": Against::any(),
            "match_case": {"type": "boolean", "description": "Whether upper and lower case differ; they do not if left out."}},
            "description": "A condition on a property of the track events that count.",
            "allOf": cases})
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
        let today = property::date("2026-06-30", Zone::UTC).unwrap();
        filter(operator, value).holds(found, Zone::UTC, today)
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
        assert!(cased.holds(&json!("Pro"), Zone::UTC, 0) && !cased.holds(&json!("pro"), Zone::UTC, 0));
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
    fn dates_are_seen_from_today() {
        let quarter = |offset: i32, first: i32| json!({"period": "quarter", "offset": offset, "first_month": first});
        for (operator, value, found, wanted) in [
            ("within_past", json!(7), "2026-06-30", true),
            ("within_past", json!(7), "2026-06-24", true),
            ("within_past", json!(7), "2026-06-23", false),
            ("within_past", json!(7), "2026-07-01", false),
            ("within_next", json!(7), "2026-07-06T23:00:00Z", true),
            ("within_next", json!(7), "2026-07-07", false),
            ("within_next", json!(7), "2026-06-29", false),
            ("within_next", json!(7), "soon", false),
            ("in_fiscal", json!({"period": "quarter"}), "2026-04-01", true),
            ("in_fiscal", json!({"period": "quarter"}), "2026-03-31", false),
            ("in_fiscal", quarter(0, 2), "2026-07-31", true),
            ("in_fiscal", quarter(0, 2), "2026-08-01", false),
            ("in_fiscal", quarter(1, 2), "2026-02-01", true),
            ("in_fiscal", quarter(-1, 2), "2026-08-01", true),
            ("in_fiscal", json!({"period": "year", "first_month": 7}), "2025-07-01", true),
            ("in_fiscal", json!({"period": "year", "first_month": 7}), "2026-07-01", false),
        ] {
            assert_eq!(holds(operator, value.clone(), &json!(found)), wanted, "{found} {operator} {value}");
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
            (json!([{"property": "a", "operator": "within_past", "value": 0}]), "/f/0/value", "from 1 to 3660"),
            (json!([{"property": "a", "operator": "within_next", "value": "7"}]), "/f/0/value", "a number of days"),
            (
                json!([{"property": "a", "operator": "in_fiscal", "value": {"period": "week"}}]),
                "/f/0/value/period",
                "year",
            ),
            (
                json!([{"property": "a", "operator": "in_fiscal", "value": {"period": "year", "first_month": 13}}]),
                "/f/0/value/first_month",
                "from 1 to 12",
            ),
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
