//! Turns: the rules of signals applied to what stands, with each run and after each change.
//!
//! As everywhere, a turn compares: what rules remember of each object lies in parts that the ledger names, what changed goes
//! into a batch, and both stand with one compare-and-swap of the ledger, or not at all. The ledger also names what is not
//! published yet; it is published until EventBridge has taken it, and then cleared. So a change is told at least once, each
//! time with the same id, and whatever is interrupted is gone on with by the next turn.

mod by_hand;
mod calibrated;
mod history;
mod impact;
mod look;
mod objects;
mod outbox;
mod past;
mod replay;
mod shown;
mod status;
mod tried;

pub use by_hand::{Action, ByHandError, DAYS_BACK_MAX, act};
pub use history::{HistoryQuery, Told, history};
pub use impact::ImpactQuery;
pub use look::{Look, LookError};
pub use outbox::deliver;
pub use replay::{DAYS_MAX, Replay, ReplayError};
pub use shown::{BecauseShown, EventShown, ObjectsQuery, ShownObject};
pub use status::{SignalsReport, signals_report};
pub use tried::Tried;

use crate::connection::ConnectionStatus;
use crate::context::Context;
use crate::id::{ConnectionId, SignalId, WorkspaceId};
use crate::signals::Signal;
use crate::signals::event::Event;
use crate::signals::facts::Fact;
use crate::signals::turn::{Moment, Subject, turn};
use crate::store::signals::{Batch, Ledger, Tally, packed};
use crate::store::{Store, StoreError};
use crate::time::DAY_MS;
use objects::{Key, Objects};
use std::collections::BTreeMap;

/// Days for which events are kept to be read: more than a year, as the trail of changes.
pub const EVENTS_KEPT_DAYS: i64 = 400;
/// Events of a batch at most.
const BATCH_EVENTS_MAX: usize = 1_000;

/// Takes a turn: lets every rule that acts look at every object, keeps what they came to, and publishes what changed.
///
/// # Errors
/// The table's. What could not be published stays named and is published by the next turn.
pub async fn take_turn(context: &Context, workspace: &WorkspaceId) -> Result<(), StoreError> {
    match Box::pin(taken(context, workspace)).await {
        // Another turn was faster, or heads moved on meanwhile: the next one looks again.
        Ok(()) | Err(LookError::NotConnected) => {}
        Err(LookError::Store(StoreError::Conflict { .. } | StoreError::Missing { .. })) => {}
        Err(LookError::Store(error)) => return Err(error),
    }
    deliver(context, workspace).await
}

async fn taken(context: &Context, workspace: &WorkspaceId) -> Result<(), LookError> {
    let store = &context.store;
    let Some(connection) = store.connection_get(workspace).await? else { return Ok(()) };
    let connection = connection.value;
    if connection.status != ConnectionStatus::Active {
        return Ok(());
    }
    let signals = store.signals_get(workspace).await?;
    if signals.version == 0 {
        return Ok(());
    }
    let ledger = store.ledger_get(workspace, &connection.id).await?.value;
    let shards = store.layout_get(workspace, &connection.id).await?.map_or(0, |layout| layout.shards);
    let mut heads = Vec::new();
    for number in 0..shards {
        let shard = store.shard_get(workspace, &connection.id, number).await?;
        heads.extend(shard.pages().iter().flatten().map(|page| page.content));
    }
    let key = look::key(context, workspace, &connection, signals.version, &heads).await?;
    if ledger.key == key {
        return Ok(());
    }
    let mut look = Look::read(context, workspace).await?;
    look.fill(context, workspace).await?;
    let facts = look.facts();
    let keys: Vec<Key> = look.keys().collect();
    let mut subjects: Vec<Subject> = keys.iter().map(|key| look.subject(key, &facts)).collect();
    let before = objects::read(store, workspace, &look.connection.id, &look.ledger.value).await?;
    let stepped = look.ledger.value.stepped.clone();
    let versions = look.versions();
    let moment = Moment {
        versions: &versions,
        day: look.day,
        at_ms: look.now_ms,
        connection: look.connection.id.as_str(),
        stepped: (look.ledger.version > 0).then_some(&stepped),
    };
    let events = turn(&look.signals.value, &mut subjects, &moment);
    let objects = kept(&look, &facts, &subjects);
    let mut ledger = look.ledger.value.clone();
    ledger.key = key;
    ledger.as_of = look.as_of;
    ledger.basis = look.basis.clone();
    let enabled = look.signals.value.iter().filter(|signal| signal.is_enabled());
    ledger.stepped = enabled.map(|signal| signal.id.clone()).collect();
    ledger.known.retain(|field, _| facts.contains_key(&Fact::Field(field.clone())));
    settle(context, workspace, &look, ledger, (&before, &objects), events).await
}

/// What is kept of every object after a turn.
fn kept(look: &Look, facts: &BTreeMap<Fact, u32>, subjects: &[Subject]) -> Objects {
    let of_subject = |subject: &Subject| {
        let key = (subject.object, subject.id.clone());
        let mut kept = look.objects.get(&key).cloned().unwrap_or_default();
        kept.links = look.links(&key);
        kept.remembered = subject.remembered.clone();
        kept.remembered.retain(|id, _| look.signals.value.iter().any(|signal| signal.id == *id));
        kept.past.retain(|(fact, _)| facts.contains_key(fact));
        for (fact, days) in facts.iter().filter(|(fact, _)| !matches!(fact, Fact::Column(_))) {
            if let Some(now) = subject.past.days.get(fact).and_then(|of_fact| of_fact.get(&look.day)) {
                let from = look.day.saturating_sub(i32::try_from(*days).unwrap_or(i32::MAX));
                kept.note(fact, look.day, now.clone(), from);
            }
        }
        (key, kept)
    };
    subjects.iter().map(of_subject).collect()
}

/// Writes what a turn came to: parts and batches first, the ledger that names them last.
async fn settle(
    context: &Context,
    workspace: &WorkspaceId,
    look: &Look,
    mut ledger: Ledger,
    (before, now): (&Objects, &Objects),
    events: Vec<Event>,
) -> Result<(), LookError> {
    let (store, connection) = (&context.store, &look.connection.id);
    ledger.turned_at_ms = look.now_ms;
    ledger.parts = objects::put(store, (workspace, connection), &ledger.parts, before, now, look.now_ms).await?;
    ledger.tallies = tallies(&look.signals.value, now);
    append(store, workspace, connection, &mut ledger, events, look.now_ms).await?;
    store.ledger_put(workspace, connection, &ledger, look.ledger.version).await?;
    Ok(())
}

/// Puts events where they are published from, and where they are read: behind those of the same day.
async fn append(
    store: &Store,
    workspace: &WorkspaceId,
    connection: &ConnectionId,
    ledger: &mut Ledger,
    events: Vec<Event>,
    now_ms: i64,
) -> Result<(), StoreError> {
    ledger.batches.retain(|batch| now_ms - batch.at_ms < EVENTS_KEPT_DAYS * DAY_MS);
    for chunk in events.chunks(BATCH_EVENTS_MAX) {
        let sort = store.signals_part_put(workspace, connection, packed(&chunk)?, now_ms).await?;
        ledger.outbox.push(Batch { sort, at_ms: now_ms, events: chunk.len() as u64 });
        let is_of_day = |batch: &Batch| {
            let room = BATCH_EVENTS_MAX.saturating_sub(chunk.len()) as u64;
            batch.at_ms.div_euclid(DAY_MS) == now_ms.div_euclid(DAY_MS) && batch.events <= room
        };
        let mut of_day: Vec<Event> = match ledger.batches.pop_if(|batch| is_of_day(batch)) {
            Some(batch) => store.signals_part_get(workspace, connection, &batch.sort).await?,
            None => Vec::new(),
        };
        of_day.extend_from_slice(chunk);
        let sort = store.signals_part_put(workspace, connection, packed(&of_day)?, now_ms).await?;
        ledger.batches.push(Batch { sort, at_ms: now_ms, events: of_day.len() as u64 });
    }
    Ok(())
}

/// What each rule came to.
fn tallies(signals: &[Signal], objects: &Objects) -> BTreeMap<SignalId, Tally> {
    let of_signal = |signal: &Signal| {
        let mut tally = Tally::default();
        for remembered in objects.values().filter_map(|kept| kept.remembered.get(&signal.id)) {
            let (holds, owed) = shown::holds_and_owes(&remembered.memory);
            tally.holds += u64::from(holds);
            tally.owed += u64::from(owed);
        }
        (signal.id.clone(), tally)
    };
    signals.iter().map(of_signal).collect()
}
