//! Accounts and contacts: read, upload, delete. Pendo is never asked and a sync never writes here.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};
use shared::api::page::{self, Listed};
use shared::api::{Problem, Reply, Request, etag, extent, nudge, refuse_stale};
use shared::context::Context;
use shared::directory::{Directory, Format, Merged, NotDeletable, Object, RowError, deletable, merge, parse};
use shared::id::{ObjectKind, WorkspaceId};
use shared::queue::Job;
use shared::store::StoreError;
use shared::trail::Line;
use std::collections::BTreeMap;

use crate::source::refused;

/// How often a change is redone when somebody else changes the same list.
const ATTEMPTS_MAX: usize = 6;

/// What became of an upload's rows.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Uploaded {
    received: usize,
    created: usize,
    updated: usize,
    unchanged: usize,
    /// The rows that were refused.
    errors: Vec<RowError>,
    /// How many values the change touches.
    values_to_recompute: usize,
}

/// An object as it is answered: its id, and each column that it has.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DirectoryObject", extend("additionalProperties" = {"type": ["string", "number", "boolean"]}))]
pub(crate) struct Shown {
    id: String,
    #[serde(flatten)]
    #[schemars(skip)]
    columns: Map<String, Value>,
}

/// What a deletion came to.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Deleted {
    deleted: usize,
    /// How many values the change touches.
    values_to_recompute: usize,
}

/// `GET`: a page in the order of ids, or one object.
pub(crate) async fn read(
    context: &Context,
    workspace: &WorkspaceId,
    kind: ObjectKind,
    request: &Request,
) -> Result<Reply, Problem> {
    let query = request.query()?;
    let (limit, after) = (page::limit(&query, page::LIMIT_DEFAULT)?, page::after(&query)?);
    // The tag first: one that is older than what is shown refuses a change, a newer one would let it pass.
    let tag = tag(context, workspace, kind).await?;
    let objects = context.store.objects_get(workspace, kind).await?.value;
    if let Some(id) = query.get("id") {
        let found = objects.get(*id).ok_or_else(|| unknown(kind, id))?;
        return Ok(Reply::json(200, &Listed { items: vec![shown(id, found)], next: None })?.tagged(&tag));
    }
    let bytes = |object: &Value| object.to_string().len() + 200;
    let page = page::cut(&*objects, |(id, _)| id, |(_, object)| bytes(object), after.as_deref(), limit);
    let items = page.items.into_iter().map(|(id, object)| shown(id, object)).collect();
    Ok(Reply::json(200, &Listed { items, next: page.next })?.tagged(&tag))
}

/// The tag of a list as it stands.
async fn tag(context: &Context, workspace: &WorkspaceId, kind: ObjectKind) -> Result<String, Problem> {
    let pages = context.store.objects_pages(workspace, kind).await?;
    etag(pages.version, &pages.value)
}

/// Lets a change pass that is meant for the list as it stands. To be asked once the version is read with which the change is
/// written: whatever stands from then on is refused there.
async fn refuse_older(
    context: &Context,
    workspace: &WorkspaceId,
    kind: ObjectKind,
    request: &Request,
) -> Result<(), Problem> {
    if request.if_match().is_none() {
        return Ok(());
    }
    refuse_stale(request, Some(&tag(context, workspace, kind).await?))
}

/// `PUT`: merges an upload. Good rows are kept, each bad one is answered with line and reason.
pub(crate) async fn upload(
    context: &Context,
    workspace: &WorkspaceId,
    kind: ObjectKind,
    request: &Request,
) -> Result<Reply, Problem> {
    request.query()?;
    let format = request.content_type().and_then(Format::of_content_type).ok_or_else(|| {
        Problem::media_type("Send the rows as text/csv or as application/x-ndjson (one JSON object a line).")
    })?;
    let body = request.upload()?;
    let upload = parse(kind, format, &body).map_err(|problem| refused("unreadable-upload", problem))?;
    let by = request.asker(context.clock.now_ms());
    for _ in 0..ATTEMPTS_MAX {
        let version = context.store.objects_get(workspace, kind).await?.version;
        refuse_older(context, workspace, kind, request).await?;
        let merged = merge(&context.store.directory_get(workspace).await?, kind, upload.clone());
        let changes = merged.changed.iter().map(|(id, object)| (id.clone(), Some(value(object)))).collect();
        let counts = json!({"created": merged.created, "updated": merged.updated});
        let line = by.line("upload", directory(kind), None, Some(counts));
        if apply(context, workspace, kind, &changes, version, line).await? {
            return uploaded(context, workspace, kind, merged).await;
        }
    }
    Err(Problem::from(StoreError::Conflict { key: kind.name().to_owned() }))
}

/// `DELETE`: one object by `?id=`, or all with `?all=true`.
pub(crate) async fn delete(
    context: &Context,
    workspace: &WorkspaceId,
    kind: ObjectKind,
    request: &Request,
) -> Result<Reply, Problem> {
    let query = request.query()?;
    let id = match (query.get("id"), query.get("all")) {
        (Some(id), None) => Some(*id),
        (None, Some(&"true")) => None,
        _ => {
            return Err(Problem::invalid(
                "what-to-delete",
                "?id",
                "Say what to delete: ?id= for one, or ?all=true for the whole list.",
            ));
        }
    };
    let by = request.asker(context.clock.now_ms());
    for _ in 0..ATTEMPTS_MAX {
        let version = context.store.objects_get(workspace, kind).await?.version;
        refuse_older(context, workspace, kind, request).await?;
        let directory = context.store.directory_get(workspace).await?;
        let changes = removals(&directory, kind, id)?;
        let line = by.line("delete", self::directory(kind), None, Some(json!({"deleted": changes.len()})));
        if apply(context, workspace, kind, &changes, version, line).await? {
            let values = if changes.is_empty() { 0 } else { extent(context, workspace, Some(kind)).await? };
            return Reply::json(200, &Deleted { deleted: changes.len(), values_to_recompute: values });
        }
    }
    Err(Problem::from(StoreError::Conflict { key: kind.name().to_owned() }))
}

/// What goes: an account only once nobody belongs to it.
fn removals(
    directory: &Directory,
    kind: ObjectKind,
    id: Option<&str>,
) -> Result<BTreeMap<String, Option<Value>>, Problem> {
    let has_contacts = |detail: String| Problem::conflict("has-contacts", detail);
    let Some(id) = id else {
        if kind == ObjectKind::Account && !directory.contacts.is_empty() {
            return Err(has_contacts(
                "Contacts belong to these accounts: delete them first (DELETE /v1/directory/contacts?all=true)."
                    .to_owned(),
            ));
        }
        return Ok(directory.objects(kind).keys().map(|id| (id.clone(), None)).collect());
    };
    match deletable(directory, kind, id) {
        Ok(()) => Ok(BTreeMap::from([(id.to_owned(), None)])),
        Err(NotDeletable::Unknown { .. }) => Err(unknown(kind, id)),
        Err(NotDeletable::HasContacts { contacts }) => Err(has_contacts(format!(
            "{contacts} contact(s) belong to this account: delete them or move them to another account first."
        ))),
    }
}

/// Writes changes; `false` when the list moved meanwhile. No change writes nothing.
async fn apply(
    context: &Context,
    workspace: &WorkspaceId,
    kind: ObjectKind,
    changes: &BTreeMap<String, Option<Value>>,
    version: u64,
    line: Line,
) -> Result<bool, Problem> {
    if changes.is_empty() {
        return Ok(true);
    }
    let store = context.store.noting(workspace, line);
    match store.objects_put(workspace, kind, changes, version, context.clock.now_ms()).await {
        Ok(_) => {
            nudge(context, workspace, Job::Evaluate { workspace: workspace.to_string() }).await;
            Ok(true)
        }
        Err(StoreError::Conflict { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

async fn uploaded(
    context: &Context,
    workspace: &WorkspaceId,
    kind: ObjectKind,
    merged: Merged,
) -> Result<Reply, Problem> {
    let values = if merged.changed.is_empty() { 0 } else { extent(context, workspace, Some(kind)).await? };
    let shown = Uploaded {
        received: merged.created + merged.updated + merged.unchanged + merged.errors.len(),
        created: merged.created,
        updated: merged.updated,
        unchanged: merged.unchanged,
        errors: merged.errors,
        values_to_recompute: values,
    };
    Reply::json(200, &shown)
}

/// A list's name in the trail, which holds counts of it only.
fn directory(kind: ObjectKind) -> String {
    format!("directory/{}s", kind.name())
}

fn value(object: &Object) -> Value {
    Value::Object(object.iter().map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// The object with its id as one row, as it was uploaded.
fn shown(id: &str, object: &Value) -> Shown {
    Shown { id: id.to_owned(), columns: object.as_object().cloned().unwrap_or_default() }
}

fn unknown(kind: ObjectKind, id: &str) -> Problem {
    let id: String = id.chars().take(80).collect();
    Problem::not_found(
        "unknown-object",
        format!("There is no {} \"{id}\" in the directory: see GET /v1/directory/{}s.", kind.name(), kind.name()),
    )
    .at("?id")
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::directory::ACCOUNT_ID;

    fn directory() -> Directory {
        let contact = Object::from([(ACCOUNT_ID.to_owned(), Value::from("full"))]);
        Directory {
            version: 1,
            accounts: BTreeMap::from([("full".to_owned(), Object::new()), ("empty".to_owned(), Object::new())]),
            contacts: BTreeMap::from([("c".to_owned(), contact)]),
        }
    }

    #[test]
    fn an_account_goes_only_when_nobody_belongs_to_it() {
        let directory = directory();
        assert_eq!(removals(&directory, ObjectKind::Account, Some("full")).unwrap_err().status, 409);
        assert_eq!(removals(&directory, ObjectKind::Account, None).unwrap_err().status, 409);
        assert_eq!(removals(&directory, ObjectKind::Account, Some("nobody")).unwrap_err().status, 404);
        assert_eq!(removals(&directory, ObjectKind::Account, Some("empty")).unwrap().len(), 1);
        assert_eq!(removals(&directory, ObjectKind::Contact, None).unwrap().len(), 1);
    }

    #[test]
    fn an_object_is_shown_as_the_row_it_was() {
        assert_eq!(json!(shown("a", &json!({"name": "Acme"}))), json!({"id": "a", "name": "Acme"}));
    }
}
