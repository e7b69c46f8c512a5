//! What was told, newest first.

use crate::context::Context;
use crate::id::{ConnectionId, ObjectKind, SignalId, WorkspaceId};
use crate::signals::event::Event;
use crate::store::StoreError;

/// Which events are asked for.
#[derive(Clone, Debug, Default)]
pub struct HistoryQuery {
    /// Only this level.
    pub object: Option<ObjectKind>,
    /// Only this object.
    pub id: Option<String>,
    /// Only this rule.
    pub signal: Option<SignalId>,
    /// Where to go on: behind this event.
    pub after: Option<(i64, String)>,
    /// Events of a page at most.
    pub limit: usize,
}

/// A page of what was told.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The events, newest first.
    pub events: Vec<Event>,
    /// Where the next page begins: behind this event.
    pub next: Option<(i64, String)>,
}

/// Reads what was told of a connection's objects.
///
/// # Errors
/// The table's.
pub async fn history(
    context: &Context,
    workspace: &WorkspaceId,
    connection: &ConnectionId,
    query: &HistoryQuery,
) -> Result<Told, StoreError> {
    const REREADS_MAX: u32 = 3;
    let mut rereads = 0;
    loop {
        match read(context, workspace, connection, query).await {
            // A turn has put the day's events into another batch meanwhile.
            Err(StoreError::Missing { .. }) if rereads < REREADS_MAX => rereads += 1,
            outcome => return outcome,
        }
    }
}

async fn read(
    context: &Context,
    workspace: &WorkspaceId,
    connection: &ConnectionId,
    query: &HistoryQuery,
) -> Result<Told, StoreError> {
    let store = &context.store;
    let ledger = store.ledger_get(workspace, connection).await?.value;
    let mut told = Told::default();
    // Events of the time of the cursor's are passed over up to it.
    let mut is_behind = query.after.is_none();
    for batch in ledger.batches.iter().rev() {
        if told.events.len() > query.limit {
            break;
        }
        let mut events: Vec<Event> = store.signals_part_get(workspace, connection, &batch.sort).await?;
        events.sort_by_key(|event| event.at_ms);
        for event in events.into_iter().rev() {
            if let Some((at_ms, id)) = query.after.as_ref().filter(|_| !is_behind) {
                is_behind = event.at_ms < *at_ms || event.id == *id;
                if !is_behind || event.id == *id {
                    continue;
                }
            }
            let is_asked = query.object.is_none_or(|object| event.object == object)
                && query.id.as_ref().is_none_or(|id| event.object_id == *id)
                && query.signal.as_ref().is_none_or(|signal| event.signal == *signal);
            if is_asked {
                told.events.push(event);
            }
        }
    }
    if told.events.len() > query.limit {
        told.events.truncate(query.limit);
        told.next = told.events.last().map(|event| (event.at_ms, event.id.clone()));
    }
    Ok(told)
}
