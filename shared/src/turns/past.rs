//! What fields came to at the end of days that are over, for every object, computed from the rows that stand: by the fields,
//! the matching and the exclusions of now.

use crate::context::Context;
use crate::directory::{Object, number_in};
use crate::fields::{Field, Formula, Measure, Operand, Plan, Reason, Window, layers};
use crate::id::{FieldId, ObjectKind, WorkspaceId};
use crate::matching::Status;
use crate::points::not_told;
use crate::preview::{Everybody, PreviewError};
use crate::signals::facts::{Gap, Known};
use crate::store::StoreError;
use crate::sync::page::{ObjectValues, Values};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Days that are evaluated at once: what is added up for each of them is held.
const DAYS_AT_ONCE: usize = 16;
/// How often heads are read again because they have moved on meanwhile.
const REREADS_MAX: u32 = 3;

/// By object and field what each day came to.
pub(super) type Days = BTreeMap<(ObjectKind, String), BTreeMap<FieldId, BTreeMap<i32, Known>>>;

/// Computes some days of some fields. Days that run or are still to come must not be among them.
///
/// # Errors
/// Nothing was ever connected; [`PreviewError::TooMuch`] to add up where `rows_max` is given; the table's.
pub(super) async fn days_of(
    context: &Context,
    workspace: &WorkspaceId,
    wanted: &BTreeSet<FieldId>,
    days: &[i32],
    rows_max: Option<u64>,
) -> Result<Days, PreviewError> {
    let mut rereads = 0;
    loop {
        match Box::pin(read(context, workspace, wanted, days, rows_max)).await {
            Err(PreviewError::Store(StoreError::Missing { .. })) if rereads < REREADS_MAX => rereads += 1,
            outcome => return outcome,
        }
    }
}

async fn read(
    context: &Context,
    workspace: &WorkspaceId,
    wanted: &BTreeSet<FieldId>,
    days: &[i32],
    rows_max: Option<u64>,
) -> Result<Days, PreviewError> {
    let standing = context.store.fields_get(workspace).await?.value;
    let needed = needed(&standing, wanted);
    let of_usage = needed.iter().filter(|field| field.definition.measured().is_some());
    let mut everybody = Everybody::open(context, workspace, of_usage.cloned().collect()).await?;
    let chunks: Vec<&[i32]> = days.chunks(DAYS_AT_ONCE).collect();
    if let Some(rows_max) = rows_max {
        let mut rows: u64 = 0;
        for chunk in &chunks {
            rows = rows.saturating_add(everybody.rows_of_days(chunk).await?);
        }
        if rows > rows_max {
            return Err(PreviewError::TooMuch { rows });
        }
    }
    let mut found = Days::new();
    for chunk in chunks {
        for (day, values) in chunk.iter().zip(everybody.days(chunk).await?) {
            told(&everybody, &needed, wanted, *day, &values, &mut found);
        }
    }
    Ok(found)
}

/// The fields that are asked for and all that their formulas use, formulas behind what they use.
fn needed(standing: &[Field], wanted: &BTreeSet<FieldId>) -> Vec<Field> {
    let mut ordered: Vec<&Field> = layers(standing).into_iter().flatten().collect();
    let known: BTreeSet<&FieldId> = ordered.iter().map(|field| &field.id).collect();
    ordered.extend(standing.iter().filter(|field| !known.contains(&field.id)));
    let mut needed: BTreeSet<String> = wanted.iter().map(|id| id.as_str().to_owned()).collect();
    for field in ordered.iter().rev() {
        if needed.contains(field.id.as_str()) {
            needed.extend(field.uses().into_iter().map(|id| id.to_owned()));
        }
    }
    let is_formula = |field: &&Field| field.definition.formula().is_some();
    let (formulas, usage): (Vec<&Field>, Vec<&Field>) =
        ordered.into_iter().filter(|field| needed.contains(field.id.as_str())).partition(is_formula);
    usage.into_iter().chain(formulas).cloned().collect()
}

/// Notes what a day came to for every object.
fn told(
    everybody: &Everybody<'_>,
    needed: &[Field],
    wanted: &BTreeSet<FieldId>,
    day: i32,
    values: &Values,
    found: &mut Days,
) {
    let plans: BTreeMap<&FieldId, Option<Reason>> =
        needed.iter().map(|field| (&field.id, untold(everybody, field, day))).collect();
    for level in [ObjectKind::Account, ObjectKind::Contact] {
        let fields: Vec<&Field> = needed.iter().filter(|field| field.definition.object == level).collect();
        if fields.is_empty() {
            continue;
        }
        for (id, columns) in everybody.world.directory.objects(level) {
            let key = (level, id.clone());
            let stored = values.get(&key);
            let mut of_day: BTreeMap<&FieldId, Known> = BTreeMap::new();
            for field in &fields {
                let known = match &field.definition.measure {
                    Measure::Usage(_) => match plans.get(&field.id).copied().flatten() {
                        Some(reason) => Known::nothing(Gap::Value(reason)),
                        None => outcome(field, stored),
                    },
                    Measure::Formula { formula } => calculated(formula, &of_day, columns),
                };
                of_day.insert(&field.id, known);
            }
            let of_object = found.entry(key).or_default();
            for (field, known) in of_day.into_iter().filter(|(field, _)| wanted.contains(*field)) {
                of_object.entry(field.clone()).or_default().insert(day, known);
            }
        }
    }
}

/// Why nothing can be told of a field's window that ends with a day; nothing if it can.
fn untold(everybody: &Everybody<'_>, field: &Field, day: i32) -> Option<Reason> {
    let measured = field.definition.measured()?;
    let connection = &everybody.connection;
    let zone = connection.time_zone;
    let Some(plan) = Plan::at_end_of(field, day, zone, connection.history_from.unwrap_or_default()) else {
        return Some(Reason::Backfilling);
    };
    let state = everybody.checkpoint.kinds.get(&measured.kind());
    let is_all_time = matches!(measured.window, Window::AllTime);
    not_told(connection, state, &plan, is_all_time, zone.midnight(day.saturating_add(1)))
}

fn outcome(field: &Field, stored: Option<&ObjectValues>) -> Known {
    let status = stored.map_or(Status::Unmatched, |stored| stored.status);
    let outcome = stored.and_then(|stored| stored.outcomes.get(&field.value_key()));
    match (status, outcome) {
        (Status::Ambiguous, _) => Known::nothing(Gap::Value(Reason::Ambiguous)),
        (Status::Matched, Some(outcome)) => match outcome.reason() {
            Some(reason) => Known::nothing(Gap::Value(reason)),
            None => known(&outcome.value()),
        },
        _ => Known::nothing(Gap::Value(Reason::Unmatched)),
    }
}

fn calculated(formula: &Formula, of_day: &BTreeMap<&FieldId, Known>, columns: &Object) -> Known {
    let outcome = formula.evaluate(&|operand| match operand {
        Operand::Field(id) => match of_day.iter().find(|(field, _)| field.as_str() == id.as_str()) {
            Some((_, Known::Number(number))) => Ok(*number),
            Some((_, Known::Nothing { why: Gap::Value(reason) })) => Err(*reason),
            _ => Err(Reason::Undefined),
        },
        Operand::Directory(column) => columns.get(column).and_then(number_in).ok_or(Reason::NoNumber),
    });
    outcome.map_or_else(|reason| Known::nothing(Gap::Value(reason)), Known::Number)
}

/// A value or a cell as a fact.
pub(super) fn known(value: &Value) -> Known {
    match value {
        Value::Number(number) => number.as_f64().map_or(Known::nothing(Gap::Empty), Known::Number),
        Value::String(text) if !text.trim().is_empty() => Known::Text(text.clone()),
        Value::Bool(is) => Known::Text(is.to_string()),
        _ => Known::nothing(Gap::Empty),
    }
}
