//! How many different values properties have a day, and how many numbers, asked of Pendo before a field reads them.

use crate::connection::Connection;
use crate::pendo::properties::{Numbered, numbered, values_a_day};
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

/// What the last thirty days have of properties.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// For each whose values are told apart, the day with most different ones; `None` for one that no event has had.
    pub busiest: BTreeMap<String, Busiest>,
    /// The one that is added up, and how many events have it.
    pub amount: Option<(String, Numbered)>,
}

/// Asks Pendo what the last thirty days have of properties.
///
/// # Errors
/// Pendo's; [`PendoError::Incomplete`] where it takes too long.
pub async fn seen(
    client: &Client,
    connection: &Connection,
    properties: &Properties,
    now_ms: i64,
) -> Result<Seen, PendoError> {
    let as_of = Hour::of_ms(now_ms);
    let from = Hour((as_of.utc_day() - DAYS) * 24).max(history_start(connection, as_of));
    let range = HourRange { from, to: as_of };
    let asking = async {
        let mut found = Seen::default();
        for name in &properties.names {
            let days = values_a_day(client, properties, name, range).await?;
            found.busiest.insert(name.clone(), days.into_iter().max_by_key(|(_, values)| *values));
        }
        if let Some(name) = &properties.amount {
            found.amount = Some((name.clone(), numbered(client, properties, name, range).await?));
        }
        Ok(found)
    };
    let too_long = |_| PendoError::Incomplete { detail: format!("more than {} s", PATIENCE.as_secs()) };
    tokio::time::timeout(PATIENCE, asking).await.map_err(too_long)?
}
