//! Values of formulas: calculated when they are read, from the values that are read with them, so that nothing of them is
//! stored and nothing has to be computed again.

use super::{Line, MovedBy};
use crate::directory::{Object, number_in};
use crate::fields::{Field, Formula, Operand, Reason, layers};
use crate::id::FieldId;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The fields that are needed to tell those that are asked for, formulas behind all that they use.
pub(super) fn needed(fields: Vec<Field>, asked: &BTreeSet<FieldId>) -> Vec<Field> {
    let mut ordered: Vec<&Field> = layers(&fields).into_iter().flatten().collect();
    let known: BTreeSet<&str> = ordered.iter().map(|field| field.id.as_str()).collect();
    ordered.extend(fields.iter().filter(|field| !known.contains(field.id.as_str())));
    let mut wanted: BTreeSet<&str> = asked.iter().map(FieldId::as_str).collect();
    // From the last one back: what uses a field stands behind it.
    for field in ordered.iter().rev() {
        if wanted.contains(field.id.as_str()) {
            wanted.extend(field.uses());
        }
    }
    ordered.into_iter().filter(|field| wanted.contains(field.id.as_str())).cloned().collect()
}

/// The line of a formula. `told` are the lines of this object by their fields' ids, and `columns` are its own in the
/// directory.
pub(super) fn line(
    field: &Field,
    formula: &Formula,
    id: &str,
    told: &BTreeMap<&str, Line>,
    columns: Option<&Object>,
) -> Line {
    let outcome = formula.evaluate(&|operand| match operand {
        Operand::Field(id) => told.get(id.as_str()).ok_or(Reason::Undefined).and_then(number),
        Operand::Directory(column) => {
            columns.and_then(|columns| columns.get(column)).and_then(number_in).ok_or(Reason::NoNumber)
        }
    });
    let used: Vec<&Line> = formula.fields().into_iter().filter_map(|id| told.get(id)).collect();
    // A frozen value makes a frozen value.
    let is_frozen = used.iter().any(|line| line.reason == Some(Reason::Disconnected));
    let mut moved_by: Vec<MovedBy> = Vec::new();
    for moved in used.iter().flat_map(|line| &line.moved_by) {
        if !moved_by.contains(moved) {
            moved_by.push(moved.clone());
        }
    }
    Line {
        object: field.definition.object,
        id: id.to_owned(),
        field: field.definition.name.clone(),
        value: outcome.map_or(Value::Null, Value::from),
        reason: if is_frozen { Some(Reason::Disconnected) } else { outcome.err() },
        from: used.iter().map(|line| line.from.clone()).min().flatten(),
        to: used.iter().map(|line| line.to.clone()).max().flatten(),
        as_of: used.iter().map(|line| line.as_of.clone()).min().flatten(),
        coverage: used.iter().map(|line| line.coverage).fold(1.0, f64::min),
        is_final: used.iter().all(|line| line.is_final),
        settled: used.iter().filter_map(|line| line.settled).min(),
        moved_by,
    }
}

/// The number of a line, or why it has none.
fn number(line: &Line) -> Result<f64, Reason> {
    line.value.as_f64().ok_or(line.reason.unwrap_or(Reason::Undefined))
}
