//! Trees: large maps from text to JSON, kept as packed immutable pages under one versioned root.
//!
//! A change puts new pages and moves the root by compare-and-swap, as in git: readers see the map before or after, never
//! between. The directory and Pendo's visitors and accounts are trees. What few keys were set to is gathered in one page of its
//! own, which is written instead of all those that they lie in, until it has grown too large or a key goes.

use super::meter::Holds;
use super::sweep::was_put_before;
use super::{Partition, Store, StoreError, Versioned};
use crate::id::{VisitorHash, random_hex};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A page is split when it grows beyond this many bytes (compressed): a small change writes little.
const PAGE_BYTES_MAX: usize = 8_000;
/// So many pages a root names easily; from there on pages grow instead, and only what no item could hold is split.
const PAGES_MANY: usize = 2_048;
/// Well under what an item may hold.
const LARGE_PAGE_BYTES_MAX: usize = 300_000;
/// What is recent is gathered up to this many bytes (compressed): a few hundred keys.
const RECENT_BYTES_MAX: usize = 8_000;
/// A tree of fewer pages is written at once.
const PAGES_FEW: usize = 8;
/// Into no more pages than this.
const PAGES_MAX: usize = 65_536;

/// The map a tree holds.
pub type Map = BTreeMap<String, serde_json::Value>;

/// What the root item names: a power of two of pages; a key lies in the page that the low bits of its hash say. What is recent
/// of a key counts instead.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Root {
    pages: Vec<Option<String>>,
    recent: Option<String>,
    count: usize,
}

/// A tree as it was read.
#[derive(Default)]
struct Tree {
    version: u64,
    pages: Vec<Option<String>>,
    recent: Option<String>,
    /// What the recent page holds.
    gathered: Map,
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
                return Ok(Tree::default());
            };
            let (version, Root { pages, recent, .. }) = (root.version, root.value);
            let before = match known.take() {
                Some(tree) if (&tree.pages, &tree.recent) == (&pages, &recent) => return Ok(Tree { version, ..tree }),
                // In another number of pages each key may lie elsewhere.
                Some(tree) if tree.pages.len() == pages.len() => tree,
                _ => Tree { pages: vec![None; pages.len()], ..Tree::default() },
            };
            let is_new: Vec<bool> = pages.iter().zip(&before.pages).map(|(new, old)| new != old).collect();
            let mut sorts: Vec<String> =
                pages.iter().zip(&is_new).filter(|(_, is_new)| **is_new).filter_map(|(page, _)| page.clone()).collect();
            sorts.extend(recent.clone());
            match self.blobs_get(partition, &sorts).await {
                Ok(mut bodies) => {
                    // What is recent only grows until pages take it in, which are new then.
                    let gathered = match recent.as_ref().and_then(|sort| Some((sort, bodies.pop()?))) {
                        Some((sort, body)) => unpack(sort, &body)?,
                        None => Map::new(),
                    };
                    let mut map = Arc::unwrap_or_clone(before.map);
                    map.retain(|key, _| !is_new[bucket_of(key, pages.len())]);
                    for (sort, body) in sorts.iter().zip(bodies) {
                        // Not `append`, which goes through the whole map each time.
                        map.extend(unpack(sort, &body)?);
                    }
                    map.extend(gathered.clone());
                    return Ok(Tree { version, pages, recent, gathered, map: Arc::new(map) });
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
        let (mut gathered, mut is_gone) = (old.gathered, BTreeSet::new());
        for (key, value) in changes {
            match value {
                Some(value) => {
                    map.insert(key.clone(), value.clone());
                    gathered.insert(key.clone(), value.clone());
                }
                None => {
                    map.remove(key);
                    is_gone.insert(key.as_str());
                }
            }
        }
        let fresh = || format!("page#{name}#{created_at_ms:013}-{}", random_hex());
        // Nothing is left of a key that goes: pages are written without it.
        if is_gone.is_empty() && old.pages.len() >= PAGES_FEW {
            let body = pack_page(&gathered)?;
            if body.len() <= RECENT_BYTES_MAX {
                let sort = fresh();
                self.blob_put(partition, &sort, body, Holds::Bookkeeping).await?;
                let tree = Tree { version: 0, pages: old.pages, recent: Some(sort), gathered, map: Arc::new(map) };
                return self.tree_move(partition, name, tree, expected).await;
            }
        }
        let mut touched = vec![old.pages.is_empty(); old.pages.len().max(1)];
        let keys = gathered.keys().map(String::as_str).chain(is_gone);
        keys.for_each(|key| touched[bucket_of(key, old.pages.len().max(1))] = true);
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
                let sort = fresh();
                self.blob_put(partition, &sort, body, Holds::Bookkeeping).await?;
                pages.push(Some(sort));
            }
        }
        self.tree_move(partition, name, Tree { pages, map: Arc::new(map), ..Tree::default() }, expected).await
    }

    /// Moves the root to pages that were put.
    async fn tree_move(&self, partition: &Partition, name: &str, tree: Tree, expected: u64) -> Result<u64, StoreError> {
        let root = Root { pages: tree.pages, recent: tree.recent, count: tree.map.len() };
        let version = self.document_put(partition, &root_sort(name), &root, expected, None).await?;
        if let Some(trees) = &self.trees {
            trees.keep(place(partition, name), Tree { version, pages: root.pages, recent: root.recent, ..tree });
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
            value: root.value.pages.into_iter().chain([root.value.recent]).collect(),
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
            .filter(|sort| sort.rsplit('#').next().is_some_and(|key| was_put_before(key, before_ms)))
            .collect();
        if old.is_empty() {
            return Ok(());
        }
        let named: BTreeSet<String> = self
            .document_get::<Root>(partition, &root_sort(name))
            .await?
            .map(|root| root.value.pages.into_iter().chain([root.value.recent]).flatten().collect())
            .unwrap_or_default();
        for sort in old {
            if !named.contains(&sort) {
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
    parts.iter().map(|part| if part.is_empty() { Ok(Vec::new()) } else { pack_page(part) }).collect()
}

fn pack_page(page: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    let unwritable = |detail: String| StoreError::Unreadable { key: "page".to_owned(), detail };
    let json = serde_json::to_vec(page).map_err(|e| unwritable(e.to_string()))?;
    zstd::bulk::compress(&json, 3).map_err(|e| unwritable(e.to_string()))
}

fn unpack(sort: &str, body: &[u8]) -> Result<Map, StoreError> {
    let unreadable = |detail: String| StoreError::Unreadable { key: sort.to_owned(), detail };
    let json = zstd::stream::decode_all(body).map_err(|e| unreadable(e.to_string()))?;
    serde_json::from_slice(&json).map_err(|e| unreadable(e.to_string()))
}
