//! Everything that rules look at, as it stands: what objects there are, what their values are, what was seen of them before,
//! and what of that may have changed for another reason than behaviour.

use super::objects::{self, Kept, Key, Objects};
use super::past::{self, days_of};
use crate::connection::{Connection, ConnectionStatus};
use crate::context::Context;
use crate::fields::{Field, Plan};
use crate::id::{FieldId, Kind, ObjectKind, WorkspaceId};
use crate::preview::PreviewError;
use crate::signals::condition::Names;
use crate::signals::facts::{Fact, Gap, Known, Past};
use crate::signals::turn::Subject;
use crate::signals::{Signal, facts_of};
use crate::store::signals::{Basis, Ledger};
use crate::store::{StoreError, Versioned};
use crate::sync::checkpoint::Checkpoint;
use crate::sync::rewrites::{Cause, Rewrite};
use crate::sync::world::World;
use crate::time::{Hour, parse_instant};
use crate::values::{Line, Query, ValuesError, list};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};

/// A value that Pendo was read for longer ago says nothing of now.
const STALE_HOURS: i32 = 48;
/// Another number makes every rule look anew.
const FORM: u8 = 1;

/// Why rules can't look.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// Nothing is connected, or it is paused: rules stand still.
    #[error("the workspace is not connected, so signals stand still")]
    NotConnected,
    /// The table's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ValuesError> for LookError {
    fn from(error: ValuesError) -> Self {
        match error {
            ValuesError::Store(error) => Self::Store(error),
            _ => Self::NotConnected,
        }
    }
}

impl From<PreviewError> for LookError {
    fn from(error: PreviewError) -> Self {
        match error {
            PreviewError::Store(error) => Self::Store(error),
            _ => Self::NotConnected,
        }
    }
}

/// What stands.
pub struct Look {
    /// The connection.
    pub connection: Connection,
    /// The rules.
    pub signals: Versioned<Vec<Signal>>,
    /// The ledger of what they came to.
    pub ledger: Versioned<Ledger>,
    /// The calculated fields.
    pub fields: Vec<Field>,
    /// Accounts, contacts and whose usage is whose.
    pub world: World,
    /// The local day that runs, counted from 1970.
    pub day: i32,
    /// Now, ms since 1970.
    pub now_ms: i64,
    pub(super) as_of: Hour,
    pub(super) basis: Basis,
    pub(super) objects: Objects,
    rewritten: BTreeSet<FieldId>,
    lines: BTreeMap<Key, BTreeMap<FieldId, Known>>,
}

/// A hash of all that a turn looks at, cheaply: while it stands, nobody can have moved.
///
/// # Errors
/// The table's.
pub(super) async fn key(
    context: &Context,
    workspace: &WorkspaceId,
    connection: &Connection,
    signals: u64,
    heads: &[u64],
) -> Result<u64, StoreError> {
    let store = &context.store;
    let now_ms = context.clock.now_ms();
    let mut hasher = twox_hash::XxHash3_64::default();
    (FORM, signals, connection.time_zone, heads).hash(&mut hasher);
    connection.time_zone.local_day(now_ms).hash(&mut hasher);
    store.fields_get(workspace).await?.version.hash(&mut hasher);
    store.exclusions_get(workspace).await?.version.hash(&mut hasher);
    store.matching_get(workspace).await?.map(|found| found.version).hash(&mut hasher);
    store.directory_get(workspace).await?.version.hash(&mut hasher);
    store.erased_get(workspace, connection).await?.version.hash(&mut hasher);
    let kinds = store.checkpoint_get(workspace, &connection.id).await?.value.kinds;
    let is_stale = |as_of: Option<Hour>| as_of.is_none_or(|as_of| as_of < Hour::of_ms(now_ms).plus(-STALE_HOURS));
    for (kind, state) in &kinds {
        (kind, is_stale(state.as_of), state.backfill.is_some(), state.covered_from).hash(&mut hasher);
    }
    Ok(hasher.finish())
}

impl Look {
    /// Reads it.
    ///
    /// # Errors
    /// Nothing is connected; the table's.
    pub async fn read(context: &Context, workspace: &WorkspaceId) -> Result<Self, LookError> {
        let store = &context.store;
        // The ledger before all that it is compared with: whoever is overtaken finds out when it is written.
        let found = store.connection_get(workspace).await?.ok_or(LookError::NotConnected)?;
        let connection = found.value;
        if matches!(connection.status, ConnectionStatus::Disconnected | ConnectionStatus::Purging) {
            return Err(LookError::NotConnected);
        }
        let ledger = store.ledger_get(workspace, &connection.id).await?;
        let signals = store.signals_get(workspace).await?;
        let objects = objects::read(store, workspace, &connection.id, &ledger.value).await?;
        let shards = store.layout_get(workspace, &connection.id).await?.map_or(1, |layout| layout.shards);
        let checkpoint = store.checkpoint_get(workspace, &connection.id).await?.value;
        let world = World::read(store, workspace, &connection, shards).await?;
        let exclusions = store.exclusions_get(workspace).await?.version;
        let erased = store.erased_get(workspace, &connection).await?.version;
        let fields = store.fields_get(workspace).await?.value;
        let now_ms = context.clock.now_ms();
        let lines = lines_of(list(context, workspace, &Query::default()).await?.items, now_ms);
        let basis = Basis {
            zone: connection.time_zone.name().to_owned(),
            matching: world.matching_version,
            exclusions,
            erased,
            fields: fields.iter().map(|field| (field.id.clone(), field.computes_since)).collect(),
            rewrites: rewrites(&checkpoint),
        };
        let rewritten = rewritten(&fields, &checkpoint, &connection, &ledger.value.basis);
        let as_of = checkpoint.kinds.values().filter_map(|state| state.as_of).max().unwrap_or_default();
        let day = connection.time_zone.local_day(now_ms);
        Ok(Self { connection, signals, ledger, fields, world, day, now_ms, as_of, basis, objects, rewritten, lines })
    }

    /// The facts that rules look at, with how many days back.
    #[must_use]
    pub fn facts(&self) -> BTreeMap<Fact, u32> {
        let enabled = self.signals.value.iter().filter(|signal| signal.is_enabled());
        facts_of(enabled, &self.signals.value)
    }

    /// Computes the past that rules look at where it is not known yet, or was computed by another version or another matching.
    ///
    /// # Errors
    /// The table's.
    pub(super) async fn fill(&mut self, context: &Context, workspace: &WorkspaceId) -> Result<(), LookError> {
        let facts = self.facts();
        let before = &self.ledger.value.basis;
        let is_other = (&before.zone, before.matching, before.exclusions, before.erased)
            != (&self.basis.zone, self.basis.matching, self.basis.exclusions, self.basis.erased);
        let links: BTreeMap<Key, u64> = self.keys().map(|key| (key.clone(), self.links(&key))).collect();
        let is_new = |key: &Key| self.objects.get(key).is_none_or(|kept| links.get(key) != Some(&kept.links));
        let someone_is_new = links.keys().any(is_new);
        let mut due: BTreeMap<FieldId, i32> = BTreeMap::new();
        for (fact, days) in facts.iter().filter(|(_, days)| **days > 0) {
            let Fact::Field(id) = fact else { continue };
            let Some(version) = self.basis.fields.get(id) else { continue };
            let since = self.day.saturating_sub(i32::try_from(*days).unwrap_or(i32::MAX));
            let known = self.ledger.value.known.get(id);
            let is_known = known.is_some_and(|(from, under)| *from <= since && under == version);
            if !is_known || is_other || someone_is_new || self.rewritten.contains(id) {
                due.insert(id.clone(), since);
            }
        }
        let Some(first) = due.values().min().copied() else { return Ok(()) };
        let days: Vec<i32> = (first..self.day).collect();
        let wanted: BTreeSet<FieldId> = due.keys().cloned().collect();
        let mut found = days_of(context, workspace, &wanted, &days, None).await?;
        let keys: Vec<Key> = links.into_keys().collect();
        for key in keys {
            let mut of_object = found.remove(&key).unwrap_or_default();
            let kept = self.objects.entry(key).or_default();
            for (id, since) in &due {
                let mut days = of_object.remove(id).unwrap_or_default();
                days.retain(|day, _| since <= day);
                if !days.is_empty() {
                    kept.replace(&Fact::Field(id.clone()), &days);
                }
            }
        }
        for (id, since) in due {
            let version = self.basis.fields.get(&id).copied().unwrap_or_default();
            self.ledger.value.known.insert(id, (since, version));
        }
        Ok(())
    }

    /// Every object that there is.
    pub(super) fn keys(&self) -> impl Iterator<Item = Key> + '_ {
        let of = |level: ObjectKind| self.world.directory.objects(level).keys().map(move |id| (level, id.clone()));
        of(ObjectKind::Account).chain(of(ObjectKind::Contact))
    }

    /// A hash of whose usage is an object's.
    pub(super) fn links(&self, (level, id): &Key) -> u64 {
        let links = &self.world.links;
        let mut hasher = twox_hash::XxHash3_64::default();
        match level {
            ObjectKind::Account => (links.account_status(id) as u8, links.pendo_accounts_of(id)).hash(&mut hasher),
            ObjectKind::Contact => (links.contact_status(id) as u8, links.visitors_of(id)).hash(&mut hasher),
        }
        hasher.finish()
    }

    /// The columns of an object as facts.
    pub(super) fn columns(&self, (level, id): &Key) -> BTreeMap<String, Known> {
        let columns = self.world.directory.objects(*level).get(id).into_iter().flatten();
        columns.map(|(name, value)| (name.clone(), past::known(value))).collect()
    }

    /// What a field of an object is now.
    #[must_use]
    pub fn now(&self, level: ObjectKind, id: &str, field: &FieldId) -> Known {
        let of_object = self.lines.get(&(level, id.to_owned()));
        of_object.and_then(|lines| lines.get(field)).cloned().unwrap_or(Known::nothing(Gap::NotSeen))
    }

    /// An object as rules see it now, with what they remember of it.
    #[must_use]
    pub fn subject(&self, key: &Key, facts: &BTreeMap<Fact, u32>) -> Subject {
        let nothing = Kept::default();
        let kept = self.objects.get(key).unwrap_or(&nothing);
        // Turns alone note whose usage is its: without, none has seen it, whatever of its past was filled in.
        let is_new = kept.links == 0;
        let mut past = Past { columns: self.columns(key), ..Past::default() };
        let mut rebased = BTreeSet::new();
        for (fact, days) in facts {
            if let Fact::Field(id) = fact {
                if !self.fields.iter().any(|field| field.id == *id && field.definition.object == key.0) {
                    continue;
                }
                let now = self.now(key.0, &key.1, id);
                if self.is_rebased(id) || kept.last(fact).is_some_and(|before| closes(before, &now)) {
                    rebased.insert(fact.clone());
                }
                past.note(fact.clone(), self.day, now);
            }
            let back = i32::try_from(*days).unwrap_or(i32::MAX);
            for day in self.day.saturating_sub(back)..self.day {
                if let Some(known) = kept.at(fact, day) {
                    past.note(fact.clone(), day, known.clone());
                }
            }
        }
        let before = &self.ledger.value.basis;
        let is_other = (&before.zone, before.matching, before.exclusions, before.erased)
            != (&self.basis.zone, self.basis.matching, self.basis.exclusions, self.basis.erased);
        let is_rebased = !is_new && (is_other || kept.links != self.links(key));
        let remembered = kept.remembered.clone();
        Subject { object: key.0, id: key.1.clone(), past, rebased, is_rebased, remembered }
    }

    /// Whether a field may be something else than in the turn before, for everybody and without behaviour.
    fn is_rebased(&self, id: &FieldId) -> bool {
        let is_other = |id: &FieldId| {
            let before = self.ledger.value.basis.fields.get(id);
            before.is_some_and(|before| Some(before) != self.basis.fields.get(id)) || self.rewritten.contains(id)
        };
        let used = self.fields.iter().find(|field| field.id == *id).map(Field::uses).unwrap_or_default();
        is_other(id) || used.into_iter().any(|used| self.is_rebased(&FieldId::from_text(used)))
    }

    /// The versions of all that reasons name.
    pub(super) fn versions(&self) -> BTreeMap<Fact, u64> {
        let fields = self.fields.iter().map(|field| (Fact::Field(field.id.clone()), field.version));
        let made = self.signals.value.iter().filter_map(|signal| Some((signal.fact()?, signal.version)));
        fields.chain(made).collect()
    }

    /// The rules of a level by name.
    #[must_use]
    pub fn names(&self, level: ObjectKind) -> Names {
        let objects = self.world.directory.objects(level);
        Names::of(level, &self.fields, objects, &self.signals.value)
    }
}

/// Whether a gap that has nothing to do with usage has closed: history has arrived, or somebody is matched now.
fn closes(before: &Known, now: &Known) -> bool {
    matches!(before, Known::Nothing { why } if !why.is_told_by_usage()) && now.is_known()
}

/// How many hours were rewritten for each reason but behaviour. What Pendo does not explain mostly is very late: behaviour.
fn rewrites(checkpoint: &Checkpoint) -> BTreeMap<String, u64> {
    let of_kinds = checkpoint.kinds.iter().flat_map(|(kind, state)| state.rewrites.iter().map(move |one| (kind, one)));
    of_kinds
        .filter(|(_, rewrite)| rewrite.cause != Cause::Unexplained)
        .map(|(kind, rewrite)| (seen_as(*kind, rewrite), rewrite.hours))
        .collect()
}

fn seen_as(kind: Kind, rewrite: &Rewrite) -> String {
    format!("{kind:?} {:?} {}", rewrite.cause, rewrite.since.0)
}

/// The fields whose past was rewritten for another reason than behaviour since the turn before.
fn rewritten(fields: &[Field], checkpoint: &Checkpoint, connection: &Connection, seen: &Basis) -> BTreeSet<FieldId> {
    let is_rewritten = |field: &&Field| {
        let Some(measured) = field.definition.measured() else { return false };
        let Some(state) = checkpoint.kinds.get(&measured.kind()) else { return false };
        let beginning = connection.history_from.unwrap_or_default();
        let plan = Plan::new(field, state.as_of.unwrap_or_default(), connection.time_zone, beginning);
        // Below the line of an adoption rate stand those who used any other object, too.
        let ids = measured.usage.ids.as_ref().filter(|_| measured.of.is_none());
        let is_new = |rewrite: &&Rewrite| {
            rewrite.cause != Cause::Unexplained
                && seen.rewrites.get(&seen_as(measured.kind(), rewrite)) != Some(&rewrite.hours)
        };
        let mut news = state.rewrites.iter().filter(is_new);
        news.any(|rewrite| plan.as_ref().is_none_or(|plan| rewrite.may_move(plan.reach(), ids)))
    };
    fields.iter().filter(is_rewritten).map(|field| field.id.clone()).collect()
}

fn lines_of(lines: Vec<Line>, now_ms: i64) -> BTreeMap<Key, BTreeMap<FieldId, Known>> {
    let stale_before = Hour::of_ms(now_ms).plus(-STALE_HOURS).start_ms();
    let mut found: BTreeMap<Key, BTreeMap<FieldId, Known>> = BTreeMap::new();
    for line in lines {
        let as_of = line.as_of.as_deref().and_then(parse_instant);
        let known = match line.reason {
            Some(reason) => Known::nothing(Gap::Value(reason)),
            None if as_of.is_some_and(|as_of| as_of < stale_before) => Known::nothing(Gap::Stale),
            None => past::known(&line.value),
        };
        found.entry((line.object, line.id)).or_default().insert(line.field_id, known);
    }
    found
}
