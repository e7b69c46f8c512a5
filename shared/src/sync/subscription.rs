//! Recognises a subscription: does another key read what is stored?

use super::plan;
use super::run::SyncError;
use crate::connection::Connection;
use crate::context::Context;
use crate::id::{Kind, WorkspaceId};
use crate::pendo::Client;
use crate::pendo::usage::{By, probe};
use crate::time::{Hour, HourRange};

/// Stored days that must agree.
const DAYS_COMPARED: usize = 3;

/// Whether `client` reads the subscription whose usage is stored: the fingerprints of three stored days agree. The
/// newest settled days are taken, since the last ten may still change; with nothing stored there is nothing to lose.
///
/// # Errors
/// Pendo's and the table's.
pub async fn same_subscription(
    context: &Context,
    workspace: &WorkspaceId,
    connection: &Connection,
    client: &Client,
) -> Result<bool, SyncError> {
    let Some(layout) = context.store.layout_get(workspace, &connection.id).await? else { return Ok(true) };
    let mut shards = Vec::new();
    for number in 0..layout.shards {
        let mut shard = context.store.shard_get(workspace, &connection.id, number).await?;
        context.store.shard_load_all(&mut shard).await?;
        shards.push(shard);
    }
    let settled = Hour::of_ms(context.clock.now_ms()).plus(-plan::DAILY_HOURS);
    for kind in Kind::ALL {
        let all = HourRange { from: Hour(0), to: settled };
        let mut days: Vec<i32> = plan::stored(&shards, kind, all)
            .iter()
            .filter(|(_, bucket)| bucket.is_verified && !bucket.whole.is_empty())
            .map(|(hour, _)| hour.utc_day())
            .collect();
        days.dedup();
        let newest: Vec<i32> = days.into_iter().rev().take(DAYS_COMPARED).collect();
        if newest.is_empty() {
            continue;
        }
        for day in newest {
            let range = HourRange { from: Hour(day * 24), to: Hour(day * 24 + 24) };
            let pendo = probe(client, kind, range, By::Hour).await?;
            let stored = plan::stored(&shards, kind, range);
            let agree =
                stored.iter().all(|(hour, bucket)| pendo.get(hour).copied().unwrap_or_default() == bucket.whole);
            if !agree || pendo.keys().any(|hour| !stored.contains_key(hour)) {
                return Ok(false);
            }
        }
        return Ok(true);
    }
    Ok(true)
}
