//! What a preview is asked for: checked whole before anything is read.

use crate::fields::shape::{Shape, wrong_type};
use crate::fields::{Definition, Problem};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// The most objects of a preview.
pub const OBJECTS_MAX: usize = 100;
/// Objects of a sample where nothing is said.
pub const SAMPLE_DEFAULT: usize = 20;

/// A definition, and of which objects values are wanted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "Value")]
#[schemars(rename = "PreviewQuery", !try_from, extend("additionalProperties" = false))]
pub struct PreviewQuery {
    /// As `POST /v1/fields` takes it.
    pub definition: Definition,
    /// The ids of the accounts or contacts whose values are wanted; a sample if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<String>", length(min = 1, max = OBJECTS_MAX))]
    pub objects: Option<Vec<String>>,
    /// How many objects are shown where none are named, 1 to 100; 20 if left out. They are spread evenly from the highest value
    /// to the lowest, those without one last. Not beside `objects`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "usize", range(min = 1, max = OBJECTS_MAX))]
    pub sample: Option<usize>,
}

impl PreviewQuery {
    /// Parses a body.
    ///
    /// # Errors
    /// The first thing that is missing, unknown, of a wrong type, too many or impossible.
    pub fn parse(body: &Value) -> Result<Self, Problem> {
        let shape = Shape::of(body, "", &["definition", "objects", "sample"])?;
        let wanted = "a definition as POST /v1/fields takes it";
        let definition = shape.required("definition", wanted)?;
        if !definition.is_object() {
            return Err(wrong_type("/definition", definition, wanted));
        }
        let within = |problem: Problem| Problem { pointer: format!("/definition{}", problem.pointer), ..problem };
        let definition = Definition::parse(definition).map_err(within)?;
        let objects = shape.optional("objects").map(ids).transpose()?;
        let sample = shape.optional("sample").map(number).transpose()?;
        if objects.is_some() && sample.is_some() {
            let detail =
                "sample cannot be given beside objects, which say whose values are wanted; leave one of them out";
            return Err(Problem::at("/sample", detail));
        }
        Ok(Self { definition, objects, sample })
    }
}

impl TryFrom<Value> for PreviewQuery {
    type Error = Problem;

    fn try_from(body: Value) -> Result<Self, Problem> {
        Self::parse(&body)
    }
}

fn ids(value: &Value) -> Result<Vec<String>, Problem> {
    let Value::Array(items) = value else { return Err(wrong_type("/objects", value, "a list of ids")) };
    if items.is_empty() || items.len() > OBJECTS_MAX {
        let count = items.len();
        let detail = format!("objects has {count} entries; give 1 to {OBJECTS_MAX} ids, or leave it out for a sample");
        return Err(Problem::at("/objects", detail));
    }
    let text = |(at, item): (usize, &Value)| {
        item.as_str().map(str::to_owned).ok_or_else(|| wrong_type(&format!("/objects/{at}"), item, "an id"))
    };
    items.iter().enumerate().map(text).collect()
}

fn number(value: &Value) -> Result<usize, Problem> {
    let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
    number.filter(|number| (1..=OBJECTS_MAX).contains(number)).ok_or_else(|| {
        let detail =
            format!("sample must be a whole number from 1 to {OBJECTS_MAX}; leave it out for {SAMPLE_DEFAULT}");
        Problem::at("/sample", detail)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn good() -> Value {
        json!({"definition": {"name": "x", "object": "account", "usage": {"kind": "page"}, "function": "count",
                              "window": {"all_time": true}}})
    }

    #[test]
    fn a_definition_alone_is_enough_and_a_list_or_a_number_of_objects_may_be_added() {
        let parsed = PreviewQuery::parse(&good()).unwrap();
        assert_eq!((parsed.objects, parsed.sample), (None, None));
        for (member, value) in [("objects", json!(["A-1"])), ("sample", json!(100)), ("sample", json!(1))] {
            let mut body = good();
            body[member] = value.clone();
            let parsed = PreviewQuery::parse(&body).unwrap();
            let shown = if member == "sample" { json!(parsed.sample) } else { json!(parsed.objects) };
            assert_eq!(shown, value);
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let with = |member: &str, value: Value| {
            let mut body = good();
            body[member] = value;
            body
        };
        let mut inner = good();
        inner["definition"]["window"] = json!({"rolling_days": 0});
        let mut both = with("objects", json!(["A-1"]));
        both["sample"] = json!(3);
        for (body, pointer, part) in [
            (json!([]), "", "object"),
            (json!({}), "/definition", "missing"),
            (with("definition", json!("MAU")), "/definition", "POST /v1/fields"),
            (inner, "/definition/window/rolling_days", "1 to 2555"),
            (with("ids", json!([])), "/ids", "definition, objects or sample"),
            (with("objects", json!("A-1")), "/objects", "a list of ids"),
            (with("objects", json!([])), "/objects", "0 entries"),
            (with("objects", json!(vec!["A-1"; 101])), "/objects", "101 entries"),
            (with("objects", json!(["A-1", 2])), "/objects/1", "an id"),
            (with("sample", json!(0)), "/sample", "from 1 to 100"),
            (with("sample", json!(101)), "/sample", "from 1 to 100"),
            (with("sample", json!(2.5)), "/sample", "from 1 to 100"),
            (with("sample", json!("all")), "/sample", "whole number"),
            (both, "/sample", "beside objects"),
        ] {
            let problem = PreviewQuery::parse(&body).unwrap_err();
            assert_eq!(problem.pointer, pointer, "{problem}");
            assert!(problem.detail.contains(part), "{problem}");
        }
    }
}
