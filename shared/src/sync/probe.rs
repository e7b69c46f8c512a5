//! Probes: what each run asks Pendo first, and what it fetches of the trailing hours in answer.

use super::checkpoint::{Compared, KindState};
use super::fetch::Expected;
use super::halving;
use super::history::ROWS_PER_WINDOW;
use super::plan::{self, DAILY_HOURS, EVERY_RUN_HOURS, Verdict};
use super::quarantine::{self, Quarantine};
use super::run::{Run, SyncError};
use super::shards::Batch;
use super::tags::Edit;
use crate::id::Kind;
use crate::pendo::usage::{By, Scope, probe};
use crate::pendo::{Client, PendoError};
use crate::planted::planted;
use crate::store::{Layout, Shard};
use crate::time::{Hour, HourRange};
use crate::usage::fingerprint::Fingerprint;
use std::collections::BTreeMap;
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
    /// The days that are held back now.
    pub quarantine: Quarantine,
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
    pub(super) fn wants_history(&self, state: &KindState, edit: Option<Edit>) -> bool {
        let is_weekly = self.age(state.weekly_at.min(state.parts_at)) >= 7 * 24;
        let is_edited = edit.is_some_and(|edit| edit.is_due(state.weekly_at, self.as_of));
        let is_held_long = held_from(state).is_some_and(|held| held < self.midnight(DAILY_HOURS));
        is_new(state) || self.is_gap(state) || is_weekly || is_edited || is_held_long
    }

    /// Whether the trailing hours alone join what is read of a kind. Before any window is covered, and after a gap, they don't.
    pub(super) fn may_trail(&self, state: &KindState) -> bool {
        state.covered_from.is_some() && !self.is_gap(state)
    }

    fn is_gap(&self, state: &KindState) -> bool {
        self.age(state.as_of) > DAILY_HOURS - EVERY_RUN_HOURS
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
        let midnight = |hours_ago: i32| self.midnight(hours_ago);
        let probe = if of_history {
            let range = HourRange { from: start, to: self.as_of };
            let found = probe_in_parts(&self.client, kind, range, By::Day).await?;
            Probe::History(Past { range, found, with_parts: !is_new(state) && age(state.parts_at) >= 7 * 24 })
        } else {
            let held = held_from(state);
            let is_pass = age(state.daily_at) >= 24 || age(state.as_of) > 2;
            let earliest = state.as_of.filter(|_| planted!(LookBackZero)).unwrap_or(start);
            let from = midnight(if is_pass { DAILY_HOURS } else { EVERY_RUN_HOURS });
            let range = HourRange { from: held.map_or(from, |held| held.min(from)).max(earliest), to: self.as_of };
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
        held: &Quarantine,
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
            self.report.rows += fetched.rows.values().map(|rows| rows.len() as u64).sum::<u64>();
            batch.append(fetched);
        }
        self.spend("fetch", step);
        let quarantine = quarantine::hold(&mut batch, kind, &stands, held, self.context.clock.now_ms());
        let mut compared = Compared { from: range.from, to: range.to, ..Compared::default() };
        for hour in (range.from.0..range.to.0).map(Hour) {
            let fetched = batch.buckets.get(&(kind, hour));
            let stands = stored.get(&hour).map(|bucket| bucket.whole).unwrap_or_default();
            let pendo = found.get(&hour).copied().unwrap_or_default();
            // A fetch that was proven after the probe is the newer word of Pendo's.
            compared.pendo_events +=
                fetched.filter(|bucket| bucket.is_verified).map_or(pendo, |bucket| bucket.whole).events;
            compared.stored_events += fetched.map_or(stands, |bucket| bucket.whole).events;
        }
        Ok(Recent { batch, waits, compared, quarantine })
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
