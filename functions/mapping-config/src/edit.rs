//! `PUT /v1/fields/{id}`: another definition makes another version of the same field. What stood before is kept, and can be put
//! back by sending it again.

use crate::checks::{self, ATTEMPTS_MAX, KnownIds};
use crate::exclusions::refuse_unknown_in_field;
use crate::fields::{SavedField, named, noted, parsed, tag, unchanged, unknown};
use crate::operations::{Act, FIELD, JSON, READ};
use crate::source::{client, connection};
use crate::{estimate, formulas, properties};
use serde_json::Value;
use shared::api::operation::{Body, Operation, shape};
use shared::api::{Problem, Reply, Request, nudge, refuse_stale};
use shared::context::Context;
use shared::fields::{Definition, Field, VERSIONS_MAX};
use shared::id::{FieldId, WorkspaceId};
use shared::queue::Job;
use shared::store::StoreError;

/// What it can be asked.
pub(crate) const OPERATION: Operation<Act> = Operation {
    act: Act::EditField,
    id: "editField",
    method: "PUT",
    path: FIELD,
    summary: "Gives a calculated field another definition, which makes another version of it; an equal one changes nothing. A version that stood before is put back by sending it again.",
    body: Some(Body {
        types: JSON,
        shape: Some(shape::<Definition>),
        example: r#"{"name":"MAU","object":"account","usage":{"kind":"event"},"function":"distinct_visitors","window":{"rolling_days":28,"complete_days":true}}"#,
    }),
    replies: &[(200, Some(shape::<SavedField>))],
    takes_if_match: true,
    answers_etag: true,
    ..READ
};

/// Changes a field: 200 with its new version, or with the one that stands where it says the same.
pub(crate) async fn put(
    context: &Context,
    workspace: &WorkspaceId,
    id: &FieldId,
    request: &Request,
) -> Result<Reply, Problem> {
    request.query()?;
    let body: Value = request.json()?;
    let definition = parsed(&body)?;
    let connection = connection(context, workspace).await?;
    let by = request.asker(context.clock.now_ms());
    for _ in 0..ATTEMPTS_MAX {
        let stands = context.store.fields_get(workspace).await?;
        let stood = stands.value;
        let mut fields = stood.clone();
        let at = fields.iter().position(|field| field.id == *id).ok_or_else(unknown)?;
        let before = fields[at].clone();
        refuse_stale(request, Some(&tag(&before)?))?;
        refuse_other_level(&before, &definition)?;
        fields[at].definition = definition.clone();
        let definition = definition.identified(&fields);
        let Some(after) = before.edited(definition.clone(), by.at_ms(), by.subject()) else {
            return Ok(Reply::json(200, &unchanged(&before, &fields))?.tagged(&tag(&before)?));
        };
        fields[at] = after.clone();
        checks::refuse_unmatched(&checks::matching(context, workspace).await?, definition.object)?;
        if let Some(other) = checks::of_same_name(fields.iter().filter(|field| field.id != *id), &definition) {
            return Err(checks::name_taken(other));
        }
        let columns = formulas::columns(context, workspace, [&definition]).await?;
        formulas::refuse_unfit(&fields, at, &columns)?;
        // A formula asks Pendo nothing.
        let pendo = match definition.kind() {
            Some(kind) => {
                let client = client(context, &connection).await?.naming(properties::of(&definition));
                Some((kind, client))
            }
            None => None,
        };
        properties::refuse_too_many(&fields)?;
        let mut warnings = Vec::new();
        if let Some((_, client)) = &pendo {
            let kinds = checks::kind_to_ask(&definition, Some(&before.definition)).into_iter().collect();
            let known = KnownIds::read(context, workspace, client, kinds).await?;
            known.refuse_others(&definition, Some(&before.definition), &body)?;
            warnings = properties::checked(client, &connection, &definition, &stood, context.clock.now_ms()).await?;
        }
        refuse_unknown_in_field(context, workspace, &definition, Some(&before.definition), &body).await?;
        context.store.versions_keep(workspace, [&before]).await?;
        let line = by.line("edit", named(id), Some(noted(&before, &fields)?), Some(noted(&after, &fields)?));
        match context.store.noting(workspace, line).fields_put(workspace, &fields, stands.version).await {
            Ok(_) => {}
            Err(StoreError::Conflict { .. }) => continue,
            Err(error) => return Err(error.into()),
        }
        forget_oldest(context, workspace, &after).await;
        let mut saved = SavedField { warnings, ..unchanged(&after, &fields) };
        if after.is_recomputed() {
            fields[at] = before;
            let begun = pendo.as_ref().filter(|(kind, _)| !checks::is_used(&fields, *kind));
            // What was computed of usage before goes from the pages, also where a formula takes its place.
            nudge(context, workspace, Job::after_fields(workspace, begun.is_some())).await;
            if pendo.is_some() {
                saved.values_to_recompute = context.store.objects_get(workspace, definition.object).await?.value.len();
            }
            if let Some((kind, client)) = begun {
                saved.backfill = estimate::begun(context, workspace, &connection, client, *kind).await?;
            }
        }
        return Ok(Reply::json(200, &saved)?.tagged(&tag(&after)?));
    }
    Err(Problem::from(StoreError::Conflict { key: "fields".to_owned() }))
}

/// Forgets the version for which there is no more room. If that fails nobody is shown it all the same.
pub(crate) async fn forget_oldest(context: &Context, workspace: &WorkspaceId, field: &Field) {
    let Some(version) = field.version.checked_sub(VERSIONS_MAX).filter(|version| *version > 0) else { return };
    if let Err(error) = context.store.version_delete(workspace, &field.id, version).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "a version that is too old stays");
    }
}

/// An account's values can't become a contact's.
fn refuse_other_level(before: &Field, definition: &Definition) -> Result<(), Problem> {
    let level = before.definition.object;
    if definition.object == level {
        return Ok(());
    }
    let detail =
        format!("This is a field of {}s and stays one: create another field for the other level.", level.name());
    Err(Problem::invalid("other-level", "/object", detail))
}
