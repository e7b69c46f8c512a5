//! How signals stand, for the status.

use crate::id::{ConnectionId, WorkspaceId};
use crate::store::{Store, StoreError};
use crate::time::to_the_second;
use schemars::JsonSchema;
use serde::Serialize;

/// How signals stand.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SignalsReport {
    /// Rules that act.
    pub enabled: usize,
    /// When they last looked and found something to keep; null before that.
    pub last_turn_at: Option<String>,
    /// Objects that would have moved, for another reason than behaviour or over the cap, in all rules.
    pub would_have_moved: u64,
    /// Events that the event bus has not taken yet. They are published again with each run.
    pub undelivered: u64,
    /// Since when the oldest of them waits; null where none does.
    pub undelivered_since: Option<String>,
}

/// Reads how signals stand; nothing where there never were any.
///
/// # Errors
/// The table's.
pub async fn signals_report(
    store: &Store,
    workspace: &WorkspaceId,
    connection: &ConnectionId,
) -> Result<Option<SignalsReport>, StoreError> {
    let signals = store.signals_get(workspace).await?;
    if signals.version == 0 {
        return Ok(None);
    }
    let ledger = store.ledger_get(workspace, connection).await?;
    Ok(Some(SignalsReport {
        enabled: signals.value.iter().filter(|signal| signal.is_enabled()).count(),
        last_turn_at: (ledger.version > 0).then(|| to_the_second(ledger.value.turned_at_ms)),
        would_have_moved: ledger.value.tallies.values().map(|tally| tally.owed).sum(),
        undelivered: ledger.value.outbox.iter().map(|part| part.events).sum(),
        undelivered_since: ledger.value.outbox.first().map(|part| to_the_second(part.at_ms)),
    }))
}
