//! The match report weighed by usage, for `high`, since visitors are named.

use shared::api::page;
use shared::api::{Problem, Reply, Request};
use shared::context::Context;
use shared::explain::ExplainError;
use shared::id::WorkspaceId;
use shared::unmatched::{UnmatchedQuery, unmatched};

/// The longest span, in days.
pub(crate) const DAYS_MAX: usize = 90;
const DAYS_DEFAULT: usize = 30;
/// Nobodies that are named of each level.
const TOP_DEFAULT: usize = 20;
/// The most of them.
pub(crate) const TOP_MAX: usize = 100;
/// More rows are not counted while somebody waits for the gateway's 30 s.
const ROWS_MAX: u64 = 2_000_000;

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
