//! The catalogue as each run finds it. Tag edits: when a page's or feature's rule changes, Pendo applies it to the past, newest
//! day first and for hours; then all history of the kind is compared by day until it has settled. Deleted objects: what is no
//! longer listed is kept by its name.

use super::checkpoint::{Checkpoint, KindState};
use super::run::{Run, SyncError};
use crate::id::Kind;
use crate::pendo::catalog::Entry;
use crate::pendo::{PendoError, catalog};
use crate::store::StoreError;
use crate::store::tree::Map;
use crate::time::Hour;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The kinds whose past an edit changes. Track types, guides and all activity keep theirs.
pub(super) const TAGGED: [Kind; 2] = [Kind::Feature, Kind::Page];
/// Hours after an edit at which history is compared, even when Pendo does not say that it is still at work.
const AGES: [i32; 6] = [0, 1, 2, 4, 8, 24];

/// Edited objects that are kept by their ids at most.
const IDS_MAX: usize = 20;

/// The last edit of a kind's tags.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// The run that saw it.
    pub seen_at: Hour,
    /// How many objects were changed, as that run saw it.
    pub objects: u64,
    /// Which ones, together with those of an edit before that had not settled; empty when they are too many.
    pub ids: BTreeSet<String>,
    /// Whether Pendo says that it is still applying it.
    pub is_dirty: bool,
}

impl Edit {
    /// Whether history is to be compared again: at growing ages, each hour of the first day while Pendo is at work, and
    /// daily after that.
    #[must_use]
    pub fn is_due(&self, compared_at: Option<Hour>, as_of: Hour) -> bool {
        let age = as_of.0 - self.seen_at.0;
        let last = compared_at.map_or(i32::MIN, |at| at.0 - self.seen_at.0);
        let by_age = AGES.iter().any(|due| last < *due && *due <= age);
        let at_work = self.is_dirty && (last < age.min(24) || age - last >= 24);
        by_age || at_work
    }

    /// Whether nothing more is expected of it.
    #[must_use]
    pub fn is_settled(&self, as_of: Hour) -> bool {
        !self.is_dirty && as_of.0 - self.seen_at.0 >= AGES[AGES.len() - 1]
    }
}

impl KindState {
    /// Takes the edit that a run found, if the one that stands still is the one it began with: another run may have seen a newer
    /// one meanwhile, and nobody would see that again.
    pub(super) fn follow(&mut self, before: Option<&Edit>, found: Option<&Edit>) {
        if self.edit.as_ref() == before {
            self.edit = found.cloned();
        }
    }
}

/// An object of the catalogue as the last runs saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// Its name in Pendo.
    pub name: String,
    /// Its app.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub app: Option<i64>,
    /// The group in which it is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub group: Option<String>,
    /// When it was last changed, ms since 1970.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub updated: Option<i64>,
    /// Whether Pendo was still applying that to history.
    pub dirty: bool,
    /// The run that first missed it in Pendo's list; `None` while it is listed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub gone: Option<Hour>,
}

impl Listed {
    /// The object of a stored entry; `None` for one that can't be read.
    #[must_use]
    pub fn of(stored: &Value) -> Option<Self> {
        Self::deserialize(stored).ok()
    }

    /// Whether a later run missed it too: one list alone may have been cut.
    #[must_use]
    pub fn is_deleted(&self, as_of: Option<Hour>) -> bool {
        self.gone.is_some_and(|gone| as_of.is_some_and(|as_of| gone < as_of))
    }

    /// It as the catalogue shows what Pendo lists no longer.
    #[must_use]
    pub fn deleted(self, kind: Kind, id: &str) -> Entry {
        let mut entry = Entry::named(kind, id, self.name, self.app, self.updated);
        entry.is_deleted = true;
        entry
    }
}

impl Run<'_> {
    /// Reads the catalogue of a mapped kind, keeps what it shows, and answers the edit that history still has to follow.
    /// Read it before the kind's probe: what is edited afterwards is the next run's.
    ///
    /// # Errors
    /// The table's, and a refused key. Another failure of Pendo's is left to the next run, which sees the same edits.
    pub async fn catalogue(&mut self, kind: Kind, state: &KindState) -> Result<Option<Edit>, SyncError> {
        if !catalog::KINDS.contains(&kind) {
            return Ok(None);
        }
        let is_followed = |edit: &Edit| !edit.is_settled(self.as_of) || edit.is_due(state.history_at, self.as_of);
        let stands = state.edit.clone().filter(is_followed);
        let listed = match catalog::list(&self.client, kind).await {
            Ok(listed) => listed,
            Err(error @ PendoError::Unauthorized { .. }) => return Err(error.into()),
            Err(error) => {
                tracing::warn!(kind = kind.name(), %error, "the catalogue could not be read; edits wait for the next run");
                return Ok(stands);
            }
        };
        loop {
            let known = self.store.tags_get(self.workspace, &self.connection.id, kind).await?;
            let (changes, edited) = compared(&listed, &known.value, self.as_of);
            let is_dirty = listed.iter().any(|entry| entry.is_dirty);
            // What is listed for the first time is how things are; only a change of it is an edit.
            let is_edit = !edited.is_empty() && known.version > 0 && TAGGED.contains(&kind);
            let edit = is_edit.then(|| Edit {
                seen_at: self.as_of,
                objects: edited.len() as u64,
                ids: joined(edited, stands.as_ref()),
                is_dirty,
            });
            if edit.is_some() {
                // First the edit, then what it was seen by: else a crash between the two would lose it.
                let note = |checkpoint: &mut Checkpoint| {
                    checkpoint.kinds.entry(kind).or_default().edit.clone_from(&edit);
                };
                self.store.checkpoint_change(self.workspace, &self.connection.id, note).await?;
            }
            if !changes.is_empty() {
                let (connection, now_ms) = (&self.connection.id, self.context.clock.now_ms());
                match self.store.tags_put(self.workspace, connection, kind, &changes, known.version, now_ms).await {
                    Ok(_) => {}
                    Err(StoreError::Conflict { .. }) => continue,
                    Err(error) => return Err(error.into()),
                }
            }
            return Ok(edit.or(stands.map(|edit| Edit { is_dirty, ..edit })));
        }
    }
}

/// What is to be kept of a list, and which objects were edited since it was last kept.
fn compared(listed: &[Entry], known: &Map, as_of: Hour) -> (BTreeMap<String, Option<Value>>, BTreeSet<String>) {
    let (mut changes, mut edited) = (BTreeMap::new(), BTreeSet::new());
    for entry in listed {
        let object = Listed {
            name: entry.name.clone(),
            app: entry.app,
            group: entry.group.clone(),
            updated: entry.updated_ms,
            dirty: entry.is_dirty,
            gone: None,
        };
        let before = known.get(&entry.id).and_then(Listed::of);
        let rule = |object: &Listed| (object.updated, object.dirty);
        if before.as_ref().map(rule) != Some(rule(&object)) {
            edited.insert(entry.id.clone());
        }
        if before.as_ref() != Some(&object) {
            changes.insert(entry.id.clone(), Some(json!(object)));
        }
    }
    // A list without anything says nothing: Pendo answers so in trouble too.
    if !listed.is_empty() {
        let is_listed = |id: &str| listed.binary_search_by(|entry| entry.id.as_str().cmp(id)).is_ok();
        for (id, stored) in known.iter().filter(|(id, _)| !is_listed(id)) {
            if let Some(object) = Listed::of(stored).filter(|object| object.gone.is_none()) {
                changes.insert(id.clone(), Some(json!(Listed { gone: Some(as_of), ..object })));
            }
        }
    }
    (changes, edited)
}

/// The ids of an edit and of one before it that is still followed; none when they are too many to be kept.
fn joined(edited: BTreeSet<String>, before: Option<&Edit>) -> BTreeSet<String> {
    let is_known = before.is_none_or(|before| !before.ids.is_empty());
    let all: BTreeSet<String> =
        edited.into_iter().chain(before.into_iter().flat_map(|edit| edit.ids.clone())).collect();
    if is_known && all.len() <= IDS_MAX { all } else { BTreeSet::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_is_compared_at_growing_ages_after_an_edit() {
        let edit = |is_dirty| Edit { seen_at: Hour(100), objects: 1, ids: BTreeSet::new(), is_dirty };
        let due = |compared: i32, as_of: i32| edit(false).is_due(Some(Hour(compared)), Hour(as_of));
        assert!(edit(false).is_due(None, Hour(100)), "at once");
        assert!(due(99, 100) && !due(100, 100) && due(100, 101) && due(101, 102) && !due(102, 103) && due(102, 104));
        assert!(due(108, 124) && !due(124, 300));
        let at_work = |compared: i32, as_of: i32| edit(true).is_due(Some(Hour(compared)), Hour(as_of));
        assert!(at_work(102, 103), "each hour of the first day");
        assert!(!at_work(124, 147) && at_work(124, 148), "then daily");
        assert!(!edit(true).is_settled(Hour(400)) && edit(false).is_settled(Hour(124)));
    }

    #[test]
    fn a_run_that_read_the_catalogue_earlier_does_not_forget_the_edit_that_another_saw() {
        let edit = |at| Edit { seen_at: Hour(at), objects: 1, ids: BTreeSet::new(), is_dirty: false };
        let mut state = KindState { edit: Some(edit(5)), ..KindState::default() };
        state.follow(None, None);
        state.follow(Some(&edit(3)), Some(&edit(3)));
        assert_eq!(state.edit, Some(edit(5)));
        state.follow(Some(&edit(5)), None);
        assert_eq!(state.edit, None, "its own is settled");
    }

    #[test]
    fn what_is_no_longer_listed_is_kept_and_is_no_edit() {
        let entry = |id: &str, updated: i64| Entry::named(Kind::Page, id, id.to_uppercase(), Some(1), Some(updated));
        let kept = |changes: BTreeMap<String, Option<Value>>| -> Map {
            changes.into_iter().filter_map(|(id, change)| Some((id, change?))).collect()
        };
        let (first, edited) = compared(&[entry("a", 1), entry("b", 1)], &Map::new(), Hour(5));
        assert_eq!(edited.len(), 2);
        let mut known = kept(first);
        let (changes, edited) = compared(&[entry("b", 1)], &known, Hour(6));
        assert!(edited.is_empty() && changes.len() == 1);
        known.extend(kept(changes));
        let object = Listed::of(&known["a"]).unwrap();
        assert_eq!((object.name.as_str(), object.gone), ("A", Some(Hour(6))));
        assert!(!object.is_deleted(Some(Hour(6))) && object.is_deleted(Some(Hour(7))));
        assert_eq!(compared(&[entry("b", 1)], &known, Hour(7)), Default::default(), "it is noted once");
        assert_eq!(compared(&[], &known, Hour(7)), Default::default(), "an empty list says nothing");
        let (changes, edited) = compared(&[entry("a", 1), entry("b", 2)], &known, Hour(8));
        assert_eq!((changes.len(), edited), (2, ["b".to_owned()].into()), "listed again, and an edit");
    }
}
