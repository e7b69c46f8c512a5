//! What Pendo offers: the metadata fields that matching can name, and the objects that fields can name.

use crate::source::{client, connection, pendo_problem};
use schemars::JsonSchema;
use serde::Serialize;
use shared::api::page;
use shared::api::{Problem, Reply, Request};
use shared::context::Context;
use shared::id::{Kind, WorkspaceId};
use shared::pendo::catalog as pendo;
use shared::pendo::metadata::{self as schema, MetadataField};
use shared::pendo::people::Level;
use shared::sync::tags::Listed;
use std::collections::HashSet;

/// What matching can name.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Metadata {
    /// For the contacts' rule.
    visitor: Vec<MetadataField>,
    /// For the accounts' rule.
    account: Vec<MetadataField>,
}

/// `GET /v1/pendo/metadata`.
pub(crate) async fn metadata(context: &Context, workspace: &WorkspaceId, request: &Request) -> Result<Reply, Problem> {
    request.query()?;
    let client = client(context, &connection(context, workspace).await?).await?;
    let (visitor, account) =
        tokio::try_join!(schema::fields(&client, Level::Visitors), schema::fields(&client, Level::Accounts))
            .map_err(pendo_problem)?;
    Reply::json(200, &Metadata { visitor, account })
}

/// `GET /v1/pendo/catalog`: all kinds or one, narrowed by a text, in the order of kind and id; with what Pendo lists no longer.
pub(crate) async fn catalog(context: &Context, workspace: &WorkspaceId, request: &Request) -> Result<Reply, Problem> {
    let query = request.query()?;
    let kinds = match query.get("kind") {
        None => pendo::KINDS.to_vec(),
        Some(name) => vec![kind(name)?],
    };
    let (limit, after) = (page::limit(&query, page::LIMIT_MAX)?, page::after(&query)?);
    let text = query.get("q").map(|text| text.trim().to_lowercase()).unwrap_or_default();
    let connection = connection(context, workspace).await?;
    let client = client(context, &connection).await?;
    let mut found = Vec::new();
    for kind in kinds {
        let mut entries = pendo::list(&client, kind).await.map_err(pendo_problem)?;
        let listed: HashSet<String> = entries.iter().map(|entry| entry.id.clone()).collect();
        let known = context.store.tags_get(workspace, &connection.id, kind).await?.value;
        entries.extend(known.iter().filter(|(id, _)| !listed.contains(*id)).filter_map(|(id, stored)| {
            // What no run has missed yet may be missing from this one list only.
            Some(Listed::of(stored).filter(|object| object.gone.is_some())?.deleted(kind, id))
        }));
        found.extend(
            entries
                .into_iter()
                .filter(|entry| entry.holds(&text))
                .map(|entry| (format!("{}/{}", kind.name(), entry.id), entry)),
        );
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    let page = page::cut(found, |(place, _)| place, |(_, entry)| 400 + entry.name.len(), after.as_deref(), limit);
    let items: Vec<_> = page.items.into_iter().map(|(_, entry)| entry).collect();
    Reply::json(200, &page::Listed { items, next: page.next })
}

/// A kind that has objects.
fn kind(name: &str) -> Result<Kind, Problem> {
    if let Some(kind) = pendo::KINDS.into_iter().find(|kind| kind.name() == name) {
        return Ok(kind);
    }
    let detail = match name {
        "event" => {
            "The kind \"event\" is all activity and has no objects: leave \"ids\" out of such a field.".to_owned()
        }
        "nps" | "poll" | "pollEvents" => {
            format!(
                "\"{name}\" is not read from Pendo: upload the scores as a numeric directory column such as nps instead."
            )
        }
        _ => "There is no such kind: use feature, guide, page or track.".to_owned(),
    };
    Err(Problem::invalid("unknown-kind", "?kind", detail))
}
