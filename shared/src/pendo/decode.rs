//! Splits an aggregation's answer into rows as it arrives, so that no answer is ever held whole.
//!
//! Knows only the frame `{"results":[{…},…],…}` (in any order of keys, `results` absent or null when empty); each row's
//! bytes go to the caller as they stand. An answer that ends early is an error: only whole JSON counts.

use crate::planted::planted;

/// What was wrong with the frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The answer ended before its last bracket.
    #[error("the answer ended in the middle")]
    Truncated,
    /// Not the frame that the API documents.
    #[error("at byte {at}: {what}")]
    Malformed {
        /// Where.
        at: usize,
        /// What was found.
        what: String,
    },
    /// The caller did not understand a row.
    #[error("row {row}: {what}")]
    Row {
        /// Which, from 1.
        row: u64,
        /// Why.
        what: String,
    },
}

/// The longest row, and the longest word between rows: many times what Pendo's longest ids come to.
const ROW_BYTES_MAX: usize = 1 << 20;

/// Takes chunks of an answer and gives out rows.
#[derive(Default)]
pub struct Splitter {
    depth: usize,
    in_string: bool,
    is_escaped: bool,
    in_results: bool,
    wants_comma: bool,
    has_ended: bool,
    /// The string or bare word being read directly inside the outer object.
    word: Vec<u8>,
    key: Vec<u8>,
    after_colon: bool,
    row: Vec<u8>,
    rows: u64,
    bytes: usize,
}

impl Splitter {
    /// Reads on.
    ///
    /// # Errors
    /// A broken frame, or what `on_row` answered.
    pub fn feed(
        &mut self,
        chunk: &[u8],
        on_row: &mut impl FnMut(&[u8]) -> Result<(), String>,
    ) -> Result<(), FrameError> {
        // Where the present row began in this chunk, when one is open.
        let mut row_start = (self.in_results && self.depth > 2).then_some(0);
        let mut next = 0;
        loop {
            if self.in_string {
                next = self.skip_string(chunk, next);
            } else if self.in_results && self.depth > 2 {
                // Inside a row only brackets and the beginnings of strings matter.
                next += position(&chunk[next..], |byte| matches!(byte, b'"' | b'{' | b'}' | b'[' | b']'));
            }
            let at = next;
            let Some(&byte) = chunk.get(at) else { break };
            next += 1;
            if byte.is_ascii_whitespace() {
                continue;
            }
            if self.has_ended {
                return Err(self.malformed(at, "something follows the end"));
            }
            match byte {
                b'"' => {
                    if self.depth == 0 || (self.in_results && self.depth == 2) {
                        return Err(self.malformed(at, "a string stands where an object should"));
                    }
                    self.in_string = true;
                    if self.depth == 1 {
                        self.word.clear();
                    }
                }
                b'{' | b'[' => {
                    if self.depth == 0 && byte == b'[' {
                        return Err(self.malformed(at, "a list stands where an object should"));
                    }
                    if self.depth == 1 && self.after_colon && self.key == b"results" {
                        if byte == b'{' {
                            return Err(self.malformed(at, "results is not a list"));
                        }
                        (self.in_results, self.wants_comma) = (true, false);
                    } else if self.in_results && self.depth == 2 {
                        if self.wants_comma || byte == b'[' {
                            return Err(self.malformed(at, "a row is not an object behind a comma"));
                        }
                        row_start = Some(at);
                    }
                    self.depth += 1;
                }
                b'}' | b']' => {
                    let Some(depth) = self.depth.checked_sub(1) else {
                        return Err(self.malformed(at, "a bracket closes nothing"));
                    };
                    self.depth = depth;
                    if self.in_results && depth == 2 {
                        let start = row_start.take().unwrap_or(0);
                        self.finish_row(&chunk[start..=at], on_row)?;
                    } else if self.in_results && depth == 1 {
                        self.in_results = false;
                    }
                    self.has_ended = depth == 0;
                }
                b',' if self.in_results && self.depth == 2 => {
                    if !self.wants_comma {
                        return Err(self.malformed(at, "a comma without a row"));
                    }
                    self.wants_comma = false;
                }
                b',' if self.depth == 1 => self.end_value(at)?,
                b':' if self.depth == 1 => {
                    self.key = std::mem::take(&mut self.word);
                    self.after_colon = true;
                }
                _ if self.depth == 0 => return Err(self.malformed(at, "this is not JSON")),
                _ if self.in_results && self.depth == 2 => return Err(self.malformed(at, "a row is not an object")),
                _ if self.depth == 1 => self.word.push(byte),
                _ => {}
            }
        }
        if let Some(start) = row_start {
            self.row.extend_from_slice(&chunk[start..]);
        }
        if self.row.len().max(self.word.len()) > ROW_BYTES_MAX {
            return Err(self.malformed(chunk.len(), "a row does not end"));
        }
        self.bytes += chunk.len();
        Ok(())
    }

    /// Says that the answer has ended.
    ///
    /// # Errors
    /// It ended too early.
    pub fn finish(&self) -> Result<(), FrameError> {
        if self.has_ended || planted!(TruncatedBodyAccepted) { Ok(()) } else { Err(FrameError::Truncated) }
    }

    /// How many rows came so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Goes to behind the end of the string that is open; answers where that is.
    fn skip_string(&mut self, chunk: &[u8], from: usize) -> usize {
        let mut at = from;
        while let Some(&byte) = chunk.get(at) {
            if self.is_escaped {
                self.is_escaped = false;
                at += 1;
            } else if byte == b'"' {
                self.in_string = false;
                break;
            } else {
                self.is_escaped = byte == b'\\';
                at += 1;
                at += if self.is_escaped { 0 } else { position(&chunk[at..], |byte| matches!(byte, b'"' | b'\\')) };
            }
        }
        if self.depth == 1 {
            self.word.extend_from_slice(&chunk[from..at]);
        }
        at + usize::from(!self.in_string)
    }

    fn finish_row(
        &mut self,
        tail: &[u8],
        on_row: &mut impl FnMut(&[u8]) -> Result<(), String>,
    ) -> Result<(), FrameError> {
        self.rows += 1;
        let result = if self.row.is_empty() {
            on_row(tail)
        } else {
            self.row.extend_from_slice(tail);
            on_row(&self.row)
        };
        self.row.clear();
        self.wants_comma = true;
        result.map_err(|what| FrameError::Row { row: self.rows, what })
    }

    /// A value directly inside the outer object ends. A bare word as `results` may only be null.
    fn end_value(&mut self, at: usize) -> Result<(), FrameError> {
        if self.after_colon && self.key == b"results" && !self.word.is_empty() && self.word != b"null" {
            return Err(self.malformed(at, "results is not a list"));
        }
        self.after_colon = false;
        self.word.clear();
        Ok(())
    }

    fn malformed(&self, at: usize, what: &str) -> FrameError {
        FrameError::Malformed { at: self.bytes + at, what: what.to_owned() }
    }
}

/// How many bytes come before the first that is looked for; all, when there is none.
fn position(bytes: &[u8], is_sought: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|byte| is_sought(*byte)).unwrap_or(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str, chunk: usize) -> Result<Vec<String>, FrameError> {
        let mut rows = Vec::new();
        let mut on_row = |row: &[u8]| {
            rows.push(String::from_utf8_lossy(row).into_owned());
            Ok(())
        };
        let mut splitter = Splitter::default();
        for part in text.as_bytes().chunks(chunk) {
            splitter.feed(part, &mut on_row)?;
        }
        splitter.finish()?;
        Ok(rows)
    }

    #[test]
    fn rows_come_out_whole_wherever_the_chunks_are_cut() {
        let text = r#" {"startTime":1,"results":[{"a":"}]\"{"},{"b":[{"c":1}]} , {}],"x":{"results":[1]}} "#;
        for chunk in 1..text.len() {
            assert_eq!(
                split(text, chunk).unwrap(),
                [r#"{"a":"}]\"{"}"#, r#"{"b":[{"c":1}]}"#, "{}"],
                "chunks of {chunk}"
            );
        }
    }

    #[test]
    fn no_results_are_no_rows() {
        for text in [r#"{"results":null}"#, r#"{"results":[]}"#, "{}", r#"{"startTime":5,"results":null,"a":1}"#] {
            assert_eq!(split(text, 3).unwrap(), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn an_answer_that_ends_early_is_never_whole() {
        let text = r#"{"results":[{"a":1},{"b":2}]}"#;
        for end in 0..text.len() {
            assert!(split(&text[..end], 7).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn what_is_not_the_frame_is_refused() {
        for text in [
            "<html></html>",
            "[1]",
            r#"{"results":[1]}"#,
            r#"{"results":[{}{}]}"#,
            r#"{"results":{}}"#,
            r#"{"results":[{}]} x"#,
        ] {
            assert!(split(text, 5).is_err(), "{text}");
        }
    }
}
