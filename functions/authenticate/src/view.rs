//! A connection as callers see it: without key, without the secret's name.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use shared::api::{Problem, Reply, etag};
use shared::connection::{Connection, ConnectionStatus};
use shared::context::Context;
use shared::id::WorkspaceId;
use shared::pendo::Region;
use shared::time::{Hour, Zone, to_the_second};

/// A connection as it is answered.
#[derive(Default, Serialize, JsonSchema)]
#[schemars(rename = "Connection")]
pub(crate) struct View {
    /// Whether there is one, and what it does.
    #[schemars(extend("enum" = ["inactive", "active", "paused", "revoked", "disconnected", "purging"]))]
    status: &'static str,
    /// What a `POST` came to.
    #[schemars(extend("enum" = ["connected", "reconnected", "rotated", "updated", "unchanged"]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    #[serde(flatten)]
    connected: Option<Connected>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) values_to_recompute: Option<usize>,
    /// The regions that there are.
    regions: Vec<RegionView>,
    /// What to do next.
    next_step: &'static str,
}

impl View {
    /// The same, saying what a `POST` came to.
    pub(crate) fn with_outcome(mut self, outcome: &'static str) -> Self {
        self.outcome = Some(outcome);
        self
    }
}

#[derive(Serialize, JsonSchema)]
struct Connected {
    region: Region,
    host: String,
    #[schemars(with = "String")]
    time_zone: Zone,
    history_from: Option<String>,
    connected_at: String,
    write_access: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frozen_as_of: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RegionOffered")]
struct RegionView {
    name: &'static str,
    label: &'static str,
    host: Option<&'static str>,
}

/// `GET /v1/connection`.
pub(crate) async fn read(context: &Context, workspace: &WorkspaceId) -> Result<Reply, Problem> {
    let Some(stands) = context.store.connection_get(workspace).await? else { return Reply::json(200, &inactive()) };
    Ok(Reply::json(200, &view(&stands.value))?.tagged(&etag(stands.version, &stands.value)?))
}

/// Before the first connection and after a purge.
pub(crate) fn inactive() -> View {
    let next_step = "Create an integration key in Pendo (Settings, Integrations, Integration Keys; write access is not needed), \
                     then send POST /v1/connection with its region and key.";
    View { status: "inactive", regions: regions(), next_step, ..View::default() }
}

/// Everything about a connection that callers may see.
pub(crate) fn view(connection: &Connection) -> View {
    let hour = |hour: Hour| to_the_second(hour.start_ms());
    let (status, next_step) = status_and_next_step(connection.status);
    let connected = Connected {
        region: connection.region,
        host: connection.base_url.split_once("://").map_or(connection.base_url.as_str(), |(_, host)| host).to_owned(),
        time_zone: connection.time_zone,
        history_from: connection.history_from.map(hour),
        connected_at: to_the_second(connection.connected_at_ms),
        write_access: connection.write_access,
        frozen_as_of: connection.frozen_as_of.map(hour),
    };
    View { status, connected: Some(connected), regions: regions(), next_step, ..View::default() }
}

/// The connection's name in the trail.
pub(crate) const CONNECTION: &str = "connection";

/// A connection as the trail tells of it.
pub(crate) fn noted(connection: &Connection) -> Value {
    json!({
        "status": connection.status,
        "region": connection.region,
        "time_zone": connection.time_zone,
        "history_from": connection.history_from.map(|hour| to_the_second(hour.start_ms())),
    })
}

fn regions() -> Vec<RegionView> {
    Region::ALL
        .map(|region| RegionView { name: region.name(), label: region.label(), host: region.hosts().first().copied() })
        .into()
}

const fn status_and_next_step(status: ConnectionStatus) -> (&'static str, &'static str) {
    match status {
        ConnectionStatus::Active => (
            "active",
            "Upload accounts and contacts (PUT /v1/directory/accounts, PUT /v1/directory/contacts), say how they match \
             (PUT /v1/matching), then create calculated fields (POST /v1/fields).",
        ),
        ConnectionStatus::Paused => ("paused", "Send PATCH /v1/connection with {\"paused\":false} to sync again."),
        ConnectionStatus::Revoked => (
            "revoked",
            "Pendo refuses the key: create a new one in Pendo and send it with POST /v1/connection; nothing is lost meanwhile.",
        ),
        ConnectionStatus::Disconnected => (
            "disconnected",
            "Values are frozen. Send POST /v1/connection with a key of the same subscription to go on, or \
             DELETE /v1/connection?data=purge to remove the data.",
        ),
        ConnectionStatus::Purging => ("purging", "The data is being removed; POST /v1/connection works already."),
    }
}
