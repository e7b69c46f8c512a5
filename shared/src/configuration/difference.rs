//! What a file would change of the fields that stand. They are the same by level and name, since ids differ between workspaces;
//! a formula of the file is the same if it calculates the same with the same fields.

use crate::fields::{Definition, Field};
use crate::id::{FieldId, ObjectKind};
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
    pub created: Vec<(usize, Field)>,
    /// Fields that get another version.
    pub changed: Vec<Change>,
    /// Fields that the file does not name, where those are to go.
    pub deleted: Vec<Field>,
    /// Fields that the file has as they stand.
    pub unchanged: Vec<Field>,
    /// Fields that the file does not name, where those stay.
    pub not_in_file: Vec<Field>,
    /// All that would stand, in the order in which they stand, the new ones last.
    pub fields: Vec<Field>,
}

impl Difference {
    /// Compares what stands with what is wanted; `prunes` deletes what is not wanted. `now_ms` and `by` are of the versions that
    /// would be made.
    #[must_use]
    pub fn of(stands: &[Field], wanted: &[Definition], prunes: bool, now_ms: i64, by: Option<&str>) -> Self {
        let key = |definition: &Definition| -> (ObjectKind, String) { (definition.object, definition.name_key()) };
        let mut open: BTreeMap<_, (usize, &Definition)> =
            wanted.iter().enumerate().map(|(at, definition)| (key(definition), (at, definition))).collect();
        let known: BTreeMap<_, &Field> = stands.iter().map(|field| (key(&field.definition), field)).collect();
        let is_new = |definition: &&Definition| !known.contains_key(&key(definition));
        let new: Vec<Field> = wanted
            .iter()
            .filter(is_new)
            .map(|definition| Field::new(FieldId::random(), definition.clone(), now_ms, by))
            .collect();
        // Formulas name fields of the file and of those that stand. One that goes is still named by who used it, and not by
        // what is new.
        let is_kept = |field: &&Field| !prunes || open.contains_key(&key(&field.definition));
        let kept: Vec<Field> = stands.iter().filter(is_kept).chain(&new).cloned().collect();
        let all: Vec<Field> = stands.iter().chain(&new).cloned().collect();
        let mut found = Self::default();
        for before in stands {
            let Some((at, definition)) = open.remove(&key(&before.definition)) else {
                if prunes {
                    found.deleted.push(before.clone());
                } else {
                    found.not_in_file.push(before.clone());
                    found.fields.push(before.clone());
                }
                continue;
            };
            match before.edited(definition.identified(&all), now_ms, by) {
                None => {
                    found.unchanged.push(before.clone());
                    found.fields.push(before.clone());
                }
                Some(after) => {
                    found.fields.push(after.clone());
                    found.changed.push(Change { at, before: before.clone(), after });
                }
            }
        }
        for field in new {
            let Some((at, _)) = open.remove(&key(&field.definition)) else { continue };
            let definition = field.definition.identified(&kept);
            found.created.push((at, Field { definition, ..field }));
        }
        found.fields.extend(found.created.iter().map(|(_, field)| field.clone()));
        found
    }

    /// Whether nothing would change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.created.is_empty() && self.changed.is_empty() && self.deleted.is_empty()
    }

    /// What the file sets: the place in it, what stood, and what would stand.
    pub fn set(&self) -> impl Iterator<Item = (usize, Option<&Field>, &Field)> {
        let created = self.created.iter().map(|(at, field)| (*at, None, field));
        let changed = self.changed.iter().map(|change| (change.at, Some(&change.before), &change.after));
        created.chain(changed)
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

    fn field(name: &str, days: u32) -> Field {
        Field::new(FieldId::from_text(name), definition(name, days), 0, None)
    }

    #[test]
    fn fields_are_the_same_by_level_and_name_whatever_its_case() {
        let stands = [field("a", 1), field("b", 1), field("c", 1)];
        let wanted = [definition("d", 1), definition("B", 1), definition("a", 1)];
        let found = Difference::of(&stands, &wanted, false, 1, None);
        let [(0, created)] = &found.created[..] else { panic!("{found:?}") };
        assert_eq!((&created.definition, created.version), (&wanted[0], 1));
        let [change] = &found.changed[..] else { panic!("{found:?}") };
        assert_eq!((change.at, &change.before, change.after.version), (1, &stands[1], 2));
        assert!(!change.after.is_recomputed(), "another case is another name only");
        assert_eq!((&found.unchanged[..], &found.not_in_file[..]), (&stands[..1], &stands[2..]));
        assert_eq!(found.fields, [stands[0].clone(), change.after.clone(), stands[2].clone(), created.clone()]);
        let pruned = Difference::of(&stands, &wanted, true, 1, None);
        assert_eq!((&pruned.deleted[..], pruned.fields.len(), pruned.not_in_file.len()), (&stands[2..], 3, 0));
    }

    fn formula(name: &str, text: &str) -> Definition {
        Definition::parse(&json!({"name": name, "object": "account", "formula": text})).unwrap()
    }

    fn uses(field: &Field) -> Vec<&str> {
        field.uses()
    }

    #[test]
    fn formulas_of_a_file_name_what_will_stand_and_are_the_same_if_they_calculate_the_same() {
        let mut half = field("half", 1);
        half.definition = formula("half", "\"a\" / \"b\"");
        let stands = [field("a", 1), field("b", 1), half];
        let same = [formula("Half", "(\"A\") / \"B\""), definition("a", 1), definition("b", 1)];
        let found = Difference::of(&stands, &same, true, 1, None);
        assert_eq!((found.changed.len(), found.created.len(), found.deleted.len()), (1, 0, 0), "another name only");
        assert!(!found.changed[0].after.is_recomputed());
        let other = Difference::of(&stands, &[formula("half", "\"b\" / \"a\"")], false, 1, None);
        assert!(other.changed[0].after.is_recomputed());

        // Whatever the order in the file, and also upon each other.
        let wanted = [formula("d", "\"c\" + \"a\""), formula("c", "\"new\" * 2"), definition("new", 1)];
        let found = Difference::of(&stands, &wanted, false, 1, None);
        let [(_, d), (_, c), (_, new)] = &found.created[..] else { panic!("{found:?}") };
        assert_eq!((uses(d), uses(c)), (vec![c.id.as_str(), "a"], vec![new.id.as_str()]));

        // What goes is named by who used it, so that it can be refused for that; for what is new it is not there.
        let wanted = [formula("half", "\"a\" / \"b\""), formula("new", "\"a\" * 2"), definition("b", 1)];
        let found = Difference::of(&stands, &wanted, true, 1, None);
        assert_eq!((&found.deleted[..], found.unchanged.len()), (&stands[..1], 2));
        assert_eq!((uses(&found.fields[1]), uses(&found.created[0].1)), (vec!["a", "b"], vec!["a"]));
        assert_eq!(found.fields[1], stands[2]);
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
            let again = Difference::of(&found.fields, &wanted, prunes, 2, None);
            prop_assert!(again.is_empty(), "{again:?}");
            prop_assert_eq!(prunes || found.deleted.is_empty(), true);
        }
    }
}
