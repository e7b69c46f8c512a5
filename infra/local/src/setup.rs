//! Brings a stack to what the options say: connection, directory, matching, exclusions, fields. All of it may be there already; what
//! is equal changes nothing.

use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};
use shared::configuration::Configuration;
use shared::fields::{Definition, Formula, Measure, Problem};

use crate::api::{Api, ApiError};
use crate::options::Plan;
use crate::parts::Part;

/// Why a run can't begin.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A field of this name stands with another definition.
    #[error(
        "the field \"{name}\" on {object} exists with another definition: rename it in the file, change that field (PUT /v1/fields/{id}), or delete it first (DELETE /v1/fields/{id})"
    )]
    OtherDefinition {
        /// The name.
        name: String,
        /// The level.
        object: String,
        /// The one that stands.
        id: String,
    },
    /// A signal of this name stands with another definition.
    #[error(
        "the signal \"{name}\" exists with another definition: rename it in the file, change that signal (PUT /v1/signals/{id}), or delete it first (DELETE /v1/signals/{id})"
    )]
    OtherSignal {
        /// The name.
        name: String,
        /// The one that stands.
        id: String,
    },
    /// A file that can't be used.
    #[error("{0}")]
    File(String),
    /// The API refused.
    #[error("{what}: {source}")]
    Refused {
        /// What was being done.
        what: String,
        /// The refusal.
        #[source]
        source: ApiError,
    },
}

pub(crate) fn refused(what: impl Into<String>) -> impl FnOnce(ApiError) -> SetupError {
    let what = what.into();
    move |source| SetupError::Refused { what, source }
}

/// Connects, or puts the key in the place of the one that stands; the same key once more changes nothing. Answers what is
/// worth saying.
///
/// # Errors
/// A refused key, another subscription's key, or no Pendo to connect to.
pub async fn connect(api: &Api, plan: &Plan) -> Result<String, SetupError> {
    let mut body = json!({"region": plan.region, "integration_key": plan.key.expose_secret()});
    for (member, value) in [("time_zone", &plan.time_zone), ("history_from", &plan.history_from)] {
        if let Some(value) = value {
            body[member] = json!(value);
        }
    }
    let after = api.send(Method::POST, "/v1/connection", &body).await.map_err(refused("not connected"))?;
    Ok(format!("Connected to {} ({}), {}.", text(&after, "host"), text(&after, "region"), text(&after, "status")))
}

/// Uploads a part of one list of the directory; answers a line for each row that was refused.
///
/// # Errors
/// A refusal of the whole part.
pub async fn upload(api: &Api, list: &str, is_ndjson: bool, part: Part) -> Result<Vec<String>, SetupError> {
    let content_type = if is_ndjson { "application/x-ndjson" } else { "text/csv" };
    let answer = api.put_text(&format!("/v1/directory/{list}"), content_type, part.content).await;
    let answer = answer.map_err(refused(format!("the {list} were not taken")))?;
    let refusals = answer.get("errors").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let line = |refusal: &Value| refusal.get("line").and_then(Value::as_u64).unwrap_or_default() + part.lines_before;
    Ok(refusals.iter().map(|refusal| format!("{list}, line {}: {}", line(refusal), text(refusal, "reason"))).collect())
}

async fn set_matching(api: &Api, matching: &str) -> Result<Value, SetupError> {
    let body: Value = serde_json::from_str(matching)
        .map_err(|error| SetupError::File(format!("the matching is not JSON: {error}")))?;
    api.send(Method::PUT, "/v1/matching", &body).await.map_err(refused("the matching was not taken"))
}

/// Answers what is worth saying.
async fn set_exclusions(api: &Api, exclusions: &str) -> Result<String, SetupError> {
    let body: Value = serde_json::from_str(exclusions)
        .map_err(|error| SetupError::File(format!("the exclusions are not JSON: {error}")))?;
    let answer =
        api.send(Method::PUT, "/v1/exclusions", &body).await.map_err(refused("the exclusions were not taken"))?;
    let count = |name: &str| answer.pointer(&format!("/report/{name}")).and_then(Value::as_u64).unwrap_or_default();
    Ok(format!("Excluded: {} visitors, {} contacts.", count("visitors"), count("contacts")))
}

/// What is to be configured, checked as far as that goes while nothing is changed.
pub enum Wanted {
    /// Matching, exclusions and fields one by one.
    Parts(Fields),
    /// All of it in one file.
    Whole(Value),
}

/// What was configured.
pub struct Configured {
    /// The fields that were asked for.
    pub fields: Fields,
    /// Whom the matching fits.
    pub report: Value,
    /// What is worth saying.
    pub said: Option<String>,
}

impl Wanted {
    /// Reads the files and compares them with what stands.
    ///
    /// # Errors
    /// What can't be read, is impossible, or stands with another definition.
    pub async fn read(api: &Api, plan: &Plan) -> Result<Self, SetupError> {
        match &plan.configuration {
            Some(file) => configuration(file).map(Self::Whole),
            None => Fields::compare(api, &plan.fields).await.map(Self::Parts),
        }
    }

    /// Sends it.
    ///
    /// # Errors
    /// The first refusal.
    pub async fn save(self, api: &Api, plan: &Plan) -> Result<Configured, SetupError> {
        let fields = match self {
            Self::Whole(body) => return configure(api, &body).await,
            Self::Parts(fields) => fields,
        };
        let mut matching = set_matching(api, &plan.matching).await?;
        let said = match &plan.exclusions {
            Some(exclusions) => Some(set_exclusions(api, exclusions).await?),
            None => None,
        };
        fields.create(api).await?;
        Ok(Configured { fields, report: matching["report"].take(), said })
    }
}

fn configuration(file: &str) -> Result<Value, SetupError> {
    let body: Value = serde_json::from_str(file)
        .map_err(|error| SetupError::File(format!("the configuration is not JSON: {error}")))?;
    let wrong = |problem: Problem| SetupError::File(format!("the configuration{}: {problem}", at(&problem.pointer)));
    Configuration::parse(&body).map_err(wrong)?;
    Ok(body)
}

/// Where something is wrong in a file.
fn at(pointer: &str) -> String {
    if pointer.is_empty() { String::new() } else { format!(" at {pointer}") }
}

async fn configure(api: &Api, body: &Value) -> Result<Configured, SetupError> {
    let took = api.send(Method::PUT, "/v1/configuration", body).await;
    let took = took.map_err(refused("the configuration was not taken"))?;
    let count = |part: &str| took.pointer(&format!("/fields/{part}")).and_then(Value::as_array).map_or(0, Vec::len);
    let [created, changed, unchanged] = ["created", "changed", "unchanged"].map(count);
    let said = format!("Configured: {created} fields created, {changed} changed, {unchanged} as they stood.");
    let report = match took.pointer("/matching/after").filter(|matching| matching.is_object()) {
        None => Value::Null,
        Some(matching) => {
            let tried = api.send(Method::PUT, "/v1/matching?dry_run=true", matching).await;
            tried.map_err(refused("the match report could not be made"))?["report"].take()
        }
    };
    let wanted = match body.get("fields").and_then(Value::as_array) {
        Some(fields) => fields.clone(),
        None => api.all_items("/v1/fields").await.map_err(refused("the fields could not be read"))?,
    };
    Ok(Configured { fields: Fields { wanted, fresh: Vec::new() }, report, said: Some(said) })
}

/// The fields of the file.
pub struct Fields {
    wanted: Vec<Value>,
    fresh: Vec<Value>,
}

impl Fields {
    /// Reads the file and compares it with the fields that stand; nothing is created yet.
    async fn compare(api: &Api, file: &str) -> Result<Self, SetupError> {
        let wanted: Vec<Value> = serde_json::from_str(file)
            .map_err(|error| SetupError::File(format!("the fields are not a list in JSON: {error}")))?;
        for (index, field) in wanted.iter().enumerate() {
            let wrong = |problem| {
                SetupError::File(format!("field {} of the file, \"{}\": {problem}", index + 1, text(field, "name")))
            };
            Definition::parse(field).map_err(wrong)?;
        }
        let standing = api.all_items("/v1/fields").await.map_err(refused("the fields could not be read"))?;
        let mut fresh = Vec::new();
        for field in &wanted {
            match standing.iter().find(|other| is_same_name(field, other)) {
                None => fresh.push(field.clone()),
                Some(other) if is_same_definition(field, other) => {}
                Some(other) => {
                    let [name, object] = ["name", "object"].map(|member| text(field, member).to_owned());
                    return Err(SetupError::OtherDefinition { name, object, id: text(other, "id").to_owned() });
                }
            }
        }
        Ok(Self { wanted, fresh: in_order(fresh) })
    }

    /// Creates those that do not stand yet.
    async fn create(&self, api: &Api) -> Result<(), SetupError> {
        for field in &self.fresh {
            let what = format!("the field \"{}\" was not taken", text(field, "name"));
            api.send(Method::POST, "/v1/fields", field).await.map_err(refused(what))?;
        }
        Ok(())
    }

    /// The names of a level's fields, in the file's order.
    #[must_use]
    pub fn names(&self, object: &str) -> Vec<String> {
        self.of_level(object).map(|field| text(field, "name").trim().to_owned()).collect()
    }

    /// The names of those of them that are formulas.
    #[must_use]
    pub fn formulas(&self, object: &str) -> Vec<String> {
        let formulas = self.of_level(object).filter(|field| field.get("formula").is_some());
        formulas.map(|field| text(field, "name").trim().to_owned()).collect()
    }

    fn of_level(&self, object: &str) -> impl Iterator<Item = &Value> {
        self.wanted.iter().filter(move |field| text(field, "object") == object)
    }
}

/// Fields of usage first, and formulas behind those that they name.
fn in_order(fresh: Vec<Value>) -> Vec<Value> {
    let (mut ordered, mut open): (Vec<Value>, Vec<Value>) =
        fresh.into_iter().partition(|field| field.get("formula").is_none());
    while !open.is_empty() {
        let is_waiting = |field: &Value| open.iter().any(|other| names(field, other));
        let waits: Vec<bool> = open.iter().map(is_waiting).collect();
        // Those that wait for each other are sent all the same: the refusal says what is wrong with them.
        let is_stuck = waits.iter().all(|waits| *waits);
        let (ready, waiting): (Vec<_>, Vec<_>) =
            open.into_iter().zip(waits).partition(|(_, waits)| is_stuck || !*waits);
        ordered.extend(ready.into_iter().map(|(field, _)| field));
        open = waiting.into_iter().map(|(field, _)| field).collect();
    }
    ordered
}

/// Whether a field's formula names another.
fn names(field: &Value, other: &Value) -> bool {
    let Some(formula) = field.get("formula").and_then(Value::as_str).and_then(|text| Formula::parse(text).ok()) else {
        return false;
    };
    let name = text(other, "name").trim().to_lowercase();
    text(field, "object") == text(other, "object") && formula.fields().iter().any(|named| named.to_lowercase() == name)
}

fn is_same_name(field: &Value, other: &Value) -> bool {
    text(field, "object") == text(other, "object")
        && text(field, "name").trim().to_lowercase() == text(other, "name").to_lowercase()
}

/// Compares what the two mean, not how they are written: defaults may be spelled out or not.
fn is_same_definition(field: &Value, other: &Value) -> bool {
    let members = ["name", "object", "usage", "function", "of", "window", "formula"];
    let only: Map<String, Value> =
        members.into_iter().filter_map(|member| Some((member.to_owned(), other.get(member)?.clone()))).collect();
    match (Definition::parse(field), Definition::parse(&Value::Object(only))) {
        (Ok(field), Ok(other)) => {
            field.name_key() == other.name_key() && in_one_case(field.measure) == in_one_case(other.measure)
        }
        _ => false,
    }
}

/// Names are the same whatever their case.
fn in_one_case(measure: Measure) -> Measure {
    match measure {
        Measure::Formula { formula } => Measure::Formula { formula: formula.renamed(&str::to_lowercase) },
        usage => usage,
    }
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value.get(member).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn formula(name: &str, text: &str) -> Value {
        json!({"name": name, "object": "account", "formula": text})
    }

    #[test]
    fn formulas_come_behind_what_they_name_and_those_that_go_round_come_last() {
        let usage = |object: &str| {
            json!({"name": "MAU", "object": object, "usage": {"kind": "event"}, "function": "count",
                   "window": {"all_time": true}})
        };
        let fresh = vec![
            formula("x", "\"y\" + 1"),
            formula("y", "\"x\" + 1"),
            formula("b", "\"A\" * 2"),
            formula("a", "\"mau\" * 2"),
            usage("contact"),
            usage("account"),
        ];
        let names: Vec<String> = in_order(fresh).iter().map(|field| text(field, "name").to_owned()).collect();
        assert_eq!(names, ["MAU", "MAU", "a", "b", "x", "y"]);
    }

    #[test]
    fn a_formula_is_the_same_however_it_is_spaced_and_its_names_are_written() {
        let stands = formula("Seats", "\"MAU\" / directory.seats * 100");
        assert!(is_same_definition(&formula("seats", "( \"mau\"/directory.seats )*100"), &stands));
        assert!(!is_same_definition(&formula("seats", "\"mau\" / (directory.seats * 100)"), &stands));
        assert!(!is_same_definition(&formula("seats", "\"mau\" / directory.Seats * 100"), &stands));
    }
}
