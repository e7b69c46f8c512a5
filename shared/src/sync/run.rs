//! The run: how it begins, what it has at hand, and how it ends.

use super::checkpoint::{Report, RunRecord};
use super::claim::{Claim, Held};
use super::deadline::Deadline;
use super::fetch::Source;
use super::moves::Sink;
use super::outage::Heard;
use crate::connection::{Connection, ConnectionStatus};
use crate::context::Context;
use crate::fields::Field;
use crate::id::WorkspaceId;
use crate::pendo::{Client, PendoError};
use crate::secrets::SecretsError;
use crate::store::{Layout, Store, StoreError};
use crate::time::Hour;
use std::time::Instant;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// All that was due is done.
    Done,
    /// Time is nearly up; the rest waits for a continuation.
    Continues,
    /// There is nothing to sync: not connected, paused, or the key is refused.
    Skipped,
}

/// What a run is asked by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// By hand: it always runs.
    ByHand,
    /// By the schedule for this time, ms since 1970: it runs once.
    Tick(i64),
    /// By a run that ran out of time: it does the rest, and reports for both.
    Rest,
}

/// Why a run could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// Pendo's.
    #[error(transparent)]
    Pendo(#[from] PendoError),
    /// The table's.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Secrets Manager's.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
}

/// What a run has at hand.
pub struct Run<'a> {
    /// The context.
    pub context: &'a Context,
    /// The table with this run's meter.
    pub store: Store,
    /// Pendo.
    pub client: Client,
    /// Whose.
    pub workspace: &'a WorkspaceId,
    /// The connection as it stood at the start.
    pub connection: Connection,
    /// The end of the last complete hour.
    pub as_of: Hour,
    /// The fields as they stood at the start.
    pub fields: Vec<Field>,
    /// When to stop and let a continuation go on.
    pub deadline: Option<Deadline>,
    /// What it did.
    pub report: Report,
    /// Its claim on history, while it reads it.
    pub(super) held: Option<Held>,
    /// The claim of another run on history that this one wanted.
    pub(super) holder: Option<Claim>,
    /// Why Pendo did not answer any of its probes.
    pub(super) outage: Option<String>,
}

/// Runs one connection's sync, asked for by hand. `stop_at` is when to stop and continue in a new job.
///
/// # Errors
/// What stopped the whole run. What stopped a single kind stands in the checkpoint.
pub async fn run(context: &Context, workspace: &WorkspaceId, stop_at: Option<Instant>) -> Result<RunEnd, SyncError> {
    run_as(context, workspace, Asked::ByHand, stop_at.map(Deadline::of)).await
}

/// Runs one connection's sync. `deadline` is when to stop and continue in a new job.
///
/// # Errors
/// As [`run`].
pub async fn run_as(
    context: &Context,
    workspace: &WorkspaceId,
    asked: Asked,
    deadline: Option<Deadline>,
) -> Result<RunEnd, SyncError> {
    let store = context.store.metered();
    let Some(connection) = store.connection_get(workspace).await? else { return Ok(RunEnd::Skipped) };
    if connection.value.status != ConnectionStatus::Active {
        return Ok(RunEnd::Skipped);
    }
    let started_at_ms = context.clock.now_ms();
    let started = Instant::now();
    if let Asked::Tick(tick) = asked {
        let checkpoint = store.checkpoint_get(workspace, &connection.value.id).await?.value;
        if let Some(outage) = checkpoint.outage.filter(|outage| outage.rests(tick)) {
            tracing::info!(runs = outage.runs, detail = outage.detail, "pendo does not answer: the connection rests");
            return Ok(RunEnd::Skipped);
        }
        // A tick that is still to come was written by a clock that has gone back since.
        if (tick..=started_at_ms).contains(&checkpoint.ticked_ms) {
            tracing::info!("the job's tick is done already");
            return Ok(RunEnd::Skipped);
        }
    }
    let key = context.secrets.get(&connection.value.secret).await?;
    let client = Client::new(&connection.value.base_url, &key)?
        .paced(context.config.pendo_requests_per_second)
        .doubting_refusals();
    let fields = store.fields_get(workspace).await?.value;
    let client = client.naming(fields.iter().filter_map(|field| field.definition.measured()?.properties()));
    let as_of = Hour::of_ms(started_at_ms);
    let mut run = Run {
        context,
        store,
        client,
        workspace,
        connection: connection.value,
        as_of,
        fields,
        deadline,
        report: Report::default(),
        held: None,
        holder: None,
        outage: None,
    };
    let result = run.within_its_time().await;
    let is_refused = matches!(result, Err(SyncError::Pendo(PendoError::Unauthorized { .. })));
    let is_revoked = is_refused && run.is_revoked().await?;
    if is_revoked {
        run.mark_revoked().await?;
    }
    let (is_complete, error, mut end) = match &result {
        Ok((is_complete, end)) => (*is_complete, None, *end),
        Err(error) => (false, Some(error.to_string()), RunEnd::Skipped),
    };
    let heard = match &result {
        Err(SyncError::Pendo(error)) if error.is_outage() => Heard::Silence(error.to_string()),
        Err(SyncError::Store(_) | SyncError::Secrets(_)) => Heard::Nothing,
        _ if run.client.requests() == 0 => Heard::Nothing,
        _ => run.outage.take().map_or(Heard::Answer, Heard::Silence),
    };
    let is_served = result.is_ok() && !matches!(heard, Heard::Silence(_));
    let continues = end == RunEnd::Continues;
    let record = RunRecord { started_at_ms, is_complete, continues, error, ..RunRecord::default() };
    let checkpoint = run.finish(record, started, asked, is_served, &heard).await?;
    if end == RunEnd::Done && (run.is_wanted(&checkpoint) || run.outlives_holder().await?) {
        end = RunEnd::Continues;
    }
    // Asking again with a revoked key, or where Pendo rests, would help nobody: the status says what to do.
    let rests = checkpoint.outage.is_some_and(|outage| outage.until_ms.is_some());
    if is_revoked || (rests && result.is_err()) { Ok(RunEnd::Skipped) } else { result.map(|_| end) }
}

impl Run<'_> {
    /// Where things of this run are stored.
    #[must_use]
    pub fn sink(&self, layout: Layout) -> Sink<'_> {
        Sink {
            store: &self.store,
            workspace: self.workspace,
            connection: &self.connection,
            shards: layout.shards,
            as_of: self.as_of,
            now_ms: self.context.clock.now_ms(),
        }
    }

    /// Where things of this run come from.
    #[must_use]
    pub fn source(&self, layout: Layout) -> Source<'_> {
        Source {
            client: &self.client,
            store: &self.store,
            workspace: self.workspace,
            connection: &self.connection,
            shards: layout.shards,
            as_of: self.as_of,
            now_ms: self.context.clock.now_ms(),
            rows_held: self.context.config.rows_held,
        }
    }

    /// Adds the time since `since` to a step of the report.
    pub fn spend(&mut self, step: &str, since: Instant) {
        *self.report.seconds.entry(step.to_owned()).or_default() += since.elapsed().as_secs_f64();
    }
}
