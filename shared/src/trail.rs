//! The trail: who changed what of a workspace's configuration, and when. It never holds a key.

use crate::time::DAY_MS;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// How long a line is kept: more than a year, so that a yearly review sees the year before.
pub const RETENTION_DAYS: i64 = 400;
/// A longer document is named by its size alone, so that a page of lines stays small.
const DOCUMENT_BYTES_MAX: usize = 4_000;
/// What is kept of a subject, in characters.
const SUBJECT_MAX: usize = 256;

/// One change, as it is stored and shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    /// When, ms since 1970.
    #[serde(skip)]
    pub at_ms: i64,
    /// The subject of the token that asked for it; `None` where the token names none.
    pub by: Option<String>,
    /// The request, as it stands in the log.
    pub request_id: String,
    /// What was done, such as `connect` or `delete`.
    pub operation: String,
    /// What it was done to, such as `connection` or `fields/7`.
    pub resource: String,
    /// What stood before, or counts of it; `None` where nothing did.
    #[schemars(with = "Option<Map<String, Value>>")]
    pub before: Option<Value>,
    /// What stands since, or counts of what was done; `None` where it is gone.
    #[schemars(with = "Option<Map<String, Value>>")]
    pub after: Option<Value>,
}

/// Who asks for a change, and when.
#[derive(Clone, Debug)]
pub struct Asker {
    by: Option<String>,
    request_id: String,
    at_ms: i64,
}

impl Asker {
    /// Takes the token's subject, the request's id and the time.
    #[must_use]
    pub fn new(subject: Option<&str>, request_id: &str, at_ms: i64) -> Self {
        let by = subject.map(|subject| subject.chars().take(SUBJECT_MAX).collect());
        Self { by, request_id: request_id.to_owned(), at_ms }
    }

    /// The subject of the token; `None` where the token names none.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.by.as_deref()
    }

    /// When.
    #[must_use]
    pub fn at_ms(&self) -> i64 {
        self.at_ms
    }

    /// The line of a change.
    #[must_use]
    pub fn line(
        &self,
        operation: &str,
        resource: impl Into<String>,
        before: Option<Value>,
        after: Option<Value>,
    ) -> Line {
        Line {
            at_ms: self.at_ms,
            by: self.by.clone(),
            request_id: self.request_id.clone(),
            operation: operation.to_owned(),
            resource: resource.into(),
            before: before.map(short),
            after: after.map(short),
        }
    }
}

/// The first instant of which lines are still shown, ms since 1970.
#[must_use]
pub fn kept_from_ms(now_ms: i64) -> i64 {
    now_ms - RETENTION_DAYS * DAY_MS
}

fn short(document: Value) -> Value {
    let bytes = document.to_string().len();
    if bytes <= DOCUMENT_BYTES_MAX { document } else { json!({"left_out": "too long for the trail", "bytes": bytes}) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_document_is_named_by_its_size() {
        let asker = Asker::new(Some("ann"), "r-1", 7);
        let line = asker.line("create", "fields/7", None, Some(json!("x".repeat(5_000))));
        assert_eq!(line.after.unwrap()["bytes"], 5_002);
        assert_eq!((line.by.as_deref(), line.at_ms, line.before), (Some("ann"), 7, None));
    }
}
