//! A calculated field as an admin defines it: checked whole when it is parsed.

use super::function::Function;
use super::problem::Problem;
use super::shape::{Shape, listed};
use super::usage::Usage;
use super::window::Window;
use crate::id::{Kind, ObjectKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The longest name of a field, in characters.
pub const NAME_CHARS_MAX: usize = 120;

/// What a calculated field computes, for which objects, over which rows and which time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Value")]
pub struct Definition {
    /// The name, unique per object level whatever its case.
    pub name: String,
    /// Whether accounts or contacts have the value.
    pub object: ObjectKind,
    /// The rows.
    pub usage: Usage,
    /// What is computed over them.
    pub function: Function,
    /// The look-back window.
    pub window: Window,
}

impl Definition {
    /// Parses one definition.
    ///
    /// # Errors
    /// The first thing that is missing, unknown, of a wrong type or impossible.
    pub fn parse(body: &Value) -> Result<Self, Problem> {
        let shape = Shape::of(body, "", &["name", "object", "usage", "function", "window"])?;
        let name = name_of(&shape)?;
        let object = object_of(&shape)?;
        let usage = Usage::parse(shape.required("usage", "an object such as {\"kind\":\"feature\"}")?, "/usage")?;
        let function = function_of(&shape)?;
        if function == Function::Minutes && usage.kind == Kind::Guide {
            let detail = "minutes cannot be computed for guides, which have none in Pendo; use count or another kind";
            return Err(Problem::at("/function", detail));
        }
        let window = shape.required("window", "{\"rolling_days\":30} or {\"all_time\":true}")?;
        let window = Window::parse(window, "/window", function.takes_complete_days())?;
        Ok(Self { name, object, usage, function, window })
    }

    /// The name by which two fields of one level are the same.
    #[must_use]
    pub fn name_key(&self) -> String {
        self.name.to_lowercase()
    }
}

impl TryFrom<Value> for Definition {
    type Error = Problem;

    fn try_from(body: Value) -> Result<Self, Problem> {
        Self::parse(&body)
    }
}

fn name_of(shape: &Shape<'_>) -> Result<String, Problem> {
    let name = shape.text("name", "the name under which the field is shown")?.trim();
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || name.chars().any(char::is_control) {
        let detail =
            format!("name must have 1 to {NAME_CHARS_MAX} characters and no control characters; choose another name");
        return Err(Problem::at("/name", detail));
    }
    Ok(name.to_owned())
}

fn object_of(shape: &Shape<'_>) -> Result<ObjectKind, Problem> {
    match shape.text("object", "account or contact")? {
        "account" => Ok(ObjectKind::Account),
        "contact" => Ok(ObjectKind::Contact),
        other => Err(Problem::at("/object", format!("object \"{other}\" is not known; use account or contact"))),
    }
}

fn function_of(shape: &Shape<'_>) -> Result<Function, Problem> {
    let names = listed(&Function::ALL.map(Function::name));
    let name = shape.text("function", &names)?;
    Function::of_name(name)
        .ok_or_else(|| Problem::at("/function", format!("function \"{name}\" is not known; use {names}")))
}
