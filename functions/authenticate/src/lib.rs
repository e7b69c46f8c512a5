//! Region and key in, a verified connection out: `/v1/connection`.
//!
//! Thin: it routes and answers. The key is checked against Pendo before anything is written, it goes to Secrets Manager
//! only, and no answer ever holds it or the secret's name.

mod body;
mod change;
mod connect;
mod disconnect;
mod subscription;
mod view;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use shared::api::{Access, Problem, Reply, Request, answer, once};
use shared::context::Context;

/// Answers one request.
pub async fn handle(context: &Context, request: ApiGatewayV2httpRequest) -> ApiGatewayV2httpResponse {
    let request = Request::of(request);
    let outcome = route(context, &request).await;
    answer(&request.id, outcome)
}

async fn route(context: &Context, request: &Request) -> Result<Reply, Problem> {
    let access = Access::of(request, &context.config)?;
    if request.path != "/v1/connection" {
        return Err(Problem::not_found("unknown-route", "There is no such route: see /v1/connection."));
    }
    let method = request.method.as_str();
    if !matches!(method, "GET" | "POST" | "PATCH" | "DELETE") {
        return Err(Problem::method("GET, POST, PATCH, DELETE"));
    }
    let workspace = access.configuring()?;
    if method != "DELETE" {
        request.query(&[])?;
    }
    match method {
        "GET" => view::read(context, workspace).await,
        "POST" => once(context, workspace, request, connect::connect(context, workspace, request)).await,
        "PATCH" => change::change(context, workspace, request).await,
        _ => disconnect::disconnect(context, workspace, request).await,
    }
}
