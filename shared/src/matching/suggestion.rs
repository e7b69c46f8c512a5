//! Which pair of fields would match more: counted over every field of the directory and every candidate of Pendo's.

use super::key::{key_of, text_of};
use super::rule::{PendoKey, Rule};
use crate::directory::{ID, Object};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// A key of Pendo's side with the values that Pendo has for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The id or metadata path.
    pub key: PendoKey,
    /// Its values over all visitors or accounts.
    pub values: Vec<String>,
}

/// The keys that could be matched by, per level.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candidates {
    /// Of visitors.
    pub visitor: Vec<Candidate>,
    /// Of Pendo's accounts.
    pub account: Vec<Candidate>,
}

/// A pair of fields that would match more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Suggestion {
    /// Pendo's side.
    #[schemars(with = "String")]
    pub pendo: PendoKey,
    /// The directory's field.
    pub object: String,
    /// Whether the case is ignored.
    pub ignore_case: bool,
    /// How many objects would be matched.
    pub matched: usize,
}

/// The pair that would match most objects, if more than `matched`; of equal ones the stricter, then the first by Pendo's
/// side and the directory's field. Objects that share a key with another do not count.
pub(super) fn suggest(
    objects: &BTreeMap<String, Object>,
    candidates: &[Candidate],
    rule: &Rule,
    matched: usize,
) -> Option<Suggestion> {
    let mut fields: BTreeSet<&str> = objects.values().flat_map(|object| object.keys().map(String::as_str)).collect();
    fields.insert(ID);
    let mut candidates: Vec<&Candidate> = candidates.iter().collect();
    candidates.sort_by(|one, other| one.key.cmp(&other.key));
    let mut best: Option<Suggestion> = None;
    for ignore_case in [false, true] {
        let owners = unique_keys(objects, &fields, ignore_case);
        for candidate in &candidates {
            let values: HashSet<_> = candidate.values.iter().filter_map(|value| key_of(value, ignore_case)).collect();
            let mut counts = vec![0; fields.len()];
            for owning in values.iter().filter_map(|value| owners.get(value.as_ref())) {
                owning.iter().for_each(|field| counts[*field] += 1);
            }
            for (field, count) in fields.iter().zip(counts) {
                let is_current =
                    candidate.key == rule.pendo && *field == rule.object && ignore_case == rule.ignore_case;
                if !is_current && count > best.as_ref().map_or(matched, |best| best.matched) {
                    let object = (*field).to_owned();
                    best = Some(Suggestion { pendo: candidate.key.clone(), object, ignore_case, matched: count });
                }
            }
        }
    }
    best
}

/// Per key the positions of the fields in which exactly one object has it.
fn unique_keys(
    objects: &BTreeMap<String, Object>,
    fields: &BTreeSet<&str>,
    ignore_case: bool,
) -> HashMap<String, Vec<usize>> {
    let mut owners: HashMap<String, Vec<usize>> = HashMap::new();
    for (position, field) in fields.iter().enumerate() {
        let mut seen: HashMap<String, bool> = HashMap::new();
        for (id, object) in objects {
            let Some(text) = text_of(id, object, field) else { continue };
            let Some(key) = key_of(&text, ignore_case) else { continue };
            seen.entry(key.into_owned()).and_modify(|is_unique| *is_unique = false).or_insert(true);
        }
        for (key, _) in seen.into_iter().filter(|(_, is_unique)| *is_unique) {
            owners.entry(key).or_default().push(position);
        }
    }
    owners
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ObjectKind;
    use crate::matching::Matching;
    use serde_json::{Value, json};

    fn suggestion(rule: Value, matched: usize) -> Option<Value> {
        let objects: BTreeMap<String, Object> = serde_json::from_value(json!({
            "1": {"email": "Ann@acme", "country": "DE"},
            "2": {"email": "bob@acme", "country": "DE"},
            "3": {"email": "cid@acme", "country": "FR"},
        }))
        .unwrap();
        let candidate = |key: &str, values: &[&str]| Candidate {
            key: PendoKey::parse(ObjectKind::Contact, key).unwrap(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        let candidates = [
            candidate("metadata.agent.email", &["ann@acme", "bob@acme", " cid@acme ", ""]),
            candidate("metadata.agent.country", &["DE", "DE", "FR"]),
            candidate("visitorId", &["v-1", "v-2", "3"]),
        ];
        let rule = Matching::parse(&json!({"contact": rule})).unwrap().contact.unwrap();
        suggest(&objects, &candidates, &rule, matched).map(|found| json!(found))
    }

    #[test]
    fn the_pair_that_matches_most_is_found() {
        let rule = json!({"visitor": "visitorId", "object": "email"});
        let expected = json!({"pendo": "metadata.agent.email", "object": "email", "ignore_case": true, "matched": 3});
        assert_eq!(suggestion(rule, 0), Some(expected));
    }

    #[test]
    fn nothing_is_suggested_that_is_no_better() {
        assert_eq!(suggestion(json!({"visitor": "visitorId", "object": "email"}), 3), None);
        let rule = json!({"visitor": "metadata.agent.email", "object": "email", "ignore_case": true});
        assert_eq!(suggestion(rule, 2), None, "the rule itself is no suggestion");
    }
}
