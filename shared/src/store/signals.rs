//! The rules of signals, and the ledger of what they came to: one document of a connection, changed by compare-and-swap, which
//! names immutable parts and batches under fresh keys. What no ledger names is nothing, so what a worker left behind counts
//! for nobody.

use super::meter::Holds;
use super::sweep::was_put_before;
use super::{Partition, Store, StoreError, Versioned};
use crate::id::{ConnectionId, FieldId, SignalId, WorkspaceId, random_hex};
use crate::signals::Signal;
use crate::time::Hour;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

const RULES: &str = "signals";
const LEDGER: &str = "signals";
const PREFIX: &str = "signals#";
/// The first byte of a part and a batch: what follows is JSON, compressed by zstd.
const FORMAT: u8 = 1;
const LEVEL: i32 = 3;

/// What the rules came to so far, and from what.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ledger {
    /// A hash of all that the last turn looked at: while it stands, another turn finds nothing.
    pub key: u64,
    /// When the last turn was, ms since 1970.
    pub turned_at_ms: i64,
    /// Up to when Pendo was read then.
    pub as_of: Hour,
    /// What may move values without behaviour, as it was then.
    pub basis: Basis,
    /// The rules that took part in the last turn. Others stood still.
    pub stepped: BTreeSet<SignalId>,
    /// Of each field whose past is looked at, since which day it is known, and under which version.
    pub known: BTreeMap<FieldId, (i32, u64)>,
    /// By rule what the last turn left.
    pub tallies: BTreeMap<SignalId, Tally>,
    /// The sort keys of the parts, by the hash of the object.
    pub parts: Vec<Option<String>>,
    /// The batches of events, oldest first.
    pub batches: Vec<Batch>,
    /// Parts with what is not all published yet, oldest first.
    pub outbox: Vec<Batch>,
}

/// What moves values without behaviour.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Basis {
    /// The zone in which days are cut.
    pub zone: String,
    /// The version of the matching.
    pub matching: u64,
    /// The version of the exclusions.
    pub exclusions: u64,
    /// The version of who is erased.
    pub erased: u64,
    /// Of each field the first version that computes what it does.
    pub fields: BTreeMap<FieldId, u64>,
    /// Hours that were rewritten for another reason than behaviour, by kind and reason.
    pub rewrites: BTreeMap<String, u64>,
}

/// What a rule came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tally {
    /// Objects that it holds: for which it fires, that are enrolled, in a stage or scored.
    pub holds: u64,
    /// Objects that would have moved, for another reason than behaviour or over the cap.
    pub owed: u64,
}

/// Events of one turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// Its sort key.
    pub sort: String,
    /// When, ms since 1970.
    pub at_ms: i64,
    /// How many.
    pub events: u64,
}

impl Store {
    /// The rules; none at version 0 before the first.
    ///
    /// # Errors
    /// The table's.
    pub async fn signals_get(&self, workspace: &WorkspaceId) -> Result<Versioned<Vec<Signal>>, StoreError> {
        let found = self.document_get(&Partition::workspace(workspace), RULES).await?;
        Ok(found.unwrap_or(Versioned { version: 0, value: Vec::new() }))
    }

    /// Writes the rules if their version still is `expected`.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when they moved; the table's.
    pub async fn signals_put(
        &self,
        workspace: &WorkspaceId,
        signals: &[Signal],
        expected: u64,
    ) -> Result<u64, StoreError> {
        self.document_put(&Partition::workspace(workspace), RULES, &signals, expected, None).await
    }

    /// The ledger; empty at version 0 before the first turn.
    ///
    /// # Errors
    /// The table's.
    pub async fn ledger_get(
        &self,
        workspace: &WorkspaceId,
        connection: &ConnectionId,
    ) -> Result<Versioned<Ledger>, StoreError> {
        let found = self.document_get(&Partition::connection(workspace, connection), LEDGER).await?;
        Ok(found.unwrap_or(Versioned { version: 0, value: Ledger::default() }))
    }

    /// Writes the ledger if its version still is `expected`, after what it names.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it moved; the table's.
    pub async fn ledger_put(
        &self,
        workspace: &WorkspaceId,
        connection: &ConnectionId,
        ledger: &Ledger,
        expected: u64,
    ) -> Result<u64, StoreError> {
        self.document_put(&Partition::connection(workspace, connection), LEDGER, ledger, expected, None).await
    }

    /// Puts what was packed by [`packed`] under a fresh key.
    ///
    /// # Errors
    /// The table's.
    pub async fn signals_part_put(
        &self,
        workspace: &WorkspaceId,
        connection: &ConnectionId,
        body: Vec<u8>,
        now_ms: i64,
    ) -> Result<String, StoreError> {
        let sort = format!("{PREFIX}{now_ms:013}-{}", random_hex());
        self.blob_put(&Partition::connection(workspace, connection), &sort, body, Holds::Bookkeeping).await?;
        Ok(sort)
    }

    /// Reads a part or a batch.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when the ledger has moved on meanwhile; [`StoreError::Unreadable`] for an unknown format.
    pub async fn signals_part_get<T: DeserializeOwned>(
        &self,
        workspace: &WorkspaceId,
        connection: &ConnectionId,
        sort: &str,
    ) -> Result<T, StoreError> {
        let bodies = self.blobs_get(&Partition::connection(workspace, connection), &[sort.to_owned()]).await?;
        let body = bodies.first().map(Vec::as_slice).unwrap_or_default();
        unpacked(body).map_err(|detail| StoreError::Unreadable { key: sort.to_owned(), detail })
    }

    /// Deletes what the ledger does not name and was put before `before_ms`.
    ///
    /// # Errors
    /// The table's.
    pub(super) async fn signals_sweep(
        &self,
        workspace: &WorkspaceId,
        connection: &ConnectionId,
        before_ms: i64,
    ) -> Result<(), StoreError> {
        let partition = Partition::connection(workspace, connection);
        let is_old = |sort: &String| sort.strip_prefix(PREFIX).is_some_and(|key| was_put_before(key, before_ms));
        let mut old: Vec<String> = self.sorts_list(&partition, PREFIX).await?.into_iter().filter(is_old).collect();
        if old.is_empty() {
            return Ok(());
        }
        let ledger = self.ledger_get(workspace, connection).await?.value;
        let batches = ledger.batches.iter().chain(&ledger.outbox).map(|batch| &batch.sort);
        let named: BTreeSet<&String> = ledger.parts.iter().flatten().chain(batches).collect();
        old.retain(|sort| !named.contains(sort));
        for sort in &old {
            self.item_delete(&partition, sort).await?;
        }
        Ok(())
    }
}

/// Packs a part or a batch.
///
/// # Errors
/// What can't be JSON.
pub fn packed<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    let unreadable = |detail: String| StoreError::Unreadable { key: PREFIX.to_owned(), detail };
    let json = serde_json::to_vec(value).map_err(|error| unreadable(error.to_string()))?;
    let body = zstd::bulk::compress(&json, LEVEL).map_err(|error| unreadable(error.to_string()))?;
    Ok([&[FORMAT], body.as_slice()].concat())
}

fn unpacked<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    let body = match body.split_first() {
        Some((&FORMAT, body)) => body,
        Some((format, _)) => return Err(format!("format {format} is not known")),
        None => return Err("it is empty".to_owned()),
    };
    let json = zstd::stream::decode_all(body).map_err(|error| error.to_string())?;
    serde_json::from_slice(&json).map_err(|error| error.to_string())
}
