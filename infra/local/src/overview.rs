//! What is shown after a sync: accounts and contacts with their fields, the match, and what to try next.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use crate::export::ExportLine;
use crate::table::{grouped, number, render};

const WIDTH: usize = 126;
const ROWS_MAX: usize = 10;
const NAME_MAX: usize = 24;

/// The table of one level: the objects that are highest in the first field that has numbers, all fields in their order.
#[must_use]
pub fn table(object: &str, fields: &[String], names: &HashMap<String, String>, lines: &[ExportLine]) -> String {
    let mut objects: BTreeMap<&str, BTreeMap<&str, &ExportLine>> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.object == object) {
        objects.entry(&line.id).or_default().insert(&line.field, line);
    }
    let ranking = ranking(object, fields, lines);
    let rank = |values: &BTreeMap<&str, &ExportLine>| {
        ranking.and_then(|field| values.get(field.as_str())?.value.as_f64()).unwrap_or(-1.0)
    };
    let mut ranked: Vec<_> = objects.iter().collect();
    ranked.sort_by(|(_, a), (_, b)| rank(b).total_cmp(&rank(a)));
    let rows: Vec<Vec<String>> = ranked
        .into_iter()
        .take(ROWS_MAX)
        .map(|(id, values)| {
            let name = shortened(names.get(*id).map_or(*id, String::as_str));
            let cells =
                fields.iter().map(|field| values.get(field.as_str()).map_or_else(String::new, |line| cell(line)));
            [name, (*id).to_owned()].into_iter().chain(cells).collect()
        })
        .collect();
    let headings: Vec<String> =
        [object.to_owned(), "id".to_owned()].into_iter().chain(fields.iter().cloned()).collect();
    let title = format!(
        "The {} of {} {object}s that are highest in {}",
        rows.len(),
        objects.len(),
        ranking.map_or("nothing yet", String::as_str)
    );
    format!("{title}\n\n{}", render(&headings, &rows, WIDTH))
}

/// The first field that has numbers.
fn ranking<'f>(object: &str, fields: &'f [String], lines: &[ExportLine]) -> Option<&'f String> {
    let has_numbers = |field: &&String| {
        lines.iter().any(|line| line.object == object && line.field == **field && line.value.is_number())
    };
    fields.iter().find(has_numbers)
}

/// The value by which the table's first object stands first.
#[must_use]
pub fn highest<'l>(object: &str, fields: &[String], lines: &'l [ExportLine]) -> Option<&'l ExportLine> {
    let field = ranking(object, fields, lines)?;
    let of_field = lines.iter().filter(|line| line.object == object && line.field == *field && line.value.is_number());
    // Of equals the first, as in the table.
    of_field
        .rev()
        .max_by(|one, other| one.value.as_f64().unwrap_or(-1.0).total_cmp(&other.value.as_f64().unwrap_or(-1.0)))
}

/// Where a value is taken apart.
#[must_use]
pub fn explain_path(line: &ExportLine) -> String {
    let [id, field] = [&line.id, &line.field].map(|text| url_encoded(text));
    format!("/v1/values/explain?object={}&id={id}&field={field}", line.object)
}

/// Another value of the same object: that of the first of these fields that has a number.
#[must_use]
pub fn first_of<'l>(of: &ExportLine, fields: &[String], lines: &'l [ExportLine]) -> Option<&'l ExportLine> {
    let is_own = |line: &&ExportLine| line.object == of.object && line.id == of.id && line.value.is_number();
    fields.iter().find_map(|field| lines.iter().filter(is_own).find(|line| line.field == *field))
}

/// Where an account's value stands among those of the others.
#[must_use]
pub fn peers_path(line: &ExportLine) -> String {
    format!("/v1/values/peers?field={}&limit=1000", url_encoded(&line.field))
}

/// Numbers as they are read, instants by their day, and why there is none.
fn cell(line: &ExportLine) -> String {
    match &line.value {
        Value::Number(value) => number(value),
        Value::String(text) => text.get(..10).unwrap_or(text).to_owned(),
        Value::Null => match line.reason.as_str() {
            Some("never_used" | "undefined") | None => "–".to_owned(),
            Some(reason) => reason.replace('_', " "),
        },
        other => other.to_string(),
    }
}

/// The names of a directory list's items, by id.
#[must_use]
pub fn names(items: &[Value]) -> HashMap<String, String> {
    let of = |item: &Value| {
        let name = item.get("name").or_else(|| item.get("fields")?.get("name"))?;
        Some((item.get("id")?.as_str()?.to_owned(), name.as_str()?.to_owned()))
    };
    items.iter().filter_map(of).collect()
}

/// One line a level that is matched.
#[must_use]
pub fn match_summary(report: &Value) -> Vec<String> {
    let levels = [("account", "accounts", "Pendo accounts"), ("contact", "contacts", "visitors")];
    let line = |(level, ours, theirs): (&str, &str, &str)| {
        let level = report.get(level).filter(|level| level.is_object())?;
        let side = |side: &str| {
            let count = |class: &str| {
                level.get(side).and_then(|side| side.get(class)).and_then(Value::as_u64).unwrap_or_default()
            };
            format!(
                "{} matched, {} not, {} ambiguous",
                grouped(count("matched")),
                grouped(count("unmatched")),
                grouped(count("ambiguous"))
            )
        };
        Some(format!("{ours}: {}; {theirs}: {}", side("objects"), side("pendo")))
    };
    levels.into_iter().filter_map(line).collect()
}

/// Where things are, for the lines that can be pasted.
pub struct Addresses<'a> {
    /// The API's base URL.
    pub api: &'a str,
    /// The simulator's, if Pendo is made up.
    pub simulator: Option<&'a str>,
    /// A token that may configure.
    pub high: &'a str,
    /// A token that may read.
    pub standard: &'a str,
    /// An account's id.
    pub account: &'a str,
    /// The path that takes a value apart.
    pub explain: &'a str,
}

/// The tokens and what to try.
#[must_use]
pub fn next_steps(at: &Addresses<'_>) -> String {
    let Addresses { api, high, standard, explain, .. } = at;
    let mut text = format!(
        "The API is at {api}. Its tokens are good for 30 days:\n\n\
         HIGH={high}\n\n\
         STANDARD={standard}\n\n\
         Paste those two lines first. Then one account, all its values:\n\n  \
         curl -s -H \"Authorization: Bearer $STANDARD\" '{api}/v1/values?object=account&id={account}' | tr '{{' '\\n'\n\n\
         One value down to the people and hours behind it, and an account's stored rows as a table:\n\n  \
         curl -s -H \"Authorization: Bearer $HIGH\" '{api}{explain}'\n  \
         curl -s -H \"Authorization: Bearer $HIGH\" '{api}/v1/usage?object=account&id={account}&format=csv'\n\n\
         What is connected, how fresh it is, and what to do:\n\n  \
         curl -s -H \"Authorization: Bearer $STANDARD\" {api}/v1/status\n\n\
         What a field of your own would say, before it is saved:\n\n  \
         curl -s -H \"Authorization: Bearer $HIGH\" -H 'content-type: application/json' {api}/v1/fields/preview \\\n    \
         -d '{{\"sample\":5,\"definition\":{{\"name\":\"Events 90d\",\"object\":\"account\",\"usage\":{{\"kind\":\"event\"}},\"function\":\"count\",\"window\":{{\"rolling_days\":90}}}}}}'\n\n\
         The field itself (its history is here already, Pendo is not asked):\n\n  \
         curl -s -H \"Authorization: Bearer $HIGH\" -H 'content-type: application/json' {api}/v1/fields \\\n    \
         -d '{{\"name\":\"Events 90d\",\"object\":\"account\",\"usage\":{{\"kind\":\"event\"}},\"function\":\"count\",\"window\":{{\"rolling_days\":90}}}}'\n\n\
         Whom a signal of your own would find now, and would have found over the past year, before it is saved; and what signals told:\n\n  \
         curl -s -H \"Authorization: Bearer $HIGH\" -H 'content-type: application/json' {api}/v1/signals/preview \\\n    \
         -d '{{\"kind\":\"indicator\",\"name\":\"Many at work\",\"object\":\"account\",\"rule\":{{\"condition\":{{\"field\":\"WAU\",\"is\":\"at_least\",\"value\":10}},\"for_days\":7}}}}'\n  \
         curl -s -H \"Authorization: Bearer $STANDARD\" '{api}/v1/signals/events?limit=20'\n",
        account = url_encoded(at.account),
    );
    match at.simulator {
        Some(simulator) => text.push_str(&format!(
            "\nAn hour passes in the simulator: late rows arrive, the clock passes twenty past, the sync runs, values move:\n\n  \
             curl -s -X POST -H 'content-type: application/json' {simulator}/simulator/clock -d '{{\"advance_seconds\":3600}}'\n"
        )),
        None => text.push_str(&format!("\nSync now instead of at twenty past:\n\n  curl -s -X POST -H \"Authorization: Bearer $HIGH\" {api}/v1/sync\n")),
    }
    text
}

fn url_encoded(text: &str) -> String {
    reqwest::Url::parse_with_params("http://local.invalid/", [("", text)])
        .map(|url| url.query().unwrap_or_default().trim_start_matches('=').replace('\'', "%27"))
        .unwrap_or_default()
}

fn shortened(name: &str) -> String {
    if name.chars().count() <= NAME_MAX {
        return name.to_owned();
    }
    let kept: String = name.chars().take(NAME_MAX - 1).collect();
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn line(id: &str, field: &str, value: Value, reason: Value) -> ExportLine {
        serde_json::from_value(json!({"object": "account", "id": id, "field": field, "value": value, "reason": reason,
            "from": null, "to": null, "as_of": null, "coverage": 1.0, "final": false}))
        .unwrap()
    }

    #[test]
    fn the_highest_come_first_and_a_missing_value_says_why() {
        let lines = [
            line("A-1", "MAU", json!(3), Value::Null),
            line("A-2", "MAU", json!(1200), Value::Null),
            line("A-3", "MAU", Value::Null, json!("unmatched")),
            line("A-2", "Last used", json!("2026-06-30T11:59:12.003Z"), Value::Null),
            line("A-1", "Last used", Value::Null, json!("never_used")),
        ];
        let fields = ["MAU".to_owned(), "Last used".to_owned()];
        let names = names(&[json!({"id": "A-2", "name": "Blue Harbor Ltd"})]);
        let shown = table("account", &fields, &names, &lines);
        let rows: Vec<Vec<&str>> = shown
            .lines()
            .skip(4)
            .map(|row| row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect())
            .collect();
        assert_eq!(
            rows,
            [
                vec!["Blue Harbor Ltd", "A-2", "1,200", "2026-06-30"],
                vec!["A-1", "A-1", "3", "–"],
                vec!["A-3", "A-3", "unmatched"]
            ]
        );
    }

    #[test]
    fn the_highest_value_is_the_first_of_the_table_and_its_path_can_be_asked_for() {
        let lines = [
            line("A-1", "Last used", json!("2026-06-30T11:59:12.003Z"), Value::Null),
            line("A-1", "MAU", json!(3), Value::Null),
            line("A&2", "MAU", json!(12), Value::Null),
            line("A-3", "MAU", json!(12), Value::Null),
            line("A-4", "MAU", Value::Null, json!("unmatched")),
        ];
        let fields = ["Last used".to_owned(), "MAU".to_owned()];
        let highest = highest("account", &fields, &lines).unwrap();
        assert_eq!(explain_path(highest), "/v1/values/explain?object=account&id=A%262&field=MAU");
        assert!(super::highest("contact", &fields, &lines).is_none());
        assert_eq!(peers_path(highest), "/v1/values/peers?field=MAU&limit=1000");
        let more = [lines[0].clone(), lines[3].clone(), line("A&2", "Seats used", json!(0.5), Value::Null)];
        let other =
            |names: [&str; 2]| first_of(highest, &names.map(str::to_owned), &more).map(|line| line.field.as_str());
        assert_eq!((other(["MAU", "Seats used"]), other(["MAU", "Last used"])), (Some("Seats used"), None));
    }

    #[test]
    fn ids_are_safe_in_a_line_to_paste() {
        assert_eq!(url_encoded("A 1&b='x'"), "A+1%26b%3D%27x%27");
    }
}
