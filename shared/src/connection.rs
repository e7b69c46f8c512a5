//! A workspace's one link to a Pendo subscription.

use crate::erased::ErasureKey;
use crate::id::ConnectionId;
use crate::pendo::Region;
use crate::time::{Hour, Zone};
use serde::{Deserialize, Serialize};

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionStatus {
    /// Syncs by the schedule.
    Active,
    /// Stopped by an admin; values stay as they were.
    Paused,
    /// Pendo refuses the key, also after the secret was read once more.
    Revoked,
    /// Disconnected with `data=keep`: values are frozen.
    Disconnected,
    /// Disconnected with `data=purge`: items are being removed.
    Purging,
}

/// The stored connection. The key itself is only in Secrets Manager.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// This life of the connection; begins every key of its shards.
    pub id: ConnectionId,
    /// The region chosen.
    pub region: Region,
    /// The base URL that verified, such as `https://app.pendo.io`.
    pub base_url: String,
    /// The secret's name: fresh and random for each connection.
    pub secret: String,
    /// The key of the hashes of erased visitors.
    pub erasure_key: ErasureKey,
    /// The zone in which windows are cut.
    pub time_zone: Zone,
    /// The first hour to read, when chosen; otherwise all history.
    pub history_from: Option<Hour>,
    /// What it is doing.
    pub status: ConnectionStatus,
    /// Pendo's app ids of the subscription, sorted: how a rotated key is recognised as the same subscription's.
    pub apps: Vec<i64>,
    /// Whether the key may write, when Pendo said so.
    pub write_access: Option<bool>,
    /// When it was connected, ms since 1970.
    pub connected_at_ms: i64,
    /// Hours from which values are frozen (disconnected); `None` while it lives.
    pub frozen_as_of: Option<Hour>,
}
