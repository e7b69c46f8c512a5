//! A definition that was accepted: it has an id, and a version for each time it was changed.

use super::definition::Definition;
use crate::id::FieldId;
use serde::{Deserialize, Serialize};

/// The most fields of a workspace.
pub const FIELDS_MAX: usize = 200;
/// How many versions of a field are kept, the one that stands among them.
pub const VERSIONS_MAX: u64 = 100;
/// How many of its former names a field is shown with.
const FORMER_NAMES_MAX: usize = 10;

/// A calculated field as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its id, fresh for every created field.
    pub id: FieldId,
    /// The version of its definition; a changed definition has a higher one.
    pub version: u64,
    /// The first version that computes what this one does: only the name has changed since. Values are kept under it.
    pub computes_since: u64,
    /// When it was created, ms since 1970.
    pub created_at_ms: i64,
    /// When this version was made, ms since 1970.
    pub edited_at_ms: i64,
    /// The subject of the token that asked for this version, as the trail has it.
    pub edited_by: Option<String>,
    /// Other names under which it stood, the last one last.
    pub former_names: Vec<String>,
    /// What it computes.
    pub definition: Definition,
}

impl Field {
    /// A field's first version.
    #[must_use]
    pub fn new(id: FieldId, definition: Definition, now_ms: i64, by: Option<&str>) -> Self {
        Self {
            id,
            version: 1,
            computes_since: 1,
            created_at_ms: now_ms,
            edited_at_ms: now_ms,
            edited_by: by.map(str::to_owned),
            former_names: Vec::new(),
            definition,
        }
    }

    /// Its next version; `None` where the definition is the one that stands.
    #[must_use]
    pub fn edited(&self, definition: Definition, now_ms: i64, by: Option<&str>) -> Option<Self> {
        if definition == self.definition {
            return None;
        }
        let version = self.version + 1;
        let mut former_names = self.former_names.clone();
        if definition.name != self.definition.name {
            former_names.retain(|name| *name != definition.name && *name != self.definition.name);
            former_names.push(self.definition.name.clone());
            former_names.drain(..former_names.len().saturating_sub(FORMER_NAMES_MAX));
        }
        let renamed = Definition { name: definition.name.clone(), ..self.definition.clone() };
        Some(Self {
            id: self.id.clone(),
            version,
            computes_since: if renamed == definition { self.computes_since } else { version },
            created_at_ms: self.created_at_ms,
            edited_at_ms: now_ms,
            edited_by: by.map(str::to_owned),
            former_names,
            definition,
        })
    }

    /// Whether its values are computed anew since this version.
    #[must_use]
    pub fn is_recomputed(&self) -> bool {
        self.computes_since == self.version
    }

    /// What its values are kept under, so that none of another definition is taken for one of this.
    #[must_use]
    pub fn value_key(&self) -> (FieldId, u64) {
        (self.id.clone(), self.computes_since)
    }

    /// The oldest version that is kept.
    #[must_use]
    pub fn oldest_kept(&self) -> u64 {
        (self.version + 1).saturating_sub(VERSIONS_MAX).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn definition(name: &str, days: u32) -> Definition {
        let body = json!({"name": name, "object": "account", "usage": {"kind": "event"}, "function": "count",
            "window": {"rolling_days": days}});
        Definition::parse(&body).unwrap()
    }

    #[test]
    fn an_edit_keeps_who_the_field_is_and_tells_who_changed_it() {
        let first = Field::new(FieldId::from_text("f"), definition("MAU", 30), 1, Some("ann"));
        let second = first.edited(definition("MAU", 28), 2, Some("bob")).unwrap();
        assert_eq!((&second.id, second.created_at_ms, second.version), (&first.id, 1, 2));
        assert_eq!((second.edited_at_ms, second.edited_by.as_deref()), (2, Some("bob")));
        assert_ne!(second.value_key(), first.value_key());
        assert_eq!(second.edited(definition("MAU", 28), 3, None), None, "nothing is changed");
    }

    #[test]
    fn a_new_name_leaves_the_values_and_the_names_of_before_are_remembered_once_each() {
        let mut field = Field::new(FieldId::from_text("f"), definition("a", 30), 1, None);
        let key = field.value_key();
        for name in ["b", "c", "a", "b", "d"] {
            field = field.edited(definition(name, 30), 2, None).unwrap();
            assert_eq!(field.value_key(), key);
        }
        assert_eq!((field.version, field.former_names.join(" ").as_str()), (6, "c a b"));
        for n in 0..50 {
            field = field.edited(definition(&format!("n{n}"), 30), 2, None).unwrap();
        }
        assert_eq!(field.former_names.len(), FORMER_NAMES_MAX);
        assert_eq!(field.former_names.last().unwrap(), "n48");
    }

    proptest! {
        #[test]
        fn versions_count_changes_and_equal_keys_mean_equal_values(edits in prop::collection::vec((0..3_usize, 1..3_u32), 1..40)) {
            let mut all = vec![Field::new(FieldId::from_text("f"), definition("a", 1), 0, None)];
            for (name, days) in edits {
                let last = all.last().unwrap();
                let wanted = definition(["a", "b", "c"][name], days);
                let edited = last.edited(wanted.clone(), 1, None);
                prop_assert_eq!(edited.is_none(), wanted == last.definition);
                all.extend(edited);
            }
            for (at, field) in all.iter().enumerate() {
                prop_assert_eq!(field.version, at as u64 + 1);
                prop_assert!(!field.former_names.contains(&field.definition.name));
                for other in &all {
                    if field.value_key() == other.value_key() {
                        prop_assert_eq!(&field.definition.measure, &other.definition.measure);
                    }
                }
                // What differs in more than the name from the version before has a key of its own.
                if at > 0 && all[at - 1].definition.measure != field.definition.measure {
                    prop_assert!(all[..at].iter().all(|other| other.value_key() != field.value_key()));
                }
            }
        }
    }
}
