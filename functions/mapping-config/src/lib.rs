//! Everything an admin sets and a reader reads: what Pendo offers, matching, directory, fields, values, status.
//!
//! Thin: it routes and answers. Whoever configures needs the level `high`; values and status are for any level of the
//! workspace. Visitor ids are shown to `high` only, since only matching and the catalogue hold them.

mod audit;
mod catalog;
mod deleted;
mod directory;
mod estimate;
mod fields;
mod matching;
mod people;
mod source;
mod suggestion;
mod values;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use shared::api::{Access, Problem, Reply, Request, answer, once};
use shared::context::Context;
use shared::id::{FieldId, ObjectKind};

/// Answers one request.
pub async fn handle(context: &Context, request: ApiGatewayV2httpRequest) -> ApiGatewayV2httpResponse {
    let request = Request::of(request);
    let outcome = Box::pin(route(context, &request)).await;
    answer(&request.id, outcome)
}

async fn route(context: &Context, request: &Request) -> Result<Reply, Problem> {
    let access = Access::of(request, &context.config)?;
    let method = request.method.as_str();
    match (request.parts().as_slice(), method) {
        (["v1", "audit"], "GET") => audit::read(context, access.configuring()?, request).await,
        (["v1", "values"], "GET") => values::read(context, &access.workspace, request).await,
        (["v1", "status"], "GET") => values::status(context, &access.workspace, request).await,
        (["v1", "audit" | "values" | "status"], _) => Err(Problem::method("GET")),
        (["v1", "sync"], "POST") => {
            let workspace = access.configuring()?;
            once(context, workspace, request, values::sync(context, workspace, request)).await
        }
        (["v1", "sync"], _) => Err(Problem::method("POST")),
        (["v1", "pendo", "metadata"], "GET") => catalog::metadata(context, access.configuring()?, request).await,
        (["v1", "pendo", "catalog"], "GET") => catalog::catalog(context, access.configuring()?, request).await,
        (["v1", "pendo", "estimate"], "GET") => estimate::read(context, access.configuring()?, request).await,
        (["v1", "pendo", "metadata" | "catalog" | "estimate"], _) => Err(Problem::method("GET")),
        (["v1", "matching"], "GET") => matching::read(context, access.configuring()?, request).await,
        (["v1", "matching"], "PUT") => matching::put(context, access.configuring()?, request).await,
        (["v1", "matching"], _) => Err(Problem::method("GET, PUT")),
        (["v1", "directory", list], _) => {
            let kind = match *list {
                "accounts" => ObjectKind::Account,
                "contacts" => ObjectKind::Contact,
                _ => return Err(unknown_route()),
            };
            match method {
                "GET" => directory::read(context, access.configuring()?, kind, request).await,
                "PUT" => directory::upload(context, access.configuring()?, kind, request).await,
                "DELETE" => directory::delete(context, access.configuring()?, kind, request).await,
                _ => Err(Problem::method("GET, PUT, DELETE")),
            }
        }
        (["v1", "fields"], "GET") => fields::list(context, access.configuring()?, request).await,
        (["v1", "fields"], "POST") => {
            let workspace = access.configuring()?;
            once(context, workspace, request, fields::create(context, workspace, request)).await
        }
        (["v1", "fields"], _) => Err(Problem::method("GET, POST")),
        (["v1", "fields", id], "GET") => {
            fields::read(context, access.configuring()?, &FieldId::from_text(id), request).await
        }
        (["v1", "fields", id], "DELETE") => {
            fields::delete(context, access.configuring()?, &FieldId::from_text(id), request).await
        }
        (["v1", "fields", _], _) => Err(Problem::method("GET, DELETE")),
        _ => Err(unknown_route()),
    }
}

fn unknown_route() -> Problem {
    Problem::not_found(
        "unknown-route",
        "There is no such route: see /v1/audit, /v1/pendo, /v1/matching, /v1/directory, /v1/fields, /v1/values, /v1/status and /v1/sync.",
    )
}
