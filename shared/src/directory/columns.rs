//! Which columns a list of the directory has, and the numbers that stand in them.

use crate::id::ObjectKind;
use serde_json::Value;
use std::collections::BTreeMap;

/// By level the columns of its list, each with whether any object has a number there.
pub type Columns = BTreeMap<ObjectKind, BTreeMap<String, bool>>;

/// The number of a cell: one as such, or text of decimal digits, as tables have it (`1.50`, `007`).
#[must_use]
pub fn number_in(cell: &Value) -> Option<f64> {
    let number = match cell {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => {
            let text = text.trim();
            let is_decimal = |sign: char| sign.is_ascii_digit() || matches!(sign, '.' | '-');
            text.parse().ok().filter(|_| text.chars().all(is_decimal))
        }
        _ => None,
    };
    number.filter(|number| number.is_finite())
}

/// The columns of a list by name, each with whether any object has a number there; `None` of an empty list.
#[must_use]
pub fn columns<'o>(objects: impl IntoIterator<Item = &'o Value>) -> Option<BTreeMap<String, bool>> {
    let mut objects = objects.into_iter().peekable();
    objects.peek()?;
    let mut columns: BTreeMap<String, bool> = BTreeMap::new();
    for (column, cell) in objects.filter_map(Value::as_object).flatten() {
        match columns.get_mut(column) {
            Some(true) => {}
            Some(has_number) => *has_number = number_in(cell).is_some(),
            None => _ = columns.insert(column.clone(), number_in(cell).is_some()),
        }
    }
    Some(columns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_number_is_read_as_tables_write_it() {
        for (cell, number) in [
            (json!(7), Some(7.0)),
            (json!(-0.5), Some(-0.5)),
            (json!("1.50"), Some(1.5)),
            (json!(" 007 "), Some(7.0)),
            (json!("-3"), Some(-3.0)),
            (json!("1,000"), None),
            (json!("1e5"), None),
            (json!("inf"), None),
            (json!("NaN"), None),
            (json!("9".repeat(400)), None),
            (json!("."), None),
            (json!("-"), None),
            (json!("1-2"), None),
            (json!(""), None),
            (json!("pro"), None),
            (json!(true), None),
            (json!(null), None),
        ] {
            assert_eq!(number_in(&cell), number, "{cell}");
        }
    }

    #[test]
    fn a_column_has_numbers_if_one_object_has() {
        let objects = [json!({"seats": "many", "plan": "pro"}), json!({"seats": 7}), json!({"seats": "few"})];
        assert_eq!(columns(&objects), Some([("seats".to_owned(), true), ("plan".to_owned(), false)].into()));
        assert_eq!(columns(&[json!({})]), Some(BTreeMap::new()));
        assert_eq!(columns(&[]), None);
    }
}
