//! An upload: its rows as changes, its bad rows by line and reason. A bad row never stops the others.

use super::cell;
use super::{csv_rows, json_lines};
use crate::fields::Problem;
use crate::id::ObjectKind;
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
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
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
