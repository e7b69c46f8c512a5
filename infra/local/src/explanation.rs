//! One value taken apart, in a few lines, for people who see the numbers for the first time.

use serde_json::Value;

use crate::table::{grouped, number};

/// People who are named.
pub const PEOPLE: usize = 3;

/// The value, how it adds up, who contributes most, and why they are the object's.
#[must_use]
pub fn lines(name: &str, explanation: &Value) -> String {
    let text = |pointer: &str| explanation.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let count = |value: &Value, member: &str| value.get(member).and_then(Value::as_u64).unwrap_or_default();
    let list = |value: &'_ Value, member: &str| value.get(member).and_then(Value::as_array).map_or(0, Vec::len) as u64;
    let value = match explanation.get("value") {
        Some(Value::Number(value)) => number(value),
        Some(Value::String(instant)) => instant.clone(),
        _ => "no value".to_owned(),
    };
    let operands = explanation.get("operands").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if !operands.is_empty() {
        return formula(name, explanation, &value, operands);
    }
    let total = explanation.get("total").unwrap_or(&Value::Null);
    let mut lines = vec![
        format!(
            "{name} · {} = {value}: {} on {}, with {}",
            text("/field"),
            some(count(explanation, "people"), "person", "people"),
            some(list(explanation, "days"), "day", "days"),
            some(count(total, "events"), "event", "events"),
        ),
        format!("  {}", text("/adds_up")),
        format!("  Counted from {} to {} ({}).", text("/from"), text("/to"), text("/time_zone")),
    ];
    let people = explanation.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let shown: Vec<String> = people
        .iter()
        .take(PEOPLE)
        .map(|person| {
            let id = person.get("visitor").and_then(Value::as_str).unwrap_or("somebody who was erased");
            let days = some(list(person, "days"), "day", "days");
            format!("{id} ({}, {days})", some(count(person, "events"), "event", "events"))
        })
        .collect();
    if !shown.is_empty() {
        lines.push(format!("  Most active: {}.", shown.join(", ")));
    }
    if let Some(rule) = explanation.pointer("/matching/rule").filter(|rule| rule.is_object()) {
        let member = |name: &str| rule.get(name).and_then(Value::as_str).unwrap_or_default();
        let (pendo, object) = (member("pendo"), member("object"));
        lines.push(format!(
            "  Theirs because Pendo's {pendo} \"{}\" is the {}'s {object}.",
            text("/matching/key"),
            text("/object")
        ));
    }
    lines.join("\n")
}

/// A formula's value, and what it is calculated with.
fn formula(name: &str, explanation: &Value, value: &str, operands: &[Value]) -> String {
    let text =
        |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let told = |operand: &Value| {
        let value = match operand.get("value") {
            Some(Value::Number(value)) => number(value),
            _ => text(operand, "/reason").replace('_', " "),
        };
        format!("{} is {value}", text(operand, "/operand"))
    };
    let told: Vec<String> = operands.iter().map(told).collect();
    format!(
        "{name} · {} = {value}: {}\n  {}.",
        text(explanation, "/field"),
        text(explanation, "/definition/formula"),
        told.join(", ")
    )
}

fn some(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_formula_is_explained_by_what_it_is_calculated_with() {
        let explanation = json!({
            "field": "Seats used", "value": 0.5, "definition": {"formula": "\"MAU\" / directory.seats"},
            "operands": [{"operand": "\"MAU\"", "value": 1200, "reason": null},
                         {"operand": "directory.seats", "value": null, "reason": "no_number"}],
        });
        assert_eq!(
            lines("Acme", &explanation),
            "Acme · Seats used = 0.500: \"MAU\" / directory.seats\n  \"MAU\" is 1,200, directory.seats is no number."
        );
    }

    #[test]
    fn a_value_is_explained_in_a_few_lines() {
        let day = json!({"date": "2026-06-29"});
        let person = |id: &str, events: u64| json!({"visitor": id, "events": events, "days": [day]});
        let explanation = json!({
            "object": "account", "id": "A-1", "field": "MAU", "value": 1200, "people": 1200, "days": [day, day],
            "total": {"events": 9000}, "adds_up": "The value is the number of people.", "from": "2026-05-31T00:00:00Z",
            "to": "2026-06-30T00:00:00Z", "time_zone": "UTC",
            "items": [person("ann@x", 7), person("bob@x", 1), person("cid@x", 1), person("dan@x", 1)],
            "matching": {"key": "A-1", "rule": {"pendo": "accountId", "object": "id"}},
        });
        assert_eq!(
            lines("Acme", &explanation),
            "Acme · MAU = 1,200: 1,200 people on 2 days, with 9,000 events\n  \
             The value is the number of people.\n  \
             Counted from 2026-05-31T00:00:00Z to 2026-06-30T00:00:00Z (UTC).\n  \
             Most active: ann@x (7 events, 1 day), bob@x (1 event, 1 day), cid@x (1 event, 1 day).\n  \
             Theirs because Pendo's accountId \"A-1\" is the account's id."
        );
    }
}
