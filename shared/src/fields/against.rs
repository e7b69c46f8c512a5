//! What an operator compares with: read once for filters and conditions alike, so that both refuse the same.

use super::fiscal::FiscalPeriod;
use super::operator::{Operator, Takes};
use super::problem::Problem;
use super::shape::{Shape, wrong_type};
use crate::time::Zone;
use crate::usage::property;
use serde::Serialize;
use serde_json::{Number, Value, json};
use std::collections::BTreeSet;

/// The longest text that something is compared with: longer values are not kept whole.
const TEXT_CHARS_MAX: usize = 200;
/// Days that something looks back or ahead at most: ten years.
const DAYS_MAX: u64 = 3_660;
/// Texts of one comparison at most.
const TEXTS_MAX: usize = 100;

/// What something is compared with, as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(untagged)]
pub enum Against {
    /// A text, or a date.
    Text(String),
    /// A number.
    Number(Number),
    /// Texts.
    Texts(BTreeSet<String>),
    /// A fiscal period.
    Fiscal(FiscalPeriod),
}

impl Against {
    /// The member `value` as the operator wants it; nothing for `present` and `blank`.
    pub(crate) fn read(operator: Operator, shape: &Shape<'_>) -> Result<Option<Self>, Problem> {
        let value_at = shape.pointer_to("value");
        let needs = |wanted: &str| shape.required("value", wanted);
        Ok(match operator.takes() {
            Takes::Nothing => {
                if shape.optional("value").is_some() {
                    let detail = format!("{} compares with nothing; leave value out", operator.name());
                    return Err(Problem::at(value_at, detail));
                }
                None
            }
            Takes::Text => Some(Self::Text(text(needs("the text")?, &value_at)?)),
            Takes::Texts => Some(Self::Texts(texts(needs("a list of text")?, &value_at)?)),
            Takes::Number => Some(Self::Number(number(needs("a number")?, &value_at)?)),
            Takes::Date => Some(Self::Text(date(needs("a date such as 2026-06-30")?, &value_at)?)),
            Takes::Days => Some(Self::Number(days(needs("a number of days")?, &value_at)?)),
            Takes::FiscalPeriod => {
                let period = needs("a period such as {\"period\":\"quarter\",\"first_month\":2}")?;
                Some(Self::Fiscal(FiscalPeriod::parse(period, &value_at)?))
            }
        })
    }

    /// Whether a day meets an operator that looks from today.
    pub(crate) fn meets_from(&self, operator: Operator, day: i32, today: i32) -> bool {
        match self {
            Self::Fiscal(period) => period.holds(day, today),
            Self::Number(days) => {
                let days = days.as_u64().and_then(|days| i32::try_from(days).ok()).unwrap_or_default();
                let is_past = operator == Operator::WithinPast;
                let away = if is_past { today.saturating_sub(day) } else { day.saturating_sub(today) };
                (0..days).contains(&away)
            }
            Self::Text(_) | Self::Texts(_) => false,
        }
    }

    /// What `value` may be at all, for the document.
    pub(crate) fn any() -> Value {
        json!({"anyOf": [{"type": ["string", "number"]}, {"type": "array", "items": {"type": "string"}}, FiscalPeriod::schema()],
               "description": "What it is compared with: text, a list of text, a number, a date, a number of days or a fiscal period, as the operator asks."})
    }

    /// What `value` may be by the operator, for the document.
    pub(crate) fn cases() -> Vec<Value> {
        let value = |shape: Value| json!({"required": ["value"], "properties": {"value": shape}});
        let text = json!({"type": "string", "minLength": 1, "maxLength": TEXT_CHARS_MAX, "pattern": r"\S"});
        vec![
            operator_case(&[Takes::Nothing], &json!({"properties": {"value": false}})),
            operator_case(&[Takes::Text], &value(text.clone())),
            operator_case(
                &[Takes::Texts],
                &value(json!({"type": "array", "minItems": 1, "maxItems": TEXTS_MAX, "items": text})),
            ),
            operator_case(
                &[Takes::Number],
                &value(json!({"type": "number", "exclusiveMinimum": -1e15, "exclusiveMaximum": 1e15})),
            ),
            operator_case(&[Takes::Date], &value(json!({"type": "string", "format": "date"}))),
            operator_case(&[Takes::Days], &value(json!({"type": "integer", "minimum": 1, "maximum": DAYS_MAX}))),
            operator_case(&[Takes::FiscalPeriod], &value(FiscalPeriod::schema())),
        ]
    }
}

/// What holds for those operators that take one of these, for the document.
pub(crate) fn operator_case(takes: &[Takes], then: &Value) -> Value {
    let names = Operator::ALL.into_iter().filter(|operator| takes.contains(&operator.takes())).map(Operator::name);
    json!({"if": {"properties": {"operator": {"enum": names.collect::<Vec<_>>()}}, "required": ["operator"]}, "then": then})
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

/// A number that can be compared to the ninth decimal.
pub(crate) fn number(value: &Value, pointer: &str) -> Result<Number, Problem> {
    let Value::Number(number) = value else { return Err(wrong_type(pointer, value, "a number")) };
    if number.as_f64().and_then(property::billionths).is_none() {
        return Err(Problem::at(pointer, "value is too large; give a number below 10 to the power of 15"));
    }
    Ok(number.clone())
}

fn days(value: &Value, pointer: &str) -> Result<Number, Problem> {
    let Value::Number(number) = value else { return Err(wrong_type(pointer, value, "a number of days")) };
    if number.as_u64().is_none_or(|days| days == 0 || days > DAYS_MAX) {
        return Err(Problem::at(
            pointer,
            format!("value must be a whole number of days from 1 to {DAYS_MAX}, today among them"),
        ));
    }
    Ok(number.clone())
}

fn date(value: &Value, pointer: &str) -> Result<String, Problem> {
    let text = value.as_str().ok_or_else(|| wrong_type(pointer, value, "a date such as 2026-06-30"))?;
    let is_date = text.len() == 10 && property::date(text, Zone::UTC).is_some();
    if is_date { Ok(text.to_owned()) } else { Err(Problem::at(pointer, "value must be a date such as 2026-06-30")) }
}
