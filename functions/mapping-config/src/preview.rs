//! A definition tried before it is saved. What it comes to is made of stored rows; Pendo is asked only for objects that no run
//! has seen in its lists, and for what there would be to read of a kind that was never read.

use crate::checks::{self, KnownIds};
use crate::estimate;
use crate::exclusions::refuse_unknown_in_field;
use crate::operations::{Act, JSON, READ};
use crate::source::{client, connection, refused};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use shared::api::operation::{Body, Operation, shape};
use shared::api::{Problem, Reply, Request};
use shared::connection::Connection;
use shared::context::Context;
use shared::fields::Definition;
use shared::id::{Kind, WorkspaceId};
use shared::preview::{Preview, PreviewError, PreviewQuery, preview};
use std::collections::BTreeSet;

/// Above so many rows nothing is tried, so that an answer comes within the gateway's 30 s.
const ROWS_MAX: u64 = 4_000_000;
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
    let (level, kind) = (query.definition.object, query.definition.usage.kind);
    checks::refuse_unmatched(&checks::matching(context, workspace).await?, level).map_err(in_definition)?;
    let unknown = refuse_unknown_ids(context, workspace, &connection, &query.definition, &body["definition"]);
    unknown.await.map_err(in_definition)?;
    let unknown = refuse_unknown_in_field(context, workspace, &query.definition, None, &body["definition"]);
    unknown.await.map_err(in_definition)?;
    let mut preview = preview(context, workspace, &query, ROWS_MAX).await.map_err(problem)?;
    let backfill = if preview.is_read {
        None
    } else {
        let client = client(context, &connection).await?;
        let estimate = shared::sync::estimate::estimate(&client, &connection, kind, context.clock.now_ms()).await;
        preview.warnings.extend(cost(kind, &estimate));
        Some(estimate::Shown { kind, estimate, note: NOTE })
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
    let Some(ids) = &definition.usage.ids else { return Ok(()) };
    let kind = definition.usage.kind;
    let seen = context.store.tags_get(workspace, &connection.id, kind).await?.value;
    if ids.iter().all(|id| seen.contains_key(id)) {
        return Ok(());
    }
    let client = client(context, connection).await?;
    let known = KnownIds::read(context, workspace, &client, BTreeSet::from([kind])).await?;
    known.refuse_others(definition, None, body)
}

/// What is refused of a definition, with its place in this body.
fn in_definition(problem: Problem) -> Problem {
    match problem.pointer.as_ref().map(|pointer| format!("/definition{pointer}")) {
        Some(pointer) => problem.at(pointer),
        None => problem,
    }
}

fn problem(error: PreviewError) -> Problem {
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
