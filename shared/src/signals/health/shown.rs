//! A health score as callers write it, by the names that stand now.

use super::body::{RULES, WHEN_MISSING};
use super::{Group, Health, Input, Linear, Profile, Scoring};
use crate::signals::condition::{Names, name_of};
use serde_json::{Map, Value, json};

impl Health {
    /// The health score as callers write it, with what they may leave out.
    #[must_use]
    pub fn shown(&self, names: &Names) -> Value {
        json!({
            "profiles": self.profiles.iter().map(|profile| profile.shown(names)).collect::<Vec<_>>(),
            "missing": word(&WHEN_MISSING, self.missing),
            "minimum_weight": self.minimum_weight,
            "bands": self.bands,
            "hysteresis": self.hysteresis,
        })
    }
}

impl Profile {
    fn shown(&self, names: &Names) -> Value {
        let mut shown = Map::new();
        let mut put = |name: &str, value: Value| drop(shown.insert(name.to_owned(), value));
        put("name", self.name.as_str().into());
        if let Some(segment) = &self.segment {
            put("segment", segment.shown(names));
        }
        put("inputs", self.inputs.iter().map(|input| input.shown(names)).collect());
        if !self.groups.is_empty() {
            put("groups", self.groups.iter().map(Group::shown).collect());
        }
        Value::Object(shown)
    }
}

impl Group {
    fn shown(&self) -> Value {
        json!({"name": self.name, "weight": self.weight, "rule": word(&RULES, self.rule)})
    }
}

impl Input {
    fn shown(&self, names: &Names) -> Value {
        let mut shown = Map::new();
        let mut put = |name: &str, value: Value| drop(shown.insert(name.to_owned(), value));
        for (what, name) in name_of(&self.fact, names) {
            put(what, name.into());
        }
        put("name", self.name.as_str().into());
        put("weight", self.weight.into());
        if let Some(group) = &self.group {
            put("group", group.as_str().into());
        }
        match &self.scoring {
            Scoring::Bands { bands, inverse } => {
                put("bands", bands.iter().map(Linear::shown).collect());
                if *inverse {
                    put("inverse", true.into());
                }
            }
            Scoring::Categories { categories, otherwise } => {
                put("categories", json!(categories));
                if let Some(otherwise) = otherwise {
                    put("otherwise", (*otherwise).into());
                }
            }
        }
        if let Some(days) = self.stale_after_days {
            put("stale_after_days", days.into());
        }
        if let Some(veto) = self.veto {
            put("veto", json!({"below": veto.below, "caps_at": veto.caps_at}));
        }
        Value::Object(shown)
    }
}

impl Linear {
    fn shown(&self) -> Value {
        json!({"from": self.from, "to": self.to, "scores": self.scores})
    }
}

fn word<T: PartialEq>(words: &[(&'static str, T)], of: T) -> &'static str {
    words.iter().find(|(_, known)| *known == of).map_or("", |(word, _)| word)
}
