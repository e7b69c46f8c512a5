//! `GET /v1/values/history`: a field of one account or contact day by day.

use crate::operations::{Act, READ};
use crate::parameters::{CURSOR, FIELD_ASKED, LIMIT, OBJECT, OBJECT_ID, TEXT, flag};
use crate::usage::refused;
use crate::values::one_object;
use shared::api::operation::{Level, Operation, Parameter, Takes, shape};
use shared::api::page::{self, LIMIT_DEFAULT};
use shared::api::{Problem, Reply, Request};
use shared::context::Context;
use shared::explain::ExplainError;
use shared::id::{ObjectKind, WorkspaceId};
use shared::points::{HistoryQuery, ValueHistory, history};
use shared::time::{date_text, parse_date, parse_instant};
use std::collections::BTreeMap;

/// The most days of a page: a quarter and a week.
const DAYS_MAX: usize = 100;
/// More rows are not added up while somebody waits for the gateway's 30 s.
const ROWS_MAX: u64 = 2_000_000;

/// What it can be asked.
pub(crate) const OPERATION: Operation<Act> = Operation {
    act: Act::History,
    id: "readHistory",
    path: "/v1/values/history",
    level: Level::Any,
    summary: "A field of one account or contact at the end of each local day, oldest first. What was told of an account is kept, with what was said before, when it changed and why; a contact's is computed from the stored rows.",
    query: &[
        OBJECT,
        OBJECT_ID,
        FIELD_ASKED,
        Parameter {
            name: "from",
            about: "The first day; all that is kept if left out, or as many days as a page holds where it is computed.",
            example: "2026-06-01",
            ..TEXT
        },
        Parameter { name: "to", about: "The last day; yesterday if left out.", example: "2026-06-30", ..TEXT },
        Parameter {
            name: "known_at",
            about: "As it was known at this instant; a date is its midnight in UTC. Only of what is kept.",
            ..TEXT
        },
        Parameter {
            name: "computed",
            takes: Takes::OneOf(&["true", "false"]),
            about: "`true` computes an account's days from the rows, the matching and the version that stand, and tells nothing of what was kept.",
            example: "false",
            ..TEXT
        },
        Parameter {
            takes: Takes::UpTo(DAYS_MAX),
            about: "The most days of a page, 1 to 100; 100 if left out.",
            ..LIMIT
        },
        CURSOR,
    ],
    replies: &[(200, Some(shape::<ValueHistory>))],
    ..READ
};

/// Shows a field of one object day by day.
pub(crate) async fn read(context: &Context, workspace: &WorkspaceId, request: &Request) -> Result<Reply, Problem> {
    let query = request.query()?;
    let (object, id) = one_object(&query)?;
    let field = query.get("field").ok_or_else(|| {
        Problem::invalid("field", "?field", "Say \"field\": the name or id of a calculated field of this level.")
    })?;
    let (from, to) = (day(&query, "from")?, day(&query, "to")?);
    if from.zip(to).is_some_and(|(from, to)| to < from) {
        return Err(Problem::invalid(
            "days",
            "?from",
            "\"from\" is a day after \"to\"; let it be the same or an earlier one.",
        ));
    }
    let is_computed = flag(&query, "computed", "computed")?;
    let known_at_s = known_at(&query)?;
    if known_at_s.is_some() && (is_computed || object == ObjectKind::Contact) {
        let detail = "\"known_at\" goes with what is kept; a contact's days, and those with computed=true, are computed from \
                      what stands now: leave it out.";
        return Err(Problem::invalid("known-at", "?known_at", detail));
    }
    let asked = HistoryQuery {
        object,
        id,
        field: (*field).to_owned(),
        from,
        to,
        known_at_s,
        is_computed,
        after: page::after_as(&query, parse_date)?,
        limit: page::limit_to(&query, LIMIT_DEFAULT, DAYS_MAX)?,
        rows_max: ROWS_MAX,
    };
    let mut found = history(context, workspace, &asked).await.map_err(|error| match error {
        ExplainError::TooMuch { rows } => Problem::invalid(
            "too-much-to-compute",
            "?from",
            format!(
                "{rows} rows lie in the windows of these days, too many to add up while you wait: ask for fewer days."
            ),
        ),
        other => refused(other),
    })?;
    found.next = found.next_day.map(|day| page::cursor(&date_text(day)));
    Reply::json(200, &found)
}

fn day(query: &BTreeMap<&str, &str>, name: &'static str) -> Result<Option<i32>, Problem> {
    let Some(text) = query.get(name) else { return Ok(None) };
    parse_date(text)
        .map(Some)
        .ok_or_else(|| Problem::invalid("day", format!("?{name}"), format!("\"{name}\" is a date such as 2026-06-30.")))
}

fn known_at(query: &BTreeMap<&str, &str>) -> Result<Option<i64>, Problem> {
    let Some(text) = query.get("known_at") else { return Ok(None) };
    let ms = parse_instant(text).ok_or_else(|| {
        let detail =
            "\"known_at\" is an instant such as 2026-03-01T12:00:00Z, or a date, which is its midnight in UTC.";
        Problem::invalid("instant", "?known_at", detail)
    })?;
    Ok(Some(ms.div_euclid(1_000)))
}
