//! A definition's members as they are written, for the document: some of them stand only where others do not.

use super::definition::{Definition, NAME_CHARS_MAX};
use super::filter::property_name;
use super::formula::Formula;
use super::function::{Among, Function};
use super::sense::sense;
use super::usage::Usage;
use super::window::Window;
use crate::id::ObjectKind;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

/// A name for those who read the document: no control characters, and not only spaces.
const NAME_PATTERN: &str =
    r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$";

/// What a calculated field computes, for which objects: a function over rows and a time, or a formula.
#[derive(JsonSchema)]
#[schemars(rename = "Definition", extend("additionalProperties" = false, "allOf" = sense()))]
#[expect(dead_code, reason = "only its shape is used")]
struct Written {
    /// The name, unique per object level whatever its case.
    #[schemars(length(min = 1, max = NAME_CHARS_MAX), regex(pattern = NAME_PATTERN))]
    name: String,
    /// Whether accounts or contacts have the value.
    object: ObjectKind,
    /// The rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Usage")]
    usage: Option<Usage>,
    /// What is computed over them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Function")]
    function: Option<Function>,
    /// Among whom: for an adoption rate, and only for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Among")]
    of: Option<Among>,
    /// Of which property of the track events: for functions of a property, and only for those.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "property")]
    of_property: Option<String>,
    /// The look-back window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Window")]
    window: Option<Window>,
    /// Instead of these: a formula over other fields of the level, by name in double quotes, and numeric columns of its
    /// directory, as in `"MAU" / directory.seats * 100`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Formula")]
    formula: Option<Formula>,
}

fn property(_: &mut SchemaGenerator) -> Schema {
    let name = property_name();
    json_schema!({"type": name["type"], "minLength": name["minLength"], "maxLength": name["maxLength"], "pattern": name["pattern"]})
}

impl JsonSchema for Definition {
    fn schema_name() -> Cow<'static, str> {
        Written::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Written::json_schema(generator)
    }
}
