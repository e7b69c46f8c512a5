//! Pages of values: some of a shard's objects with the outcome of each field, packed and immutable.

use crate::fields::Outcome;
use crate::id::{FieldId, ObjectKind, VisitorHash};
use crate::matching::Status;
use crate::usage::pack::{PackError, Reader, Writer};
use std::collections::{BTreeMap, BTreeSet};

/// What is kept of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectValues {
    /// Matched, unmatched or ambiguous.
    pub status: Status,
    /// The outcome of each field of its level, with the version of the field since which that computes the same; empty unless
    /// matched.
    pub outcomes: BTreeMap<(FieldId, u64), Outcome>,
}

/// Values by object.
pub type Values = BTreeMap<(ObjectKind, String), ObjectValues>;

const LEVELS: [ObjectKind; 2] = [ObjectKind::Account, ObjectKind::Contact];
const STATUSES: [Status; 3] = [Status::Matched, Status::Ambiguous, Status::Unmatched];
// What a field of an object has.
const NONE: u64 = 0;
const NEVER_USED: u64 = 1;
const COUNT: u64 = 2;
const INSTANT: u64 = 3;
const RATIO: u64 = 4;
const CHANGE: u64 = 5;
const EXCLUDED: u64 = 6;
const NUMBER: u64 = 7;
const TEXT: u64 = 8;

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

/// The fields with their versions, the objects, and then field by field what each object has of it: neighbours in a column
/// are alike.
fn pack_page(objects: Vec<(&(ObjectKind, String), &ObjectValues)>) -> Packed {
    if objects.is_empty() {
        return None;
    }
    let fields: BTreeSet<&(FieldId, u64)> = objects.iter().flat_map(|(_, object)| object.outcomes.keys()).collect();
    let mut out = Writer::default();
    out.number(fields.len() as u64);
    for (field, version) in &fields {
        out.text(field.as_str());
        out.number(*version);
    }
    out.number(objects.len() as u64);
    objects.iter().for_each(|((level, _), _)| out.number(place(&LEVELS, *level)));
    objects.iter().for_each(|((_, id), _)| out.text(id));
    objects.iter().for_each(|(_, object)| out.number(place(&STATUSES, object.status)));
    for field in fields {
        let outcomes = || objects.iter().map(|(_, object)| object.outcomes.get(field));
        for outcome in outcomes() {
            out.number(match outcome {
                None => NONE,
                Some(Outcome::NeverUsed) => NEVER_USED,
                Some(Outcome::Count(_)) => COUNT,
                Some(Outcome::Instant(_)) => INSTANT,
                Some(Outcome::Ratio { .. }) => RATIO,
                Some(Outcome::Change { .. }) => CHANGE,
                Some(Outcome::Excluded) => EXCLUDED,
                Some(Outcome::Number(_)) => NUMBER,
                Some(Outcome::Text(_)) => TEXT,
            });
        }
        let mut last = 0;
        for outcome in outcomes() {
            match outcome {
                None | Some(Outcome::NeverUsed | Outcome::Excluded) => {}
                Some(Outcome::Count(count)) => out.number(*count),
                Some(Outcome::Number(bits)) => out.hash(*bits),
                Some(Outcome::Text(text)) => out.text(text),
                Some(Outcome::Instant(ms)) => out.signed(ms.wrapping_sub(std::mem::replace(&mut last, *ms))),
                Some(Outcome::Ratio { numerator: one, denominator: other })
                | Some(Outcome::Change { current: one, previous: other }) => {
                    out.number(*one);
                    out.number(*other);
                }
            }
        }
    }
    let body = out.finish();
    let content = twox_hash::XxHash3_64::oneshot(&body);
    Some((body, content))
}

fn place<T: PartialEq>(all: &[T], one: T) -> u64 {
    all.iter().position(|other| *other == one).unwrap_or_default() as u64
}

fn at<T: Copy>(all: &[T], place: u64, what: &'static str) -> Result<T, PackError> {
    usize::try_from(place).ok().and_then(|place| all.get(place)).copied().ok_or(PackError::Damaged(what))
}

/// Reads a page.
///
/// # Errors
/// An unknown format, or damage.
pub fn unpack(body: &[u8]) -> Result<Values, PackError> {
    let mut input = Reader::open(body)?;
    let mut fields = Vec::new();
    for _ in 0..input.count()? {
        fields.push((FieldId::from_text(input.text()?), input.number()?));
    }
    let count = input.count()?;
    let mut levels = Vec::with_capacity(count);
    for _ in 0..count {
        levels.push(at(&LEVELS, input.number()?, "level")?);
    }
    let mut keys = Vec::with_capacity(count);
    for level in levels {
        keys.push((level, input.text()?.to_owned()));
    }
    let mut objects = Vec::with_capacity(count);
    for _ in 0..count {
        let status = at(&STATUSES, input.number()?, "status")?;
        objects.push(ObjectValues { status, outcomes: BTreeMap::new() });
    }
    for field in fields {
        let mut tags = Vec::with_capacity(count);
        for _ in 0..count {
            tags.push(input.number()?);
        }
        let mut last = 0i64;
        for (object, tag) in objects.iter_mut().zip(tags) {
            let outcome = match tag {
                NONE => continue,
                NEVER_USED => Outcome::NeverUsed,
                EXCLUDED => Outcome::Excluded,
                COUNT => Outcome::Count(input.number()?),
                INSTANT => {
                    last = last.wrapping_add(input.signed()?);
                    Outcome::Instant(last)
                }
                RATIO => Outcome::Ratio { numerator: input.number()?, denominator: input.number()? },
                NUMBER => Outcome::Number(input.hash()?),
                TEXT => Outcome::Text(input.text()?.to_owned()),
                CHANGE => Outcome::Change { current: input.number()?, previous: input.number()? },
                _ => return Err(PackError::Damaged("outcome")),
            };
            object.outcomes.insert(field.clone(), outcome);
        }
    }
    Ok(keys.into_iter().zip(objects).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Values {
        let outcomes = [
            Outcome::Count(0),
            Outcome::Count(u64::MAX),
            Outcome::NeverUsed,
            Outcome::Instant(-5),
            Outcome::Ratio { numerator: 7, denominator: u64::MAX },
            Outcome::Change { current: 0, previous: 3 },
            Outcome::Excluded,
            Outcome::number(-0.25),
            Outcome::Text("Pro".to_owned()),
        ];
        (0..300_usize)
            .map(|n| {
                // Each field stands in two versions, which are not each other's.
                let field = |at: usize| (FieldId::from_text(&format!("field-{}", at / 2 * 2)), 1 + at as u64 % 2);
                let of = |at: usize| match (n + at) % 10 {
                    9 => Outcome::Instant(1_782_820_800_000 + (n * n) as i64),
                    known => outcomes[known].clone(),
                };
                let status = STATUSES[n % 3];
                let fields = if status == Status::Matched { 20 - n % 2 } else { 0 };
                let outcomes = (0..fields).map(|at| (field(at), of(at))).collect();
                ((LEVELS[n % 2], format!("A-{n}")), ObjectValues { status, outcomes })
            })
            .collect()
    }

    #[test]
    fn values_come_back_from_their_pages() {
        let values = sample();
        let mut back = Values::new();
        for (body, _) in pack(&values, 8).into_iter().flatten() {
            back.append(&mut unpack(&body).unwrap());
        }
        assert_eq!(back, values);
        assert_eq!(pack(&values, 8), pack(&back, 8), "equal values have equal pages");
    }

    #[test]
    fn an_unknown_format_is_refused_and_damage_never_panics() {
        let (body, _) = pack(&sample(), 1).remove(0).unwrap();
        let mut unknown = body.clone();
        unknown[0] = 9;
        assert_eq!(unpack(&unknown), Err(PackError::Format(9)));
        for end in (0..body.len()).step_by(7) {
            assert!(unpack(&body[..end]).is_err(), "cut at {end}");
        }
    }

    fn values(objects: usize, fields: usize) -> Values {
        let object = |n: usize| {
            // Nothing in it repeats, so nothing of it compresses well.
            let id: String = (0..30).map(|at| format!("{:016x}", VisitorHash::of(&format!("{n} {at}")).0)).collect();
            let outcome = |at: usize| {
                let count = VisitorHash::of(&format!("{n} {at} count")).0 >> 12;
                ((FieldId::from_text(&format!("field-{at}")), 1), Outcome::Count(count))
            };
            let outcomes = (0..fields).map(outcome).collect();
            ((ObjectKind::Contact, id), ObjectValues { status: Status::Matched, outcomes })
        };
        (0..objects).map(object).collect()
    }

    #[test]
    fn a_page_stays_small_whatever_its_objects_hold_and_all_of_them_come_back() {
        // The first ones would take more than half a megabyte a page.
        for (objects, fields, has) in [(60, 2_000, 1), (700, 20, 4), (60, 3, 1)] {
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
