//! Folds: what rows came to, per object and field, and as bytes that can be kept. Folds of different rows merge to the
//! fold of them all.

use super::accumulator::Accumulator;
use super::plan::Plan;
use crate::id::{FieldId, ObjectKind};
use crate::usage::pack::{PackError, Reader, Writer};
use std::collections::{BTreeMap, HashMap};

/// Bytes of a part at most, before they are compressed: well under what an item may hold.
const PART_BYTES_MAX: usize = 300_000;
/// What a record needs beside its object's id and its accumulator, at most.
const RECORD_BYTES: usize = 32;

/// The accumulators of each object, one for each plan of its level in the plans' order.
#[derive(Clone, Debug)]
pub struct Fold<'p> {
    plans: [&'p [Plan]; 2],
    objects: [Objects; 2],
}

/// The objects of a level: each has a seat, in the order in which they came.
#[derive(Clone, Debug, Default)]
struct Objects {
    seats: HashMap<String, usize>,
    accumulators: Vec<Vec<Accumulator>>,
}

impl Objects {
    fn get(&self, id: &str) -> Option<&Vec<Accumulator>> {
        self.accumulators.get(*self.seats.get(id)?)
    }

    fn seat(&mut self, id: &str, start: impl FnOnce() -> Vec<Accumulator>) -> usize {
        if let Some(seat) = self.seats.get(id) {
            return *seat;
        }
        let seat = self.accumulators.len();
        self.seats.insert(id.to_owned(), seat);
        self.accumulators.push(start());
        seat
    }

    fn by_id(&self) -> BTreeMap<&str, &Vec<Accumulator>> {
        self.seats.keys().filter_map(|id| Some((id.as_str(), self.get(id)?))).collect()
    }
}

const fn at(level: ObjectKind) -> usize {
    match level {
        ObjectKind::Account => 0,
        ObjectKind::Contact => 1,
    }
}

impl<'p> Fold<'p> {
    /// The fold of no rows, for the plans of accounts and those of contacts.
    #[must_use]
    pub fn new(accounts: &'p [Plan], contacts: &'p [Plan]) -> Self {
        Self { plans: [accounts, contacts], objects: Default::default() }
    }

    /// The plans of a level.
    #[must_use]
    pub fn plans(&self, level: ObjectKind) -> &'p [Plan] {
        self.plans[at(level)]
    }

    /// The accumulators of an object, if there was anything to accumulate.
    #[must_use]
    pub fn get(&self, level: ObjectKind, id: &str) -> Option<&[Accumulator]> {
        self.objects[at(level)].get(id).map(Vec::as_slice)
    }

    /// The accumulators of an object, to add to.
    pub fn of(&mut self, level: ObjectKind, id: &str) -> &mut [Accumulator] {
        let seat = self.seat(level, id);
        self.seated(level, seat)
    }

    /// The seat of an object, by which its accumulators are found sooner than by its id. It keeps it.
    pub fn seat(&mut self, level: ObjectKind, id: &str) -> usize {
        let plans = self.plans[at(level)];
        self.objects[at(level)].seat(id, || plans.iter().map(Plan::start).collect())
    }

    /// The accumulators of the object with a seat, to add to; none where nobody has it.
    pub fn seated(&mut self, level: ObjectKind, seat: usize) -> &mut [Accumulator] {
        self.objects[at(level)].accumulators.get_mut(seat).map_or(&mut [], Vec::as_mut_slice)
    }

    /// Adds what another fold for the same plans holds.
    pub fn merge(&mut self, other: Self) {
        for (objects, mut more) in self.objects.iter_mut().zip(other.objects) {
            for (id, seat) in more.seats {
                let accumulators = std::mem::take(&mut more.accumulators[seat]);
                let count = objects.accumulators.len();
                match objects.seats.get(&id) {
                    Some(stands) => {
                        let stands = objects.accumulators[*stands].iter_mut();
                        stands.zip(&accumulators).for_each(|(stands, more)| stands.merge(more));
                    }
                    None => {
                        objects.seats.insert(id, count);
                        objects.accumulators.push(accumulators);
                    }
                }
            }
        }
    }

    /// Its bytes, in as many parts as their size asks for; none when it holds nothing. Each part names its fields and
    /// objects itself. Equal folds have equal bytes.
    #[must_use]
    pub fn pack(&self) -> Vec<Vec<u8>> {
        let mut packer = Packer::default();
        for level in [ObjectKind::Account, ObjectKind::Contact] {
            for (id, accumulators) in self.objects[at(level)].by_id() {
                for (plan, accumulator) in self.plans(level).iter().zip(accumulators) {
                    for piece in accumulator.pieces() {
                        packer.push(level, id, plan.field(), piece);
                    }
                }
            }
        }
        packer.finish()
    }

    /// Adds what one part of a packed fold holds.
    ///
    /// # Errors
    /// An unknown format, damage, or a field that no plan is of. What was added until then stays added.
    pub fn add_packed(&mut self, part: &[u8]) -> Result<(), PackError> {
        let mut input = Reader::open(part)?;
        let mut fields: Vec<(ObjectKind, usize)> = Vec::new();
        for _ in 0..input.count()? {
            let id = FieldId::from_text(input.text()?);
            let place = [ObjectKind::Account, ObjectKind::Contact]
                .into_iter()
                .find_map(|level| Some((level, self.plans(level).iter().position(|plan| *plan.field() == id)?)));
            fields.push(place.ok_or(PackError::Damaged("field"))?);
        }
        let mut ids: Vec<String> = Vec::new();
        for _ in 0..input.count()? {
            ids.push(input.text()?.to_owned());
        }
        for _ in 0..input.count()? {
            let id =
                usize::try_from(input.number()?).ok().and_then(|at| ids.get(at)).ok_or(PackError::Damaged("id"))?;
            let field = usize::try_from(input.number()?).ok().and_then(|at| fields.get(at));
            let (level, plan) = *field.ok_or(PackError::Damaged("field"))?;
            let mut bytes = input.bytes()?;
            let accumulator = Accumulator::read(&mut bytes).filter(|_| bytes.is_empty());
            let accumulator = accumulator.ok_or(PackError::Damaged("accumulator"))?;
            match self.of(level, id).get_mut(plan) {
                Some(stands) if stands.is_of_one_function_with(&accumulator) => stands.merge(&accumulator),
                _ => return Err(PackError::Damaged("function")),
            }
        }
        Ok(())
    }
}

/// Records of one part, and the parts that are full.
#[derive(Default)]
struct Packer<'f> {
    full: Vec<Vec<u8>>,
    fields: Vec<&'f FieldId>,
    ids: Vec<(ObjectKind, &'f str)>,
    records: Vec<(usize, usize, Vec<u8>)>,
    bytes: usize,
}

impl<'f> Packer<'f> {
    fn push(&mut self, level: ObjectKind, id: &'f str, field: &'f FieldId, piece: Vec<u8>) {
        let needs = id.len() + field.as_str().len() + piece.len() + RECORD_BYTES;
        if self.bytes + needs > PART_BYTES_MAX {
            self.flush();
        }
        self.bytes += needs;
        if self.ids.last() != Some(&(level, id)) {
            self.ids.push((level, id));
        }
        let field = self.fields.iter().position(|known| *known == field).unwrap_or_else(|| {
            self.fields.push(field);
            self.fields.len() - 1
        });
        self.records.push((self.ids.len() - 1, field, piece));
    }

    fn flush(&mut self) {
        if self.records.is_empty() {
            return;
        }
        let mut out = Writer::default();
        out.number(self.fields.len() as u64);
        self.fields.drain(..).for_each(|field| out.text(field.as_str()));
        out.number(self.ids.len() as u64);
        self.ids.drain(..).for_each(|(_, id)| out.text(id));
        out.number(self.records.len() as u64);
        for (id, field, piece) in self.records.drain(..) {
            out.number(id as u64);
            out.number(field as u64);
            out.bytes(&piece);
        }
        self.bytes = 0;
        self.full.push(out.finish());
    }

    fn finish(mut self) -> Vec<Vec<u8>> {
        self.flush();
        self.full
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::{Definition, Field};
    use crate::id::{Kind, VisitorHash};
    use crate::time::{Hour, Zone};
    use crate::usage::row::UsageRow;
    use serde_json::json;

    fn plans(object: &str) -> Vec<Plan> {
        let plan = |(at, function): (usize, &str)| {
            let window = if function == "trend" { json!({"rolling_days": 15}) } else { json!({"all_time": true}) };
            let body = json!({"name": "x", "object": object, "usage": {"kind": "page"}, "function": function,
                              "window": window});
            let definition = Definition::parse(&body).unwrap();
            let field = Field::new(FieldId::from_text(&format!("{object}-{at}")), definition, 0, None);
            Plan::new(&field, Hour(1_000), Zone::UTC, Hour(0)).unwrap()
        };
        let functions = ["count", "distinct_visitors", "active_days", "last_used", "feature_breadth", "trend"];
        functions.into_iter().enumerate().map(plan).collect()
    }

    fn add(fold: &mut Fold<'_>, level: ObjectKind, id: &str, visitor: u64) {
        let hour = Hour(i32::try_from(visitor % 1_000).unwrap());
        let (first_ms, last_ms) = (hour.start_ms(), hour.start_ms() + 7);
        let row = UsageRow {
            kind: Kind::Page,
            hour,
            account: None,
            visitor: VisitorHash(visitor.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            app: 1,
            object: "p",
            event_type: "",
            events: 1 + visitor % 5,
            minutes: 1,
            first_ms,
            last_ms,
        };
        let plans = fold.plans(level);
        let accumulators = plans.iter().zip(fold.of(level, id));
        accumulators.for_each(|(plan, accumulator)| accumulator.add(plan, &row, hour.utc_day()));
    }

    /// Two levels, one account with more visitors than a part can hold.
    fn sample<'p>(accounts: &'p [Plan], contacts: &'p [Plan]) -> Fold<'p> {
        let mut fold = Fold::new(accounts, contacts);
        (0..60_000).for_each(|visitor| add(&mut fold, ObjectKind::Account, "large", visitor));
        (0..900).for_each(|n| add(&mut fold, ObjectKind::Account, &format!("A-{}", n % 40), n));
        (0..900).for_each(|n| add(&mut fold, ObjectKind::Contact, &format!("A-{}", n % 300), n));
        fold
    }

    #[test]
    fn a_fold_comes_back_from_parts_that_are_small_whatever_it_holds() {
        let (accounts, contacts) = (plans("account"), plans("contact"));
        let fold = sample(&accounts, &contacts);
        let parts = fold.pack();
        assert!(parts.len() > 1 && parts.iter().all(|part| part.len() < 310_000));
        let mut back = Fold::new(&accounts, &contacts);
        parts.iter().for_each(|part| back.add_packed(part).unwrap());
        assert_eq!(back.objects.each_ref().map(Objects::by_id), fold.objects.each_ref().map(Objects::by_id));
        assert_eq!(back.pack(), parts, "equal folds have equal bytes");
    }

    #[test]
    fn folds_of_different_rows_merge_to_the_fold_of_all() {
        let (accounts, contacts) = (plans("account"), plans("contact"));
        let (mut one, mut other) = (Fold::new(&accounts, &contacts), Fold::new(&accounts, &contacts));
        let mut all = Fold::new(&accounts, &contacts);
        for n in 0..200 {
            let part = if n % 3 == 0 { &mut one } else { &mut other };
            for fold in [part, &mut all] {
                add(fold, ObjectKind::Account, &format!("A-{}", n % 7), n);
            }
        }
        one.merge(other);
        assert_eq!(one.objects.each_ref().map(Objects::by_id), all.objects.each_ref().map(Objects::by_id));
    }

    #[test]
    fn an_unknown_format_another_field_and_damage_are_refused() {
        let (accounts, contacts) = (plans("account"), plans("contact"));
        let part = sample(&accounts, &contacts).pack().remove(0);
        let mut unknown = part.clone();
        unknown[0] = 9;
        assert_eq!(Fold::new(&accounts, &contacts).add_packed(&unknown), Err(PackError::Format(9)));
        assert_eq!(Fold::new(&[], &contacts).add_packed(&part), Err(PackError::Damaged("field")));
        for end in (0..part.len()).step_by(997) {
            assert!(Fold::new(&accounts, &contacts).add_packed(&part[..end]).is_err(), "cut at {end}");
        }
    }
}
