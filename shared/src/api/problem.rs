//! Refusals as problem details (RFC 9457): a stable type, one sentence that says what to do, a pointer to the place.
//!
//! The inner error travels along for the log and is never part of the answer.

use crate::queue::QueueError;
use crate::store::StoreError;
use serde::Serialize;
use serde_json::{Map, Value};
use std::fmt;
use std::num::NonZeroU16;

/// What does not answer now may do so in so many seconds.
const SECONDS_UNAVAILABLE: u16 = 5;

/// Why a request was refused.
#[derive(Serialize)]
pub struct Problem {
    /// A stable name, such as `unknown-region`; shown as `/problems/unknown-region`.
    #[serde(rename = "type", serialize_with = "kind")]
    pub slug: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong here and what to do.
    pub detail: String,
    /// Where: a JSON pointer into the body, or `?name` for a part of the query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// More that a program may use: names, allowed values.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
    /// In how many seconds to ask again, where that helps.
    #[serde(skip)]
    pub retry_after: Option<NonZeroU16>,
    #[serde(skip)]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Problem {
    /// A refusal with a status; `slug` names it within `/problems/`.
    #[must_use]
    pub fn new(status: u16, slug: &'static str, detail: impl Into<String>) -> Self {
        Self { slug, status, detail: detail.into(), pointer: None, extra: Map::new(), retry_after: None, source: None }
    }

    /// The kind of refusal in a few words; the same for all of a status.
    #[must_use]
    pub const fn title(&self) -> &'static str {
        match self.status {
            400 => "The request can't be read",
            403 => "Not allowed",
            404 => "Not found",
            405 => "Method not allowed",
            409 => "Not possible as things stand",
            412 => "Changed meanwhile",
            413 => "Too large",
            415 => "Unsupported media type",
            422 => "The request makes no sense",
            429 => "Too many requests",
            503 => "Not available now",
            _ => "Internal error",
        }
    }

    /// 400: the request can't be read.
    #[must_use]
    pub fn bad_request(slug: &'static str, detail: impl Into<String>) -> Self {
        Self::new(400, slug, detail)
    }

    /// 403: the caller may not.
    #[must_use]
    pub fn forbidden(detail: &str) -> Self {
        Self::new(403, "forbidden", detail)
    }

    /// 404: it is not there.
    #[must_use]
    pub fn not_found(slug: &'static str, detail: impl Into<String>) -> Self {
        Self::new(404, slug, detail)
    }

    /// 405: another method is meant.
    #[must_use]
    pub fn method(allow: impl Into<String>) -> Self {
        let allow = allow.into();
        Self::new(405, "method-not-allowed", format!("This route takes {allow}.")).with("allow", allow)
    }

    /// 409: it can't be done as things stand.
    #[must_use]
    pub fn conflict(slug: &'static str, detail: impl Into<String>) -> Self {
        Self::new(409, slug, detail)
    }

    /// 413: the body is over its limit.
    #[must_use]
    pub fn too_large(detail: impl Into<String>) -> Self {
        Self::new(413, "body-too-large", detail)
    }

    /// 415: the body is of another type than this route takes.
    #[must_use]
    pub fn media_type(detail: impl Into<String>) -> Self {
        Self::new(415, "unsupported-media-type", detail)
    }

    /// 422: readable, but not something that can be done.
    #[must_use]
    pub fn invalid(slug: &'static str, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(422, slug, detail).at(pointer)
    }

    /// 429: asked too often; it may be asked again in so many seconds.
    #[must_use]
    pub fn too_many(detail: impl Into<String>, seconds: u16) -> Self {
        Self { retry_after: NonZeroU16::new(seconds), ..Self::new(429, "too-many-requests", detail) }
    }

    /// 500: our own fault.
    #[must_use]
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(500, "internal", "Something went wrong on our side; the request id leads to it in the log.")
            .because(source)
    }

    /// 503: something that is needed does not answer now.
    #[must_use]
    pub fn unavailable(slug: &'static str, detail: impl Into<String>) -> Self {
        Self { retry_after: NonZeroU16::new(SECONDS_UNAVAILABLE), ..Self::new(503, slug, detail) }
    }

    /// 409 before a connection stands.
    #[must_use]
    pub fn not_connected() -> Self {
        Self::conflict("not-connected", "Pendo is not connected yet: call POST /v1/connection first.")
    }

    /// The same with the place.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = Some(pointer.into());
        self
    }

    /// The same with its place below another one: what is wrong with a part, as the whole has it.
    #[must_use]
    pub fn below(mut self, place: &str) -> Self {
        self.pointer = Some(format!("{place}{}", self.pointer.unwrap_or_default()));
        self
    }

    /// The same with one more member.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.extra.insert(name.to_owned(), value.into());
        self
    }

    /// The same with the inner error, for the log.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The inner error and its causes in one line, for the log.
    #[must_use]
    pub fn cause(&self) -> Option<String> {
        let mut error: &(dyn std::error::Error + 'static) = self.source.as_deref()?;
        let mut line = error.to_string();
        while let Some(next) = error.source() {
            line = format!("{line}: {next}");
            error = next;
        }
        Some(line)
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {} at {:?}", self.status, self.slug, self.detail, self.pointer)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict { .. } => Self::conflict(
                "changed-meanwhile",
                "This was changed by someone else at the same time: read it again and repeat.",
            )
            .because(error),
            StoreError::Unavailable { .. } => {
                Self::unavailable("store", "The database does not answer: try again in a moment.").because(error)
            }
            StoreError::TooLarge { .. } => {
                Self::too_large("This would be more than can be stored in one piece: make it smaller.").because(error)
            }
            StoreError::Unreadable { .. } | StoreError::Missing { .. } | StoreError::Overtaken => Self::internal(error),
        }
    }
}

impl From<QueueError> for Problem {
    fn from(error: QueueError) -> Self {
        Self::unavailable("queue", "The queue does not answer: try again in a moment.").because(error)
    }
}

impl From<crate::secrets::SecretsError> for Problem {
    fn from(error: crate::secrets::SecretsError) -> Self {
        Self::unavailable("secrets", "The key store does not answer: try again in a moment.").because(error)
    }
}

fn kind<S: serde::Serializer>(slug: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("/problems/{slug}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_shows_its_place_and_hides_its_cause() {
        let problem = Problem::invalid("unknown-region", "/region", "No such region.")
            .with("regions", vec!["us", "eu"])
            .because("the inner text");
        let shown = serde_json::to_value(&problem).unwrap();
        assert_eq!(
            shown,
            serde_json::json!({"type": "/problems/unknown-region", "status": 422,
                "detail": "No such region.", "pointer": "/region", "regions": ["us", "eu"]})
        );
        assert_eq!(problem.cause().as_deref(), Some("the inner text"));
    }

    #[test]
    fn a_conflict_in_the_table_is_409_and_a_silent_table_503() {
        assert_eq!(Problem::from(StoreError::Conflict { key: "k".to_owned() }).status, 409);
        assert_eq!(Problem::from(StoreError::Unavailable { action: "read", source: "x".into() }).status, 503);
        assert_eq!(Problem::from(StoreError::Missing { key: "k".to_owned() }).status, 500);
    }
}
