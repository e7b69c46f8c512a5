//! How many different values properties have a day, asked of Pendo before their events are told apart by them.

use crate::connection::Connection;
use crate::pendo::properties::values_a_day;
use crate::pendo::{Client, PendoError};
use crate::sync::plan::history_start;
use crate::time::{Hour, HourRange};
use crate::usage::properties::Properties;
use std::collections::BTreeMap;
use std::time::Duration;

/// Days that are looked at.
pub const DAYS: i32 = 30;
/// Whoever waits for the answer waits behind a gateway that gives up after 30 s.
const PATIENCE: Duration = Duration::from_secs(15);

/// A UTC day, and how many values there were on it.
pub type Busiest = Option<(i32, u64)>;

/// For each property, the day of the last thirty with most different values; `None` for one that no event has had.
///
/// # Errors
/// Pendo's; [`PendoError::Incomplete`] where it takes too long.
pub async fn busiest_days(
    client: &Client,
    connection: &Connection,
    properties: &Properties,
    now_ms: i64,
) -> Result<BTreeMap<String, Busiest>, PendoError> {
    let as_of = Hour::of_ms(now_ms);
    let from = Hour((as_of.utc_day() - DAYS) * 24).max(history_start(connection, as_of));
    let asking = async {
        let mut found = BTreeMap::new();
        for name in &properties.names {
            let days = values_a_day(client, properties, name, HourRange { from, to: as_of }).await?;
            found.insert(name.clone(), days.into_iter().max_by_key(|(_, values)| *values));
        }
        Ok(found)
    };
    let too_long = |_| PendoError::Incomplete { detail: format!("more than {} s", PATIENCE.as_secs()) };
    tokio::time::timeout(PATIENCE, asking).await.map_err(too_long)?
}
