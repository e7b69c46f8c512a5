//! Pendo's groups of features, pages, guides and track types: a field may name a group instead of what is in it. Who belongs to
//! one is looked up when rows are added up, as the last run saw it, so an object that comes into a group counts with all its past.

use super::tags::Listed;
use crate::fields::{Field, Measure};
use crate::id::{ConnectionId, Kind, WorkspaceId};
use crate::store::{Store, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};

/// The objects of groups, by kind and name.
#[derive(Clone, Debug, Default)]
pub struct Groups(BTreeMap<Kind, BTreeMap<String, BTreeSet<String>>>);

impl Groups {
    /// Reads those of the kinds in which fields name groups. What Pendo has deleted stays in the group in which it was.
    ///
    /// # Errors
    /// The table's.
    pub async fn read(
        store: &Store,
        workspace: &WorkspaceId,
        connection: &ConnectionId,
        fields: &[Field],
    ) -> Result<Self, StoreError> {
        let usages = fields.iter().filter_map(|field| Some(&field.definition.measured()?.usage));
        let kinds: BTreeSet<Kind> = usages.filter(|usage| usage.groups.is_some()).map(|usage| usage.kind).collect();
        let mut groups = Self::default();
        for kind in kinds {
            let listed = store.tags_get(workspace, connection, kind).await?.value;
            let of_kind = groups.0.entry(kind).or_default();
            for (id, object) in listed.iter().filter_map(|(id, stored)| Some((id, Listed::of(stored)?))) {
                if let Some(group) = object.group {
                    of_kind.entry(group).or_default().insert(id.clone());
                }
            }
        }
        Ok(groups)
    }

    /// The field with the objects of its groups among those that it names.
    #[must_use]
    pub fn named_in(&self, mut field: Field) -> Field {
        if let Measure::Usage(measured) = &mut field.definition.measure
            && let Some(groups) = &measured.usage.groups
        {
            let of_kind = self.0.get(&measured.usage.kind);
            let members = groups.iter().filter_map(|group| of_kind?.get(group)).flatten().cloned();
            measured.usage.ids.get_or_insert_default().extend(members);
        }
        field
    }
}

/// Hashes what the groups of a field came to, so that another object in one of them is seen.
pub(super) fn hash_named(field: &Field, hasher: &mut impl Hasher) {
    let usage = field.definition.measured().map(|measured| &measured.usage);
    usage.filter(|usage| usage.groups.is_some()).map(|usage| &usage.ids).hash(hasher);
}
