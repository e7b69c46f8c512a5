//! Values and status, for any level of the workspace; and a sync at once, for `high`.

use crate::source::connection;
use schemars::JsonSchema;
use serde::Serialize;
use shared::api::page::{self, Listed};
use shared::api::table::{self, Rows};
use shared::api::{Problem, Reply, Request};
use shared::connection::ConnectionStatus;
use shared::context::Context;
use shared::fields::Field;
use shared::id::{ObjectKind, WorkspaceId};
use shared::queue::Job;
use shared::values::{Cursor, Page, Query, ValuesError, list};
use std::collections::BTreeMap;

/// The most lines of a page, so that it stays well under what a function may answer.
const LINES_MAX: usize = 10_000;

/// `GET /v1/values`: lines as in the export, or a wide table. A page holds whole objects.
pub(crate) async fn read(context: &Context, workspace: &WorkspaceId, request: &Request) -> Result<Reply, Problem> {
    let query = request.query()?;
    let is_csv = is_csv(&query)?;
    let mut asked = Query {
        object: level(&query)?,
        id: query.get("id").map(|id| (*id).to_owned()),
        field: query.get("field").map(|name| (*name).to_owned()),
        after: page::after_as(&query, parse_cursor)?,
        limit: page::limit(&query, page::LIMIT_DEFAULT)?,
        with_notes: true,
    };
    let fields = asked_fields(context, workspace, &asked).await?;
    asked.limit = asked.limit.min(LINES_MAX / fields.len().max(1)).max(1);
    let found = list(context, workspace, &asked).await.map_err(problem)?;
    let next = found.next.as_ref().map(|next| page::cursor(&format!("{}/{}", next.object.name(), next.id)));
    if is_csv {
        let columns = fields.into_iter().map(|field| field.definition.name).collect();
        return Ok(Reply::csv(table::write(&columns, &rows(found))?, next.as_deref()));
    }
    Reply::json(200, &Listed { items: found.items, next })
}

/// `GET /v1/status`.
pub(crate) async fn status(context: &Context, workspace: &WorkspaceId, request: &Request) -> Result<Reply, Problem> {
    request.query()?;
    Reply::json(200, &shared::sync::status::read(context, workspace).await?)
}

/// The answer of `POST /v1/sync`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Queued {
    status: &'static str,
    next_step: &'static str,
}

/// `POST /v1/sync`: queues a run.
pub(crate) async fn sync(context: &Context, workspace: &WorkspaceId, request: &Request) -> Result<Reply, Problem> {
    request.query()?;
    match connection(context, workspace).await?.status {
        ConnectionStatus::Paused => {
            return Err(Problem::conflict(
                "paused",
                "Syncing is paused: send PATCH /v1/connection with {\"paused\":false} first.",
            ));
        }
        ConnectionStatus::Revoked => {
            return Err(Problem::conflict(
                "key-revoked",
                "Pendo refuses the key: send a new one with POST /v1/connection, which syncs at once.",
            ));
        }
        _ => {}
    }
    // The line first: a run that is asked for twice is one run, and one without its line can't be told.
    let line = request.asker(context.clock.now_ms()).line("ask", "sync", None, None);
    context.store.trail_note(workspace, &line).await?;
    context.queue.send(workspace, &Job::sync(workspace)).await?;
    Reply::json(202, &Queued { status: "queued", next_step: "GET /v1/status shows the run." })
}

/// The fields asked for: as columns they stand on every page, also where no object of it has a value.
async fn asked_fields(context: &Context, workspace: &WorkspaceId, asked: &Query) -> Result<Vec<Field>, Problem> {
    let mut fields = context.store.fields_get(workspace).await?.value;
    fields.retain(|field| {
        asked.object.is_none_or(|object| object == field.definition.object)
            && asked
                .field
                .as_deref()
                .is_none_or(|asked| asked == field.id.as_str() || asked.eq_ignore_ascii_case(&field.definition.name))
    });
    Ok(fields)
}

fn rows(found: Page) -> Rows {
    let mut rows: Rows = BTreeMap::new();
    for line in found.items {
        rows.entry((line.object.name(), line.id)).or_default().insert(line.field, line.value);
    }
    rows
}

/// Whether a table is asked for.
pub(crate) fn is_csv(query: &BTreeMap<&str, &str>) -> Result<bool, Problem> {
    match query.get("format") {
        None | Some(&"json") => Ok(false),
        Some(&"csv") => Ok(true),
        Some(_) => Err(Problem::invalid("format", "?format", "\"format\" is json or csv.")),
    }
}

/// The level that a query names, if it names one.
pub(crate) fn level(query: &BTreeMap<&str, &str>) -> Result<Option<ObjectKind>, Problem> {
    query.get("object").map(|name| object(name)).transpose()
}

/// The one object that is asked for.
pub(crate) fn one_object(query: &BTreeMap<&str, &str>) -> Result<(ObjectKind, String), Problem> {
    let missing = |name: &'static str, detail: &str| Problem::invalid(name, format!("?{name}"), detail);
    let level = query.get("object").ok_or_else(|| missing("object", "Say \"object\": account or contact."))?;
    let id = query.get("id").ok_or_else(|| missing("id", "Say \"id\": that of an account or contact."))?;
    Ok((object(level)?, (*id).to_owned()))
}

fn object(name: &str) -> Result<ObjectKind, Problem> {
    match name {
        "account" => Ok(ObjectKind::Account),
        "contact" => Ok(ObjectKind::Contact),
        _ => Err(Problem::invalid("object", "?object", "\"object\" is account or contact.")),
    }
}

fn parse_cursor(text: &str) -> Option<Cursor> {
    let (name, id) = text.split_once('/')?;
    Some(Cursor { object: object(name).ok()?, id: id.to_owned() })
}

/// What can't be read as an answer.
pub(crate) fn problem(error: ValuesError) -> Problem {
    match error {
        ValuesError::NotConnected => Problem::not_connected(),
        ValuesError::UnknownField(_) => Problem::not_found(
            "unknown-field-id",
            "There is no calculated field of this name or id: see GET /v1/fields.",
        )
        .at("?field"),
        ValuesError::UnknownObject { .. } => Problem::not_found(
            "unknown-object",
            "There is no account or contact with this id: see GET /v1/directory/accounts and contacts.",
        )
        .at("?id"),
        ValuesError::Store(error) => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_names_a_level_and_any_id() {
        let cursor = parse_cursor("contact/a/b").unwrap();
        assert_eq!((cursor.object, cursor.id.as_str()), (ObjectKind::Contact, "a/b"));
        for text in ["", "contact", "visitor/a"] {
            assert_eq!(parse_cursor(text), None, "{text}");
        }
    }
}
