//! Which properties of which track events a field needs. Fields that need the same share a kind of their own, with its own
//! buckets, probes and history, so that what is read of all track events stays as it is.

use crate::id::PropertiesId;
use std::collections::BTreeSet;
use std::hash::Hasher;

/// Track types, and the properties by which their events are told apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Properties {
    /// The track types, by Pendo's ids.
    pub types: BTreeSet<String>,
    /// The properties.
    pub names: BTreeSet<String>,
}

impl Properties {
    /// Stands for them in kinds: the same for the same, in every run and on every machine.
    #[must_use]
    pub fn id(&self) -> PropertiesId {
        let mut hasher = twox_hash::XxHash3_64::default();
        for texts in [&self.types, &self.names] {
            hasher.write(&(texts.len() as u64).to_le_bytes());
            // No text has this byte, so none runs into the next.
            texts.iter().for_each(|text| hasher.write(&[text.as_bytes(), &[0xff]].concat()));
        }
        PropertiesId(hasher.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(types: &[&str], names: &[&str]) -> PropertiesId {
        let set = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Properties { types: set(types), names: set(names) }.id()
    }

    #[test]
    fn the_same_have_one_id_and_others_another() {
        assert_eq!(id(&["a", "b"], &["plan", "rows"]), id(&["b", "a"], &["rows", "plan"]));
        let others = [id(&["a"], &["b", "plan", "rows"]), id(&["a", "b"], &["plan"]), id(&["ab"], &["plan", "rows"])];
        assert!(others.iter().all(|other| *other != id(&["a", "b"], &["plan", "rows"])));
    }
}
