//! Who changed what of the configuration, and when. The lines are written with the changes; here they are only read.

use crate::operations::{Act, READ};
use crate::parameters::{CURSOR, LIMIT};
use schemars::JsonSchema;
use serde::Serialize;
use shared::api::operation::{Operation, shape};
use shared::api::page::{self, Listed};
use shared::api::{Problem, Reply, Request};
use shared::context::Context;
use shared::id::WorkspaceId;
use shared::time::to_the_millisecond;
use shared::trail::Line;

/// What it can be asked.
pub(crate) const OPERATION: Operation<Act> = Operation {
    act: Act::Audit,
    id: "listChanges",
    path: "/v1/audit",
    summary: "Who changed what of the configuration, and when, newest first.",
    query: &[LIMIT, CURSOR],
    replies: &[(200, Some(shape::<Listed<Shown>>))],
    ..READ
};

/// A line as callers see it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Change")]
pub(crate) struct Shown {
    /// When, RFC 3339.
    at: String,
    #[serde(flatten)]
    line: Line,
}

/// `GET /v1/audit`: newest first.
pub(crate) async fn read(context: &Context, workspace: &WorkspaceId, request: &Request) -> Result<Reply, Problem> {
    let query = request.query()?;
    let (limit, after) = (page::limit(&query, page::LIMIT_DEFAULT)?, page::after(&query)?);
    let found = context.store.trail_get(workspace, after.as_deref(), limit, context.clock.now_ms()).await?;
    let items = found.lines.into_iter().map(|line| Shown { at: to_the_millisecond(line.at_ms), line }).collect();
    Reply::json(200, &Listed { items, next: found.next.map(|next| page::cursor(&next)) })
}
