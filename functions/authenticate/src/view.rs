//! A connection as callers see it: without key, without the secret's name.

use serde_json::{Value, json};
use shared::api::{Problem, Reply};
use shared::connection::{Connection, ConnectionStatus};
use shared::context::Context;
use shared::id::WorkspaceId;
use shared::pendo::Region;
use shared::time::to_the_second;

/// `GET /v1/connection`.
pub(crate) async fn read(context: &Context, workspace: &WorkspaceId) -> Result<Reply, Problem> {
    let stands = context.store.connection_get(workspace).await?;
    Reply::json(200, &stands.map_or_else(inactive, |stands| view(&stands.value)))
}

/// Before the first connection and after a purge.
pub(crate) fn inactive() -> Value {
    json!({
        "status": "inactive",
        "regions": regions(),
        "next_step": "Create an integration key in Pendo (Settings, Integrations, Integration Keys; write access is not needed), \
                      then send POST /v1/connection with its region and key."
    })
}

pub(crate) fn view(connection: &Connection) -> Value {
    let mut view = json!({
        "status": connection.status,
        "region": connection.region,
        "host": connection.base_url.split_once("://").map_or(connection.base_url.as_str(), |(_, host)| host),
        "time_zone": connection.time_zone,
        "history_from": connection.history_from.map(|hour| to_the_second(hour.start_ms())),
        "connected_at": to_the_second(connection.connected_at_ms),
        "write_access": connection.write_access,
        "regions": regions(),
        "next_step": next_step(connection.status),
    });
    if let Some(hour) = connection.frozen_as_of {
        view["frozen_as_of"] = to_the_second(hour.start_ms()).into();
    }
    view
}

fn regions() -> Vec<Value> {
    Region::ALL
        .map(|region| json!({"name": region.name(), "label": region.label(), "host": region.hosts().first()}))
        .into()
}

const fn next_step(status: ConnectionStatus) -> &'static str {
    match status {
        ConnectionStatus::Active => {
            "Upload accounts and contacts (PUT /v1/directory/accounts, PUT /v1/directory/contacts), say how they match \
             (PUT /v1/matching), then create calculated fields (POST /v1/fields)."
        }
        ConnectionStatus::Paused => "Send PATCH /v1/connection with {\"paused\":false} to sync again.",
        ConnectionStatus::Revoked => {
            "Pendo refuses the key: create a new one in Pendo and send it with POST /v1/connection; nothing is lost meanwhile."
        }
        ConnectionStatus::Disconnected => {
            "Values are frozen. Send POST /v1/connection with a key of the same subscription to go on, or \
             DELETE /v1/connection?data=purge to remove the data."
        }
        ConnectionStatus::Purging => "The data is being removed; POST /v1/connection works already.",
    }
}
