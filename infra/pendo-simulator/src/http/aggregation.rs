//! `POST /api/v1/aggregation`

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;

use crate::faults::{Fate, Faults};
use crate::http::answer;
use crate::http::key::Access;
use crate::query::plan::Plan;
use crate::query::run::{Run, start_time};
use crate::query::{Refusal, answer as body};
use crate::state::State;
use crate::world::World;

/// Runs an aggregation, aside from the threads that serve.
pub(super) async fn aggregate(
    Shared(state): Shared<Arc<State>>,
    Extension(access): Extension<Access>,
    Extension(fate): Extension<Fate>,
    request: Bytes,
) -> Response {
    let faults = state.faults();
    if faults.aggregation_needs_write && !access.write {
        return answer::empty(StatusCode::FORBIDDEN);
    }
    let work = move || state.read(access.foreign, |world, now_ms| run(world, now_ms, &request, &faults, fate));
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok((body, true))) => answer::typed("text/csv", body),
        Ok(Ok((body, false))) => answer::json(body),
        Ok(Err(Refusal { status, text })) => {
            answer::text(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST), text)
        }
        Err(_) => answer::text(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
    }
}

/// `GET` on the aggregation is a bad request, with a good key.
pub(super) async fn refuse_get() -> Response {
    answer::text(StatusCode::BAD_REQUEST, "Bad Request")
}

/// How many buckets the first source asks for, where it counts them.
fn buckets(request: &[u8]) -> u64 {
    let request: serde_json::Value = serde_json::from_slice(request).unwrap_or_default();
    let count = request.pointer("/request/pipeline/0/source").and_then(|source| source.pointer("/timeSeries/count"));
    count.and_then(serde_json::Value::as_i64).map_or(0, i64::unsigned_abs)
}

fn run(world: &World, now_ms: i64, request: &[u8], faults: &Faults, fate: Fate) -> Result<(Vec<u8>, bool), Refusal> {
    let run = Run::new(world, now_ms, faults.max_rows);
    let plan = Plan::parse(request, &run)?;
    if let Some(status) = faults.list_refused.filter(|_| plan.reads_do_not_process_list()) {
        return Err(Refusal { status, text: "unknown source: doNotProcessVisitors".to_owned() });
    }
    if faults.max_buckets > 0 && buckets(request) > faults.max_buckets {
        return Err(Refusal { status: 400, text: "the timeSeries has too many buckets".to_owned() });
    }
    let mut items = run.pipeline(&plan.stages, Vec::new())?;
    match fate {
        Fate::Empty => items.clear(),
        Fate::Shrink => items.truncate(items.len() / 2),
        _ => {}
    }
    if plan.is_csv {
        return Ok((body::csv(items, &run), true));
    }
    Ok((body::json(items, start_time(&plan.stages), faults.null_results, &run), false))
}
