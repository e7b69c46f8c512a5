//! The configuration as one file: exported; compared; and taken, all of it or nothing.

mod change;
mod shown;
mod state;

pub(crate) use shown::ConfigurationChange;

use crate::checks::ATTEMPTS_MAX;
use crate::parameters::flag;
use crate::source::{client, connection, refused};
use change::Change;
use shared::api::{Problem, Reply, Request, refuse_stale};
use shared::configuration::Configuration;
use shared::context::Context;
use shared::id::WorkspaceId;
use shared::store::StoreError;
use state::State;

/// `GET /v1/configuration`.
pub(crate) async fn read(context: &Context, workspace: &WorkspaceId, request: &Request) -> Result<Reply, Problem> {
    request.query()?;
    let stands = State::read(context, workspace).await?;
    Ok(Reply::json(200, &Configuration::of(stands.matching(), &stands.fields.value))?.tagged(&stands.tag()?))
}

/// `PUT /v1/configuration`; with `?dry_run=true` it saves nothing, with `?prune=true` it deletes what the file does not name.
pub(crate) async fn put(context: &Context, workspace: &WorkspaceId, request: &Request) -> Result<Reply, Problem> {
    let query = request.query()?;
    let is_dry_run = flag(&query, "dry_run", "dry-run")?;
    let prunes = flag(&query, "prune", "prune")?;
    let body = request.file()?;
    let file = Configuration::parse(&body).map_err(|problem| refused("invalid-configuration", problem))?;
    if prunes && file.fields.is_none() {
        let detail =
            "The file has no \"fields\", so nothing says which ones stay: give the list, or leave \"prune\" out.";
        return Err(Problem::invalid("prune", "?prune", detail));
    }
    let connection = connection(context, workspace).await?;
    let by = request.asker(context.clock.now_ms());
    for _ in 0..ATTEMPTS_MAX {
        let stands = State::read(context, workspace).await?;
        let tag = stands.tag()?;
        refuse_stale(request, Some(&tag))?;
        let change = Change::of(stands, &file, prunes, &by);
        if change.is_empty() {
            let status = if is_dry_run { "dry_run" } else { "unchanged" };
            return Ok(Reply::json(200, &change.shown(status, 0, Vec::new()))?.tagged(&tag));
        }
        let client = client(context, &connection).await?;
        change.refuse_impossible(context, workspace, &client, &body).await?;
        let (status, tag) = if is_dry_run {
            ("dry_run", tag)
        } else {
            match change.save(context, workspace, &connection, &client, &by).await? {
                Some(saved) => ("saved", saved.tag()?),
                None => continue,
            }
        };
        let values = change.extent(context, workspace).await?;
        let backfills = change.backfills(context, workspace, &connection, &client).await?;
        return Ok(Reply::json(200, &change.shown(status, values, backfills))?.tagged(&tag));
    }
    Err(Problem::from(StoreError::Conflict { key: "configuration".to_owned() }))
}
