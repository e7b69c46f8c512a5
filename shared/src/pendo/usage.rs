//! The two usage questions: a probe (fingerprints of many buckets) and a fetch (the rows of a few).
//!
//! Pendo's raw rows are split by server, address, browser and parameters; Pendo groups that away here, so that a row's key
//! is ours and stable. Hours are asked as milliseconds with `hourRange`, so that no zone is involved, and over all apps.

use super::answer::Answer;
use super::subject::{AMOUNT, Subject};
use super::wire::{WireTotals, in_calendar, read_properties, read_row};
use super::{Client, PendoError};
use crate::id::Kind;
use crate::planted::planted;
use crate::time::{DAY_MS, HOUR_MS, Hour, HourRange};
use crate::usage::fingerprint::Fingerprint;
use crate::usage::property;
use crate::usage::row::Row;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Which buckets a probe answers for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Hours in UTC.
    Hour,
    /// Days in UTC, named by their first hour.
    Day,
}

/// Of which apps and objects a question is asked. An hour too large for one answer is asked in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All of all apps.
    All,
    /// All of one app.
    App(i64),
    /// These features, pages, guides or track types of one app.
    Objects(i64, Vec<String>),
}

/// Guide events are chosen by Pendo's own window but bucketed by the server's time. A window is asked this much wider on both sides,
/// since which clock Pendo's window goes by is not documented.
const GUIDE_MARGIN_HOURS: i32 = 24;

pub(super) const fn source_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Event => "events",
        Kind::Feature => "featureEvents",
        Kind::Guide => "guideEvents",
        Kind::Page => "pageEvents",
        Kind::Track | Kind::Properties(_) => "trackEvents",
    }
}

pub(super) const fn object_key(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Event => None,
        Kind::Feature => Some("featureId"),
        Kind::Guide => Some("guideId"),
        Kind::Page => Some("pageId"),
        Kind::Track | Kind::Properties(_) => Some("trackTypeId"),
    }
}

/// The stages up to rows with an `hour`. A guide event has no hour of its own: it takes the server's time.
pub(super) fn source(subject: Subject<'_>, range: HourRange, scope: &Scope) -> Vec<Value> {
    let kind = subject.kind;
    let name = source_name(kind);
    let apps = match scope {
        Scope::All if planted!(DefaultAppOnly) => Value::Null,
        Scope::All => json!("expandAppIds(\"*\")"),
        Scope::App(app) | Scope::Objects(app, _) => json!(app),
    };
    let margin = if kind == Kind::Guide { GUIDE_MARGIN_HOURS } else { 0 };
    let first = range.from.plus(-margin).start_ms();
    let count = range.len() + 2 * margin;
    let mut stages = vec![json!({"source": {
        name: {"appId": apps},
        "timeSeries": {"period": "hourRange", "first": first, "count": count},
    }})];
    stages.extend(subject.stages());
    if kind == Kind::Guide {
        let (from, to) = (range.from.start_ms(), range.to.start_ms());
        stages.push(json!({"filter": format!("receivedTime >= {from} && receivedTime < {to}")}));
        stages.push(json!({"eval": {"hour": format!("receivedTime - receivedTime % {HOUR_MS}")}}));
    }
    if let (Scope::Objects(_, ids), Some(key)) = (scope, object_key(kind)) {
        let any: Vec<String> = ids.iter().map(|id| format!("{key} == {}", json!(id))).collect();
        stages.push(json!({"filter": any.join(" || ")}));
    }
    stages
}

/// The stages up to our rows: identified visitors, grouped to our key.
pub(super) fn grouped(subject: Subject<'_>, range: HourRange, scope: &Scope) -> Vec<Value> {
    let kind = subject.kind;
    let mut keys = vec!["accountId", "visitorId", "appId"];
    keys.extend(object_key(kind));
    keys.truncate(if planted!(NarrowKey) { 2 } else { keys.len() });
    let members: Vec<(String, &str)> = subject.members().collect();
    keys.extend(members.iter().map(|(member, _)| member.as_str()));
    let mut fields = if kind == Kind::Guide {
        keys.push("type");
        vec![
            json!({"events": {"count": null}}),
            json!({"first": {"min": "receivedTime"}}),
            json!({"last": {"max": "receivedTime"}}),
        ]
    } else {
        vec![
            json!({"events": {"sum": "numEvents"}}),
            json!({"minutes": {"sum": "numMinutes"}}),
            json!({"first": {"min": "firstTime"}}),
            json!({"last": {"max": "lastTime"}}),
        ]
    };
    keys.push("hour");
    let mut stages = source(subject, range, scope);
    stages.push(json!({"identified": "visitorId"}));
    if !members.is_empty() {
        let path = |(member, name): &(String, &str)| (member.clone(), json!(format!("properties.{name}")));
        stages.push(json!({"eval": members.iter().map(path).collect::<Map<String, Value>>()}));
    }
    if subject.amount().is_some() {
        stages.push(json!({"eval": {"amounts": format!("{AMOUNT} * numEvents")}}));
        fields.extend([
            json!({"sum": {"sum": "amounts"}}),
            json!({"least": {"min": AMOUNT}}),
            json!({"most": {"max": AMOUNT}}),
        ]);
    }
    stages.push(json!({"group": {"group": keys, "fields": fields}}));
    stages
}

fn probe_pipeline(subject: Subject<'_>, range: HourRange, by: By, scope: &Scope) -> Value {
    let kind = subject.kind;
    let mut stages = grouped(subject, range, scope);
    let key = match by {
        By::Hour => {
            stages.push(json!({"eval": {"squares": "events * events"}}));
            "hour"
        }
        By::Day => {
            stages.push(json!({"eval": {"squares": "events * events", "utcDay": format!("hour - hour % {DAY_MS}")}}));
            "utcDay"
        }
    };
    let mut fields = vec![json!({"rows": {"count": null}}), json!({"events": {"sum": "events"}})];
    if kind != Kind::Guide {
        fields.push(json!({"minutes": {"sum": "minutes"}}));
    }
    fields.extend([json!({"squares": {"sum": "squares"}}), json!({"last": {"max": "last"}})]);
    if subject.amount().is_some() {
        fields.push(json!({"sum": {"sum": "sum"}}));
    }
    stages.push(json!({"group": {"group": [key], "fields": fields}}));
    Value::Array(stages)
}

/// Asks Pendo for the fingerprints of the buckets in a range. A bucket without rows is absent.
///
/// # Errors
/// Pendo's.
pub async fn probe(
    client: &Client,
    kind: Kind,
    range: HourRange,
    by: By,
    scope: &Scope,
) -> Result<BTreeMap<Hour, Fingerprint>, PendoError> {
    let mut found: BTreeMap<Hour, Fingerprint> = BTreeMap::new();
    client
        .aggregate(&probe_pipeline(client.subject(kind), range, by, scope), |bytes| {
            let wire: WireTotals = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
            let hour = Hour::of_ms(wire.hour.or(wire.utc_day).ok_or("it has no hour")?);
            let is_asked = match by {
                By::Hour => range.holds(hour),
                By::Day => range.from.utc_day() <= hour.utc_day() && hour < range.to,
            };
            if is_asked {
                found.entry(hour).or_default().merge(&Fingerprint {
                    rows: wire.rows,
                    events: wire.events,
                    minutes: wire.minutes,
                    squares: wire.squares,
                    newest_ms: wire.last.map_or(0, in_calendar),
                    amount: wire.sum.and_then(property::sum).unwrap_or_default(),
                });
            }
            Ok(())
        })
        .await?;
    Ok(found)
}

/// Rows on their way.
pub struct Fetching<'a> {
    answer: Answer<'a>,
    kind: Kind,
    range: HourRange,
    /// How many properties its rows are told apart by.
    properties: usize,
    /// Whether numbers of one more are added up.
    has_amount: bool,
}

/// Asks Pendo for the rows of a range; they are taken with [`Fetching::more`].
///
/// # Errors
/// Pendo's.
pub async fn fetch<'a>(
    client: &'a Client,
    kind: Kind,
    range: HourRange,
    scope: &Scope,
) -> Result<Fetching<'a>, PendoError> {
    let subject = client.subject(kind);
    let (properties, has_amount) = (subject.members().count(), subject.amount().is_some());
    let answer = client.ask(&Value::Array(grouped(subject, range, scope))).await?;
    Ok(Fetching { answer, kind, range, properties, has_amount })
}

impl Fetching<'_> {
    /// Hands the rows that arrive next to `on_row`; answers whether there may be more. Rows outside the range are dropped.
    ///
    /// # Errors
    /// Pendo's; then nothing of what arrived may be used.
    pub async fn more(&mut self, mut on_row: impl FnMut(&Row<'_>)) -> Result<bool, PendoError> {
        let (kind, range, properties, has_amount) = (self.kind, self.range, self.properties, self.has_amount);
        self.answer
            .more(&mut |bytes: &[u8]| {
                let mut row = read_row(kind, bytes)?;
                if properties > 0 || has_amount {
                    row.event_type = Cow::Owned(read_properties(properties, has_amount, bytes)?);
                }
                if range.holds(row.hour) {
                    on_row(&row);
                }
                Ok(())
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn track_events_with_properties_are_asked_for_by_type_and_told_apart_by_value() {
        let set = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let properties = crate::usage::properties::Properties {
            types: set(&["a\"b"]),
            names: set(&["plan", "accountId"]),
            amount: None,
        };
        let range = HourRange { from: Hour(0), to: Hour(1) };
        let stages = grouped(Subject::of(&properties), range, &Scope::All);
        assert_eq!(stages[1], json!({"filter": r#"trackTypeId == "a\"b""#}));
        assert_eq!(stages[3], json!({"eval": {"p0": "properties.accountId", "p1": "properties.plan"}}));
        assert_eq!(
            stages[4]["group"]["group"],
            json!(["accountId", "visitorId", "appId", "trackTypeId", "p0", "p1", "hour"])
        );
    }

    #[test]
    fn numbers_that_are_only_added_up_are_added_up_by_pendo() {
        let types = std::collections::BTreeSet::from(["a".to_owned()]);
        let amount = Some("rows".to_owned());
        let properties = crate::usage::properties::Properties { types, amount, ..Default::default() };
        let range = HourRange { from: Hour(0), to: Hour(1) };
        let stages = grouped(Subject::of(&properties), range, &Scope::All);
        assert_eq!(stages[2], json!({"filter": "!isNull(properties.rows) && numEvents > 0"}));
        assert_eq!(stages[3], json!({"eval": {"amount": "properties.rows * 1"}}));
        let group = &stages.last().unwrap()["group"];
        assert_eq!(group["group"], json!(["accountId", "visitorId", "appId", "trackTypeId", "hour"]));
        assert_eq!(
            group["fields"].as_array().unwrap()[4..],
            [
                json!({"sum": {"sum": "amounts"}}),
                json!({"least": {"min": "amount"}}),
                json!({"most": {"max": "amount"}})
            ]
        );
    }
}
