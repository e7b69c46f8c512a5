//! A definition tried before it is saved. What it comes to is made of stored rows; Pendo is asked only for objects that no run
//! has seen in its lists, and for what there would be to read of a kind that was never read.

use crate::checks::{self, KnownIds};
use crate::exclusions::refuse_unknown_in_field;
use crate::operations::{Act, JSON, READ};
use crate::source::{client, connection, refused};
use crate::{estimate, formulas, properties};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use shared::api::operation::{Body, Operation, shape};
use shared::api::{Problem, Reply, Request};
use shared::connection::Connection;
use shared::context::Context;
use shared::fields::{Definition, Field};
use shared::id::{FieldId, Kind, WorkspaceId};
use shared::preview::{Preview, PreviewError, PreviewQuery, preview};
use shared::sync::tags::Listed;
use std::collections::BTreeSet;

/// Above so many rows nothing is tried, so that an answer comes within the gateway's 30 s.
pub(crate) const ROWS_MAX: u64 = 4_000_000;
/// What becomes of the estimate.
const NOTE: &str = "Nothing is read before the field is created with POST /v1/fields.";

/// What a definition comes to, and what creating it would set off.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PreviewedField")]
pub(crate) struct Previewed {
    #[serde(flatten)]
    preview: Preview,
    /// What reading its kind's history comes to; null where it was read.
    backfill: Option<estimate::Shown>,
}

/// What it can be asked.
pub(crate) const OPERATION: Operation<Act> = Operation {
    act: Act::PreviewField,
    id: "previewField",
    method: "POST",
    path: "/v1/fields/preview",
    summary: "Tries a definition over the stored rows: the values that some objects would have, how those of all are spread, why some have none, and what should be known of it. Nothing is saved.",
    body: Some(Body {
        types: JSON,
        shape: Some(shape::<PreviewQuery>),
        example: r#"{"definition":{"name":"Users 90d","object":"account","usage":{"kind":"event"},"function":"distinct_visitors","window":{"rolling_days":90}},"sample":5}"#,
    }),
    replies: &[(200, Some(shape::<Previewed>))],
    ..READ
};

/// `POST /v1/fields/preview`.
pub(crate) async fn read(context: &Context, workspace: &WorkspaceId, request: &Request) -> Result<Reply, Problem> {
    request.query()?;
    let body: Value = request.json()?;
    let query = PreviewQuery::parse(&body).map_err(|problem| {
        let is_of_field = problem.pointer.starts_with("/definition/");
        refused(if is_of_field { "invalid-field" } else { "invalid-preview" }, problem)
    })?;
    let connection = connection(context, workspace).await?;
    let definition = &query.definition;
    checks::refuse_unmatched(&checks::matching(context, workspace).await?, definition.object).map_err(in_definition)?;
    let unknown = refuse_unknown_ids(context, workspace, &connection, definition, &body["definition"]);
    unknown.await.map_err(in_definition)?;
    refuse_unfit(context, workspace, definition).await.map_err(in_definition)?;
    let unknown = refuse_unknown_in_field(context, workspace, definition, None, &body["definition"]);
    unknown.await.map_err(in_definition)?;
    let mut preview = preview(context, workspace, &query, ROWS_MAX).await.map_err(not_previewed)?;
    let backfill = match definition.kind().filter(|_| !preview.is_read) {
        None => None,
        Some(kind) => {
            let client = client(context, &connection).await?.naming(properties::of(definition));
            let now_ms = context.clock.now_ms();
            let checked = properties::checked(&client, &connection, definition, &[], now_ms).await;
            preview.warnings.extend(checked.map_err(in_definition)?);
            let estimate = shared::sync::estimate::estimate(&client, &connection, kind, context.clock.now_ms()).await;
            preview.warnings.extend(cost(kind, &estimate));
            Some(estimate::Shown { kind, estimate, note: NOTE })
        }
    };
    Reply::json(200, &Previewed { preview, backfill })
}

/// What reading a kind comes to, in a sentence.
fn cost(kind: Kind, estimate: &shared::sync::estimate::Estimate) -> Option<String> {
    let (rows, seconds, dollars) = (estimate.rows?, estimate.seconds?, estimate.dollars?);
    let kind = kind.name();
    let dollars = if dollars < 0.01 { "less than 0.01".to_owned() } else { format!("{dollars:.2}") };
    Some(format!(
        "The first field of kind {kind} reads its history: {rows} rows, about {seconds} s and {dollars} dollars, once."
    ))
}

/// As when a field is created, but what a run has seen in Pendo's lists is known without asking Pendo.
async fn refuse_unknown_ids(
    context: &Context,
    workspace: &WorkspaceId,
    connection: &Connection,
    definition: &Definition,
    body: &Value,
) -> Result<(), Problem> {
    let Some(usage) = definition.measured().map(|measured| &measured.usage) else { return Ok(()) };
    if !usage.names_objects() {
        return Ok(());
    }
    let kind = usage.kind;
    let seen = context.store.tags_get(workspace, &connection.id, kind).await?.value;
    let groups: BTreeSet<String> = seen.values().filter_map(|stored| Listed::of(stored)?.group).collect();
    if usage.ids.iter().flatten().all(|id| seen.contains_key(id))
        && usage.groups.iter().flatten().all(|name| groups.contains(name))
    {
        return Ok(());
    }
    let client = client(context, connection).await?;
    let known = KnownIds::read(context, workspace, &client, BTreeSet::from([kind])).await?;
    known.refuse_others(definition, None, body)
}

/// As when a field is created: a formula goes together with the fields that stand.
async fn refuse_unfit(context: &Context, workspace: &WorkspaceId, definition: &Definition) -> Result<(), Problem> {
    if definition.formula().is_none() {
        return Ok(());
    }
    let mut fields = context.store.fields_get(workspace).await?.value;
    let at = fields.len();
    let definition = definition.identified(&fields);
    fields.push(Field::new(FieldId::random(), definition.clone(), context.clock.now_ms(), None));
    let columns = formulas::columns(context, workspace, [&definition]).await?;
    formulas::refuse_unfit(&fields, at, &columns)
}

/// What is refused of a definition, with its place in this body.
fn in_definition(problem: Problem) -> Problem {
    match problem.pointer.as_ref().map(|pointer| format!("/definition{pointer}")) {
        Some(pointer) => problem.at(pointer),
        None => problem,
    }
}

/// Why nothing could be tried.
pub(crate) fn not_previewed(error: PreviewError) -> Problem {
    match error {
        PreviewError::NotConnected => Problem::not_connected(),
        PreviewError::UnknownObject { at } => Problem::invalid(
            "unknown-object",
            format!("/objects/{at}"),
            "There is no account or contact of the definition's level with this id: see GET /v1/directory/accounts and contacts.",
        ),
        PreviewError::TooMuch { rows } => Problem::invalid(
            "too-much-to-preview",
            "/definition/window",
            format!(
                "{rows} rows lie in this window, and at most {ROWS_MAX} are added up while you wait: \
                 try a shorter window, or create the field, which is computed in the background."
            ),
        ),
        PreviewError::Store(error) => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_the_definition_is_one_in_the_body() {
        let inner = |problem: Problem| in_definition(problem).pointer;
        let found = inner(Problem::invalid("x", "/usage/ids/0", "No."));
        assert_eq!((found.as_deref(), inner(Problem::not_connected())), (Some("/definition/usage/ids/0"), None));
    }
}
