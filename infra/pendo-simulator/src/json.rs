//! Values to and from JSON text. Whole numbers are written without a fraction, like Pendo's milliseconds.

use std::io::Write as _;
use std::sync::Arc;

use crate::value::{Name, Record, Value};

impl Value {
    /// Reads a value out of parsed JSON.
    pub(crate) fn from_json(json: &serde_json::Value) -> Value {
        match json {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(truth) => Value::Bool(*truth),
            serde_json::Value::Number(number) => Value::Number(number.as_f64().unwrap_or(0.0)),
            serde_json::Value::String(text) => Value::text(text),
            serde_json::Value::Array(items) => Value::list(items.iter().map(Value::from_json).collect()),
            serde_json::Value::Object(map) => Value::map(Record::from_json(map)),
        }
    }

    /// Appends the value as JSON.
    pub(crate) fn write_json(&self, out: &mut Vec<u8>) {
        match self {
            Value::Null => out.extend_from_slice(b"null"),
            Value::Bool(true) => out.extend_from_slice(b"true"),
            Value::Bool(false) => out.extend_from_slice(b"false"),
            Value::Number(number) => write_number(*number, out),
            Value::Text(text) => write_text(text, out),
            Value::List(values) => write_list(values, out),
            Value::Map(record) => record.write_json(out),
        }
    }

    /// The value as parsed JSON.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        let mut text = Vec::new();
        self.write_json(&mut text);
        serde_json::from_slice(&text).unwrap_or_default()
    }
}

impl Record {
    /// Reads a record out of parsed JSON.
    pub(crate) fn from_json(map: &serde_json::Map<String, serde_json::Value>) -> Record {
        let mut record = Record::default();
        for (name, value) in map {
            record.push(Name::from(name.as_str()), Value::from_json(value));
        }
        record
    }

    /// Appends the record as a JSON object.
    pub(crate) fn write_json(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        for (place, (name, value)) in self.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            write_text(name, out);
            out.push(b':');
            value.write_json(out);
        }
        out.push(b'}');
    }
}

impl From<Record> for Value {
    fn from(record: Record) -> Value {
        Value::Map(Arc::new(record))
    }
}

fn write_list(values: &[Value], out: &mut Vec<u8>) {
    out.push(b'[');
    for (place, value) in values.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        value.write_json(out);
    }
    out.push(b']');
}

/// Writes a number: whole ones as integers, others shortest, none that JSON does not know.
#[expect(clippy::cast_possible_truncation, reason = "checked to be whole and below 2^63")]
pub(crate) fn write_number(number: f64, out: &mut Vec<u8>) {
    let written = if !number.is_finite() {
        out.write_all(b"null")
    } else if number.fract() == 0.0 && number.abs() < 9.0e18 {
        write!(out, "{}", number as i64)
    } else {
        write!(out, "{number}")
    };
    debug_assert!(written.is_ok(), "a vector takes every byte");
}

/// Writes text in quotes with JSON's escapes.
pub(crate) fn write_text(text: &str, out: &mut Vec<u8>) {
    if text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        let written = serde_json::to_writer(out, text);
        debug_assert!(written.is_ok(), "a vector takes every byte");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(value: &Value) -> String {
        let mut out = Vec::new();
        value.write_json(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn whole_floats_print_as_integers() {
        assert_eq!(print(&Value::Number(1_767_258_000_000.0)), "1767258000000");
        assert_eq!(print(&Value::Number(-0.5)), "-0.5");
        assert_eq!(print(&Value::Number(f64::NAN)), "null");
    }

    #[test]
    fn hostile_text_survives_a_round_trip() {
        let hostile = "a\"b\\c/d\n\u{1F600}";
        let value = Value::from_json(&serde_json::from_str(&print(&Value::text(hostile))).unwrap());
        assert_eq!(value.as_text(), Some(hostile));
    }
}
