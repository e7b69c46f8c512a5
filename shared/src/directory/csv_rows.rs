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

/// How often reading goes on after a quote that is never closed.
const OPEN_QUOTES_MAX: usize = 8;

struct Record {
    line: u64,
    cells: StringRecord,
    is_open: bool,
}

/// A longer first line holds no header that could be used, however its names are quoted and doubled.
const HEADER_BYTES_MAX: usize = cell::COLUMNS_MAX * (8 * cell::COLUMN_CHARS_MAX + 3);

struct Header {
    columns: Vec<String>,
    id_at: usize,
}

pub(super) fn read(kind: ObjectKind, text: &str) -> Result<Vec<Result<Change, RowError>>, Problem> {
    // Splitting megabytes into millions of names takes longer than a refusal may.
    let line = text.split(['\n', '\r']).next().unwrap_or_default();
    if line.len() > HEADER_BYTES_MAX {
        let (columns, chars) = (cell::COLUMNS_MAX, cell::COLUMN_CHARS_MAX);
        let detail = format!(
            "the header row has {} bytes: give at most {columns} columns, whose names have at most {chars} characters",
            line.len()
        );
        return Err(Problem::at("", detail));
    }
    let mut records = records(text)?.into_iter();
    let Some(first) = records.next() else {
        return Err(Problem::at("", "the upload is empty: begin it with a header row that names the columns"));
    };
    if first.is_open {
        return Err(Problem::at("", "the header row has a quote that is never closed: close it"));
    }
    let header = Header::parse(&first.cells).map_err(|detail| Problem::at("", detail))?;
    let records: Vec<Record> = records.collect();
    let numeric = header.numeric_columns(kind, &records);
    Ok(records.iter().map(|record| header.change(record, &numeric)).collect())
}

impl Header {
    fn parse(cells: &StringRecord) -> Result<Self, String> {
        if cells.len() > cell::COLUMNS_MAX {
            return Err(format!("the header has {} columns: give at most {}", cells.len(), cell::COLUMNS_MAX));
        }
        let columns = cells.iter().map(|cell| cell::column(cell).map(str::to_owned)).collect::<Result<Vec<_>, _>>()?;
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
        for record in records.iter().filter(|record| !record.is_open && record.cells.len() == self.columns.len()) {
            for (is_numeric, text) in numeric.iter_mut().zip(&record.cells) {
                *is_numeric = *is_numeric && (text.trim().is_empty() || cell::number(text).is_some());
            }
        }
        numeric
    }

    fn change(&self, record: &Record, numeric: &[bool]) -> Result<Change, RowError> {
        let id_text = record.cells.get(self.id_at).unwrap_or_default();
        let refuse = |reason: String| RowError { line: record.line, id: id_of_refused(id_text), reason };
        if record.is_open {
            return Err(refuse("a quote that opens on this row is never closed: close it, or double it".to_owned()));
        }
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

/// The records of a text, each with the line it begins on. A quote that is never closed would take every row after it
/// along: its row is refused and reading goes on with the next line.
fn records(text: &str) -> Result<Vec<Record>, Problem> {
    let mut records = Vec::new();
    let mut lines = Lines { text, at: 0, line: 1 };
    let mut count = 0;
    let mut start = 0;
    for _ in 0..=OPEN_QUOTES_MAX {
        let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(&text.as_bytes()[start..]);
        let mut cells = StringRecord::new();
        let mut last_at = start;
        while reader
            .read_record(&mut cells)
            .map_err(|error| Problem::at("", format!("the upload is not CSV: {error}")))?
        {
            if !records.is_empty() {
                count_row(&mut count)?;
            }
            let offset = cells.position().map_or(0, |position| position.byte());
            let line = lines.line_of(start.saturating_add(usize::try_from(offset).unwrap_or(usize::MAX)));
            last_at = lines.at;
            records.push(Record { line, cells: std::mem::take(&mut cells), is_open: false });
        }
        match (records.last_mut(), text[last_at..].find('\n')) {
            (Some(last), line_end) if has_open_quote(&text[last_at..]) => {
                last.is_open = true;
                let Some(line_end) = line_end else { break };
                start = last_at + line_end + 1;
            }
            _ => break,
        }
    }
    Ok(records)
}

/// Whether a quote that opens a cell of this record is still open at its end.
fn has_open_quote(record: &str) -> bool {
    let (mut is_quoted, mut is_cell_start) = (false, true);
    let mut bytes = record.bytes().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' if is_quoted && bytes.peek() == Some(&b'"') => _ = bytes.next(),
            b'"' if is_quoted => is_quoted = false,
            b'"' if is_cell_start => is_quoted = true,
            _ => {}
        }
        is_cell_start = !is_quoted && matches!(byte, b',' | b'\n' | b'\r');
    }
    is_quoted
}

/// Counts lines on the way through a text.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line of the record that begins at this byte or, after empty lines, later. Lines end with LF, CRLF or CR.
    fn line_of(&mut self, begins_at: usize) -> u64 {
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            if self.at >= begins_at && !matches!(byte, b'\n' | b'\r') {
                break;
            }
            let is_line_end = *byte == b'\n' || (*byte == b'\r' && bytes.get(self.at + 1) != Some(&b'\n'));
            self.line += u64::from(is_line_end);
            self.at += 1;
        }
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn accounts(text: &str) -> Vec<Result<Change, RowError>> {
        read(ObjectKind::Account, text).unwrap()
    }

    fn cell_of(text: &str, row: usize, column: &str) -> Option<Value> {
        accounts(text)[row].as_ref().unwrap().fields[column].clone()
    }

    /// The lines of the rows, the bad ones negative.
    fn lines(text: &str) -> Vec<i64> {
        let line = |row: Result<Change, RowError>| {
            row.map_or_else(|bad| -bad.line.cast_signed(), |row| row.line.cast_signed())
        };
        accounts(text).into_iter().map(line).collect()
    }

    #[test]
    fn a_column_of_numbers_is_numbers_and_every_other_is_text() {
        let text = "id,seats,zip,mixed,big\n1,5,00501,7,1.5\n2,,10001,x,12\n";
        assert_eq!(cell_of(text, 0, "seats"), Some(json!(5)));
        assert_eq!(cell_of(text, 1, "seats"), None);
        assert_eq!(cell_of(text, 1, "zip"), Some(json!("10001")));
        assert_eq!(cell_of(text, 0, "mixed"), Some(json!("7")));
        assert_eq!(cell_of(text, 0, "big"), Some(json!(1.5)));
        assert_eq!(accounts(text)[0].as_ref().unwrap().id, "1");
    }

    #[test]
    fn the_account_of_a_contact_is_text() {
        let rows = read(ObjectKind::Contact, "id,account_id\nc,5\n").unwrap();
        assert_eq!(rows[0].as_ref().unwrap().fields["account_id"], Some(json!("5")));
    }

    #[test]
    fn lines_are_those_of_the_file() {
        assert_eq!(lines("id,note\r\na,\"one\r\ntwo\"\r\n\r\nb,x\r\nc\r\nd,y"), [2, 5, -6, 7]);
        assert_eq!(lines("\n\nid,note\n\na,x\n"), [5]);
        assert_eq!(lines("id,note\ra,x\rb,y\r"), [2, 3]);
    }

    #[test]
    fn a_bad_row_never_stops_the_others() {
        let text = "id,name\na,A\n,nobody\nb,B,more\nc\nd,D\n";
        assert_eq!(lines(text), [2, -3, -4, -5, 6]);
        let refused = accounts(text)[2].clone().unwrap_err();
        assert_eq!(refused.id.as_deref(), Some("b"));
        assert!(refused.reason.contains("3 cells and the header 2"), "{}", refused.reason);
    }

    #[test]
    fn a_quote_that_is_never_closed_costs_its_row_only() {
        assert_eq!(lines("id,name\na,\"A\nb,B\nc,\"\"\nd,D\n"), [-2, 3, 4, 5]);
        assert_eq!(lines("id,name\na,5\" pipe\nb,\"say \"\"hi\"\"\"\n"), [2, 3]);
        assert!(accounts("id,name\na,\"A\nb,B\n")[0].clone().unwrap_err().reason.contains("never closed"));
    }

    #[test]
    fn a_header_that_cannot_be_used_is_named() {
        for (text, part) in [
            ("", "empty"),
            ("name,arr\nx,1\n", "no column \"id\""),
            ("id;name\nx;1\n", "commas"),
            ("id,name,name\n", "twice"),
            ("id,,name\n", "no name"),
            ("\"id,name\nx,y\n", "never closed"),
        ] {
            let problem = read(ObjectKind::Account, text).unwrap_err();
            assert!(problem.detail.contains(part), "{text:?}: {problem}");
        }
        let wide: Vec<String> = (0..100).map(|column| format!("c{column}")).collect();
        assert!(read(ObjectKind::Account, &format!("id,{}\n", wide.join(","))).is_err());
        assert!(read(ObjectKind::Account, &format!("id,{}\n", wide[..99].join(","))).is_ok());
        let millions = read(ObjectKind::Account, &format!("id{}", ",c".repeat(1_000_000))).unwrap_err();
        assert!(millions.detail.contains("2000002 bytes: give at most 100 columns"), "{millions}");
        // Lines of any end are lines, so a long file is no long header.
        let rows = format!("a,{}\r", "x".repeat(100)).repeat(2_000);
        assert_eq!(read(ObjectKind::Account, &format!("id,note\r{rows}")).unwrap().len(), 2_000);
        let widest = format!("\"{}\"", "\"\"".repeat(120));
        assert!(read(ObjectKind::Account, &format!("id,{widest}\n")).is_ok());
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "[a-z\",\r\n0-9é]{0,60}") {
            let rows = read(ObjectKind::Account, &format!("id,x\n{text}")).unwrap();
            let numbers: Vec<u64> = rows.iter().map(|row| row.as_ref().map_or_else(|bad| bad.line, |row| row.line)).collect();
            prop_assert!(numbers.is_sorted_by(|one, next| one < next), "{:?}", numbers);
        }

        #[test]
        fn cells_come_back_as_they_were_written(cells in prop::collection::vec("[ -~é\n]{0,20}x", 1..5)) {
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(["id", "note"]).unwrap();
            for (id, cell) in cells.iter().enumerate() {
                writer.write_record([&id.to_string(), cell]).unwrap();
            }
            let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            let rows = accounts(&text);
            prop_assert_eq!(rows.len(), cells.len());
            for (row, cell) in rows.iter().zip(&cells) {
                prop_assert_eq!(row.as_ref().unwrap().fields["note"].clone(), Some(json!(cell)));
            }
        }
    }
}
