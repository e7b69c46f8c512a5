//! Reads an input of a health score: what it looks at and how that becomes points.

use super::body::{list, name, number, number_at, optional_number, weight};
use super::{BANDS_MAX, CATEGORIES_MAX, Group, Input, Linear, Scoring, VALUE_MAX, Veto};
use crate::fields::shape::{Shape, dotted, listed, wrong_type};
use crate::fields::{Problem, below};
use crate::signals::condition::{DAYS_MAX, NamedKind, Names, fact};
use crate::signals::facts::Fact;
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

const MEMBERS: &[&str] = &[
    "name",
    "field",
    "column",
    "health",
    "weight",
    "group",
    "bands",
    "inverse",
    "categories",
    "otherwise",
    "stale_after_days",
    "veto",
];
const FACTS: [&str; 3] = ["field", "column", "health"];
const POINTS: RangeInclusive<f64> = 0.0..=100.0;

impl Input {
    /// Reads and checks an input of a profile that has these groups.
    pub(super) fn parse(body: &Value, pointer: &str, groups: &[Group], names: &Names) -> Result<Self, Problem> {
        let shape = Shape::of(body, pointer, MEMBERS)?;
        let name = name(&shape)?;
        if FACTS.into_iter().filter(|name| shape.optional(name).is_some()).count() != 1 {
            return Err(Problem::at(pointer, format!("an input looks at one thing; give {}", listed(&FACTS))));
        }
        let (fact, kind) = fact(&shape, pointer, names)?;
        let weight = weight(&shape)?;
        let group = group(&shape, pointer, groups)?;
        let scoring = scoring(&shape, pointer, &fact, kind)?;
        let stale_after_days = stale_after_days(&shape, pointer, &fact)?;
        let veto = shape.optional("veto").map(|veto| read_veto(veto, &below(pointer, "veto"))).transpose()?;
        Ok(Self { name, fact, weight, group, scoring, stale_after_days, veto })
    }
}

fn group(shape: &Shape<'_>, pointer: &str, groups: &[Group]) -> Result<Option<String>, Problem> {
    if shape.optional("group").is_none() {
        return Ok(None);
    }
    let name = shape.text("group", "the name of a group")?.trim();
    let found = groups.iter().find(|group| group.name.eq_ignore_ascii_case(name));
    found.map(|group| Some(group.name.clone())).ok_or_else(|| {
        let detail = format!("the profile has no group \"{name}\"; list it in \"groups\" with its weight");
        Problem::at(below(pointer, "group"), detail)
    })
}

fn scoring(shape: &Shape<'_>, pointer: &str, fact: &Fact, kind: NamedKind) -> Result<Scoring, Problem> {
    let place = |name: &str| below(pointer, name);
    match (shape.optional("bands"), shape.optional("categories")) {
        (Some(_), None) => {
            if shape.optional("otherwise").is_some() {
                return Err(Problem::at(place("otherwise"), "\"otherwise\" goes with \"categories\" only"));
            }
            match (fact, kind) {
                (Fact::Field(_), NamedKind::Instant) => {
                    let detail =
                        "this field is a point in time; score a field of days_since_last_used, which is a number";
                    return Err(Problem::at(place("field"), detail));
                }
                (Fact::Field(_), NamedKind::Text) => {
                    let detail = "this field is a text and lies in no band; score it by \"categories\"";
                    return Err(Problem::at(place("field"), detail));
                }
                // A column may hold numbers, which is seen when it is looked at.
                _ => {}
            }
            let inverse = shape.optional_bool("inverse")?.unwrap_or(false);
            Ok(Scoring::Bands { bands: bands(shape, pointer)?, inverse })
        }
        (None, Some(body)) => {
            if shape.optional("inverse").is_some() {
                return Err(Problem::at(place("inverse"), "\"inverse\" goes with \"bands\" only"));
            }
            if kind == NamedKind::Number || kind == NamedKind::Instant {
                let detail = "only a text has categories; score a number by \"bands\"";
                return Err(Problem::at(place("categories"), detail));
            }
            let otherwise = optional_number(shape, "otherwise", POINTS)?;
            Ok(Scoring::Categories { categories: categories(body, &place("categories"))?, otherwise })
        }
        (Some(_), Some(_)) => Err(Problem::at(place("categories"), "give \"bands\" or \"categories\", not both")),
        (None, None) => Err(Problem::at(pointer, "say how its value becomes points; give \"bands\" or \"categories\"")),
    }
}

fn bands(shape: &Shape<'_>, pointer: &str) -> Result<Vec<Linear>, Problem> {
    let place = below(pointer, "bands");
    let mut bands: Vec<Linear> = Vec::new();
    for (at, body) in list(shape, "bands", "bands", BANDS_MAX)?.iter().enumerate() {
        let place = below(&place, &at.to_string());
        let shape = Shape::of(body, &place, &["from", "to", "scores"])?;
        let from = number(&shape, "from", -VALUE_MAX..=VALUE_MAX)?;
        let to = number(&shape, "to", -VALUE_MAX..=VALUE_MAX)?;
        if from >= to {
            return Err(Problem::at(below(&place, "to"), "a band goes upwards; give a \"to\" that is above \"from\""));
        }
        if let Some(before) = bands.last().filter(|before| before.to != from) {
            let detail = format!("bands adjoin in order, and the one before ends at {}; begin there", before.to);
            return Err(Problem::at(below(&place, "from"), detail));
        }
        let wanted = "the two scores at its beginning and its end";
        let scores = shape.required("scores", wanted)?;
        let place = below(&place, "scores");
        let [first, last] = scores.as_array().map_or(&[][..], Vec::as_slice) else {
            return Err(Problem::at(&place, format!("{} must be {wanted}, such as [0, 50]", dotted(&place))));
        };
        let scores = [number_at(first, &below(&place, "0"), POINTS)?, number_at(last, &below(&place, "1"), POINTS)?];
        bands.push(Linear { from, to, scores });
    }
    Ok(bands)
}

fn categories(body: &Value, place: &str) -> Result<BTreeMap<String, f64>, Problem> {
    let wanted = "an object of scores by text, such as {\"pro\": 100, \"free\": 30}";
    let members = body.as_object().ok_or_else(|| wrong_type(place, body, wanted))?;
    if members.is_empty() || members.len() > CATEGORIES_MAX {
        let detail = format!("{} must have 1 to {CATEGORIES_MAX} texts, not {}", dotted(place), members.len());
        return Err(Problem::at(place, detail));
    }
    let read = |(text, score): (&String, &Value)| Ok((text.clone(), number_at(score, &below(place, text), POINTS)?));
    members.iter().map(read).collect()
}

fn stale_after_days(shape: &Shape<'_>, pointer: &str, fact: &Fact) -> Result<Option<u32>, Problem> {
    let Some(value) = shape.optional("stale_after_days") else { return Ok(None) };
    let place = below(pointer, "stale_after_days");
    if matches!(fact, Fact::Column(_)) {
        let detail = "the directory keeps no past, so a column is never stale; leave \"stale_after_days\" out";
        return Err(Problem::at(place, detail));
    }
    let days = value.as_u64().and_then(|days| u32::try_from(days).ok()).filter(|days| (1..=DAYS_MAX).contains(days));
    let wanted = || Problem::at(&place, format!("{} must be a whole number of days, 1 to {DAYS_MAX}", dotted(&place)));
    days.map(Some).ok_or_else(wanted)
}

fn read_veto(body: &Value, pointer: &str) -> Result<Veto, Problem> {
    let shape = Shape::of(body, pointer, &["below", "caps_at"])?;
    let veto = Veto { below: number(&shape, "below", POINTS)?, caps_at: number(&shape, "caps_at", POINTS)? };
    if veto.below == 0.0 {
        return Err(Problem::at(
            shape.pointer_to("below"),
            "no input scores below 0; give more, or leave the veto out",
        ));
    }
    if veto.caps_at == 100.0 {
        return Err(Problem::at(shape.pointer_to("caps_at"), "100 caps nothing; give less, or leave the veto out"));
    }
    Ok(veto)
}
