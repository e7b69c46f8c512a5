//! What a rule came to for each object, as people read it.

use super::look::Look;
use super::objects::{Kept, Key};
use crate::fields::Field;
use crate::id::{FieldId, ObjectKind, SignalId};
use crate::signals::condition::{Condition, Names, Truth};
use crate::signals::event::SignalKind;
use crate::signals::facts::{Gap, Known, Past};
use crate::signals::health::{DueRow, Renewal, renewals};
use crate::signals::playbook::Enrolment;
use crate::signals::turn::{Memory, Subject};
use crate::signals::{Rule, Signal, facts_of};
use crate::time::date_text;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

/// Which objects are asked for.
#[derive(Clone, Debug, Default)]
pub struct ObjectsQuery {
    /// Only this object.
    pub id: Option<String>,
    /// Only those that would have moved for another reason than behaviour, or over the cap.
    pub is_owed: bool,
    /// Only those that the rule holds: for which it fires, that are or were enrolled, in a stage or scored.
    pub is_held: bool,
    /// Where to go on: behind this id.
    pub after: Option<String>,
    /// Objects of a page at most.
    pub limit: usize,
}

/// An object as a rule has it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ShownObject {
    /// The object's id.
    pub id: String,
    /// Whether the rule holds it: it fires, is enrolled, in a stage or scored.
    pub holds: bool,
    /// Whether it would have moved for another reason than behaviour, or over the cap.
    pub owed: bool,
    /// All that the rule has of it, by the rule's kind.
    #[schemars(with = "serde_json::Map<String, Value>")]
    pub state: Value,
    /// The comparisons behind it as they stand now: those that hold, or where nobody can tell those that nobody can.
    #[schemars(with = "Vec<BecauseShown>")]
    pub because: Vec<Value>,
}

/// A comparison as it stands in conditions, with what it came to. Other members are those of its operator.
#[derive(JsonSchema)]
#[schemars(rename = "Because")]
#[expect(dead_code, reason = "it is the shape of an answer that is made elsewhere")]
pub struct BecauseShown {
    /// The calculated field that was looked at,
    #[schemars(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// or the column of the directory,
    #[schemars(skip_serializing_if = "Option::is_none")]
    column: Option<String>,
    /// or the health score,
    #[schemars(skip_serializing_if = "Option::is_none")]
    health: Option<String>,
    /// or the journey.
    #[schemars(skip_serializing_if = "Option::is_none")]
    stage: Option<String>,
    /// The operator.
    is: String,
    /// What it was.
    #[schemars(extend("type" = ["number", "string", "null"]))]
    was: Value,
    /// The version of the field or signal that stood.
    #[schemars(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
}

/// An event as it is published, but for the workspace. What changed has more members, by what it is.
#[derive(JsonSchema)]
#[schemars(rename = "SignalEvent")]
#[expect(dead_code, reason = "it is the shape of an answer that is made elsewhere")]
pub struct EventShown {
    /// The same however often it is delivered.
    id: String,
    /// When.
    at: String,
    /// What changed, such as `indicator_fired` or `stage_entered`.
    what: String,
    /// The rule.
    signal: OfSignal,
    /// The account or contact.
    object: OfObject,
    /// The comparisons behind it; none where a person did it.
    because: Vec<BecauseShown>,
}

/// The rule of an event.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "it is the shape of an answer that is made elsewhere")]
struct OfSignal {
    id: SignalId,
    name: String,
    kind: SignalKind,
    version: u64,
}

/// The object of an event.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "it is the shape of an answer that is made elsewhere")]
struct OfObject {
    level: ObjectKind,
    id: String,
}

/// Whether a rule holds an object, and whether that would have moved.
pub(super) fn holds_and_owes(memory: &Memory) -> (bool, bool) {
    match memory {
        Memory::Indicator(memory) => (memory.is_firing, memory.edge.owed.is_some()),
        Memory::Health(memory, _) => (memory.score.is_some(), memory.owed.is_some()),
        Memory::Playbook(memory) => (memory.open().is_some_and(|entry| !entry.is_held_out), memory.is_owed()),
        Memory::Journey(memory) => (memory.stage().is_some(), memory.is_owed()),
        Memory::Value(memory) => (memory.told.is_some(), false),
    }
}

impl Look {
    /// The objects of a rule's level as the rule has them, by id, and where the next page begins.
    #[must_use]
    pub fn shown(&self, signal: &Signal, query: &ObjectsQuery) -> (Vec<ShownObject>, Option<String>) {
        let facts = facts_of([signal], &self.signals.value);
        let names = self.names(signal.draft.object);
        let nothing = Kept::default();
        let mut items = Vec::new();
        for key in self.keys().filter(|(level, _)| *level == signal.draft.object) {
            if query.id.as_ref().is_some_and(|id| *id != key.1)
                || query.after.as_ref().is_some_and(|after| key.1 <= *after)
            {
                continue;
            }
            let kept = self.objects.get(&key).unwrap_or(&nothing);
            let memory = kept.remembered.get(&signal.id).map(|remembered| &remembered.memory);
            let (holds, owed) = memory.map_or((false, false), holds_and_owes);
            let was_in = matches!(memory, Some(Memory::Playbook(memory)) if !memory.entries.is_empty());
            if (query.is_owed && !owed) || (query.is_held && !holds && !was_in) {
                continue;
            }
            if items.len() >= query.limit {
                let next = items.last().map(|item: &ShownObject| item.id.clone());
                return (items, next);
            }
            let subject = self.subject(&key, &facts);
            items.push(ShownObject {
                id: key.1.clone(),
                holds,
                owed,
                state: self.state(signal, &subject, memory),
                because: self.because(signal, &subject.past, &names),
            });
        }
        (items, None)
    }

    fn state(&self, signal: &Signal, subject: &Subject, memory: Option<&Memory>) -> Value {
        let day = |day: Option<i32>| day.map(date_text);
        match (&signal.draft.rule, memory) {
            (Rule::Health(health), memory) => {
                let mut scored = health.score(&subject.past, self.day);
                let (band, since) = match memory {
                    Some(Memory::Health(memory, over)) => {
                        if let Some(over) = over.as_ref().filter(|over| over.stands(self.day)) {
                            scored.score = Some(over.score);
                            scored.by_hand = Some(over.clone());
                        }
                        (memory.band, memory.since)
                    }
                    _ => (None, None),
                };
                let mut shown = json!(scored);
                shown["band"] = json!(band);
                shown["since"] = json!(day(since));
                shown
            }
            (_, Some(Memory::Indicator(memory))) => json!({
                "firing": memory.is_firing,
                "strength": memory.strength,
                "fired_on": day(memory.fired_on),
                "last_fired": day(memory.last_fired),
                "times": memory.times,
            }),
            (_, Some(Memory::Playbook(memory))) => {
                let entry = |entry: &Enrolment| {
                    json!({"entry": entry.entry, "on": date_text(entry.on), "by": entry.by, "held_out": entry.is_held_out,
                        "exited": day(entry.exited), "met_objective": day(entry.met)})
                };
                json!({"entries": memory.entries.iter().map(entry).collect::<Vec<_>>()})
            }
            (Rule::Journey(journey), Some(Memory::Journey(memory))) => {
                json!({"stage": memory.stage(), "stuck": journey.stuck(memory, &subject.past, self.day),
                    "visits": journey.visits(memory)})
            }
            (_, Some(Memory::Value(memory))) => json!({"told": memory.told.as_ref().map(|told| told.to_json())}),
            _ => json!({}),
        }
    }

    /// What a rule's first condition comes to for an object now.
    fn because(&self, signal: &Signal, past: &Past, names: &Names) -> Vec<Value> {
        let condition: Option<&Condition> = match &signal.draft.rule {
            Rule::Indicator(indicator) => Some(&indicator.condition),
            Rule::Playbook(playbook) => playbook.entry.as_ref(),
            Rule::Health(_) | Rule::Journey(_) | Rule::Value(_) => None,
        };
        let verdict = condition.map(|condition| condition.at(past, self.day));
        let verdict = verdict.filter(|verdict| verdict.truth != Truth::False);
        verdict.into_iter().flat_map(|verdict| verdict.because).map(|because| because.shown(names)).collect()
    }

    /// Objects by the date on which they are to renew, each with its health and what pulls it down. `column` has the date.
    #[must_use]
    pub fn renewals(&self, signal: &Signal, column: &str) -> Vec<Renewal> {
        let Rule::Health(health) = &signal.draft.rule else { return Vec::new() };
        let facts = facts_of([signal], &self.signals.value);
        let row = |key: Key| {
            let subject = self.subject(&key, &facts);
            let date = subject.past.columns.get(column).cloned().unwrap_or(Known::nothing(Gap::Empty));
            let mut scored = health.score(&subject.past, self.day);
            let band = match subject.remembered.get(&signal.id).map(|remembered| &remembered.memory) {
                Some(Memory::Health(memory, over)) => {
                    if let Some(over) = over.as_ref().filter(|over| over.stands(self.day)) {
                        scored.score = Some(over.score);
                    }
                    memory.band
                }
                _ => None,
            };
            DueRow { object_id: key.1, date, band, scored }
        };
        let keys = self.keys().filter(|(level, _)| *level == signal.draft.object);
        renewals(self.day, keys.map(row).collect())
    }

    /// A field of a level by its name or id.
    #[must_use]
    pub fn field(&self, level: ObjectKind, name: &str) -> Option<FieldId> {
        let is_named = |field: &&Field| field.id.as_str() == name || field.definition.name.eq_ignore_ascii_case(name);
        let of_level = self.fields.iter().filter(|field| field.definition.object == level);
        of_level.into_iter().find(is_named).map(|field| field.id.clone())
    }
}
