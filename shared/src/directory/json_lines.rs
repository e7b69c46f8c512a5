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
    let members = object(text).map_err(|reason| RowError { line, id: None, reason })?;
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

fn object(text: &str) -> Result<Map<String, Value>, String> {
    match serde_json::from_str(text) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(format!("the line is not a JSON object: write one such as {{\"{ID}\":\"A-1\"}} on it")),
        Err(error) => Err(format!("the line is not JSON (column {}): write one object on it", error.column())),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn contact(text: &str) -> Result<Change, RowError> {
        read(ObjectKind::Contact, text).unwrap().remove(0)
    }

    #[test]
    fn members_are_columns_and_null_or_empty_clears() {
        let row = contact(r#"{"id":" c ","account_id":7,"seats":1.5,"admin":true,"name":null,"title":" ","nps":"9"}"#)
            .unwrap();
        assert_eq!((row.line, row.id.as_str()), (1, "c"));
        let expected = [
            ("account_id", Some(json!("7"))),
            ("admin", Some(json!(true))),
            ("name", None),
            ("nps", Some(json!("9"))),
            ("seats", Some(json!(1.5))),
            ("title", None),
        ];
        assert_eq!(row.fields, expected.map(|(name, value)| (name.to_owned(), value)).into());
    }

    #[test]
    fn a_whole_number_is_an_id_by_its_text() {
        assert_eq!(contact(r#"{"id":5}"#).unwrap().id, "5");
        assert!(contact(r#"{"id":5.5}"#).unwrap_err().reason.contains("whole number"));
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said() {
        let long = format!(r#"{{"id":"c","name":"{}"}}"#, "x".repeat(4_097));
        let wide =
            format!(r#"{{"id":"c",{}}}"#, (0..100).map(|n| format!(r#""c{n}":1"#)).collect::<Vec<_>>().join(","));
        for (text, id, part) in [
            (r#"{"id":"c","tags":["a"]}"#, Some("c"), "tags is nested"),
            (r#"{"id":"c","account_id":true}"#, Some("c"), "account_id must be text"),
            (r#"{"name":"C"}"#, None, "id is missing"),
            (r#"{"id":null}"#, None, "id is missing"),
            (r#"{"id":["c"]}"#, None, "id must be text"),
            (r#"{"id":"c","":1}"#, Some("c"), "no name"),
            (r#"{"id":"c","a":1," a":2}"#, Some("c"), "twice"),
            (r#"["c"]"#, None, "not a JSON object"),
            (r#"{"id":"c""#, None, "not JSON (column"),
            (&long, Some("c"), "4097 bytes"),
            (&wide, Some("c"), "101 columns"),
        ] {
            let refused = contact(text).unwrap_err();
            assert_eq!(refused.id.as_deref(), id, "{}", refused.reason);
            assert!(refused.reason.contains(part), "{}", refused.reason);
        }
    }

    #[test]
    fn empty_lines_are_skipped_and_counted() {
        let rows = read(ObjectKind::Account, "\r\n{\"id\":\"a\"}\r\n\n{]\n{\"id\":\"b\"}").unwrap();
        let lines: Vec<u64> = rows.iter().map(|row| row.as_ref().map_or_else(|bad| bad.line, |row| row.line)).collect();
        assert_eq!(lines, [2, 4, 5]);
    }
}
