//! Stages that add what is known elsewhere: `bulkExpand`, `expand`, `merge`, `join`.

use std::collections::HashMap;

use crate::query::expression::Path;
use crate::query::item::Item;
use crate::query::run::Run;
use crate::query::stage::{Expansion, Known};
use crate::value::{Record, Value};
use crate::world::Sightings;

/// Adds all that is known about ids. Visitors and accounts come without the `metadata` level.
pub(crate) fn expand(mut items: Vec<Item>, expansions: &[Expansion], run: &Run<'_>) -> Vec<Item> {
    let sightings = Sightings::by(run.world, run.now_ms);
    for expansion in expansions {
        let mut known: HashMap<Value, Value> = HashMap::new();
        for item in &mut items {
            let id = item.get(&expansion.id, run);
            let value = known
                .entry(id.clone())
                .or_insert_with(|| look_up(expansion.of, id.as_text().unwrap_or(""), &sightings, run))
                .clone();
            item.set(&expansion.out, value, run);
        }
    }
    items
}

fn look_up(of: Known, id: &str, sightings: &Sightings, run: &Run<'_>) -> Value {
    let world = run.world;
    let metadata = |record: Record| record.get("metadata").cloned();
    let found = match of {
        Known::Visitor => {
            world.visitor(id).and_then(|visitor| world.visitor_record(visitor, sightings)).and_then(metadata)
        }
        Known::Account => {
            world.account(id).and_then(|account| world.account_record(account, sightings)).and_then(metadata)
        }
        Known::Item => world
            .items
            .iter()
            .find(|item| item.id == id)
            .map(|item| Record::from_json(&world.shown(item, run.now_ms)).into()),
    };
    found.unwrap_or_default()
}

/// Lays the fields of another pipeline's rows beside rows of equal keys.
pub(crate) fn merge(
    mut items: Vec<Item>,
    inner: Vec<Item>,
    fields: &[Path],
    mappings: &[(String, Path)],
    run: &Run<'_>,
) -> Vec<Item> {
    let key = |item: &Item| fields.iter().map(|path| item.get(path, run)).collect::<Vec<Value>>();
    let mut found: HashMap<Vec<Value>, Item> = HashMap::new();
    for item in inner {
        found.entry(key(&item)).or_insert(item);
    }
    for item in &mut items {
        let other = found.get(&key(item));
        for (out, path) in mappings {
            let value = other.map_or(Value::Null, |other| other.get(path, run));
            item.set(out, value, run);
        }
        if let (Some(other), true) = (other, mappings.is_empty()) {
            for (name, value) in other.clone().into_record(run).iter() {
                item.set(name, value.clone(), run);
            }
        }
    }
    items
}

/// Makes one row of all rows with equal keys; of a field that several have, the first stays.
pub(crate) fn join(items: Vec<Item>, fields: &[Path], run: &Run<'_>) -> Vec<Item> {
    let mut places: HashMap<Vec<Value>, usize> = HashMap::new();
    let mut joined: Vec<Record> = Vec::new();
    for item in items {
        let key: Vec<Value> = fields.iter().map(|path| item.get(path, run)).collect();
        let place = *places.entry(key).or_insert(joined.len());
        let record = item.into_record(run);
        match joined.get_mut(place) {
            Some(known) => {
                for (name, value) in record.iter() {
                    if known.get(name).is_none() {
                        known.set(name, value.clone());
                    }
                }
            }
            None => joined.push(record),
        }
    }
    joined.into_iter().map(Item::Made).collect()
}
