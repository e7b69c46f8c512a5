//! The file itself: checked whole when it is parsed, printed in one order.

use crate::fields::shape::{Shape, wrong_type};
use crate::fields::{Definition, FIELDS_MAX, Field, Problem, layers};
use crate::matching::Matching;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The form of the file that this version writes, and the only one it reads.
pub const FORMAT: u64 = 1;

/// Matching and fields as a file has them. Of what is left out it says nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Configuration {
    format: u64,
    /// The matching.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matching: Option<Matching>,
    /// The fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<Vec<Definition>>,
}

impl Configuration {
    /// What stands: fields of usage, then formulas behind what they use, by level and name.
    #[must_use]
    pub fn of(matching: Option<&Matching>, fields: &[Field]) -> Self {
        let mut layers = layers(fields);
        layers.iter_mut().for_each(|layer| {
            layer.sort_by_key(|field| (field.definition.object, field.definition.name_key()));
        });
        let definitions = layers.into_iter().flatten().map(|field| field.definition.named(fields)).collect();
        Self { format: FORMAT, matching: matching.cloned(), fields: Some(definitions) }
    }

    /// Parses a file.
    ///
    /// # Errors
    /// The first thing that is missing, unknown, of a wrong type, impossible, or there twice.
    pub fn parse(body: &Value) -> Result<Self, Problem> {
        let shape = Shape::of(body, "", &["format", "matching", "fields"])?;
        let format = shape.required("format", "the form of the file, which is 1")?;
        if format.as_f64() != Some(1.0) {
            return Err(Problem::at("/format", "format must be 1, the only form that is known; export the file anew"));
        }
        let matching = shape.optional("matching").map(matching).transpose()?;
        let fields = shape.optional("fields").map(fields).transpose()?;
        Ok(Self { format: FORMAT, matching, fields })
    }
}

fn matching(value: &Value) -> Result<Matching, Problem> {
    if !value.is_object() {
        return Err(wrong_type("/matching", value, "an object such as the body of PUT /v1/matching"));
    }
    Matching::parse(value).map_err(|problem| within("/matching", problem))
}

fn fields(value: &Value) -> Result<Vec<Definition>, Problem> {
    let Value::Array(items) = value else {
        return Err(wrong_type("/fields", value, "a list of bodies of POST /v1/fields"));
    };
    if items.len() > FIELDS_MAX {
        let detail = format!("fields has {} entries; a workspace has at most {FIELDS_MAX}", items.len());
        return Err(Problem::at("/fields", detail));
    }
    let mut places = BTreeMap::new();
    let mut definitions = Vec::with_capacity(items.len());
    for (at, item) in items.iter().enumerate() {
        let place = format!("/fields/{at}");
        if !item.is_object() {
            return Err(wrong_type(&place, item, "an object such as the body of POST /v1/fields"));
        }
        let definition = Definition::parse(item).map_err(|problem| within(&place, problem))?;
        if let Some(first) = places.insert((definition.object, definition.name_key()), at) {
            let level = definition.object.name();
            let detail =
                format!("this {level} field has the name of fields.{first}; give each one its own, whatever its case");
            return Err(Problem::at(format!("{place}/name"), detail));
        }
        definitions.push(definition);
    }
    Ok(definitions)
}

/// What is wrong with a part, as the whole has it.
fn within(place: &str, problem: Problem) -> Problem {
    Problem { pointer: format!("{place}{}", problem.pointer), ..problem }
}

impl JsonSchema for Configuration {
    fn schema_name() -> Cow<'static, str> {
        "Configuration".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "object", "required": ["format"], "additionalProperties": false, "properties": {
            "format": {"const": FORMAT, "description": "The form of the file."},
            "matching": generator.subschema_for::<Matching>(),
            "fields": {"type": "array", "maxItems": FIELDS_MAX, "items": generator.subschema_for::<Definition>(),
                "description": "Each name once in its level, whatever its case."}}})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::FieldId;
    use serde_json::json;

    fn field(name: &str, object: &str) -> Value {
        json!({"name": name, "object": object, "usage": {"kind": "event"}, "function": "count", "window": {"all_time": true}})
    }

    #[test]
    fn what_is_printed_parses_to_the_same_in_the_order_of_level_and_name() {
        let stands = [("b", "contact"), ("Z", "account"), ("a", "account")].map(|(name, object)| {
            Field::new(FieldId::random(), Definition::parse(&field(name, object)).unwrap(), 0, None)
        });
        let matching = Matching::parse(&json!({"account": {"account": "accountId", "object": "id"}})).unwrap();
        let file = Configuration::of(Some(&matching), &stands);
        let names = file.fields.iter().flatten().map(|definition| definition.name.as_str());
        assert_eq!(names.collect::<Vec<_>>(), ["a", "Z", "b"]);
        assert_eq!(Configuration::parse(&json!(file)), Ok(file));
        let empty = Configuration::of(None, &[]);
        assert_eq!(json!(empty), json!({"format": 1, "fields": []}));
        assert_eq!(Configuration::parse(&json!(empty)), Ok(empty));
    }

    #[test]
    fn formulas_stand_behind_what_they_use_and_name_it_as_people_do() {
        let formula = |name: &str, text: &str| json!({"name": name, "object": "account", "formula": text});
        let stands = [
            ("1", formula("a", "\"2\" * 2")),
            ("2", formula("c", "\"3\" / directory.seats")),
            ("3", field("z", "account")),
            ("4", formula("b", "\"3\" - 1")),
            ("5", field("Y", "contact")),
        ]
        .map(|(id, body)| Field::new(FieldId::from_text(id), Definition::parse(&body).unwrap(), 0, None));
        let file = json!(Configuration::of(None, &stands));
        let expected = [
            field("z", "account"),
            field("Y", "contact"),
            formula("b", "\"z\" - 1"),
            formula("c", "\"z\" / directory.seats"),
            formula("a", "\"c\" * 2"),
        ];
        assert_eq!(file["fields"], json!(expected));
        assert_eq!(json!(Configuration::parse(&file).unwrap()), file);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place_in_the_file() {
        let mut long = field("x", "account");
        long["window"] = json!({"rolling_days": 9_999});
        let with = |fields: Value| json!({"format": 1, "fields": fields});
        let cases = [
            (json!([]), "", "must be a JSON object"),
            (json!({}), "/format", "missing"),
            (json!({"format": 2}), "/format", "only form"),
            (json!({"format": "1"}), "/format", "only form"),
            (json!({"format": 1, "key": "x"}), "/key", "not known"),
            (json!({"format": 1, "matching": null}), "/matching", "PUT /v1/matching"),
            (json!({"format": 1, "matching": {}}), "/matching", "no level"),
            (
                json!({"format": 1, "matching": {"contact": {"visitor": "x", "object": "id"}}}),
                "/matching/contact/visitor",
                "cannot be matched",
            ),
            (with(json!({})), "/fields", "a list"),
            (with(json!(vec![1; 201])), "/fields", "200"),
            (with(json!([field("a", "account"), 7])), "/fields/1", "POST /v1/fields"),
            (with(json!([field("a", "account"), {}])), "/fields/1/name", "missing"),
            (with(json!([field("a", "account"), field("b", "account"), long])), "/fields/2/window/rolling_days", ""),
            (
                with(json!([field("a", "account"), field("a", "contact"), field("A", "account")])),
                "/fields/2/name",
                "fields.0",
            ),
        ];
        for (body, pointer, part) in cases {
            let problem = Configuration::parse(&body).unwrap_err();
            assert_eq!(problem.pointer, pointer, "{problem}");
            assert!(problem.detail.contains(part), "{problem}");
        }
    }
}
