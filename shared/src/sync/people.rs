//! Keeps Pendo's visitors and accounts as the matching needs them: what moved since the last run, the whole list weekly.

use super::checkpoint::{Checkpoint, PeopleState};
use super::run::{Run, SyncError};
use crate::connection::Connection;
use crate::erased::Told;
use crate::id::WorkspaceId;
use crate::matching::Matching;
use crate::pendo::people::{Level, erased, read};
use crate::pendo::{Client, PendoError};
use crate::store::noun::People;
use crate::store::{Store, StoreError, Versioned};
use crate::time::DAY_MS;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Instant;

use super::erase::learn;
use super::fetch::FetchError;

/// `lastupdated` may be written a little before it can be read.
const OVERLAP_MS: i64 = 2 * 3_600_000;

impl Run<'_> {
    /// Reads what moved of Pendo's people; answers the new state.
    ///
    /// # Errors
    /// Pendo's and the table's.
    pub(super) async fn people(&mut self, checkpoint: &Checkpoint) -> Result<PeopleState, SyncError> {
        let step = Instant::now();
        let matching = self.store.matching_get(self.workspace).await?;
        let state = refresh(
            &self.store,
            &self.client,
            self.workspace,
            &self.connection,
            matching.as_ref(),
            &checkpoint.people,
            self.context.clock.now_ms(),
        )
        .await?;
        self.spend("people", step);
        Ok(state)
    }
}

/// Reads what moved and stores what differs; answers the new state.
///
/// # Errors
/// Pendo's and the table's.
pub async fn refresh(
    store: &Store,
    client: &Client,
    workspace: &WorkspaceId,
    connection: &Connection,
    matching: Option<&Versioned<Matching>>,
    state: &PeopleState,
    now_ms: i64,
) -> Result<PeopleState, FetchError> {
    let mut state = PeopleState { error: None, ..state.clone() };
    let mut told = Told::default();
    if now_ms - state.erased_at_ms >= DAY_MS {
        match erased(client).await {
            Ok(listed) => (told.listed, state.erased_at_ms) = (Some(listed), now_ms),
            // It has no such list, or this key may not read it: what is known stays, and tomorrow it is asked again.
            Err(PendoError::BadRequest { .. } | PendoError::NotFound { .. } | PendoError::PaymentRequired) => {
                state.erased_at_ms = now_ms;
            }
            Err(PendoError::Unauthorized { .. }) => state.erased_at_ms = now_ms,
            Err(_) => tracing::warn!("the list of erased visitors did not arrive; the next run asks again"),
        }
    }
    let Some(matching) = matching else {
        learn(store, workspace, connection, &told, &BTreeMap::new(), now_ms).await?;
        return Ok(state);
    };
    let is_whole = state.matching != matching.version || now_ms - state.whole_at_ms >= 7 * DAY_MS;
    let since = (!is_whole).then(|| state.read_at_ms - OVERLAP_MS);
    for (people, level, rule) in [
        (People::Visitors, Level::Visitors, &matching.value.contact),
        (People::Accounts, Level::Accounts, &matching.value.account),
    ] {
        if let Some(rule) = rule {
            let mut found = BTreeMap::new();
            read(client, level, &rule.pendo, since, |person| {
                if person.is_erased {
                    told.marked.insert(person.id);
                } else {
                    // An id that is its own match value is not kept twice.
                    found.insert(person.id, person.value.filter(|_| !rule.pendo.is_id()));
                }
            })
            .await?;
            if people == People::Visitors {
                learn(store, workspace, connection, &std::mem::take(&mut told), &found, now_ms).await?;
            }
            keep(store, workspace, connection, people, &found, now_ms).await?;
        }
    }
    // Where visitors are not matched they are not read, and only the list tells.
    learn(store, workspace, connection, &told, &BTreeMap::new(), now_ms).await?;
    let whole_at_ms = if is_whole { now_ms } else { state.whole_at_ms };
    Ok(PeopleState { read_at_ms: now_ms, whole_at_ms, matching: matching.version, ..state })
}

/// Stores the people whose match value is new or differs. Nobody is removed but the erased, who are never stored: who was
/// once known stays known, since rows of theirs may stand.
///
/// # Errors
/// The table's.
pub async fn keep(
    store: &Store,
    workspace: &WorkspaceId,
    connection: &Connection,
    people: People,
    found: &BTreeMap<String, Option<String>>,
    now_ms: i64,
) -> Result<(), StoreError> {
    loop {
        if found.is_empty() {
            return Ok(());
        }
        let stands = store.people_get(workspace, &connection.id, people).await?;
        let erased = store.erased_get(workspace, connection).await?.value;
        let is_kept = |id: &str| people == People::Accounts || !erased.holds(id);
        let changes: BTreeMap<String, Option<serde_json::Value>> = found
            .iter()
            .filter(|(id, _)| is_kept(id))
            .map(|(id, value)| (id, value.as_ref().map_or_else(|| json!({}), |value| json!({ "v": value }))))
            .filter(|(id, entry)| stands.value.get(*id) != Some(entry))
            .map(|(id, entry)| (id.clone(), Some(entry)))
            .collect();
        if changes.is_empty() {
            return Ok(());
        }
        match store.people_put(workspace, &connection.id, people, &changes, stands.version, now_ms).await {
            Ok(_) => return Ok(()),
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error),
        }
    }
}
