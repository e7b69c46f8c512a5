//! `POST /v1/connection`: connect, reconnect, or put a new key in the place of the old.
//!
//! Order of writes: the secret first, then the connection that names it. If the second fails the first is taken back, so
//! nothing half-made is usable; whoever dies in between leaves a note (`spare.rs`).

use crate::body::{Connect, parse_connect};
use crate::spare;
use crate::subscription::{Subscription, is_same, verify};
use crate::view::{CONNECTION, noted, view};
use shared::api::{Problem, Reply, Request, extent, nudge};
use shared::connection::{Connection, ConnectionStatus};
use shared::context::Context;
use shared::erased::ErasureKey;
use shared::id::{ConnectionId, WorkspaceId};
use shared::queue::Job;
use shared::secrets::{SecretsError, is_same_key};
use shared::store::Versioned;
use shared::time::Zone;
use shared::trail::Asker;

/// Checks the key against Pendo, then does what the present state asks for.
pub(crate) async fn connect(context: &Context, workspace: &WorkspaceId, request: &Request) -> Result<Reply, Problem> {
    let now_ms = context.clock.now_ms();
    let (asked, by) = (parse_connect(request, now_ms)?, &request.asker(now_ms));
    context.tries.begin(workspace, now_ms)?;
    let found = verify(context, asked.region, &asked.key).await?;
    context.tries.succeeded(workspace, now_ms);
    let stands = context.store.connection_get(workspace).await?;
    match stands {
        Some(stands) if stands.value.status == ConnectionStatus::Purging => {
            // A purge that broke off is taken up again; the new connection has nothing in common with it.
            crate::disconnect::note_purge(context, workspace, &stands.value).await?;
            begin(context, workspace, asked, found, stands.version, by).await
        }
        None => begin(context, workspace, asked, found, 0, by).await,
        Some(stands) => {
            refuse_other_beginning(&stands.value, &asked)?;
            // The stored key opens the stored subscription; only another one has to show what it reads.
            let stored = stored_key(context, &stands.value.secret).await?;
            let is_stored_key = stored.is_some_and(|key| is_same_key(&key, &asked.key));
            if !is_stored_key && !is_same(context, workspace, &stands.value, &found).await? {
                return Err(Problem::conflict(
                    "other-subscription",
                    "this key reads another Pendo subscription: disconnect with purge first (DELETE /v1/connection?data=purge)",
                )
                .at("/integration_key"));
            }
            renew(context, workspace, asked, found, stands, by).await
        }
    }
}

/// The first connection, or the first after a purge.
async fn begin(
    context: &Context,
    workspace: &WorkspaceId,
    asked: Connect,
    found: Subscription,
    version: u64,
    by: &Asker,
) -> Result<Reply, Problem> {
    let secret = spare::create(context, workspace, &asked.key, version, None).await?;
    let connection = Connection {
        id: ConnectionId::random(),
        region: asked.region,
        base_url: found.base_url,
        secret,
        erasure_key: ErasureKey::random(),
        time_zone: asked.time_zone.unwrap_or(Zone::UTC),
        history_from: asked.history_from,
        status: ConnectionStatus::Active,
        apps: found.apps,
        write_access: found.write_access,
        connected_at_ms: context.clock.now_ms(),
        frozen_as_of: None,
    };
    let line = by.line("connect", CONNECTION, None, Some(noted(&connection)));
    spare::put_or_take_back(context, workspace, &connection, version, line).await?;
    nudge(context, workspace, Job::sync(workspace)).await;
    Reply::json(201, &view(&connection).with_outcome("connected"))
}

/// The same subscription with a key that is new, or with the same.
async fn renew(
    context: &Context,
    workspace: &WorkspaceId,
    asked: Connect,
    found: Subscription,
    stands: Versioned<Connection>,
    by: &Asker,
) -> Result<Reply, Problem> {
    let before = stands.value;
    let is_back = before.status == ConnectionStatus::Disconnected;
    let mut after = Connection {
        region: asked.region,
        base_url: found.base_url,
        time_zone: asked.time_zone.unwrap_or(before.time_zone),
        status: if before.status == ConnectionStatus::Paused {
            ConnectionStatus::Paused
        } else {
            ConnectionStatus::Active
        },
        apps: found.apps,
        write_access: found.write_access,
        frozen_as_of: None,
        ..before.clone()
    };
    let line = |operation: &str| by.line(operation, CONNECTION, Some(noted(&before)), Some(noted(&after)));
    let (rotated, updated) = (line("rotate"), line(if is_back { "reconnect" } else { "update" }));
    // Where the host moves, key and host must change in one step: a fresh secret, named together with the host.
    let key = if is_back { None } else { stored_key(context, &before.secret).await? };
    let needs_secret = key.is_none() || after.base_url != before.base_url;
    let mut is_same_as_kept = false;
    if needs_secret {
        after.secret = spare::create(context, workspace, &asked.key, stands.version, Some(&before.secret)).await?;
        if is_back {
            after.connected_at_ms = context.clock.now_ms();
        }
        let line = if is_back { updated } else { rotated };
        spare::put_or_take_back(context, workspace, &after, stands.version, line).await?;
    } else {
        is_same_as_kept = key.is_some_and(|key| is_same_key(&key, &asked.key));
        if !is_same_as_kept {
            // The key is in no table, so there is no transaction with it: the line first, because a line of a rotation that
            // failed can be told by its repetition, and a rotation without a line can't be told at all.
            context.store.trail_note(workspace, &rotated).await?;
            context.secrets.put(&before.secret, &asked.key).await?;
        }
        if after != before {
            context.store.noting(workspace, updated).connection_put(workspace, &after, stands.version).await?;
        }
    }
    if after.status == ConnectionStatus::Active && before.status != ConnectionStatus::Active {
        nudge(context, workspace, Job::sync(workspace)).await;
    } else if after.time_zone != before.time_zone {
        nudge(context, workspace, Job::Evaluate { workspace: workspace.to_string() }).await;
    }
    let outcome = match (is_back, is_same_as_kept) {
        (true, _) => "reconnected",
        (false, false) => "rotated",
        (false, true) if after == before => "unchanged",
        (false, true) => "updated",
    };
    let mut view = view(&after).with_outcome(outcome);
    if after.time_zone != before.time_zone {
        view.values_to_recompute = Some(extent(context, workspace, None).await?);
    }
    Reply::json(if is_back { 201 } else { 200 }, &view)
}

/// Values rest on where history begins, so it stays as it is for as long as the data does.
fn refuse_other_beginning(connection: &Connection, asked: &Connect) -> Result<(), Problem> {
    if asked.history_from.is_none() || asked.history_from == connection.history_from {
        return Ok(());
    }
    Err(Problem::conflict(
        "history-from",
        "history_from is chosen when connecting and can't be moved: leave it out, or disconnect with purge first (DELETE /v1/connection?data=purge).",
    )
    .at("/history_from"))
}

/// The key that is kept; `None` when its secret is gone.
async fn stored_key(context: &Context, secret: &str) -> Result<Option<shared::secrets::SecretString>, Problem> {
    match context.secrets.get(secret).await {
        Ok(key) => Ok(Some(key)),
        Err(SecretsError::Missing { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
