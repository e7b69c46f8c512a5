//! Two versions of a field over every object: what each comes to over the rows that stand, side by side. Nothing is written.

use super::distribution::{Distribution, Part, nulls};
use super::{Everybody, PreviewError, REREADS_MAX};
use crate::context::Context;
use crate::fields::{Definition, Field, Reason};
use crate::id::{FieldId, WorkspaceId};
use crate::store::StoreError;
use crate::time::{DAY_MS, parse_instant};
use crate::values::{Line, formulas};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Two versions over all objects of their level.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Comparison {
    /// The earlier one.
    pub from: ComparedVersion,
    /// The later one.
    pub to: ComparedVersion,
    /// How many objects differ, and how.
    pub objects: ComparedObjects,
    /// Objects of which the two do not say the same: those that moved most first, then those where one of the two has no value.
    pub items: Vec<MovedObject>,
    /// How many more of them there are.
    pub left_off: usize,
}

/// What one version comes to.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ComparedVersion {
    /// Which one.
    pub version: u64,
    /// What it computes.
    pub definition: Definition,
    /// How the values of all objects are spread.
    pub distribution: Distribution,
    /// The objects without a value, by the reason.
    pub nulls: BTreeMap<Reason, Part>,
}

/// All objects of the level, each counted once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ComparedObjects {
    /// All of them.
    pub total: usize,
    /// Both say the same.
    pub equal: usize,
    /// The later one says more; of instants a later one.
    pub higher: usize,
    /// The later one says less; of instants an earlier one.
    pub lower: usize,
    /// Only the later one has a value.
    pub gained: usize,
    /// Only the earlier one has a value.
    pub lost: usize,
    /// Neither has a value, for different reasons; or the one is a number and the other an instant.
    pub other: usize,
}

/// One object of which the two differ.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct MovedObject {
    /// The object's id.
    pub id: String,
    /// What the earlier one says.
    pub from: SaidValue,
    /// What the later one says.
    pub to: SaidValue,
    /// The later value less the earlier one; of instants in days. Null unless both have a value of one sort.
    pub difference: Option<f64>,
}

/// A value, or why there is none.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct SaidValue {
    /// The value: a number, an instant, or null.
    #[schemars(extend("type" = ["number", "string", "null"]))]
    pub value: Value,
    /// Why it is null.
    pub reason: Option<Reason>,
}

/// Compares two versions over at most `rows_max` rows, and names at most `limit` objects.
///
/// # Errors
/// Nothing was ever connected; [`PreviewError::TooMuch`] to add up at once; the table's.
pub async fn compare(
    context: &Context,
    workspace: &WorkspaceId,
    [from, to]: [&Field; 2],
    rows_max: u64,
    limit: usize,
) -> Result<Comparison, PreviewError> {
    let mut rereads = 0;
    loop {
        match compared(context, workspace, [from, to], rows_max, limit).await {
            // A newer head stands: read again.
            Err(PreviewError::Store(StoreError::Missing { .. })) if rereads < REREADS_MAX => rereads += 1,
            outcome => return outcome,
        }
    }
}

async fn compared(
    context: &Context,
    workspace: &WorkspaceId,
    versions: [&Field; 2],
    rows_max: u64,
    limit: usize,
) -> Result<Comparison, PreviewError> {
    // Both in one pass over the rows, so that they differ by their definitions only; formulas over the values that stand.
    let tried = versions.map(|version| Field { id: FieldId::random(), ..version.clone() });
    let measured = tried.iter().filter(|field| field.definition.measured().is_some()).cloned().collect();
    let mut everybody = Everybody::open(context, workspace, measured).await?;
    let rows = everybody.rows().await?;
    if rows > rows_max {
        return Err(PreviewError::TooMuch { rows });
    }
    let values = everybody.values(&mut |_, _| ()).await?;
    let mut lines = Vec::new();
    for field in &tried {
        lines.push(match field.definition.measured() {
            Some(_) => everybody.lines(field, &values),
            None => formulas::tried(context, workspace, &field.definition)
                .await?
                .map(|tried| tried.lines)
                .unwrap_or_default(),
        });
    }
    let (to, from) = (lines.pop().unwrap_or_default(), lines.pop().unwrap_or_default());
    let (objects, mut items) = differing(&from, &to);
    let left_off = items.len().saturating_sub(limit);
    items.truncate(limit);
    let side = |version: &Field, lines: &[Line]| ComparedVersion {
        version: version.version,
        definition: version.definition.named(&everybody.standing),
        distribution: Distribution::of(lines),
        nulls: nulls(lines),
    };
    Ok(Comparison { from: side(versions[0], &from), to: side(versions[1], &to), objects, items, left_off })
}

/// The objects of which two lists of the same objects do not say the same, as they are shown.
fn differing(from: &[Line], to: &[Line]) -> (ComparedObjects, Vec<MovedObject>) {
    let mut counts = ComparedObjects { total: to.len(), ..ComparedObjects::default() };
    let mut moved = Vec::new();
    for (from, to) in from.iter().zip(to) {
        let difference = difference(&from.value, &to.value);
        let count = match (from.value.is_null(), to.value.is_null()) {
            _ if (&from.value, from.reason) == (&to.value, to.reason) || difference == Some(0.0) => {
                counts.equal += 1;
                continue;
            }
            (true, false) => &mut counts.gained,
            (false, true) => &mut counts.lost,
            _ => match difference {
                Some(difference) if difference > 0.0 => &mut counts.higher,
                Some(_) => &mut counts.lower,
                None => &mut counts.other,
            },
        };
        *count += 1;
        let said = |line: &Line| SaidValue { value: line.value.clone(), reason: line.reason };
        moved.push(MovedObject { id: to.id.clone(), from: said(from), to: said(to), difference });
    }
    let size = |moved: &MovedObject| moved.difference.map_or(-1.0, f64::abs);
    moved.sort_by(|one, other| size(other).total_cmp(&size(one)).then_with(|| one.id.cmp(&other.id)));
    (counts, moved)
}

/// The later value less the earlier one, where both are of one sort.
fn difference(from: &Value, to: &Value) -> Option<f64> {
    match (from, to) {
        (Value::Number(from), Value::Number(to)) => Some(to.as_f64()? - from.as_f64()?),
        (Value::String(from), Value::String(to)) => Some(days(parse_instant(to)? - parse_instant(from)?)),
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "days for people")]
fn days(ms: i64) -> f64 {
    ms as f64 / DAY_MS as f64
}
