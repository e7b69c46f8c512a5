//! What one id, one column and one cell may be.

use super::ID;
use serde_json::{Number, Value};

/// The longest id, in characters.
pub const ID_CHARS_MAX: usize = 512;
/// The most columns of an object, its id included.
pub const COLUMNS_MAX: usize = 100;
/// The longest cell, in bytes.
pub const CELL_BYTES_MAX: usize = 4_096;

pub(super) const COLUMN_CHARS_MAX: usize = 120;

/// Takes an id, trimmed.
pub(super) fn id(text: &str) -> Result<&str, String> {
    let id = text.trim();
    if id.is_empty() {
        return Err(format!("{ID} is missing: give the {ID} of the object"));
    }
    if id.chars().count() > ID_CHARS_MAX || id.chars().any(char::is_control) {
        return Err(format!("{ID} must have at most {ID_CHARS_MAX} characters and no control characters"));
    }
    Ok(id)
}

/// Takes the name of a column, trimmed.
pub(super) fn column(text: &str) -> Result<&str, String> {
    let name = text.trim();
    if name.is_empty() {
        return Err("a column has no name: name it or leave it out".to_owned());
    }
    if name.chars().count() > COLUMN_CHARS_MAX || name.chars().any(char::is_control) {
        return Err(format!("a column name must have at most {COLUMN_CHARS_MAX} characters and no control characters"));
    }
    Ok(name)
}

/// Refuses text that is too long for a cell.
pub(super) fn check_length(column: &str, text: &str) -> Result<(), String> {
    if text.len() <= CELL_BYTES_MAX {
        return Ok(());
    }
    Err(format!("{column} has {} bytes: give at most {CELL_BYTES_MAX}", text.len()))
}

/// The number that prints back exactly as this text; so `007` and `1.50` are none.
pub(super) fn number(text: &str) -> Option<Number> {
    let number = if let Ok(whole) = text.parse::<i64>() {
        Number::from(whole)
    } else if let Ok(whole) = text.parse::<u64>() {
        Number::from(whole)
    } else {
        Number::from_f64(text.parse().ok()?)?
    };
    (number.to_string() == text).then_some(number)
}

/// An id as JSON may give it: text, or a whole number by its text.
pub(super) fn id_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_text_that_prints_back_is_a_number() {
        for text in ["0", "-7", "42", "3.5", "18446744073709551615", "-0.25", "12.0"] {
            assert_eq!(number(text).map(|number| number.to_string()).as_deref(), Some(text));
        }
        for text in ["", "007", "1.50", "+1", "-0", "1e5", " 1", "NaN", "inf", "1,5", "99999999999999999999", "0x10"] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
