//! Values of events' properties. A row has those that its kind is told apart by as one text: a JSON list in the order of the
//! properties' names, null where the event has none. What Pendo has added up of a property stands behind them as a list of its
//! own: the sum over the row's events, the lowest number and the highest.

use crate::time::{DAY_MS, Zone, parse_instant};
use serde_json::{Number, Value};
use std::borrow::Cow;
use twox_hash::XxHash3_64;

/// Characters of a value that are kept. A longer one is kept as its beginning with a hash, so that it stays different from others.
const CHARS_MAX: usize = 250;
/// Characters of a longer one that are kept before its hash.
const CHARS_KEPT: usize = 200;
/// Billionths are what numbers are added up in: whole numbers of them, so that no order of adding gives another sum.
const SCALE: u128 = 1_000_000_000;
/// A number of this size or larger is none that can be added up.
const NUMBER_MAX: f64 = 1e15;

/// A sum of a day is smaller than this, whatever is added up: so many numbers of the largest size as Pendo can have events.
const SUM_MAX: f64 = 1e27;

/// The numbers of a property on the events of a row, in billionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount {
    /// Added up over the events.
    pub sum: i128,
    /// The lowest.
    pub least: i128,
    /// The highest.
    pub most: i128,
}

impl Amount {
    /// That of so many events with one number.
    #[must_use]
    pub fn of_events(number: i128, events: u64) -> Self {
        Self { sum: number.wrapping_mul(events.into()), least: number, most: number }
    }
}

/// The text of a row for values as Pendo answers them; `amount` is what it has added up: sum, lowest and highest number.
#[must_use]
pub fn written(values: impl Iterator<Item = Option<Value>>, amount: Option<[f64; 3]>) -> String {
    let values = values.map(|value| value.map_or(Value::Null, kept));
    Value::Array(values.chain(amount.map(Value::from_iter)).collect()).to_string()
}

/// A sum in billionths; nothing for one that no numbers come to.
#[must_use]
pub fn sum(sum: f64) -> Option<i128> {
    rounded(sum, SUM_MAX)
}

/// What Pendo has added up of a row's property; nothing where it has added up none.
#[must_use]
pub fn amount(text: &str) -> Option<Amount> {
    // A list is never a value: those are kept as text.
    if !text.ends_with("]]") {
        return None;
    }
    let values = read(text);
    let [sum, least, most] = values.last()?.as_array()?.as_slice() else { return None };
    let [least, most] = [least, most].map(|number| number.as_f64().and_then(billionths));
    Some(Amount { sum: self::sum(sum.as_f64()?)?, least: least?, most: most? })
}

/// The values of a row's text; none of a text that is no list.
#[must_use]
pub fn read(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap_or_default()
}

fn kept(value: Value) -> Value {
    match value {
        Value::Number(number) => Value::Number(whole(&number).unwrap_or(number)),
        Value::String(text) => Value::String(cut(text)),
        Value::Array(_) | Value::Object(_) => Value::String(cut(value.to_string())),
        Value::Null | Value::Bool(_) => value,
    }
}

/// `5.0` and `5` are one number.
#[expect(clippy::cast_possible_truncation, reason = "whole and small, as was just checked")]
fn whole(number: &Number) -> Option<Number> {
    let number = number.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < NUMBER_MAX)?;
    Some(Number::from(number as i64))
}

fn cut(text: String) -> String {
    if text.chars().count() <= CHARS_MAX {
        return text;
    }
    let begin: String = text.chars().take(CHARS_KEPT).collect();
    format!("{begin}…{:016x}", XxHash3_64::oneshot(text.as_bytes()))
}

/// A value as text; `None` where there is none: absent, null, or nothing but spaces.
#[must_use]
pub fn text(value: &Value) -> Option<Cow<'_, str>> {
    let text = match value {
        Value::Null => return None,
        Value::String(text) => Cow::Borrowed(text.trim()),
        other => Cow::Owned(other.to_string()),
    };
    Some(text).filter(|text| !text.is_empty())
}

/// A value as a number, in billionths; `None` for what is no decimal number, or too large. A number that was sent as text is one.
#[must_use]
pub fn number(value: &Value) -> Option<i128> {
    match value {
        Value::Number(number) => billionths(number.as_f64()?),
        Value::String(text) => {
            let text = text.trim();
            let is_decimal = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
            if is_decimal { billionths(text.parse().ok()?) } else { None }
        }
        _ => None,
    }
}

/// A number to its ninth decimal, in billionths.
#[must_use]
pub fn billionths(number: f64) -> Option<i128> {
    rounded(number, NUMBER_MAX)
}

fn rounded(number: f64, below: f64) -> Option<i128> {
    if number.is_nan() || number.abs() >= below {
        return None;
    }
    format!("{number:.9}").replace('.', "").parse().ok()
}

/// The double that is nearest to so many billionths.
#[must_use]
pub fn double(billionths: i128) -> f64 {
    let (sign, size) = (if billionths < 0 { "-" } else { "" }, billionths.unsigned_abs());
    format!("{sign}{}.{:09}", size / SCALE, size % SCALE).parse().unwrap_or_default()
}

/// The local date of a value that is a date (`2026-06-30`), an instant, or an instant in ms since 1970 of this century.
#[must_use]
pub fn day(value: &Value, zone: Zone) -> Option<i32> {
    /// Years of four digits from 2001 on, so that no count is taken for a time.
    const INSTANTS: std::ops::Range<i64> = 978_307_200_000..253_402_300_800_000;
    match value {
        Value::Number(number) => number.as_i64().filter(|ms| INSTANTS.contains(ms)).map(|ms| zone.local_day(ms)),
        Value::String(text) => date(text.trim(), zone),
        _ => None,
    }
}

/// The same of text.
#[must_use]
pub fn date(text: &str, zone: Zone) -> Option<i32> {
    let ms = parse_instant(text)?;
    // A date alone is that date in every zone.
    if text.contains(['T', 't', ' ']) { Some(zone.local_day(ms)) } else { i32::try_from(ms.div_euclid(DAY_MS)).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn one(value: Value) -> Value {
        read(&written([Some(value)].into_iter(), None)).remove(0)
    }

    #[test]
    fn values_are_kept_as_they_are_but_for_what_is_too_long_or_no_single_value() {
        let values = [json!("Pro"), json!(5), json!(0.25), json!(true), json!(""), Value::Null];
        let text = written(values.iter().cloned().map(Some).chain([None]), None);
        assert_eq!(text, r#"["Pro",5,0.25,true,"",null,null]"#);
        assert_eq!(one(json!(5.0)), json!(5));
        assert_eq!(one(json!({"a": [1]})), json!("{\"a\":[1]}"));
        let (long, other) = ("x".repeat(300), format!("{}y", "x".repeat(299)));
        assert!(one(json!(long)).as_str().unwrap().chars().count() < CHARS_MAX);
        assert_ne!(one(json!(long)), one(json!(other)));
        assert_eq!(read("no list"), Vec::<Value>::new());
    }

    #[test]
    fn what_pendo_added_up_stands_behind_the_values() {
        let text = written([Some(json!("Pro"))].into_iter(), Some([1e20, -0.5, 2.0]));
        assert_eq!(text, r#"["Pro",[1e+20,-0.5,2.0]]"#);
        let sum = 100_000_000_000_000_000_000_i128 * 1_000_000_000;
        assert_eq!(amount(&text), Some(Amount { sum, least: -500_000_000, most: 2_000_000_000 }));
        assert_eq!(amount(&written([Some(json!([1, 2, 3]))].into_iter(), None)), None, "a value that is a list");
        assert_eq!((amount("[[1,2]]"), amount("[[1,2,null]]"), amount("guideSeen")), (None, None, None));
        assert_eq!(Amount::of_events(-2, 3), Amount { sum: -6, least: -2, most: -2 });
    }

    #[test]
    fn a_number_is_one_however_it_was_sent_and_nothing_else_is() {
        for (value, billions) in [
            (json!(2), 2_000_000_000),
            (json!("2.5"), 2_500_000_000),
            (json!(" -0.1 "), -100_000_000),
            (json!("1e2"), 100_000_000_000),
            (json!(0.1), 100_000_000),
        ] {
            assert_eq!(number(&value), Some(billions), "{value}");
        }
        for none in
            [json!("2,5"), json!(""), json!("NaN"), json!("inf"), json!(true), Value::Null, json!(1e15), json!("-")]
        {
            assert_eq!(number(&none), None, "{none}");
        }
    }

    #[test]
    fn a_sum_of_billionths_is_shown_as_the_nearest_double() {
        let sum: i128 = [0.1, 0.2].into_iter().filter_map(billionths).sum();
        assert_eq!((double(sum), double(-sum), double(0)), (0.3, -0.3, 0.0));
        assert_eq!(double(i128::from(u64::MAX) * 1_000_000_000), 18_446_744_073_709_551_615.0);
    }

    #[test]
    fn a_date_is_that_date_and_an_instant_lies_in_the_zones() {
        let new_york = Zone::parse("America/New_York").unwrap();
        let june_30 = date("2026-06-30", Zone::UTC).unwrap();
        assert_eq!(day(&json!("2026-06-30"), new_york), Some(june_30));
        assert_eq!(day(&json!("2026-06-30T03:00:00Z"), new_york), Some(june_30 - 1));
        assert_eq!(day(&json!(1_782_788_400_000_i64), new_york), Some(june_30 - 1));
        assert_eq!((day(&json!(5), new_york), day(&json!("soon"), new_york)), (None, None));
    }

    #[test]
    fn nothing_but_spaces_is_no_value() {
        assert_eq!(text(&json!(" Pro ")).as_deref(), Some("Pro"));
        assert_eq!((text(&json!(5)).as_deref(), text(&json!(false)).as_deref()), (Some("5"), Some("false")));
        assert_eq!((text(&json!("  ")), text(&Value::Null)), (None, None));
    }
}
