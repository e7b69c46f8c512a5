//! What properties of track events mean, written a second time.

use super::Reference;
use chrono::{DateTime, Datelike, Months, NaiveDate, TimeDelta};
use pendo_simulator::RawRow;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What an event has of a property; null where it has nothing.
fn property<'r>(row: &'r RawRow, name: &str) -> &'r Value {
    row.properties.as_ref().and_then(|properties| properties.get(name)).unwrap_or(&Value::Null)
}

/// The names of the properties that a definition filters by.
fn filtered(definition: &Value) -> BTreeSet<&str> {
    let filters = definition["usage"]["filters"].as_array().into_iter().flatten();
    filters.filter_map(|filter| filter["property"].as_str()).collect()
}

/// The property that Pendo adds up for a definition: it knows no numbers in texts.
pub(super) fn added_up(definition: &Value) -> Option<&str> {
    let is_of_numbers = ["sum", "average", "min", "max"].map(Value::from).contains(&definition["function"]);
    definition["of_property"].as_str().filter(|name| is_of_numbers && !filtered(definition).contains(name))
}

/// The names of the properties that a definition tells events apart by.
fn names(definition: &Value) -> BTreeSet<&str> {
    let of_property = definition["of_property"].as_str().filter(|_| added_up(definition).is_none());
    filtered(definition).into_iter().chain(of_property).collect()
}

/// The values by which Pendo tells a row apart from others, for a definition.
pub(super) fn told_apart_by(definition: &Value, row: &RawRow) -> Vec<String> {
    let told = |value: &Value| if value.is_number() { shown(value) } else { value.to_string() };
    names(definition).into_iter().map(|name| told(property(row, name))).collect()
}

/// What somebody would read.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) if number.as_f64().is_some_and(|number| number.fract() == 0.0) => {
            format!("{:.0}", number.as_f64().unwrap())
        }
        other => other.to_string(),
    }
}

/// A number in billionths.
fn number(value: &Value) -> Option<i128> {
    let found: f64 = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) if text.contains(|sign: char| sign.is_ascii_digit()) => text.trim().parse().ok()?,
        _ => return None,
    };
    (found.abs() < 1e15).then(|| (found * 1e9).round() as i128)
}

impl Reference {
    fn day_of(&self, value: &Value) -> Option<NaiveDate> {
        let text = value.as_str()?.trim();
        let instant = || DateTime::parse_from_rfc3339(text).ok().map(|at| self.date(at.timestamp_millis()));
        text.parse::<NaiveDate>().ok().or_else(instant)
    }

    /// Whether an event is among those that a definition's filters let pass.
    pub(super) fn passes(&self, definition: &Value, row: &RawRow) -> bool {
        definition["usage"]["filters"].as_array().into_iter().flatten().all(|filter| {
            let value = property(row, filter["property"].as_str().unwrap());
            let wanted = &filter["value"];
            let fold = |text: String| if filter["match_case"] == true { text } else { text.to_lowercase() };
            let text = fold(shown(value));
            let one = || fold(wanted.as_str().unwrap().trim().to_owned());
            let is_any =
                || wanted.as_array().unwrap().iter().any(|wanted| !text.is_empty() && fold(shown(wanted)) == text);
            let numbers = || number(value).zip(number(wanted));
            let days = || self.day_of(value).zip(self.day_of(wanted));
            match filter["operator"].as_str().unwrap() {
                "is" => text == one(),
                "is_not" => text != one(),
                "any_of" => is_any(),
                "none_of" => !is_any(),
                "contains" => text.contains(&one()),
                "present" => !text.is_empty(),
                "blank" => text.is_empty(),
                "=" => numbers().is_some_and(|(found, wanted)| found == wanted),
                "!=" => numbers().is_some_and(|(found, wanted)| found != wanted),
                "<" => numbers().is_some_and(|(found, wanted)| found < wanted),
                "<=" => numbers().is_some_and(|(found, wanted)| found <= wanted),
                ">" => numbers().is_some_and(|(found, wanted)| found > wanted),
                ">=" => numbers().is_some_and(|(found, wanted)| found >= wanted),
                "before" => days().is_some_and(|(found, wanted)| found < wanted),
                "after" => days().is_some_and(|(found, wanted)| found > wanted),
                "on" => days().is_some_and(|(found, wanted)| found == wanted),
                "within_past" | "within_next" => self.day_of(value).is_some_and(|found| {
                    let sign = if filter["operator"] == "within_past" { -1 } else { 1 };
                    let mut seen =
                        (0..wanted.as_i64().unwrap()).map(|days| self.today() + TimeDelta::days(sign * days));
                    seen.any(|day| day == found)
                }),
                "in_fiscal" => self.day_of(value).is_some_and(|found| {
                    let months = if wanted["period"] == "year" { 12 } else { 3 };
                    let back = wanted["offset"].as_i64().unwrap_or(0) * i64::from(months);
                    let first_month = wanted["first_month"].as_u64().unwrap_or(1) as u32;
                    let mut start = self.today().with_day(1).unwrap();
                    while !(start.month() + 12 - first_month).is_multiple_of(months) {
                        start = start - Months::new(1);
                    }
                    let shift = Months::new(back.unsigned_abs() as u32);
                    let from = if back < 0 { start + shift } else { start - shift };
                    from <= found && found < from + Months::new(months)
                }),
                other => panic!("no operator {other}"),
            }
        })
    }
}

/// What a function makes of a property on rows with events; `None` for a function of something else.
pub(super) fn of_property(definition: &Value, rows: &[&RawRow]) -> Option<Result<Value, &'static str>> {
    let name = definition["of_property"].as_str()?;
    let is_counted = |value: &Value| value.is_number() || added_up(definition).is_none();
    let with_number = rows.iter().filter(|row| is_counted(property(row, name)));
    let with_number = with_number.filter_map(|row| Some((*row, number(property(row, name))?)));
    let with_number: Vec<(&RawRow, i128)> = with_number.collect();
    let numbers = || with_number.iter().map(|(_, number)| *number);
    let plain = |number: i128| number as f64 / 1e9;
    let sum: i128 = with_number.iter().map(|(row, number)| i128::from(row.events) * number).sum();
    let events: u64 = with_number.iter().map(|(row, _)| u64::from(row.events)).sum();
    let some = |number: Option<i128>| number.map(|number| json!(plain(number))).ok_or("never_used");
    Some(match definition["function"].as_str().unwrap() {
        "sum" => Ok(json!(plain(sum))),
        "average" => {
            if events == 0 {
                Err("undefined")
            } else {
                Ok(json!(plain(sum) / events as f64))
            }
        }
        "min" => some(numbers().min()),
        "max" => some(numbers().max()),
        "latest" => {
            let some =
                rows.iter().map(|row| (row.last_ms, property(row, name))).filter(|(_, value)| !shown(value).is_empty());
            // As JSON has them: numbers have no point where they are whole.
            let as_json = |value: &Value| match value {
                Value::String(text) => json!(text).to_string(),
                Value::Array(_) | Value::Object(_) => json!(value.to_string()).to_string(),
                other => shown(other),
            };
            let last = some.max_by_key(|(last_ms, value)| (*last_ms, as_json(value)));
            last.map(|(_, value)| value.as_f64().map_or_else(|| json!(shown(value)), |number| json!(number)))
                .ok_or("never_used")
        }
        "distinct_values" => {
            let values: BTreeSet<String> = rows.iter().map(|row| shown(property(row, name))).collect();
            Ok(json!(values.iter().filter(|text| !text.is_empty()).count()))
        }
        other => panic!("no function {other} of a property"),
    })
}
