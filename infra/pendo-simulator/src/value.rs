//! The values that travel through a pipeline: JSON's, but cheap to clone, hash and order. All numbers are floats, as Pendo has it.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A field's name.
pub(crate) type Name = Arc<str>;

/// One value.
#[derive(Clone, Debug, Default)]
pub(crate) enum Value {
    #[default]
    Null,
    Bool(bool),
    Number(f64),
    Text(Arc<str>),
    List(Arc<Vec<Value>>),
    Map(Arc<Record>),
}

/// Named values in the order in which they were set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record(Vec<(Name, Value)>);

impl Record {
    /// The value under a name.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| &**known == name).map(|(_, value)| value)
    }

    /// Sets or replaces a value.
    pub(crate) fn set(&mut self, name: &str, value: Value) {
        match self.0.iter_mut().find(|(known, _)| &**known == name) {
            Some((_, slot)) => *slot = value,
            None => self.0.push((Name::from(name), value)),
        }
    }

    /// Appends a value under a name that is known to be new.
    pub(crate) fn push(&mut self, name: Name, value: Value) {
        self.0.push((name, value));
    }

    /// Sets a value at a dotted path, making the maps on the way.
    pub(crate) fn set_path(&mut self, path: &str, value: Value) {
        let Some((head, rest)) = path.split_once('.') else { return self.set(path, value) };
        let mut inner = match self.get(head) {
            Some(Value::Map(map)) => Record::clone(map),
            _ => Record::default(),
        };
        inner.set_path(rest, value);
        self.set(head, Value::Map(Arc::new(inner)));
    }

    /// The pairs in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Name, &Value)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// Whether nothing is set.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Value {
    /// Text from anything that reads as text.
    pub(crate) fn text(text: impl AsRef<str>) -> Value {
        Value::Text(Arc::from(text.as_ref()))
    }

    /// An instant or a count as a number.
    pub(crate) fn int(number: i64) -> Value {
        #[expect(clippy::cast_precision_loss, reason = "instants and app ids stay below 2^53")]
        Value::Number(number as f64)
    }

    /// A list.
    pub(crate) fn list(values: Vec<Value>) -> Value {
        Value::List(Arc::new(values))
    }

    /// A record as a value.
    pub(crate) fn map(record: Record) -> Value {
        Value::Map(Arc::new(record))
    }

    /// The number in it.
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The text in it.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether a condition holds: true, a number that is not zero, text that is not empty, a list or map.
    pub(crate) fn holds(&self) -> bool {
        match self {
            Value::Null => false,
            Value::Bool(truth) => *truth,
            Value::Number(number) => *number != 0.0,
            Value::Text(text) => !text.is_empty(),
            Value::List(_) | Value::Map(_) => true,
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Value::Null => 0,
            Value::Bool(_) => 1,
            Value::Number(_) => 2,
            Value::Text(_) => 3,
            Value::List(_) => 4,
            Value::Map(_) => 5,
        }
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Value) -> Ordering {
        match (self, other) {
            (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
            (Value::Number(a), Value::Number(b)) => (a + 0.0).total_cmp(&(b + 0.0)),
            (Value::Text(a), Value::Text(b)) => a.cmp(b),
            (Value::List(a), Value::List(b)) => a.cmp(b),
            (Value::Map(a), Value::Map(b)) => a.0.cmp(&b.0),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Value) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Text(a), Value::Text(b)) => Arc::ptr_eq(a, b) || a == b,
            (Value::Number(a), Value::Number(b)) => (a + 0.0).to_bits() == (b + 0.0).to_bits(),
            _ => self.cmp(other) == Ordering::Equal,
        }
    }
}

impl Eq for Value {}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Value::Null => state.write_u8(0),
            Value::Bool(truth) => state.write_u8(1 + u8::from(*truth)),
            Value::Number(number) => state.write_u64((number + 0.0).to_bits()),
            Value::Text(text) => state.write(text.as_bytes()),
            Value::List(values) => values.iter().for_each(|value| value.hash(state)),
            Value::Map(record) => record.0.iter().for_each(|(_, value)| value.hash(state)),
        }
    }
}
