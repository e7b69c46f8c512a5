//! What a playbook did: who entered it, what the outcome of everybody was before and after, and what can be concluded.

use super::look::Look;
use super::objects::Key;
use super::past::{Days, days_of};
use super::replay::ReplayError;
use crate::context::Context;
use crate::directory::number_in;
use crate::id::{FieldId, WorkspaceId};
use crate::signals::facts::Known;
use crate::signals::impact::{Entry, Impact, Question, Unit, measure};
use crate::signals::turn::Memory;
use crate::signals::{Rule, Signal};
use crate::time::parse_date;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Days between two values of the outcome.
const GRID_DAYS: i32 = 7;
/// Weeks of the outcome that are looked at, at most.
const WEEKS_MAX: i32 = 104;
/// More rows are not added up while somebody waits.
const ROWS_MAX: u64 = 40_000_000;

/// How an impact is measured.
#[derive(Clone, Debug)]
pub struct ImpactQuery {
    /// The outcome.
    pub field: FieldId,
    /// The days before and after an entry.
    pub window_days: u32,
    /// The column that only likes are compared of.
    pub segment: Option<String>,
    /// The column that says how large an object is.
    pub size: Option<String>,
    /// The column that says since when it is a customer.
    pub since: Option<String>,
}

impl Look {
    /// Measures a playbook.
    ///
    /// # Errors
    /// Too much to add up at once; the table's.
    pub async fn impact(
        &self,
        context: &Context,
        workspace: &WorkspaceId,
        signal: &Signal,
        query: &ImpactQuery,
    ) -> Result<Impact, ReplayError> {
        let level = signal.draft.object;
        let keys: Vec<Key> = self.keys().filter(|(of, _)| *of == level).collect();
        let entries = self.entries(signal, &keys, query.window_days);
        let first = entries.iter().map(|entry| entry.entered).min().unwrap_or(self.day);
        // Three windows before the first entry: the one before, and one more on which to try whether the groups moved alike.
        let window = i32::try_from(query.window_days).unwrap_or(i32::MAX);
        let oldest = first.saturating_sub(window.saturating_mul(3)).max(self.day.saturating_sub(GRID_DAYS * WEEKS_MAX));
        let weeks = (self.day - 1 - oldest).div_euclid(GRID_DAYS).max(0);
        let days: Vec<i32> = (0..=weeks).map(|week| self.day - 1 - week * GRID_DAYS).rev().collect();
        let wanted = BTreeSet::from([query.field.clone()]);
        let found = match entries.is_empty() {
            true => Days::new(),
            false => days_of(context, workspace, &wanted, &days, Some(ROWS_MAX)).await?,
        };
        let units: Vec<Unit> = keys.iter().map(|key| self.unit(key, found.get(key), query)).collect();
        let has_objective = matches!(&signal.draft.rule, Rule::Playbook(playbook) if playbook.objective.is_some());
        let question = Question { window_days: query.window_days, has_objective, ..Question::on(self.day) };
        Ok(measure(&question, &units, &entries))
    }

    /// Who entered the playbook and when, by the place of the object among `keys`.
    fn entries(&self, signal: &Signal, keys: &[Key], window_days: u32) -> Vec<Entry> {
        let window = i32::try_from(window_days).unwrap_or(i32::MAX);
        let mut entries = Vec::new();
        for (unit, key) in keys.iter().enumerate() {
            let Some(kept) = self.objects.get(key) else { continue };
            let of_playbooks = kept.remembered.iter().filter_map(|(id, remembered)| match &remembered.memory {
                Memory::Playbook(memory) => Some((id, memory)),
                _ => None,
            });
            let all: Vec<_> = of_playbooks.collect();
            for enrolment in all.iter().filter(|(id, _)| **id == signal.id).flat_map(|(_, memory)| &memory.entries) {
                let (from, to) = (enrolment.on.saturating_sub(window), enrolment.on.saturating_add(window));
                let others = all.iter().filter(|(id, _)| **id != signal.id).flat_map(|(_, memory)| &memory.entries);
                let mut others = others.filter(|other| !other.is_held_out);
                entries.push(Entry {
                    unit,
                    entered: enrolment.on,
                    exited: enrolment.exited,
                    met: enrolment.met,
                    is_held_out: enrolment.is_held_out,
                    in_others: others.any(|other| other.on <= to && other.exited.is_none_or(|exited| from <= exited)),
                });
            }
        }
        entries
    }

    fn unit(&self, key: &Key, days: Option<&BTreeMap<FieldId, BTreeMap<i32, Known>>>, query: &ImpactQuery) -> Unit {
        let columns = self.world.directory.objects(key.0).get(&key.1);
        let cell = |name: &Option<String>| columns?.get(name.as_ref()?);
        let text = |value: &Value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Null => None,
            other => Some(other.to_string()),
        };
        let outcome = days.and_then(|fields| fields.get(&query.field)).into_iter().flatten();
        Unit {
            id: key.1.clone(),
            segment: cell(&query.segment).and_then(text),
            size: cell(&query.size).and_then(number_in),
            since: cell(&query.since).and_then(Value::as_str).and_then(|text| parse_date(text.get(..10)?)),
            stage: None,
            outcome: outcome.filter_map(|(day, known)| Some((*day, known.number()?))).collect(),
        }
    }
}
