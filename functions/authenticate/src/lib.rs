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
    let query = request.query(if method == "DELETE" { &["data"] } else { &[] })?;
    let now_ms = context.clock.now_ms();
    let by = &request.asker(now_ms);
    match method {
        "GET" => view::read(context, workspace).await,
        "POST" => {
            let work = async { connect::connect(context, workspace, body::parse_connect(request, now_ms)?, by).await };
            once(context, workspace, request, work).await
        }
        "PATCH" => change::change(context, workspace, body::parse_change(request)?, by).await,
        _ => disconnect::disconnect(context, workspace, disconnect::parse_data(query.get("data").copied())?, by).await,
    }
}
