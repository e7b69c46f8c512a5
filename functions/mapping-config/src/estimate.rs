//! What reading a kind's history would come to, asked for by itself or with the first field of a kind.

use crate::source::{client, connection};
use schemars::JsonSchema;
use serde::Serialize;
use shared::api::{Problem, Reply, Request};
use shared::connection::Connection;
use shared::context::Context;
use shared::id::{Kind, WorkspaceId};
use shared::pendo::Client;
use shared::sync::estimate::{Estimate, estimate};

/// What the first field of a kind sets off.
const BACKFILL: &str = "No field has used this kind before: its history is read now, newest first; a value shows as soon as its own window \
                        is covered. GET /v1/status gives rows, progress and time left.";

/// `GET /v1/pendo/estimate?kind=`: nothing is mapped and nothing is read by it but one probe.
pub(crate) async fn read(context: &Context, workspace: &WorkspaceId, request: &Request) -> Result<Reply, Problem> {
    let query = request.query()?;
    let kind = Kind::ALL.into_iter().find(|kind| query.get("kind") == Some(&kind.name())).ok_or_else(|| {
        Problem::invalid("unknown-kind", "?kind", "Say which kind: feature, guide, page, track or event.")
    })?;
    let connection = connection(context, workspace).await?;
    let client = client(context, &connection).await?;
    let estimate = estimate(&client, &connection, kind, context.clock.now_ms()).await;
    let note = "Nothing is read before a field is created with POST /v1/fields.";
    Reply::json(200, &Shown { kind, estimate, note })
}

/// What begins with the first field of a kind; `None` where the kind's history stands already, or is being read.
pub(crate) async fn begun(
    context: &Context,
    workspace: &WorkspaceId,
    connection: &Connection,
    client: &Client,
    kind: Kind,
) -> Result<Option<Shown>, Problem> {
    let checkpoint = context.store.checkpoint_get(workspace, &connection.id).await?.value;
    if checkpoint.kinds.get(&kind).is_some_and(|state| state.as_of.is_some()) {
        return Ok(None);
    }
    let estimate = estimate(client, connection, kind, context.clock.now_ms()).await;
    Ok(Some(Shown { kind, estimate, note: BACKFILL }))
}

/// An estimate as callers see it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Estimate")]
pub(crate) struct Shown {
    pub(crate) kind: Kind,
    #[serde(flatten)]
    pub(crate) estimate: Estimate,
    /// What becomes of it.
    pub(crate) note: &'static str,
}
