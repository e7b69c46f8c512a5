//! A window as it stands in a definition: read, written and described.

use super::period::Period;
use super::problem::Problem;
use super::shape::{Shape, listed, wrong_type};
use super::window::Window;
use crate::time::{date_text, parse_date};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Value, json};
use std::borrow::Cow;

/// The members that each say what kind of window it is.
const KINDS: [&str; 6] = ["rolling_days", "rolling_weeks", "rolling_months", "calendar", "since", "all_time"];
/// What is said where there is none of them.
const EXAMPLES: &str = "{\"rolling_days\":30}, {\"rolling_weeks\":4}, {\"rolling_months\":3}, \
                        {\"calendar\":\"month\",\"offset\":1}, {\"since\":\"2026-01-01\"} or {\"all_time\":true}";
/// The dates that a window can begin with.
const DATES: [&str; 2] = ["2000-01-01", "2099-12-31"];

/// The same as a pattern, for the document: the lengths of months, and February's 29th every fourth year.
const DATE_PATTERN: &str = "^20([0-9]{2}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|\
                            02-(0[1-9]|1[0-9]|2[0-8]))|([02468][048]|[13579][26])-02-29)$";

impl Window {
    /// Reads a window. Where it does not say whether it is of complete days, `is_whole_by_default` does.
    pub(super) fn parse(value: &Value, pointer: &str, is_whole_by_default: bool) -> Result<Self, Problem> {
        let known: Vec<&str> = KINDS.into_iter().chain(["complete_days", "offset"]).collect();
        let shape = Shape::of(value, pointer, &known)?;
        let given: Vec<&str> = KINDS.into_iter().filter(|kind| shape.optional(kind).is_some()).collect();
        let kind = match given[..] {
            [kind] => kind,
            [] => return Err(Problem::at(pointer, format!("window says no time; give {EXAMPLES}"))),
            [one, other, ..] => {
                return Err(Problem::at(pointer, format!("window has both {one} and {other}; give one of them")));
            }
        };
        let complete_days = shape.optional_bool("complete_days")?;
        for (member, of) in [("complete_days", "rolling_"), ("offset", "calendar")] {
            if shape.optional(member).is_some() && !kind.starts_with(of) {
                let of = if of == "calendar" { "calendar" } else { "rolling_days, rolling_weeks and rolling_months" };
                let detail = format!("window.{member} applies to {of} only; leave it out for {kind}");
                return Err(Problem::at(shape.pointer_to(member), detail));
            }
        }
        let at = shape.pointer_to(kind);
        let value = shape.required(kind, EXAMPLES)?;
        if let Some(period) = rolling(kind) {
            let count = whole(value, &at, 1, period)?;
            let complete_days = complete_days.unwrap_or(is_whole_by_default);
            return Ok(Self::Rolling { period, count, complete_days });
        }
        match kind {
            "calendar" => {
                let period = calendar(value, &at)?;
                let offset_at = shape.pointer_to("offset");
                let offset = shape.optional("offset").map(|offset| whole(offset, &offset_at, 0, period)).transpose()?;
                Ok(Self::Calendar { period, offset: offset.unwrap_or(u32::from(is_whole_by_default)) })
            }
            "since" => since(value, &at),
            _ if shape.optional_bool("all_time")? == Some(true) => Ok(Self::AllTime),
            _ => {
                Err(Problem::at(at, format!("window.all_time can only be true; for a limited window give {EXAMPLES}")))
            }
        }
    }
}

const fn member(period: Period) -> &'static str {
    match period {
        Period::Day => "rolling_days",
        Period::Week => "rolling_weeks",
        Period::Month | Period::Quarter => "rolling_months",
    }
}

fn rolling(kind: &str) -> Option<Period> {
    Period::ROLLING.into_iter().find(|period| member(*period) == kind)
}

fn calendar(value: &Value, pointer: &str) -> Result<Period, Problem> {
    let names = listed(&Period::ALL.map(Period::name));
    let name = value.as_str().ok_or_else(|| wrong_type(pointer, value, &names))?;
    let found = Period::ALL.into_iter().find(|period| period.name() == name);
    found.ok_or_else(|| Problem::at(pointer, format!("window.calendar \"{name}\" is not known; use {names}")))
}

fn since(value: &Value, pointer: &str) -> Result<Window, Problem> {
    let [first, last] = DATES;
    let wanted = format!("a date from {first} to {last}, such as \"2026-01-01\"");
    let text = value.as_str().ok_or_else(|| wrong_type(pointer, value, &wanted))?;
    let day = parse_date(text).filter(|day| Some(*day) >= parse_date(first) && Some(*day) <= parse_date(last));
    day.map(Window::Since).ok_or_else(|| Problem::at(pointer, format!("window.since is {wanted}, not \"{text}\"")))
}

/// A whole number of periods, from `min` on.
fn whole(value: &Value, pointer: &str, min: u32, period: Period) -> Result<u32, Problem> {
    let max = period.max();
    let wanted = format!("a whole number of {} from {min} to {max}", period.plural());
    let Value::Number(number) = value else { return Err(wrong_type(pointer, value, &wanted)) };
    let count = number.as_u64().and_then(|count| u32::try_from(count).ok());
    let what = if min == 0 { "an offset" } else { "a rolling window" };
    count
        .filter(|count| (min..=max).contains(count))
        .ok_or_else(|| Problem::at(pointer, format!("{what} is {wanted}, not {number}")))
}

impl Serialize for Window {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self {
            Self::Rolling { period, count, complete_days } => {
                map.serialize_entry(member(*period), count)?;
                map.serialize_entry("complete_days", complete_days)?;
            }
            Self::Calendar { period, offset } => {
                map.serialize_entry("calendar", period.name())?;
                map.serialize_entry("offset", offset)?;
            }
            Self::Since(day) => map.serialize_entry("since", &date_text(*day))?,
            Self::AllTime => map.serialize_entry("all_time", &true)?,
        }
        map.end()
    }
}

impl JsonSchema for Window {
    fn schema_name() -> Cow<'static, str> {
        "Window".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let rolling = |period: Period| {
            let about = format!(
                "So many {} up to now, cut at midnight in the connection's zone; of months the same day, or the month's last.",
                period.plural()
            );
            json!({"type": "object", "required": [member(period)], "additionalProperties": false, "properties": {
                member(period): {"type": "integer", "minimum": 1, "maximum": period.max(), "description": about},
                "complete_days": {"type": "boolean",
                    "description": "True: up to today's midnight. False: the window that is complete at the next midnight, as far as it has come. Left out, as the function has it."}}})
        };
        let calendar = |period: Period| {
            json!({"type": "object", "required": ["calendar"], "additionalProperties": false, "properties": {
                "calendar": {"const": period.name(), "description": "One of the calendar, in the connection's zone; a week begins on Monday."},
                "offset": {"type": "integer", "minimum": 0, "maximum": period.max(),
                    "description": "How many back: 0 is the running one up to now, 1 the last that is over. Left out, as the function has it."}}})
        };
        let mut forms: Vec<Value> = Period::ROLLING.into_iter().map(rolling).collect();
        forms.extend(Period::ALL.into_iter().map(calendar));
        forms.push(json!({"type": "object", "required": ["since"], "additionalProperties": false, "properties": {
            "since": {"type": "string", "pattern": DATE_PATTERN,
                "description": "From the midnight of this date in the connection's zone up to now."}}}));
        forms.push(json!({"type": "object", "required": ["all_time"], "additionalProperties": false, "properties": {
            "all_time": {"const": true, "description": "Everything that was read."}}}));
        json_schema!({"oneOf": forms})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_prints_as_it_was_written() {
        for body in [
            json!({"rolling_days": 2_555, "complete_days": true}),
            json!({"rolling_weeks": 365, "complete_days": false}),
            json!({"rolling_months": 84, "complete_days": true}),
            json!({"calendar": "day", "offset": 0}),
            json!({"calendar": "week", "offset": 365}),
            json!({"calendar": "month", "offset": 84}),
            json!({"calendar": "quarter", "offset": 28}),
            json!({"since": "2024-02-29"}),
            json!({"all_time": true}),
        ] {
            assert_eq!(serde_json::to_value(Window::parse(&body, "/window", false).unwrap()).unwrap(), body);
        }
    }

    #[test]
    fn what_is_left_out_is_as_the_function_has_it() {
        for (body, of_whole, of_running) in [
            (
                json!({"rolling_weeks": 2}),
                json!({"rolling_weeks": 2, "complete_days": true}),
                json!({"rolling_weeks": 2, "complete_days": false}),
            ),
            (
                json!({"calendar": "month"}),
                json!({"calendar": "month", "offset": 1}),
                json!({"calendar": "month", "offset": 0}),
            ),
        ] {
            for (is_whole, wanted) in [(true, of_whole), (false, of_running)] {
                assert_eq!(serde_json::to_value(Window::parse(&body, "/window", is_whole).unwrap()).unwrap(), wanted);
            }
        }
    }

    #[test]
    fn an_impossible_window_is_named() {
        let cases = [
            (json!({}), "/window"),
            (json!({"rolling_days": 0}), "/window/rolling_days"),
            (json!({"rolling_days": 2_556}), "/window/rolling_days"),
            (json!({"rolling_days": 7.5}), "/window/rolling_days"),
            (json!({"rolling_days": -7}), "/window/rolling_days"),
            (json!({"rolling_days": "7"}), "/window/rolling_days"),
            (json!({"rolling_days": 7, "complete_days": 1}), "/window/complete_days"),
            (json!({"rolling_days": 7, "all_time": true}), "/window"),
            (json!({"rolling_days": 7, "offset": 1}), "/window/offset"),
            (json!({"rolling_weeks": 366}), "/window/rolling_weeks"),
            (json!({"rolling_months": 85}), "/window/rolling_months"),
            (json!({"rolling_months": 0}), "/window/rolling_months"),
            (json!({"rolling_weeks": 1, "rolling_months": 1}), "/window"),
            (json!({"calendar": "year"}), "/window/calendar"),
            (json!({"calendar": 1}), "/window/calendar"),
            (json!({"calendar": "week", "offset": -1}), "/window/offset"),
            (json!({"calendar": "quarter", "offset": 29}), "/window/offset"),
            (json!({"calendar": "week", "complete_days": true}), "/window/complete_days"),
            (json!({"offset": 1}), "/window"),
            (json!({"since": "2026-02-29"}), "/window/since"),
            (json!({"since": "1999-12-31"}), "/window/since"),
            (json!({"since": 2026}), "/window/since"),
            (json!({"since": "2026-01-01", "offset": 1}), "/window/offset"),
            (json!({"all_time": false}), "/window/all_time"),
            (json!({"all_time": 1}), "/window/all_time"),
            (json!({"all_time": true, "complete_days": true}), "/window/complete_days"),
            (json!({"days": 7}), "/window/days"),
            (json!(7), "/window"),
        ];
        for (body, pointer) in cases {
            let problem = Window::parse(&body, "/window", false).unwrap_err();
            assert_eq!(problem.pointer, pointer, "{body}: {problem}");
        }
    }
}
