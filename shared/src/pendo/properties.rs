//! The questions before properties of track events are read: how many different values one has a day, and of one that is to be
//! added up, how many events have a number there.

use super::loose::count;
use super::subject::{AMOUNT, Subject, member, number_of};
use super::usage::{Scope, source};
use super::wire::WireTotals;
use super::{Client, PendoError};
use crate::time::{DAY_MS, Hour, HourRange};
use crate::usage::properties::Properties;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn pipeline(properties: &Properties, name: &str, range: HourRange) -> Value {
    let value = member(0);
    // Events without a number in another property that is added up have values, too.
    let of_types = Properties { amount: None, ..properties.clone() };
    let mut stages = source(Subject::of(&of_types), range, &Scope::All);
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

/// Events of some track types that have anything in a property, and those that have a number there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Numbered {
    /// Those that have something.
    #[serde(default, deserialize_with = "count")]
    pub events: u64,
    /// Those that have what Pendo takes for a number.
    #[serde(default, deserialize_with = "count")]
    pub numbers: u64,
}

/// Asks Pendo how many events of a range have a number in a property that is to be added up.
///
/// # Errors
/// Pendo's.
pub async fn numbered(
    client: &Client,
    properties: &Properties,
    name: &str,
    range: HourRange,
) -> Result<Numbered, PendoError> {
    let of_types = Properties { types: properties.types.clone(), ..Properties::default() };
    let mut stages = source(Subject::of(&of_types), range, &Scope::All);
    stages.push(json!({"identified": "visitorId"}));
    stages.push(json!({"filter": format!("!isNull(properties.{name})")}));
    stages.extend(number_of(name));
    stages.push(json!({"eval": {"numbers": format!("if(isNull({AMOUNT}), 0, numEvents)")}}));
    stages.push(json!({"reduce": [{"events": {"sum": "numEvents"}}, {"numbers": {"sum": "numbers"}}]}));
    let mut found = Numbered::default();
    client
        .aggregate(&Value::Array(stages), |bytes| {
            found = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
            Ok(())
        })
        .await?;
    Ok(found)
}
