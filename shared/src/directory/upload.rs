//! An upload: its rows as changes, its bad rows by line and reason. A bad row never stops the others.

use super::cell;
use super::{csv_rows, json_lines};
use crate::fields::Problem;
use crate::id::ObjectKind;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The most rows of one upload.
pub const ROWS_MAX: usize = 5_000;

/// The forms in which a directory is uploaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `text/csv` with a header row.
    Csv,
    /// `application/x-ndjson`: a JSON object per line.
    JsonLines,
}

impl Format {
    /// The format of a content type; its parameters and case do not matter.
    #[must_use]
    pub fn of_content_type(content_type: &str) -> Option<Self> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        match essence.to_ascii_lowercase().as_str() {
            "text/csv" => Some(Self::Csv),
            "application/x-ndjson" => Some(Self::JsonLines),
            _ => None,
        }
    }
}

/// A parsed upload.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Upload {
    /// The good rows, by line.
    pub rows: Vec<Change>,
    /// The bad rows, by line.
    pub errors: Vec<RowError>,
}

/// What one row changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The line it begins on, counted from 1.
    pub line: u64,
    /// The object's id.
    pub id: String,
    /// The columns it gives; `None` clears.
    pub fields: BTreeMap<String, Option<Value>>,
}

/// Why a row was refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct RowError {
    /// The line it begins on, counted from 1.
    pub line: u64,
    /// The object's id, when it could be read.
    pub id: Option<String>,
    /// What is wrong and what to do.
    pub reason: String,
}

/// Reads an upload.
///
/// # Errors
/// What is wrong with the whole: not UTF-8, no usable header, too many rows.
pub fn parse(kind: ObjectKind, format: Format, body: &[u8]) -> Result<Upload, Problem> {
    let text = std::str::from_utf8(body).map_err(|error| {
        let line = 1 + body[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
        Problem::at("", format!("line {line} is not UTF-8: save the file as UTF-8 and upload it again"))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let rows = match format {
        Format::Csv => csv_rows::read(kind, text)?,
        Format::JsonLines => json_lines::read(kind, text)?,
    };
    Ok(without_repeated_ids(rows))
}

/// Counts another row of an upload.
pub(super) fn count_row(count: &mut usize) -> Result<(), Problem> {
    *count += 1;
    if *count <= ROWS_MAX {
        return Ok(());
    }
    Err(Problem::too_large(format!("the upload has more than {ROWS_MAX} rows: split it into several uploads")))
}

/// Of rows with one id in one upload every one is refused, the bad ones among them included.
fn without_repeated_ids(rows: Vec<Result<Change, RowError>>) -> Upload {
    let mut lines: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for row in &rows {
        let (id, line) = match row {
            Ok(change) => (Some(&change.id), change.line),
            Err(error) => (error.id.as_ref(), error.line),
        };
        if let Some(id) = id {
            lines.entry(id.clone()).or_default().push(line);
        }
    }
    let mut upload = Upload::default();
    for row in rows {
        match row {
            Ok(change) => match lines.get(&change.id) {
                Some(same) if same.len() > 1 => upload.errors.push(repeated(change, same)),
                _ => upload.rows.push(change),
            },
            Err(error) => upload.errors.push(error),
        }
    }
    upload
}

fn repeated(change: Change, lines: &[u64]) -> RowError {
    const SHOWN: usize = 5;
    let others: Vec<u64> = lines.iter().copied().filter(|line| *line != change.line).collect();
    let shown: Vec<String> = others.iter().take(SHOWN).map(u64::to_string).collect();
    let more = if others.len() > SHOWN { " and others" } else { "" };
    let reason = format!("the id stands on line {}{more} as well: keep one row for each id", shown.join(", "));
    RowError { line: change.line, id: Some(change.id), reason }
}

/// The id of a row that is refused for something else.
pub(super) fn id_of_refused(text: &str) -> Option<String> {
    cell::id(text).ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_type_decides_the_format() {
        assert_eq!(Format::of_content_type("text/csv"), Some(Format::Csv));
        assert_eq!(Format::of_content_type("Text/CSV; charset=utf-8"), Some(Format::Csv));
        assert_eq!(Format::of_content_type("application/x-ndjson"), Some(Format::JsonLines));
        assert_eq!(Format::of_content_type("application/json"), None);
        assert_eq!(Format::of_content_type(""), None);
    }

    #[test]
    fn of_rows_with_one_id_every_one_is_refused() {
        let upload = parse(ObjectKind::Account, Format::Csv, b"id,x\na,1\nb,2\n a ,3\na,4,5\n").unwrap();
        assert_eq!(upload.rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["b"]);
        assert_eq!(upload.errors.iter().map(|error| error.line).collect::<Vec<_>>(), [2, 4, 5]);
        assert_eq!(upload.errors[0].reason, "the id stands on line 4, 5 as well: keep one row for each id");
    }

    #[test]
    fn a_byte_order_mark_is_tolerated() {
        for format in [(Format::Csv, "\u{feff}id\na\n"), (Format::JsonLines, "\u{feff}{\"id\":\"a\"}\n")] {
            let upload = parse(ObjectKind::Account, format.0, format.1.as_bytes()).unwrap();
            assert_eq!((upload.rows.len(), upload.errors.len()), (1, 0));
        }
    }

    #[test]
    fn what_is_wrong_with_the_whole_refuses_it() {
        let problem = parse(ObjectKind::Account, Format::Csv, b"id,name\na,\xff\n").unwrap_err();
        assert!(problem.detail.starts_with("line 2 is not UTF-8"), "{problem}");
        assert!(!problem.is_too_large);
        let rows: String = (0..=ROWS_MAX).map(|row| format!("{row}\n")).collect();
        let problem = parse(ObjectKind::Account, Format::Csv, format!("id\n{rows}").as_bytes()).unwrap_err();
        assert!(problem.is_too_large && problem.detail.contains("5000"), "{problem}");
        let rows = rows.rsplit_once("5000").unwrap().0;
        assert_eq!(
            parse(ObjectKind::Account, Format::Csv, format!("id\n{rows}").as_bytes()).unwrap().rows.len(),
            ROWS_MAX
        );
    }
}
