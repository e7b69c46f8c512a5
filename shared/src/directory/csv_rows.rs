//! CSV uploads: a header row, then an object a row.
//!
//! A column whose every filled cell is a number that prints back as it stands is a column of numbers; every other cell is
//! text, so that codes such as `007` survive. Ids are always text.

use super::upload::{Change, RowError, count_row, id_of_refused};
use super::{ACCOUNT_ID, ID, cell};
use crate::fields::Problem;
use crate::id::ObjectKind;
use csv::{ReaderBuilder, StringRecord};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

struct Record {
    line: u64,
    cells: StringRecord,
}

struct Header {
    columns: Vec<String>,
    id_at: usize,
}

pub(super) fn read(kind: ObjectKind, text: &str) -> Result<Vec<Result<Change, RowError>>, Problem> {
    let mut records = records(text)?.into_iter();
    let Some(first) = records.next() else {
        return Err(Problem::at("", "the upload is empty: begin it with a header row that names the columns"));
    };
    let header = Header::parse(&first.cells).map_err(|detail| Problem::at("", detail))?;
    let records: Vec<Record> = records.collect();
    let numeric = header.numeric_columns(kind, &records);
    Ok(records.iter().map(|record| header.change(record, &numeric)).collect())
}

impl Header {
    fn parse(cells: &StringRecord) -> Result<Self, String> {
        let columns = cells.iter().map(|cell| cell::column(cell).map(str::to_owned)).collect::<Result<Vec<_>, _>>()?;
        if columns.len() > cell::COLUMNS_MAX {
            return Err(format!("the header has {} columns: give at most {}", columns.len(), cell::COLUMNS_MAX));
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = columns.iter().find(|name| !seen.insert(name.as_str())) {
            return Err(format!("the header names the column \"{twice}\" twice: rename or remove one"));
        }
        let Some(id_at) = columns.iter().position(|name| name == ID) else {
            return Err(format!(
                "the header has no column \"{ID}\": name the columns, separated by commas, and {ID} among them"
            ));
        };
        Ok(Self { columns, id_at })
    }

    /// Which columns hold numbers and nothing else.
    fn numeric_columns(&self, kind: ObjectKind, records: &[Record]) -> Vec<bool> {
        let is_id = |name: &str| name == ID || (kind == ObjectKind::Contact && name == ACCOUNT_ID);
        let mut numeric: Vec<bool> = self.columns.iter().map(|name| !is_id(name)).collect();
        for record in records.iter().filter(|record| record.cells.len() == self.columns.len()) {
            for (is_numeric, text) in numeric.iter_mut().zip(&record.cells) {
                *is_numeric = *is_numeric && (text.trim().is_empty() || cell::number(text).is_some());
            }
        }
        numeric
    }

    fn change(&self, record: &Record, numeric: &[bool]) -> Result<Change, RowError> {
        let id_text = record.cells.get(self.id_at).unwrap_or_default();
        let refuse = |reason: String| RowError { line: record.line, id: id_of_refused(id_text), reason };
        if record.cells.len() != self.columns.len() {
            let reason = format!(
                "the row has {} cells and the header {}: quote cells that hold commas",
                record.cells.len(),
                self.columns.len()
            );
            return Err(refuse(reason));
        }
        let id = cell::id(id_text).map_err(refuse)?;
        let mut fields = BTreeMap::new();
        for (index, (name, text)) in self.columns.iter().zip(&record.cells).enumerate() {
            if index == self.id_at {
                continue;
            }
            cell::check_length(name, text).map_err(refuse)?;
            let number = if numeric[index] { cell::number(text).map(Value::Number) } else { None };
            let value = if text.trim().is_empty() { None } else { Some(number.unwrap_or_else(|| Value::from(text))) };
            fields.insert(name.clone(), value);
        }
        Ok(Change { line: record.line, id: id.to_owned(), fields })
    }
}

/// The records of a text, each with the line it begins on.
fn records(text: &str) -> Result<Vec<Record>, Problem> {
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut records = Vec::new();
    let mut count = 0;
    let mut lines = Lines { text, at: 0, line: 1 };
    let mut cells = StringRecord::new();
    loop {
        match reader.read_record(&mut cells) {
            Ok(true) => {}
            Ok(false) => return Ok(records),
            Err(error) => return Err(Problem::at("", format!("the upload is not CSV: {error}"))),
        }
        if !records.is_empty() {
            count_row(&mut count)?;
        }
        let begins_at = cells.position().map_or(0, |position| position.byte());
        let line = lines.line_of(usize::try_from(begins_at).unwrap_or(usize::MAX));
        records.push(Record { line, cells: std::mem::take(&mut cells) });
    }
}

/// Counts lines on the way through a text.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line of the record that begins at this byte, empty lines before it skipped.
    fn line_of(&mut self, begins_at: usize) -> u64 {
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            if self.at >= begins_at && !matches!(byte, b'\n' | b'\r') {
                break;
            }
            self.line += u64::from(*byte == b'\n');
            self.at += 1;
        }
        self.line
    }
}
