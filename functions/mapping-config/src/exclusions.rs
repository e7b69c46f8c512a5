//! Whose usage counts in no field: read it, try it, save it. Rows are not touched, so nothing is asked of Pendo.

use crate::operations::{Act, JSON, READ};
use crate::parameters::{DRY_RUN, flag};
use crate::source::{connection, refused};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use shared::api::operation::{Body, Operation, shape};
use shared::api::{Problem, Reply, Request, etag, extent, nudge, refuse_stale};
use shared::connection::Connection;
use shared::context::Context;
use shared::exclusions::{Exclusions, Found, Standing};
use shared::fields::Definition;
use shared::id::{ObjectKind, VisitorHash, WorkspaceId};
use shared::matching::{KnownAccount, KnownVisitor, Links};
use shared::queue::Job;
use shared::store::SeenIn;
use shared::store::noun::People;
use shared::sync::world::known;

const EXCLUSIONS: &str = "/v1/exclusions";

/// How they are asked for.
pub(crate) const SHOW: Operation<Act> = Operation {
    act: Act::ReadExclusions,
    id: "readExclusions",
    path: EXCLUSIONS,
    summary: "Whose usage counts in no field: visitors, e-mail domains and contacts, such as the team's own staff and test users; no member where nobody's.",
    replies: &[(200, Some(shape::<Exclusions>))],
    answers_etag: true,
    ..READ
};

/// How others are sent.
pub(crate) const SAVE: Operation<Act> = Operation {
    act: Act::PutExclusions,
    id: "saveExclusions",
    method: "PUT",
    path: EXCLUSIONS,
    summary: "Saves whose usage counts in no field, or tries it, and tells whom that fits. The past follows at once, without asking Pendo. A list that is left out names nobody.",
    query: &[DRY_RUN],
    body: Some(Body {
        types: JSON,
        shape: Some(shape::<Exclusions>),
        example: r#"{"visitors":["qa-robot"],"domains":["our-company.example"],"contacts":["C-2"]}"#,
    }),
    replies: &[(200, Some(shape::<SavedExclusions>))],
    takes_if_match: true,
    answers_etag: true,
    ..READ
};

/// The answer of `PUT`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SavedExclusions {
    /// `saved`, `unchanged` or `dry_run`.
    status: &'static str,
    exclusions: Exclusions,
    report: ExclusionReport,
    /// How many values are computed anew.
    values_to_recompute: usize,
}

/// Whom exclusions fit.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ExclusionReport {
    /// Visitors that Pendo knows and of whom no usage counts.
    visitors: usize,
    /// Contacts without a value: those that are excluded, and those of whose visitors no usage counts.
    contacts: usize,
    /// What fits nobody: visitors that Pendo does not know, domains in which nobody is, contacts without a visitor.
    unused: Exclusions,
}

/// `GET /v1/exclusions`: what `PUT` takes.
pub(crate) async fn read(context: &Context, workspace: &WorkspaceId, request: &Request) -> Result<Reply, Problem> {
    request.query()?;
    let stands = context.store.exclusions_get(workspace).await?;
    let tag = etag(stands.version, &stands.value)?;
    Ok(Reply::json(200, &stands.value.exclusions)?.tagged(&tag))
}

/// `PUT /v1/exclusions`: checks, reports, and saves; with `?dry_run=true` it saves nothing.
pub(crate) async fn put(context: &Context, workspace: &WorkspaceId, request: &Request) -> Result<Reply, Problem> {
    let is_dry_run = flag(&request.query()?, "dry_run", "dry-run")?;
    let body: Value = request.json()?;
    let exclusions = Exclusions::parse(&body, "").map_err(|problem| refused("invalid-exclusions", problem))?;
    let connection = connection(context, workspace).await?;
    let stands = context.store.exclusions_get(workspace).await?;
    let mut tag = etag(stands.version, &stands.value)?;
    refuse_stale(request, Some(&tag))?;
    refuse_unknown(context, workspace, &exclusions, Some(&stands.value.exclusions), (&body, "")).await?;
    let report = reported(context, workspace, &connection, &exclusions).await?;

    let is_equal = stands.value.exclusions == exclusions;
    let (status, values) = match (is_dry_run, is_equal) {
        (true, _) => ("dry_run", extent(context, workspace, None).await?),
        (false, true) => ("unchanged", 0),
        (false, false) => {
            let by = request.asker(context.clock.now_ms());
            let noted = |some: &Exclusions| serde_json::to_value(some).map_err(Problem::internal);
            let before = if stands.version > 0 { Some(noted(&stands.value.exclusions)?) } else { None };
            let line = by.line("save", "exclusions", before, Some(noted(&exclusions)?));
            let changed = Standing { exclusions: exclusions.clone(), changed_at_ms: by.at_ms() };
            let store = context.store.noting(workspace, line);
            tag = etag(store.exclusions_put(workspace, &changed, stands.version).await?, &changed)?;
            nudge(context, workspace, Job::Evaluate { workspace: workspace.to_string() }).await;
            ("saved", extent(context, workspace, None).await?)
        }
    };
    Ok(Reply::json(200, &SavedExclusions { status, exclusions, report, values_to_recompute: values })?.tagged(&tag))
}

/// Contacts that are named must be in the directory, unless there is none yet or they stand in `before`. `place` is where the
/// exclusions stand in `body`, which is what was sent.
pub(crate) async fn refuse_unknown(
    context: &Context,
    workspace: &WorkspaceId,
    exclusions: &Exclusions,
    before: Option<&Exclusions>,
    (body, place): (&Value, &str),
) -> Result<(), Problem> {
    let fresh: Vec<&String> =
        exclusions.contacts.iter().filter(|id| before.is_none_or(|before| !before.contacts.contains(*id))).collect();
    if fresh.is_empty() {
        return Ok(());
    }
    let known = context.store.objects_get(workspace, ObjectKind::Contact).await?.value;
    let list = format!("{place}/contacts");
    let given = body.pointer(&list).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let at = |id: &String| given.iter().position(|item| item.as_str() == Some(id)).unwrap_or(0);
    let unknown = fresh.into_iter().filter(|id| !known.is_empty() && !known.contains_key(*id)).map(at).min();
    let Some(at) = unknown else { return Ok(()) };
    let detail = "No contact has this id: upload it first, or leave it out.";
    Err(Problem::invalid("unknown-contact", format!("{list}/{at}"), detail))
}

/// The same of a field's own exclusions.
pub(crate) async fn refuse_unknown_in_field(
    context: &Context,
    workspace: &WorkspaceId,
    definition: &Definition,
    before: Option<&Definition>,
    body: &Value,
) -> Result<(), Problem> {
    let Some(own) = definition.exclusions() else { return Ok(()) };
    let before = before.and_then(Definition::exclusions);
    refuse_unknown(context, workspace, own, before, (body, "/usage/exclude")).await
}

/// Whom they fit, of those whom Pendo is known to know.
async fn reported(
    context: &Context,
    workspace: &WorkspaceId,
    connection: &Connection,
    exclusions: &Exclusions,
) -> Result<ExclusionReport, Problem> {
    let store = &context.store;
    let directory = store.directory_get(workspace).await?;
    let matching = store.matching_get(workspace).await?.map(|stands| stands.value).unwrap_or_default();
    let visitors = store.people_get(workspace, &connection.id, People::Visitors).await?.value;
    let seen_visitors = store.seen_get(workspace, &connection.id, SeenIn::Visitors).await?.value;
    let accounts = store.people_get(workspace, &connection.id, People::Accounts).await?.value;
    let seen_accounts = store.seen_get(workspace, &connection.id, SeenIn::Accounts).await?.value;
    let people: Vec<KnownVisitor> =
        known(&visitors, &seen_visitors).map(|(id, value)| KnownVisitor { id, value }).collect();
    let accounts = known(&accounts, &seen_accounts).map(|(id, value)| KnownAccount { id, value });
    let links = Links::resolve(&matching, &directory, &people, accounts);
    let known = people.iter().map(|known| (known.id.clone(), known.value.clone()));
    let found = Found::among(&[exclusions], &directory, &links, known);
    let excluded = found.by(exclusions);
    let visitors = people.iter().filter(|known| excluded.has_visitor(VisitorHash::of(&known.id))).count();
    Ok(ExclusionReport { visitors, contacts: excluded.contacts_count(), unused: found.unused(exclusions) })
}
