//! What reading a kind's history will come to, from one probe by day.

use super::plan::history_start;
use super::probe::probe_in_parts;
use crate::connection::Connection;
use crate::id::Kind;
use crate::pendo::Client;
use crate::pendo::usage::By;
use crate::time::{Hour, HourRange, to_the_second};
use schemars::JsonSchema;
use serde::Serialize;
use std::time::Duration;

/// Whoever waits for the answer waits behind a gateway that gives up after 30 s.
const PATIENCE: Duration = Duration::from_secs(15);
/// Rows a second and dollars a million rows of a whole backfill, evaluation included, as measured (docs/architecture.md, "What a backfill
/// costs").
const ROWS_PER_SECOND: f64 = 5_000.0;
const DOLLARS_PER_MILLION_ROWS: f64 = 0.04;

/// What there is to read of a kind. Without an answer of Pendo's all is null, with a reason.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct Estimate {
    /// Days with usage.
    pub days: Option<usize>,
    /// Grouped rows.
    pub rows: Option<u64>,
    /// The first day with usage; null where there is none.
    pub first_day: Option<String>,
    /// How long reading will take, at the measured rate.
    pub seconds: Option<f64>,
    /// What the table will cost for it, once, at public on-demand prices.
    pub dollars: Option<f64>,
    /// Why it is not known.
    pub reason: Option<String>,
}

/// Asks Pendo how much there is of a kind, for as long as somebody may wait for it. Never an error: it is only told.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
pub async fn estimate(client: &Client, connection: &Connection, kind: Kind, now_ms: i64) -> Estimate {
    let as_of = Hour::of_ms(now_ms);
    let range = HourRange { from: history_start(connection, as_of), to: as_of };
    let because = |reason: String| Estimate { reason: Some(reason), ..Estimate::default() };
    let found = match tokio::time::timeout(PATIENCE, probe_in_parts(client, kind, range, By::Day)).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => return because(format!("It is not known how much there is to read: {error}.")),
        Err(_) => {
            let seconds = PATIENCE.as_secs();
            return because(format!("Pendo did not say within {seconds} s how much there is to read."));
        }
    };
    let rows = found.values().map(|day| day.rows).sum::<u64>();
    let tenths = |number: f64| (number * 10.0).ceil() / 10.0;
    Estimate {
        days: Some(found.len()),
        rows: Some(rows),
        first_day: found.keys().next().map(|day| to_the_second(day.start_ms()).chars().take(10).collect()),
        seconds: Some(tenths(rows as f64 / ROWS_PER_SECOND)),
        dollars: Some(rows as f64 / 1e6 * DOLLARS_PER_MILLION_ROWS),
        reason: None,
    }
}
