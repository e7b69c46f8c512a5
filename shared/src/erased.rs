//! Erased visitors: whom Pendo says not to process. Of each nothing is kept but a keyed hash, by which rows of theirs are
//! recognised and dropped.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::RngExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Bytes of a hash that are kept: enough that no two visitors share one.
const HASH_BYTES: usize = 16;

/// The key of a connection's hashes: fresh and random with each life of it, so that equal ids give other hashes elsewhere.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ErasureKey([u8; 32]);

impl ErasureKey {
    /// A fresh key.
    #[must_use]
    pub fn random() -> Self {
        Self(rand::rng().random())
    }
}

impl TryFrom<String> for ErasureKey {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = STANDARD.decode(text).map_err(|_| "an erasure key is written in base64")?;
        bytes.try_into().map(Self).map_err(|_| "an erasure key has 32 bytes")
    }
}

impl From<ErasureKey> for String {
    fn from(key: ErasureKey) -> Self {
        STANDARD.encode(key.0)
    }
}

impl fmt::Debug for ErasureKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ErasureKey")
    }
}

/// Where Pendo says it. Each place speaks for itself: what the list no longer names may still be marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The list of do-not-process visitors.
    List,
    /// The mark in the visitor's own metadata.
    Mark,
}

/// What Pendo has just said.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Everybody on the list; `None` when it was not read.
    pub listed: Option<BTreeSet<String>>,
    /// Visitors with the mark, among those that were read.
    pub marked: BTreeSet<String>,
}

/// The erased visitors of a connection, by keyed hash.
#[derive(Clone)]
pub struct Erased {
    key: hmac::Key,
    /// A hash that no place names any more stays until what was dropped of it is to be read again.
    hashes: BTreeMap<String, BTreeSet<Place>>,
}

impl Erased {
    /// As they are kept.
    ///
    /// # Errors
    /// A place that this version does not know.
    pub fn new(key: &ErasureKey, kept: BTreeMap<String, Value>) -> Result<Self, serde_json::Error> {
        let hashes = kept.into_iter().map(|(hash, places)| Ok((hash, serde_json::from_value(places)?)));
        Ok(Self { key: hmac::Key::new(hmac::HMAC_SHA256, &key.0), hashes: hashes.collect::<Result<_, _>>()? })
    }

    /// Whether a visitor is erased.
    #[must_use]
    pub fn holds(&self, visitor: &str) -> bool {
        // Nobody is, nearly everywhere; hashing all visitors of a large subscription takes a while.
        !self.hashes.is_empty() && self.hashes.get(&self.hash(visitor)).is_some_and(|places| !places.is_empty())
    }

    /// The hashes of those who are erased no longer.
    pub fn released(&self) -> impl Iterator<Item = &String> {
        self.hashes.iter().filter(|(_, places)| places.is_empty()).map(|(hash, _)| hash)
    }

    /// What has to be written for what Pendo has told; `unmarked` are the visitors that were read without the mark.
    pub fn changes<'a>(
        &self,
        told: &Told,
        unmarked: impl Iterator<Item = &'a String>,
    ) -> BTreeMap<String, Option<Value>> {
        let mut next = self.hashes.clone();
        if let Some(listed) = &told.listed {
            next.values_mut().for_each(|places| _ = places.remove(&Place::List));
            for visitor in listed {
                next.entry(self.hash(visitor)).or_default().insert(Place::List);
            }
        }
        if self.hashes.values().any(|places| places.contains(&Place::Mark)) {
            for visitor in unmarked {
                next.entry(self.hash(visitor)).and_modify(|places| _ = places.remove(&Place::Mark));
            }
        }
        for visitor in &told.marked {
            next.entry(self.hash(visitor)).or_default().insert(Place::Mark);
        }
        next.retain(|hash, places| self.hashes.get(hash) != Some(places));
        next.into_iter().map(|(hash, places)| (hash, Some(serde_json::json!(places)))).collect()
    }

    fn hash(&self, visitor: &str) -> String {
        let tag = hmac::sign(&self.key, visitor.as_bytes());
        tag.as_ref().iter().take(HASH_BYTES).map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(listed: Option<&[&str]>, marked: &[&str]) -> Told {
        let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        Told { listed: listed.map(ids), marked: ids(marked) }
    }

    /// Applies what was told, as a tree would.
    fn after(key: &ErasureKey, before: &Erased, told: &Told, unmarked: &[&str]) -> Erased {
        let mut kept: BTreeMap<String, Value> =
            before.hashes.iter().map(|(hash, places)| (hash.clone(), serde_json::json!(places))).collect();
        let unmarked: Vec<String> = unmarked.iter().map(|id| (*id).to_owned()).collect();
        for (hash, places) in before.changes(told, unmarked.iter()) {
            drop(kept.insert(hash, places.unwrap_or_default()));
        }
        Erased::new(key, kept).unwrap()
    }

    #[test]
    fn each_place_takes_back_only_what_it_said_itself() {
        let key = ErasureKey::random();
        let none = Erased::new(&key, BTreeMap::new()).unwrap();
        let both = after(&key, &none, &told(Some(&["ann", "bob"]), &["ann", "cid"]), &["dan"]);
        assert_eq!(["ann", "bob", "cid", "dan"].map(|id| both.holds(id)), [true, true, true, false]);
        let unlisted = after(&key, &both, &told(Some(&[]), &[]), &[]);
        assert_eq!(["ann", "bob", "cid"].map(|id| unlisted.holds(id)), [true, false, true]);
        assert_eq!(unlisted.released().count(), 1);
        let unread = after(&key, &both, &told(None, &[]), &["bob", "cid"]);
        assert_eq!(["ann", "bob", "cid"].map(|id| unread.holds(id)), [true, true, false]);
        assert_eq!(both.changes(&told(None, &["ann"]), std::iter::empty()), BTreeMap::new(), "nothing new");
    }

    #[test]
    fn a_hash_depends_on_the_key_and_shows_no_id() {
        let hash = |key: &ErasureKey| Erased::new(key, BTreeMap::new()).unwrap().hash("ann@x.test");
        let (one, other) = (ErasureKey::random(), ErasureKey::random());
        assert_ne!(hash(&one), hash(&other));
        assert_eq!((hash(&one), hash(&one).len()), (hash(&one.clone()), 2 * HASH_BYTES));
        let written = serde_json::to_string(&one).unwrap();
        assert_eq!(serde_json::from_str::<ErasureKey>(&written).unwrap(), one);
        assert_eq!((format!("{one:?}").as_str(), written.len()), ("ErasureKey", 46));
        assert!(serde_json::from_str::<ErasureKey>("\"c2hvcnQ=\"").is_err());
    }
}
