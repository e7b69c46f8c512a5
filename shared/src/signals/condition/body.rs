//! Reads a condition as callers write it, and finds the names in it.

use super::{Comparison, Condition, DAYS_MAX, DEPTH_MAX, Operator, Over, PARTS_MAX, Target, Test};
use crate::fields::shape::{Shape, dotted, listed, wrong_type};
use crate::fields::{Problem, below};
use crate::id::{FieldId, SignalId};
use crate::signals::facts::Fact;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const GROUPS: [&str; 3] = ["all", "any", "not"];
const FACTS: [&str; 4] = ["field", "column", "health", "stage"];
const MEMBERS: &[&str] = &[
    "field",
    "column",
    "health",
    "stage",
    "is",
    "value",
    "values",
    "other",
    "times",
    "by_percent",
    "days",
    "for_days",
    "crossed_within_days",
    "days_ago",
];
const OPERATORS: [(&str, Operator); 6] = [
    ("above", Operator::Above),
    ("at_least", Operator::AtLeast),
    ("below", Operator::Below),
    ("at_most", Operator::AtMost),
    ("equals", Operator::Equals),
    ("not_equals", Operator::NotEquals),
];
const OTHERS: [&str; 5] = ["in", "not_in", "changed", "within_next_days", "within_past_days"];
const OVERS: [&str; 3] = ["for_days", "crossed_within_days", "days_ago"];
/// The most texts of a list.
const TEXTS_MAX: usize = 100;

/// What can be named in a condition of one level. Names are found whatever their case.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// The level's calculated fields.
    pub fields: Vec<Named<FieldId>>,
    /// Its health scores.
    pub health: Vec<Named<SignalId>>,
    /// Its journeys, each with its stages.
    pub journeys: Vec<(Named<SignalId>, Vec<String>)>,
    /// The columns that its objects have in the directory.
    pub columns: BTreeSet<String>,
}

/// Something that has a name and an id.
#[derive(Clone, Debug)]
pub struct Named<I> {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: I,
    /// What it comes to.
    pub kind: NamedKind,
    /// The version that stands.
    pub version: u64,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedKind {
    /// A number.
    Number,
    /// A point in time.
    Instant,
    /// A text or a number, as Pendo sent it.
    Text,
}

impl Names {
    /// What an id of a field is called, with the version that stands; nothing of one that is gone.
    #[must_use]
    pub fn field(&self, id: &FieldId) -> Option<&Named<FieldId>> {
        self.fields.iter().find(|named| named.id == *id)
    }

    /// What an id of a health score or a journey is called.
    #[must_use]
    pub fn signal(&self, id: &SignalId) -> Option<&Named<SignalId>> {
        self.health.iter().chain(self.journeys.iter().map(|(named, _)| named)).find(|named| named.id == *id)
    }
}

fn find<'a, I>(all: impl Iterator<Item = &'a Named<I>>, name: &str) -> Option<&'a Named<I>>
where
    I: 'a + AsRef<str>,
{
    let mut all: Vec<&Named<I>> = all.collect();
    let by_id = all.iter().position(|named| named.id.as_ref() == name);
    let at = by_id.or_else(|| all.iter().position(|named| named.name.eq_ignore_ascii_case(name)))?;
    Some(all.swap_remove(at))
}

impl Condition {
    /// Reads and checks a condition.
    ///
    /// # Errors
    /// The first thing that is wrong with it, with its place.
    pub fn parse(body: &Value, pointer: &str, names: &Names) -> Result<Self, Problem> {
        let mut parts = 0;
        read(body, pointer, names, 1, &mut parts)
    }
}

fn read(body: &Value, pointer: &str, names: &Names, depth: usize, parts: &mut usize) -> Result<Condition, Problem> {
    *parts += 1;
    if *parts > PARTS_MAX {
        return Err(Problem::at(pointer, format!("a condition has at most {PARTS_MAX} parts")));
    }
    if depth > DEPTH_MAX {
        return Err(Problem::at(pointer, format!("groups of a condition lie in each other {DEPTH_MAX} deep at most")));
    }
    let group = GROUPS.into_iter().find(|name| body.get(name).is_some());
    let Some(group) = group else { return comparison(body, pointer, names).map(Condition::Is) };
    let shape = Shape::of(body, pointer, &[group])?;
    let place = below(pointer, group);
    let inner = shape.required(group, "a condition")?;
    if group == "not" {
        return Ok(Condition::Not(Box::new(read(inner, &place, names, depth + 1, parts)?)));
    }
    let list = inner.as_array().ok_or_else(|| wrong_type(&place, inner, "a list of conditions"))?;
    if list.is_empty() {
        return Err(Problem::at(place, format!("\"{group}\" names no condition; give at least one")));
    }
    let each = list.iter().enumerate();
    let read = |(at, part): (usize, &Value)| read(part, &below(&place, &at.to_string()), names, depth + 1, parts);
    let list = each.map(read).collect::<Result<Vec<_>, _>>()?;
    Ok(if group == "all" { Condition::All(list) } else { Condition::Any(list) })
}

fn comparison(body: &Value, pointer: &str, names: &Names) -> Result<Comparison, Problem> {
    let known: Vec<&str> = MEMBERS.iter().chain(&GROUPS).copied().collect();
    let shape = Shape::of(body, pointer, &known)?;
    let (fact, kind) = fact(&shape, pointer, names)?;
    let wanted = "an operator, such as \"at_least\"";
    let is = shape.text("is", wanted)?;
    let place = |name: &str| below(pointer, name);
    let only = |members: &[&str]| {
        let free = ["field", "column", "health", "stage", "is", "for_days", "crossed_within_days", "days_ago"];
        let extra = MEMBERS
            .iter()
            .find(|name| shape.optional(name).is_some() && !free.contains(name) && !members.contains(name));
        extra.map_or(Ok(()), |extra| Err(Problem::at(place(extra), format!("\"{extra}\" does not go with \"{is}\""))))
    };
    let operator = OPERATORS.iter().find(|(name, _)| *name == is).map(|(_, operator)| *operator);
    let test = match (operator, is) {
        (Some(operator), _) => {
            only(&["value", "other", "times"])?;
            if matches!(fact, Fact::Stage(_)) {
                let detail = "a stage is a text; compare it by \"in\" or \"not_in\" with \"values\"";
                return Err(Problem::at(place("is"), detail));
            }
            needs_number(kind, &shape, pointer)?;
            Test::Number(operator, target(&shape, pointer, names)?)
        }
        (None, "in" | "not_in") => {
            only(&["values"])?;
            let texts = texts(&shape, pointer, &fact, names)?;
            if is == "in" { Test::In(texts) } else { Test::NotIn(texts) }
        }
        (None, "changed") => {
            only(&["by_percent", "days"])?;
            if matches!(fact, Fact::Column(_) | Fact::Stage(_)) {
                return Err(Problem::at(place("is"), "only fields and health are known day by day; name one of these"));
            }
            needs_number(kind, &shape, pointer)?;
            let percent = number(&shape, "by_percent", "a number of percent, negative for a fall")?;
            if percent == 0.0 {
                return Err(Problem::at(
                    place("by_percent"),
                    "0 % is no change; give how much it must change at least",
                ));
            }
            if percent < -100.0 {
                return Err(Problem::at(place("by_percent"), "nothing falls by more than 100 %; give -100 or more"));
            }
            Test::Changed { by: percent / 100.0, days: days(&shape, "days")? }
        }
        (None, "within_next_days" | "within_past_days") => {
            only(&["days"])?;
            if !matches!(fact, Fact::Column(_)) {
                let detail = format!("\"{is}\" looks at a date in a column of the directory; give \"column\"");
                return Err(Problem::at(place("is"), detail));
            }
            let days = days(&shape, "days")?;
            if is == "within_next_days" { Test::WithinNext(days) } else { Test::WithinPast(days) }
        }
        _ => {
            let known: Vec<&str> = OPERATORS.iter().map(|(name, _)| *name).chain(OTHERS).collect();
            return Err(Problem::at(place("is"), format!("this operator is not known; use {}", listed(&known))));
        }
    };
    let over = over(&shape, pointer, &fact)?;
    Ok(Comparison { fact, test, over })
}

/// What a body names by `field`, `column`, `health` or `stage`, and what its values are.
pub(in crate::signals) fn fact(shape: &Shape<'_>, pointer: &str, names: &Names) -> Result<(Fact, NamedKind), Problem> {
    let named: Vec<&str> = FACTS.into_iter().filter(|name| shape.optional(name).is_some()).collect();
    let [what] = named[..] else {
        let detail = format!("a comparison looks at one thing: give {} (or a group: all, any or not)", listed(&FACTS));
        return Err(Problem::at(pointer, detail));
    };
    let name = shape.text(what, "a name")?;
    let place = below(pointer, what);
    let missing = |kind: &str, there: Vec<&str>| {
        let there = if there.is_empty() { "there is none yet".to_owned() } else { format!("there is {}", few(&there)) };
        Problem::at(&place, format!("no {kind} of this level is called \"{name}\"; {there}"))
    };
    match what {
        "field" => {
            let found = find(names.fields.iter(), name);
            let there = || names.fields.iter().map(|named| named.name.as_str()).collect();
            let found = found.ok_or_else(|| missing("calculated field", there()))?;
            Ok((Fact::Field(found.id.clone()), found.kind))
        }
        "health" => {
            let found = find(names.health.iter(), name);
            let there = || names.health.iter().map(|named| named.name.as_str()).collect();
            Ok((Fact::Health(found.ok_or_else(|| missing("health score", there()))?.id.clone()), NamedKind::Number))
        }
        "stage" => {
            let found = find(names.journeys.iter().map(|(named, _)| named), name);
            let there = || names.journeys.iter().map(|(named, _)| named.name.as_str()).collect();
            Ok((Fact::Stage(found.ok_or_else(|| missing("journey", there()))?.id.clone()), NamedKind::Text))
        }
        _ => {
            if !names.columns.contains(name) {
                return Err(missing("column", names.columns.iter().map(String::as_str).collect()));
            }
            Ok((Fact::Column(name.to_owned()), NamedKind::Text))
        }
    }
}

/// The first names of a list.
fn few(names: &[&str]) -> String {
    let first = names.iter().take(5).map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    if names.len() > 5 { format!("{first} and {} more", names.len() - 5) } else { first }
}

/// Refuses what is never a number. A column may hold numbers, which is seen when it is looked at.
pub(in crate::signals) fn needs_number(kind: NamedKind, shape: &Shape<'_>, pointer: &str) -> Result<(), Problem> {
    match kind {
        NamedKind::Instant => Err(Problem::at(
            below(pointer, "field"),
            "this field is a point in time; compare a field of days_since_last_used, which is a number",
        )),
        NamedKind::Text if shape.optional("stage").is_some() => {
            Err(Problem::at(below(pointer, "stage"), "a stage is a text and no number"))
        }
        NamedKind::Text if shape.optional("field").is_some() => Err(Problem::at(
            below(pointer, "field"),
            "this field is a text; compare it by \"in\" or \"not_in\" with \"values\"",
        )),
        NamedKind::Number | NamedKind::Text => Ok(()),
    }
}

fn target(shape: &Shape<'_>, pointer: &str, names: &Names) -> Result<Target, Problem> {
    match (shape.optional("value"), shape.optional("other")) {
        (Some(_), Some(_)) => Err(Problem::at(below(pointer, "other"), "give \"value\" or \"other\", not both")),
        (None, Some(other)) => {
            let place = below(pointer, "other");
            let inner = Shape::of(other, &place, &["field", "column", "health"])?;
            let (fact, kind) = fact(&inner, &place, names)?;
            needs_number(kind, &inner, &place)?;
            let times = shape.optional("times").map(|_| number(shape, "times", "a number")).transpose()?;
            Ok(Target::Fact(fact, times.unwrap_or(1.0)))
        }
        _ => {
            if shape.optional("times").is_some() {
                return Err(Problem::at(below(pointer, "times"), "\"times\" goes with \"other\" only"));
            }
            Ok(Target::Number(number(shape, "value", "a number, or \"other\" with a field")?))
        }
    }
}

fn number(shape: &Shape<'_>, name: &str, wanted: &str) -> Result<f64, Problem> {
    let value = shape.required(name, wanted)?;
    value.as_f64().filter(|number| number.is_finite()).ok_or_else(|| wrong_type(&shape.pointer_to(name), value, wanted))
}

fn days(shape: &Shape<'_>, name: &str) -> Result<u32, Problem> {
    let wanted = format!("a whole number of days, 1 to {DAYS_MAX}");
    let value = shape.required(name, &wanted)?;
    let days = value.as_u64().and_then(|days| u32::try_from(days).ok()).filter(|days| (1..=DAYS_MAX).contains(days));
    days.ok_or_else(|| {
        Problem::at(shape.pointer_to(name), format!("{} must be {wanted}", dotted(&shape.pointer_to(name))))
    })
}

fn texts(shape: &Shape<'_>, pointer: &str, fact: &Fact, names: &Names) -> Result<BTreeSet<String>, Problem> {
    let place = below(pointer, "values");
    let value = shape.required("values", "a list of texts")?;
    let list = value.as_array().filter(|list| !list.is_empty() && list.len() <= TEXTS_MAX);
    let list = list
        .ok_or_else(|| Problem::at(&place, format!("{} must be a list of 1 to {TEXTS_MAX} texts", dotted(&place))))?;
    let stages =
        names.journeys.iter().find(|(named, _)| *fact == Fact::Stage(named.id.clone())).map(|(_, stages)| stages);
    let mut texts = BTreeSet::new();
    for (at, value) in list.iter().enumerate() {
        let place = below(&place, &at.to_string());
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(is) => is.to_string(),
            _ => return Err(wrong_type(&place, value, "a text")),
        };
        if let Some(stages) = stages.filter(|stages| !stages.contains(&text)) {
            let there: Vec<&str> = stages.iter().map(String::as_str).collect();
            return Err(Problem::at(place, format!("the journey has no stage \"{text}\"; there is {}", few(&there))));
        }
        texts.insert(text);
    }
    Ok(texts)
}

fn over(shape: &Shape<'_>, pointer: &str, fact: &Fact) -> Result<Over, Problem> {
    let given: Vec<&str> = OVERS.into_iter().filter(|name| shape.optional(name).is_some()).collect();
    let member = match given[..] {
        [] => return Ok(Over::Now),
        [member] => member,
        [first, second, ..] => {
            let detail = format!("give \"{first}\" or \"{second}\", not both");
            return Err(Problem::at(below(pointer, second), detail));
        }
    };
    if matches!(fact, Fact::Column(_)) {
        let detail = format!("the directory keeps no past, so \"{member}\" can't be told of a column");
        return Err(Problem::at(below(pointer, member), detail));
    }
    let days = days(shape, member)?;
    Ok(match member {
        "for_days" => Over::Held(days),
        "days_ago" => Over::Ago(days),
        _ => Over::Crossed(days),
    })
}

/// By id what a fact is called, for those that show conditions.
pub(in crate::signals) fn name_of(fact: &Fact, names: &Names) -> BTreeMap<&'static str, String> {
    let gone = |id: &str| format!("deleted ({id})");
    let (what, name) = match fact {
        Fact::Field(id) => ("field", names.field(id).map_or_else(|| gone(id.as_str()), |named| named.name.clone())),
        Fact::Column(name) => ("column", name.clone()),
        Fact::Health(id) => ("health", names.signal(id).map_or_else(|| gone(id.as_str()), |named| named.name.clone())),
        Fact::Stage(id) => ("stage", names.signal(id).map_or_else(|| gone(id.as_str()), |named| named.name.clone())),
    };
    BTreeMap::from([(what, name)])
}

pub(super) fn operator_name(operator: Operator) -> &'static str {
    OPERATORS.iter().find(|(_, known)| *known == operator).map_or("", |(name, _)| name)
}
