//! Which properties of which track events a field needs. Fields that need the same share a kind of their own, with its own
//! buckets, probes and history, so that what is read of all track events stays as it is.

use crate::id::PropertiesId;
use std::collections::BTreeSet;
use std::hash::Hasher;

/// Track types, the properties by which their events are told apart, and the one whose numbers Pendo adds up.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Properties {
    /// The track types, by Pendo's ids.
    pub types: BTreeSet<String>,
    /// The properties whose values are told apart.
    pub names: BTreeSet<String>,
    /// The property of which only sums and extremes are needed. Events are not told apart by it, and those without a number are
    /// not read at all.
    pub amount: Option<String>,
}

impl Properties {
    /// Stands for them in kinds: the same for the same, in every run and on every machine.
    #[must_use]
    pub fn id(&self) -> PropertiesId {
        let mut hasher = twox_hash::XxHash3_64::default();
        let amount = self.amount.iter().cloned().collect();
        for texts in [&self.types, &self.names, &amount] {
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
        Properties { types: set(types), names: set(names), amount: None }.id()
    }

    #[test]
    fn the_same_have_one_id_and_others_another() {
        assert_eq!(id(&["a", "b"], &["plan", "rows"]), id(&["b", "a"], &["rows", "plan"]));
        let others = [id(&["a"], &["b", "plan", "rows"]), id(&["a", "b"], &["plan"]), id(&["ab"], &["plan", "rows"])];
        assert!(others.iter().all(|other| *other != id(&["a", "b"], &["plan", "rows"])));
        let types = BTreeSet::from(["a".to_owned()]);
        let added_up = Properties { types, amount: Some("plan".to_owned()), ..Properties::default() };
        assert_ne!(added_up.id(), id(&["a"], &["plan"]));
    }
}
