//! The usage browser and the explanation of a value: what stands behind a number, for `high`, since visitors are named.

use crate::values::{is_csv, one_object, problem};
use serde_json::{Value, json};
use shared::api::page::{self, Listed};
use shared::api::{Problem, Reply, Request, table};
use shared::context::Context;
use shared::explain::{ExplainError, ExplanationQuery, Position, Rank, UsageLine, UsageQuery, explain, usage};
use shared::id::{Kind, WorkspaceId};
use shared::time::{HOUR_MS, Hour, parse_instant};
use std::collections::BTreeMap;

/// A page of usage ends after so many rows were read for it, so that it comes within the gateway's 30 s.
const ROWS_READ_MAX: u64 = 1_000_000;
/// Above so many rows a value is not explained.
const ROWS_EXPLAINED_MAX: u64 = 2_000_000;
/// People of a page of an explanation, each with their days and hours.
pub(crate) const PEOPLE_DEFAULT: usize = 20;
/// The most people of a page.
pub(crate) const PEOPLE_MAX: usize = 100;
/// The columns of usage as CSV.
const COLUMNS: [&str; 12] = [
    "hour",
    "kind",
    "usage_object",
    "event_type",
    "app",
    "visitor",
    "pendo_account",
    "events",
    "minutes",
    "first",
    "last",
    "excluded",
];

/// `GET /v1/usage`: the stored rows of an account or contact, newest hour first.
pub(crate) async fn read(context: &Context, workspace: &WorkspaceId, request: &Request) -> Result<Reply, Problem> {
    let query = request.query()?;
    let is_csv = is_csv(&query)?;
    let (object, id) = one_object(&query)?;
    let text = |name: &str| query.get(name).map(|text| (*text).to_owned());
    let asked = UsageQuery {
        object,
        id,
        kind: query.get("kind").map(|name| kind(name)).transpose()?,
        usage_object: text("usage_object"),
        visitor: text("visitor"),
        from: hour(&query, "from")?,
        to: hour(&query, "to")?,
        after: page::after_as(&query, Position::parse)?,
        limit: page::limit(&query, page::LIMIT_DEFAULT)?,
        rows_max: ROWS_READ_MAX,
    };
    let found = usage(context, workspace, &asked).await.map_err(refused)?;
    let next = found.next.map(|next| page::cursor(&next.to_string()));
    if is_csv {
        let table = table::write_rows(COLUMNS, found.items.iter().map(cells))?;
        return Ok(Reply::csv(table, next.as_deref()));
    }
    Reply::json(200, &Listed { items: found.items, next })
}

/// `GET /v1/values/explain`: a value taken apart into people, objects, days and hours.
pub(crate) async fn explained(context: &Context, workspace: &WorkspaceId, request: &Request) -> Result<Reply, Problem> {
    let query = request.query()?;
    let (object, id) = one_object(&query)?;
    let field = query.get("field").ok_or_else(|| {
        Problem::invalid("field", "?field", "Say \"field\": the name or id of a calculated field of this level.")
    })?;
    let asked = ExplanationQuery {
        object,
        id,
        field: (*field).to_owned(),
        after: page::after_as(&query, Rank::parse)?,
        limit: page::limit_to(&query, PEOPLE_DEFAULT, PEOPLE_MAX)?,
        rows_max: ROWS_EXPLAINED_MAX,
    };
    let mut explanation = explain(context, workspace, &asked).await.map_err(refused)?;
    explanation.next = explanation.next_rank.map(|next| page::cursor(&next.to_string()));
    Reply::json(200, &explanation)
}

/// The kind of a query.
pub(crate) fn kind(name: &str) -> Result<Kind, Problem> {
    let known = Kind::ALL.into_iter().find(|kind| kind.name() == name);
    known.ok_or_else(|| Problem::invalid("unknown-kind", "?kind", "\"kind\" is feature, guide, page, track or event."))
}

/// The first hour that begins at an instant or after it.
fn hour(query: &BTreeMap<&str, &str>, name: &'static str) -> Result<Option<Hour>, Problem> {
    let Some(text) = query.get(name) else { return Ok(None) };
    let ms = parse_instant(text).ok_or_else(|| {
        let detail = format!(
            "\"{name}\" is an instant such as 2026-06-30T12:00:00Z, or a date, which begins at midnight in UTC."
        );
        Problem::invalid("instant", format!("?{name}"), detail)
    })?;
    Ok(Some(Hour::of_ms(ms.saturating_add(HOUR_MS - 1))))
}

fn cells(line: &UsageLine) -> Vec<Value> {
    let UsageLine { hour, kind, usage_object, event_type, app, visitor, pendo_account, .. } = line;
    let UsageLine { events, minutes, first, last, excluded, .. } = line;
    vec![
        json!(hour),
        json!(kind),
        json!(usage_object),
        json!(event_type),
        json!(app),
        json!(visitor),
        json!(pendo_account),
        json!(events),
        json!(minutes),
        json!(first),
        json!(last),
        json!(excluded),
    ]
}

/// What a caller is told.
pub(crate) fn refused(error: ExplainError) -> Problem {
    match error {
        ExplainError::Values(error) => problem(error),
        ExplainError::TooMuch { rows } => Problem::invalid(
            "too-much-to-explain",
            "?field",
            format!(
                "{rows} rows lie in this window beside the object's, too many to add up while you wait: \
                 read the object's own with GET /v1/usage, or explain a field with a shorter window."
            ),
        ),
        ExplainError::Formula => Problem::invalid(
            "formula-without-days",
            "?field",
            "A formula is calculated when it is read, and nothing of it is kept: ask for the days of the fields that it uses.",
        ),
        ExplainError::Store(error) => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_belongs_to_a_span_if_it_begins_in_it() {
        let of = |text: &str| hour(&BTreeMap::from([("from", text)]), "from").map(|hour| hour.map(Hour::start_ms));
        let ms = |text: &str| Some(parse_instant(text).unwrap());
        assert_eq!(of("2026-06-30T12:00:00Z").unwrap(), ms("2026-06-30T12:00:00Z"));
        assert_eq!(of("2026-06-30T12:00:00.001Z").unwrap(), ms("2026-06-30T13:00:00Z"));
        assert_eq!(of("2026-06-30").unwrap(), ms("2026-06-30T00:00:00Z"));
        assert_eq!(of("yesterday").unwrap_err().pointer.as_deref(), Some("?from"));
    }
}
