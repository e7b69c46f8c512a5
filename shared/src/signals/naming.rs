//! What can be named in a rule of a level: its fields, health scores, journeys and columns, as they stand.

use super::condition::{Named, NamedKind, Names};
use super::signal::{Rule, Signal};
use crate::directory::{ID, Object};
use crate::fields::{Field, Function, Measure};
use crate::id::ObjectKind;
use std::collections::BTreeMap;

impl Names {
    /// The names of a level.
    #[must_use]
    pub fn of(object: ObjectKind, fields: &[Field], objects: &BTreeMap<String, Object>, signals: &[Signal]) -> Self {
        let of_level = fields.iter().filter(|field| field.definition.object == object);
        let fields = of_level.map(|field| Named {
            name: field.definition.name.clone(),
            id: field.id.clone(),
            kind: kind_of(&field.definition.measure),
            version: field.version,
        });
        let named = |signal: &Signal, kind| Named {
            name: signal.draft.name.clone(),
            id: signal.id.clone(),
            kind,
            version: signal.version,
        };
        let of_level = || signals.iter().filter(|signal| signal.draft.object == object);
        let health = of_level().filter(|signal| matches!(signal.draft.rule, Rule::Health(_)));
        let journeys = of_level().filter_map(|signal| match &signal.draft.rule {
            Rule::Journey(journey) => Some((named(signal, NamedKind::Text), journey.stage_names())),
            _ => None,
        });
        let columns = objects.values().flat_map(BTreeMap::keys).filter(|name| *name != ID).cloned().collect();
        Self {
            fields: fields.collect(),
            health: health.map(|signal| named(signal, NamedKind::Number)).collect(),
            journeys: journeys.collect(),
            columns,
        }
    }
}

fn kind_of(measure: &Measure) -> NamedKind {
    match measure {
        Measure::Formula { .. } => NamedKind::Number,
        Measure::Usage(measured) => match measured.function {
            Function::FirstUsed | Function::LastUsed => NamedKind::Instant,
            Function::Latest => NamedKind::Text,
            _ => NamedKind::Number,
        },
    }
}
