//! A field of an object day by day: as it was told for an account, or computed from the rows that stand, for anybody.

use super::{MONTHS_KEPT, Said, Told, Why, known, not_told, part_of};
use crate::context::Context;
use crate::explain::{ExplainError, REREADS_MAX, Source, Whose};
use crate::fields::{Accumulator, Field, Outcome, Plan, Reason, Window};
use crate::id::{FieldId, ObjectKind, WorkspaceId};
use crate::matching::Status;
use crate::sync::evaluate::{ALWAYS, ranges_within};
use crate::time::{Hour, date_text, month_start, months_before, to_the_second};
use crate::values::ValuesError;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// Which history is asked for.
#[derive(Clone, Debug)]
pub struct HistoryQuery {
    /// Account or contact.
    pub object: ObjectKind,
    /// The object's id.
    pub id: String,
    /// The field, by name or id.
    pub field: String,
    /// The first local day, counted from 1970.
    pub from: Option<i32>,
    /// The last one.
    pub to: Option<i32>,
    /// As it was known at this instant, seconds since 1970.
    pub known_at_s: Option<i64>,
    /// Whether it is computed from the rows that stand, and not what was told.
    pub is_computed: bool,
    /// Where to go on: behind this day.
    pub after: Option<i32>,
    /// Days of a page at most.
    pub limit: usize,
    /// Rows that are added up at most where it is computed, since somebody waits.
    pub rows_max: u64,
}

/// A field of an object day by day.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ValueHistory {
    /// Account or contact.
    pub object: ObjectKind,
    /// The object's id.
    pub id: String,
    /// The field's name.
    pub field: String,
    /// The field's id.
    pub field_id: FieldId,
    /// The zone in which days are cut.
    pub time_zone: String,
    /// Whether it is what was told, day by day, and not computed from the rows that stand now.
    pub is_kept: bool,
    /// The oldest day that may be kept; null where it is computed.
    pub kept_from: Option<String>,
    /// The days in their order. One of which nothing was told is not among them.
    pub items: Vec<Point>,
    /// Where the next page begins.
    pub next: Option<String>,
    /// The same, not encoded yet.
    #[serde(skip)]
    pub next_day: Option<i32>,
}

/// A field's value at the end of a local day.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Point {
    /// The local day.
    pub day: String,
    /// The value, as `GET /v1/values` has it.
    #[schemars(extend("type" = ["number", "string", "null"]))]
    pub value: Value,
    /// Why it is null.
    pub reason: Option<Reason>,
    /// The version of the field that computed it; versions that differ by the name only go by the first of them.
    pub version: u64,
    /// When it was told; null where it is computed now.
    pub known_at: Option<String>,
    /// Why it was told again; null the first time.
    pub why: Option<Why>,
    /// What was told of the day before, the first telling first.
    pub before: Vec<Earlier>,
}

/// What was told of a day earlier.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Earlier {
    /// The value.
    #[schemars(extend("type" = ["number", "string", "null"]))]
    pub value: Value,
    /// Why it was null.
    pub reason: Option<Reason>,
    /// The version of the field that computed it.
    pub version: u64,
    /// When it was told.
    pub known_at: String,
    /// Why it was told again; null the first time.
    pub why: Option<Why>,
}

/// Shows a field of an object day by day.
///
/// # Errors
/// What was asked for does not exist; [`ExplainError::TooMuch`] to add up at once; the table's.
pub async fn history(
    context: &Context,
    workspace: &WorkspaceId,
    query: &HistoryQuery,
) -> Result<ValueHistory, ExplainError> {
    let mut rereads = 0;
    loop {
        let outcome = match query.object {
            ObjectKind::Account if !query.is_computed => kept(context, workspace, query).await,
            _ => Box::pin(computed(context, workspace, query)).await,
        };
        match outcome {
            Err(error) if error.is_overtaken() && rereads < REREADS_MAX => rereads += 1,
            outcome => return outcome,
        }
    }
}

/// The field of the level that goes by a name or id; a formula has no days of its own.
fn found(fields: Vec<Field>, query: &HistoryQuery) -> Result<Field, ExplainError> {
    let mut fields: Vec<Field> = fields.into_iter().filter(|field| field.definition.object == query.object).collect();
    let by_id = fields.iter().position(|field| field.id.as_str() == query.field);
    let by_name = || fields.iter().position(|field| field.definition.name.eq_ignore_ascii_case(&query.field));
    let at = by_id.or_else(by_name).ok_or_else(|| ValuesError::UnknownField(query.field.clone()))?;
    let field = fields.swap_remove(at);
    if field.definition.formula().is_some() { Err(ExplainError::Formula) } else { Ok(field) }
}

/// What was told.
async fn kept(context: &Context, workspace: &WorkspaceId, query: &HistoryQuery) -> Result<ValueHistory, ExplainError> {
    let store = &context.store;
    let connection = store.connection_get(workspace).await?.ok_or(ValuesError::NotConnected)?.value;
    let field = found(store.fields_get(workspace).await?.value, query)?;
    if !store.objects_get(workspace, ObjectKind::Account).await?.value.contains_key(&query.id) {
        return Err(ValuesError::UnknownObject { object: Some(query.object), id: query.id.clone() }.into());
    }
    let book = store.book_get(workspace, &connection.id).await?.value;
    let today = connection.time_zone.local_day(context.clock.now_ms());
    let oldest = months_before(month_start(today), MONTHS_KEPT);
    let from = query.after.map_or(i32::MIN, |after| after.saturating_add(1)).max(query.from.unwrap_or(oldest));
    let to = query.to.unwrap_or(i32::MAX);
    let key = (query.id.clone(), field.id.clone());
    let mut days: Vec<(i32, Vec<Told>)> = Vec::new();
    for (month, names) in book.months.range(month_start(from.max(oldest))..) {
        if *month > to || days.len() > query.limit {
            break;
        }
        let Some(Some(sort)) = names.get(part_of(&query.id, names.len())) else { continue };
        let mut points = store.points_get(workspace, &connection.id, sort).await?;
        let of_field = points.remove(&key).unwrap_or_default();
        days.extend(of_field.into_iter().filter(|(day, _)| (from..=to).contains(day)).filter_map(|(day, told)| {
            let known = query.known_at_s.map_or(told.as_slice(), |at_s| known(&told, at_s));
            (!known.is_empty()).then(|| (day, known.to_vec()))
        }));
    }
    let is_cut = days.len() > query.limit;
    days.truncate(query.limit);
    let next_day = days.last().map(|(day, _)| *day).filter(|_| is_cut);
    let items = days.iter().filter_map(|(day, told)| point(*day, told)).collect();
    Ok(ValueHistory {
        object: query.object,
        id: query.id.clone(),
        field: field.definition.name,
        field_id: field.id,
        time_zone: connection.time_zone.name().to_owned(),
        is_kept: true,
        kept_from: Some(date_text(oldest)),
        items,
        next: None,
        next_day,
    })
}

fn point(day: i32, told: &[Told]) -> Option<Point> {
    let (last, before) = told.split_last()?;
    let earlier = |told: &Told| Earlier {
        value: told.said.value(),
        reason: told.said.reason(),
        version: told.version,
        known_at: to_the_second(told.at_s.saturating_mul(1_000)),
        why: told.why,
    };
    let Earlier { value, reason, version, known_at, why } = earlier(last);
    let before = before.iter().map(earlier).collect();
    Some(Point { day: date_text(day), value, reason, version, known_at: Some(known_at), why, before })
}

/// What the rows that stand come to, by the field and the matching that stand.
async fn computed(
    context: &Context,
    workspace: &WorkspaceId,
    query: &HistoryQuery,
) -> Result<ValueHistory, ExplainError> {
    if context.store.connection_get(workspace).await?.is_none() {
        return Err(ValuesError::NotConnected.into());
    }
    let field = found(context.store.fields_get(workspace).await?.value, query)?;
    let mut source = Source::open(context, workspace, query.object, &query.id).await?;
    let zone = source.connection.time_zone;
    let beginning = source.connection.history_from.unwrap_or_default();
    let yesterday = zone.local_day(context.clock.now_ms()) - 1;
    let last = query.to.unwrap_or(yesterday).min(yesterday);
    let span = i32::try_from(query.limit).unwrap_or(i32::MAX);
    let from = query.from.unwrap_or_else(|| last.saturating_sub(span - 1));
    let from = query.after.map_or(from, |after| from.max(after.saturating_add(1)));
    let to = last.min(from.saturating_add(span - 1));
    let field = source.world.groups.named_in(field);
    let plan = |day: i32| Some((day, Plan::at_end_of(&field, day, zone, beginning)?));
    let plans: Vec<(i32, Plan)> = (from..=to).filter_map(plan).collect();
    let status = match query.object {
        ObjectKind::Account => source.world.links.account_status(&query.id),
        ObjectKind::Contact => source.world.links.contact_status(&query.id),
    };
    let state = field.definition.kind().and_then(|kind| source.checkpoint.kinds.get(&kind).cloned());
    let is_all_time = field.definition.measured().is_some_and(|measured| matches!(measured.window, Window::AllTime));
    let end_of = |day: i32| zone.midnight(day.saturating_add(1));
    let reason = |(day, plan): &(i32, Plan)| {
        let by_window = || not_told(&source.connection, state.as_ref(), plan, is_all_time, end_of(*day));
        Said::of(status, None).reason().filter(|_| status != Status::Matched).or_else(by_window)
    };
    let reasons: Vec<Option<Reason>> = plans.iter().map(reason).collect();
    let told = plans.iter().zip(&reasons).filter(|(_, reason)| reason.is_none()).map(|((_, plan), _)| plan);
    let ranges = ranges_within(told, ALWAYS);
    let rows = source.rows_in(&ranges).await?;
    if rows > query.rows_max {
        return Err(ExplainError::TooMuch { rows });
    }
    let mut accumulators: Vec<Accumulator> = plans.iter().map(|(_, plan)| plan.start()).collect();
    let mut last_day: Option<(Hour, i32)> = None;
    source
        .visit(&ranges, plans.first().map(|(_, plan)| plan), &mut |row, whose| {
            if whose != Whose::Own {
                return;
            }
            let local_day = match last_day {
                Some((hour, day)) if hour == row.hour => day,
                _ => last_day.insert((row.hour, zone.local_day(row.hour.start_ms()))).1,
            };
            for ((_, plan), accumulator) in plans.iter().zip(&mut accumulators) {
                if plan.takes(row) {
                    accumulator.add(plan, row, local_day);
                }
            }
        })
        .await?;
    let excluded = source.world.excluded.from_field(&field.id, field.computes_since);
    let is_excluded = query.object == ObjectKind::Contact && excluded.has_contact(&query.id);
    let mut items = Vec::with_capacity(plans.len());
    for (((day, plan), reason), accumulator) in plans.iter().zip(reasons).zip(&accumulators) {
        let said = Said::Of(if is_excluded { Outcome::Excluded } else { accumulator.outcome(plan) });
        items.push(Point {
            day: date_text(*day),
            value: if reason.is_none() { said.value() } else { Value::Null },
            reason: reason.or(said.reason()),
            version: field.computes_since,
            known_at: None,
            why: None,
            before: Vec::new(),
        });
    }
    Ok(ValueHistory {
        object: query.object,
        id: query.id.clone(),
        field: field.definition.name,
        field_id: field.id,
        time_zone: zone.name().to_owned(),
        is_kept: false,
        kept_from: None,
        items,
        next: None,
        next_day: (to < last).then_some(to),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_its_last_telling_and_keeps_those_before() {
        let told = |at_s, why, count| Told { at_s, why, version: 1, said: Said::Of(Outcome::Count(count)) };
        let all = [told(0, None, 1), told(60, Some(Why::LateData), 2), told(120, Some(Why::NewMatching), 3)];
        let point = point(0, &all).unwrap();
        assert_eq!(
            (point.day.as_str(), &point.value, point.why),
            ("1970-01-01", &Value::from(3), Some(Why::NewMatching))
        );
        let before: Vec<_> = point.before.iter().map(|earlier| (earlier.known_at.as_str(), &earlier.value)).collect();
        assert_eq!(before, [("1970-01-01T00:00:00Z", &Value::from(1)), ("1970-01-01T00:01:00Z", &Value::from(2))]);
        assert_eq!(super::point(0, &[]), None);
    }
}
