//! The API over HTTP. Order matters: the log sees all, then keys are checked, then faults strike, then routes answer.

mod aggregation;
mod answer;
mod catalogue;
mod control;
mod gate;
mod key;
mod people;
mod schema;
mod trouble;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware;
use axum::response::Response;
use axum::routing::{get, post};
use tower_http::compression::{CompressionLayer, CompressionLevel};

use crate::state::State;

/// The largest body that is read.
const BODY_BYTES_MAX: usize = 16 << 20;

/// All routes.
pub(crate) fn router(state: Arc<State>) -> Router {
    let api = Router::new()
        .route("/api/v1/token/verify", get(key::verify))
        .route("/api/v1/aggregation", post(aggregation::aggregate).get(aggregation::refuse_get))
        .route("/api/v1/metadata/schema/{kind}", get(schema::show))
        .route("/api/v1/visitor/{id}", get(people::visitor))
        .route("/api/v1/visitor/{id}/history", get(people::history))
        .route("/api/v1/account/{id}", get(people::account))
        .route("/api/v1/{list}", get(catalogue::list))
        .fallback(not_found)
        .method_not_allowed_fallback(not_found)
        .layer(middleware::from_fn_with_state(Arc::clone(&state), gate::pass));
    let simulator = Router::new()
        .route("/simulator/clock", get(control::clock).post(control::move_clock))
        .route("/simulator/truth", get(control::truth))
        .route("/simulator/requests", get(control::requests).delete(control::clear_requests))
        .route("/simulator/faults", get(control::faults).put(control::set_faults))
        .route("/simulator/rows", post(control::inject))
        .route("/simulator/edit", post(control::edit))
        .route("/simulator/time-zone", post(control::change_zone))
        .route("/simulator/do-not-process", post(control::do_not_process));
    simulator
        .merge(api)
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(state)
}

async fn not_found() -> Response {
    answer::text(StatusCode::NOT_FOUND, "404 page not found")
}
