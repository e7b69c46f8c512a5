//! The simulator's own routes, which Pendo does not have. They take no key: who reaches this port owns it.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Query, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, SecondsFormat};
use chrono_tz::Tz;
use serde::Deserialize;
use serde_json::json;

use crate::faults::Faults;
use crate::http::answer;
use crate::row::{Kind, RawRow};
use crate::state::State;
use crate::world::ItemKind;

/// `GET /simulator/clock`
pub(super) async fn clock(Shared(state): Shared<Arc<State>>) -> Response {
    let now_ms = state.clock.now_ms();
    let now = DateTime::from_timestamp_millis(now_ms).map(|now| now.to_rfc3339_opts(SecondsFormat::Millis, true));
    answer::value(&json!({"now": now, "now_ms": now_ms}))
}

/// A step forward, or an instant to go to.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Move {
    advance_seconds: Option<i64>,
    now: Option<String>,
}

/// `POST /simulator/clock`
pub(super) async fn move_clock(shared: Shared<Arc<State>>, body: Bytes) -> Response {
    let to: Move = match read(&body) {
        Ok(to) => to,
        Err(refusal) => return *refusal,
    };
    let is_moved = match (to.advance_seconds, to.now.as_deref().map(DateTime::parse_from_rfc3339)) {
        (Some(seconds), None) if seconds >= 0 => {
            shared.0.clock.advance_ms(seconds.saturating_mul(1000));
            true
        }
        (None, Some(Ok(now))) => shared.0.clock.set_ms(now.timestamp_millis()),
        _ => false,
    };
    if is_moved {
        clock(shared).await
    } else {
        answer::text(StatusCode::BAD_REQUEST, "give advance_seconds >= 0, or now in RFC 3339, not in the past")
    }
}

/// Which kind of rows.
#[derive(Deserialize)]
pub(super) struct Which {
    kind: Option<Kind>,
}

/// `GET /simulator/truth?kind=`: every raw row that has arrived, one a line.
pub(super) async fn truth(Shared(state): Shared<Arc<State>>, Query(which): Query<Which>) -> Response {
    let rows = state.read(false, |world, now_ms| match which.kind {
        Some(kind) => world.truth(&[kind], now_ms),
        None => world.truth(&Kind::ALL, now_ms),
    });
    let mut lines = Vec::new();
    for row in rows {
        if serde_json::to_writer(&mut lines, &row).is_err() {
            return answer::empty(StatusCode::INTERNAL_SERVER_ERROR);
        }
        lines.push(b'\n');
    }
    answer::typed("application/x-ndjson", lines)
}

/// `GET /simulator/requests`
pub(super) async fn requests(Shared(state): Shared<Arc<State>>) -> Response {
    answer::value(&state.requests())
}

/// `DELETE /simulator/requests`
pub(super) async fn clear_requests(Shared(state): Shared<Arc<State>>) -> Response {
    state.clear_requests();
    answer::empty(StatusCode::NO_CONTENT)
}

/// `GET /simulator/faults`
pub(super) async fn faults(Shared(state): Shared<Arc<State>>) -> Response {
    answer::value(&state.faults())
}

/// `PUT /simulator/faults`
pub(super) async fn set_faults(Shared(state): Shared<Arc<State>>, body: Bytes) -> Response {
    let faults: Faults = match read(&body) {
        Ok(faults) => faults,
        Err(refusal) => return *refusal,
    };
    state.set_faults(faults);
    answer::value(&state.faults())
}

/// `POST /simulator/rows`: adds a list of raw rows, in the shape in which the truth shows them.
pub(super) async fn inject(Shared(state): Shared<Arc<State>>, body: Bytes) -> Response {
    let rows: Vec<RawRow> = match read(&body) {
        Ok(rows) => rows,
        Err(refusal) => return *refusal,
    };
    state.change(|world, _| rows.iter().for_each(|row| world.inject(row)));
    answer::empty(StatusCode::NO_CONTENT)
}

/// An edit of a tag.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Edit {
    kind: Kind,
    id: String,
    #[serde(default)]
    minutes: i64,
    keeps_percent: Option<u64>,
}

/// `POST /simulator/edit`
pub(super) async fn edit(Shared(state): Shared<Arc<State>>, body: Bytes) -> Response {
    let edit: Edit = match read(&body) {
        Ok(edit) => edit,
        Err(refusal) => return *refusal,
    };
    let kind = ItemKind::of_usage(edit.kind);
    let known = state.change(|world, now_ms| {
        world.edit(kind, &edit.id, now_ms, edit.minutes * 60_000, edit.keeps_percent.unwrap_or(100))
    });
    if known { answer::empty(StatusCode::NO_CONTENT) } else { answer::text(StatusCode::NOT_FOUND, "no such object") }
}

/// A change of the time zone.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Zone {
    time_zone: String,
    #[serde(default)]
    minutes: i64,
}

/// `POST /simulator/time-zone`
pub(super) async fn change_zone(Shared(state): Shared<Arc<State>>, body: Bytes) -> Response {
    let zone: Zone = match read(&body) {
        Ok(zone) => zone,
        Err(refusal) => return *refusal,
    };
    let Ok(name) = zone.time_zone.parse::<Tz>() else {
        return answer::text(StatusCode::BAD_REQUEST, "unknown time zone");
    };
    state.change(|world, now_ms| world.change_zone(name, now_ms, zone.minutes * 60_000));
    answer::empty(StatusCode::NO_CONTENT)
}

/// A visitor to be processed no longer, or again.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mark {
    visitor: String,
    #[serde(default = "yes")]
    do_not_process: bool,
    #[serde(default = "yes")]
    keeps_usage: bool,
}

const fn yes() -> bool {
    true
}

/// `POST /simulator/do-not-process`
pub(super) async fn do_not_process(Shared(state): Shared<Arc<State>>, body: Bytes) -> Response {
    let mark: Mark = match read(&body) {
        Ok(mark) => mark,
        Err(refusal) => return *refusal,
    };
    state.change(|world, now_ms| {
        if mark.do_not_process {
            world.erase(&mark.visitor, now_ms, mark.keeps_usage);
        } else {
            world.release(&mark.visitor, now_ms);
        }
    });
    answer::empty(StatusCode::NO_CONTENT)
}

/// Reads a body as JSON, whatever it calls itself.
fn read<T: serde::de::DeserializeOwned>(body: &Bytes) -> Result<T, Box<Response>> {
    serde_json::from_slice(body).map_err(|error| Box::new(answer::text(StatusCode::BAD_REQUEST, error.to_string())))
}
