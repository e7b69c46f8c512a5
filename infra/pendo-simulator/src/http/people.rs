//! One visitor, one account, and a visitor's day.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, Query, State as Shared};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use crate::http::answer;
use crate::http::key::Access;
use crate::row::{DAY_MS, Kind, NONE};
use crate::state::State;
use crate::value::{Record, Value};
use crate::world::{Sightings, World};

/// `GET /api/v1/visitor/{id}`
pub(super) async fn visitor(
    Shared(state): Shared<Arc<State>>,
    Extension(access): Extension<Access>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let id = plain(id, &headers);
    let found = state.read(access.foreign, |world, now_ms| {
        let record = world.visitor_record(world.visitor(&id)?, &Sightings::by(world, now_ms))?;
        let auto = |name: &str| match record.get("metadata") {
            Some(Value::Map(metadata)) => match metadata.get("auto") {
                Some(Value::Map(auto)) => auto.get(name).map_or(Json::Null, Value::to_json),
                _ => Json::Null,
            },
            _ => Json::Null,
        };
        Some(json!({"id": id, "accountIds": auto("accountids"), "account": {"id": auto("accountid")}, "lastStartTime": auto("lastvisit"), "metadata": metadata(&record)}))
    });
    found.map_or_else(not_found, |found| answer::value(&found))
}

/// `GET /api/v1/account/{id}`
pub(super) async fn account(
    Shared(state): Shared<Arc<State>>,
    Extension(access): Extension<Access>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let id = plain(id, &headers);
    let found = state.read(access.foreign, |world, now_ms| {
        let record = world.account_record(world.account(&id)?, &Sightings::by(world, now_ms))?;
        Some(json!({"id": id, "metadata": metadata(&record)}))
    });
    found.map_or_else(not_found, |found| answer::value(&found))
}

/// Where a history begins.
#[derive(Deserialize)]
pub(super) struct Since {
    starttime: Option<String>,
}

/// `GET /api/v1/visitor/{id}/history?starttime=`: 24 hours of one visitor, of the last 180 days.
pub(super) async fn history(
    Shared(state): Shared<Arc<State>>,
    Extension(access): Extension<Access>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Query(since): Query<Since>,
) -> Response {
    let id = plain(id, &headers);
    let Some(start_ms) = since.starttime.as_deref().and_then(|start| start.parse::<i64>().ok()) else {
        return answer::text(StatusCode::UNPROCESSABLE_ENTITY, "starttime is missing");
    };
    let found = state.read(access.foreign, |world, now_ms| {
        if start_ms < now_ms - 181 * DAY_MS {
            return Err(StatusCode::UNPROCESSABLE_ENTITY);
        }
        let number = world.texts.find(&id).filter(|_| world.visitor(&id).is_some()).ok_or(StatusCode::NOT_FOUND)?;
        Ok(moments(world, number, start_ms, now_ms))
    });
    match found {
        Ok(moments) => answer::value(&moments),
        Err(StatusCode::NOT_FOUND) => not_found(),
        Err(status) => answer::text(status, "starttime is too long ago"),
    }
}

fn moments(world: &World, visitor: u32, start_ms: i64, now_ms: i64) -> Vec<Map<String, Json>> {
    let mut moments = Vec::new();
    for (kind, name, key) in [
        (Kind::Page, "page", "pageId"),
        (Kind::Feature, "feature", "featureId"),
        (Kind::Track, "track", "trackTypeId"),
        (Kind::Guide, "guide", "guideId"),
    ] {
        let rows = world.rows_between(kind, start_ms - start_ms.rem_euclid(3_600_000), start_ms + DAY_MS);
        let rows = rows
            .iter()
            .filter(|row| row.visitor == visitor && !world.is_hidden(row))
            .filter_map(|row| row.seen_at(now_ms));
        for row in rows.filter(|row| row.first >= start_ms && row.first < start_ms + DAY_MS) {
            let mut moment = Map::new();
            moment.insert("ts".to_owned(), row.first.into());
            moment.insert("lastTs".to_owned(), row.first.max(row.last).into());
            moment.insert("type".to_owned(), name.into());
            moment.insert(key.to_owned(), world.texts.str(row.object).into());
            moment.insert("numEvents".to_owned(), row.events.into());
            if row.account != NONE {
                moment.insert("accountId".to_owned(), world.texts.str(row.account).into());
            }
            moments.push(moment);
        }
    }
    moments.sort_by_key(|moment| moment.get("ts").and_then(Json::as_i64));
    moments
}

/// The id itself, which a client may have sent in base64 because it does not fit into a path.
fn plain(id: String, headers: &HeaderMap) -> String {
    if !headers.contains_key("x-pendo-base64-encoded-params") {
        return id;
    }
    let decoded = [STANDARD, URL_SAFE, URL_SAFE_NO_PAD].iter().find_map(|engine| engine.decode(&id).ok());
    decoded.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or(id)
}

fn metadata(record: &Record) -> Json {
    record.get("metadata").map_or(Json::Null, Value::to_json)
}

fn not_found() -> Response {
    answer::text(StatusCode::NOT_FOUND, "404 page not found")
}
