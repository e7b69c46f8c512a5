//! Publishes what changed, until EventBridge has taken it: at least once, each time with the same id.

use crate::bus::Outgoing;
use crate::context::Context;
use crate::id::{ObjectKind, WorkspaceId};
use crate::signals::condition::Names;
use crate::signals::event::Event;
use crate::store::StoreError;
use std::collections::BTreeMap;

/// Publishes what the ledger's outbox names, and clears of it what EventBridge took whole. What it did not take is published
/// again by the next turn, all of its part with it: so some of it comes twice, with the id that it had.
///
/// # Errors
/// The table's. What the bus refuses is logged and stays.
pub async fn deliver(context: &Context, workspace: &WorkspaceId) -> Result<(), StoreError> {
    let store = &context.store;
    let Some(connection) = store.connection_get(workspace).await? else { return Ok(()) };
    let id = connection.value.id;
    let outbox = store.ledger_get(workspace, &id).await?.value.outbox;
    if outbox.is_empty() {
        return Ok(());
    }
    let fields = store.fields_get(workspace).await?.value;
    let signals = store.signals_get(workspace).await?.value;
    let none = BTreeMap::new();
    let names =
        [ObjectKind::Account, ObjectKind::Contact].map(|level| (level, Names::of(level, &fields, &none, &signals)));
    let mut delivered = Vec::new();
    for sort in outbox.into_iter().map(|part| part.sort) {
        let events: Vec<Event> = match store.signals_part_get(workspace, &id, &sort).await {
            Ok(events) => events,
            // Another worker has published and cleared it meanwhile, and it is swept.
            Err(StoreError::Missing { .. }) => continue,
            Err(error) => return Err(error),
        };
        let outgoing: Vec<Outgoing> = events.iter().map(|event| outgoing(workspace, event, &names)).collect();
        match context.bus.publish(&outgoing).await {
            Ok(taken) if taken.iter().all(|taken| *taken) => delivered.push(sort),
            Ok(taken) => {
                let left = taken.iter().filter(|taken| !**taken).count();
                tracing::warn!(left, "the event bus did not take all events: they are published again");
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the event bus does not take events now");
                break;
            }
        }
    }
    clear(context, workspace, &delivered).await
}

/// Takes what was published out of the outbox, and nothing else: a turn may have added to it meanwhile.
async fn clear(context: &Context, workspace: &WorkspaceId, delivered: &[String]) -> Result<(), StoreError> {
    const ATTEMPTS_MAX: u32 = 8;
    let store = &context.store;
    for _ in 0..ATTEMPTS_MAX {
        let Some(connection) = store.connection_get(workspace).await? else { return Ok(()) };
        let stands = store.ledger_get(workspace, &connection.value.id).await?;
        let mut ledger = stands.value;
        let before = ledger.outbox.len();
        ledger.outbox.retain(|part| !delivered.contains(&part.sort));
        if ledger.outbox.len() == before {
            return Ok(());
        }
        match store.ledger_put(workspace, &connection.value.id, &ledger, stands.version).await {
            Err(StoreError::Conflict { .. }) => {}
            outcome => return outcome.map(|_| ()),
        }
    }
    // They are published once more then, with the same ids.
    Ok(())
}

fn outgoing(workspace: &WorkspaceId, event: &Event, names: &[(ObjectKind, Names); 2]) -> Outgoing {
    let names = names.iter().find(|(level, _)| *level == event.object).map(|(_, names)| names);
    let mut detail = names.map_or_else(|| serde_json::json!({}), |names| event.shown(names));
    if let Some(detail) = detail.as_object_mut() {
        detail.insert("workspace".to_owned(), workspace.as_str().into());
    }
    let outgoing = Outgoing { detail_type: event.what.detail_type(), time_ms: event.at_ms, detail };
    if outgoing.fits() {
        return outgoing;
    }
    // Long lists of texts are the only thing that can be so large; the reason stands in the history, whole.
    let mut detail = outgoing.detail;
    detail["because"] = serde_json::json!([]);
    Outgoing { detail, ..outgoing }
}
