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
/// Pages of a shard that its head names easily.
const PAGES_MANY: usize = 1_024;
/// Bytes of a page, at most: well under what an item may hold.
const PAGE_BYTES_MAX: usize = 300_000;

/// In which of `pages` pages an object lies.
#[must_use]
pub fn page_of(kind: ObjectKind, id: &str, pages: usize) -> usize {
    let hash = VisitorHash::of(&format!("{}\n{id}", kind.name())).0;
    usize::try_from(hash % pages.max(1) as u64).unwrap_or(0)
}

/// A page as it is put, with a hash of what it holds; `None` when it holds nothing.
pub type Packed = Option<(Vec<u8>, u64)>;

/// Packs values into pages, never fewer than there are, so that they do not move about. A head names so many easily; of more
/// objects the pages grow, up to what an item may well hold.
#[must_use]
pub fn pack(values: &Values, has: usize) -> Vec<Packed> {
    let wanted = values.len().div_ceil(OBJECTS_PER_PAGE).next_power_of_two();
    let mut pages = wanted.min(PAGES_MANY).max(has).max(1);
    loop {
        let packed = pack_into(values, pages);
        let is_small = |page: &Packed| page.as_ref().is_none_or(|(body, _)| body.len() <= PAGE_BYTES_MAX);
        if packed.iter().all(is_small) || pages >= values.len().next_power_of_two().saturating_mul(64) {
            return packed;
        }
        pages *= 2;
    }
}

fn pack_into(values: &Values, pages: usize) -> Vec<Packed> {
    let mut parts: Vec<Vec<(&(ObjectKind, String), &ObjectValues)>> = vec![Vec::new(); pages.max(1)];
    for (key, object) in values {
        parts[page_of(key.0, &key.1, pages)].push((key, object));
    }
    parts.into_iter().map(pack_page).collect()
}

fn pack_page(objects: Vec<(&(ObjectKind, String), &ObjectValues)>) -> Packed {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn values(objects: usize, fields: usize) -> Values {
        let object = |n: usize| {
            // Nothing in it repeats, so nothing of it compresses well.
            let id: String = (0..30).map(|at| format!("{:016x}", VisitorHash::of(&format!("{n} {at}")).0)).collect();
            let outcome = |at: usize| {
                let count = VisitorHash::of(&format!("{n} {at} count")).0 >> 12;
                (FieldId::from_text(&format!("field-{at}")), Outcome::Count(count))
            };
            let outcomes = (0..fields).map(outcome).collect();
            ((ObjectKind::Contact, id), ObjectValues { status: Status::Matched, outcomes })
        };
        (0..objects).map(object).collect()
    }

    #[test]
    fn a_page_stays_small_whatever_its_objects_hold_and_all_of_them_come_back() {
        // As if the head named as many pages as it does easily, of which each would hold all.
        for (objects, fields, has) in [(700, 200, 1), (700, 200, 4), (60, 3, 1)] {
            let values = values(objects, fields);
            let packed = pack(&values, has);
            let mut back = Values::new();
            for (body, _) in packed.iter().flatten() {
                assert!(body.len() <= PAGE_BYTES_MAX, "{}", body.len());
                back.append(&mut unpack(body).unwrap());
            }
            assert_eq!(back, values);
            assert!(packed.len() >= has && packed.len().is_power_of_two());
        }
    }
}
