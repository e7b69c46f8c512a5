//! Which pair of fields would match more: counted over every field of the directory and every candidate of Pendo's.

use super::key::{key_of, text_of};
use super::rule::{PendoKey, Rule};
use crate::directory::{ID, Object};
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Suggestion {
    /// Pendo's side.
    pub pendo: PendoKey,
    /// The directory's field.
    pub object: String,
    /// Whether the case is ignored.
    pub ignore_case: bool,
    /// How many objects would be matched.
    pub matched: usize,
}

/// The pair that would match most objects, if more than `matched`; of equal ones the first in the order of names, and the
/// stricter. Objects that share a key with another do not count.
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
        let known: Vec<HashSet<_>> = candidates
            .iter()
            .map(|candidate| candidate.values.iter().filter_map(|value| key_of(value, ignore_case)).collect())
            .collect();
        for field in &fields {
            let own = unique_keys(objects, field, ignore_case);
            for (candidate, known) in candidates.iter().zip(&known) {
                let is_current =
                    candidate.key == rule.pendo && *field == rule.object && ignore_case == rule.ignore_case;
                let count = own.iter().filter(|key| known.contains(key.as_str())).count();
                if !is_current && count > best.as_ref().map_or(matched, |best| best.matched) {
                    let object = (*field).to_owned();
                    best = Some(Suggestion { pendo: candidate.key.clone(), object, ignore_case, matched: count });
                }
            }
        }
    }
    best
}

/// The keys that exactly one object has in a field.
fn unique_keys(objects: &BTreeMap<String, Object>, field: &str, ignore_case: bool) -> Vec<String> {
    let mut owners: HashMap<String, usize> = HashMap::new();
    for (id, object) in objects {
        if let Some(key) =
            text_of(id, object, field).and_then(|text| key_of(&text, ignore_case).map(|key| key.into_owned()))
        {
            *owners.entry(key).or_default() += 1;
        }
    }
    owners.into_iter().filter(|(_, owners)| *owners == 1).map(|(key, _)| key).collect()
}
