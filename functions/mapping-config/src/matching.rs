//! Matching: read it, try it, save it, take the last change back. The report comes at once, from Pendo's people and the directory.

use crate::operations::{Act, READ};
use crate::parameters::{DRY_RUN, flag};
use crate::people::Known;
use crate::source::{client, connection, pendo_problem, refused};
use crate::suggestion;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use shared::api::operation::{Operation, shape};
use shared::api::{Problem, Reply, Request, etag, extent, nudge, refuse_stale};
use shared::context::Context;
use shared::directory::{Directory, ID};
use shared::exclusions::{Exclusions, Found};
use shared::fields::Field;
use shared::fields::below;
use shared::id::{ObjectKind, WorkspaceId};
use shared::matching::{Candidates, KeptMatching, Links, Matching, Report, Rule, report};
use shared::pendo::people::Level;
use shared::pendo::{Client, metadata};
use shared::queue::Job;
use shared::trail::Line;
use std::collections::BTreeSet;

const LEVELS: [ObjectKind; 2] = [ObjectKind::Contact, ObjectKind::Account];

/// How the last change is taken back.
pub(crate) const UNDO: Operation<Act> = Operation {
    act: Act::UndoMatching,
    id: "undoMatching",
    method: "POST",
    path: "/v1/matching/undo",
    summary: "Puts the rules back that the last change replaced, or tries them, with the report that saving them gives. Asked again it takes that back.",
    query: &[DRY_RUN],
    replies: &[(200, Some(shape::<Saved>))],
    is_creating: true,
    takes_if_match: true,
    answers_etag: true,
    ..READ
};

/// The answer of `PUT` and of taking back.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SavedMatching")]
pub(crate) struct Saved {
    /// `saved`, `unchanged` or `dry_run`.
    status: &'static str,
    matching: Matching,
    report: Report,
    values_to_recompute: usize,
}

/// `GET /v1/matching`: what `PUT` takes; no member before it was first saved.
pub(crate) async fn read(context: &Context, workspace: &WorkspaceId, request: &Request) -> Result<Reply, Problem> {
    request.query()?;
    let stands = context.store.matching_get(workspace).await?;
    let (version, matching) = stands.map(|stands| (stands.version, stands.value)).unwrap_or_default();
    Ok(Reply::json(200, &matching)?.tagged(&etag(version, &matching)?))
}

/// `PUT /v1/matching`: checks, reports, and saves both levels or neither; with `?dry_run=true` it saves nothing.
pub(crate) async fn put(context: &Context, workspace: &WorkspaceId, request: &Request) -> Result<Reply, Problem> {
    let is_dry_run = flag(&request.query()?, "dry_run", "dry-run")?;
    let body: Value = request.json()?;
    let matching = Matching::parse(&body).map_err(|problem| refused("invalid-matching", problem))?;
    save(context, workspace, request, is_dry_run, Some(matching)).await
}

/// `POST /v1/matching/undo`: what the last change replaced stands again; checked and reported as when it is saved.
pub(crate) async fn undo(context: &Context, workspace: &WorkspaceId, request: &Request) -> Result<Reply, Problem> {
    let is_dry_run = flag(&request.query()?, "dry_run", "dry-run")?;
    save(context, workspace, request, is_dry_run, None).await
}

/// The rules that the last change replaced.
fn replaced(kept: Option<&KeptMatching>) -> Result<Matching, Problem> {
    let none = "No change of the matching can be taken back: it was saved once at most. Save other rules with PUT /v1/matching.";
    kept.and_then(|kept| kept.before.clone()).ok_or_else(|| Problem::conflict("nothing-to-undo", none))
}

/// Saves these rules, or those that the last change replaced.
async fn save(
    context: &Context,
    workspace: &WorkspaceId,
    request: &Request,
    is_dry_run: bool,
    wanted: Option<Matching>,
) -> Result<Reply, Problem> {
    let connection = connection(context, workspace).await?;
    let kept = context.store.matching_kept_get(workspace).await?;
    let mut version = kept.as_ref().map_or(0, |kept| kept.version);
    let kept = kept.map(|kept| kept.value);
    let before = kept.as_ref().map(|kept| kept.stands.clone()).unwrap_or_default();
    refuse_stale(request, Some(&etag(version, &before)?))?;
    let (operation, matching) = match wanted {
        Some(matching) => ("save", matching),
        None => ("undo", replaced(kept.as_ref())?),
    };
    refuse_used_level(&context.store.fields_get(workspace).await?.value, &matching)?;
    let directory = context.store.directory_get(workspace).await?;
    let client = client(context, &connection).await?;
    refuse_unknown(&client, &directory, &matching).await?;
    let erased = context.store.erased_get(workspace, &connection).await?.value;
    let known = Known::read(&client, &matching, &erased).await?;
    let exclusions = context.store.exclusions_get(workspace).await?.value.exclusions;
    let report = reported(&client, &matching, &directory, &known, &exclusions).await?;

    let is_equal = kept.as_ref().is_some_and(|kept| kept.stands == matching);
    let (status, values) = match (is_dry_run, is_equal) {
        (true, _) => ("dry_run", extent(context, workspace, None).await?),
        (false, true) => ("unchanged", 0),
        (false, false) => {
            // The rules first: if the lists are not kept, the next run reads them whole for the new rules.
            let line = line(request, context, operation, kept.as_ref().map(|kept| &kept.stands), &matching)?;
            let changed = KeptMatching::after(kept, matching.clone());
            version = context.store.noting(workspace, line).matching_put(workspace, &changed, version).await?;
            known.keep(context, workspace, &connection).await?;
            nudge(context, workspace, Job::Evaluate { workspace: workspace.to_string() }).await;
            ("saved", extent(context, workspace, None).await?)
        }
    };
    let tag = etag(version, if is_dry_run { &before } else { &matching })?;
    Ok(Reply::json(200, &Saved { status, matching, report, values_to_recompute: values })?.tagged(&tag))
}

fn line(
    request: &Request,
    context: &Context,
    operation: &str,
    before: Option<&Matching>,
    after: &Matching,
) -> Result<Line, Problem> {
    let noted = |matching: &Matching| serde_json::to_value(matching).map_err(Problem::internal);
    let by = request.asker(context.clock.now_ms());
    Ok(by.line(operation, "matching", before.map(noted).transpose()?, Some(noted(after)?)))
}

async fn reported(
    client: &Client,
    matching: &Matching,
    directory: &Directory,
    known: &Known,
    exclusions: &Exclusions,
) -> Result<Report, Problem> {
    let links = Links::resolve(matching, directory, &known.visitors, &known.accounts);
    let people = known.visitors.iter().map(|known| (known.id.clone(), known.value.clone()));
    let excluded = Found::among(&[exclusions], directory, &links, people).by(exclusions);
    let whose = (&links, &excluded);
    let make =
        |candidates: &Candidates| report(matching, directory, &known.visitors, &known.accounts, candidates, whose);
    let first = make(&Candidates::default());
    if !suggestion::is_needed(&first, directory) {
        return Ok(first);
    }
    Ok(make(&suggestion::candidates(client).await?))
}

/// A level can't be switched off while fields use it.
pub(crate) fn refuse_used_level(fields: &[Field], matching: &Matching) -> Result<(), Problem> {
    for kind in LEVELS.into_iter().filter(|kind| matching.rule(*kind).is_none()) {
        let names: BTreeSet<&str> = fields
            .iter()
            .filter(|field| field.definition.object == kind)
            .map(|field| field.definition.name.as_str())
            .collect();
        if !names.is_empty() {
            let names: Vec<&str> = names.into_iter().collect();
            let detail = format!(
                "Fields use the {} level ({}): keep its rule, or delete them first.",
                kind.name(),
                names.join(", ")
            );
            return Err(Problem::conflict("level-in-use", detail)
                .at(format!("/{}", kind.name()))
                .with("fields", names));
        }
    }
    Ok(())
}

/// What rules name must be there: at Pendo, and in the directory.
pub(crate) async fn refuse_unknown(client: &Client, directory: &Directory, matching: &Matching) -> Result<(), Problem> {
    for kind in LEVELS {
        if let Some(rule) = matching.rule(kind) {
            refuse_unknown_path(client, kind, rule).await?;
            refuse_unknown_column(directory, kind, rule)?;
            refuse_unknown_alias(directory, kind, rule)?;
        }
    }
    Ok(())
}

/// A metadata path must be one that the subscription has.
async fn refuse_unknown_path(client: &Client, kind: ObjectKind, rule: &Rule) -> Result<(), Problem> {
    if rule.pendo.is_id() {
        return Ok(());
    }
    let (level, member) = match kind {
        ObjectKind::Contact => (Level::Visitors, "visitor"),
        ObjectKind::Account => (Level::Accounts, "account"),
    };
    let fields = metadata::fields(client, level).await.map_err(pendo_problem)?;
    let path = rule.pendo.to_string();
    if fields.iter().any(|field| field.path == path) {
        return Ok(());
    }
    let near = metadata::near(&fields, &path);
    let hint = if near.is_empty() {
        "see GET /v1/pendo/metadata".to_owned()
    } else {
        format!("did you mean {}?", near.join(" or "))
    };
    let detail =
        format!("Pendo has no {member} field {path}: {}", if near.is_empty() { format!("{hint}.") } else { hint });
    Err(Problem::invalid("unknown-metadata", format!("/{}/{member}", kind.name()), detail).with("near", near))
}

/// A column must stand on some object, unless there is none yet.
fn refuse_unknown_column(directory: &Directory, kind: ObjectKind, rule: &Rule) -> Result<(), Problem> {
    let objects = directory.objects(kind);
    if rule.object == ID || objects.is_empty() || objects.values().any(|object| object.contains_key(&rule.object)) {
        return Ok(());
    }
    let mut known: BTreeSet<&str> = objects.values().flat_map(|object| object.keys().map(String::as_str)).collect();
    known.insert(ID);
    let known: Vec<&str> = known.into_iter().take(50).collect();
    let detail = format!("No {} has a column \"{}\": use one of {}.", kind.name(), rule.object, known.join(", "));
    Err(Problem::invalid("unknown-column", format!("/{}/object", kind.name()), detail).with("columns", known))
}

/// An alias must lead to an object, unless there is none yet.
fn refuse_unknown_alias(directory: &Directory, kind: ObjectKind, rule: &Rule) -> Result<(), Problem> {
    let objects = directory.objects(kind);
    let unknown = rule.aliases.iter().find(|(_, object)| !objects.is_empty() && !objects.contains_key(*object));
    let Some((pendo, object)) = unknown else { return Ok(()) };
    let (name, detail) =
        (kind.name(), format!("No {} has the id \"{object}\": upload it first, or leave the alias out.", kind.name()));
    let place = below(&format!("/{name}/aliases"), pendo);
    Err(Problem::invalid("unknown-alias", place, detail))
}
