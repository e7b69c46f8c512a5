//! Keys as they are compared: trimmed, and lower-cased on both sides where the rule says so.

use crate::directory::{ID, Object};
use serde_json::Value;
use std::borrow::Cow;

/// How the ids of anonymous visitors begin.
const ANONYMOUS_PREFIX: &str = "_PENDO_T_";

/// The key of a text; an empty one is none.
pub(super) fn key_of(text: &str, ignore_case: bool) -> Option<Cow<'_, str>> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return None;
    }
    Some(if ignore_case { Cow::Owned(trimmed.to_lowercase()) } else { Cow::Borrowed(trimmed) })
}

/// The text of an object's field; `id` is the object's id.
pub(super) fn text_of<'a>(id: &'a str, object: &'a Object, field: &str) -> Option<Cow<'a, str>> {
    if field == ID {
        return Some(Cow::Borrowed(id));
    }
    match object.get(field)? {
        Value::String(text) => Some(Cow::Borrowed(text)),
        scalar @ (Value::Number(_) | Value::Bool(_)) => Some(Cow::Owned(scalar.to_string())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Whether this is the id of a visitor that nobody identified.
pub(super) fn is_anonymous(visitor_id: &str) -> bool {
    visitor_id.starts_with(ANONYMOUS_PREFIX)
}
