//! Probes: what each run asks Pendo first, and what it fetches of the trailing hours in answer.

use super::batch::Batch;
use super::checkpoint::{Compared, KindState};
use super::differences::DayEvents;
use super::fetch::Expected;
use super::halving;
use super::history::ROWS_PER_WINDOW;
use super::plan::{self, Verdict};
use super::quarantine::{self, Quarantine};
use super::rewrites::Replaced;
use super::run::{Run, SyncError};
use super::tags::Edit;
use crate::config::Passes;
use crate::id::Kind;
use crate::pendo::usage::{By, Scope, probe};
use crate::pendo::{Client, PendoError};
use crate::planted::planted;
use crate::store::{Layout, Shard};
use crate::time::{Hour, HourRange};
use crate::usage::fingerprint::Fingerprint;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// What a probe found.
pub enum Probe {
    /// Trailing hours.
    Recent(Trailing),
    /// All history by day.
    History(Past),
}

/// Trailing hours as Pendo has them.
pub struct Trailing {
    /// Which.
    pub range: HourRange,
    /// Fingerprints by hour.
    pub found: BTreeMap<Hour, Fingerprint>,
    /// Whether every difference is to be read.
    pub is_pass: bool,
}

/// All history as Pendo has it.
pub struct Past {
    /// From where to where.
    pub range: HourRange,
    /// Fingerprints by day.
    pub found: BTreeMap<Hour, Fingerprint>,
    /// Whether the totals per Pendo account and object are compared too.
    pub with_parts: bool,
}

/// What was fetched of the trailing hours.
pub struct Recent {
    /// The buckets that differed.
    pub batch: Batch,
    /// Small differences that wait for their next age, in events by hour.
    pub waits: BTreeMap<i32, i64>,
    /// Pendo's events and ours, once the batch is stored.
    pub compared: Compared,
    /// The same by UTC day.
    pub days: BTreeMap<i32, DayEvents>,
    /// The days that are held back now.
    pub quarantine: Quarantine,
    /// The days that were held back until now and are taken.
    pub believed: BTreeSet<i32>,
    /// Whether it was the daily pass.
    pub is_pass: bool,
    /// The oldest hour that it read anew.
    pub changed_from: Option<Hour>,
}

impl KindState {
    /// Takes what a run found of the trailing hours and replaced, after it was stored.
    pub(super) fn take(&mut self, recent: &Recent, replaced: &Replaced, as_of: Hour) {
        self.note(replaced, as_of);
        self.differences.renew(HourRange { from: recent.compared.from, to: as_of }, recent.days.clone());
        self.error = None;
        self.as_of = self.as_of.max(Some(as_of));
        self.differing.clone_from(&recent.waits);
        self.recent = Some(recent.compared);
        self.quarantine.clone_from(&recent.quarantine);
        // What lies before the hours that it compared is still to be compared.
        let before = self.changed_from.filter(|hour| *hour < recent.compared.from);
        self.changed_from = before.or(recent.changed_from);
        self.daily_at = if recent.is_pass { Some(as_of) } else { self.daily_at };
    }
}

impl Probe {
    /// The newest event that it has seen, ms since 1970; 0 for none.
    #[must_use]
    pub fn newest_ms(&self) -> i64 {
        let (Self::Recent(Trailing { found, .. }) | Self::History(Past { found, .. })) = self;
        found.values().map(|bucket| bucket.newest_ms).max().unwrap_or_default()
    }
}

impl Run<'_> {
    /// Whether all of a kind's history is to be compared now.
    pub(super) fn wants_history(&self, state: &KindState, edit: Option<&Edit>) -> bool {
        let is_due = self.age(state.history_at) >= self.passes().history_days * 24 || self.wants_parts(state);
        let is_edited = edit.is_some_and(|edit| edit.is_due(state.history_at, self.as_of));
        let is_held_long = held_from(state).is_some_and(|held| held < self.midnight(self.passes().daily_hours()));
        is_new(state) || self.is_gap(state) || is_due || is_edited || is_held_long || self.is_read_anew(state)
    }

    /// Whether the last run read hours anew that trailing hours don't reach.
    pub(super) fn is_read_anew(&self, state: &KindState) -> bool {
        state.changed_from.is_some_and(|hour| hour < self.midnight(self.passes().daily_hours()))
    }

    /// Whether the totals per Pendo account and object are to be compared too.
    fn wants_parts(&self, state: &KindState) -> bool {
        let every_days = self.passes().totals_days;
        every_days > 0 && self.age(state.parts_at) >= every_days * 24
    }

    /// Whether the trailing hours alone join what is read of a kind. Before any window is covered, and after a gap, they don't.
    pub(super) fn may_trail(&self, state: &KindState) -> bool {
        state.covered_from.is_some() && !self.is_gap(state)
    }

    /// Where the trailing hours begin.
    pub(super) fn trailing_from(&self) -> Hour {
        self.midnight(self.passes().trailing_hours)
    }

    fn is_gap(&self, state: &KindState) -> bool {
        self.age(state.as_of) > self.passes().daily_hours() - self.passes().trailing_hours
    }

    fn passes(&self) -> Passes {
        self.context.config.passes
    }

    fn age(&self, at: Option<Hour>) -> i32 {
        at.map_or(i32::MAX, |at| self.as_of.0 - at.0)
    }

    fn midnight(&self, hours_ago: i32) -> Hour {
        Hour(self.as_of.plus(-hours_ago).utc_day() * 24)
    }

    /// Asks Pendo for the fingerprints that this run compares: all history by day, or the trailing hours.
    ///
    /// # Errors
    /// Pendo's.
    pub async fn probe(&mut self, kind: Kind, state: &KindState, of_history: bool) -> Result<Probe, PendoError> {
        let step = Instant::now();
        let start = plan::history_start(&self.connection, self.as_of);
        let age = |at: Option<Hour>| self.age(at);
        let probe = if of_history {
            let from = state.gone_before.map_or(start, |gone| gone.max(start));
            let range = HourRange { from, to: self.as_of };
            let found = probe_in_parts(&self.client, kind, range, By::Day).await?;
            Probe::History(Past { range, found, with_parts: !is_new(state) && self.wants_parts(state) })
        } else {
            let held = held_from(state);
            let is_pass = age(state.daily_at) >= 24 || age(state.as_of) > 2;
            let earliest = state.as_of.filter(|_| planted!(LookBackZero)).unwrap_or(start);
            let daily = self.midnight(self.passes().daily_hours());
            let from = if is_pass { daily } else { self.trailing_from() };
            // What a pass left unproven is not left to the next one, a day later.
            let unproven = state.unverified.range(daily.0..).next().map(|hour| Hour(Hour(*hour).utc_day() * 24));
            let changed = state.changed_from.filter(|hour| *hour >= daily);
            let from = [held, unproven, changed].into_iter().flatten().fold(from, Hour::min);
            let range = HourRange { from: from.max(earliest), to: self.as_of };
            let found = probe_in_parts(&self.client, kind, range, By::Hour).await?;
            Probe::Recent(Trailing { range, found, is_pass })
        };
        self.spend("probe", step);
        Ok(probe)
    }

    /// Fetches and proves those of the trailing hours that differ.
    ///
    /// # Errors
    /// Pendo's and the table's.
    pub async fn recent(
        &mut self,
        kind: Kind,
        probe: &Trailing,
        layout: Layout,
        shards: &mut [Shard],
        (state, is_recomputing): (&KindState, bool),
    ) -> Result<Recent, SyncError> {
        let Trailing { range, found, is_pass } = probe;
        let range = *range;
        for shard in shards.iter_mut() {
            self.store.shard_load(shard, range).await?;
        }
        let stored = plan::stored(shards, kind, range);
        let (mut dirty, mut waits) = (BTreeMap::new(), BTreeMap::new());
        for hour in (range.from.0..range.to.0).map(Hour) {
            let pendo = found.get(&hour).copied().unwrap_or_default();
            match plan::judge(hour, pendo, stored.get(&hour).copied(), self.as_of, *is_pass) {
                Verdict::Clean => {}
                Verdict::Fetch => drop(dirty.insert(hour, pendo.rows)),
                Verdict::Wait(difference) => drop(waits.insert(hour.0, difference)),
            }
        }
        let expected = Expected::ByHour(found.clone());
        let stands = stored.iter().map(|(hour, bucket)| (*hour, bucket.whole)).collect();
        let mut batch = Batch::default();
        let step = Instant::now();
        for window in plan::windows(&dirty, 1, ROWS_PER_WINDOW, |_| false) {
            let fetched = match self.source(layout).window(kind, window, &expected, &stands).await {
                Err(_) if planted!(SwallowedError) => continue,
                fetched => fetched?,
            };
            self.report.rows += fetched.len();
            batch.append(fetched);
            self.source(layout).make_room(&mut batch).await?;
        }
        self.spend("fetch", step);
        let now_ms = self.context.clock.now_ms();
        let judged = quarantine::hold(&mut batch, kind, &stands, &state.quarantine, is_recomputing, now_ms);
        let mut compared = Compared { from: range.from, to: range.to, ..Compared::default() };
        let mut days: BTreeMap<i32, DayEvents> = BTreeMap::new();
        for hour in (range.from.0..range.to.0).map(Hour) {
            let fetched = batch.buckets.get(&(kind, hour));
            let stands = stored.get(&hour).map(|bucket| bucket.whole).unwrap_or_default();
            let pendo = found.get(&hour).copied().unwrap_or_default();
            // A fetch that was proven after the probe is the newer word of Pendo's.
            let pendo = fetched.filter(|bucket| bucket.is_verified).map_or(pendo, |bucket| bucket.whole).events;
            let stored = fetched.map_or(stands, |bucket| bucket.whole).events;
            let day = days.entry(hour.utc_day()).or_default();
            *day = DayEvents { pendo: day.pendo + pendo, stored: day.stored + stored };
            (compared.pendo_events, compared.stored_events) =
                (compared.pendo_events + pendo, compared.stored_events + stored);
        }
        let (quarantine, believed) = (judged.held, judged.believed);
        let changed_from = batch.buckets.keys().map(|(_, hour)| *hour).min();
        Ok(Recent { batch, waits, compared, days, quarantine, believed, is_pass: *is_pass, changed_from })
    }
}

/// Whether a kind's history was not read to its end yet.
fn is_new(state: &KindState) -> bool {
    state.covered_from.is_none() || state.backfill.is_some()
}

/// The first hour of the days that are held back.
fn held_from(state: &KindState) -> Option<Hour> {
    state.quarantine.keys().next().map(|day| Hour(day * 24))
}

/// Probes a range, in as many parts (of whole days) as Pendo answers.
pub(super) async fn probe_in_parts(
    client: &Client,
    kind: Kind,
    range: HourRange,
    by: By,
) -> Result<BTreeMap<Hour, Fingerprint>, PendoError> {
    let mut found = BTreeMap::new();
    halving::ask(range, 24, |part| probe(client, kind, part, by, &ALL), |answer| found.extend(answer)).await?;
    Ok(found)
}

/// Every app and object.
const ALL: Scope = Scope::All;
