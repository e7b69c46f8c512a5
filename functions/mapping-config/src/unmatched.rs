//! The match report weighed by usage, for `high`, since visitors are named.

use crate::operations::{Act, READ};
use crate::parameters::{LIMIT, TEXT};
use shared::api::operation::{Operation, Parameter, Takes, shape};
use shared::api::page;
use shared::api::{Problem, Reply, Request};
use shared::context::Context;
use shared::explain::ExplainError;
use shared::id::WorkspaceId;
use shared::unmatched::{Unmatched, UnmatchedQuery, unmatched};

/// The longest span, in days.
const DAYS_MAX: usize = 90;
const DAYS_DEFAULT: usize = 30;
/// Nobodies that are named of each level.
const TOP_DEFAULT: usize = 20;
/// The most of them.
const TOP_MAX: usize = 100;
/// More rows are not counted while somebody waits for the gateway's 30 s.
const ROWS_MAX: u64 = 2_000_000;

/// What it can be asked.
pub(crate) const OPERATION: Operation<Act> = Operation {
    act: Act::Unmatched,
    id: "listUnmatched",
    path: "/v1/matching/unmatched",
    summary: "Whose the events are that are nobody's: the visitors and Pendo accounts with most of them, what stands between them and an object, and what would match more, counted.",
    query: &[
        Parameter {
            name: "kind",
            takes: Takes::OneOf(&["feature", "page", "guide", "track", "event"]),
            about: "Whose events are counted; all activity (`event`) if that is read, else the first kind that is.",
            example: "event",
            ..TEXT
        },
        Parameter {
            name: "days",
            takes: Takes::UpTo(DAYS_MAX),
            about: "How many times 24 hours back, 1 to 90; 30 if left out.",
            example: "7",
            ..TEXT
        },
        Parameter {
            takes: Takes::UpTo(TOP_MAX),
            about: "The most that are named of each level, 1 to 100; 20 if left out.",
            ..LIMIT
        },
    ],
    replies: &[(200, Some(shape::<Unmatched>))],
    ..READ
};

/// `GET /v1/matching/unmatched`: whose the events are that are nobody's, why, and what would help.
pub(crate) async fn read(context: &Context, workspace: &WorkspaceId, request: &Request) -> Result<Reply, Problem> {
    let query = request.query()?;
    let days = page::number(&query, "days", DAYS_DEFAULT, DAYS_MAX)?;
    let asked = UnmatchedQuery {
        kind: query.get("kind").map(|name| crate::usage::kind(name)).transpose()?,
        days: u32::try_from(days).unwrap_or(u32::MAX),
        limit: page::limit_to(&query, TOP_DEFAULT, TOP_MAX)?,
        rows_max: ROWS_MAX,
    };
    let found = unmatched(context, workspace, &asked).await.map_err(|error| match error {
        ExplainError::TooMuch { rows } => Problem::invalid(
            "too-much-to-count",
            "?days",
            format!("More than {rows} rows lie in these days, too many to count while you wait: ask for fewer days."),
        ),
        other => crate::usage::refused(other),
    })?;
    Reply::json(200, &found)
}
