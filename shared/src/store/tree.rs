//! Trees: large maps from text to JSON, kept as packed immutable pages under one versioned root.
//!
//! A change puts new pages and moves the root by compare-and-swap, as in git: readers see the map before or after, never
//! between. The directory and Pendo's visitors and accounts are trees.

use super::meter::Holds;
use super::{Partition, Store, StoreError, Versioned};
use crate::id::{VisitorHash, random_hex};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A page is split when it grows beyond this many bytes (compressed): a small change writes little.
const PAGE_BYTES_MAX: usize = 8_000;
/// So many pages a root names easily; from there on pages grow instead, and only what no item could hold is split.
const PAGES_MANY: usize = 2_048;
/// Well under what an item may hold.
const LARGE_PAGE_BYTES_MAX: usize = 300_000;

/// The map a tree holds.
pub type Map = BTreeMap<String, serde_json::Value>;

/// What the root item names: a power of two of pages; a key lies in the page that the low bits of its hash say.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Root {
    pages: Vec<Option<String>>,
    count: usize,
}

impl Store {
    /// Reads a whole tree; an absent one is empty, at version 0.
    pub(super) async fn tree_get(&self, partition: &Partition, name: &str) -> Result<Versioned<Map>, StoreError> {
        loop {
            let Some(root) = self.document_get::<Root>(partition, &root_sort(name)).await? else {
                return Ok(Versioned { version: 0, value: Map::new() });
            };
            let sorts: Vec<String> = root.value.pages.iter().flatten().cloned().collect();
            match self.blobs_get(partition, &sorts).await {
                Ok(bodies) => {
                    let mut map = Map::new();
                    for (sort, body) in sorts.iter().zip(bodies) {
                        map.append(&mut unpack(sort, &body)?);
                    }
                    return Ok(Versioned { version: root.version, value: map });
                }
                // A page that is gone was replaced after the root was read: a newer root stands.
                Err(StoreError::Missing { .. }) if self.tree_moved(partition, name, root.version).await? => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Applies changes (`None` removes) if the tree still has the version `expected`; answers the new version.
    pub(super) async fn tree_put(
        &self,
        partition: &Partition,
        name: &str,
        changes: &BTreeMap<String, Option<serde_json::Value>>,
        expected: u64,
        created_at_ms: i64,
    ) -> Result<u64, StoreError> {
        let mut map = self.tree_get(partition, name).await?;
        if map.version != expected {
            return Err(StoreError::Conflict { key: root_sort(name) });
        }
        let old =
            self.document_get::<Root>(partition, &root_sort(name)).await?.map(|root| root.value).unwrap_or_default();
        for (key, value) in changes {
            match value {
                Some(value) => map.value.insert(key.clone(), value.clone()),
                None => map.value.remove(key),
            };
        }
        let mut buckets = old.pages.len().max(1);
        let packed = loop {
            let packed = pack_all(&map.value, buckets)?;
            let most = if buckets < PAGES_MANY { PAGE_BYTES_MAX } else { LARGE_PAGE_BYTES_MAX };
            if packed.iter().all(|page| page.len() <= most) || buckets >= 65_536 {
                break packed;
            }
            buckets *= 2;
        };
        let touched: Vec<bool> = if buckets == old.pages.len() {
            let mut touched = vec![false; buckets];
            changes.keys().for_each(|key| touched[bucket_of(key, buckets)] = true);
            touched
        } else {
            vec![true; buckets]
        };
        let mut pages = Vec::with_capacity(buckets);
        for (bucket, body) in packed.into_iter().enumerate() {
            if !touched[bucket] {
                pages.push(old.pages[bucket].clone());
            } else if body.is_empty() {
                pages.push(None);
            } else {
                let sort = format!("page#{name}#{created_at_ms:013}-{}", random_hex());
                self.blob_put(partition, &sort, body, Holds::Bookkeeping).await?;
                pages.push(Some(sort));
            }
        }
        let root = Root { pages, count: map.value.len() };
        self.document_put(partition, &root_sort(name), &root, expected, None).await
    }

    /// Deletes a tree's root: the tree is empty from then on, and its pages are named by nothing.
    pub(super) async fn tree_forget(&self, partition: &Partition, name: &str) -> Result<(), StoreError> {
        self.item_delete(partition, &root_sort(name)).await
    }

    /// A tree's version, without its pages; 0 when it is absent.
    pub(super) async fn tree_version(&self, partition: &Partition, name: &str) -> Result<u64, StoreError> {
        Ok(self.document_get::<Root>(partition, &root_sort(name)).await?.map_or(0, |root| root.version))
    }

    async fn tree_moved(&self, partition: &Partition, name: &str, version: u64) -> Result<bool, StoreError> {
        Ok(self.tree_version(partition, name).await? != version)
    }

    /// Deletes pages that no root names and that were put before `before_ms`.
    pub(super) async fn tree_sweep(&self, partition: &Partition, name: &str, before_ms: i64) -> Result<(), StoreError> {
        let old: Vec<String> = self
            .sorts_list(partition, &format!("page#{name}#"))
            .await?
            .into_iter()
            .filter(|sort| {
                sort.rsplit('#')
                    .next()
                    .and_then(|t| t.get(..13))
                    .and_then(|t| t.parse().ok())
                    .is_some_and(|at: i64| at < before_ms)
            })
            .collect();
        if old.is_empty() {
            return Ok(());
        }
        let named = self
            .document_get::<Root>(partition, &root_sort(name))
            .await?
            .map(|root| root.value.pages)
            .unwrap_or_default();
        for sort in old {
            if !named.iter().flatten().any(|page| *page == sort) {
                self.item_delete(partition, &sort).await?;
            }
        }
        Ok(())
    }
}

fn root_sort(name: &str) -> String {
    format!("root#{name}")
}

fn bucket_of(key: &str, buckets: usize) -> usize {
    usize::try_from(VisitorHash::of(key).0 % buckets as u64).unwrap_or(0)
}

/// Packs a map into `buckets` pages; an empty page is no bytes.
fn pack_all(map: &Map, buckets: usize) -> Result<Vec<Vec<u8>>, StoreError> {
    let mut parts: Vec<BTreeMap<&str, &serde_json::Value>> = vec![BTreeMap::new(); buckets];
    for (key, value) in map {
        parts[bucket_of(key, buckets)].insert(key, value);
    }
    let unwritable = |detail: String| StoreError::Unreadable { key: "page".to_owned(), detail };
    parts
        .into_iter()
        .map(|part| {
            if part.is_empty() {
                return Ok(Vec::new());
            }
            let json = serde_json::to_vec(&part).map_err(|e| unwritable(e.to_string()))?;
            zstd::bulk::compress(&json, 3).map_err(|e| unwritable(e.to_string()))
        })
        .collect()
}

fn unpack(sort: &str, body: &[u8]) -> Result<Map, StoreError> {
    let unreadable = |detail: String| StoreError::Unreadable { key: sort.to_owned(), detail };
    let json = zstd::stream::decode_all(body).map_err(|e| unreadable(e.to_string()))?;
    serde_json::from_slice(&json).map_err(|e| unreadable(e.to_string()))
}
