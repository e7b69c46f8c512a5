//! Reads a JSON object member by member, so that each refusal names the member and the type it should have.

use super::problem::{Problem, below};
use serde_json::{Map, Value};

/// A JSON object at a place in a body.
pub(crate) struct Shape<'a> {
    members: &'a Map<String, Value>,
    pointer: String,
}

impl<'a> Shape<'a> {
    /// Takes `value` for an object that has no members but `known`.
    pub(crate) fn of(value: &'a Value, pointer: &str, known: &[&str]) -> Result<Self, Problem> {
        let Value::Object(members) = value else {
            let place = if pointer.is_empty() { "the body".to_owned() } else { dotted(pointer) };
            let detail =
                format!("{place} must be a JSON object, not {}; its members are {}", type_of(value), listed(known));
            return Err(Problem::at(pointer, detail));
        };
        if let Some(unknown) = members.keys().find(|name| !known.contains(&name.as_str())) {
            let place = below(pointer, unknown);
            let detail = format!("{} is not known; use {}", dotted(&place), listed(known));
            return Err(Problem::at(place, detail));
        }
        Ok(Self { members, pointer: pointer.to_owned() })
    }

    /// The place of a member.
    pub(crate) fn pointer_to(&self, name: &str) -> String {
        below(&self.pointer, name)
    }

    /// A member that may be absent.
    pub(crate) fn optional(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name)
    }

    /// A member that must be there; `wanted` says what it should be.
    pub(crate) fn required(&self, name: &str, wanted: &str) -> Result<&'a Value, Problem> {
        self.members.get(name).ok_or_else(|| {
            let place = self.pointer_to(name);
            let detail = format!("{} is missing; give {wanted}", dotted(&place));
            Problem::at(place, detail)
        })
    }

    /// A member that must be text.
    pub(crate) fn text(&self, name: &str, wanted: &str) -> Result<&'a str, Problem> {
        let value = self.required(name, wanted)?;
        value.as_str().ok_or_else(|| wrong_type(&self.pointer_to(name), value, wanted))
    }

    /// A member that may be absent and else is true or false.
    pub(crate) fn optional_bool(&self, name: &str) -> Result<Option<bool>, Problem> {
        let read =
            |value: &Value| value.as_bool().ok_or_else(|| wrong_type(&self.pointer_to(name), value, "true or false"));
        self.optional(name).map(read).transpose()
    }
}

/// The refusal of a member that has another type than `wanted`.
pub(crate) fn wrong_type(pointer: &str, value: &Value, wanted: &str) -> Problem {
    Problem::at(pointer, format!("{} must be {wanted}, not {}", dotted(pointer), type_of(value)))
}

/// A pointer as people write it: `usage.ids.0`.
pub(crate) fn dotted(pointer: &str) -> String {
    let path = pointer.strip_prefix('/').unwrap_or(pointer);
    path.replace('/', ".").replace("~1", "/").replace("~0", "~")
}

/// `a, b or c`.
pub(crate) fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
