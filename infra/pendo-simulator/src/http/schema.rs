//! `GET /api/v1/metadata/schema/{visitor,account}`: which metadata fields there are, read off the metadata that there is.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value as Json, json};

use crate::http::answer;
use crate::http::key::Access;
use crate::state::State;
use crate::value::{Record, Value};
use crate::world::Sightings;

type Schema = BTreeMap<String, BTreeMap<String, Json>>;

/// Shows a schema.
pub(super) async fn show(
    Shared(state): Shared<Arc<State>>,
    Extension(access): Extension<Access>,
    Path(kind): Path<String>,
) -> Response {
    let records = state.read(access.foreign, |world, now_ms| match &*kind {
        "visitor" => Some(world.visitor_records(&Sightings::by(world, now_ms))),
        "account" => Some(world.account_records(&Sightings::by(world, now_ms))),
        _ => None,
    });
    records.map_or_else(
        || answer::text(StatusCode::NOT_FOUND, "404 page not found"),
        |records| answer::value(&schema(&records)),
    )
}

fn schema(records: &[Record]) -> Schema {
    let mut schema = Schema::new();
    // An entry of its own, so that a world without people still has one group.
    schema.entry("auto".to_owned()).or_default().insert("lastvisit".to_owned(), field("lastvisit", &Value::int(0)));
    for record in records {
        let Some(Value::Map(metadata)) = record.get("metadata") else { continue };
        for (group, fields) in metadata.iter() {
            let Value::Map(fields) = fields else { continue };
            let known = schema.entry(group.to_string()).or_default();
            for (name, value) in fields.iter() {
                known.entry(name.to_string()).or_insert_with(|| field(name, value));
            }
        }
    }
    schema
}

fn field(name: &str, value: &Value) -> Json {
    let kind = match value {
        Value::Number(_) if name.ends_with("visit") || name.ends_with("at") || name == "lastupdated" => "time",
        Value::Number(number) if number.fract() == 0.0 => "integer",
        Value::Number(_) => "float",
        Value::Bool(_) => "boolean",
        Value::List(_) => "list",
        Value::Text(_) => "string",
        Value::Null | Value::Map(_) => "",
    };
    json!({
        "Type": kind, "DisplayName": name, "ElementType": if kind == "list" { "string" } else { "" }, "ElementFormat": "", "Dirty": false,
        "isHidden": false, "isDeleted": false, "isCalculated": false, "isPerApp": false, "neverIndex": false, "sample": value.to_json(),
    })
}
