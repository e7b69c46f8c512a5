//! Reads history: when a kind is first mapped, after a gap, and in the weekly pass. Newest days first, with stored
//! progress; a field is usable as soon as its own window is covered.

use super::batch::Batch;
use super::checkpoint::{Backfill, Checkpoint, KindState};
use super::evaluate::Moment;
use super::fetch::{Expected, Source};
use super::probe::Past;
use super::quarantine::{self, Quarantine};
use super::rewrites::{Cause, Replaced};
use super::run::{Run, SyncError};
use super::{parts, plan, reconcile};
use crate::id::Kind;
use crate::store::Layout;
use crate::time::{Hour, HourRange};
use crate::usage::fingerprint::Fingerprint;
use futures_util::stream::{self, StreamExt};
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::time::Instant;
use tokio::sync::{Semaphore, mpsc};

/// Rows of one answer, by the probe's count: small enough to decode and store in bounded memory.
pub const ROWS_PER_WINDOW: u64 = 40_000;
/// Windows in memory at once: the one that is stored, and those that are fetched meanwhile.
const WINDOWS_AT_ONCE: usize = 4;

/// How far reading history got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// To its end.
    All,
    /// Until time was nearly up.
    TimeUp,
    /// Until somebody paused or ended the connection, or another run took over.
    Stopped,
}

/// Reads the days that the shards do not hold as Pendo has them; answers how far it got.
///
/// # Errors
/// What stopped it; what is stored stays stored.
pub async fn read(
    run: &mut Run<'_>,
    layout: Layout,
    kind: Kind,
    past: &Past,
    moment: &Moment,
) -> Result<Reach, SyncError> {
    let moment = &Moment { keeps_folds: false, ..moment.clone() };
    let step = Instant::now();
    let mut shards = run.sink(layout).heads().await?;
    for shard in &mut shards {
        run.store.shard_load_all(shard).await?;
    }
    let range = past.range;
    let dirty: BTreeMap<Hour, u64> = plan::dirty_days(&shards, kind, range, &past.found).into_iter().collect();
    let stands: BTreeMap<Hour, Fingerprint> =
        plan::stored(&shards, kind, range).into_iter().map(|(hour, bucket)| (hour, bucket.whole)).collect();
    drop(shards);
    run.spend("plan", step);

    let checkpoint = run.store.checkpoint_get(run.workspace, &run.connection.id).await?.value;
    let state = checkpoint.kinds.get(&kind).cloned().unwrap_or_default();
    let started_at_ms = run.context.clock.now_ms();
    let before = &Before { expected: Expected::ByDay(past.found.clone()), stands };
    let mut reader = Reader {
        layout,
        kind,
        past,
        moment,
        before,
        is_backfill: state.covered_from.is_none_or(|covered| covered > range.from),
        covered: state.covered_from,
        why: state.edit.is_some().then_some(Cause::TagEdit),
        state,
        held: Quarantine::new(),
        progress: Backfill {
            days_total: dirty.len() as u64,
            rows_total: dirty.values().sum(),
            started_at_ms,
            moved_at_ms: started_at_ms,
            ..Backfill::default()
        },
    };
    if reader.is_backfill {
        reader.keep_progress(run).await?;
    }
    let mut reach = reader.read(run, &dirty).await?;
    if reach == Reach::All && past.with_parts {
        let step = Instant::now();
        // Once all totals agree: what do they hide? Days that are held back differ anyway.
        let rows = past.found.iter().map(|(day, totals)| (*day, totals.rows)).collect();
        let compared = HourRange { from: plan::oldest_at_pendo(&past.found, range).max(range.from), to: range.to };
        let mut moved = parts::moved_days(run, layout, kind, compared, &rows).await?;
        moved.retain(|day, _| !reader.held.contains_key(&day.utc_day()));
        run.spend("parts", step);
        reader.why = Some(Cause::RowsMoved);
        reach = reader.read(run, &moved).await?;
    }
    if reach != Reach::All {
        reader.keep_quarantine(run).await?;
        return Ok(reach);
    }
    let step = Instant::now();
    run.sink(layout).evaluate_due(moment).await?;
    run.spend("evaluate", step);
    let step = Instant::now();
    // Anonymous events come with hours that hourly runs have read long since: asked for weekly too, when nothing differs.
    let asks_for_all = !dirty.is_empty() || reader.is_backfill || past.with_parts;
    reconcile::totals(run, layout, kind, range, &past.found, asks_for_all).await?;
    reader.finish(run).await?;
    run.spend("reconcile", step);
    Ok(Reach::All)
}

/// What was known before reading began.
struct Before {
    /// What the probe said.
    expected: Expected,
    /// What the shards held of each hour.
    stands: BTreeMap<Hour, Fingerprint>,
}

/// What reading a kind's history keeps in mind.
struct Reader<'a> {
    layout: Layout,
    kind: Kind,
    past: &'a Past,
    moment: &'a Moment,
    before: &'a Before,
    is_backfill: bool,
    covered: Option<Hour>,
    /// What stood before.
    state: KindState,
    /// Why days are read again, if there is a reason that is known.
    why: Option<Cause>,
    held: Quarantine,
    progress: Backfill,
}

impl Reader<'_> {
    /// Reads days (first hours, with Pendo's rows), newest first; answers how far it got. Windows are fetched side by side and
    /// stored in order.
    async fn read(&mut self, run: &mut Run<'_>, days: &BTreeMap<Hour, u64>) -> Result<Reach, SyncError> {
        let known: BTreeSet<Hour> = self.before.stands.keys().map(|hour| Hour(hour.utc_day() * 24)).collect();
        let is_empty = |day: Hour| !self.past.found.contains_key(&day) && !known.contains(&day);
        // The fetches have clones of their own, because the run changes while they are under way.
        let (client, store, connection) = (run.client.clone(), run.store.clone(), run.connection.clone());
        let source = &Source {
            client: &client,
            store: &store,
            workspace: run.workspace,
            connection: &connection,
            shards: self.layout.shards,
            as_of: run.as_of,
            now_ms: run.context.clock.now_ms(),
            rows_held: run.context.config.rows_held,
        };
        let (kind, range, before) = (self.kind, self.past.range, self.before);
        let windows = plan::windows(days, 24, ROWS_PER_WINDOW, is_empty);
        let is_asked = |part: &HourRange| part.from < range.to && range.from < part.to;
        let windows: Vec<HourRange> =
            windows.into_iter().flat_map(|window| self.parts(window, days)).filter(is_asked).collect();
        // Of an hour that is larger than a window there is only one in memory.
        let is_large = days.values().any(|rows| *rows > ROWS_PER_WINDOW * 24);
        let at_once = if is_large { 1 } else { WINDOWS_AT_ONCE };
        let rooms = &Semaphore::new(at_once);
        let fetch = |window: HourRange| async move {
            let window = HourRange { from: window.from.max(range.from), to: window.to.min(range.to) };
            let room = rooms.acquire().await;
            (window, source.window(kind, window, &before.expected, &before.stands).await, room)
        };
        let fetches: Vec<_> = windows.into_iter().map(fetch).collect();
        let mut fetches = stream::iter(fetches).buffered(at_once);
        let (sender, mut fetched) = mpsc::unbounded_channel();
        let fetching = async move {
            while let Some(next) = fetches.next().await {
                if sender.send(next).is_err() {
                    break;
                }
            }
            drop(sender);
            std::future::pending::<Infallible>().await
        };
        let storing = async {
            loop {
                if run.deadline.is_some_and(|deadline| deadline.is_over()) {
                    return Ok(Reach::TimeUp);
                }
                let step = Instant::now();
                // A window leaves its room when it is stored, so no more than those are ever in memory.
                let Some((window, batch, _room)) = fetched.recv().await else { return Ok(Reach::All) };
                run.spend("fetch", step);
                if !run.may_read_on().await? {
                    return Ok(Reach::Stopped);
                }
                self.keep(run, days, window, batch?).await?;
            }
        };
        tokio::select! {
            reach = storing => reach,
            never = fetching => match never {},
        }
    }

    /// A window in parts of as many hours as come to so many rows, newest first: a day may be too large. One that shrank
    /// to half or less stays whole, so that it is judged whole.
    fn parts(&self, window: HourRange, days: &BTreeMap<Hour, u64>) -> Vec<HourRange> {
        let rows = days.get(&window.from).copied().unwrap_or_default();
        let stands: u64 = self.before.stands.range(window.from..window.to).map(|(_, totals)| totals.events).sum();
        let shows = self.past.found.get(&window.from).map_or(0, |totals| totals.events);
        if window.len() > 24 || rows <= ROWS_PER_WINDOW || shows.saturating_mul(2) <= stands {
            return vec![window];
        }
        let count = i32::try_from(rows.div_ceil(ROWS_PER_WINDOW)).map_or(24, |count| count.min(24));
        let at = |part: i32| window.from.plus(part * 24 / count);
        (0..count).rev().map(|part| HourRange { from: at(part), to: at(part + 1) }).collect()
    }

    /// Stores a window and how far history is read with it.
    async fn keep(
        &mut self,
        run: &mut Run<'_>,
        days: &BTreeMap<Hour, u64>,
        window: HourRange,
        mut batch: Batch,
    ) -> Result<(), SyncError> {
        let rows = batch.len();
        run.report.rows += rows;
        self.progress.rows_done += rows;
        // A day is done with its first hour, since newer hours are read before.
        let is_begun = |day: &&Hour| window.holds((**day).max(self.past.range.from));
        self.progress.days_done += days.keys().filter(is_begun).count() as u64;
        let now_ms = run.context.clock.now_ms();
        self.progress.moved_at_ms = now_ms;
        let judged =
            quarantine::hold(&mut batch, self.kind, &self.before.stands, &self.state.quarantine, false, now_ms);
        self.held.extend(judged.held);

        // Nobody reads a window that is not covered yet, so its rows need no values now.
        let is_read = self.covered.is_some_and(|covered| window.to > covered);
        let step = Instant::now();
        let taken = run.sink(self.layout).store(&batch, is_read.then_some(self.moment)).await?;
        run.spend("store", step);
        let replaced = Replaced::of(&taken, self.kind, &self.state, &judged.believed, self.why);
        if !replaced.is_empty() {
            self.change(run, |state| state.note(&replaced, run.as_of)).await?;
        }
        if self.is_backfill {
            if self.reaches_a_window(run, window) {
                let step = Instant::now();
                run.sink(self.layout).evaluate_due(self.moment).await?;
                run.spend("evaluate", step);
                self.covered = Some(window.from);
            }
            self.keep_progress(run).await?;
        }
        Ok(())
    }

    /// Whether all that a field looks at is covered with this one. Newest first: all from its begin up to now is read.
    fn reaches_a_window(&self, run: &Run<'_>, window: HourRange) -> bool {
        run.fields.iter().filter(|field| field.definition.kind() == Some(self.kind)).any(|field| {
            self.moment.plan(field).is_some_and(|plan| {
                let from = plan.reach().from;
                window.from <= from && self.covered.is_none_or(|covered| from < covered)
            })
        })
    }

    /// Stores how far history was read, after the data it vouches for. How far it is until the end only says who holds it.
    async fn keep_progress(&self, run: &Run<'_>) -> Result<(), SyncError> {
        let keep = |checkpoint: &mut Checkpoint| {
            let is_told = run.holds_history(checkpoint);
            let state = checkpoint.kinds.entry(self.kind).or_default();
            if is_told {
                state.backfill = Some(self.progress.clone());
            }
            self.cover(state, self.covered, run.as_of);
        };
        run.store.checkpoint_change(run.workspace, &run.connection.id, keep).await?;
        Ok(())
    }

    /// Stores that all history was read and compared.
    async fn finish(&self, run: &Run<'_>) -> Result<(), SyncError> {
        self.change(run, |state| {
            state.backfill = None;
            self.cover(state, Some(self.past.range.from), run.as_of);
            (state.daily_at, state.history_at) = (Some(run.as_of), Some(run.as_of));
            if self.past.with_parts || self.is_backfill {
                state.parts_at = Some(run.as_of);
            }
            state.busiest_day_rows = self.past.busiest_day_rows();
            state.differing.clear();
            state.quarantine.clone_from(&self.held);
        })
        .await
    }

    /// Stores what is held so far; days that were not reached stay held.
    async fn keep_quarantine(&self, run: &Run<'_>) -> Result<(), SyncError> {
        self.change(run, |state| state.quarantine.extend(&self.held)).await
    }

    fn cover(&self, state: &mut KindState, covered: Option<Hour>, as_of: Hour) {
        state.error = None;
        if let Some(covered) = covered {
            state.as_of = state.as_of.max(Some(as_of));
            state.covered_from = Some(state.covered_from.map_or(covered, |stands| stands.min(covered)));
        }
    }

    async fn change(&self, run: &Run<'_>, change: impl Fn(&mut KindState)) -> Result<(), SyncError> {
        let of_kind = |checkpoint: &mut Checkpoint| change(checkpoint.kinds.entry(self.kind).or_default());
        run.store.checkpoint_change(run.workspace, &run.connection.id, of_kind).await?;
        Ok(())
    }
}
