//! A rule that was accepted: it has an id, a name, and a version for each time it was changed.

use super::condition::Names;
use super::event::SignalKind;
use super::facts::Fact;
use super::health::Health;
use super::indicator::Indicator;
use super::journey::Journey;
use super::playbook::Playbook;
use super::watch::Watch;
use crate::fields::shape::{Shape, wrong_type};
use crate::fields::{NAME_CHARS_MAX, Problem};
use crate::id::{FieldId, ObjectKind, SignalId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The most rules of a workspace.
pub const SIGNALS_MAX: usize = 100;

/// A rule as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signal {
    /// Its id, fresh for every created rule.
    pub id: SignalId,
    /// Rises with every change of what it says.
    pub version: u64,
    /// When it was created, ms since 1970.
    pub created_at_ms: i64,
    /// When this version was made, ms since 1970.
    pub edited_at_ms: i64,
    /// The subject of the token that asked for this version, as the trail has it.
    pub edited_by: Option<String>,
    /// What it says.
    pub draft: Draft,
}

/// What a rule says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// Its name, unique in the workspace whatever its case.
    pub name: String,
    /// Whose values it looks at.
    pub object: ObjectKind,
    /// Whether it acts.
    pub state: SignalState,
    /// The rule.
    pub rule: Rule,
}

/// Whether a rule acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignalState {
    /// It is being written and does nothing.
    Draft,
    /// It acts with every run.
    Enabled,
    /// It stands still: nobody moves, and who is in stays in. What happens meanwhile moves nobody when it goes on.
    Paused,
}

/// A rule of one of the kinds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// An expansion indicator.
    Indicator(Indicator),
    /// A health score.
    Health(Health),
    /// A playbook.
    Playbook(Playbook),
    /// A journey.
    Journey(Journey),
    /// A value that is told of.
    Value(Watch),
}

impl Rule {
    /// What it is.
    #[must_use]
    pub const fn kind(&self) -> SignalKind {
        match self {
            Self::Indicator(_) => SignalKind::Indicator,
            Self::Health(_) => SignalKind::Health,
            Self::Playbook(_) => SignalKind::Playbook,
            Self::Journey(_) => SignalKind::Journey,
            Self::Value(_) => SignalKind::Value,
        }
    }

    /// Every fact that it looks at, with how many days back.
    #[must_use]
    pub fn facts(&self) -> BTreeMap<Fact, u32> {
        match self {
            Self::Indicator(indicator) => indicator.facts(),
            Self::Health(health) => health.facts(),
            Self::Playbook(playbook) => playbook.facts(),
            Self::Journey(journey) => journey.facts(),
            Self::Value(watch) => watch.facts(),
        }
    }

    /// As callers write it.
    #[must_use]
    pub fn shown(&self, names: &Names) -> Value {
        match self {
            Self::Indicator(indicator) => indicator.shown(names),
            Self::Health(health) => health.shown(names),
            Self::Playbook(playbook) => playbook.shown(names),
            Self::Journey(journey) => journey.shown(names),
            Self::Value(watch) => watch.shown(names),
        }
    }
}

impl Draft {
    /// Reads and checks what a rule says; `names` has the names of a level.
    ///
    /// # Errors
    /// The first thing that is wrong with it, with its place.
    pub fn parse(body: &Value, names: impl Fn(ObjectKind) -> Names) -> Result<Self, Problem> {
        let shape = Shape::of(body, "", &["kind", "name", "object", "state", "rule"])?;
        let name = shape.text("name", "a name")?.trim();
        if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || name.chars().any(char::is_control) {
            let detail = format!("name must have 1 to {NAME_CHARS_MAX} characters and no control characters");
            return Err(Problem::at("/name", detail));
        }
        let object = match shape.text("object", "\"account\" or \"contact\"")? {
            "account" => ObjectKind::Account,
            "contact" => ObjectKind::Contact,
            _ => return Err(Problem::at("/object", "object must be \"account\" or \"contact\"")),
        };
        let state = match shape.optional("state") {
            None => SignalState::Enabled,
            Some(value) => serde_json::from_value(value.clone())
                .map_err(|_| Problem::at("/state", "state must be \"draft\", \"enabled\" or \"paused\""))?,
        };
        let kinds = "\"indicator\", \"health\", \"playbook\", \"journey\" or \"value\"";
        let kind = shape.text("kind", kinds)?;
        let rule = shape.required("rule", "what the rule says")?;
        if !rule.is_object() {
            return Err(wrong_type("/rule", rule, "an object"));
        }
        let names = names(object);
        let rule = match kind {
            "indicator" => Rule::Indicator(Indicator::parse(rule, "/rule", &names)?),
            "health" => Rule::Health(Health::parse(rule, "/rule", &names)?),
            "playbook" => Rule::Playbook(Playbook::parse(rule, "/rule", &names)?),
            "journey" => Rule::Journey(Journey::parse(rule, "/rule", &names)?),
            "value" => Rule::Value(Watch::parse(rule, "/rule", &names)?),
            "nps" => {
                let detail = "NPS is not mapped from Pendo: upload a column \"nps\" with the directory and use it as an \
                              input of a health score or in a condition";
                return Err(Problem::at("/kind", detail));
            }
            _ => return Err(Problem::at("/kind", format!("this kind is not known; use {kinds}"))),
        };
        Ok(Self { name: name.to_owned(), object, state, rule })
    }
}

impl Signal {
    /// A rule's first version.
    #[must_use]
    pub fn new(draft: Draft, now_ms: i64, by: Option<&str>) -> Self {
        let by = by.map(str::to_owned);
        Self { id: SignalId::random(), version: 1, created_at_ms: now_ms, edited_at_ms: now_ms, edited_by: by, draft }
    }

    /// Its next version; `None` where it says the same.
    #[must_use]
    pub fn edited(&self, draft: Draft, now_ms: i64, by: Option<&str>) -> Option<Self> {
        (draft != self.draft).then(|| Self {
            id: self.id.clone(),
            version: self.version + 1,
            created_at_ms: self.created_at_ms,
            edited_at_ms: now_ms,
            edited_by: by.map(str::to_owned),
            draft,
        })
    }

    /// What it is.
    #[must_use]
    pub const fn kind(&self) -> SignalKind {
        self.draft.rule.kind()
    }

    /// Whether it acts.
    #[must_use]
    pub const fn is_enabled(&self) -> bool {
        matches!(self.draft.state, SignalState::Enabled)
    }

    /// The fact that others know of it, if it makes one.
    #[must_use]
    pub fn fact(&self) -> Option<Fact> {
        match self.kind() {
            SignalKind::Health => Some(Fact::Health(self.id.clone())),
            SignalKind::Journey => Some(Fact::Stage(self.id.clone())),
            SignalKind::Indicator | SignalKind::Playbook | SignalKind::Value => None,
        }
    }
}

/// The rules in the order in which they take their turn: each health score behind those that it looks at.
#[must_use]
pub fn in_turn(signals: &[Signal]) -> Vec<&Signal> {
    let mut ordered: Vec<&Signal> = Vec::with_capacity(signals.len());
    let mut left: Vec<&Signal> = signals.iter().collect();
    left.sort_by_key(|signal| (signal.kind(), signal.created_at_ms, signal.id.clone()));
    while !left.is_empty() {
        let waits = |signal: &&Signal, left: &[&Signal]| {
            let facts = signal.draft.rule.facts();
            let on = |other: &&Signal| other.id != signal.id && facts.contains_key(&Fact::Health(other.id.clone()));
            signal.kind() == SignalKind::Health && left.iter().any(on)
        };
        // Scores that wait for each other are refused when they are written; should they stand, the first one goes first.
        let at = left.iter().position(|signal| !waits(signal, &left)).unwrap_or(0);
        ordered.push(left.remove(at));
    }
    ordered
}

/// The names of the health scores that look at each other in a circle with this one, itself included; empty if none do.
#[must_use]
pub fn circle(signals: &[Signal], id: &SignalId) -> Vec<String> {
    let on = |of: &SignalId| -> Vec<&Signal> {
        let facts = signals.iter().find(|signal| signal.id == *of).map(|signal| signal.draft.rule.facts());
        let facts = facts.unwrap_or_default();
        let is_health = |signal: &&Signal| signal.kind() == SignalKind::Health;
        let looked = |signal: &&Signal| facts.contains_key(&Fact::Health(signal.id.clone()));
        signals.iter().filter(is_health).filter(looked).collect()
    };
    let is_health = signals.iter().any(|signal| signal.id == *id && signal.kind() == SignalKind::Health);
    let mut seen: BTreeSet<&SignalId> = BTreeSet::new();
    let mut todo = if is_health { on(id) } else { Vec::new() };
    let mut names = Vec::new();
    while let Some(signal) = todo.pop() {
        if seen.insert(&signal.id) {
            names.push(signal.draft.name.clone());
            if signal.id != *id {
                todo.extend(on(&signal.id));
            }
        }
    }
    if seen.contains(id) { names } else { Vec::new() }
}

/// Every fact that rules look at, with how many days back: also what a health score looks at whose past another rule looks at.
#[must_use]
pub fn facts_of<'a>(signals: impl IntoIterator<Item = &'a Signal>, all: &[Signal]) -> BTreeMap<Fact, u32> {
    let mut facts: BTreeMap<Fact, u32> = BTreeMap::new();
    let mut todo: Vec<(Fact, u32)> = signals.into_iter().flat_map(|signal| signal.draft.rule.facts()).collect();
    while let Some((fact, days)) = todo.pop() {
        if facts.get(&fact).is_some_and(|known| *known >= days) {
            continue;
        }
        let maker = all.iter().find(|signal| signal.fact().as_ref() == Some(&fact));
        todo.extend(maker.into_iter().flat_map(|maker| maker.draft.rule.facts()).map(|(fact, back)| {
            // A score that stands in a circle would go on for ever.
            (fact, back.saturating_add(days).min(super::condition::DAYS_MAX.saturating_mul(2)))
        }));
        facts.insert(fact, days);
    }
    facts
}

/// The rules that one depends on, itself included: those that make the facts that it looks at, and so on.
#[must_use]
pub fn with_makers<'a>(signal: &'a Signal, all: &'a [Signal]) -> Vec<&'a Signal> {
    let mut found = vec![signal];
    let mut at = 0;
    while let Some(next) = found.get(at) {
        let facts = next.draft.rule.facts();
        let is_maker = |other: &&Signal| {
            other.fact().is_some_and(|fact| facts.contains_key(&fact)) && found.iter().all(|known| known.id != other.id)
        };
        let makers: Vec<&Signal> = all.iter().filter(is_maker).collect();
        found.extend(makers);
        at += 1;
    }
    found
}

/// The names of the rules that look at a calculated field.
#[must_use]
pub fn users_of_field<'a>(signals: &'a [Signal], field: &FieldId) -> Vec<&'a str> {
    let fact = Fact::Field(field.clone());
    let uses = |signal: &&Signal| {
        signal.draft.rule.facts().contains_key(&fact)
            || matches!(&signal.draft.rule, Rule::Playbook(playbook) if playbook.measure.as_ref().is_some_and(|measure| measure.field == *field))
    };
    signals.iter().filter(uses).map(|signal| signal.draft.name.as_str()).collect()
}

/// The names of the other rules that look at what a rule makes.
#[must_use]
pub fn users_of<'a>(signals: &'a [Signal], signal: &Signal) -> Vec<&'a str> {
    let Some(fact) = signal.fact() else { return Vec::new() };
    let uses = |other: &&Signal| other.id != signal.id && other.draft.rule.facts().contains_key(&fact);
    signals.iter().filter(uses).map(|other| other.draft.name.as_str()).collect()
}
