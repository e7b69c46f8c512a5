//! Reads history: when a kind is first mapped, after a gap, and in the weekly pass. Newest days first, with stored
//! progress; a field is usable as soon as its own window is covered.

use super::checkpoint::Backfill;
use super::evaluate::Moment;
use super::fetch::Expected;
use super::plan;
use super::reconcile;
use super::run::{Run, SyncError};
use crate::id::Kind;
use crate::store::Layout;
use crate::time::{Hour, HourRange};
use crate::usage::fingerprint::Fingerprint;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// Rows of one answer, by the probe's count: small enough to decode and store in bounded memory.
pub const ROWS_PER_WINDOW: u64 = 40_000;

/// Reads the days that the shards do not hold as Pendo has them; answers whether it got to the end (otherwise time was
/// up).
///
/// # Errors
/// What stopped it; what is stored stays stored.
pub async fn read(
    run: &mut Run<'_>,
    layout: Layout,
    kind: Kind,
    range: HourRange,
    probed: &BTreeMap<Hour, Fingerprint>,
    moment: &Moment,
) -> Result<bool, SyncError> {
    let step = Instant::now();
    let mut shards = run.sink(layout).heads().await?;
    for shard in &mut shards {
        run.store.shard_load_all(shard).await?;
    }
    let dirty = plan::dirty_days(&shards, kind, range, probed);
    let stands: BTreeMap<Hour, Fingerprint> =
        plan::stored(&shards, kind, range).into_iter().map(|(hour, bucket)| (hour, bucket.whole)).collect();
    drop(shards);
    run.spend("plan", step);

    let started_at_ms = run.context.clock.now_ms();
    let mut progress = Backfill {
        days_total: dirty.len() as u64,
        rows_total: dirty.iter().map(|(_, rows)| rows).sum(),
        started_at_ms,
        moved_at_ms: started_at_ms,
        ..Backfill::default()
    };
    let checkpoint = run.store.checkpoint_get(run.workspace, &run.connection.id).await?.value;
    let mut covered = checkpoint.kinds.get(&kind).and_then(|state| state.covered_from);
    let is_backfill = covered.is_none_or(|covered| covered > range.from);
    if is_backfill {
        keep_progress(run, kind, covered, range.from, Some(&progress)).await?;
    }
    let expected = Expected::ByDay(probed.clone());
    let fetched_any = !dirty.is_empty();
    let held: BTreeSet<Hour> = stands.keys().map(|hour| Hour(hour.utc_day() * 24)).collect();
    let is_empty = |day: Hour| !probed.contains_key(&day) && !held.contains(&day);
    let dirty: BTreeMap<Hour, u64> = dirty.into_iter().collect();
    for window in plan::windows(&dirty, 24, ROWS_PER_WINDOW, is_empty) {
        if run.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Ok(false);
        }
        let window = HourRange { from: window.from.max(range.from), to: window.to.min(range.to) };
        let step = Instant::now();
        let batch = run.source(layout).window(kind, window, &expected, &stands).await?;
        run.spend("fetch", step);
        let rows = batch.rows.values().map(|rows| rows.len() as u64).sum::<u64>();
        run.report.rows += rows;
        progress.rows_done += rows;
        progress.days_done += dirty.range(Hour(window.from.utc_day() * 24)..window.to).count() as u64;
        progress.moved_at_ms = run.context.clock.now_ms();

        // Nobody reads a window that is not covered yet, so its rows need no values now.
        let is_read = covered.is_some_and(|covered| window.to > covered);
        let step = Instant::now();
        run.sink(layout).store(&batch, is_read.then_some(moment)).await?;
        run.spend("store", step);
        if is_backfill {
            // Newest first: all from this window's begin up to now is read.
            let reaches_a_window = run.fields.iter().filter(|field| field.definition.usage.kind == kind).any(|field| {
                moment.plan(field).is_some_and(|plan| {
                    let from = plan.window().from;
                    window.from <= from && covered.is_none_or(|covered| from < covered)
                })
            });
            if reaches_a_window {
                let step = Instant::now();
                run.sink(layout).evaluate_due(moment).await?;
                run.spend("evaluate", step);
                covered = Some(window.from);
            }
            keep_progress(run, kind, covered, range.from, Some(&progress)).await?;
        }
    }
    let step = Instant::now();
    run.sink(layout).evaluate_due(moment).await?;
    run.spend("evaluate", step);
    let step = Instant::now();
    reconcile::totals(run, layout, kind, range, probed, fetched_any || is_backfill).await?;
    keep_progress(run, kind, Some(range.from), range.from, None).await?;
    run.spend("reconcile", step);
    Ok(true)
}

/// Stores how far history was read, after the data it vouches for.
async fn keep_progress(
    run: &Run<'_>,
    kind: Kind,
    covered: Option<Hour>,
    from: Hour,
    backfill: Option<&Backfill>,
) -> Result<(), SyncError> {
    let as_of = run.as_of;
    run.store
        .checkpoint_change(run.workspace, &run.connection.id, |checkpoint| {
            let state = checkpoint.kinds.entry(kind).or_default();
            state.error = None;
            state.history_from = Some(from);
            if let Some(covered) = covered {
                state.as_of = state.as_of.max(Some(as_of));
                state.covered_from = Some(state.covered_from.map_or(covered, |stands| stands.min(covered)));
            }
            state.backfill = backfill.cloned();
            if backfill.is_none() {
                (state.daily_at, state.weekly_at) = (Some(as_of), Some(as_of));
                state.differing.clear();
            }
        })
        .await?;
    Ok(())
}
