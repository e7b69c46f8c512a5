//! Trees: large maps from text to JSON, kept as packed immutable pages under one versioned root.
//!
//! A change puts new pages and moves the root by compare-and-swap, as in git: readers see the map before or after, never
//! between. The directory and Pendo's visitors and accounts are trees.

use super::meter::Holds;
use super::{Partition, Store, StoreError, Versioned};
use crate::id::{VisitorHash, random_hex};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A page is split when it grows beyond this many bytes (compressed): a small change writes little.
const PAGE_BYTES_MAX: usize = 8_000;
/// So many pages a root names easily; from there on pages grow instead, and only what no item could hold is split.
const PAGES_MANY: usize = 2_048;
/// Well under what an item may hold.
const LARGE_PAGE_BYTES_MAX: usize = 300_000;
/// Into no more pages than this.
const PAGES_MAX: usize = 65_536;

/// The map a tree holds.
pub type Map = BTreeMap<String, serde_json::Value>;

/// What the root item names: a power of two of pages; a key lies in the page that the low bits of its hash say.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Root {
    pages: Vec<Option<String>>,
    count: usize,
}

/// A tree as it was read.
struct Tree {
    version: u64,
    pages: Vec<Option<String>>,
    map: Arc<Map>,
}

/// The trees that a run has read. Which root stands is asked each time; pages are immutable, so of a newer root only those
/// are read that the one before did not name.
#[derive(Default)]
pub(super) struct Trees(Mutex<HashMap<String, Tree>>);

impl Trees {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Tree>> {
        // Whatever is kept is whole: it is put in one piece.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a tree out, to be changed.
    fn take(&self, place: &str) -> Option<Tree> {
        self.lock().remove(place)
    }

    fn keep(&self, place: String, tree: Tree) {
        self.lock().insert(place, tree);
    }
}

impl Store {
    /// Reads a whole tree; an absent one is empty, at version 0.
    pub(super) async fn tree_get(&self, partition: &Partition, name: &str) -> Result<Versioned<Arc<Map>>, StoreError> {
        let tree = self.tree_take(partition, name).await?;
        let found = Versioned { version: tree.version, value: Arc::clone(&tree.map) };
        if let Some(trees) = &self.trees {
            trees.keep(place(partition, name), tree);
        }
        Ok(found)
    }

    /// As [`Store::tree_get`], and forgets it: whoever has it may change it.
    async fn tree_take(&self, partition: &Partition, name: &str) -> Result<Tree, StoreError> {
        let mut known = self.trees.as_ref().and_then(|trees| trees.take(&place(partition, name)));
        loop {
            let Some(root) = self.document_get::<Root>(partition, &root_sort(name)).await? else {
                return Ok(Tree { version: 0, pages: Vec::new(), map: Arc::default() });
            };
            let (version, pages) = (root.version, root.value.pages);
            let before = match known.take() {
                Some(tree) if tree.pages == pages => return Ok(Tree { version, ..tree }),
                // In another number of pages each key may lie elsewhere.
                Some(tree) if tree.pages.len() == pages.len() => tree,
                _ => Tree { version: 0, pages: vec![None; pages.len()], map: Arc::default() },
            };
            let is_new: Vec<bool> = pages.iter().zip(&before.pages).map(|(new, old)| new != old).collect();
            let sorts: Vec<String> =
                pages.iter().zip(&is_new).filter(|(_, is_new)| **is_new).filter_map(|(page, _)| page.clone()).collect();
            match self.blobs_get(partition, &sorts).await {
                Ok(bodies) => {
                    let mut map = Arc::unwrap_or_clone(before.map);
                    map.retain(|key, _| !is_new[bucket_of(key, pages.len())]);
                    for (sort, body) in sorts.iter().zip(bodies) {
                        // Not `append`, which goes through the whole map each time.
                        map.extend(unpack(sort, &body)?);
                    }
                    return Ok(Tree { version, pages, map: Arc::new(map) });
                }
                // A page that is gone was replaced after the root was read: a newer root stands.
                Err(StoreError::Missing { .. }) if self.tree_moved(partition, name, version).await? => {}
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
        let old = self.tree_take(partition, name).await?;
        if old.version != expected {
            return Err(StoreError::Conflict { key: root_sort(name) });
        }
        let mut map = Arc::unwrap_or_clone(old.map);
        for (key, value) in changes {
            match value {
                Some(value) => map.insert(key.clone(), value.clone()),
                None => map.remove(key),
            };
        }
        let mut touched = vec![old.pages.is_empty(); old.pages.len().max(1)];
        changes.keys().for_each(|key| touched[bucket_of(key, old.pages.len().max(1))] = true);
        let packed = loop {
            let packed = pack(&map, &touched)?;
            let largest = packed.iter().map(Vec::len).max().unwrap_or_default();
            let (bytes_max, pages_max) = match touched.len() < PAGES_MANY {
                true => (PAGE_BYTES_MAX, PAGES_MANY),
                false => (LARGE_PAGE_BYTES_MAX, PAGES_MAX),
            };
            if largest <= bytes_max || touched.len() >= PAGES_MAX {
                break packed;
            }
            let times = largest.div_ceil(bytes_max).next_power_of_two();
            touched = vec![true; (touched.len() * times).min(pages_max)];
        };
        let mut pages = Vec::with_capacity(touched.len());
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
        let root = Root { pages, count: map.len() };
        let version = self.document_put(partition, &root_sort(name), &root, expected, None).await?;
        if let Some(trees) = &self.trees {
            trees.keep(place(partition, name), Tree { version, pages: root.pages, map: Arc::new(map) });
        }
        Ok(version)
    }

    /// Deletes a tree's root: the tree is empty from then on, and its pages are named by nothing.
    pub(super) async fn tree_forget(&self, partition: &Partition, name: &str) -> Result<(), StoreError> {
        self.item_delete(partition, &root_sort(name)).await
    }

    /// A tree's version and the names of its pages, without what they hold; version 0 when it is absent.
    pub(super) async fn tree_pages(
        &self,
        partition: &Partition,
        name: &str,
    ) -> Result<Versioned<Vec<Option<String>>>, StoreError> {
        let root = self.document_get::<Root>(partition, &root_sort(name)).await?;
        Ok(root.map_or(Versioned { version: 0, value: Vec::new() }, |root| Versioned {
            version: root.version,
            value: root.value.pages,
        }))
    }

    /// A tree's version, without its pages; 0 when it is absent.
    pub(super) async fn tree_version(&self, partition: &Partition, name: &str) -> Result<u64, StoreError> {
        Ok(self.tree_pages(partition, name).await?.version)
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

/// Where a tree is kept.
fn place(partition: &Partition, name: &str) -> String {
    format!("{}\n{name}", partition.as_str())
}

fn root_sort(name: &str) -> String {
    format!("root#{name}")
}

fn bucket_of(key: &str, buckets: usize) -> usize {
    usize::try_from(VisitorHash::of(key).0 % buckets as u64).unwrap_or(0)
}

/// Packs the pages of a map that are touched; one that is empty, or not touched, is no bytes.
fn pack(map: &Map, touched: &[bool]) -> Result<Vec<Vec<u8>>, StoreError> {
    let mut parts: Vec<BTreeMap<&str, &serde_json::Value>> = vec![BTreeMap::new(); touched.len()];
    for (key, value) in map {
        let bucket = bucket_of(key, touched.len());
        if touched[bucket] {
            parts[bucket].insert(key, value);
        }
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
