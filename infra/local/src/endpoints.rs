//! Secrets Manager, SQS and EventBridge, as much of them as the functions call: JSON with an `X-Amz-Target` header, on one port.
//!
//! The SDKs talk to it as they talk to AWS, so the functions need no local branch. Signatures are not checked.

mod events;
mod queue;
mod secrets;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use axum::routing::post;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::events::Events;
use crate::stopping::Stopping;
use crate::worker::JobQueue;
use secrets::Vault;

/// The last part of the queue's URL.
pub const QUEUE: &str = "pendo-usage-jobs";
/// The name of the bus of events.
pub const BUS: &str = "pendo-usage";

/// The endpoints could not be started.
#[derive(Debug, thiserror::Error)]
#[error("the local endpoints could not be started: {0}")]
pub struct EndpointsError(String);

/// An error as AWS answers it.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    kind: &'static str,
    message: String,
}

impl Refusal {
    fn bad_request(kind: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, kind, message: message.into() }
    }
}

struct Endpoints {
    vault: Vault,
    queue: JobQueue,
    events: Events,
}

/// Serves them on a free port; secrets are kept in a file, or in memory.
///
/// # Errors
/// No free port, or a file of secrets that can't be read.
pub async fn start(
    secrets_file: Option<PathBuf>,
    queue: JobQueue,
    events: Events,
    mut stopping: Stopping,
) -> Result<(SocketAddr, JoinHandle<()>), EndpointsError> {
    let vault = Vault::open(secrets_file).map_err(EndpointsError)?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(|error| EndpointsError(error.to_string()))?;
    let address = listener.local_addr().map_err(|error| EndpointsError(error.to_string()))?;
    let router = Router::new().route("/", post(handle)).with_state(Arc::new(Endpoints { vault, queue, events }));
    let task = tokio::spawn(async move {
        let served = axum::serve(listener, router).with_graceful_shutdown(async move { stopping.wait().await }).await;
        if let Err(error) = served {
            tracing::error!(%error, "the local endpoints stopped");
        }
    });
    Ok((address, task))
}

async fn handle(State(endpoints): State<Arc<Endpoints>>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let (service, operation) = target.split_once('.').unwrap_or_default();
    let answer = match (service, serde_json::from_slice::<Value>(&body)) {
        (_, Err(error)) => Err(Refusal::bad_request("SerializationException", error.to_string())),
        ("secretsmanager", Ok(input)) => endpoints.vault.call(operation, &input),
        ("AmazonSQS", Ok(input)) => queue::call(&endpoints.queue, operation, &input),
        ("AWSEvents", Ok(input)) => events::call(&endpoints.events, operation, &input),
        _ => Err(unknown_operation(target)),
    };
    let mut response = Response::new(Body::empty());
    match answer {
        Ok(output) => *response.body_mut() = Body::from(output.to_string()),
        Err(refusal) => {
            *response.status_mut() = refusal.status;
            *response.body_mut() = Body::from(json!({"__type": refusal.kind, "message": refusal.message}).to_string());
            if refusal.kind == queue::NO_QUEUE {
                // SQS spoke another protocol once, and its clients still look here first.
                response.headers_mut().insert(
                    "x-amzn-query-error",
                    HeaderValue::from_static("AWS.SimpleQueueService.NonExistentQueue;Sender"),
                );
            }
        }
    }
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.1"));
    response
}

fn unknown_operation(name: &str) -> Refusal {
    Refusal::bad_request("UnknownOperationException", format!("{name} is not served on this machine"))
}

/// A text member of an operation's input.
fn text<'a>(input: &'a Value, member: &str) -> Result<&'a str, Refusal> {
    let missing = || Refusal::bad_request("ValidationException", format!("{member} is missing or not a string"));
    input.get(member).and_then(Value::as_str).ok_or_else(missing)
}

/// A fresh UUID (version 4).
fn uuid() -> String {
    let bits = (rand::random::<u128>() & !(0xF << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests;
