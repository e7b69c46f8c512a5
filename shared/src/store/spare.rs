//! Spare secrets: names that are noted before a secret stands under them, and while another may come to stand in their place.
//! So a secret that no connection names is found again. One small document of a workspace, without any key.

use super::{Partition, Store, StoreError, Versioned};
use crate::id::WorkspaceId;
use serde::{Deserialize, Serialize};

const NAME: &str = "spare-secrets";

/// A secret that perhaps no connection names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spare {
    /// The secret's name.
    pub name: String,
    /// The version of the connection that whoever noted it was about to replace. Once another stands there it was refused, and
    /// nobody comes to name this secret any more.
    pub replaces: u64,
}

impl Store {
    /// The spare secrets of a workspace.
    ///
    /// # Errors
    /// The table's.
    pub async fn spare_secrets(&self, workspace: &WorkspaceId) -> Result<Vec<Spare>, StoreError> {
        let found: Option<Versioned<_>> = self.document_get(&Partition::workspace(workspace), NAME).await?;
        Ok(found.map(|found| found.value).unwrap_or_default())
    }

    /// Changes the spare secrets by compare-and-swap, reading them anew when they moved.
    ///
    /// # Errors
    /// The table's.
    pub async fn spare_secrets_change(
        &self,
        workspace: &WorkspaceId,
        change: impl Fn(&mut Vec<Spare>),
    ) -> Result<(), StoreError> {
        self.list_change(&Partition::workspace(workspace), NAME, None, change).await
    }
}
