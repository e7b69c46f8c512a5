//! Calculated fields: list, create, read, delete.
//!
//! A definition is checked whole before it is stored: its words by the rules, its objects against Pendo's catalogue.

use crate::source::{client, connection, pendo_problem, refused};
use crate::{deleted, formulas};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use shared::api::page::Listed;
use shared::api::{Problem, Reply, Request, etag, nudge, refuse_stale};
use shared::connection::Connection;
use shared::context::Context;
use shared::fields::{Definition, Field, Usage};
use shared::id::{FieldId, Kind, ObjectKind, WorkspaceId};
use shared::pendo::catalog;
use shared::queue::Job;
use shared::store::StoreError;
use shared::sync::estimate;
use shared::time::to_the_second;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// The most fields of a workspace.
const FIELDS_MAX: usize = 200;
/// How often a change is redone when somebody else changes the fields too.
pub(crate) const ATTEMPTS_MAX: usize = 6;

/// `GET /v1/fields`, in the order of level and name.
pub(crate) async fn list(context: &Context, workspace: &WorkspaceId, request: &Request) -> Result<Reply, Problem> {
    request.query()?;
    let mut fields = context.store.fields_get(workspace).await?.value;
    fields.sort_by_key(|field| (field.definition.object, field.definition.name_key()));
    let deleted = deleted::of_kinds(context, workspace, deleted::kinds_named(&fields)).await?;
    let items: Vec<Shown> = fields.iter().map(|field| shown_with(field, &fields, &deleted)).collect();
    Reply::json(200, &Listed { items, next: None })
}

/// `GET /v1/fields/{id}`.
pub(crate) async fn read(
    context: &Context,
    workspace: &WorkspaceId,
    id: &FieldId,
    request: &Request,
) -> Result<Reply, Problem> {
    request.query()?;
    let fields = context.store.fields_get(workspace).await?.value;
    let field = fields.iter().find(|field| field.id == *id).ok_or_else(unknown)?;
    let deleted = deleted::of_kinds(context, workspace, deleted::kinds_named([field])).await?;
    Ok(Reply::json(200, &shown_with(field, &fields, &deleted))?.tagged(&etag(field.version, field)?))
}

/// `POST /v1/fields`: 201 with the new field, or 200 with the one that stands if it says the same.
pub(crate) async fn create(context: &Context, workspace: &WorkspaceId, request: &Request) -> Result<Reply, Problem> {
    request.query()?;
    let body: Value = request.json()?;
    let definition = Definition::parse(&body).map_err(|problem| refused("invalid-field", problem))?;
    let connection = connection(context, workspace).await?;
    refuse_unmatched(context, workspace, definition.object).await?;
    let Some(usage) = definition.measured().map(|measured| measured.usage.clone()) else {
        return formulas::create(context, workspace, request, definition).await;
    };
    let client = client(context, &connection).await?;
    let by = request.asker(context.clock.now_ms());
    let mut are_ids_known = false;
    for _ in 0..ATTEMPTS_MAX {
        let stands = context.store.fields_get(workspace).await?;
        if let Some(same) = same_name(&stands.value, &definition)? {
            return Reply::json(200, &Created::at_once(shown(same, &stands.value)));
        }
        refuse_too_many(&stands.value)?;
        if !are_ids_known {
            let kinds = usage.ids.iter().map(|_| usage.kind).collect();
            let deleted = deleted::of_kinds(context, workspace, kinds).await?;
            refuse_unknown_ids(&client, &usage, &body, &deleted).await?;
            are_ids_known = true;
        }
        let kind = usage.kind;
        let is_first = !stands.value.iter().any(|field| field.definition.kind() == Some(kind));
        let field = Field {
            id: FieldId::random(),
            version: 1,
            created_at_ms: context.clock.now_ms(),
            definition: definition.clone(),
        };
        let mut fields = stands.value;
        fields.push(field.clone());
        let line = by.line("create", named(&field.id), None, Some(noted(&field, &fields)?));
        match context.store.noting(workspace, line).fields_put(workspace, &fields, stands.version).await {
            Ok(_) => {}
            Err(StoreError::Conflict { .. }) => continue,
            Err(error) => return Err(error.into()),
        }
        nudge(context, workspace, Job::sync(workspace)).await;
        let values = context.store.objects_get(workspace, definition.object).await?.value.len();
        let backfill = if is_first && !was_read(context, workspace, &connection, kind).await? {
            let estimate = estimate::estimate(&client, &connection, kind, context.clock.now_ms()).await;
            Some(crate::estimate::Shown { kind, estimate, note: BACKFILL })
        } else {
            None
        };
        return Reply::json(201, &Created { field: shown(&field, &fields), values_to_recompute: values, backfill });
    }
    Err(Problem::from(StoreError::Conflict { key: "fields".to_owned() }))
}

/// `DELETE /v1/fields/{id}`. What was read for it stays for the day it is wanted again.
pub(crate) async fn delete(
    context: &Context,
    workspace: &WorkspaceId,
    id: &FieldId,
    request: &Request,
) -> Result<Reply, Problem> {
    request.query()?;
    let by = request.asker(context.clock.now_ms());
    for _ in 0..ATTEMPTS_MAX {
        let stands = context.store.fields_get(workspace).await?;
        let mut rest = stands.value;
        let gone = rest.iter().position(|field| field.id == *id).map(|at| rest.remove(at)).ok_or_else(unknown)?;
        refuse_stale(request, Some(&etag(gone.version, &gone)?))?;
        formulas::refuse_used(&gone, &rest)?;
        let line = by.line("delete", named(id), Some(noted(&gone, &rest)?), None);
        match context.store.noting(workspace, line).fields_put(workspace, &rest, stands.version).await {
            Ok(_) => {
                if gone.definition.measured().is_some() {
                    nudge(context, workspace, Job::Evaluate { workspace: workspace.to_string() }).await;
                }
                return Ok(Reply::empty());
            }
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Problem::from(StoreError::Conflict { key: "fields".to_owned() }))
}

/// A field on a level that is not matched could never have a value.
async fn refuse_unmatched(context: &Context, workspace: &WorkspaceId, level: ObjectKind) -> Result<(), Problem> {
    let matching = context.store.matching_get(workspace).await?.map(|stands| stands.value).unwrap_or_default();
    if matching.rule(level).is_some() {
        return Ok(());
    }
    let name = level.name();
    let example = match level {
        ObjectKind::Account => r#"{"account":{"account":"accountId","object":"id"}}"#,
        ObjectKind::Contact => r#"{"contact":{"visitor":"visitorId","object":"email"}}"#,
    };
    let why = if matching.contact.is_some() {
        "Only contacts are matched: account usage follows the Pendo account on each row, so accounts need a rule of their own. Set it"
    } else {
        "This level is not matched yet: set it"
    };
    Err(Problem::conflict(
        "level-not-matched",
        format!("{why} with PUT /v1/matching, for {name}s such as {example} beside the rules that stand."),
    )
    .at("/object"))
}

pub(crate) fn refuse_too_many(fields: &[Field]) -> Result<(), Problem> {
    if fields.len() < FIELDS_MAX {
        return Ok(());
    }
    let detail = format!("There are {FIELDS_MAX} fields already: delete one that is not needed.");
    Err(Problem::conflict("too-many-fields", detail))
}

/// The field of this level and name if its definition is equal.
pub(crate) fn same_name<'f>(fields: &'f [Field], definition: &Definition) -> Result<Option<&'f Field>, Problem> {
    let is_same = |field: &&Field| {
        field.definition.object == definition.object && field.definition.name_key() == definition.name_key()
    };
    match fields.iter().find(is_same) {
        Some(field) if field.definition == *definition => Ok(Some(field)),
        Some(field) => Err(Problem::conflict(
            "duplicate-name",
            format!(
                "An {} field \"{}\" exists with another definition: choose another name, or delete it first.",
                definition.object.name(),
                field.definition.name
            ),
        )
        .at("/name")
        .with("id", field.id.as_str())),
        None => Ok(None),
    }
}

/// Every id must be one of Pendo's, or of what Pendo has deleted since it was read.
async fn refuse_unknown_ids(
    client: &shared::pendo::Client,
    usage: &Usage,
    body: &Value,
    deleted: &BTreeMap<Kind, BTreeSet<String>>,
) -> Result<(), Problem> {
    let Some(ids) = &usage.ids else { return Ok(()) };
    let kind = usage.kind;
    let entries = catalog::list(client, kind).await.map_err(pendo_problem)?;
    let listed = entries.iter().map(|entry| entry.id.as_str());
    let known: HashSet<&str> = listed.chain(deleted.get(&kind).into_iter().flatten().map(String::as_str)).collect();
    let given = body.pointer("/usage/ids").and_then(Value::as_array);
    let place = |id: &str| given.and_then(|given| given.iter().position(|item| item.as_str() == Some(id))).unwrap_or(0);
    let unknown = ids.iter().filter(|id| !known.contains(id.as_str())).map(|id| place(id)).min();
    let Some(index) = unknown else { return Ok(()) };
    let detail = format!(
        "Pendo has no {} with this id: look it up with GET /v1/pendo/catalog?kind={}.",
        kind.name(),
        kind.name()
    );
    Err(Problem::invalid("unknown-id", format!("/usage/ids/{index}"), detail))
}

/// What the first field of a kind sets off.
const BACKFILL: &str = "No field has used this kind before: its history is read now, newest first; a value shows as soon as its own window \
                        is covered. GET /v1/status gives rows, progress and time left.";

/// Whether history of a kind stands already, or is being read.
async fn was_read(
    context: &Context,
    workspace: &WorkspaceId,
    connection: &Connection,
    kind: Kind,
) -> Result<bool, Problem> {
    let checkpoint = context.store.checkpoint_get(workspace, &connection.id).await?.value;
    Ok(checkpoint.kinds.get(&kind).is_some_and(|state| state.as_of.is_some()))
}

/// A field's name in the trail.
pub(crate) fn named(id: &FieldId) -> String {
    format!("fields/{}", id.as_str())
}

/// A field's definition in the trail; `fields` have the names that its formula uses.
pub(crate) fn noted(field: &Field, fields: &[Field]) -> Result<Value, Problem> {
    serde_json::to_value(field.definition.named(fields)).map_err(Problem::internal)
}

/// A field as callers see it: id, version and the definition's own members.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Field")]
pub(crate) struct Shown {
    id: FieldId,
    version: u64,
    created_at: String,
    #[serde(flatten)]
    definition: Definition,
    /// Those of its objects that Pendo lists no longer, if there are any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    deleted_ids: Vec<String>,
}

/// A field that was asked for, with what it sets off.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CreatedField")]
pub(crate) struct Created {
    #[serde(flatten)]
    field: Shown,
    /// How many values are computed now; none of a formula, which is calculated when values are read.
    values_to_recompute: usize,
    /// What reading its kind's history comes to; null unless it is the kind's first field.
    backfill: Option<crate::estimate::Shown>,
}

impl Created {
    /// One that sets nothing off.
    pub(crate) fn at_once(field: Shown) -> Self {
        Self { field, values_to_recompute: 0, backfill: None }
    }
}

/// `fields` have the names that a formula uses.
pub(crate) fn shown(field: &Field, fields: &[Field]) -> Shown {
    Shown {
        id: field.id.clone(),
        version: field.version,
        created_at: to_the_second(field.created_at_ms),
        definition: field.definition.named(fields),
        deleted_ids: Vec::new(),
    }
}

fn shown_with(field: &Field, fields: &[Field], deleted: &BTreeMap<Kind, BTreeSet<String>>) -> Shown {
    let gone = deleted::named_by(field, deleted).into_iter().map(str::to_owned);
    Shown { deleted_ids: gone.collect(), ..shown(field, fields) }
}

fn unknown() -> Problem {
    Problem::not_found("unknown-field-id", "There is no field with this id: see GET /v1/fields.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn definition(name: &str, function: &str) -> Definition {
        let body = json!({"name": name, "object": "account", "usage": {"kind": "event"}, "function": function,
            "window": {"rolling_days": 30}});
        Definition::parse(&body).unwrap()
    }

    #[test]
    fn a_name_is_taken_whatever_its_case_unless_the_definition_is_equal() {
        let stands =
            [Field { id: FieldId::random(), version: 1, created_at_ms: 0, definition: definition("MAU", "count") }];
        assert_eq!(same_name(&stands, &definition("MAU", "count")).unwrap(), Some(&stands[0]));
        assert_eq!(same_name(&stands, &definition("mau", "active_days")).unwrap_err().status, 409);
        assert_eq!(same_name(&stands, &definition("DAU", "count")).unwrap(), None);
    }

    #[test]
    fn a_field_is_shown_with_its_definition_and_id() {
        let field = Field {
            id: FieldId::from_text("f1"),
            version: 1,
            created_at_ms: 0,
            definition: definition("MAU", "count"),
        };
        let shown = json!(shown(&field, &[]));
        assert_eq!((&shown["id"], &shown["name"], &shown["version"]), (&json!("f1"), &json!("MAU"), &json!(1)));
    }
}
