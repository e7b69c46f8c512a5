//! The status, for people: connected? fresh? complete? what to do?

use super::checkpoint::{Checkpoint, RunRecord};
use super::costs::CostReport;
use super::kind_report::KindReport;
use super::layout::LayoutReport;
use super::recomputing::Recomputing;
use crate::connection::ConnectionStatus;
use crate::context::Context;
use crate::id::{Kind, WorkspaceId};
use crate::store::StoreError;
use crate::store::purge::Purge;
use crate::time::{DAY_MS, HOUR_MS, Hour, to_the_second};
use crate::turns::{SignalsReport, signals_report};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// Minute of the hour at which the schedule runs.
const SCHEDULE_MINUTE: i64 = 20;

/// The answer of `GET /v1/status`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StatusReport {
    /// The connection's status, or `inactive`.
    #[schemars(extend("enum" = ["inactive", "active", "paused", "revoked", "disconnected", "purging"]))]
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
    /// The time in which all usage was gone from Pendo at once: the one under way, or the last; null when there was none.
    pub recomputing: Option<RecomputingReport>,
    /// What the connection costs; null before the first run.
    pub cost: Option<CostReport>,
    /// The last run.
    pub last_run: Option<LastRun>,
    /// When the schedule runs next.
    pub next_run_at: Option<String>,
    /// Accounts and contacts in the directory.
    pub directory: BTreeMap<&'static str, usize>,
    /// Calculated fields.
    pub fields: usize,
    /// Signals; null before the first.
    pub signals: Option<SignalsReport>,
}

/// A connection that was disconnected with `data=purge`.
#[derive(Debug, Serialize, JsonSchema)]
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
#[derive(Debug, Serialize, JsonSchema)]
pub struct PeopleReport {
    /// When they were last read; null while they never were.
    pub read_at: Option<String>,
    /// Why the last run could not read them: usage goes on with those that are known.
    pub error: Option<String>,
}

/// Pendo does not answer.
#[derive(Debug, Serialize, JsonSchema)]
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

/// Pendo recomputes its whole history.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RecomputingReport {
    /// The run that first saw everything gone.
    pub since: String,
    /// The run that found it back; null while it is not.
    pub back_at: Option<String>,
    /// What it means.
    pub meaning: String,
}

/// The last run.
#[derive(Debug, Serialize, JsonSchema)]
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
        recomputing: None,
        cost: None,
        last_run: None,
        next_run_at: None,
        directory: BTreeMap::from([("accounts", directory.accounts.len()), ("contacts", directory.contacts.len())]),
        fields: fields.len(),
        signals: None,
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
    report.signals = or_named(signals_report(store, workspace, &connection.id).await, &mut report.unreadable)?;
    report.outage = checkpoint.outage.as_ref().map(|outage| OutageReport {
        runs: outage.runs,
        since: to_the_second(outage.since_ms),
        until: outage.until_ms.map(to_the_second),
        detail: outage.detail.clone(),
    });
    report.recomputing =
        checkpoint.recomputing.filter(Recomputing::is_recognised).map(|recomputing| RecomputingReport {
            since: to_the_second(recomputing.seen_at.start_ms()),
            back_at: recomputing.back_at.map(|hour| to_the_second(hour.start_ms())),
            meaning: recomputing.meaning(),
        });
    report.cost = checkpoint.costs.report(Hour::of_ms(context.clock.now_ms()).utc_day());
    let people = checkpoint.people.clone();
    let read_at = (people.read_at_ms > 0).then(|| to_the_second(people.read_at_ms));
    report.people =
        (read_at.is_some() || people.error.is_some()).then_some(PeopleReport { read_at, error: people.error });
    let mapped: std::collections::BTreeSet<Kind> = fields.iter().filter_map(|field| field.definition.kind()).collect();
    let now_ms = context.clock.now_ms();
    for kind in &mapped {
        let state = checkpoint.kinds.get(kind).cloned().unwrap_or_default();
        let mut sets = fields.iter().filter_map(|field| field.definition.measured()?.properties());
        let properties = sets.find(|properties| *kind == Kind::Properties(properties.id()));
        report.kinds.insert(*kind, KindReport::of(state, properties, &checkpoint));
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
                && kind.difference <= kind.difference_waiting
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
        let under_way = checkpoint.recomputing.filter(Recomputing::is_under_way);
        if let Some(recomputing) = under_way.filter(Recomputing::is_recognised) {
            report.next_step = format!("nothing to do: {}", recomputing.meaning());
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
