//! CSV: of values wide, one row per object and a column per field; of anything else row by row.
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
    let head = ["object", "id"].into_iter().chain(columns.iter().map(String::as_str));
    let rows = rows.iter().map(|((level, id), values)| {
        let cells = columns.iter().map(|name| values.get(name).cloned().unwrap_or_default());
        [Value::from(*level), Value::from(id.as_str())].into_iter().chain(cells).collect()
    });
    write_rows(head, rows)
}

/// Writes rows under the names of their columns.
///
/// # Errors
/// 500 when they can't be written.
pub fn write_rows<'n>(
    head: impl IntoIterator<Item = &'n str>,
    rows: impl IntoIterator<Item = Vec<Value>>,
) -> Result<String, Problem> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(head.into_iter().map(harmless)).map_err(Problem::internal)?;
    for row in rows {
        writer.write_record(row.iter().map(cell)).map_err(Problem::internal)?;
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
