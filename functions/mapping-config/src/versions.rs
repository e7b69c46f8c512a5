//! `GET /v1/fields/{id}/versions`: what a field computed when, and who changed it.

use crate::fields::unknown;
use crate::operations::{Act, READ};
use crate::parameters::{CURSOR, LIMIT};
use schemars::JsonSchema;
use serde::Serialize;
use shared::api::operation::{Operation, Parameter, Takes, shape};
use shared::api::page::{self, Listed};
use shared::api::{Problem, Reply, Request};
use shared::context::Context;
use shared::fields::{Definition, Field, VERSIONS_MAX};
use shared::id::{FieldId, WorkspaceId};
use shared::time::to_the_millisecond;

/// The most versions of a page: all that are kept.
const PAGE_MAX: usize = VERSIONS_MAX as usize;

/// What it can be asked.
pub(crate) const OPERATION: Operation<Act> = Operation {
    act: Act::Versions,
    id: "listVersions",
    path: "/v1/fields/{id}/versions",
    summary: "The versions of a calculated field with definition, time and who asked for them, newest first. The last 100 are kept; `dropped` counts those before.",
    query: &[
        Parameter {
            takes: Takes::UpTo(PAGE_MAX),
            about: "The most versions of a page, 1 to 100; 100 if left out.",
            ..LIMIT
        },
        CURSOR,
    ],
    replies: &[(200, Some(shape::<Versions>))],
    ..READ
};

/// One version of a field.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FieldVersion")]
pub(crate) struct Shown {
    version: u64,
    /// When it was made, RFC 3339.
    at: String,
    /// The subject of the token that asked for it, as in the trail of changes; null where the token names none.
    by: Option<String>,
    /// Whether it is the one that stands.
    is_current: bool,
    /// The first version that computes the same: where it is not this one, the two differ by their names only.
    computes_since: u64,
    definition: Definition,
}

/// A page of a field's versions.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FieldVersions")]
pub(crate) struct Versions {
    #[serde(flatten)]
    page: Listed<Shown>,
    /// How many versions there were before the oldest one that is kept.
    dropped: u64,
}

/// Lists the versions, newest first.
pub(crate) async fn list(
    context: &Context,
    workspace: &WorkspaceId,
    id: &FieldId,
    request: &Request,
) -> Result<Reply, Problem> {
    let query = request.query()?;
    let limit = page::limit_to(&query, PAGE_MAX, PAGE_MAX)?;
    let after = page::after_as(&query, |text| text.parse::<u64>().ok())?;
    let fields = context.store.fields_get(workspace).await?.value;
    let field = fields.iter().find(|field| field.id == *id).ok_or_else(unknown)?;
    let oldest = field.oldest_kept();
    let newest = after.map_or(field.version, |after| after.saturating_sub(1).min(field.version));
    // One more says whether there is a next page.
    let wanted = (oldest..=newest).rev().take(limit + 1);
    let replaced = wanted.filter(|version| *version < field.version);
    let mut found = context.store.versions_get(workspace, id, replaced).await?;
    if newest == field.version {
        found.insert(0, field.clone());
    }
    let items = found.into_iter().map(|version| (version.version.to_string(), shown(version, field, &fields)));
    let bytes = |(_, version): &(String, Shown)| 400 + version.definition_bytes();
    let page = page::cut(items, |(version, _)| version, bytes, None, limit);
    let items = page.items.into_iter().map(|(_, version)| version).collect();
    Reply::json(200, &Versions { page: Listed { items, next: page.next }, dropped: oldest - 1 })
}

impl Shown {
    /// About how long its definition is.
    fn definition_bytes(&self) -> usize {
        let ids = self.definition.measured().and_then(|measured| measured.usage.ids.as_ref()).into_iter().flatten();
        let formula = self.definition.formula().map_or(0, |formula| formula.to_string().len());
        self.definition.name.len() + formula + ids.map(|id| id.len() + 3).sum::<usize>()
    }
}

/// `fields` have the names that a formula uses; of one that is gone its id is shown.
fn shown(version: Field, stands: &Field, fields: &[Field]) -> Shown {
    Shown {
        version: version.version,
        at: to_the_millisecond(version.edited_at_ms),
        by: version.edited_by,
        is_current: version.version == stands.version,
        computes_since: version.computes_since,
        definition: version.definition.named(fields),
    }
}
