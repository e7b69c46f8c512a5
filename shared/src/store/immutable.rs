//! The immutable items of a shard: each is put under a fresh key, and counts once a head names it.

use super::meter::Holds;
use super::{Shard, Store, StoreError};
use crate::id::random_hex;
use std::sync::Arc;

impl Store {
    /// Puts a block under a fresh key; its name goes into entries.
    ///
    /// # Errors
    /// The table's.
    pub async fn block_put(&self, shard: &Shard, body: Vec<u8>, now_ms: i64) -> Result<Arc<str>, StoreError> {
        let sort = format!("block#{now_ms:013}-{}", random_hex());
        self.blob_put(&shard.partition, &sort, body, Holds::Usage).await?;
        Ok(sort.into())
    }

    /// Reads blocks by name, in order.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when the head has moved on meanwhile.
    pub async fn blocks_get(&self, shard: &Shard, names: &[Arc<str>]) -> Result<Vec<Vec<u8>>, StoreError> {
        let sorts: Vec<String> = names.iter().map(|name| name.to_string()).collect();
        self.blobs_get(&shard.partition, &sorts).await
    }

    /// Puts a page of values under a fresh key.
    ///
    /// # Errors
    /// The table's.
    pub async fn page_put(&self, shard: &Shard, body: Vec<u8>, now_ms: i64) -> Result<String, StoreError> {
        let sort = format!("page#{now_ms:013}-{}", random_hex());
        self.blob_put(&shard.partition, &sort, body, Holds::Values).await?;
        Ok(sort)
    }

    /// Reads pages, in order.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when the head has moved on meanwhile.
    pub async fn pages_get(&self, shard: &Shard, sorts: &[String]) -> Result<Vec<Vec<u8>>, StoreError> {
        self.blobs_get(&shard.partition, sorts).await
    }

    /// Puts the parts of a fold under fresh keys.
    ///
    /// # Errors
    /// The table's.
    pub async fn fold_put(&self, shard: &Shard, parts: Vec<Vec<u8>>, now_ms: i64) -> Result<Vec<String>, StoreError> {
        let mut sorts = Vec::with_capacity(parts.len());
        for part in parts {
            let sort = format!("fold#{now_ms:013}-{}", random_hex());
            self.blob_put(&shard.partition, &sort, part, Holds::Bookkeeping).await?;
            sorts.push(sort);
        }
        Ok(sorts)
    }

    /// Reads the parts of a fold; `None` when one of them is gone, since folds can be made again from rows.
    ///
    /// # Errors
    /// The table's.
    pub async fn fold_get(&self, shard: &Shard, sorts: &[String]) -> Result<Option<Vec<Vec<u8>>>, StoreError> {
        match self.blobs_get(&shard.partition, sorts).await {
            Ok(parts) => Ok(Some(parts)),
            Err(StoreError::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
