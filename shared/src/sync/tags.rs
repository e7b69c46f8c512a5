//! Tag edits: when a page's or feature's rule changes, Pendo applies it to the past, newest day first and for hours. The
//! catalogue says so, and then all history of the kind is compared by day until it has settled.

use super::checkpoint::{Checkpoint, KindState};
use super::run::{Run, SyncError};
use crate::id::Kind;
use crate::pendo::{PendoError, catalog};
use crate::store::StoreError;
use crate::time::Hour;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;

/// The kinds whose past an edit changes. Track types, guides and all activity keep theirs.
const TAGGED: [Kind; 2] = [Kind::Feature, Kind::Page];
/// Hours after an edit at which history is compared, even when Pendo does not say that it is still at work.
const AGES: [i32; 6] = [0, 1, 2, 4, 8, 24];

/// The last edit of a kind's tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// The run that saw it.
    pub seen_at: Hour,
    /// How many objects were changed, as that run saw it.
    pub objects: u64,
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

impl Run<'_> {
    /// Reads the catalogue of a mapped kind and answers the edit that its history still has to follow. Read it before
    /// the kind's probe: what is edited afterwards is the next run's.
    ///
    /// # Errors
    /// The table's, and a refused key. Another failure of Pendo's is left to the next run, which sees the same edits.
    pub async fn edit(&mut self, kind: Kind, state: &KindState) -> Result<Option<Edit>, SyncError> {
        if !TAGGED.contains(&kind) {
            return Ok(None);
        }
        let stands = state.edit.filter(|edit| !edit.is_settled(self.as_of) || edit.is_due(state.weekly_at, self.as_of));
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
            let mut changes = BTreeMap::new();
            for entry in &listed {
                let tag = json!({"updated": entry.updated_ms, "dirty": entry.is_dirty});
                if known.value.get(&entry.id) != Some(&tag) {
                    changes.insert(entry.id.clone(), Some(tag));
                }
            }
            let is_dirty = listed.iter().any(|entry| entry.is_dirty);
            // What is listed for the first time is how things are; only a change of it is an edit.
            let objects = if known.version == 0 { 0 } else { changes.len() as u64 };
            let edit = (objects > 0).then_some(Edit { seen_at: self.as_of, objects, is_dirty });
            if edit.is_some() {
                // First the edit, then what it was seen by: else a crash between the two would lose it.
                let note = |checkpoint: &mut Checkpoint| checkpoint.kinds.entry(kind).or_default().edit = edit;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_is_compared_at_growing_ages_after_an_edit() {
        let edit = |is_dirty| Edit { seen_at: Hour(100), objects: 1, is_dirty };
        let due = |compared: i32, as_of: i32| edit(false).is_due(Some(Hour(compared)), Hour(as_of));
        assert!(edit(false).is_due(None, Hour(100)), "at once");
        assert!(due(99, 100) && !due(100, 100) && due(100, 101) && due(101, 102) && !due(102, 103) && due(102, 104));
        assert!(due(108, 124) && !due(124, 300));
        let at_work = |compared: i32, as_of: i32| edit(true).is_due(Some(Hour(compared)), Hour(as_of));
        assert!(at_work(102, 103), "each hour of the first day");
        assert!(!at_work(124, 147) && at_work(124, 148), "then daily");
        assert!(!edit(true).is_settled(Hour(400)) && edit(false).is_settled(Hour(124)));
    }
}
