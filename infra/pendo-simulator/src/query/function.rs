//! The functions of the expression language.

use chrono::{DateTime, NaiveDate};

use crate::query::expression::Expression;
use crate::query::item::Item;
use crate::query::run::Run;
use crate::query::time;
use crate::random::mix_text;
use crate::row::Period;
use crate::value::Value;

/// A function, its name and how many arguments it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Function(usize);

const FUNCTIONS: [(&str, usize, usize); 32] = [
    ("now", 0, 0),
    ("date", 1, 3),
    ("dateAdd", 3, 3),
    ("dateDist", 3, 3),
    ("startOfPeriod", 2, 2),
    ("formatTime", 2, 2),
    ("if", 2, 3),
    ("isNull", 1, 1),
    ("isNil", 1, 1),
    ("isEmpty", 1, 1),
    ("isString", 1, 1),
    ("isNumber", 1, 1),
    ("isBool", 1, 1),
    ("isList", 1, 1),
    ("isMap", 1, 1),
    ("contains", 2, 2),
    ("startsWith", 2, 2),
    ("endsWith", 2, 2),
    ("len", 1, 1),
    ("split", 2, 2),
    ("toLowerCase", 1, 1),
    ("toUpperCase", 1, 1),
    ("toString", 1, 1),
    ("toNumber", 1, 1),
    ("list", 0, 99),
    ("hash", 1, 99),
    ("identified", 1, 1),
    ("eventSubType", 1, 1),
    ("expandAppIds", 1, 1),
    ("floor", 1, 1),
    ("round", 1, 1),
    ("abs", 1, 1),
];

impl Function {
    /// The function of a name.
    pub(crate) fn of_name(name: &str) -> Option<Function> {
        FUNCTIONS.iter().position(|(known, _, _)| *known == name).map(Function)
    }

    /// Whether it takes that many arguments.
    pub(crate) fn takes(self, count: usize) -> bool {
        FUNCTIONS.get(self.0).is_some_and(|(_, least, most)| (*least..=*most).contains(&count))
    }

    fn name(self) -> &'static str {
        FUNCTIONS.get(self.0).map_or("", |(name, _, _)| name)
    }

    /// What a call comes to on a row.
    pub(crate) fn call(self, parts: &[Expression], item: &Item, run: &Run<'_>) -> Value {
        let part = |place: usize| parts.get(place).map_or(Value::Null, |part| part.value(item, run));
        match self.name() {
            "if" => part(if part(0).holds() { 1 } else { 2 }),
            "hash" => hash(&parts.iter().map(|part| part.value(item, run)).collect::<Vec<_>>()),
            "list" => Value::list(parts.iter().map(|part| part.value(item, run)).collect()),
            "now" => Value::int(run.now_ms),
            "date" | "dateAdd" | "dateDist" | "startOfPeriod" | "formatTime" => {
                calendar(self.name(), &[part(0), part(1), part(2)], run)
            }
            "expandAppIds" => Value::list(run.world.apps.iter().map(|(id, _)| Value::int(*id)).collect()),
            "contains" => Value::Bool(contains(&part(0), &part(1))),
            "startsWith" => Value::Bool(both(&part(0), &part(1), |text, start| text.starts_with(start))),
            "endsWith" => Value::Bool(both(&part(0), &part(1), |text, end| text.ends_with(end))),
            "split" => match (part(0).as_text(), part(1).as_text()) {
                (Some(text), Some(mark)) => Value::list(text.split(mark).map(Value::text).collect()),
                _ => Value::Null,
            },
            name => plain(name, &part(0)),
        }
    }
}

fn plain(name: &str, value: &Value) -> Value {
    match (name, value) {
        ("isNull" | "isNil", _) => Value::Bool(*value == Value::Null),
        ("isEmpty", _) => Value::Bool(length(value) == 0.0),
        ("isString", _) => Value::Bool(matches!(value, Value::Text(_))),
        ("isNumber", _) => Value::Bool(matches!(value, Value::Number(_))),
        ("isBool", _) => Value::Bool(matches!(value, Value::Bool(_))),
        ("isList", _) => Value::Bool(matches!(value, Value::List(_))),
        ("isMap", _) => Value::Bool(matches!(value, Value::Map(_))),
        ("len", _) => Value::Number(length(value)),
        ("toLowerCase", Value::Text(text)) => Value::text(text.to_lowercase()),
        ("toUpperCase", Value::Text(text)) => Value::text(text.to_uppercase()),
        ("toString", Value::Text(_) | Value::Null) => value.clone(),
        ("toString", other) => Value::text(print(other)),
        ("toNumber", Value::Text(text)) => text.trim().parse().map_or(Value::Null, Value::Number),
        ("toNumber", Value::Number(_)) => value.clone(),
        ("identified", Value::Text(text)) => Value::Bool(is_identified(text)),
        ("identified", _) => Value::Bool(false),
        ("eventSubType", Value::Text(text)) => Value::text(text.rsplit(':').next().unwrap_or(text)),
        ("floor", Value::Number(number)) => Value::Number(number.floor()),
        ("round", Value::Number(number)) => Value::Number(number.round()),
        ("abs", Value::Number(number)) => Value::Number(number.abs()),
        _ => Value::Null,
    }
}

/// Whether an id is somebody's: not empty, and not one that Pendo gave to an unknown visitor.
pub(crate) fn is_identified(id: &str) -> bool {
    !id.is_empty() && !id.starts_with("_PENDO_T_")
}

fn calendar(name: &str, parts: &[Value; 3], run: &Run<'_>) -> Value {
    let zone = run.world.zone;
    #[expect(clippy::cast_possible_truncation, reason = "instants and counts are whole")]
    let whole = |place: usize| parts.get(place).and_then(Value::number).map(|number| number as i64);
    let period = |place: usize| parts.get(place).and_then(Value::as_text).and_then(Period::of_name);
    let result = match name {
        "date" => match &parts[0] {
            Value::Text(text) => NaiveDate::parse_from_str(text.get(..10).unwrap_or(text), "%Y-%m-%d").ok(),
            _ => (|| {
                NaiveDate::from_ymd_opt(
                    whole(0)?.try_into().ok()?,
                    whole(1)?.try_into().ok()?,
                    whole(2)?.try_into().ok()?,
                )
            })(),
        }
        .map(|date| time::midnight(date, zone)),
        "dateAdd" => (|| Some(time::add(period(2)?, whole(0)?, whole(1)?, zone)))(),
        "dateDist" => (|| {
            let width = time::add(period(2)?, 0, 1, chrono_tz::Tz::UTC);
            Some((whole(1)? - whole(0)?) / width.max(1))
        })(),
        "startOfPeriod" => (|| Some(time::start_of(period(0)?, whole(1)?, zone)))(),
        _ => {
            let (Some(layout), Some(at)) = (parts[0].as_text(), whole(1).and_then(DateTime::from_timestamp_millis))
            else {
                return Value::Null;
            };
            return Value::text(at.with_timezone(&zone).format(&strftime(layout)).to_string());
        }
    };
    result.map_or(Value::Null, Value::int)
}

/// A layout in Go's way, written with the reference time, as chrono's.
fn strftime(layout: &str) -> String {
    let marks = [
        ("%", "%%"),
        ("2006", "%Y"),
        ("January", "%B"),
        ("Jan", "%b"),
        ("Monday", "%A"),
        ("Mon", "%a"),
        ("01", "%m"),
        ("02", "%d"),
        ("15", "%H"),
        ("03", "%I"),
        ("04", "%M"),
        ("05", "%S"),
        ("PM", "%p"),
        ("-0700", "%z"),
        ("MST", "%Z"),
    ];
    marks.into_iter().fold(layout.to_owned(), |text, (go, chrono)| text.replace(go, chrono))
}

fn contains(whole: &Value, part: &Value) -> bool {
    match whole {
        Value::List(values) => values.contains(part),
        _ => both(whole, part, |text, inner| text.contains(inner)),
    }
}

fn both(left: &Value, right: &Value, test: impl Fn(&str, &str) -> bool) -> bool {
    left.as_text().zip(right.as_text()).is_some_and(|(left, right)| test(left, right))
}

#[expect(clippy::cast_precision_loss, reason = "lengths are small")]
fn length(value: &Value) -> f64 {
    match value {
        Value::Text(text) => text.chars().count() as f64,
        Value::List(values) => values.len() as f64,
        Value::Map(record) => record.iter().count() as f64,
        _ => 0.0,
    }
}

/// A number below 2^32 that equal values share. Pendo's own function is not published; sums of it stay exact.
fn hash(values: &[Value]) -> Value {
    let text = values.iter().map(print).collect::<Vec<_>>().join("\u{1f}");
    let high = u32::try_from(mix_text(&text) >> 32).unwrap_or(0);
    Value::Number(f64::from(high))
}

fn print(value: &Value) -> String {
    let mut out = Vec::new();
    match value {
        Value::Text(text) => out.extend_from_slice(text.as_bytes()),
        other => other.write_json(&mut out),
    }
    String::from_utf8(out).unwrap_or_default()
}
