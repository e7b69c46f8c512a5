//! `timeSeries`: which buckets a source reads.

use serde_json::{Map, Value as Json};

use crate::query::item::Item;
use crate::query::run::Run;
use crate::query::{Refusal, parser, time};
use crate::row::Period;
use crate::value::{Record, Value};

/// A window of whole buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) period: Period,
    /// The start of the first bucket.
    pub(crate) from_ms: i64,
    /// The end of the last one.
    pub(crate) to_ms: i64,
}

impl Window {
    /// Reads a `timeSeries`.
    pub(crate) fn parse(json: &Json, run: &Run<'_>) -> Result<Window, Refusal> {
        let Some(keys) = json.as_object() else { return Err(Refusal::senseless("timeSeries must be an object")) };
        let period = match keys.get("period").and_then(Json::as_str) {
            Some("hourRange") => Period::Hour,
            Some("dayRange") => Period::Day,
            Some("weekRange") => Period::Week,
            Some("monthRange") => Period::Month,
            Some(iterative @ ("hourly" | "daily" | "weekly" | "monthly")) => {
                return Err(Refusal::bad(format!(
                    "iterative period {iterative} is not supported here: use its Range form"
                )));
            }
            other => return Err(Refusal::senseless(format!("unknown timeSeries period {other:?}"))),
        };
        let zone = run.world.zone;
        let Some(first) = instant(keys, "first", run)? else {
            return Err(Refusal::senseless("timeSeries needs first"));
        };
        let start_ms = time::start_of(period, first, zone);
        let count = instant(keys, "count", run)?;
        let (from_ms, to_ms) = match (count, instant(keys, "last", run)?) {
            (Some(count), None) if count > 0 => (start_ms, time::add(period, start_ms, count, zone)),
            (Some(count), None) if count < 0 => (time::add(period, start_ms, count, zone), start_ms),
            (None, Some(last)) => (start_ms, time::add(period, time::start_of(period, last, zone), 1, zone)),
            _ => return Err(Refusal::senseless("timeSeries needs exactly one of count and last")),
        };
        Ok(Window { period, from_ms, to_ms })
    }
}

/// A number, a number as text, or an expression.
fn instant(keys: &Map<String, Json>, key: &str, run: &Run<'_>) -> Result<Option<i64>, Refusal> {
    let number = match keys.get(key) {
        None | Some(Json::Null) => return Ok(None),
        Some(Json::Number(number)) => number.as_f64(),
        Some(Json::String(text)) => {
            parser::parse(text).and_then(|parsed| parsed.value(&Item::Made(Record::default()), run).number())
        }
        Some(_) => None,
    };
    #[expect(clippy::cast_possible_truncation, reason = "instants are whole milliseconds")]
    let whole = number.filter(|number| number.is_finite()).map(|number| number as i64);
    whole.map(Some).ok_or_else(|| Refusal::bad(format!("Cannot parse timeSeries {key}")))
}

/// A list of numbers out of a number, a list or an expression.
pub(crate) fn numbers(json: &Json, run: &Run<'_>) -> Option<Vec<i64>> {
    let value = match json {
        Json::String(text) => parser::parse(text)?.value(&Item::Made(Record::default()), run),
        other => Value::from_json(other),
    };
    // Some clients send their ids as texts.
    #[expect(clippy::cast_possible_truncation, reason = "app ids are whole")]
    let whole = |value: &Value| match value {
        Value::Text(text) => text.trim().parse().ok(),
        other => other.number().map(|number| number as i64),
    };
    match &value {
        Value::List(values) => values.iter().map(whole).collect(),
        one => whole(one).map(|one| vec![one]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;
    use crate::row::HOUR_MS;
    use crate::world::World;

    const NOW: i64 = 1_782_822_600_000;
    const HOUR: i64 = 1_782_820_800_000;

    fn window(json: &Json) -> Result<Window, Refusal> {
        let world = World::new(&Options::empty(), NOW, false);
        Window::parse(json, &Run::new(&world, NOW, 0))
    }

    fn hours(json: &Json) -> (i64, i64) {
        let window = window(json).unwrap();
        ((window.from_ms - HOUR) / HOUR_MS, (window.to_ms - HOUR) / HOUR_MS)
    }

    #[test]
    fn windows_are_whole_buckets() {
        assert_eq!(hours(&serde_json::json!({"period": "hourRange", "first": NOW, "count": 1})), (0, 1));
        assert_eq!(hours(&serde_json::json!({"period": "hourRange", "first": "now()", "count": -1})), (-1, 0));
        assert_eq!(hours(&serde_json::json!({"period": "hourRange", "first": NOW.to_string(), "last": NOW})), (0, 1));
        assert_eq!(hours(&serde_json::json!({"period": "dayRange", "first": "now()", "count": -1})), (-36, -12));
    }

    #[test]
    fn both_ends_or_none_make_no_window() {
        assert_eq!(
            window(&serde_json::json!({"period": "hourRange", "first": 0, "count": 1, "last": 0})).unwrap_err().status,
            422
        );
        assert_eq!(window(&serde_json::json!({"period": "hourRange", "first": 0})).unwrap_err().status, 422);
        assert_eq!(window(&serde_json::json!({"period": "daily", "first": 0, "count": 1})).unwrap_err().status, 400);
    }
}
