//! The question behind the comparison: all events, those of anonymous visitors too, and those that Pendo keeps out.

use super::subject::Subject;
use super::usage::{Scope, source, source_name};
use super::wire::WireTotals;
use super::{Client, PendoError};
use crate::id::Kind;
use crate::time::{DAY_MS, Hour, HourRange};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn totals_pipeline(subject: Subject<'_>, range: HourRange) -> Value {
    let kind = subject.kind;
    let mut stages = source(subject, range, &Scope::All);
    stages.push(json!({"eval": {"utcDay": format!("hour - hour % {DAY_MS}")}}));
    let events = if kind == Kind::Guide { json!({"count": null}) } else { json!({"sum": "numEvents"}) };
    stages.push(json!({"group": {"group": ["utcDay"], "fields": [{"events": events}]}}));
    Value::Array(stages)
}

/// Asks Pendo for all events per UTC day, anonymous visitors' too: the total that ours must add up to.
///
/// # Errors
/// Pendo's.
pub async fn totals(client: &Client, kind: Kind, range: HourRange) -> Result<BTreeMap<i32, u64>, PendoError> {
    let mut found = BTreeMap::new();
    client
        .aggregate(&totals_pipeline(client.subject(kind), range), |bytes| {
            let wire: WireTotals = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
            let day = Hour::of_ms(wire.utc_day.ok_or("it has no day")?).utc_day();
            *found.entry(day).or_default() += wire.events;
            Ok(())
        })
        .await?;
    Ok(found)
}

/// Asks Pendo for the events, of all visitors, that its exclude list keeps out of all its other answers.
///
/// # Errors
/// Pendo's.
pub async fn excluded(client: &Client, kind: Kind, range: HourRange) -> Result<u64, PendoError> {
    let mut pipeline = totals_pipeline(client.subject(kind), range);
    pipeline[0]["source"][source_name(kind)]["blacklist"] = json!("only");
    let mut events = 0;
    client
        .aggregate(&pipeline, |bytes| {
            let wire: WireTotals = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
            events += wire.events;
            Ok(())
        })
        .await?;
    Ok(events)
}
