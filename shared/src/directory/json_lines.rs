//! JSON lines uploads: an object a line, its members the columns.

use super::upload::{Change, RowError, count_row, id_of_refused};
use super::{ACCOUNT_ID, ID, cell};
use crate::fields::Problem;
use crate::id::ObjectKind;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

pub(super) fn read(kind: ObjectKind, text: &str) -> Result<Vec<Result<Change, RowError>>, Problem> {
    let mut count = 0;
    let mut rows = Vec::new();
    for (line, text) in (1..).zip(text.lines()).filter(|(_, text)| !text.trim().is_empty()) {
        count_row(&mut count)?;
        rows.push(row(kind, line, text));
    }
    Ok(rows)
}

fn row(kind: ObjectKind, line: u64, text: &str) -> Result<Change, RowError> {
    let members: Map<String, Value> = serde_json::from_str(text).map_err(|error| {
        let reason =
            format!("the line is not a JSON object ({error}): write one object such as {{\"{ID}\":\"A-1\"}} on it");
        RowError { line, id: None, reason }
    })?;
    let id_text = members.get(ID).and_then(cell::id_text).unwrap_or_default();
    let refuse = |reason: String| RowError { line, id: id_of_refused(&id_text), reason };
    if members.get(ID).is_some_and(|id| !id.is_null() && cell::id_text(id).is_none()) {
        return Err(refuse(format!("{ID} must be text or a whole number")));
    }
    let id = cell::id(&id_text).map_err(refuse)?.to_owned();
    if members.len() > cell::COLUMNS_MAX {
        return Err(refuse(format!("the row has {} columns: give at most {}", members.len(), cell::COLUMNS_MAX)));
    }
    let mut fields = BTreeMap::new();
    for (name, value) in members.iter().filter(|(name, _)| *name != ID) {
        let name = cell::column(name).map_err(refuse)?;
        let is_account_id = kind == ObjectKind::Contact && name == ACCOUNT_ID;
        let value = cell_of(name, value, is_account_id).map_err(refuse)?;
        if name == ID || fields.insert(name.to_owned(), value).is_some() {
            return Err(refuse(format!("the column \"{name}\" stands twice: keep one")));
        }
    }
    Ok(Change { line, id, fields })
}

fn cell_of(name: &str, value: &Value, is_account_id: bool) -> Result<Option<Value>, String> {
    match value {
        Value::Null => Ok(None),
        Value::Array(_) | Value::Object(_) => {
            Err(format!("{name} is nested: give text, a number, true, false or null"))
        }
        Value::String(text) => {
            cell::check_length(name, text)?;
            Ok((!text.trim().is_empty()).then(|| value.clone()))
        }
        Value::Bool(_) | Value::Number(_) if is_account_id => match cell::id_text(value) {
            Some(id) => Ok(Some(Value::from(id))),
            None => Err(format!("{name} must be text or a whole number")),
        },
        Value::Bool(_) | Value::Number(_) => Ok(Some(value.clone())),
    }
}
