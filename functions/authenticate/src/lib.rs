//! Region and key in, a verified connection out: `/v1/connection`.
//!
//! Thin: it routes and answers. The key is checked against Pendo before anything is written, it goes to Secrets Manager
//! only, and no answer ever holds it or the secret's name.

mod body;
mod change;
mod connect;
mod disconnect;
pub mod operations;
mod spare;
mod subscription;
mod view;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use operations::{Act, OPERATIONS};
use shared::api::{Access, Problem, Reply, Request, answer, find, once};
use shared::context::Context;
use shared::id::WorkspaceId;
use tracing::Instrument;

/// Answers one request.
pub async fn handle(context: &Context, request: ApiGatewayV2httpRequest) -> ApiGatewayV2httpResponse {
    let request = Request::of(request);
    let id = request.id.clone();
    let outcome = Box::pin(route(context, request)).instrument(tracing::info_span!("request", request.id = id)).await;
    answer(&id, outcome)
}

async fn route(context: &Context, request: Request) -> Result<Reply, Problem> {
    let access = Access::of(&request, &context.config)?;
    let (operation, _) = find(&OPERATIONS, &request)?;
    let workspace = access.at(operation.level)?;
    let request = &request.taking(operation.query);
    let work = act(context, workspace, request, operation.act);
    if operation.is_creating { once(context, workspace, request, work).await } else { work.await }
}

async fn act(context: &Context, workspace: &WorkspaceId, request: &Request, act: Act) -> Result<Reply, Problem> {
    request.query()?;
    match act {
        Act::Read => view::read(context, workspace).await,
        Act::Connect => connect::connect(context, workspace, request).await,
        Act::Change => change::change(context, workspace, request).await,
        Act::Disconnect => disconnect::disconnect(context, workspace, request).await,
    }
}
