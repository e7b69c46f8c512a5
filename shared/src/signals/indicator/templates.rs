//! Indicators of the field, ready to be filled in with the names of one's own fields. What comes out is an ordinary body, which
//! can be changed like any other.

use crate::fields::shape::{Shape, dotted, listed, wrong_type};
use crate::fields::{Problem, below};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

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

const USED: Parameter = Parameter {
    name: "used",
    about: "The field that says how much of the limit is used, in the unit of the limit.",
    takes: Takes::Field,
};
const LIMIT: Parameter =
    Parameter { name: "limit", about: "The column that says how much the plan allows.", takes: Takes::Column };

/// Every template.
pub const TEMPLATES: [Template; 7] = [
    Template {
        name: "seat_saturation",
        title: "Seat saturation",
        about: "Most of the seats that were bought have been in use for days on end; use it where more seats can be sold.",
        needs: "A field that counts active people, such as distinct visitors of the last 30 days, and a column with the seats \
                that were bought.",
        parameters: &[
            Parameter { name: "seats_used", about: "The field that counts the seats in use.", takes: Takes::Field },
            Parameter { name: "seats", about: "The column with the seats that were bought.", takes: Takes::Column },
            Parameter {
                name: "at_percent",
                about: "From how many percent of the seats on.",
                takes: Takes::Number { least: 1.0, most: 1000.0, default: 80.0 },
            },
            Parameter {
                name: "for_days",
                about: "For how many days in a row, so that a busy day alone is none.",
                takes: Takes::Days { most: 366, default: 14 },
            },
        ],
        make: |chosen| {
            let mut body = share_of_limit(chosen, "seats_used", "seats");
            put(&mut body, "for_days", chosen.get("for_days"));
            body
        },
    },
    Template {
        name: "limit_approach",
        title: "Limit approach",
        about: "Use comes near a limit of the plan; use it to talk about the next plan before anybody is held up.",
        needs: "A field that measures what the plan limits, and a column with the limit.",
        parameters: &[
            USED,
            LIMIT,
            Parameter {
                name: "at_percent",
                about: "From how many percent of the limit on.",
                takes: Takes::Number { least: 1.0, most: 100.0, default: 80.0 },
            },
        ],
        make: |chosen| share_of_limit(chosen, "used", "limit"),
    },
    Template {
        name: "limit_breach",
        title: "Limit breach",
        about: "Use has reached a limit of the plan or is over it; use it where more use than was bought goes on.",
        needs: "A field that measures what the plan limits, and a column with the limit.",
        parameters: &[
            USED,
            LIMIT,
            Parameter {
                name: "at_percent",
                about: "From how many percent of the limit on.",
                takes: Takes::Number { least: 100.0, most: 1000.0, default: 100.0 },
            },
        ],
        make: |chosen| share_of_limit(chosen, "used", "limit"),
    },
    Template {
        name: "gate_hit",
        title: "Gate hit",
        about: "People try a feature that their plan has not; use it where such attempts are tracked.",
        needs: "A field that counts attempts on the feature, such as views of the page that offers the upgrade, and a column \
                with the plan.",
        parameters: &[
            Parameter { name: "attempts", about: "The field that counts the attempts.", takes: Takes::Field },
            Parameter { name: "plan", about: "The column with the plan.", takes: Takes::Column },
            Parameter { name: "plans_with_it", about: "The plans that have the feature.", takes: Takes::Texts },
            Parameter {
                name: "at_least",
                about: "From how many attempts on.",
                takes: Takes::Number { least: 1.0, most: 1e9, default: 1.0 },
            },
        ],
        make: |chosen| {
            json!({"condition": {"all": [
                {"field": chosen.get("attempts"), "is": "at_least", "value": chosen.get("at_least")},
                {"column": chosen.get("plan"), "is": "not_in", "values": chosen.get("plans_with_it")},
            ]}})
        },
    },
    Template {
        name: "usage_growth",
        title: "Usage growth",
        about: "Use grows in two periods one after the other; use it where those who use more come to buy more.",
        needs: "A field of the function change, over a window as long as `days`: its values are shares, 0.2 for 20 % more than \
                in the window before.",
        parameters: &[
            Parameter { name: "trend", about: "The field that says by how much use changed.", takes: Takes::Field },
            Parameter {
                name: "at_least_percent",
                about: "By how many percent use must grow in each of the two periods.",
                takes: Takes::Number { least: 1.0, most: 10_000.0, default: 20.0 },
            },
            Parameter {
                name: "days",
                about: "How long a period is: the days of the field's window.",
                takes: Takes::Days { most: 366, default: 30 },
            },
        ],
        make: |chosen| {
            let (trend, percent) = (chosen.get("trend"), chosen.number("at_least_percent"));
            let now = json!({"field": trend, "is": "at_least", "value": percent / 100.0});
            let mut then = now.clone();
            put(&mut then, "days_ago", chosen.get("days"));
            json!({
                "condition": {"all": [now, then]},
                "strength": {"field": trend, "from": percent / 100.0, "to": (percent + 80.0) / 100.0},
            })
        },
    },
    Template {
        name: "power_user_concentration",
        title: "Power-user concentration",
        about: "A few people do most of the work; use it to find accounts in which more could be won over, and which hang on few.",
        needs: "A field that says which share of use its top users have, 0 to 1.",
        parameters: &[
            Parameter { name: "concentration", about: "The field that says the share.", takes: Takes::Field },
            Parameter {
                name: "at_least",
                about: "From which share on.",
                takes: Takes::Number { least: 0.01, most: 0.99, default: 0.5 },
            },
        ],
        make: |chosen| {
            let (field, at_least) = (chosen.get("concentration"), chosen.get("at_least"));
            json!({
                "condition": {"field": field, "is": "at_least", "value": at_least},
                "strength": {"field": field, "from": at_least, "to": 1.0},
            })
        },
    },
    Template {
        name: "multi_user_adoption",
        title: "Multi-user adoption",
        about: "What one or two people tried has caught on with others; use it for trials and for teams that begin.",
        needs: "A field that counts the people who use something.",
        parameters: &[
            Parameter { name: "users", about: "The field that counts the people.", takes: Takes::Field },
            Parameter {
                name: "at_least",
                about: "From how many people on.",
                takes: Takes::Number { least: 1.0, most: 1e9, default: 3.0 },
            },
            Parameter {
                name: "within_days",
                about: "Within how many days it must have come to that.",
                takes: Takes::Days { most: 366, default: 30 },
            },
        ],
        make: |chosen| {
            json!({"condition": {"field": chosen.get("users"), "is": "at_least", "value": chosen.get("at_least"),
                "crossed_within_days": chosen.get("within_days")}})
        },
    },
];

/// So much of a limit, where there is one. The strength is 100 at forty points of percent above.
fn share_of_limit(chosen: &Chosen, used: &str, limit: &str) -> Value {
    let (used, limit, percent) = (chosen.get(used), chosen.get(limit), chosen.number("at_percent"));
    json!({
        "condition": {"all": [
            // Nothing is all of nothing.
            {"column": limit, "is": "above", "value": 0},
            {"field": used, "is": "at_least", "other": {"column": limit}, "times": percent / 100.0},
        ]},
        "strength": {"field": used, "other": {"column": limit}, "from": percent / 100.0, "to": (percent + 40.0) / 100.0},
    })
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
