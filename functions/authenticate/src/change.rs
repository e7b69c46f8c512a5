//! `PATCH /v1/connection`: the zone in which windows are cut, pausing and going on.

use crate::body::parse_change;
use crate::view::{CONNECTION, noted, view};
use shared::api::{Problem, Reply, Request, etag, extent, nudge, refuse_stale};
use shared::connection::ConnectionStatus;
use shared::context::Context;
use shared::id::WorkspaceId;
use shared::queue::Job;

/// Changes what is asked; equal values write nothing.
pub(crate) async fn change(context: &Context, workspace: &WorkspaceId, request: &Request) -> Result<Reply, Problem> {
    let asked = parse_change(request)?;
    let stands = context.store.connection_get(workspace).await?.ok_or_else(Problem::not_connected)?;
    refuse_stale(request, Some(&etag(stands.version, &stands.value)?))?;
    let (before, mut version) = (stands.value, stands.version);
    let mut after = before.clone();
    after.time_zone = asked.time_zone.unwrap_or(before.time_zone);
    after.status = match (asked.paused, before.status) {
        (_, ConnectionStatus::Disconnected | ConnectionStatus::Purging) => return Err(Problem::not_connected()),
        (Some(true), ConnectionStatus::Active) => ConnectionStatus::Paused,
        (Some(false), ConnectionStatus::Paused) => ConnectionStatus::Active,
        (Some(_), ConnectionStatus::Revoked) => {
            return Err(Problem::conflict(
                "key-revoked",
                "Pendo refuses the key: send a new one with POST /v1/connection.",
            )
            .at("/paused"));
        }
        (_, status) => status,
    };
    if after != before {
        let line =
            request.asker(context.clock.now_ms()).line("change", CONNECTION, Some(noted(&before)), Some(noted(&after)));
        version = context.store.noting(workspace, line).connection_put(workspace, &after, version).await?;
    }
    let mut view = view(&after);
    if after.time_zone != before.time_zone {
        nudge(context, workspace, Job::Evaluate { workspace: workspace.to_string() }).await;
        view.values_to_recompute = Some(extent(context, workspace, None).await?);
    }
    if after.status == ConnectionStatus::Active && before.status == ConnectionStatus::Paused {
        nudge(context, workspace, Job::sync(workspace)).await;
    }
    Ok(Reply::json(200, &view)?.tagged(&etag(version, &after)?))
}
