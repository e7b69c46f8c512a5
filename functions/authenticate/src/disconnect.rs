//! `DELETE /v1/connection`: the key goes at once; the data stays frozen, or goes too.

use crate::spare;
use crate::view::{CONNECTION, inactive, noted, view};
use schemars::JsonSchema;
use serde::Serialize;
use shared::api::{Problem, Reply, Request, etag, nudge, refuse_stale};
use shared::connection::{Connection, ConnectionStatus};
use shared::context::Context;
use shared::id::WorkspaceId;
use shared::queue::Job;
use shared::store::purge::Purge;
use shared::store::{StoreError, Versioned};
use shared::time::Hour;
use shared::trail::Asker;

/// What becomes of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Data {
    Keep,
    Purge,
}

/// The answer of a purge.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Removing {
    status: &'static str,
    progress: Progress,
    note: &'static str,
    next_step: &'static str,
}

/// How far it is, part by part.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RemovalProgress")]
struct Progress {
    key: &'static str,
    connection: &'static str,
    data: &'static str,
}

/// Reads `?data=`. There is no default: both choices would surprise somebody.
fn parse_data(text: Option<&str>) -> Result<Data, Problem> {
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
pub(crate) async fn disconnect(
    context: &Context,
    workspace: &WorkspaceId,
    request: &Request,
) -> Result<Reply, Problem> {
    let data = parse_data(request.query()?.get("data").copied())?;
    let by = &request.asker(context.clock.now_ms());
    let stands = context.store.connection_get(workspace).await?;
    let tag = stands.as_ref().map(|stands| etag(stands.version, &stands.value)).transpose()?;
    refuse_stale(request, tag.as_deref())?;
    let Some(stands) = stands else {
        return Reply::json(200, &inactive());
    };
    match data {
        Data::Keep if stands.value.status == ConnectionStatus::Purging => Err(Problem::conflict(
            "purging",
            "The data is being removed already: repeat with ?data=purge to go on with it.",
        )),
        Data::Keep => keep(context, workspace, stands, by).await,
        Data::Purge => purge(context, workspace, stands, by).await,
    }
}

async fn keep(
    context: &Context,
    workspace: &WorkspaceId,
    stands: Versioned<Connection>,
    by: &Asker,
) -> Result<Reply, Problem> {
    let Versioned { value: mut connection, mut version } = stands;
    if connection.status != ConnectionStatus::Disconnected {
        let before = noted(&connection);
        connection.status = ConnectionStatus::Disconnected;
        connection.frozen_as_of = Some(Hour::of_ms(context.clock.now_ms()));
        let line = by.line("disconnect", CONNECTION, Some(before), Some(noted(&connection)));
        version = context.store.noting(workspace, line).connection_put(workspace, &connection, version).await?;
    }
    context.secrets.delete(&connection.secret).await?;
    spare::forget(context, workspace, None, version - 1).await?;
    Reply::json(200, &view(&connection))
}

/// First the mark that stops every run, then the note of what is to be removed, then the key, last the item: whatever
/// breaks off in between is found again by the note, at the latest by the next tick. The trail goes with everything else, the
/// line about the purge too: it can name people.
async fn purge(
    context: &Context,
    workspace: &WorkspaceId,
    stands: Versioned<Connection>,
    by: &Asker,
) -> Result<Reply, Problem> {
    let Versioned { value: mut connection, mut version } = stands;
    if connection.status != ConnectionStatus::Purging {
        let line = by.line("purge", CONNECTION, Some(noted(&connection)), None);
        connection.status = ConnectionStatus::Purging;
        version = context.store.noting(workspace, line).connection_put(workspace, &connection, version).await?;
    }
    note_purge(context, workspace, &connection).await?;
    context.secrets.delete(&connection.secret).await?;
    spare::forget(context, workspace, None, version - 1).await?;
    context.store.workspace_forget(workspace).await?;
    match context.store.connection_delete(workspace, version).await {
        // The job was faster, or a new connection stands in its place already.
        Ok(()) | Err(StoreError::Conflict { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    nudge(context, workspace, Job::Purge { workspace: workspace.to_string(), hop: 0 }).await;
    let shown = Removing {
        status: "purging",
        progress: Progress { key: "deleted", connection: "deleted", data: "queued" },
        note: "Everything of this workspace is being removed: usage, values, visitors, directory, matching, calculated fields and the trail of changes. \
               Point-in-time backups keep them for up to 35 days.",
        next_step: "GET /v1/status shows how far it is. POST /v1/connection works at once: a new connection shares nothing with this one.",
    };
    Reply::json(202, &shown)
}

/// Notes that what a connection left is to be removed.
pub(crate) async fn note_purge(
    context: &Context,
    workspace: &WorkspaceId,
    connection: &Connection,
) -> Result<(), Problem> {
    let purge = Purge {
        connection: connection.id.clone(),
        secret: connection.secret.clone(),
        asked_at_ms: context.clock.now_ms(),
        shards: 0,
        items: 0,
        cleared_at_ms: None,
    };
    let note = |purges: &mut Vec<Purge>| {
        if purges.iter().all(|known| known.connection != purge.connection) {
            purges.push(purge.clone());
        }
    };
    context.store.purges_change(workspace, note).await.map_err(Problem::from)
}
