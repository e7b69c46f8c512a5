//! The questions behind the totals: which apps and objects were used at all, and how much of each span of days belongs to each
//! Pendo account, or to each object.

use super::loose::Text;
use super::subject::Subject;
use super::usage::{Scope, grouped, object_key, source};
use super::wire::{WirePart, WireTotals};
use super::{Client, PendoError};
use crate::id::Kind;
use crate::time::{HOUR_MS, Hour, HourRange};
use crate::usage::checksum::Checksums;
use crate::usage::fingerprint::Fingerprint;
use serde_json::{Value, json};

/// By what a span's usage is told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The Pendo account on the row; none and empty are one.
    Account,
    /// The feature, page, guide or track type.
    Object,
}

impl Part {
    /// The parts in which a kind can be told apart: all activity has no objects.
    #[must_use]
    pub fn of(kind: Kind) -> &'static [Self] {
        if object_key(kind).is_some() { &[Self::Account, Self::Object] } else { &[Self::Account] }
    }
}

/// Asks Pendo which apps have usage in a range.
///
/// # Errors
/// Pendo's.
pub async fn apps(client: &Client, kind: Kind, range: HourRange) -> Result<Vec<i64>, PendoError> {
    let found = values_of(client, source(client.subject(kind), range, &Scope::All), "appId").await?;
    Ok(found.iter().filter_map(|app| app.parse().ok()).collect())
}

/// Asks Pendo which objects of an app have usage in a range. All activity has none.
///
/// # Errors
/// Pendo's.
pub async fn objects(client: &Client, kind: Kind, range: HourRange, app: i64) -> Result<Vec<String>, PendoError> {
    let Some(key) = object_key(kind) else { return Ok(Vec::new()) };
    values_of(client, source(client.subject(kind), range, &Scope::App(app)), key).await
}

/// The different values of a key in a source, sorted.
async fn values_of(client: &Client, mut stages: Vec<Value>, key: &str) -> Result<Vec<String>, PendoError> {
    stages.push(json!({"group": {"group": [key]}}));
    stages.push(json!({"select": {"part": key}}));
    let mut found = Vec::new();
    client
        .aggregate(&Value::Array(stages), |bytes| {
            let wire: WirePart<'_> = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
            found.extend(wire.part.map(|Text(text)| text.into_owned()));
            Ok(())
        })
        .await?;
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

fn pipeline(subject: Subject<'_>, range: HourRange, part: Part, span_hours: i32) -> Value {
    let kind = subject.kind;
    let key = match part {
        Part::Account => "accountId",
        Part::Object => object_key(kind).unwrap_or("accountId"),
    };
    let span_ms = i64::from(span_hours) * HOUR_MS;
    let mut fields = vec![json!({"rows": {"count": null}}), json!({"events": {"sum": "events"}})];
    if kind != Kind::Guide {
        fields.push(json!({"minutes": {"sum": "minutes"}}));
    }
    fields.push(json!({"squares": {"sum": "squares"}}));
    let mut stages = grouped(subject, range, &Scope::All);
    stages.push(json!({"eval": {"squares": "events * events", "span": format!("hour - hour % {span_ms}")}}));
    stages.push(json!({"group": {"group": ["span", key], "fields": fields}}));
    stages
        .push(json!({"select": {"span": "span", "part": key, "rows": "rows", "events": "events", "minutes": "minutes",
                                  "squares": "squares"}}));
    Value::Array(stages)
}

/// Asks Pendo for the checksums of a range's spans of `span_hours`, counted from 1970.
///
/// # Errors
/// Pendo's.
pub async fn checksums(
    client: &Client,
    kind: Kind,
    range: HourRange,
    part: Part,
    span_hours: i32,
) -> Result<Checksums, PendoError> {
    let mut found = Checksums::default();
    client
        .aggregate(&pipeline(client.subject(kind), range, part, span_hours), |bytes| {
            let key: WirePart<'_> = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
            let totals: WireTotals = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
            let span = Hour::of_ms(totals.span.ok_or("it has no span")?);
            let (rows, events, minutes, squares) = (totals.rows, totals.events, totals.minutes, totals.squares);
            let part = key.part.map(|Text(text)| text).unwrap_or_default();
            found.add(span, &part, &Fingerprint { rows, events, minutes, squares, newest_ms: 0, amount: 0 });
            Ok(())
        })
        .await?;
    Ok(found)
}
