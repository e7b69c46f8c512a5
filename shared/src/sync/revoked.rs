//! A key that Pendo refuses: believed when it is refused again and again, marked once, and not tried any more.

use super::run::{Run, SyncError};
use crate::connection::ConnectionStatus;
use crate::pendo::client::Verified;
use crate::pendo::{Client, PendoError};
use crate::store::StoreError;
use serde_json::json;

impl Run<'_> {
    /// A refused key is believed only after the secret was read once more: it may have been rotated meanwhile.
    ///
    /// # Errors
    /// The table's and Secrets Manager's.
    pub(super) async fn is_revoked(&self) -> Result<bool, SyncError> {
        let Some(connection) = self.store.connection_get(self.workspace).await? else { return Ok(false) };
        if connection.value.id != self.connection.id {
            return Ok(false);
        }
        let key = self.context.secrets.get(&connection.value.secret).await?;
        let client = Client::new(&connection.value.base_url, &key)?.doubting_refusals();
        let is_refused = |answer: Result<u64, PendoError>| matches!(answer, Err(PendoError::Unauthorized { .. }));
        Ok(match client.verify().await {
            Ok(Verified { valid: Some(false), .. }) | Err(PendoError::Unauthorized { .. }) => true,
            // Where verify does not exist, or the key lost only the right to aggregate, the smallest aggregation decides.
            Ok(_) => {
                let smallest = json!([{"source": {"accounts": null}}, {"limit": 1}]);
                is_refused(client.aggregate(&smallest, |_| Ok(())).await)
            }
            Err(_) => false,
        })
    }

    /// Marks the connection: the schedule passes it by until a new key comes.
    ///
    /// # Errors
    /// The table's.
    pub(super) async fn mark_revoked(&self) -> Result<(), StoreError> {
        loop {
            let Some(mut connection) = self.store.connection_get(self.workspace).await? else { return Ok(()) };
            if connection.value.id != self.connection.id || connection.value.status != ConnectionStatus::Active {
                return Ok(());
            }
            connection.value.status = ConnectionStatus::Revoked;
            match self.store.connection_put(self.workspace, &connection.value, connection.version).await {
                Err(StoreError::Conflict { .. }) => {}
                other => return other.map(|_| ()),
            }
        }
    }
}
