//! Values as people read them: what the pages hold, joined with what is known of coverage, freshness and reasons.
//!
//! Nothing of this is stored with a value, so that a value's item is written only when the value changes.

pub(crate) mod formulas;
mod moved;
mod pages;
pub mod peers;

use crate::connection::{Connection, ConnectionStatus};
use crate::context::Context;
use crate::directory::{Directory, Object};
use crate::fields::{Field, Measure, Measured, Reason, Window};
use crate::id::{FieldId, Kind, ObjectKind, WorkspaceId};
use crate::matching::Status;
use crate::store::StoreError;
use crate::sync::checkpoint::{Checkpoint, KindState};
use crate::sync::page::{ObjectValues, Values};
use crate::time::{Hour, HourRange, Zone, to_the_second};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

pub use moved::MovedBy;

/// One object and field, as exported.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "Value")]
pub struct Line {
    /// The field's id.
    #[serde(skip)]
    pub field_id: FieldId,
    /// Account or contact.
    pub object: ObjectKind,
    /// The object's id.
    pub id: String,
    /// The field's name.
    pub field: String,
    /// The value: a number, an instant, or null. A share or a change is a number of which 1 stands for 100 %.
    #[schemars(extend("type" = ["number", "string", "null"]))]
    pub value: serde_json::Value,
    /// Why it is null.
    pub reason: Option<Reason>,
    /// The window's first instant.
    pub from: Option<String>,
    /// The window's end, not included.
    pub to: Option<String>,
    /// Up to when Pendo was read.
    pub as_of: Option<String>,
    /// Hours read over hours of the window.
    pub coverage: f64,
    /// Whether Pendo can't change it any more.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// The version of the field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// Whether it may still change: provisional, settling or final.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled: Option<Settled>,
    /// Why Pendo's past may have moved it lately.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub moved_by: Vec<MovedBy>,
}

/// How settled a value's window is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Settled {
    /// It holds an hour that is very young, or one that no probe agrees with.
    Provisional,
    /// Pendo may still add late rows.
    Settling,
    /// It ends more than ten days ago and every bucket is verified.
    Final,
}

/// How often values are read again because a run has moved on meanwhile.
const REREADS_MAX: u32 = 3;

/// Which values are asked for.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Only this level.
    pub object: Option<ObjectKind>,
    /// Only this object.
    pub id: Option<String>,
    /// Only this field, by name or id.
    pub field: Option<String>,
    /// Where to go on.
    pub after: Option<Cursor>,
    /// Objects of a page at most; 0 stands for all.
    pub limit: usize,
    /// Whether lines say more than the export does: the field's version, how settled they are, and what moved them.
    pub with_notes: bool,
}

/// Where to go on: behind this object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// Its level.
    pub object: ObjectKind,
    /// Its id.
    pub id: String,
}

/// A page of lines, sorted by object, id and field.
#[derive(Clone, Debug, Serialize)]
pub struct Page {
    /// The lines.
    pub items: Vec<Line>,
    /// Where the next page begins.
    #[serde(skip)]
    pub next: Option<Cursor>,
}

/// Why values could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ValuesError {
    /// Nothing was ever connected.
    #[error("the workspace is not connected")]
    NotConnected,
    /// No field has this name or id.
    #[error("no calculated field is called \"{0}\"")]
    UnknownField(String),
    /// No object has this id.
    #[error("no {} has the id \"{id}\"", object.map_or("account or contact", ObjectKind::name))]
    UnknownObject {
        /// The level asked.
        object: Option<ObjectKind>,
        /// The id asked.
        id: String,
    },
    /// The table's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What joins stored outcomes with their circumstances.
pub(crate) struct Reader {
    pub(crate) connection: Connection,
    pub(crate) checkpoint: Checkpoint,
    /// What is needed to tell what is asked for, formulas last.
    pub(crate) fields: Vec<Field>,
    pub(crate) asked: BTreeSet<FieldId>,
    pub(crate) now: Hour,
    pub(crate) provisional_hours: i32,
    pub(crate) with_notes: bool,
    /// When whose usage counts was last changed, ms since 1970; 0 where it never was.
    pub(crate) exclusions_changed_at_ms: i64,
}

/// All that values are told from, as it stands at one time.
struct Standing {
    connection: Connection,
    checkpoint: Checkpoint,
    values: Values,
    fields: Vec<Field>,
    directory: Directory,
    exclusions_changed_at_ms: i64,
}

impl Standing {
    /// Reads it, of the pages those that can hold what is asked; `None` where nothing was ever connected.
    async fn read(context: &Context, workspace: &WorkspaceId, query: &Query) -> Result<Option<Self>, StoreError> {
        let store = &context.store;
        let Some(connection) = store.connection_get(workspace).await? else { return Ok(None) };
        let connection = connection.value;
        // The checkpoint before the pages it vouches for: read the other way round, values from before a window was covered
        // would be shown as those of the whole window. While a run moves both, they are read again.
        let mut checkpoint = store.checkpoint_get(workspace, &connection.id).await?;
        let mut values = pages::read(store, workspace, &connection, query).await?;
        for _ in 0..REREADS_MAX {
            let now = store.checkpoint_get(workspace, &connection.id).await?;
            if now.version == checkpoint.version {
                break;
            }
            checkpoint = now;
            values = pages::read(store, workspace, &connection, query).await?;
        }
        let checkpoint = checkpoint.value;
        let fields = store.fields_get(workspace).await?.value;
        let directory = store.directory_get(workspace).await?;
        let exclusions_changed_at_ms = store.exclusions_get(workspace).await?.value.changed_at_ms;
        Ok(Some(Self { connection, checkpoint, values, fields, directory, exclusions_changed_at_ms }))
    }
}

/// Reads values. Objects come from the directory, so every object is shown, matched or not.
///
/// # Errors
/// What was asked for does not exist; the table's.
pub async fn list(context: &Context, workspace: &WorkspaceId, query: &Query) -> Result<Page, ValuesError> {
    let standing = Standing::read(context, workspace, query).await?.ok_or(ValuesError::NotConnected)?;
    let Standing { connection, checkpoint, values, fields, directory, exclusions_changed_at_ms } = standing;
    let is_asked = |field: &&Field| {
        let is_named = |name: &String| field.id.as_str() == name || field.definition.name.eq_ignore_ascii_case(name);
        query.field.as_ref().is_none_or(is_named)
    };
    let asked: BTreeSet<FieldId> = fields.iter().filter(is_asked).map(|field| field.id.clone()).collect();
    if let Some(name) = query.field.as_ref().filter(|_| asked.is_empty()) {
        return Err(ValuesError::UnknownField(name.clone()));
    }
    let reader = Reader {
        connection,
        checkpoint,
        fields: formulas::needed(fields, &asked),
        asked,
        now: Hour::of_ms(context.clock.now_ms()),
        provisional_hours: context.config.provisional_hours,
        with_notes: query.with_notes,
        exclusions_changed_at_ms,
    };
    let mut items = Vec::new();
    let mut objects = objects(&directory, query);
    if let Some(id) = &query.id
        && objects.is_empty()
    {
        return Err(ValuesError::UnknownObject { object: query.object, id: id.clone() });
    }
    let is_cut = query.limit > 0 && objects.len() > query.limit;
    if is_cut {
        objects.truncate(query.limit);
    }
    for (object, id) in &objects {
        let stored = values.get(&(*object, (*id).to_owned()));
        reader.lines(*object, id, stored, directory.objects(*object).get(*id), &mut items);
    }
    let next =
        is_cut.then(|| objects.last().map(|(object, id)| Cursor { object: *object, id: (*id).to_owned() })).flatten();
    Ok(Page { items, next })
}

fn objects<'d>(directory: &'d Directory, query: &Query) -> Vec<(ObjectKind, &'d str)> {
    let accounts = directory.accounts.keys().map(|id| (ObjectKind::Account, id.as_str()));
    let contacts = directory.contacts.keys().map(|id| (ObjectKind::Contact, id.as_str()));
    accounts
        .chain(contacts)
        .filter(|(object, _)| query.object.is_none_or(|wanted| wanted == *object))
        .filter(|(_, id)| query.id.as_ref().is_none_or(|wanted| wanted == id))
        .filter(|(object, id)| {
            query.after.as_ref().is_none_or(|after| (after.object, after.id.as_str()) < (*object, *id))
        })
        .collect()
}

impl Reader {
    /// Adds an object's lines, one for each field of its level that is asked for; `columns` are its own in the directory.
    pub(crate) fn lines(
        &self,
        object: ObjectKind,
        id: &str,
        stored: Option<&ObjectValues>,
        columns: Option<&Object>,
        items: &mut Vec<Line>,
    ) {
        let mut told: BTreeMap<&str, Line> = BTreeMap::new();
        for field in self.fields.iter().filter(|field| field.definition.object == object) {
            let line = match &field.definition.measure {
                Measure::Usage(measured) => self.line(field, measured, id, stored),
                Measure::Formula { formula } => formulas::line(field, formula, id, &told, columns),
            };
            let version = self.with_notes.then_some(field.version);
            told.insert(field.id.as_str(), Line { version, ..line });
        }
        let first = items.len();
        items.extend(self.asked.iter().filter_map(|field| told.remove(field.as_str())));
        items[first..].sort_by(|a, b| a.field.cmp(&b.field));
    }

    fn line(&self, field: &Field, measured: &Measured, id: &str, stored: Option<&ObjectValues>) -> Line {
        let kind = measured.kind();
        let state = self.checkpoint.kinds.get(&kind);
        let as_of = state.and_then(|state| state.as_of);
        let as_of = self.connection.frozen_as_of.map_or(as_of, |frozen| as_of.map(|as_of| as_of.min(frozen)));
        let window = as_of.map(|as_of| measured.hours(as_of, self.zone(), self.first(state, as_of)));
        // Of a trend also the window before, which is as much part of the truth.
        let reach = as_of.map(|as_of| measured.reach(as_of, self.zone(), self.first(state, as_of)));
        let coverage = reach.map_or(0.0, |reach| self.coverage(reach, state, as_of));
        let outcome = stored.and_then(|values| values.outcomes.get(&field.value_key()));
        let status = stored.map_or(Status::Unmatched, |values| values.status);
        let reason = self.reason(measured.window, state, reach, coverage, status).or(match outcome {
            Some(outcome) => outcome.reason(),
            // The field is new, or computes something new, and its turn has not come.
            None => Some(Reason::Backfilling),
        });
        let value = match (reason, outcome) {
            (None | Some(Reason::Disconnected), Some(outcome)) => outcome.value(),
            _ => serde_json::Value::Null,
        };
        let settled = self.settled(kind, reach);
        Line {
            field_id: field.id.clone(),
            object: field.definition.object,
            id: id.to_owned(),
            field: field.definition.name.clone(),
            value,
            reason,
            from: window.map(|window| to_the_second(window.from.start_ms())),
            to: window.map(|window| to_the_second(window.to.start_ms())),
            as_of: as_of.map(|as_of| to_the_second(as_of.start_ms())),
            coverage,
            is_final: settled == Settled::Final,
            version: None,
            settled: self.with_notes.then_some(settled),
            moved_by: reach.map_or_else(Vec::new, |reach| self.moved_by((field, measured), reach, reason)),
        }
    }

    fn zone(&self) -> Zone {
        self.connection.time_zone
    }

    /// Where an all-time window begins: at the first hour that was read.
    fn first(&self, state: Option<&KindState>, as_of: Hour) -> Hour {
        self.connection.history_from.or(state.and_then(|state| state.first_hour)).unwrap_or(as_of)
    }

    /// Hours read over hours of the window. Hours before the history that is to be read are not read.
    #[expect(clippy::cast_lossless, reason = "i32 to f64")]
    fn coverage(&self, window: HourRange, state: Option<&KindState>, as_of: Option<Hour>) -> f64 {
        let Some(covered_from) = state.and_then(|state| state.covered_from) else { return 0.0 };
        if window.is_empty() {
            return 1.0;
        }
        // Without a chosen start all history is read, however early a window begins.
        let is_all = self.connection.history_from.is_none() && state.is_some_and(|state| state.backfill.is_none());
        let from = if is_all { window.from } else { window.from.max(covered_from) };
        let read = HourRange { from, to: as_of.map_or(window.to, |as_of| window.to.min(as_of)) };
        read.len() as f64 / window.len() as f64
    }

    fn reason(
        &self,
        of: Window,
        state: Option<&KindState>,
        window: Option<HourRange>,
        coverage: f64,
        status: Status,
    ) -> Option<Reason> {
        if status == Status::Ambiguous {
            return Some(Reason::Ambiguous);
        }
        // Before anything was read nobody knows whose it is: a row may show who is not on Pendo's lists.
        let Some(window) = window else { return Some(Reason::Backfilling) };
        if status == Status::Unmatched {
            return Some(Reason::Unmatched);
        }
        let begins_before = self.connection.history_from.is_some_and(|start| window.from < start);
        let is_all_time = matches!(of, Window::AllTime);
        if begins_before && !is_all_time {
            return Some(Reason::NotRead);
        }
        let is_backfilling = state.is_none_or(|state| state.backfill.is_some() || state.covered_from.is_none());
        if is_backfilling && (coverage < 1.0 || is_all_time) {
            return Some(Reason::Backfilling);
        }
        (self.connection.status == ConnectionStatus::Disconnected).then_some(Reason::Disconnected)
    }

    fn settled(&self, kind: Kind, window: Option<HourRange>) -> Settled {
        let Some(window) = window else { return Settled::Provisional };
        let is_unproven = self.checkpoint.kinds.get(&kind).is_none_or(|state| state.is_unproven(window));
        if window.to > self.now.plus(-self.provisional_hours) || is_unproven {
            Settled::Provisional
        } else if window.to <= self.now.plus(-crate::sync::plan::SETTLING_HOURS) {
            Settled::Final
        } else {
            Settled::Settling
        }
    }
}

/// How many values a change of these levels recomputes: objects times fields of usage. Formulas are calculated when they are read.
#[must_use]
pub fn count(directory: &Directory, fields: &[Field], object: Option<ObjectKind>) -> usize {
    let per_level: BTreeMap<ObjectKind, usize> =
        [(ObjectKind::Account, directory.accounts.len()), (ObjectKind::Contact, directory.contacts.len())].into();
    let computed = fields.iter().filter(|field| field.definition.measured().is_some());
    let levels =
        computed.map(|field| field.definition.object).filter(|level| object.is_none_or(|wanted| wanted == *level));
    levels.map(|level| per_level.get(&level).copied().unwrap_or_default()).sum()
}
