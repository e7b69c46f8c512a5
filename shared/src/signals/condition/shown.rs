//! Conditions and reasons as they stand in answers: by the names that stand now.

use super::body::{name_of, operator_name};
use super::{Because, Comparison, Condition, Names, Over, Target, Test};
use crate::signals::facts::Fact;
use serde_json::{Map, Value, json};

impl Condition {
    /// The condition as callers write it.
    #[must_use]
    pub fn shown(&self, names: &Names) -> Value {
        let list = |parts: &[Self]| parts.iter().map(|part| part.shown(names)).collect::<Vec<_>>();
        match self {
            Self::All(parts) => json!({"all": list(parts)}),
            Self::Any(parts) => json!({"any": list(parts)}),
            Self::Not(part) => json!({"not": part.shown(names)}),
            Self::Is(comparison) => Value::Object(comparison.shown(names)),
        }
    }
}

impl Comparison {
    fn shown(&self, names: &Names) -> Map<String, Value> {
        let mut shown = Map::new();
        let mut put = |name: &str, value: Value| drop(shown.insert(name.to_owned(), value));
        for (what, name) in name_of(&self.fact, names) {
            put(what, name.into());
        }
        match &self.test {
            Test::Number(operator, target) => {
                put("is", operator_name(*operator).into());
                match target {
                    Target::Number(number) => put("value", (*number).into()),
                    Target::Fact(fact, times) => {
                        put("other", json!(name_of(fact, names)));
                        if *times != 1.0 {
                            put("times", (*times).into());
                        }
                    }
                }
            }
            Test::In(texts) => {
                put("is", "in".into());
                put("values", json!(texts));
            }
            Test::NotIn(texts) => {
                put("is", "not_in".into());
                put("values", json!(texts));
            }
            Test::Changed { by, days } => {
                put("is", "changed".into());
                put("by_percent", percent(*by).into());
                put("days", (*days).into());
            }
            Test::WithinNext(days) => {
                put("is", "within_next_days".into());
                put("days", (*days).into());
            }
            Test::WithinPast(days) => {
                put("is", "within_past_days".into());
                put("days", (*days).into());
            }
        }
        match self.over {
            Over::Now => {}
            Over::Held(days) => put("for_days", days.into()),
            Over::Crossed(days) => put("crossed_within_days", days.into()),
            Over::Ago(days) => put("days_ago", days.into()),
        }
        shown
    }
}

/// The percent of a share as they were written: 29 and not 28.999999999999996.
fn percent(share: f64) -> f64 {
    let exactly = share * 100.0;
    let written = (exactly * 1e6).round() / 1e6;
    if written / 100.0 == share { written } else { exactly }
}

impl Because {
    /// The comparison as callers write it, with what the fact `was`, what it was compared `with` where that is no number of the
    /// comparison, and the `version` of the field behind it.
    #[must_use]
    pub fn shown(&self, names: &Names) -> Value {
        let mut shown = self.of.shown(names);
        shown.insert("was".to_owned(), self.was.to_json());
        if let super::super::facts::Known::Nothing { why } = &self.was {
            shown.insert("why_unknown".to_owned(), json!(why));
        }
        if let Some(against) = self.against {
            shown.insert("against".to_owned(), against.into());
        }
        let version = match &self.of.fact {
            Fact::Field(id) => names.field(id).map(|named| named.version),
            Fact::Health(id) | Fact::Stage(id) => names.signal(id).map(|named| named.version),
            Fact::Column(_) => None,
        };
        if let Some(version) = version {
            shown.insert("version".to_owned(), version.into());
        }
        Value::Object(shown)
    }
}
