//! Matching, exclusions and fields as one: what changes of them, and the line that tells of it, stand together or not at all.

use super::document::document_item;
use super::item::key_of;
use super::{Partition, Store, StoreError};
use crate::exclusions::Standing;
use crate::fields::Field;
use crate::id::WorkspaceId;
use crate::matching::KeptMatching;
use crate::trail::Line;

/// What a document is to hold.
#[derive(Debug)]
pub struct Wanted<'v, T: ?Sized> {
    /// The value, also where it stands already.
    pub value: &'v T,
    /// The version that was read: 0 where none stands.
    pub read: u64,
    /// Whether it is another value than the one that stands.
    pub is_changed: bool,
}

impl<T: ?Sized> Wanted<'_, T> {
    /// The version that stands afterwards.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.read + u64::from(self.is_changed || self.read == 0)
    }
}

impl Store {
    /// Writes matching, exclusions and fields in one transaction with its line. What does not change is put as it stands: so a change that
    /// somebody else made to it since it was read is a conflict too, and a whole state is followed by a whole one. `matching` and
    /// `exclusions` are `None` where there never were any.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when one of them has moved; the table's.
    pub async fn configuration_put(
        &self,
        workspace: &WorkspaceId,
        matching: Option<&Wanted<'_, KeptMatching>>,
        exclusions: Option<&Wanted<'_, Standing>>,
        fields: &Wanted<'_, [Field]>,
        line: Line,
    ) -> Result<(), StoreError> {
        let partition = Partition::workspace(workspace);
        let mut documents = Vec::new();
        if let Some(matching) = matching {
            let item = document_item("matching", matching.value, matching.version(), None)?;
            documents.push((item, "matching", matching.read));
        }
        if let Some(exclusions) = exclusions {
            let item = document_item("exclusions", exclusions.value, exclusions.version(), None)?;
            documents.push((item, "exclusions", exclusions.read));
        }
        documents.push((document_item("fields", fields.value, fields.version(), None)?, "fields", fields.read));
        let keyed = documents.into_iter().map(|(mut item, name, read)| {
            item.extend(key_of(&partition, name));
            (item, read)
        });
        self.noted_send(keyed.collect(), "configuration", &(Partition::trail(workspace), line)).await
    }
}
