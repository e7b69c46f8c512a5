//! What reading a kind's history would come to, asked for by itself or with the first field of a kind.

use crate::source::{client, connection};
use serde_json::{Value, json};
use shared::api::{Problem, Reply, Request};
use shared::context::Context;
use shared::id::{Kind, WorkspaceId};
use shared::sync::estimate::{Estimate, estimate};

/// `GET /v1/pendo/estimate?kind=`: nothing is mapped and nothing is read by it but one probe.
pub(crate) async fn read(context: &Context, workspace: &WorkspaceId, request: &Request) -> Result<Reply, Problem> {
    let query = request.query()?;
    let kind = Kind::ALL.into_iter().find(|kind| query.get("kind") == Some(&kind.name())).ok_or_else(|| {
        Problem::invalid("unknown-kind", "?kind", "Say which kind: feature, guide, page, track or event.")
    })?;
    let connection = connection(context, workspace).await?;
    let client = client(context, &connection).await?;
    let estimate = estimate(&client, &connection, kind, context.clock.now_ms()).await;
    Reply::json(200, &shown(&estimate, kind, "Nothing is read before a field is created with POST /v1/fields.")?)
}

/// An estimate as callers see it, with what becomes of it.
pub(crate) fn shown(estimate: &Estimate, kind: Kind, note: &str) -> Result<Value, Problem> {
    let mut shown = serde_json::to_value(estimate).map_err(Problem::internal)?;
    shown["kind"] = json!(kind.name());
    shown["note"] = json!(note);
    Ok(shown)
}
