//! The HTTP API in front of the functions: what API Gateway does with a JWT authorizer and payload format 2.0.
//!
//! It knows no route's meaning, reads no clock but the machine's, and never sees a function's inside.

mod authorizer;
mod event;
mod routes;

use std::sync::Arc;

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Response, StatusCode};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use authorizer::Authorizer;

use crate::functions::Functions;
use crate::stopping::Stopping;
use routes::Function;

const BODY_MAX: usize = 10 * 1024 * 1024;
/// The request's first line and the values of its headers together.
const HEADERS_MAX: usize = 10_240;

struct Gateway {
    authorizer: Authorizer,
    functions: Functions,
}

/// Serves the API until it is told to stop.
pub fn start(
    listener: TcpListener,
    authorizer: Authorizer,
    functions: Functions,
    mut stopping: Stopping,
) -> JoinHandle<()> {
    let gateway = Arc::new(Gateway { authorizer, functions });
    let router = Router::new().fallback(handle).with_state(gateway);
    tokio::spawn(async move {
        let served = axum::serve(listener, router).with_graceful_shutdown(async move { stopping.wait().await }).await;
        if let Err(error) = served {
            tracing::error!(%error, "the gateway stopped");
        }
    })
}

async fn handle(State(gateway): State<Arc<Gateway>>, request: Request) -> Response<Body> {
    let request_id = format!("{:016x}", rand::random::<u64>());
    let mut response = answer(&gateway, request, &request_id).await;
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("apigw-requestid", id);
    }
    response
}

async fn answer(gateway: &Gateway, request: Request, request_id: &str) -> Response<Body> {
    let (parts, body) = request.into_parts();
    if event::head_bytes(&parts) > HEADERS_MAX {
        return event::message(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "Request Header Fields Too Large");
    }
    let Some(route) = routes::find(parts.uri.path()) else {
        return event::message(StatusCode::NOT_FOUND, "Not Found");
    };
    let authorization = parts.headers.get("authorization").and_then(|header| header.to_str().ok());
    let Some(claims) = gateway.authorizer.claims(authorization) else {
        return event::message(StatusCode::UNAUTHORIZED, "Unauthorized");
    };
    let Ok(body) = to_bytes(body, BODY_MAX).await else {
        return event::message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    };
    match event::request(&parts, &body, &route, &claims, request_id) {
        Ok(event) => invoke(gateway.functions.clone(), route.function, event).await,
        Err(error) => {
            tracing::error!(%error, "a request did not become an event");
            event::message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
        }
    }
}

/// In a task of its own, so that a function that panics answers 500 as in Lambda, and one whose caller hangs up goes on.
async fn invoke(functions: Functions, function: Function, event: ApiGatewayV2httpRequest) -> Response<Body> {
    let invocation = tokio::spawn(async move {
        match function {
            Function::Authenticate => functions.authenticate(event).await,
            Function::MappingConfig => functions.mapping_config(event).await,
        }
    });
    match invocation.await {
        Ok(answer) => event::response(answer),
        Err(error) => {
            tracing::error!(%error, function = ?function, "a function broke off");
            event::message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
        }
    }
}
