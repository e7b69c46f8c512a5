//! `POST /v1/signals/preview`: a rule tried before it is saved.

use super::Standing;
use super::turned::{days, look, replay_problem};
use serde_json::Value;
use shared::api::{Problem, Reply, Request};
use shared::context::Context;
use shared::id::WorkspaceId;

/// Tells whom a rule would hit now, and what it would have done; saves nothing and tells nobody.
pub(crate) async fn read(context: &Context, workspace: &WorkspaceId, request: &Request) -> Result<Reply, Problem> {
    let days = days(&request.query()?)?;
    let body: Value = request.json()?;
    let draft = Standing::read(context, workspace).await?.parsed(&body)?;
    let look = look(context, workspace).await?;
    let tried = Box::pin(look.tried(context, workspace, draft, days)).await.map_err(replay_problem)?;
    Reply::json(200, &tried)
}
