//! Reconciles: what is stored against Pendo's own totals, and whose usage it is. Every event belongs to just one class.

use super::evaluate::Moment;
use super::halving;
use super::moves::Sink;
use super::plan;
use super::run::{Run, SyncError};
use super::shards::{Blocks, Rows};
use crate::id::Kind;
use crate::matching::Tally;
use crate::pendo::usage;
use crate::store::Layout;
use crate::time::{Hour, HourRange};
use crate::usage::fingerprint::Fingerprint;
use std::collections::{BTreeMap, BTreeSet};

/// Compares the stored events of a kind with Pendo's probe, and asks for the anonymous ones when something was fetched.
///
/// # Errors
/// Pendo's and the table's.
pub async fn totals(
    run: &Run<'_>,
    layout: Layout,
    kind: Kind,
    range: HourRange,
    probed: &BTreeMap<Hour, Fingerprint>,
    is_changed: bool,
) -> Result<(), SyncError> {
    let mut shards = run.sink(layout).heads().await?;
    for shard in &mut shards {
        run.store.shard_load_all(shard).await?;
    }
    let stored = plan::stored(&shards, kind, range);
    // What has aged out at Pendo is kept here and left out of the comparison.
    let oldest = plan::oldest_at_pendo(probed, range);
    let has_aged_out = stored.range(..oldest).any(|(_, bucket)| !bucket.whole.is_empty());
    let stored_events = stored.range(oldest..).map(|(_, bucket)| bucket.whole.events).sum::<u64>();
    let unverified: BTreeSet<i32> =
        stored.iter().filter(|(_, bucket)| !bucket.is_verified).map(|(hour, _)| hour.0).collect();
    let first_hour = stored.iter().find(|(_, bucket)| !bucket.whole.is_empty()).map(|(hour, _)| *hour);
    // A day whose hours were all proven after the probe is the newer word of Pendo's.
    let mut days: BTreeMap<Hour, (u64, bool)> = BTreeMap::new();
    for (hour, bucket) in &stored {
        let day = days.entry(Hour(hour.utc_day() * 24)).or_insert((0, true));
        *day = (day.0 + bucket.whole.events, day.1 && bucket.is_verified && bucket.is_consistent);
    }
    let of_day = |day: &Hour, probed: u64| {
        days.get(day).filter(|(_, is_proven)| *is_proven).map_or(probed, |(events, _)| *events)
    };
    let pendo_events = probed.iter().map(|(day, totals)| of_day(day, totals.events)).sum::<u64>();
    let first_hour = run.connection.history_from.or(first_hour);
    let all_events = if is_changed && !range.is_empty() {
        let begin = HourRange { from: first_hour.unwrap_or(range.from).min(range.to.plus(-1)), to: range.to };
        let mut all = 0;
        let ask = |part| usage::totals(&run.client, kind, part);
        halving::ask(begin, 24, ask, |days| all += days.values().sum::<u64>()).await?;
        Some(all)
    } else {
        None
    };
    run.store
        .checkpoint_change(run.workspace, &run.connection.id, |checkpoint| {
            let state = checkpoint.kinds.entry(kind).or_default();
            // A run that slept meanwhile would put its old probe beside what others have stored since.
            if state.compared_at.is_some() && state.as_of > Some(run.as_of) {
                return;
            }
            (state.pendo_events, state.stored_events) = (pendo_events, stored_events);
            (state.compared_at, state.recent) = (Some(range.to), None);
            state.unverified.clone_from(&unverified);
            state.first_hour = state.first_hour.into_iter().chain(first_hour).min();
            state.aged_out_before = has_aged_out.then_some(oldest);
            if let Some(all) = all_events {
                state.anonymous_events = all.saturating_sub(pendo_events);
            }
        })
        .await?;
    Ok(())
}

/// Adds up whose usage it is that was read, per level and kind; `erased` is kept with it as what was settled before.
///
/// # Errors
/// The table's.
pub async fn attribute(sink: &Sink<'_>, moment: &Moment, erased: Option<[u64; 3]>) -> Result<(), SyncError> {
    let before = sink.store.checkpoint_get(sink.workspace, &sink.connection.id).await?.value;
    let mut shards = sink.heads().await?;
    let world = sink.world().await?;
    let ranges: BTreeMap<Kind, HourRange> =
        moment.as_of.iter().map(|(kind, as_of)| (*kind, HourRange { from: moment.history_from, to: *as_of })).collect();
    let mut tally = Tally::default();
    let mut blocks = Blocks::default();
    for shard in &mut shards {
        Rows::default().visit(sink.store, shard, &ranges, &mut blocks, &mut |row| tally.add(row, &world.links)).await?;
        for (kind, range) in &ranges {
            for (hour, entry) in shard.entries(*kind, *range) {
                tally.add_erased(*kind, hour, entry.erased.totals.events, &world.links);
            }
        }
    }
    let mut conservation: BTreeMap<Kind, BTreeMap<String, BTreeMap<String, u64>>> = BTreeMap::new();
    for line in tally.lines() {
        let level = conservation.entry(line.kind).or_default().entry(line.level.name().to_owned()).or_default();
        let counts = line.counts;
        for (class, events) in [
            ("matched", counts.matched),
            ("unmatched", counts.unmatched),
            ("ambiguous", counts.ambiguous),
            ("without_id", counts.without_id),
            ("erased", counts.erased),
        ] {
            *level.entry(class.to_owned()).or_default() += events;
        }
    }
    sink.store
        .checkpoint_change(sink.workspace, &sink.connection.id, |checkpoint| {
            for (kind, state) in &mut checkpoint.kinds {
                state.conservation = conservation.get(kind).cloned().unwrap_or_default();
                state.attributed_at = before.kinds.get(kind).and_then(|state| state.compared_at);
            }
            checkpoint.people.erased_in = erased.unwrap_or(checkpoint.people.erased_in);
        })
        .await?;
    Ok(())
}
