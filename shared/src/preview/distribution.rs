//! How values are spread over all objects of a level, and which of them show it best.

use crate::fields::Reason;
use crate::values::Line;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// How the values of all objects are spread. Each figure is the value of one of them: the lowest that so many of them do not
/// exceed, so a median is never one that nobody has. Null where no object has a value.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Distribution {
    /// All objects of the level.
    pub objects: usize,
    /// Those that have a value.
    pub values: usize,
    /// Those whose value is 0.
    pub zeros: usize,
    /// The lowest value; of instants the earliest.
    #[schemars(extend("type" = ["number", "string", "null"]))]
    pub min: Value,
    /// What a quarter of the values do not exceed.
    #[schemars(extend("type" = ["number", "string", "null"]))]
    pub p25: Value,
    /// What half of them do not exceed.
    #[schemars(extend("type" = ["number", "string", "null"]))]
    pub median: Value,
    /// What three quarters of them do not exceed.
    #[schemars(extend("type" = ["number", "string", "null"]))]
    pub p75: Value,
    /// What nine of ten of them do not exceed.
    #[schemars(extend("type" = ["number", "string", "null"]))]
    pub p90: Value,
    /// The highest value; of instants the latest.
    #[schemars(extend("type" = ["number", "string", "null"]))]
    pub max: Value,
}

/// Some of all objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "PartOfObjects")]
pub struct Part {
    /// How many.
    pub objects: usize,
    /// Over all objects of the level; 1 is all of them.
    pub share: f64,
}

impl Part {
    /// So many of `all`; of none the share is 0.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a share of a directory's objects")]
    pub fn of(objects: usize, all: usize) -> Self {
        Self { objects, share: if all == 0 { 0.0 } else { objects as f64 / all as f64 } }
    }
}

impl Distribution {
    /// The distribution of the lines of all objects.
    #[must_use]
    pub fn of(lines: &[Line]) -> Self {
        let mut sorted: Vec<&Value> = lines.iter().map(|line| &line.value).filter(|value| !value.is_null()).collect();
        sorted.sort_by(|one, other| by_value(one, other));
        let lowest_of = |percent: usize| {
            let at = (sorted.len() * percent).div_ceil(100).max(1) - 1;
            sorted.get(at).copied().cloned().unwrap_or_default()
        };
        Self {
            objects: lines.len(),
            values: sorted.len(),
            zeros: sorted.iter().filter(|value| value.as_f64() == Some(0.0)).count(),
            min: lowest_of(0),
            p25: lowest_of(25),
            median: lowest_of(50),
            p75: lowest_of(75),
            p90: lowest_of(90),
            max: lowest_of(100),
        }
    }
}

/// The objects without a value by the reason.
pub(super) fn nulls(lines: &[Line]) -> BTreeMap<Reason, Part> {
    let mut counts: BTreeMap<Reason, usize> = BTreeMap::new();
    for reason in lines.iter().filter(|line| line.value.is_null()).filter_map(|line| line.reason) {
        *counts.entry(reason).or_default() += 1;
    }
    counts.into_iter().map(|(reason, objects)| (reason, Part::of(objects, lines.len()))).collect()
}

/// So many of the lines, spread evenly from the highest value to the lowest; those without one come last, by reason.
pub(super) fn sample(mut lines: Vec<Line>, count: usize) -> Vec<Line> {
    lines.sort_by(|one, other| {
        let values = match (one.value.is_null(), other.value.is_null()) {
            (false, false) => by_value(&other.value, &one.value),
            (one, other) => one.cmp(&other),
        };
        values.then(one.reason.cmp(&other.reason)).then_with(|| one.id.cmp(&other.id))
    });
    let (all, count) = (lines.len(), count.min(lines.len()));
    // The first and the last are always among them.
    let is_chosen = |at: usize| (0..count).any(|n| at == n * (all - 1) / (count - 1).max(1));
    let mut at = 0;
    lines.retain(|_| {
        at += 1;
        is_chosen(at - 1)
    });
    lines
}

/// Numbers by size, instants by time: a field has the one or the other.
fn by_value(one: &Value, other: &Value) -> Ordering {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one.total_cmp(&other),
        // Instants are written to the same length.
        _ => one.as_str().cmp(&other.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{FieldId, ObjectKind};
    use serde_json::json;

    fn lines(values: &[Value]) -> Vec<Line> {
        let line = |(at, value): (usize, &Value)| Line {
            field_id: FieldId::from_text("f"),
            object: ObjectKind::Account,
            id: format!("A-{at:03}"),
            field: "x".to_owned(),
            version: None,
            value: value.clone(),
            reason: value.is_null().then_some(if at.is_multiple_of(2) { Reason::Unmatched } else { Reason::New }),
            from: None,
            to: None,
            as_of: None,
            coverage: 1.0,
            is_final: false,
            settled: None,
            moved_by: Vec::new(),
        };
        values.iter().enumerate().map(line).collect()
    }

    #[test]
    fn each_figure_is_the_lowest_value_that_so_many_do_not_exceed() {
        let some = lines(&[json!(7), json!(0), Value::Null, json!(3), json!(0.0), json!(12)]);
        let found = Distribution::of(&some);
        assert_eq!((found.objects, found.values, found.zeros), (6, 5, 2));
        let figures = [&found.min, &found.p25, &found.median, &found.p75, &found.p90, &found.max];
        assert_eq!(figures.map(|value| value.as_f64().unwrap()), [0.0, 0.0, 3.0, 7.0, 12.0, 12.0]);
        let hundred: Vec<Value> = (1..=100).rev().map(Value::from).collect();
        let found = Distribution::of(&lines(&hundred));
        assert_eq!([found.min, found.p25, found.median, found.p75], [1, 25, 50, 75].map(Value::from));
        assert_eq!([found.p90, found.max], [90, 100].map(Value::from));
        let none = Distribution::of(&lines(&[Value::Null]));
        assert_eq!((none.values, none.min, none.p90, none.max), (0, Value::Null, Value::Null, Value::Null));
    }

    #[test]
    fn instants_are_spread_by_time() {
        let days = ["2026-06-03", "2026-06-01", "2025-12-31"].map(|day| json!(format!("{day}T08:00:00.000Z")));
        let found = Distribution::of(&lines(&days));
        assert_eq!([&found.min, &found.median, &found.max], [&days[2], &days[1], &days[0]]);
        assert_eq!(found.zeros, 0);
    }

    #[test]
    fn reasons_have_their_share_of_all_objects() {
        let found = nulls(&lines(&[Value::Null, Value::Null, Value::Null, json!(1)]));
        let shares: Vec<(Reason, usize, f64)> =
            found.into_iter().map(|(reason, part)| (reason, part.objects, part.share)).collect();
        assert_eq!(shares, [(Reason::Unmatched, 2, 0.5), (Reason::New, 1, 0.25)]);
        assert_eq!(Part::of(0, 0).share, 0.0);
    }

    #[test]
    fn a_sample_is_spread_from_the_highest_to_what_has_no_value() {
        let values: Vec<Value> = (0..9).map(|n| if n < 7 { json!(n * 10) } else { Value::Null }).collect();
        let shown = |count| -> Vec<String> { sample(lines(&values), count).into_iter().map(|line| line.id).collect() };
        assert_eq!(shown(100).len(), 9);
        assert_eq!(shown(9), ["A-006", "A-005", "A-004", "A-003", "A-002", "A-001", "A-000", "A-008", "A-007"]);
        assert_eq!(shown(3), ["A-006", "A-002", "A-007"]);
        assert_eq!((shown(1), shown(2)), (vec!["A-006".to_owned()], vec!["A-006".to_owned(), "A-007".to_owned()]));
        assert_eq!(sample(Vec::new(), 5), []);
    }
}
