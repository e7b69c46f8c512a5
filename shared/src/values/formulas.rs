//! Values of formulas: calculated when they are read, from the values that are read with them, so that nothing of them is
//! stored and nothing has to be computed again.

use super::{Line, MovedBy, Query, Reader, Standing};
use crate::connection::Connection;
use crate::context::Context;
use crate::directory::{Object, number_in};
use crate::fields::{Definition, Field, Formula, Operand, Reason, layers};
use crate::id::{FieldId, WorkspaceId};
use crate::matching::Status;
use crate::store::StoreError;
use crate::time::Hour;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What a formula would come to if it stood.
pub(crate) struct Tried {
    pub(crate) connection: Connection,
    /// The fields that stand.
    pub(crate) standing: Vec<Field>,
    /// Its lines, of every object of its level by id.
    pub(crate) lines: Vec<Line>,
    /// Objects that are matched with somebody at Pendo.
    pub(crate) matched: usize,
    /// Whether the kinds of all that it stands upon have been read, be it in part.
    pub(crate) is_read: bool,
}

/// Calculates a formula that does not stand, from the values that do; `None` where nothing was ever connected.
pub(crate) async fn tried(
    context: &Context,
    workspace: &WorkspaceId,
    definition: &Definition,
) -> Result<Option<Tried>, StoreError> {
    let Some(standing) = Standing::read(context, workspace, &Query::default()).await? else { return Ok(None) };
    let Standing { connection, checkpoint, values, fields: standing, directory } = standing;
    let now_ms = context.clock.now_ms();
    let field = Field::new(FieldId::random(), definition.identified(&standing), now_ms, None);
    let asked = BTreeSet::from([field.id.clone()]);
    let reader = Reader {
        connection: connection.clone(),
        checkpoint,
        fields: needed(standing.iter().cloned().chain([field]).collect(), &asked),
        asked,
        now: Hour::of_ms(now_ms),
        provisional_hours: context.config.provisional_hours,
        with_notes: true,
    };
    let (level, mut lines, mut matched) = (definition.object, Vec::new(), 0);
    for (id, columns) in directory.objects(level) {
        let stored = values.get(&(level, id.clone()));
        matched += usize::from(stored.is_some_and(|stored| stored.status == Status::Matched));
        reader.lines(level, id, stored, Some(columns), &mut lines);
    }
    let mut kinds = reader.fields.iter().filter_map(|field| field.definition.kind());
    let is_read = kinds.all(|kind| reader.checkpoint.kinds.get(&kind).is_some_and(|state| state.as_of.is_some()));
    Ok(Some(Tried { connection, standing, lines, matched, is_read }))
}

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
        field_id: field.id.clone(),
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
        version: None,
        settled: used.iter().filter_map(|line| line.settled).min(),
        moved_by,
    }
}

/// The number of a line, or why it has none.
fn number(line: &Line) -> Result<f64, Reason> {
    line.value.as_f64().ok_or(line.reason.unwrap_or(Reason::Undefined))
}
