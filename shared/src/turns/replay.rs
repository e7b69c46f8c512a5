//! What a rule would have done over the past, day by day, from the rows that stand: nothing is kept and nobody is told.

use super::look::{Look, LookError};
use super::objects::Key;
use super::past::days_of;
use crate::context::Context;
use crate::id::{FieldId, ObjectKind, WorkspaceId};
use crate::preview::PreviewError;
use crate::signals::event::Event;
use crate::signals::facts::{Fact, Past};
use crate::signals::turn::{Moment, Subject, turn};
use crate::signals::{Signal, SignalState, facts_of, with_makers};
use std::collections::{BTreeMap, BTreeSet};

/// The most days that are replayed.
pub const DAYS_MAX: u32 = 366;
/// More values are not held at once: objects times facts times days.
const VALUES_MAX: u64 = 6_000_000;
/// More rows are not added up while somebody waits.
const ROWS_MAX: u64 = 40_000_000;

/// Why nothing could be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// Rules can't look.
    #[error(transparent)]
    Look(#[from] LookError),
    /// More than can be added up while somebody waits.
    #[error("{rows} rows or values lie in these days")]
    TooMuch {
        /// Rows, or values to hold.
        rows: u64,
    },
}

impl From<PreviewError> for ReplayError {
    fn from(error: PreviewError) -> Self {
        match error {
            PreviewError::TooMuch { rows } => Self::TooMuch { rows },
            error => Self::Look(error.into()),
        }
    }
}

/// What a rule would have done.
pub struct Replay {
    /// The first day replayed, counted from 1970; the last one is today.
    pub first: i32,
    /// The objects as they are after the last day, with what is known of every day.
    pub subjects: Vec<Subject>,
    /// What would have been told, in its order.
    pub events: Vec<Event>,
}

impl Look {
    /// Replays a rule, with those that it depends on, over the last `days` days and today. The first day is where it starts
    /// from. `only` names the objects; all of its level without.
    ///
    /// # Errors
    /// Too much to add up at once; the table's.
    pub async fn replay(
        &self,
        context: &Context,
        workspace: &WorkspaceId,
        signal: &Signal,
        days: u32,
        only: Option<&BTreeSet<String>>,
    ) -> Result<Replay, ReplayError> {
        let all: Vec<Signal> = self.signals.value.iter().filter(|other| other.id != signal.id).cloned().collect();
        let mut taking: Vec<Signal> = with_makers(signal, &all).into_iter().cloned().collect();
        for signal in &mut taking {
            signal.draft.state = SignalState::Enabled;
        }
        let facts = facts_of(&taking, &all);
        let level = signal.draft.object;
        let first = self.day.saturating_sub(i32::try_from(days.min(DAYS_MAX)).unwrap_or(i32::MAX));
        let back = facts.values().max().copied().unwrap_or_default();
        let oldest = first.saturating_sub(i32::try_from(back).unwrap_or(i32::MAX));
        let past: Vec<i32> = (oldest..self.day).collect();
        let objects = self.objects_of(level).filter(|(_, id)| only.is_none_or(|only| only.contains(id)));
        let keys: Vec<Key> = objects.collect();
        let values = (keys.len() as u64).saturating_mul(facts.len() as u64).saturating_mul(past.len() as u64);
        if values > VALUES_MAX {
            return Err(ReplayError::TooMuch { rows: values });
        }
        let mut subjects = self.with_past(context, workspace, &keys, &facts, &past).await?;
        let versions = self.versions();
        let mut events = Vec::new();
        for day in first..=self.day {
            let at_ms = match day == self.day {
                true => self.now_ms,
                false => self.connection.time_zone.midnight(day.saturating_add(1)).start_ms() - 1,
            };
            let moment =
                Moment { day, at_ms, connection: self.connection.id.as_str(), stepped: None, versions: &versions };
            events.extend(turn(&taking, &mut subjects, &moment));
        }
        events.retain(|event| event.signal == signal.id);
        Ok(Replay { first, subjects, events })
    }

    fn objects_of(&self, level: ObjectKind) -> impl Iterator<Item = Key> + '_ {
        self.world.directory.objects(level).keys().map(move |id| (level, id.clone()))
    }

    /// Objects that no rule remembers anything of, with what is known of some days and of today.
    pub(super) async fn with_past(
        &self,
        context: &Context,
        workspace: &WorkspaceId,
        keys: &[Key],
        facts: &BTreeMap<Fact, u32>,
        days: &[i32],
    ) -> Result<Vec<Subject>, PreviewError> {
        let of_fields = facts.keys().filter_map(|fact| match fact {
            Fact::Field(id) => Some(id.clone()),
            _ => None,
        });
        let wanted: BTreeSet<FieldId> = of_fields.collect();
        let mut found = match wanted.is_empty() || days.is_empty() {
            true => BTreeMap::new(),
            false => days_of(context, workspace, &wanted, days, Some(ROWS_MAX)).await?,
        };
        let subject = |key: &Key| {
            let mut past = Past { columns: self.columns(key), ..Past::default() };
            for (field, days) in found.remove(key).unwrap_or_default() {
                past.days.insert(Fact::Field(field), days);
            }
            for field in &wanted {
                past.note(Fact::Field(field.clone()), self.day, self.now(key.0, &key.1, field));
            }
            Subject {
                object: key.0,
                id: key.1.clone(),
                past,
                rebased: BTreeSet::new(),
                is_rebased: false,
                remembered: BTreeMap::new(),
            }
        };
        Ok(keys.iter().map(subject).collect())
    }
}
