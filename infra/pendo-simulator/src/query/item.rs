//! What flows between stages: raw rows by place, with what stages have added, or rows that stages have made.

use crate::query::expression::{Path, Step};
use crate::query::field;
use crate::query::run::Run;
use crate::row::Row;
use crate::value::{Record, Value};

/// One row in a pipeline.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    /// A usage row as its source gave it, and the fields that were laid over it.
    Raw(Row, Option<Box<Record>>),
    /// Any other row.
    Made(Record),
}

impl Item {
    /// The value at a path; null where there is none.
    pub(crate) fn get(&self, path: &Path, run: &Run<'_>) -> Value {
        let head = match self {
            Item::Made(record) => record.get(&path.head).cloned(),
            Item::Raw(row, None) => raw(row, path, run),
            Item::Raw(row, Some(over)) => over.get(&path.head).cloned().or_else(|| raw(row, path, run)),
        };
        let Some(mut value) = head else { return Value::Null };
        for step in &path.rest {
            let next = match (step, &value) {
                (Step::Name(name), Value::Map(record)) => record.get(name).cloned(),
                (Step::Place(place), Value::List(values)) => values.get(*place).cloned(),
                _ => None,
            };
            let Some(next) = next else { return Value::Null };
            value = next;
        }
        value
    }

    /// Adds or replaces a value at a dotted path.
    pub(crate) fn set(&mut self, path: &str, value: Value, run: &Run<'_>) {
        match self {
            Item::Made(record) => record.set_path(path, value),
            // A path into a field of the raw row needs the whole of it.
            Item::Raw(..) if path.contains('.') => {
                let mut record = self.clone().into_record(run);
                record.set_path(path, value);
                *self = Item::Made(record);
            }
            Item::Raw(_, over) => over.get_or_insert_default().set(path, value),
        }
    }

    /// The row with all its fields.
    pub(crate) fn into_record(self, run: &Run<'_>) -> Record {
        match self {
            Item::Made(record) => record,
            Item::Raw(row, over) => {
                let mut record = field::record(&row, run);
                for (name, value) in over.iter().flat_map(|over| over.iter()) {
                    record.set(name, value.clone());
                }
                record
            }
        }
    }
}

fn raw(row: &Row, path: &Path, run: &Run<'_>) -> Option<Value> {
    match path.field {
        Some(field) => Some(field.value(row, run)),
        None => run.world.extra(row)?.get(&path.head).cloned(),
    }
}
