//! Cuts a directory file into uploads of a size that the API takes, each with its headings.

use crate::options::Upload;

const ROWS_MAX: usize = 5_000;
/// With room for the headings below the API's 4 MB.
const BYTES_MAX: usize = 3_900_000;

/// An upload, and how many of the file's lines were left behind before its first row.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    /// What to add to a line number of this part to find the line in the file.
    pub lines_before: u64,
    /// Headings and rows.
    pub content: String,
}

/// The parts of a file, in its order. A file without rows is one part.
#[must_use]
pub fn parts_of(upload: &Upload) -> Vec<Part> {
    let starts = if upload.is_ndjson { line_starts(&upload.content) } else { row_starts(&upload.content) };
    cut(&upload.content, &starts, ROWS_MAX, BYTES_MAX)
}

fn cut(content: &str, starts: &[usize], rows_max: usize, bytes_max: usize) -> Vec<Part> {
    let Some(&first) = starts.first() else { return vec![Part { lines_before: 0, content: content.to_owned() }] };
    let span = |from: usize, to: usize| content.get(from..to).unwrap_or_default();
    let part = |from: usize, to: usize| Part {
        lines_before: span(first, from).bytes().filter(|byte| *byte == b'\n').count() as u64,
        content: format!("{}{}", span(0, first), span(from, to)),
    };
    let ends = starts.iter().skip(1).copied().chain([content.len()]);
    let (mut parts, mut from, mut rows) = (Vec::new(), first, 0);
    for (&start, end) in starts.iter().zip(ends) {
        if rows == rows_max || (rows > 0 && end - from > bytes_max) {
            parts.push(part(from, start));
            (from, rows) = (start, 0);
        }
        rows += 1;
    }
    parts.push(part(from, content.len()));
    parts
}

/// Where CSV's rows begin, the headings aside; a quoted cell may hold line breaks.
fn row_starts(content: &str) -> Vec<usize> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(content.as_bytes());
    let mut starts = Vec::new();
    let mut record = csv::ByteRecord::new();
    while reader.read_byte_record(&mut record).is_ok_and(|is_there| is_there) {
        let start = record.position().and_then(|position| usize::try_from(position.byte()).ok());
        starts.extend(start);
    }
    starts.split_off(starts.len().min(1))
}

fn line_starts(content: &str) -> Vec<usize> {
    let mut next = 0;
    let mut starts = Vec::new();
    for line in content.split_inclusive('\n') {
        starts.push(next);
        next += line.len();
    }
    starts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_has_the_headings_and_no_row_is_cut() {
        let content = "id,name\n1,\"two\nlines\"\n2,b\n3,ü\n";
        let parts = cut(content, &row_starts(content), 2, BYTES_MAX);
        let expected = [(0, "id,name\n1,\"two\nlines\"\n2,b\n"), (3, "id,name\n3,ü\n")];
        let seen: Vec<(u64, &str)> = parts.iter().map(|part| (part.lines_before, part.content.as_str())).collect();
        assert_eq!(seen, expected);
    }

    #[test]
    fn bytes_are_a_bound_too() {
        let content = "{\"id\":\"1\"}\n{\"id\":\"2\"}\n{\"id\":\"3\"}";
        let parts = cut(content, &line_starts(content), 100, 22);
        assert_eq!(parts.iter().map(|part| part.content.lines().count()).collect::<Vec<_>>(), [2, 1]);
    }

    #[test]
    fn a_file_without_rows_is_one_part() {
        for content in ["", "id,name", "id,name\n"] {
            let upload = Upload { content: content.to_owned(), is_ndjson: false };
            assert_eq!(parts_of(&upload), [Part { lines_before: 0, content: content.to_owned() }]);
        }
    }
}
