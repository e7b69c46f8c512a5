//! Recognises a subscription: does another key read what is stored?

use super::plan;
use super::run::SyncError;
use crate::connection::Connection;
use crate::context::Context;
use crate::id::{Kind, WorkspaceId};
use crate::pendo::Client;
use crate::pendo::usage::{By, Scope, probe};
use crate::time::{Hour, HourRange};
use std::collections::BTreeMap;

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
    let settled_day = Hour::of_ms(context.clock.now_ms()).plus(-plan::SETTLING_HOURS).utc_day();
    let fields = context.store.fields_get(workspace).await?.value;
    let properties = || fields.iter().filter_map(|field| field.definition.measured()?.properties());
    let client = &client.clone().naming(properties());
    for kind in Kind::ALL.into_iter().chain(properties().map(|properties| Kind::Properties(properties.id()))) {
        let all = HourRange { from: Hour(0), to: Hour(settled_day * 24) };
        let mut days: BTreeMap<i32, bool> = BTreeMap::new();
        for (hour, bucket) in plan::stored(&shards, kind, all) {
            // What was read while it was young may have changed lawfully since.
            let was_settled = bucket.read_at.is_some_and(|at| at >= hour.plus(24 + plan::SETTLING_HOURS));
            *days.entry(hour.utc_day()).or_insert(true) &= was_settled && bucket.is_verified;
        }
        let days: Vec<i32> = days.into_iter().filter(|(_, is_settled)| *is_settled).map(|(day, _)| day).collect();
        let newest: Vec<i32> = days.into_iter().rev().take(DAYS_COMPARED).collect();
        if newest.is_empty() {
            continue;
        }
        for day in newest {
            let range = HourRange { from: Hour(day * 24), to: Hour(day * 24 + 24) };
            let pendo = probe(client, kind, range, By::Hour, &Scope::All).await?;
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
