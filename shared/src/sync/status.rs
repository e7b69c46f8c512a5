//! The status, for people: connected? fresh? complete? what to do?

use super::checkpoint::{Backfill, Checkpoint, RunRecord};
use super::layout::LayoutReport;
use super::quarantine::{Quarantine, READS_THAT_AGREE};
use crate::connection::ConnectionStatus;
use crate::context::Context;
use crate::id::{Kind, WorkspaceId};
use crate::store::StoreError;
use crate::store::purge::Purge;
use crate::time::{DAY_MS, HOUR_MS, to_the_second};
use serde::Serialize;
use std::collections::BTreeMap;

/// Minute of the hour at which the schedule runs.
const SCHEDULE_MINUTE: i64 = 20;

/// The answer of `GET /v1/status`.
#[derive(Debug, Serialize)]
pub struct StatusReport {
    /// The connection's status, or `inactive`.
    pub status: String,
    /// One sentence: what to do next.
    pub next_step: String,
    /// Up to when every kind was read.
    pub as_of: Option<String>,
    /// Whether every mapped kind is read from the beginning to `as_of`, and equals Pendo.
    pub is_complete: bool,
    /// Per kind.
    pub kinds: BTreeMap<Kind, KindReport>,
    /// Items of the table that can't be read, which nothing replaces. What needs them waits.
    pub unreadable: Vec<String>,
    /// Connections of before whose data is being removed, or will be looked for once more.
    pub purges: Vec<PurgeReport>,
    /// Pendo's visitors and accounts; null before they were first asked for.
    pub people: Option<PeopleReport>,
    /// Runs in a row that ended because Pendo was not available; null after one that was answered.
    pub outage: Option<OutageReport>,
    /// How usage lies in the table; null before any is read.
    pub layout: Option<LayoutReport>,
    /// The last run.
    pub last_run: Option<LastRun>,
    /// When the schedule runs next.
    pub next_run_at: Option<String>,
    /// Accounts and contacts in the directory.
    pub directory: BTreeMap<&'static str, usize>,
    /// Calculated fields.
    pub fields: usize,
}

/// A connection that was disconnected with `data=purge`.
#[derive(Debug, Serialize)]
pub struct PurgeReport {
    /// When that was asked for.
    pub asked_at: String,
    /// Items removed so far.
    pub items_removed: u64,
    /// When nothing was left; null while there is.
    pub removed_at: Option<String>,
    /// When all of it is looked for once more; null before nothing was left.
    pub looked_for_again_at: Option<String>,
}

/// How far Pendo's lists of people were read.
#[derive(Debug, Serialize)]
pub struct PeopleReport {
    /// When they were last read; null while they never were.
    pub read_at: Option<String>,
    /// Why the last run could not read them: usage goes on with those that are known.
    pub error: Option<String>,
}

/// Pendo does not answer.
#[derive(Debug, Serialize)]
pub struct OutageReport {
    /// Runs in a row.
    pub runs: u32,
    /// When the first of them ended.
    pub since: String,
    /// Until when the schedule does not ask; null while it still does.
    pub until: Option<String>,
    /// What the last of them met.
    pub detail: String,
}

/// How far a kind was read.
#[derive(Debug, Serialize)]
pub struct KindReport {
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
    /// Events of anonymous visitors: they belong to nobody and are not stored.
    pub anonymous_events: u64,
    /// When all history was last compared.
    pub compared_at: Option<String>,
    /// The trailing hours as the last run compared them, when it was not all history.
    pub recent: Option<RecentReport>,
    /// Whether ours equals Pendo's, in both comparisons.
    pub equals_pendo: bool,
    /// The same events by whose they are, per level.
    pub events_by: BTreeMap<String, BTreeMap<String, u64>>,
    /// Why the last run could not read it.
    pub error: Option<String>,
}

/// Days that are held back: their old usage is served until readings agree.
#[derive(Debug, Serialize)]
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

/// An edit of a page's or feature's tag, which Pendo applies to the past.
#[derive(Debug, Serialize)]
pub struct EditReport {
    /// The run that saw it.
    pub seen_at: String,
    /// How many objects were changed.
    pub objects: u64,
    /// Whether Pendo says that it is still applying it.
    pub is_being_applied: bool,
}

/// Events in the trailing hours, as Pendo counts them and as stored.
#[derive(Debug, Serialize)]
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
#[derive(Debug, Serialize)]
pub struct Progress {
    #[serde(flatten)]
    backfill: Backfill,
    /// Rows a second so far.
    rows_per_second: Option<f64>,
    /// Seconds to go at that rate.
    eta_seconds: Option<f64>,
}

/// The last run.
#[derive(Debug, Serialize)]
pub struct LastRun {
    /// When it began.
    pub started_at: String,
    /// When it ended.
    pub ended_at: String,
    #[serde(flatten)]
    record: RunRecord,
}

/// Reads the status.
///
/// # Errors
/// The table's.
pub async fn read(context: &Context, workspace: &WorkspaceId) -> Result<StatusReport, StoreError> {
    let store = &context.store;
    let mut unreadable = Vec::new();
    let directory = or_named(store.directory_get(workspace).await, &mut unreadable)?;
    let fields = or_named(store.fields_get(workspace).await.map(|fields| fields.value), &mut unreadable)?;
    let matching = or_named(store.matching_get(workspace).await, &mut unreadable)?;
    let purges = or_named(store.purges_get(workspace).await.map(|purges| purges.value), &mut unreadable)?;
    let connection = or_named(store.connection_get(workspace).await, &mut unreadable)?;
    let checkpoint = match &connection {
        Some(connection) => {
            let found = store.checkpoint_get(workspace, &connection.value.id).await;
            or_named(found.map(|checkpoint| checkpoint.value), &mut unreadable)?
        }
        None => Checkpoint::default(),
    };
    let mut report = StatusReport {
        status: "inactive".to_owned(),
        next_step: "connect Pendo: POST /v1/connection with a region and an integration key".to_owned(),
        as_of: None,
        is_complete: false,
        kinds: BTreeMap::new(),
        unreadable,
        purges: purges.iter().map(purge).collect(),
        people: None,
        outage: None,
        layout: None,
        last_run: None,
        next_run_at: None,
        directory: BTreeMap::from([("accounts", directory.accounts.len()), ("contacts", directory.contacts.len())]),
        fields: fields.len(),
    };
    if let Some(purge) = report.purges.iter().find(|purge| purge.removed_at.is_none()) {
        report.next_step = format!(
            "the data of the connection before is being removed, {} items so far; POST /v1/connection works already",
            purge.items_removed
        );
    }
    let Some(connection) = connection else { return Ok(report.naming_the_unreadable()) };
    let connection = connection.value;
    let layout = or_named(store.layout_get(workspace, &connection.id).await, &mut report.unreadable)?;
    report.layout = layout.map(|layout| LayoutReport::of(layout, &checkpoint));
    report.outage = checkpoint.outage.as_ref().map(|outage| OutageReport {
        runs: outage.runs,
        since: to_the_second(outage.since_ms),
        until: outage.until_ms.map(to_the_second),
        detail: outage.detail.clone(),
    });
    let people = checkpoint.people;
    let read_at = (people.read_at_ms > 0).then(|| to_the_second(people.read_at_ms));
    report.people =
        (read_at.is_some() || people.error.is_some()).then_some(PeopleReport { read_at, error: people.error });
    let mapped: std::collections::BTreeSet<Kind> = fields.iter().map(|field| field.definition.usage.kind).collect();
    let now_ms = context.clock.now_ms();
    for kind in &mapped {
        let state = checkpoint.kinds.get(kind).cloned().unwrap_or_default();
        let hour = |hour: Option<crate::time::Hour>| hour.map(|hour| to_the_second(hour.start_ms()));
        report.kinds.insert(
            *kind,
            KindReport {
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
                held: held(&state.quarantine),
                edit: state.edit.map(|edit| EditReport {
                    seen_at: to_the_second(edit.seen_at.start_ms()),
                    objects: edit.objects,
                    is_being_applied: edit.is_dirty,
                }),
                pendo_events: state.pendo_events,
                stored_events: state.stored_events,
                anonymous_events: state.anonymous_events,
                equals_pendo: state.pendo_events == state.stored_events
                    && state.recent.is_none_or(|recent| recent.pendo_events == recent.stored_events),
                compared_at: hour(state.compared_at),
                recent: state.recent.map(|recent| RecentReport {
                    from: to_the_second(recent.from.start_ms()),
                    to: to_the_second(recent.to.start_ms()),
                    pendo_events: recent.pendo_events,
                    stored_events: recent.stored_events,
                }),
                events_by: state.conservation,
                error: state.error,
            },
        );
    }
    report.as_of = report.kinds.values().map(|kind| kind.as_of.clone()).min().flatten();
    report.is_complete = !report.kinds.is_empty()
        && report.unreadable.is_empty()
        && report.people.as_ref().is_none_or(|people| people.error.is_none())
        && report.kinds.values().all(|kind| {
            kind.as_of.is_some()
                && kind.backfill.is_none()
                && kind.error.is_none()
                && kind.held.is_none()
                && kind.pendo_events == kind.stored_events
        });
    report.status = match connection.status {
        ConnectionStatus::Active => "active",
        ConnectionStatus::Paused => "paused",
        ConnectionStatus::Revoked => "revoked",
        ConnectionStatus::Disconnected => "disconnected",
        ConnectionStatus::Purging => "purging",
    }
    .to_owned();
    report.next_step = match connection.status {
        ConnectionStatus::Paused => "syncing is paused: PATCH /v1/connection with {\"paused\":false} resumes it",
        ConnectionStatus::Revoked => {
            "Pendo refuses the key: create a new integration key in Pendo and send it with POST /v1/connection"
        }
        ConnectionStatus::Disconnected | ConnectionStatus::Purging => "connect again with POST /v1/connection",
        ConnectionStatus::Active if matching.is_none() => {
            "say how Pendo matches your accounts and contacts: PUT /v1/matching"
        }
        ConnectionStatus::Active if directory.accounts.is_empty() => "upload your accounts: PUT /v1/directory/accounts",
        ConnectionStatus::Active if fields.is_empty() => "map usage to calculated fields: POST /v1/fields",
        ConnectionStatus::Active if report.is_complete => "nothing to do: read GET /v1/values",
        ConnectionStatus::Active => "history is being read; values appear as their windows are covered",
    }
    .to_owned();
    if connection.status == ConnectionStatus::Active {
        let until_ms =
            checkpoint.outage.as_ref().and_then(|outage| outage.until_ms).filter(|until_ms| *until_ms > now_ms);
        if let (Some(until_ms), Some(outage)) = (until_ms, &report.outage) {
            report.next_step = format!(
                "Pendo has not answered since {}, {} runs in a row: the schedule asks again after {}; POST /v1/sync tries at once",
                outage.since,
                outage.runs,
                to_the_second(until_ms),
            );
        }
        // The first tick of the schedule that is not skipped.
        let now_ms = until_ms.map_or(now_ms, |until_ms| until_ms - 1);
        let shifted = now_ms - SCHEDULE_MINUTE * 60_000;
        let next = (shifted.div_euclid(HOUR_MS) + 1) * HOUR_MS + SCHEDULE_MINUTE * 60_000;
        report.next_run_at = Some(to_the_second(next));
    }
    report.last_run = checkpoint.last_run.map(|record| LastRun {
        started_at: to_the_second(record.started_at_ms),
        ended_at: to_the_second(record.ended_at_ms),
        record,
    });
    Ok(report.naming_the_unreadable())
}

impl StatusReport {
    fn naming_the_unreadable(mut self) -> Self {
        if let Some(first) = self.unreadable.first() {
            self.next_step =
                format!("{first}. It is kept as it is: run the version that wrote it, or restore the table");
        }
        self
    }
}

/// What can't be read is named, and the rest is told.
fn or_named<T: Default>(found: Result<T, StoreError>, unreadable: &mut Vec<String>) -> Result<T, StoreError> {
    match found {
        Err(error) if error.is_of_one_item() => {
            unreadable.push(error.to_string());
            Ok(T::default())
        }
        found => found,
    }
}

fn purge(purge: &Purge) -> PurgeReport {
    PurgeReport {
        asked_at: to_the_second(purge.asked_at_ms),
        items_removed: purge.items,
        removed_at: purge.cleared_at_ms.map(to_the_second),
        looked_for_again_at: purge.cleared_at_ms.map(|at_ms| to_the_second(at_ms + DAY_MS)),
    }
}

fn held(quarantine: &Quarantine) -> Option<HeldReport> {
    let (first, last) = (quarantine.keys().next()?, quarantine.keys().next_back()?);
    let day = |day: i32| to_the_second(i64::from(day) * DAY_MS).chars().take(10).collect();
    let shows = if quarantine.values().all(|held| held.shown.is_empty()) {
        "Pendo suddenly shows no usage of these days: it may be reprocessing them after a change of its time zone or of a tag"
    } else {
        "Pendo suddenly shows these days with half their events or fewer: it may be reprocessing them after a tag was edited"
    };
    let meaning = format!(
        "{shows}. What was read before is served until {READS_THAT_AGREE} readings at least an hour apart agree"
    );
    Some(HeldReport { days: quarantine.len(), first_day: day(*first), last_day: day(*last), meaning })
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn progress(backfill: Backfill) -> Progress {
    let seconds = (backfill.moved_at_ms - backfill.started_at_ms) as f64 / 1000.0;
    let rows_per_second = (seconds > 0.0 && backfill.rows_done > 0).then(|| backfill.rows_done as f64 / seconds);
    let left = backfill.rows_total.saturating_sub(backfill.rows_done) as f64;
    Progress { eta_seconds: rows_per_second.map(|rate| left / rate), rows_per_second, backfill }
}
