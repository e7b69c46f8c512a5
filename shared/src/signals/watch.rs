//! Tells of a value whenever it changes by behaviour: for other systems that keep a copy.

use super::condition::Names;
use super::event::{Change, What};
use super::facts::{Fact, Known};
use super::sight::Sight;
use crate::fields::Problem;
use crate::fields::shape::{Shape, wrong_type};
use crate::id::FieldId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Which value is told of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watch {
    /// The field.
    pub field: FieldId,
    /// A number is told of when it differs by this many percent at least from what was told last; 0 tells of every change.
    pub at_least_percent: f64,
}

/// What was told of an object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Memory {
    /// What was told last, or where it started from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub told: Option<Known>,
}

impl Watch {
    /// Reads and checks the rule.
    ///
    /// # Errors
    /// The first thing that is wrong with it, with its place.
    pub fn parse(body: &Value, pointer: &str, names: &Names) -> Result<Self, Problem> {
        let shape = Shape::of(body, pointer, &["field", "at_least_percent"])?;
        let name = shape.text("field", "the name of a calculated field")?;
        let found =
            names.fields.iter().find(|named| named.id.as_str() == name || named.name.eq_ignore_ascii_case(name));
        let missing = || {
            let detail = format!("no calculated field of this level is called \"{name}\"; see GET /v1/fields");
            Problem::at(shape.pointer_to("field"), detail)
        };
        let field = found.ok_or_else(missing)?.id.clone();
        let at_least_percent = match shape.optional("at_least_percent") {
            None => 0.0,
            Some(value) => {
                let wanted = "a number of percent, 0 or more";
                let percent = value.as_f64().filter(|percent| percent.is_finite() && *percent >= 0.0);
                percent.ok_or_else(|| wrong_type(&shape.pointer_to("at_least_percent"), value, wanted))?
            }
        };
        Ok(Self { field, at_least_percent })
    }

    /// As callers write it.
    #[must_use]
    pub fn shown(&self, names: &Names) -> Value {
        let name = names.field(&self.field).map_or_else(|| self.field.as_str(), |named| &named.name);
        json!({"field": name, "at_least_percent": self.at_least_percent})
    }

    /// The field, as it is now.
    #[must_use]
    pub fn facts(&self) -> BTreeMap<Fact, u32> {
        BTreeMap::from([(Fact::Field(self.field.clone()), 0)])
    }

    /// Looks at the value again. What changed without behaviour is where it goes on from.
    pub fn step(&self, memory: &mut Memory, sight: &Sight<'_>) -> Vec<Change> {
        let now = sight.past.at(&Fact::Field(self.field.clone()), sight.day);
        if !now.is_known() {
            return Vec::new();
        }
        match &memory.told {
            Some(before) if !sight.is_rebased => {
                if !self.is_told_of(before, &now) {
                    return Vec::new();
                }
                let what = What::ValueChanged { from: before.clone(), to: now.clone() };
                memory.told = Some(now);
                vec![Change { what, because: Vec::new() }]
            }
            _ => {
                memory.told = Some(now);
                Vec::new()
            }
        }
    }

    fn is_told_of(&self, before: &Known, now: &Known) -> bool {
        match (before.number(), now.number()) {
            (Some(before), Some(now)) => {
                before != now && (now - before).abs() * 100.0 >= self.at_least_percent * before.abs()
            }
            _ => before != now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::facts::{Gap, Past};

    #[test]
    fn a_value_is_told_of_when_behaviour_moves_it_far_enough() {
        let watch = Watch { field: FieldId::from_text("f"), at_least_percent: 10.0 };
        let mut memory = Memory::default();
        let mut told = Vec::new();
        let days = [(100.0, false), (105.0, false), (110.0, false), (200.0, true), (201.0, false), (150.0, false)];
        for (day, (value, is_rebased)) in (0..).zip(days) {
            let mut past = Past::default();
            past.note(Fact::Field(watch.field.clone()), day, Known::Number(value));
            let sight = Sight { past: &past, day, at_ms: 0, is_rebased };
            told.extend(watch.step(&mut memory, &sight).into_iter().map(|change| (day, change.what)));
            assert_eq!(watch.step(&mut memory, &sight), [], "a look that is repeated tells nothing");
        }
        let changed = |from, to| What::ValueChanged { from: Known::Number(from), to: Known::Number(to) };
        assert_eq!(told, [(2, changed(100.0, 110.0)), (5, changed(200.0, 150.0))]);
        let mut past = Past::default();
        past.note(Fact::Field(watch.field.clone()), 9, Known::nothing(Gap::NotSeen));
        assert_eq!(watch.step(&mut memory, &Sight { past: &past, day: 9, at_ms: 0, is_rebased: false }), []);
    }
}
