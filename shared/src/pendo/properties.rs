//! The question before track events are told apart by a property: how many different values it has a day.

use super::subject::{Subject, member};
use super::usage::{Scope, WireTotals, source};
use super::{Client, PendoError};
use crate::time::{DAY_MS, Hour, HourRange};
use crate::usage::properties::Properties;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn pipeline(properties: &Properties, name: &str, range: HourRange) -> Value {
    let value = member(0);
    let mut stages = source(Subject::of(properties), range, &Scope::All);
    stages.push(json!({"identified": "visitorId"}));
    stages.push(json!({"eval": {&value: format!("properties.{name}"), "utcDay": format!("hour - hour % {DAY_MS}")}}));
    stages.push(json!({"filter": format!("!isNull({value})")}));
    stages.push(json!({"group": {"group": ["utcDay", value]}}));
    stages.push(json!({"group": {"group": ["utcDay"], "fields": [{"rows": {"count": null}}]}}));
    Value::Array(stages)
}

/// Asks Pendo how many different values a property of some track types has had on each UTC day; days without one are absent.
///
/// # Errors
/// Pendo's.
pub async fn values_a_day(
    client: &Client,
    properties: &Properties,
    name: &str,
    range: HourRange,
) -> Result<BTreeMap<i32, u64>, PendoError> {
    let mut found = BTreeMap::new();
    client
        .aggregate(&pipeline(properties, name, range), |bytes| {
            let wire: WireTotals = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
            let day = Hour::of_ms(wire.utc_day.ok_or("it has no day")?).utc_day();
            *found.entry(day).or_default() += wire.rows;
            Ok(())
        })
        .await?;
    Ok(found)
}
