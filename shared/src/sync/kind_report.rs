//! What the status says of one kind.

use super::checkpoint::{Backfill, Checkpoint, KindState};
use super::differences::DayEvents;
use super::quarantine::{Quarantine, READS_THAT_AGREE};
use super::recomputing::Recomputing;
use super::rewrites::{Cause, Rewrite};
use crate::time::{DAY_MS, Hour, to_the_second};
use crate::usage::properties::Properties;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// How far a kind was read.
#[derive(Debug, Serialize, JsonSchema)]
pub struct KindReport {
    /// Of track events with properties: which. Null of other kinds.
    pub properties: Option<PropertiesReport>,
    /// Up to when.
    pub as_of: Option<String>,
    /// From when on.
    pub covered_from: Option<String>,
    /// The first hour with usage.
    pub first_hour: Option<String>,
    /// Usage before this is gone at Pendo by age; what was read of it is kept.
    pub aged_out_before: Option<String>,
    /// The newest event that Pendo showed.
    pub newest_event_at: Option<String>,
    /// Minutes between that event and the last run: Pendo's own lag as seen, or a quiet time.
    pub pendo_lag_minutes: Option<i64>,
    /// Progress of reading history; null when all is read.
    pub backfill: Option<Progress>,
    /// Hours that differ from Pendo by less than 1 % of their events and wait for their next reading.
    pub hours_differing: usize,
    /// Hours stored without a probe that agrees.
    pub hours_unverified: usize,
    /// Days that Pendo suddenly shows with half their events or fewer; null when there is none.
    pub held: Option<HeldReport>,
    /// The last edit of a tag while history may still follow it.
    pub edit: Option<EditReport>,
    /// Events of identified visitors as Pendo counted them at the last full comparison.
    pub pendo_events: u64,
    /// Events stored at that time, and those of erased visitors, which were read and dropped.
    pub stored_events: u64,
    /// By how many events days differ from Pendo's, as each was last compared; days don't cancel out.
    pub difference: u64,
    /// Of those, the events of hours that differ by less than 1 % and wait for their next reading.
    pub difference_waiting: u64,
    /// The days that differ, the newest first.
    pub days_differing: Vec<DayReport>,
    /// How many older days differ too.
    pub more_days_differing: u64,
    /// Events of anonymous visitors: they belong to nobody and are not stored.
    pub anonymous_events: u64,
    /// Events that Pendo's exclude list keeps out of all other numbers; null when Pendo does not say.
    pub excluded_events: Option<u64>,
    /// When all history was last compared.
    pub compared_at: Option<String>,
    /// The trailing hours as the last run compared them, when it was not all history.
    pub recent: Option<RecentReport>,
    /// Whether ours equals Pendo's, in both comparisons and on every day.
    pub equals_pendo: bool,
    /// The same events by whose they are, per level.
    pub events_by: BTreeMap<String, BTreeMap<String, u64>>,
    /// Stored events that are in none of those classes or in two, per level: 0, or a fault of this program.
    pub unaccounted: BTreeMap<String, u64>,
    /// Hours that Pendo changed after they were final; null when there was none.
    pub changed_after_final: Option<AfterFinalReport>,
    /// What Pendo changed of the past in the last thirty days, and why, the newest last.
    pub rewrites: Vec<RewriteReport>,
    /// Why the last run could not read it.
    pub error: Option<String>,
}

/// The track events and their properties that a kind is about.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PropertiesReport {
    /// The track types, by Pendo's ids.
    pub track_types: BTreeSet<String>,
    /// The names of the properties whose values are told apart.
    pub names: BTreeSet<String>,
    /// The property whose numbers Pendo adds up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<String>,
}

/// Days that are held back: their old usage is served until readings agree.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HeldReport {
    /// How many.
    pub days: usize,
    /// The first of them.
    pub first_day: String,
    /// The last of them.
    pub last_day: String,
    /// What it means.
    pub meaning: String,
}

/// A day that differs.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DayReport {
    /// The UTC day.
    pub day: String,
    /// Pendo's events of identified visitors.
    pub pendo_events: u64,
    /// Ours.
    pub stored_events: u64,
}

/// Hours that changed after ten days.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AfterFinalReport {
    /// How many; one that changed twice counts twice.
    pub hours: u64,
    /// The run that met the first.
    pub first_at: String,
    /// The run that met the last.
    pub last_at: String,
}

/// Hours that were replaced for one reason.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RewriteReport {
    /// The reason.
    pub cause: Cause,
    /// The run that saw it first.
    pub since: String,
    /// The last run that replaced an hour because of it.
    pub last_at: String,
    /// How many hours.
    pub hours: u64,
    /// The newest UTC day among them.
    pub newest_day: Option<String>,
}

/// An edit of a page's or feature's tag, which Pendo applies to the past.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EditReport {
    /// The run that saw it.
    pub seen_at: String,
    /// How many objects were changed.
    pub objects: u64,
    /// Whether Pendo says that it is still applying it.
    pub is_being_applied: bool,
}

/// Events in the trailing hours, as Pendo counts them and as stored.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RecentReport {
    /// The first instant.
    pub from: String,
    /// The end, not included.
    pub to: String,
    /// Pendo's.
    pub pendo_events: u64,
    /// Ours.
    pub stored_events: u64,
}

/// Progress of reading history.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "BackfillProgress")]
pub struct Progress {
    #[serde(flatten)]
    backfill: Backfill,
    /// Rows a second so far.
    rows_per_second: Option<f64>,
    /// Seconds to go at that rate.
    eta_seconds: Option<f64>,
}

impl KindReport {
    /// The report of a kind whose state stands in this checkpoint.
    pub(super) fn of(state: KindState, properties: Option<Properties>, checkpoint: &Checkpoint) -> Self {
        let instant = |hour: Hour| to_the_second(hour.start_ms());
        let hour = |hour: Option<Hour>| hour.map(instant);
        let recognised = checkpoint.recomputing.filter(|found| found.back_at.is_none() && found.is_recognised());
        Self {
            properties: properties.map(|Properties { types, names, amount }| PropertiesReport {
                track_types: types,
                names,
                amount,
            }),
            difference: state.differences.events(),
            difference_waiting: state.waiting_difference(),
            days_differing: state.differences.days.iter().rev().map(day_report).collect(),
            more_days_differing: state.differences.more_days,
            equals_pendo: state.differences.is_empty()
                && state.recent.is_none_or(|recent| recent.pendo_events == recent.stored_events),
            as_of: hour(state.as_of),
            covered_from: hour(state.covered_from),
            first_hour: hour(state.first_hour),
            aged_out_before: hour(state.aged_out_before),
            newest_event_at: (state.newest_ms > 0).then(|| to_the_second(state.newest_ms)),
            pendo_lag_minutes: checkpoint
                .last_run
                .as_ref()
                .filter(|_| state.newest_ms > 0)
                .map(|run| (run.started_at_ms - state.newest_ms).max(0) / 60_000),
            backfill: state.backfill.map(progress),
            hours_differing: state.differing.len(),
            hours_unverified: state.unverified.len(),
            held: held(&state.quarantine, recognised),
            edit: state.edit.map(|edit| EditReport {
                seen_at: instant(edit.seen_at),
                objects: edit.objects,
                is_being_applied: edit.is_dirty,
            }),
            pendo_events: state.pendo_events,
            stored_events: state.stored_events,
            anonymous_events: state.anonymous_events,
            excluded_events: state.excluded_events,
            compared_at: hour(state.compared_at),
            recent: state.recent.map(|recent| RecentReport {
                from: instant(recent.from),
                to: instant(recent.to),
                pendo_events: recent.pendo_events,
                stored_events: recent.stored_events,
            }),
            events_by: state.conservation,
            unaccounted: state.unaccounted,
            changed_after_final: state.after_final.map(|changed| AfterFinalReport {
                hours: changed.hours,
                first_at: instant(changed.first_at),
                last_at: instant(changed.last_at),
            }),
            rewrites: state.rewrites.iter().map(rewrite_report).collect(),
            error: state.error,
        }
    }
}

fn day_text(day: i32) -> String {
    to_the_second(i64::from(day) * DAY_MS).chars().take(10).collect()
}

fn day_report((day, events): (&i32, &DayEvents)) -> DayReport {
    DayReport { day: day_text(*day), pendo_events: events.pendo, stored_events: events.stored }
}

fn rewrite_report(rewrite: &Rewrite) -> RewriteReport {
    RewriteReport {
        cause: rewrite.cause,
        since: to_the_second(rewrite.since.start_ms()),
        last_at: to_the_second(rewrite.at.start_ms()),
        hours: rewrite.hours,
        newest_day: rewrite.days.last().map(|day| day_text(*day)),
    }
}

fn held(quarantine: &Quarantine, recomputing: Option<Recomputing>) -> Option<HeldReport> {
    let (first, last) = (quarantine.keys().next()?, quarantine.keys().next_back()?);
    let shows = if quarantine.values().all(|held| held.shown.is_empty()) {
        "Pendo suddenly shows no usage of these days: it may be reprocessing them after a change of its time zone or of a tag"
    } else {
        "Pendo suddenly shows these days with half their events or fewer: it may be reprocessing them after a tag was edited"
    };
    let meaning = recomputing.map_or_else(
        || {
            format!(
                "{shows}. What was read before is served until {READS_THAT_AGREE} readings at least an hour apart agree"
            )
        },
        |recomputing| recomputing.meaning(),
    );
    Some(HeldReport { days: quarantine.len(), first_day: day_text(*first), last_day: day_text(*last), meaning })
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn progress(backfill: Backfill) -> Progress {
    let seconds = (backfill.moved_at_ms - backfill.started_at_ms) as f64 / 1000.0;
    let rows_per_second = (seconds > 0.0 && backfill.rows_done > 0).then(|| backfill.rows_done as f64 / seconds);
    let left = backfill.rows_total.saturating_sub(backfill.rows_done) as f64;
    Progress { eta_seconds: rows_per_second.map(|rate| left / rate), rows_per_second, backfill }
}
