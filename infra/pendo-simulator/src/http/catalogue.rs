//! `GET /api/v1/{feature,page,guide,tracktype,segment,report}`: whole lists, of the default app unless `expand=*`.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, Query, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use crate::http::answer;
use crate::http::key::Access;
use crate::state::State;
use crate::world::ItemKind;

/// What a list may be asked for.
#[derive(Deserialize)]
pub(super) struct Wanted {
    expand: Option<String>,
    id: Option<String>,
}

/// Shows a list.
pub(super) async fn list(
    Shared(state): Shared<Arc<State>>,
    Extension(access): Extension<Access>,
    Path(list): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Response {
    let Some(kind) = ItemKind::of_path(&list) else { return answer::text(StatusCode::NOT_FOUND, "404 page not found") };
    let ids: Option<Vec<&str>> = wanted.id.as_ref().map(|ids| ids.split(',').collect());
    let all_apps = wanted.expand.as_deref() == Some("*");
    answer::value(&state.read(access.foreign, |world, now_ms| world.listed(kind, all_apps, ids.as_deref(), now_ms)))
}
