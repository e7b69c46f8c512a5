//! What a file would change of the fields that stand. They are the same by level and name, since ids differ between workspaces.

use crate::fields::{Definition, Field};
use crate::id::ObjectKind;
use std::collections::BTreeMap;

/// A field that a file defines otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its place in the file.
    pub at: usize,
    /// The version that stands.
    pub before: Field,
    /// The version that would stand.
    pub after: Field,
}

/// What a file would change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// New fields, with their places in the file.
    pub created: Vec<(usize, Definition)>,
    /// Fields that get another version.
    pub changed: Vec<Change>,
    /// Fields that the file does not name, where those are to go.
    pub deleted: Vec<Field>,
    /// Fields that the file has as they stand.
    pub unchanged: Vec<Field>,
    /// Fields that the file does not name, where those stay.
    pub not_in_file: Vec<Field>,
    /// All that would stand but the new ones, in the order in which they stand.
    pub rest: Vec<Field>,
}

impl Difference {
    /// Compares what stands with what is wanted; `prunes` deletes what is not wanted. `now_ms` and `by` are of the versions that
    /// would be made.
    #[must_use]
    pub fn of(stands: &[Field], wanted: &[Definition], prunes: bool, now_ms: i64, by: Option<&str>) -> Self {
        let key = |definition: &Definition| -> (ObjectKind, String) { (definition.object, definition.name_key()) };
        let mut open: BTreeMap<_, (usize, &Definition)> =
            wanted.iter().enumerate().map(|(at, definition)| (key(definition), (at, definition))).collect();
        let mut found = Self::default();
        for before in stands {
            let Some((at, definition)) = open.remove(&key(&before.definition)) else {
                if prunes {
                    found.deleted.push(before.clone());
                } else {
                    found.not_in_file.push(before.clone());
                    found.rest.push(before.clone());
                }
                continue;
            };
            match before.edited(definition.clone(), now_ms, by) {
                None => {
                    found.unchanged.push(before.clone());
                    found.rest.push(before.clone());
                }
                Some(after) => {
                    found.rest.push(after.clone());
                    found.changed.push(Change { at, before: before.clone(), after });
                }
            }
        }
        found.created = open.into_values().map(|(at, definition)| (at, definition.clone())).collect();
        found.created.sort_by_key(|(at, _)| *at);
        found
    }

    /// Whether nothing would change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.created.is_empty() && self.changed.is_empty() && self.deleted.is_empty()
    }

    /// What the file sets: the place in it, what stood, and what would stand.
    pub fn set(&self) -> impl Iterator<Item = (usize, Option<&Definition>, &Definition)> {
        let created = self.created.iter().map(|(at, definition)| (*at, None, definition));
        let changed =
            self.changed.iter().map(|change| (change.at, Some(&change.before.definition), &change.after.definition));
        created.chain(changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::FieldId;
    use proptest::prelude::*;
    use serde_json::json;

    fn definition(name: &str, days: u32) -> Definition {
        let body = json!({"name": name, "object": "account", "usage": {"kind": "event"}, "function": "count",
            "window": {"rolling_days": days}});
        Definition::parse(&body).unwrap()
    }

    fn field(name: &str, days: u32) -> Field {
        Field::new(FieldId::from_text(name), definition(name, days), 0, None)
    }

    #[test]
    fn fields_are_the_same_by_level_and_name_whatever_its_case() {
        let stands = [field("a", 1), field("b", 1), field("c", 1)];
        let wanted = [definition("d", 1), definition("B", 1), definition("a", 1)];
        let found = Difference::of(&stands, &wanted, false, 1, None);
        assert_eq!(found.created, [(0, wanted[0].clone())]);
        let [change] = &found.changed[..] else { panic!("{found:?}") };
        assert_eq!((change.at, &change.before, change.after.version), (1, &stands[1], 2));
        assert!(!change.after.is_recomputed(), "another case is another name only");
        assert_eq!((&found.unchanged[..], &found.not_in_file[..]), (&stands[..1], &stands[2..]));
        assert_eq!(found.rest, [stands[0].clone(), change.after.clone(), stands[2].clone()]);
        let pruned = Difference::of(&stands, &wanted, true, 1, None);
        assert_eq!((&pruned.deleted[..], pruned.rest.len(), pruned.not_in_file.len()), (&stands[2..], 2, 0));
    }

    proptest! {
        #[test]
        fn every_field_is_in_one_place_and_what_was_done_has_no_difference_left(
            stands in prop::collection::btree_map("[a-d]", 1..3_u32, 0..5),
            wanted in prop::collection::btree_map("[a-d]", 1..3_u32, 0..5),
            prunes: bool,
        ) {
            let stands: Vec<Field> = stands.iter().map(|(name, days)| field(name, *days)).collect();
            let wanted: Vec<Definition> = wanted.iter().map(|(name, days)| definition(name, *days)).collect();
            let found = Difference::of(&stands, &wanted, prunes, 1, None);
            let (kept, set) = (found.unchanged.len() + found.not_in_file.len(), found.set().count());
            prop_assert_eq!(stands.len() + found.created.len(), kept + found.deleted.len() + set);
            prop_assert_eq!(wanted.len(), set + found.unchanged.len());
            let mut after = found.rest.clone();
            after.extend(found.created.iter().map(|(_, new)| Field::new(FieldId::random(), new.clone(), 1, None)));
            let again = Difference::of(&after, &wanted, prunes, 2, None);
            prop_assert!(again.is_empty(), "{again:?}");
            prop_assert_eq!(prunes || found.deleted.is_empty(), true);
        }
    }
}
