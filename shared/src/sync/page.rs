//! Pages of values: some of a shard's objects with the outcome of each field, packed and immutable.

use crate::fields::Outcome;
use crate::id::{FieldId, ObjectKind, VisitorHash};
use crate::matching::Status;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is kept of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectValues {
    /// Matched, unmatched or ambiguous.
    pub status: Status,
    /// The outcome of each field of its level; empty unless matched.
    pub outcomes: BTreeMap<FieldId, Outcome>,
}

/// Values by object.
pub type Values = BTreeMap<(ObjectKind, String), ObjectValues>;

/// The page's form: field ids once, then one line per object.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    format: u8,
    fields: Vec<FieldId>,
    objects: Vec<WireObject>,
}

/// Level, id, status, and outcomes by the index of their field.
type WireObject = (ObjectKind, String, Status, Vec<(usize, Outcome)>);

const FORMAT: u8 = 1;
/// Objects of a page, about: pages are written whole when one value in them changes.
const OBJECTS_PER_PAGE: usize = 48;

/// In which of `pages` pages an object lies.
#[must_use]
pub fn page_of(kind: ObjectKind, id: &str, pages: usize) -> usize {
    let hash = VisitorHash::of(&format!("{}\n{id}", kind.name())).0;
    usize::try_from(hash % pages.max(1) as u64).unwrap_or(0)
}

/// How many pages a shard needs; never fewer than it has, so that pages do not move about.
#[must_use]
pub fn pages_for(objects: usize, has: usize) -> usize {
    objects.div_ceil(OBJECTS_PER_PAGE).next_power_of_two().max(has).max(1)
}

/// Packs values into pages; an empty page is `None`. With each page comes a hash of what it holds.
#[must_use]
pub fn pack(values: &Values, pages: usize) -> Vec<Option<(Vec<u8>, u64)>> {
    let mut parts: Vec<Vec<(&(ObjectKind, String), &ObjectValues)>> = vec![Vec::new(); pages.max(1)];
    for (key, object) in values {
        parts[page_of(key.0, &key.1, pages)].push((key, object));
    }
    parts.into_iter().map(pack_page).collect()
}

fn pack_page(objects: Vec<(&(ObjectKind, String), &ObjectValues)>) -> Option<(Vec<u8>, u64)> {
    if objects.is_empty() {
        return None;
    }
    let mut fields: Vec<FieldId> = objects.iter().flat_map(|(_, object)| object.outcomes.keys().cloned()).collect();
    fields.sort_unstable();
    fields.dedup();
    let index = |field: &FieldId| fields.binary_search(field).unwrap_or_default();
    let objects = objects
        .into_iter()
        .map(|((kind, id), object)| {
            (
                *kind,
                id.clone(),
                object.status,
                object.outcomes.iter().map(|(field, outcome)| (index(field), *outcome)).collect(),
            )
        })
        .collect();
    let json = serde_json::to_vec(&Wire { format: FORMAT, fields, objects }).unwrap_or_default();
    let content = twox_hash::XxHash3_64::oneshot(&json);
    Some((zstd::bulk::compress(&json, 6).unwrap_or_default(), content))
}

/// Reads a page.
///
/// # Errors
/// What is wrong with it.
pub fn unpack(body: &[u8]) -> Result<Values, String> {
    let json = zstd::stream::decode_all(body).map_err(|error| error.to_string())?;
    let wire: Wire = serde_json::from_slice(&json).map_err(|error| error.to_string())?;
    if wire.format != FORMAT {
        return Err(format!("format {} is unknown, this version reads {FORMAT}", wire.format));
    }
    let mut values = Values::new();
    for (kind, id, status, outcomes) in wire.objects {
        let outcomes = outcomes
            .into_iter()
            .map(|(at, outcome)| Ok((wire.fields.get(at).cloned().ok_or("a field's index is out of range")?, outcome)))
            .collect::<Result<_, String>>()?;
        values.insert((kind, id), ObjectValues { status, outcomes });
    }
    Ok(values)
}
