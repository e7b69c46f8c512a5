//! Look-back windows, cut at local midnights.

use super::problem::Problem;
use super::shape::{Shape, wrong_type};
use crate::time::{Hour, HourRange, Zone};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;
use std::borrow::Cow;

/// The longest rolling window: the 84 months for which Pendo keeps usage.
pub const ROLLING_DAYS_MAX: u32 = 2_555;

/// The span of time a field looks back over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Window {
    /// So many days up to now.
    RollingDays {
        /// How many.
        days: u32,
        /// `true`: the days before today. `false`: today so far and one day fewer before it.
        complete_days: bool,
    },
    /// Everything that was read.
    AllTime,
}

impl Window {
    /// Reads `{"rolling_days":30,"complete_days":true}` or `{"all_time":true}`.
    pub(super) fn parse(value: &Value, pointer: &str, default_complete_days: bool) -> Result<Self, Problem> {
        let shape = Shape::of(value, pointer, &["rolling_days", "complete_days", "all_time"])?;
        let complete_days = shape.optional_bool("complete_days")?;
        let all_time = shape.optional_bool("all_time")?;
        match (shape.optional("rolling_days"), all_time) {
            (Some(days), None) => {
                let days = whole_days(days, &shape.pointer_to("rolling_days"))?;
                Ok(Self::RollingDays { days, complete_days: complete_days.unwrap_or(default_complete_days) })
            }
            (None, Some(true)) if complete_days.is_none() => Ok(Self::AllTime),
            (None, Some(true)) => {
                let detail = "window.complete_days applies to rolling_days only; leave it out for all_time";
                Err(Problem::at(shape.pointer_to("complete_days"), detail))
            }
            (None, Some(false)) => {
                let detail = "window.all_time can only be true; for a limited window give rolling_days instead";
                Err(Problem::at(shape.pointer_to("all_time"), detail))
            }
            (Some(_), Some(_)) => {
                Err(Problem::at(pointer, "window has both rolling_days and all_time; give one of them"))
            }
            (None, None) => Err(Problem::at(
                pointer,
                "window.rolling_days is missing; give {\"rolling_days\":30} or {\"all_time\":true}",
            )),
        }
    }

    /// The hours of the window. `as_of` is the end of the last complete hour, and today is the local day it lies in;
    /// `first_hour` is where all time begins. A rolling window may begin before `first_hour`.
    #[must_use]
    pub fn range(&self, as_of: Hour, zone: Zone, first_hour: Hour) -> HourRange {
        let today = zone.local_day(as_of.start_ms());
        let back = |days: u32| zone.midnight(today.saturating_sub(i32::try_from(days).unwrap_or(i32::MAX)));
        match *self {
            Self::RollingDays { days, complete_days: true } => HourRange { from: back(days), to: zone.midnight(today) },
            Self::RollingDays { days, complete_days: false } => {
                HourRange { from: back(days.saturating_sub(1)), to: as_of }
            }
            Self::AllTime => HourRange { from: first_hour.min(as_of), to: as_of },
        }
    }
}

impl Serialize for Window {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self {
            Self::RollingDays { days, complete_days } => {
                map.serialize_entry("rolling_days", days)?;
                map.serialize_entry("complete_days", complete_days)?;
            }
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
        json_schema!({"oneOf": [
            {"type": "object", "required": ["rolling_days"], "additionalProperties": false, "properties": {
                "rolling_days": {"type": "integer", "minimum": 1, "maximum": ROLLING_DAYS_MAX,
                    "description": "So many days up to now, cut at midnight in the connection's zone."},
                "complete_days": {"type": "boolean",
                    "description": "True: the days before today. False: today so far and one day fewer before it. Left out, as the function has it."}}},
            {"type": "object", "required": ["all_time"], "additionalProperties": false, "properties": {
                "all_time": {"const": true, "description": "Everything that was read."}}}]})
    }
}

fn whole_days(value: &Value, pointer: &str) -> Result<u32, Problem> {
    let wanted = format!("a whole number of days from 1 to {ROLLING_DAYS_MAX}");
    let Value::Number(number) = value else { return Err(wrong_type(pointer, value, &wanted)) };
    let days = number.as_u64().and_then(|days| u32::try_from(days).ok());
    days.filter(|days| (1..=ROLLING_DAYS_MAX).contains(days))
        .ok_or_else(|| Problem::at(pointer, format!("a rolling window is {wanted}, not {number}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{parse_instant, to_the_second};
    use serde_json::json;

    fn hour(text: &str) -> Hour {
        Hour::of_ms(parse_instant(text).unwrap())
    }

    fn range(days: u32, complete_days: bool, as_of: &str, zone: &str) -> [String; 2] {
        let window = Window::RollingDays { days, complete_days };
        let range = window.range(hour(as_of), Zone::parse(zone).unwrap(), hour("2020-01-01"));
        [range.from, range.to].map(|hour| to_the_second(hour.start_ms()))
    }

    const NOW: &str = "2026-06-30T12:30:00Z";

    #[test]
    fn complete_days_are_the_days_before_today() {
        assert_eq!(range(7, true, NOW, "UTC"), ["2026-06-23T00:00:00Z", "2026-06-30T00:00:00Z"]);
        assert_eq!(range(7, true, NOW, "America/New_York"), ["2026-06-23T04:00:00Z", "2026-06-30T04:00:00Z"]);
    }

    #[test]
    fn other_days_are_today_so_far_and_those_before_it() {
        assert_eq!(range(7, false, NOW, "UTC"), ["2026-06-24T00:00:00Z", "2026-06-30T12:00:00Z"]);
        assert_eq!(range(7, false, NOW, "America/New_York"), ["2026-06-24T04:00:00Z", "2026-06-30T12:00:00Z"]);
        assert_eq!(range(1, false, NOW, "UTC"), ["2026-06-30T00:00:00Z", "2026-06-30T12:00:00Z"]);
    }

    #[test]
    fn today_begins_at_midnight_with_nothing_in_it() {
        let midnight = "2026-06-30T00:10:00Z";
        assert_eq!(range(1, false, midnight, "UTC"), ["2026-06-30T00:00:00Z", "2026-06-30T00:00:00Z"]);
        assert_eq!(range(1, true, midnight, "UTC"), ["2026-06-29T00:00:00Z", "2026-06-30T00:00:00Z"]);
        // In New York it is still the evening of the 29th.
        assert_eq!(range(1, true, midnight, "America/New_York"), ["2026-06-28T04:00:00Z", "2026-06-29T04:00:00Z"]);
    }

    #[test]
    fn a_day_is_a_day_when_clocks_change() {
        assert_eq!(
            range(1, true, "2026-03-30T12:00:00Z", "Europe/Berlin"),
            ["2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"]
        );
        assert_eq!(
            range(1, true, "2026-10-26T12:00:00Z", "Europe/Berlin"),
            ["2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"]
        );
    }

    #[test]
    fn all_time_begins_with_the_first_hour_read() {
        let all = Window::AllTime.range(hour(NOW), Zone::UTC, hour("2026-06-01"));
        assert_eq!(all, HourRange { from: hour("2026-06-01"), to: hour("2026-06-30T12:00:00Z") });
        assert!(Window::AllTime.range(hour(NOW), Zone::UTC, hour("2026-07-01")).is_empty());
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
            (json!({"all_time": false}), "/window/all_time"),
            (json!({"all_time": true, "complete_days": true}), "/window/complete_days"),
            (json!({"days": 7}), "/window/days"),
            (json!(7), "/window"),
        ];
        for (body, pointer) in cases {
            let problem = Window::parse(&body, "/window", false).unwrap_err();
            assert_eq!(problem.pointer, pointer, "{body}: {problem}");
        }
        let longest = Window::parse(&json!({"rolling_days": 2_555}), "/window", true);
        assert_eq!(longest, Ok(Window::RollingDays { days: 2_555, complete_days: true }));
    }
}
