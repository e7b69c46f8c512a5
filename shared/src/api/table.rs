//! Wide CSV: one row per object, a column per field.
//!
//! Quoted as RFC 4180 says. Text that a spreadsheet would run as a formula gets an apostrophe in front.

use super::Problem;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Values by object: `(level, id)` → field → value.
pub type Rows = BTreeMap<(&'static str, String), BTreeMap<String, Value>>;

/// Writes the table; `columns` are the fields' names, also those of which no row has a value.
///
/// # Errors
/// 500 when it can't be written.
pub fn write(columns: &BTreeSet<String>, rows: &Rows) -> Result<String, Problem> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let head = ["object".to_owned(), "id".to_owned()].into_iter().chain(columns.iter().map(|name| harmless(name)));
    writer.write_record(head).map_err(Problem::internal)?;
    for ((level, id), values) in rows {
        let cells = columns.iter().map(|name| values.get(name).map_or_else(String::new, cell));
        writer.write_record([(*level).to_owned(), harmless(id)].into_iter().chain(cells)).map_err(Problem::internal)?;
    }
    let bytes = writer.into_inner().map_err(|error| Problem::internal(error.to_string()))?;
    String::from_utf8(bytes).map_err(Problem::internal)
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => harmless(text),
        other => other.to_string(),
    }
}

fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_quoted_and_runs_nothing() {
        let columns = BTreeSet::from(["MAU".to_owned(), "Last, used".to_owned()]);
        let values = BTreeMap::from([("MAU".to_owned(), Value::from(42)), ("Last, used".to_owned(), Value::Null)]);
        let rows = Rows::from([
            (("account", "A-1".to_owned()), values),
            (("account", "=1+\"2\"".to_owned()), BTreeMap::new()),
        ]);
        let table = write(&columns, &rows).unwrap();
        assert_eq!(table, "object,id,\"Last, used\",MAU\r\naccount,\"'=1+\"\"2\"\"\",,\r\naccount,A-1,,42\r\n");
    }
}
