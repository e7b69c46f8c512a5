//! Why something happened, in words: what was compared, what it is, and with what.

use serde_json::Value;

use crate::table::grouped;

const FACTS: [&str; 4] = ["field", "column", "health", "stage"];

/// Why, in words: every comparison with its value and its threshold.
pub(crate) fn reasons(of: &Value) -> String {
    let each: Vec<String> = list(of, "/because").iter().map(reason).collect();
    if each.is_empty() { "nothing was compared".to_owned() } else { each.join("; ") }
}

fn reason(because: &Value) -> String {
    let fact =
        |of: &Value| FACTS.iter().find_map(|member| of.get(member)?.as_str().map(str::to_owned)).unwrap_or_default();
    let days = |member: &str| number(because, &format!("/{member}")).map(plain);
    let is = text(because, "/is").replace('_', " ");
    let against = number(because, "/against").map(plain).unwrap_or_default();
    let test = match (because.get("value"), because.get("other"), number(because, "/by_percent")) {
        (Some(value), ..) => format!("{is} {}", shown(value)),
        (_, Some(other), _) => {
            let times = number(because, "/times").map(|times| format!("{} × ", plain(times))).unwrap_or_default();
            format!("{is} {against} ({times}{})", fact(other))
        }
        (.., Some(percent)) => {
            let than = if percent < 0.0 { "less" } else { "more" };
            let [percent, days] = [plain(percent.abs()), days("days").unwrap_or_default()];
            format!("at least {percent} % {than} than the {against} of {days} days before")
        }
        _ => match (is.split_once(" days"), days("days")) {
            (Some((within, _)), Some(days)) => format!("{within} {days} days"),
            _ => {
                let values: Vec<String> = list(because, "/values").iter().map(shown).collect();
                format!("{is} {}", values.join(", "))
            }
        },
    };
    let over = match (days("for_days"), days("crossed_within_days"), days("days_ago")) {
        (Some(days), ..) => format!(", for {days} days"),
        (_, Some(days), _) => format!(", to which it came within {days} days"),
        (.., Some(days)) => format!(", {days} days ago"),
        _ => String::new(),
    };
    let was = because.get("was").map_or_else(String::new, shown);
    format!("{} is {was}, {test}{over}", fact(because))
}

/// A value as it is read.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::Number(number) => number.as_f64().map_or_else(String::new, plain),
        Value::String(text) => text.clone(),
        _ => "not known".to_owned(),
    }
}

/// A number as it is read: a whole one with its thousands apart, another one to three places at most.
pub(crate) fn plain(number: f64) -> String {
    let sign = if number < 0.0 { "-" } else { "" };
    let size = (number.abs() * 1000.0).round() / 1000.0;
    let parts = format!("{size:.3}");
    let (whole, places) = parts.split_once('.').unwrap_or((parts.as_str(), ""));
    let whole = whole.parse().map_or_else(|_| whole.to_owned(), grouped);
    let places = places.trim_end_matches('0');
    if places.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{places}") }
}

/// The items of a list, by its place.
pub(crate) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A number, by its place.
pub(crate) fn number(value: &Value, pointer: &str) -> Option<f64> {
    value.pointer(pointer)?.as_f64()
}

/// A text, by its place; empty where there is none.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_comparison_is_told_with_its_value_and_its_threshold() {
        let cases = [
            (json!({"field": "WAU", "is": "at_least", "value": 3.0, "was": 4.0}), "WAU is 4, at least 3"),
            (
                json!({"field": "MAU", "is": "at_least", "other": {"column": "seats"}, "times": 0.8, "was": 1060.0, "against": 21.6}),
                "MAU is 1,060, at least 21.6 (0.8 × seats)",
            ),
            (
                json!({"field": "Events 7d", "is": "changed", "by_percent": -80.0, "days": 7, "was": 1.0, "against": 12.0}),
                "Events 7d is 1, at least 80 % less than the 12 of 7 days before",
            ),
            (
                json!({"field": "Days", "is": "at_most", "value": 1.0, "was": 0.0, "crossed_within_days": 7}),
                "Days is 0, at most 1, to which it came within 7 days",
            ),
            (
                json!({"column": "plan", "is": "in", "values": ["pro", "basic"], "was": "pro"}),
                "plan is pro, in pro, basic",
            ),
            (
                json!({"column": "renewal", "is": "within_next_days", "days": 30, "was": "2026-07-01"}),
                "renewal is 2026-07-01, within next 30 days",
            ),
        ];
        for (because, told) in cases {
            assert_eq!(reason(&because), told);
        }
        assert_eq!(reasons(&json!({"because": []})), "nothing was compared");
    }

    #[test]
    fn numbers_have_no_places_that_say_nothing() {
        for (number, told) in [(60.0, "60"), (-0.108, "-0.108"), (21.6, "21.6"), (0.9999, "1"), (1234.5, "1,234.5")] {
            assert_eq!(plain(number), told);
        }
    }
}
