//! Calculated fields: list, create, read, delete.
//!
//! A definition is checked whole before it is stored: its words by the rules, its objects against Pendo's catalogue.

use crate::checks::{self, ATTEMPTS_MAX, KnownIds};
use crate::source::{client, connection, refused};
use crate::{deleted, estimate, exclusions, formulas, properties, signals};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use shared::api::page::Listed;
use shared::api::{Problem, Reply, Request, etag, nudge, refuse_stale};
use shared::context::Context;
use shared::fields::{Definition, Field};
use shared::id::{FieldId, Kind, WorkspaceId};
use shared::queue::Job;
use shared::store::StoreError;
use shared::time::to_the_second;
use std::collections::{BTreeMap, BTreeSet};

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
    Ok(Reply::json(200, &shown_with(field, &fields, &deleted))?.tagged(&tag(field)?))
}

/// `POST /v1/fields`: 201 with the new field, or 200 with the one that stands if it says the same.
pub(crate) async fn create(context: &Context, workspace: &WorkspaceId, request: &Request) -> Result<Reply, Problem> {
    request.query()?;
    let body: Value = request.json()?;
    let definition = parsed(&body)?;
    let connection = connection(context, workspace).await?;
    checks::refuse_unmatched(&checks::matching(context, workspace).await?, definition.object)?;
    // A formula asks Pendo nothing.
    let pendo = match definition.kind() {
        Some(kind) => {
            let client = client(context, &connection).await?.naming(properties::of(&definition));
            Some((kind, client))
        }
        None => None,
    };
    let by = request.asker(context.clock.now_ms());
    let (mut are_ids_known, mut warnings) = (false, Vec::new());
    for _ in 0..ATTEMPTS_MAX {
        let stands = context.store.fields_get(workspace).await?;
        let mut fields = stands.value;
        let at = fields.len();
        fields.push(Field::new(FieldId::random(), definition.clone(), by.at_ms(), by.subject()));
        fields[at].definition = definition.identified(&fields);
        let field = fields[at].clone();
        match checks::of_same_name(&fields[..at], &definition) {
            Some(same) if same.definition == field.definition => return Reply::json(200, &unchanged(same, &fields)),
            Some(other) => return Err(checks::name_taken(other)),
            None => checks::refuse_too_many(fields.len())?,
        }
        properties::refuse_too_many(&fields)?;
        let columns = formulas::columns(context, workspace, [&definition]).await?;
        formulas::refuse_unfit(&fields, at, &columns)?;
        if let Some((_, client)) = pendo.as_ref().filter(|_| !are_ids_known) {
            let kinds = checks::kind_to_ask(&definition, None).into_iter().collect();
            let known = KnownIds::read(context, workspace, client, kinds).await?;
            known.refuse_others(&definition, None, &body)?;
            exclusions::refuse_unknown_in_field(context, workspace, &definition, None, &body).await?;
            let now_ms = context.clock.now_ms();
            warnings = properties::checked(client, &connection, &definition, &fields[..at], now_ms).await?;
            are_ids_known = true;
        }
        let line = by.line("create", named(&field.id), None, Some(noted(&field, &fields)?));
        match context.store.noting(workspace, line).fields_put(workspace, &fields, stands.version).await {
            Ok(_) => {}
            Err(StoreError::Conflict { .. }) => continue,
            Err(error) => return Err(error.into()),
        }
        let mut saved = SavedField { warnings, ..unchanged(&field, &fields) };
        if let Some((kind, client)) = &pendo {
            let begins_a_kind = !checks::is_used(&fields[..at], *kind);
            nudge(context, workspace, Job::after_fields(workspace, begins_a_kind)).await;
            saved.values_to_recompute = context.store.objects_get(workspace, definition.object).await?.value.len();
            if begins_a_kind {
                saved.backfill = estimate::begun(context, workspace, &connection, client, *kind).await?;
            }
        }
        return Reply::json(201, &saved);
    }
    Err(Problem::from(StoreError::Conflict { key: "fields".to_owned() }))
}

/// `DELETE /v1/fields/{id}`. What was read for it stays for the day it is wanted again; its versions go.
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
        refuse_stale(request, Some(&tag(&gone)?))?;
        formulas::refuse_used(&gone, &rest)?;
        signals::refuse_used_field(context, workspace, &gone).await?;
        let line = by.line("delete", named(id), Some(noted(&gone, &rest)?), None);
        match context.store.noting(workspace, line).fields_put(workspace, &rest, stands.version).await {
            Ok(_) => {
                forget(context, workspace, id).await;
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

/// Forgets the versions of a field that is gone. If that fails the field is gone all the same, and nobody finds them.
pub(crate) async fn forget(context: &Context, workspace: &WorkspaceId, id: &FieldId) {
    if let Err(error) = context.store.versions_delete(workspace, id).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "versions of a field that is gone stay");
    }
}

/// Reads a definition out of a body.
pub(crate) fn parsed(body: &Value) -> Result<Definition, Problem> {
    Definition::parse(body).map_err(|problem| refused("invalid-field", problem))
}

/// The tag of a field as it stands.
pub(crate) fn tag(field: &Field) -> Result<String, Problem> {
    etag(field.version, field)
}

/// A field's name in the trail.
pub(crate) fn named(id: &FieldId) -> String {
    format!("fields/{}", id.as_str())
}

/// What the trail says of a field; `fields` have the names that its formula uses.
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
    /// When this version was made.
    edited_at: String,
    /// Other names under which it stood, the last one last, if there are any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    former_names: Vec<String>,
    #[serde(flatten)]
    definition: Definition,
    /// Those of its objects that Pendo lists no longer, if there are any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    deleted_ids: Vec<String>,
}

/// A field that was asked for, with what it sets off.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SavedField {
    #[serde(flatten)]
    pub(crate) field: Shown,
    /// How many values are computed anew: none where nothing or only the name was changed, and none of a formula, which is
    /// calculated when values are read.
    pub(crate) values_to_recompute: usize,
    /// What reading its kind's history comes to; null unless that begins now.
    pub(crate) backfill: Option<estimate::Shown>,
    /// What should be known of it, in sentences, if there is anything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) warnings: Vec<String>,
}

/// The answer where nothing is computed anew.
pub(crate) fn unchanged(field: &Field, fields: &[Field]) -> SavedField {
    SavedField { field: shown(field, fields), values_to_recompute: 0, backfill: None, warnings: Vec::new() }
}

/// `fields` have the names that a formula uses.
fn shown(field: &Field, fields: &[Field]) -> Shown {
    Shown {
        id: field.id.clone(),
        version: field.version,
        created_at: to_the_second(field.created_at_ms),
        edited_at: to_the_second(field.edited_at_ms),
        former_names: field.former_names.clone(),
        definition: field.definition.named(fields),
        deleted_ids: Vec::new(),
    }
}

fn shown_with(field: &Field, fields: &[Field], deleted: &BTreeMap<Kind, BTreeSet<String>>) -> Shown {
    let gone = deleted::named_by(field, deleted).into_iter().map(str::to_owned);
    Shown { deleted_ids: gone.collect(), ..shown(field, fields) }
}

pub(crate) fn unknown() -> Problem {
    Problem::not_found("unknown-field-id", "There is no field with this id: see GET /v1/fields.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_field_is_shown_with_its_definition_and_id() {
        let body = json!({"name": "MAU", "object": "account", "usage": {"kind": "event"}, "function": "count",
            "window": {"rolling_days": 30}});
        let field = Field::new(FieldId::from_text("f1"), Definition::parse(&body).unwrap(), 0, None);
        let shown = json!(shown(&field, &[]));
        assert_eq!((&shown["id"], &shown["name"], &shown["version"]), (&json!("f1"), &json!("MAU"), &json!(1)));
        assert_eq!((&shown["edited_at"], shown.get("former_names")), (&json!("1970-01-01T00:00:00Z"), None));
    }
}
