//! One turn of all rules over all objects: who moves, and why. What is known goes in, what is told comes out.

use super::event::{Change, Event, What};
use super::facts::{Fact, Gap, Known, Past};
use super::health::{self, Override};
use super::sight::Sight;
use super::signal::{Rule, Signal, in_turn};
use super::{indicator, journey, playbook, watch};
use crate::id::{ObjectKind, SignalId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// An object and all that rules know and remember of it.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Account or contact.
    pub object: ObjectKind,
    /// Its id.
    pub id: String,
    /// What is known of it. A turn adds what the rules make: scores and stages.
    pub past: Past,
    /// The facts that may be others than before for another reason than behaviour.
    pub rebased: BTreeSet<Fact>,
    /// Whether all of them may.
    pub is_rebased: bool,
    /// What each rule remembers of it.
    pub remembered: BTreeMap<SignalId, Remembered>,
}

/// What a rule remembers of an object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remembered {
    /// The rule's version of the last turn.
    pub version: u64,
    /// Changes so far: with rule and object what a change is known by.
    pub changes: u64,
    /// What it remembers.
    pub memory: Memory,
}

/// What a rule of each kind remembers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Memory {
    /// An indicator.
    Indicator(indicator::Memory),
    /// A health score, and the score that a person set.
    Health(health::Memory, Option<Override>),
    /// A playbook.
    Playbook(playbook::Memory),
    /// A journey.
    Journey(journey::Memory),
    /// A value that is told of.
    Value(watch::Memory),
}

impl Memory {
    /// What a rule remembers of an object that it never saw.
    #[must_use]
    pub fn new(rule: &Rule) -> Self {
        match rule {
            Rule::Indicator(_) => Self::Indicator(indicator::Memory::default()),
            Rule::Health(_) => Self::Health(health::Memory::default(), None),
            Rule::Playbook(_) => Self::Playbook(playbook::Memory::default()),
            Rule::Journey(_) => Self::Journey(journey::Memory::default()),
            Rule::Value(_) => Self::Value(watch::Memory::default()),
        }
    }
}

/// When a turn is, and what of.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// The local day, counted from 1970.
    pub day: i32,
    /// Now, ms since 1970.
    pub at_ms: i64,
    /// The life of the connection, by which changes of another one are told apart.
    pub connection: &'a str,
    /// The rules that took part in the turn before. One that did not goes on from where things are now.
    pub stepped: Option<&'a BTreeSet<SignalId>>,
    /// The versions of fields, health scores and journeys that stand: a reason names those that it rests on.
    pub versions: &'a BTreeMap<Fact, u64>,
}

/// Takes the turn of every rule that acts; answers what changed, in the order in which it did.
pub fn turn(signals: &[Signal], subjects: &mut [Subject], moment: &Moment<'_>) -> Vec<Event> {
    for subject in &mut *subjects {
        for (id, remembered) in &subject.remembered {
            if let Memory::Journey(memory) = &remembered.memory {
                subject.past.note(Fact::Stage(id.clone()), moment.day, stage_of(memory));
            }
        }
    }
    let mut events = Vec::new();
    for signal in in_turn(signals).into_iter().filter(|signal| signal.is_enabled()) {
        let may_enter = match &signal.draft.rule {
            Rule::Playbook(playbook) => {
                let of_level = || subjects.iter().filter(|subject| subject.object == signal.draft.object);
                let wanting = of_level().filter(|subject| wants(playbook, signal, subject, moment)).count();
                wanting <= playbook.most_of(of_level().count())
            }
            _ => true,
        };
        for subject in subjects.iter_mut().filter(|subject| subject.object == signal.draft.object) {
            let changes = step(signal, subject, moment, may_enter);
            events.extend(told(signal, subject, moment, changes));
        }
    }
    events
}

/// Gives changes of one object their rule, time and id.
pub fn told(signal: &Signal, subject: &mut Subject, moment: &Moment<'_>, changes: Vec<Change>) -> Vec<Event> {
    let Some(remembered) = subject.remembered.get_mut(&signal.id) else { return Vec::new() };
    let (object, object_id) = (subject.object, &subject.id);
    let event = |Change { what, because }: Change| {
        remembered.changes += 1;
        Event {
            id: event_id(moment.connection, &signal.id, object, object_id, remembered.changes),
            at_ms: moment.at_ms,
            signal: signal.id.clone(),
            name: signal.draft.name.clone(),
            kind: signal.kind(),
            version: signal.version,
            object,
            object_id: object_id.clone(),
            what,
            versions: because.iter().map(|because| moment.versions.get(&because.of.fact).copied()).collect(),
            because,
        }
    };
    changes.into_iter().map(event).collect()
}

/// What a change is known by, however often it is delivered: 32 hexadecimal digits that say nothing of the object.
fn event_id(connection: &str, signal: &SignalId, object: ObjectKind, id: &str, change: u64) -> String {
    let text = [connection, signal.as_str(), object.name(), id, &change.to_string()].join("\n");
    let half = |seed| twox_hash::XxHash3_64::oneshot_with_seed(seed, text.as_bytes());
    format!("{:016x}{:016x}", half(1), half(2))
}

/// Whether what a rule looks at may be something else than in the turn before without behaviour.
fn is_rebased(signal: &Signal, subject: &Subject, moment: &Moment<'_>) -> bool {
    let stood_still = moment.stepped.is_some_and(|stepped| !stepped.contains(&signal.id));
    let is_seen = subject.remembered.get(&signal.id);
    let is_edited = is_seen.is_some_and(|remembered| remembered.version != signal.version || stood_still);
    is_edited || subject.is_rebased || signal.draft.rule.facts().keys().any(|fact| subject.rebased.contains(fact))
}

/// What a rule sees of a subject now.
#[must_use]
pub fn sight<'a>(signal: &Signal, subject: &'a Subject, moment: &Moment<'_>) -> Sight<'a> {
    let is_rebased = is_rebased(signal, subject, moment);
    Sight { past: &subject.past, day: moment.day, at_ms: moment.at_ms, is_rebased }
}

fn wants(playbook: &playbook::Playbook, signal: &Signal, subject: &Subject, moment: &Moment<'_>) -> bool {
    let sight = sight(signal, subject, moment);
    match subject.remembered.get(&signal.id).map(|remembered| &remembered.memory) {
        Some(Memory::Playbook(memory)) => playbook.wants(memory, &sight),
        _ => playbook.wants(&playbook::Memory::default(), &sight),
    }
}

/// Lets a rule look at a subject, and notes what it makes.
fn step(signal: &Signal, subject: &mut Subject, moment: &Moment<'_>, may_enter: bool) -> Vec<Change> {
    let is_rebased = is_rebased(signal, subject, moment);
    let sight = Sight { past: &subject.past, day: moment.day, at_ms: moment.at_ms, is_rebased };
    let new = || Remembered { version: signal.version, changes: 0, memory: Memory::new(&signal.draft.rule) };
    let remembered = subject.remembered.entry(signal.id.clone()).or_insert_with(new);
    remembered.version = signal.version;
    let mut made = None;
    let changes = match (&signal.draft.rule, &mut remembered.memory) {
        (Rule::Indicator(indicator), Memory::Indicator(memory)) => indicator.step(memory, &sight),
        (Rule::Playbook(playbook), Memory::Playbook(memory)) => {
            playbook.step(&signal.id, &subject.id, memory, &sight, may_enter)
        }
        (Rule::Value(watch), Memory::Value(memory)) => watch.step(memory, &sight),
        (Rule::Health(health), Memory::Health(memory, over)) => {
            if over.as_ref().is_some_and(|over| over.until < moment.day) {
                *over = None;
            }
            let before = memory.clone();
            let (scored, changes) = health.step(memory, &sight, over.as_ref());
            // What a person set, or an input that comes and goes without usage, moves nobody who looks at the score.
            let is_other = is_rebased || !memory.rests_on_the_same_as(&before);
            made = Some((Fact::Health(signal.id.clone()), scored.known(), is_other));
            changes
        }
        (Rule::Journey(journey), Memory::Journey(memory)) => {
            let before = stage_of(memory);
            let changes = journey.step(memory, &sight);
            let stage = stage_of(memory);
            // Where nobody was told of a move, as after an edit of the stages, no behaviour made it.
            let is_told = changes.iter().any(|change| matches!(change.what, What::StageEntered { .. }));
            let is_silent = stage != before && !is_told;
            made = Some((Fact::Stage(signal.id.clone()), stage, is_silent));
            changes
        }
        // A rule's kind never changes.
        _ => Vec::new(),
    };
    if let Some((fact, known, is_rebased)) = made {
        if is_rebased {
            subject.rebased.insert(fact.clone());
        }
        subject.past.note(fact, moment.day, known);
    }
    changes
}

fn stage_of(memory: &journey::Memory) -> Known {
    memory.stage().map_or(Known::nothing(Gap::NoStage), |stage| Known::Text(stage.to_owned()))
}
