//! Grouping: equal keys, one row. The answer's order is that in which keys were first met.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::query::accumulate::Gathered;
use crate::query::item::Item;
use crate::query::run::Run;
use crate::query::stage::Group;
use crate::value::{Name, Record, Value};

/// Groups rows.
pub(crate) fn group(items: Vec<Item>, group: &Group, run: &Run<'_>) -> Vec<Item> {
    let mut places: HashMap<Box<[Value]>, usize, BuildHasherDefault<Quick>> = HashMap::default();
    let mut states: Vec<Vec<Gathered>> = Vec::new();
    let start = || group.fields.iter().map(|(_, aggregator)| aggregator.start()).collect::<Vec<_>>();
    if group.is_reduce {
        places.insert(Box::default(), 0);
        states.push(start());
    }
    let mut key: Vec<Value> = Vec::with_capacity(group.keys.len());
    for item in &items {
        key.clear();
        key.extend(group.keys.iter().map(|(_, path)| item.get(path, run)));
        let place = match places.get(key.as_slice()) {
            Some(place) => *place,
            None => {
                places.insert(key.as_slice().into(), states.len());
                states.push(start());
                states.len() - 1
            }
        };
        for ((_, aggregator), gathered) in group.fields.iter().zip(&mut states[place]) {
            aggregator.take(gathered, item, run);
        }
    }
    drop(items);
    let mut keys: Vec<(Box<[Value]>, usize)> = places.into_iter().collect();
    keys.sort_unstable_by_key(|(_, place)| *place);
    keys.into_iter().zip(states).map(|((key, _), states)| Item::Made(row(group, key, states))).collect()
}

fn row(group: &Group, key: Box<[Value]>, states: Vec<Gathered>) -> Record {
    let mut record = Record::default();
    for ((name, path), value) in group.keys.iter().zip(key) {
        if path.rest.is_empty() {
            record.push(Name::clone(&path.head), value);
        } else {
            record.set_path(name, value);
        }
    }
    for ((out, aggregator), gathered) in group.fields.iter().zip(states) {
        record.set_path(out, aggregator.finish(gathered));
    }
    record
}

/// A hasher that is quick rather than safe against crafted keys; the simulator's guests are its owners.
#[derive(Default)]
pub(crate) struct Quick(u64);

impl Hasher for Quick {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }

    fn write(&mut self, bytes: &[u8]) {
        let (chunks, rest) = bytes.as_chunks::<8>();
        chunks.iter().for_each(|chunk| self.write_u64(u64::from_le_bytes(*chunk)));
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.write_u64(u64::from_le_bytes(last) ^ bytes.len() as u64);
    }

    fn write_u8(&mut self, byte: u8) {
        self.write_u64(u64::from(byte));
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}
