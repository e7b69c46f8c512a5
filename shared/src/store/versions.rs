//! Versions of calculated fields that were replaced: a document each, which is put before the change that replaces it and never
//! changes. The one that stands is not among them but in the document of all fields, so a copy of it shows nothing yet.

use super::{Partition, Store, StoreError};
use crate::fields::Field;
use crate::id::{FieldId, WorkspaceId};
use futures_util::stream::{self, StreamExt, TryStreamExt};

/// How the sort keys begin.
const PREFIX: &str = "version#";
/// Documents that are read or put side by side.
const AT_ONCE: usize = 16;

impl Store {
    /// Keeps fields as they stand, before they are changed. What a version says is the same for whoever keeps it, so it does
    /// not matter who is first, nor whether the change comes.
    ///
    /// # Errors
    /// The table's.
    pub async fn versions_keep<'f>(
        &self,
        workspace: &WorkspaceId,
        fields: impl IntoIterator<Item = &'f Field>,
    ) -> Result<(), StoreError> {
        let partition = Partition::workspace(workspace);
        let puts: Vec<_> = fields.into_iter().map(|field| self.version_keep(&partition, field)).collect();
        stream::iter(puts).buffer_unordered(AT_ONCE).try_collect().await
    }

    async fn version_keep(&self, partition: &Partition, field: &Field) -> Result<(), StoreError> {
        match self.document_put(partition, &sort(&field.id, field.version), field, 0, None).await {
            Ok(_) | Err(StoreError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Some of a field's replaced versions, in the order asked. One that is not kept is left out.
    ///
    /// # Errors
    /// The table's.
    pub async fn versions_get(
        &self,
        workspace: &WorkspaceId,
        field: &FieldId,
        versions: impl IntoIterator<Item = u64>,
    ) -> Result<Vec<Field>, StoreError> {
        let partition = Partition::workspace(workspace);
        let gets: Vec<_> =
            versions.into_iter().map(|version| self.version_get(&partition, sort(field, version))).collect();
        let found: Vec<Option<Field>> = stream::iter(gets).buffered(AT_ONCE).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn version_get(&self, partition: &Partition, sort: String) -> Result<Option<Field>, StoreError> {
        Ok(self.document_get(partition, &sort).await?.map(|found| found.value))
    }

    /// Forgets one version of a field.
    ///
    /// # Errors
    /// The table's.
    pub async fn version_delete(
        &self,
        workspace: &WorkspaceId,
        field: &FieldId,
        version: u64,
    ) -> Result<(), StoreError> {
        self.item_delete(&Partition::workspace(workspace), &sort(field, version)).await
    }

    /// Forgets all versions of a field that is gone.
    ///
    /// # Errors
    /// The table's.
    pub async fn versions_delete(&self, workspace: &WorkspaceId, field: &FieldId) -> Result<(), StoreError> {
        let partition = Partition::workspace(workspace);
        let sorts = self.sorts_list(&partition, &prefix(field)).await?;
        self.items_delete(&partition, &sorts).await
    }

    /// Forgets the versions of all fields that do not stand. A field stands before any version of it is kept, so one that is
    /// not found after its version was is gone.
    ///
    /// # Errors
    /// The table's.
    pub async fn versions_sweep(&self, workspace: &WorkspaceId) -> Result<(), StoreError> {
        let partition = Partition::workspace(workspace);
        let mut sorts = self.sorts_list(&partition, PREFIX).await?;
        let stand: Vec<String> =
            self.fields_get(workspace).await?.value.iter().map(|field| prefix(&field.id)).collect();
        sorts.retain(|sort| !stand.iter().any(|prefix| sort.starts_with(prefix)));
        self.items_delete(&partition, &sorts).await
    }
}

fn prefix(field: &FieldId) -> String {
    format!("{PREFIX}{}#", field.as_str())
}

fn sort(field: &FieldId, version: u64) -> String {
    format!("{}{version:08}", prefix(field))
}
