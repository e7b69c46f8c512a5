//! Reads a health score as callers write it.

use super::{
    Bands, GROUPS_MAX, Group, HYSTERESIS, HYSTERESIS_MAX, Health, INPUTS_MAX, Input, MINIMUM_WEIGHT, NAME_CHARS_MAX,
    PROFILES_MAX, Profile, Rule, WEIGHT_MAX, WEIGHT_MIN, WhenMissing,
};
use crate::fields::shape::{Shape, dotted, listed, wrong_type};
use crate::fields::{Problem, below};
use crate::signals::condition::{Condition, Names};
use serde_json::Value;
use std::ops::RangeInclusive;

const MEMBERS: &[&str] = &["profiles", "missing", "minimum_weight", "bands", "hysteresis"];
/// How each rule of a group is written.
pub(super) const RULES: [(&str, Rule); 3] = [("mean", Rule::Mean), ("best", Rule::Best), ("worst", Rule::Worst)];
/// How each way to count a missing input is written.
pub(super) const WHEN_MISSING: [(&str, WhenMissing); 3] =
    [("skip", WhenMissing::Skip), ("neutral", WhenMissing::Neutral), ("worst", WhenMissing::Worst)];

impl Health {
    /// Reads and checks a health score. That none of the scores that it looks at leads back to it is left to the caller, who
    /// knows them all.
    ///
    /// # Errors
    /// The first thing that is wrong with it, with its place.
    pub fn parse(body: &Value, pointer: &str, names: &Names) -> Result<Self, Problem> {
        let shape = Shape::of(body, pointer, MEMBERS)?;
        let profiles = profiles(&shape, pointer, names)?;
        let missing = optional_word(&shape, "missing", &WHEN_MISSING)?.unwrap_or_default();
        let minimum_weight = optional_number(&shape, "minimum_weight", 0.0..=1.0)?.unwrap_or(MINIMUM_WEIGHT);
        let hysteresis = optional_number(&shape, "hysteresis", 0.0..=HYSTERESIS_MAX)?.unwrap_or(HYSTERESIS);
        let bands = shape.optional("bands").map(|bands| read_bands(bands, &below(pointer, "bands")));
        let bands = bands.transpose()?.unwrap_or_default();
        if bands.fair_up_to + hysteresis >= 100.0 {
            let detail = format!(
                "no score could exceed {} by more than {hysteresis} points, so none would become good; give fewer points",
                bands.fair_up_to
            );
            return Err(Problem::at(below(pointer, "hysteresis"), detail));
        }
        Ok(Self { profiles, missing, minimum_weight, bands, hysteresis })
    }
}

fn read_bands(body: &Value, pointer: &str) -> Result<Bands, Problem> {
    let shape = Shape::of(body, pointer, &["poor_up_to", "fair_up_to"])?;
    let poor_up_to = number(&shape, "poor_up_to", 0.0..=100.0)?;
    let fair_up_to = number(&shape, "fair_up_to", 0.0..=100.0)?;
    if poor_up_to <= 0.0 || poor_up_to >= fair_up_to || fair_up_to >= 100.0 {
        let detail = "each band must hold scores: give boundaries with 0 < poor_up_to < fair_up_to < 100";
        return Err(Problem::at(below(pointer, "fair_up_to"), detail));
    }
    Ok(Bands { poor_up_to, fair_up_to })
}

fn profiles(shape: &Shape<'_>, pointer: &str, names: &Names) -> Result<Vec<Profile>, Problem> {
    let place = below(pointer, "profiles");
    let mut profiles: Vec<Profile> = Vec::new();
    for (at, body) in list(shape, "profiles", "profiles", PROFILES_MAX)?.iter().enumerate() {
        let place = below(&place, &at.to_string());
        let profile = profile(body, &place, names)?;
        unused(profiles.iter().map(|profile| profile.name.as_str()), &profile.name, &place, "profile")?;
        if let Some(before) = profiles.iter().find(|profile| profile.segment.is_none()) {
            let detail = format!(
                "\"{}\" stands before it and takes everybody, so no object gets here; put it before that one",
                before.name
            );
            return Err(Problem::at(place, detail));
        }
        profiles.push(profile);
    }
    Ok(profiles)
}

fn profile(body: &Value, pointer: &str, names: &Names) -> Result<Profile, Problem> {
    let shape = Shape::of(body, pointer, &["name", "segment", "inputs", "groups"])?;
    let name = name(&shape)?;
    let place = below(pointer, "segment");
    let segment = shape.optional("segment").map(|segment| Condition::parse(segment, &place, names)).transpose()?;
    if segment.as_ref().is_some_and(|segment| segment.contradiction().is_some()) {
        let detail = "no object can be of this segment, as parts of it exclude each other; change one of them";
        return Err(Problem::at(place, detail));
    }
    let groups = groups(&shape, pointer)?;
    let place = below(pointer, "inputs");
    let mut inputs: Vec<Input> = Vec::new();
    for (at, body) in list(&shape, "inputs", "inputs", INPUTS_MAX)?.iter().enumerate() {
        let place = below(&place, &at.to_string());
        let input = Input::parse(body, &place, &groups, names)?;
        unused(inputs.iter().map(|input| input.name.as_str()), &input.name, &place, "input")?;
        inputs.push(input);
    }
    let is_named = |group: &Group| inputs.iter().any(|input| input.group.as_ref() == Some(&group.name));
    if let Some(at) = groups.iter().position(|group| !is_named(group)) {
        let detail = format!("no input is of the group \"{}\"; name it in one, or leave it out", groups[at].name);
        return Err(Problem::at(below(&below(pointer, "groups"), &at.to_string()), detail));
    }
    Ok(Profile { name, segment, inputs, groups })
}

fn groups(shape: &Shape<'_>, pointer: &str) -> Result<Vec<Group>, Problem> {
    if shape.optional("groups").is_none() {
        return Ok(Vec::new());
    }
    let place = below(pointer, "groups");
    let mut groups: Vec<Group> = Vec::new();
    for (at, body) in list(shape, "groups", "groups", GROUPS_MAX)?.iter().enumerate() {
        let place = below(&place, &at.to_string());
        let shape = Shape::of(body, &place, &["name", "weight", "rule"])?;
        let rule = optional_word(&shape, "rule", &RULES)?.unwrap_or(Rule::Mean);
        let group = Group { name: name(&shape)?, weight: weight(&shape)?, rule };
        unused(groups.iter().map(|group| group.name.as_str()), &group.name, &place, "group")?;
        groups.push(group);
    }
    Ok(groups)
}

/// A list that is not empty.
pub(super) fn list<'a>(shape: &Shape<'a>, name: &str, of: &str, most: usize) -> Result<&'a [Value], Problem> {
    let wanted = format!("a list of 1 to {most} {of}");
    let value = shape.required(name, &wanted)?;
    let place = shape.pointer_to(name);
    let list = value.as_array().ok_or_else(|| wrong_type(&place, value, &wanted))?;
    if list.is_empty() || list.len() > most {
        return Err(Problem::at(&place, format!("{} must be {wanted}, not of {}", dotted(&place), list.len())));
    }
    Ok(list)
}

/// A name in a line, without space around it.
pub(super) fn name(shape: &Shape<'_>) -> Result<String, Problem> {
    let wanted = format!("a name of 1 to {NAME_CHARS_MAX} characters");
    let text = shape.text("name", &wanted)?.trim();
    if text.is_empty() || text.chars().count() > NAME_CHARS_MAX || text.chars().any(char::is_control) {
        let place = shape.pointer_to("name");
        return Err(Problem::at(&place, format!("{} must be {wanted} in one line", dotted(&place))));
    }
    Ok(text.to_owned())
}

/// That a name is not given twice, whatever its case.
fn unused<'a>(mut names: impl Iterator<Item = &'a str>, name: &str, pointer: &str, of: &str) -> Result<(), Problem> {
    if names.any(|other| other.eq_ignore_ascii_case(name)) {
        let detail = format!("a second {of} is called \"{name}\"; give each its own name");
        return Err(Problem::at(below(pointer, "name"), detail));
    }
    Ok(())
}

pub(super) fn weight(shape: &Shape<'_>) -> Result<f64, Problem> {
    if shape.optional("weight").and_then(Value::as_f64) == Some(0.0) {
        let detail =
            "what weighs 0 counts nothing, and weights that sum to nothing have no mean; leave it out or give more";
        return Err(Problem::at(shape.pointer_to("weight"), detail));
    }
    number(shape, "weight", WEIGHT_MIN..=WEIGHT_MAX)
}

pub(super) fn number(shape: &Shape<'_>, name: &str, within: RangeInclusive<f64>) -> Result<f64, Problem> {
    let value = shape.required(name, &ranged(&within))?;
    number_at(value, &shape.pointer_to(name), within)
}

pub(super) fn optional_number(
    shape: &Shape<'_>,
    name: &str,
    within: RangeInclusive<f64>,
) -> Result<Option<f64>, Problem> {
    shape.optional(name).map(|value| number_at(value, &shape.pointer_to(name), within)).transpose()
}

pub(super) fn number_at(value: &Value, place: &str, within: RangeInclusive<f64>) -> Result<f64, Problem> {
    let wanted = ranged(&within);
    let number = value.as_f64().ok_or_else(|| wrong_type(place, value, &wanted))?;
    if !within.contains(&number) {
        return Err(Problem::at(place, format!("{} must be {wanted}, not {value}", dotted(place))));
    }
    Ok(number)
}

fn ranged(within: &RangeInclusive<f64>) -> String {
    format!("a number from {} to {}", within.start(), within.end())
}

fn optional_word<T: Copy>(shape: &Shape<'_>, name: &str, words: &[(&str, T)]) -> Result<Option<T>, Problem> {
    if shape.optional(name).is_none() {
        return Ok(None);
    }
    let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    let text = shape.text(name, &listed(&known))?;
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, found)| *found);
    let place = shape.pointer_to(name);
    found.map(Some).ok_or_else(|| {
        Problem::at(&place, format!("{} \"{text}\" is not known; use {}", dotted(&place), listed(&known)))
    })
}
