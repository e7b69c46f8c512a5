//! `DELETE /v1/connection`: the key goes at once; the data stays frozen, or goes too.

use crate::view::{inactive, view};
use serde_json::json;
use shared::api::{Problem, Reply, nudge};
use shared::connection::{Connection, ConnectionStatus};
use shared::context::Context;
use shared::id::WorkspaceId;
use shared::queue::Job;
use shared::store::{StoreError, Versioned};
use shared::time::Hour;

/// What becomes of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    Keep,
    Purge,
}

/// Reads `?data=`. There is no default: both choices would surprise somebody.
pub(crate) fn parse_data(text: Option<&str>) -> Result<Data, Problem> {
    match text {
        Some("keep") => Ok(Data::Keep),
        Some("purge") => Ok(Data::Purge),
        _ => Err(Problem::invalid(
            "data-choice",
            "?data",
            "Say what becomes of the data: ?data=keep freezes the values, ?data=purge removes everything, the directory and the fields too.",
        )),
    }
}

/// Disconnects. Repeating it after a failure goes on where it broke off.
pub(crate) async fn disconnect(context: &Context, workspace: &WorkspaceId, data: Data) -> Result<Reply, Problem> {
    let Some(stands) = context.store.connection_get(workspace).await? else {
        return Reply::json(200, &inactive());
    };
    match data {
        Data::Keep if stands.value.status == ConnectionStatus::Purging => Err(Problem::conflict(
            "purging",
            "The data is being removed already: repeat with ?data=purge to go on with it.",
        )),
        Data::Keep => keep(context, workspace, stands).await,
        Data::Purge => purge(context, workspace, stands).await,
    }
}

async fn keep(context: &Context, workspace: &WorkspaceId, stands: Versioned<Connection>) -> Result<Reply, Problem> {
    let mut connection = stands.value;
    if connection.status != ConnectionStatus::Disconnected {
        connection.status = ConnectionStatus::Disconnected;
        connection.frozen_as_of = Some(Hour::of_ms(context.clock.now_ms()));
        context.store.connection_put(workspace, &connection, stands.version).await?;
    }
    context.secrets.delete(&connection.secret).await?;
    Reply::json(200, &view(&connection))
}

/// First the mark that stops every run, then the job that removes the data, then the key, last the item: whatever
/// breaks off in between is found again by the mark. A job that comes while the item still stands may leave the data
/// alone, so it is queued once more when the item is gone.
async fn purge(context: &Context, workspace: &WorkspaceId, stands: Versioned<Connection>) -> Result<Reply, Problem> {
    let mut connection = stands.value;
    if connection.status != ConnectionStatus::Purging {
        connection.status = ConnectionStatus::Purging;
        context.store.connection_put(workspace, &connection, stands.version).await?;
    }
    queue_purge(context, workspace, &connection).await?;
    context.secrets.delete(&connection.secret).await?;
    context.store.workspace_forget(workspace).await?;
    match context.store.connection_delete(workspace).await {
        Ok(()) | Err(StoreError::Missing { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    nudge(context, workspace, purge_job(context, workspace, &connection)).await;
    let shown = json!({
        "status": ConnectionStatus::Purging,
        "progress": {"key": "deleted", "connection": "deleted", "data": "queued"},
        "note": "Everything of this workspace is being removed: usage, values, visitors, directory, matching and calculated fields. \
                 Point-in-time backups keep them for up to 35 days.",
        "next_step": "POST /v1/connection works at once: a new connection shares nothing with this one.",
    });
    Reply::json(202, &shown)
}

/// Queues the removal of what a connection left.
pub(crate) async fn queue_purge(
    context: &Context,
    workspace: &WorkspaceId,
    connection: &Connection,
) -> Result<(), Problem> {
    context.queue.send(workspace, &purge_job(context, workspace, connection)).await.map_err(Problem::from)
}

fn purge_job(context: &Context, workspace: &WorkspaceId, connection: &Connection) -> Job {
    Job::Purge {
        workspace: workspace.to_string(),
        connection: connection.id.clone(),
        secret: connection.secret.clone(),
        asked_at_ms: context.clock.now_ms(),
    }
}
