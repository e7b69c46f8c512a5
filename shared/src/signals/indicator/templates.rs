//! Indicators of the field, ready to be filled in with the names of one's own fields. What comes out is an ordinary body, which
//! can be changed like any other.

mod list;

pub use list::TEMPLATES;

use crate::fields::shape::{Shape, dotted, listed, wrong_type};
use crate::fields::{Problem, below};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

/// An indicator that is ready but for some names and numbers.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct Template {
    /// What it is asked for by.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// What it finds and when to use it.
    pub about: &'static str,
    /// What must be there before.
    pub needs: &'static str,
    /// What is to be chosen.
    pub parameters: &'static [Parameter],
    #[serde(skip)]
    make: fn(&Chosen) -> Value,
}

/// Something that is to be chosen.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct Parameter {
    /// Its member among the choices.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// What can be given.
    pub takes: Takes,
}

/// What can be given for a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Takes {
    /// The name of a calculated field of the level; it must be given.
    Field,
    /// The name of a column of the directory; it must be given.
    Column,
    /// A list of texts; it must be given.
    Texts,
    /// A number.
    Number {
        /// The least that can be given.
        least: f64,
        /// The most that can be given.
        most: f64,
        /// What it is where nothing is given.
        default: f64,
    },
    /// A whole number of days.
    Days {
        /// The most that can be given; the least is 1.
        most: u32,
        /// What it is where nothing is given.
        default: u32,
    },
}

/// An indicator's body from a template, by what was chosen. Whether the names are there is seen when the body is parsed.
/// `pointer` is the place of the object that has `template` and `choices`.
///
/// # Errors
/// No template is called so, or the first thing that is wrong with the choices, with its place.
pub fn fill(template: &str, choices: &Value, pointer: &str) -> Result<Value, Problem> {
    let Some(found) = TEMPLATES.iter().find(|known| known.name == template) else {
        let known = TEMPLATES.map(|template| template.name);
        let detail = format!("no template is called \"{template}\"; use {}", listed(&known));
        return Err(Problem::at(below(pointer, "template"), detail));
    };
    let parameters: Vec<&str> = found.parameters.iter().map(|parameter| parameter.name).collect();
    let shape = Shape::of(choices, &below(pointer, "choices"), &parameters)?;
    let chosen = found.parameters.iter().map(|parameter| Ok((parameter.name.to_owned(), parameter.read(&shape)?)));
    let mut body = (found.make)(&Chosen(chosen.collect::<Result<_, Problem>>()?));
    put(&mut body, "template", found.name.into());
    Ok(body)
}

/// A value for each parameter.
struct Chosen(Map<String, Value>);

impl Chosen {
    fn get(&self, name: &str) -> Value {
        self.0.get(name).cloned().unwrap_or_default()
    }

    fn number(&self, name: &str) -> f64 {
        self.0.get(name).and_then(Value::as_f64).unwrap_or_default()
    }
}

fn put(body: &mut Value, name: &str, value: Value) {
    if let Some(members) = body.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}

impl Parameter {
    /// What was chosen, or what stands where nothing was.
    fn read(&self, shape: &Shape<'_>) -> Result<Value, Problem> {
        let place = shape.pointer_to(self.name);
        let given = shape.optional(self.name);
        match self.takes {
            Takes::Field => shape.text(self.name, "the name of a calculated field").map(Value::from),
            Takes::Column => shape.text(self.name, "the name of a column of the directory").map(Value::from),
            Takes::Texts => {
                let given = shape.required(self.name, "a list of texts")?;
                let is_list =
                    given.as_array().is_some_and(|list| !list.is_empty() && list.iter().all(Value::is_string));
                if is_list {
                    Ok(given.clone())
                } else {
                    Err(wrong_type(&place, given, "a list of texts, at least one"))
                }
            }
            Takes::Number { least, most, default } => {
                let Some(given) = given else { return Ok(default.into()) };
                let is_good = given.as_f64().is_some_and(|number| (least..=most).contains(&number));
                let detail = || format!("{} must be a number, {least} to {most}", dotted(&place));
                if is_good { Ok(given.clone()) } else { Err(Problem::at(place.as_str(), detail())) }
            }
            Takes::Days { most, default } => {
                let Some(given) = given else { return Ok(default.into()) };
                let is_good = given.as_u64().is_some_and(|days| (1..=u64::from(most)).contains(&days));
                let detail = || format!("{} must be a whole number of days, 1 to {most}", dotted(&place));
                if is_good { Ok(given.clone()) } else { Err(Problem::at(place.as_str(), detail())) }
            }
        }
    }
}
