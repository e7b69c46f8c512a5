//! `GET /v1/fields/{id}/compare`: two versions of a field side by side, for every object.

use crate::fields::unknown;
use crate::operations::{Act, READ};
use crate::parameters::{LIMIT, TEXT};
use crate::preview::{ROWS_MAX, not_previewed};
use shared::api::operation::{Operation, Parameter, Takes, shape};
use shared::api::page;
use shared::api::{Problem, Reply, Request};
use shared::context::Context;
use shared::fields::Field;
use shared::id::{FieldId, WorkspaceId};
use shared::preview::{Comparison, PreviewError, compare};
use std::collections::BTreeMap;
use std::num::NonZeroU64;

/// Objects that are named where nothing is said.
const OBJECTS_DEFAULT: usize = 20;
/// The most of them.
const OBJECTS_MAX: usize = 1_000;
const VERSION: Parameter = Parameter { takes: Takes::UpTo(u32::MAX as usize), example: "1", ..TEXT };

/// What it can be asked.
pub(crate) const OPERATION: Operation<Act> = Operation {
    act: Act::CompareVersions,
    id: "compareVersions",
    path: "/v1/fields/{id}/compare",
    summary: "Two versions of a calculated field over the stored rows of every object: how many say the same, more, less or nothing, how the values of each are spread, and the objects that moved most.",
    query: &[
        Parameter { name: "from", about: "The earlier version; the one before `to` if left out.", ..VERSION },
        Parameter { name: "to", about: "The later version; the one that stands if left out.", ..VERSION },
        Parameter {
            takes: Takes::UpTo(OBJECTS_MAX),
            about: "The most objects that are named, 1 to 1,000; 20 if left out.",
            ..LIMIT
        },
    ],
    replies: &[(200, Some(shape::<Comparison>))],
    ..READ
};

/// Compares the two.
pub(crate) async fn read(
    context: &Context,
    workspace: &WorkspaceId,
    id: &FieldId,
    request: &Request,
) -> Result<Reply, Problem> {
    let query = request.query()?;
    let limit = page::limit_to(&query, OBJECTS_DEFAULT, OBJECTS_MAX)?;
    let fields = context.store.fields_get(workspace).await?.value;
    let stands = fields.into_iter().find(|field| field.id == *id).ok_or_else(unknown)?;
    let to = asked(&query, "to")?.unwrap_or(stands.version);
    let from = match asked(&query, "from")? {
        Some(from) => from,
        None if to > 1 => to - 1,
        None => return Err(only_one("from")),
    };
    let from = found(context, workspace, &stands, "from", from).await?;
    let to = found(context, workspace, &stands, "to", to).await?;
    let compared = compare(context, workspace, [&from, &to], ROWS_MAX, limit).await;
    Reply::json(200, &compared.map_err(too_much)?)
}

/// A version that is asked for; `None` where it is left out.
fn asked(query: &BTreeMap<&str, &str>, name: &'static str) -> Result<Option<u64>, Problem> {
    let Some(text) = query.get(name) else { return Ok(None) };
    text.parse::<NonZeroU64>().map(|version| Some(version.get())).map_err(|_| {
        let detail = format!("\"{name}\" is the number of a version: see GET /v1/fields/{{id}}/versions.");
        Problem::invalid("version", format!("?{name}"), detail)
    })
}

async fn found(
    context: &Context,
    workspace: &WorkspaceId,
    stands: &Field,
    name: &'static str,
    version: u64,
) -> Result<Field, Problem> {
    if version == stands.version {
        return Ok(stands.clone());
    }
    let kept = stands.oldest_kept()..stands.version;
    let found = match kept.contains(&version) {
        true => context.store.versions_get(workspace, &stands.id, [version]).await?.pop(),
        false => None,
    };
    found.ok_or_else(|| {
        let (oldest, newest) = (stands.oldest_kept(), stands.version);
        let detail = format!("The field has no version {version}: {oldest} to {newest} are kept.");
        Problem::not_found("unknown-version", detail).at(format!("?{name}"))
    })
}

fn only_one(name: &str) -> Problem {
    let detail = "This is the field's first version, there is none before it to compare with: edit the field first.";
    Problem::not_found("unknown-version", detail).at(format!("?{name}"))
}

fn too_much(error: PreviewError) -> Problem {
    match error {
        PreviewError::TooMuch { rows } => Problem::invalid(
            "too-much-to-compare",
            "?from",
            format!("{rows} rows lie in the windows of the two, and at most {ROWS_MAX} are added up while you wait."),
        ),
        other => not_previewed(other),
    }
}
