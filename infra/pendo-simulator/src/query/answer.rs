//! An answer's body: `{"startTime":…,"results":[…]}` or CSV.

use std::collections::HashMap;

use crate::query::item::Item;
use crate::query::run::Run;
use crate::value::{Record, Value};

/// Writes an answer as JSON; an empty one as null if the simulator was told so.
pub(crate) fn json(items: Vec<Item>, start_time: Option<i64>, null_when_empty: bool, run: &Run<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + items.len() * 160);
    out.push(b'{');
    if let Some(start) = start_time {
        out.extend_from_slice(format!("\"startTime\":{start},").as_bytes());
    }
    out.extend_from_slice(b"\"results\":");
    if items.is_empty() && null_when_empty {
        out.extend_from_slice(b"null}");
        return out;
    }
    out.push(b'[');
    for (place, item) in items.into_iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        item.into_record(run).write_json(&mut out);
    }
    out.extend_from_slice(b"]}");
    out
}

/// Writes an answer as CSV, with a column for every field that any row has.
pub(crate) fn csv(items: Vec<Item>, run: &Run<'_>) -> Vec<u8> {
    let records: Vec<Record> = items.into_iter().map(|item| item.into_record(run)).collect();
    let mut columns: Vec<String> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for (name, _) in records.iter().flat_map(Record::iter) {
        places.entry(name.to_string()).or_insert_with(|| {
            columns.push(name.to_string());
            columns.len() - 1
        });
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut written = if columns.is_empty() { Ok(()) } else { writer.write_record(&columns) };
    for record in &records {
        let cells = columns.iter().map(|column| record.get(column).map_or_else(String::new, cell));
        written = written.and_then(|()| writer.write_record(cells));
    }
    debug_assert!(written.is_ok(), "a vector takes every row");
    writer.into_inner().unwrap_or_default()
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Text(text) => text.to_string(),
        other => {
            let mut out = Vec::new();
            other.write_json(&mut out);
            String::from_utf8_lossy(&out).into_owned()
        }
    }
}
