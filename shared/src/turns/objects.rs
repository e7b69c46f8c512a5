//! What is kept of each object from turn to turn: what rules remember, and the past that they look at. It lies in parts, by a
//! hash of the object; a part is written only when something in it changes.

use crate::id::{ConnectionId, ObjectKind, SignalId, VisitorHash, WorkspaceId};
use crate::signals::facts::{Fact, Known};
use crate::signals::turn::Remembered;
use crate::store::signals::{Ledger, packed};
use crate::store::{Store, StoreError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Objects of a part, about.
const OBJECTS_PER_PART: usize = 64;
/// Bytes of a part at most: well under what an item may hold.
const PART_BYTES_MAX: usize = 300_000;
/// Into no more parts than this.
const PARTS_MAX: usize = 4_096;

/// An object's level and id.
pub(super) type Key = (ObjectKind, String);
/// What is kept, by object.
pub(super) type Objects = BTreeMap<Key, Kept>;

/// What is kept of an object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Kept {
    /// A hash of whose usage is its.
    pub(super) links: u64,
    /// What rules remember.
    pub(super) remembered: BTreeMap<SignalId, Remembered>,
    /// By fact the days on which it became something else, and what.
    pub(super) past: Vec<(Fact, Vec<(i32, Known)>)>,
}

impl Kept {
    /// The days on which a fact became something else, and what.
    pub(super) fn of(&self, fact: &Fact) -> &[(i32, Known)] {
        self.past.iter().find(|(kept, _)| kept == fact).map_or(&[], |(_, days)| days)
    }

    /// What a fact was when it was last seen.
    pub(super) fn last(&self, fact: &Fact) -> Option<&Known> {
        self.of(fact).last().map(|(_, known)| known)
    }

    /// What a fact was at the end of a day: what it had last become by then.
    pub(super) fn at(&self, fact: &Fact, day: i32) -> Option<&Known> {
        let days = self.of(fact);
        let at = days.partition_point(|(on, _)| *on <= day);
        at.checked_sub(1).and_then(|at| days.get(at)).map(|(_, known)| known)
    }

    /// Notes what a fact is on a day, the newest there is, and lets go what is older than `from` but for the last before it.
    pub(super) fn note(&mut self, fact: &Fact, day: i32, known: Known, from: i32) {
        let at = match self.past.iter().position(|(kept, _)| kept == fact) {
            Some(at) => at,
            None => {
                self.past.push((fact.clone(), Vec::new()));
                self.past.len() - 1
            }
        };
        let days = &mut self.past[at].1;
        days.retain(|(on, _)| *on < day);
        if days.last().is_none_or(|(_, last)| *last != known) {
            days.push((day, known));
        }
        let older = days.partition_point(|(on, _)| *on <= from);
        days.drain(..older.saturating_sub(1));
    }

    /// Puts other days in the place of those that are kept of a fact.
    pub(super) fn replace(&mut self, fact: &Fact, days: &BTreeMap<i32, Known>) {
        self.past.retain(|(kept, _)| kept != fact);
        let mut changes: Vec<(i32, Known)> = Vec::new();
        for (day, known) in days {
            if changes.last().is_none_or(|(_, last)| last != known) {
                changes.push((*day, known.clone()));
            }
        }
        self.past.push((fact.clone(), changes));
    }
}

/// The part in which an object lies.
fn part_of(key: &Key, parts: usize) -> usize {
    let hash = VisitorHash::of(&format!("{}\n{}", key.0.name(), key.1)).0;
    usize::try_from(hash % parts.max(1) as u64).unwrap_or(0)
}

/// Reads what is kept of all objects.
pub(super) async fn read(
    store: &Store,
    workspace: &WorkspaceId,
    connection: &ConnectionId,
    ledger: &Ledger,
) -> Result<Objects, StoreError> {
    let mut objects = Objects::new();
    for sort in ledger.parts.iter().flatten() {
        let part: Vec<(Key, Kept)> = store.signals_part_get(workspace, connection, sort).await?;
        objects.extend(part);
    }
    Ok(objects)
}

/// Puts the parts in which something is other than `before`; answers the names of all.
pub(super) async fn put(
    store: &Store,
    (workspace, connection): (&WorkspaceId, &ConnectionId),
    names: &[Option<String>],
    before: &Objects,
    now: &Objects,
    now_ms: i64,
) -> Result<Vec<Option<String>>, StoreError> {
    let mut count = now.len().div_ceil(OBJECTS_PER_PART).next_power_of_two().clamp(names.len().max(1), PARTS_MAX);
    loop {
        let mut names = if count == names.len() { names.to_vec() } else { vec![None; count] };
        let is_new = names.iter().all(Option::is_none);
        let (mut of_part, mut changed) = (vec![Vec::new(); count], vec![is_new; count]);
        for (key, kept) in now {
            let at = part_of(key, count);
            changed[at] |= before.get(key) != Some(kept);
            of_part[at].push((key, kept));
        }
        before.keys().filter(|key| !now.contains_key(*key)).for_each(|key| changed[part_of(key, count)] = true);
        let mut bodies = Vec::new();
        for (at, part) in of_part.iter().enumerate().filter(|(at, _)| changed[*at]) {
            bodies.push((at, if part.is_empty() { None } else { Some(packed(part)?) }));
        }
        let is_over = bodies.iter().any(|(_, body)| body.as_ref().is_some_and(|body| body.len() > PART_BYTES_MAX));
        if is_over && count < PARTS_MAX {
            count *= 2;
            continue;
        }
        for (at, body) in bodies {
            names[at] = match body {
                None => None,
                Some(body) => Some(store.signals_part_put(workspace, connection, body, now_ms).await?),
            };
        }
        return Ok(names);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::FieldId;

    #[test]
    fn only_days_on_which_a_fact_changes_are_kept_and_every_day_is_known() {
        let fact = Fact::Field(FieldId::from_text("f"));
        let mut kept = Kept::default();
        for (day, number) in [(10, 1.0), (11, 1.0), (12, 2.0), (12, 3.0), (13, 3.0), (15, 1.0)] {
            kept.note(&fact, day, Known::Number(number), 0);
        }
        assert_eq!(kept.of(&fact), [(10, Known::Number(1.0)), (12, Known::Number(3.0)), (15, Known::Number(1.0))]);
        let at = |day| kept.at(&fact, day).and_then(Known::number);
        assert_eq!(
            [9, 10, 11, 12, 14, 15, 99].map(at),
            [None, Some(1.0), Some(1.0), Some(3.0), Some(3.0), Some(1.0), Some(1.0)]
        );
        kept.note(&fact, 16, Known::Number(1.0), 13);
        assert_eq!(kept.of(&fact).first(), Some(&(12, Known::Number(3.0))), "what day 13 was is still known");
        kept.note(&fact, 16, Known::Number(5.0), 15);
        kept.note(&fact, 16, Known::Number(1.0), 15);
        assert_eq!(kept.of(&fact), [(15, Known::Number(1.0))], "a day that comes back to what was leaves no trace");
    }
}
