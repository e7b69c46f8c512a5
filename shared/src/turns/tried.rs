//! A rule tried before it is saved: whom it would hit now, and what it would have done over the past year, day by day. Nothing is
//! saved and nobody is told.

use super::look::Look;
use super::replay::{Replay, ReplayError};
use super::shown::{BecauseShown, EventShown};
use crate::context::Context;
use crate::id::WorkspaceId;
use crate::signals::condition::{Names, Truth, Verdict};
use crate::signals::event::{Driver, Event};
use crate::signals::facts::Fact;
use crate::signals::health::drivers_schema;
use crate::signals::sight::Sight;
use crate::signals::turn::Subject;
use crate::signals::{Draft, Rule, Signal, facts_of};
use crate::time::date_text;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Objects and events that are shown.
const SAMPLE: usize = 50;

/// What a rule comes to.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Tried {
    /// The rule as it was understood.
    #[schemars(with = "serde_json::Map<String, Value>")]
    pub rule: Value,
    /// What should be known of it, in sentences; what matters most comes first.
    pub warnings: Vec<String>,
    /// Whom it would hit now.
    pub now: Hit,
    /// What it would have done over the past.
    pub past: TriedPast,
}

/// Whom a rule would hit now.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Hit {
    /// The objects of the level.
    pub objects: usize,
    /// Those that it would hit: for which the condition holds, that would be in a stage, or that are scored.
    pub hits: usize,
    /// Those of which nobody can tell.
    pub unknown: usize,
    /// Some of those that it would hit, by id, with what it would say of each.
    pub items: Vec<HitObject>,
}

/// An object that a rule would hit.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct HitObject {
    /// Its id.
    pub id: String,
    /// The score, 0 to 100, of a health score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// The stage of a journey in which it would be, had the journey begun with the first day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// The comparisons behind it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<BecauseShown>")]
    pub because: Vec<Value>,
    /// The inputs of a health score that pull it down most.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "drivers_schema")]
    pub drivers: Vec<Driver>,
}

/// What a rule would have done over the past.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct TriedPast {
    /// The first day, which is where it would have started from.
    pub from: String,
    /// Today.
    pub to: String,
    /// What would have been told, by what it is.
    pub told: BTreeMap<String, usize>,
    /// The same by day; days on which nothing would have been told are left out.
    pub days: BTreeMap<String, BTreeMap<String, usize>>,
    /// The newest events.
    #[schemars(with = "Vec<EventShown>")]
    pub items: Vec<Value>,
}

impl Look {
    /// Tries a rule over the last `days` days.
    ///
    /// # Errors
    /// Too much to add up at once; the table's.
    pub async fn tried(
        &self,
        context: &Context,
        workspace: &WorkspaceId,
        draft: Draft,
        days: u32,
    ) -> Result<Tried, ReplayError> {
        let signal = Signal::new(draft, self.now_ms, None);
        let names = self.names(signal.draft.object);
        let replay = self.replay(context, workspace, &signal, days, None).await?;
        let now = self.hit(&signal, &replay, &names);
        Ok(Tried {
            rule: signal.draft.rule.shown(&names),
            warnings: self.warnings(&signal, &replay, &now),
            past: self.told_of(&replay, &names),
            now,
        })
    }

    fn hit(&self, signal: &Signal, replay: &Replay, names: &Names) -> Hit {
        let mut hit = Hit { objects: replay.subjects.len(), hits: 0, unknown: 0, items: Vec::new() };
        for subject in &replay.subjects {
            let Some(found) = self.hit_one(signal, subject, names) else {
                hit.unknown += 1;
                continue;
            };
            let Some(found) = found else { continue };
            hit.hits += 1;
            if hit.items.len() < SAMPLE {
                hit.items.push(found);
            }
        }
        hit
    }

    /// What a rule would say of an object: nothing where it would not hit it, and nothing at all where nobody can tell.
    fn hit_one(&self, signal: &Signal, subject: &Subject, names: &Names) -> Option<Option<HitObject>> {
        let nothing =
            || HitObject { id: subject.id.clone(), score: None, stage: None, because: Vec::new(), drivers: Vec::new() };
        match &signal.draft.rule {
            Rule::Health(health) => {
                let scored = health.score(&subject.past, self.day);
                let score = scored.score?;
                Some(Some(HitObject { score: Some(score), drivers: scored.drivers, ..nothing() }))
            }
            Rule::Journey(_) => {
                let stage = subject.past.at(&Fact::Stage(signal.id.clone()), self.day);
                Some(stage.text().map(|stage| HitObject { stage: Some(stage.to_owned()), ..nothing() }))
            }
            Rule::Value(watch) => {
                let is_known = subject.past.at(&Fact::Field(watch.field.clone()), self.day).is_known();
                is_known.then(|| Some(nothing()))
            }
            Rule::Indicator(indicator) => {
                let sight = Sight { past: &subject.past, day: self.day, at_ms: self.now_ms, is_rebased: false };
                met(indicator.held(&sight), names)
                    .map(|because| because.map(|because| HitObject { because, ..nothing() }))
            }
            Rule::Playbook(playbook) => {
                let Some(entry) = &playbook.entry else { return Some(None) };
                let segment = playbook.segment.as_ref().map_or(Truth::True, |of| of.at(&subject.past, self.day).truth);
                match segment {
                    Truth::False => Some(None),
                    Truth::Unknown => None,
                    Truth::True => met(entry.at(&subject.past, self.day), names)
                        .map(|because| because.map(|because| HitObject { because, ..nothing() })),
                }
            }
        }
    }

    fn told_of(&self, replay: &Replay, names: &Names) -> TriedPast {
        let zone = self.connection.time_zone;
        let mut past = TriedPast {
            from: date_text(replay.first),
            to: date_text(self.day),
            told: BTreeMap::new(),
            days: BTreeMap::new(),
            items: replay.events.iter().rev().take(SAMPLE).map(|event| event.shown(names)).collect(),
        };
        for event in &replay.events {
            let what = what(event);
            let day = date_text(zone.local_day(event.at_ms));
            *past.told.entry(what.clone()).or_default() += 1;
            *past.days.entry(day).or_default().entry(what).or_default() += 1;
        }
        past
    }

    fn warnings(&self, signal: &Signal, replay: &Replay, now: &Hit) -> Vec<String> {
        let mut warnings = Vec::new();
        let level = signal.draft.object.name();
        if let Rule::Playbook(playbook) = &signal.draft.rule {
            let most = playbook.most_of(now.objects);
            if now.hits == now.objects && now.objects > 0 {
                warnings.push(format!(
                    "All {} {level}s meet the entry now: this playbook would enrol everybody.",
                    now.hits
                ));
            } else if now.hits > most {
                warnings.push(format!(
                    "{} of {} {level}s meet the entry now, more than the {most} that one run enrols without release.",
                    now.hits, now.objects
                ));
            }
            if playbook.entry.is_some() && !playbook.takes_standing && now.hits > 0 {
                warnings.push(
                    "Those who meet the entry when the playbook is enabled are not enrolled, only those who come to meet it; \
                     say \"takes_standing\": true to take them too."
                        .to_owned(),
                );
            }
        }
        if let Rule::Health(health) = &signal.draft.rule {
            let overlap = health.overlap(replay.subjects.iter().map(|subject| &subject.past), self.day);
            if overlap.several > 0 {
                warnings.push(format!(
                    "{} of {} {level}s fit several profiles: the first of them in the list counts.",
                    overlap.several, now.objects
                ));
            }
            if overlap.none > 0 {
                warnings
                    .push(format!("{} of {} {level}s fit no profile and are not scored.", overlap.none, now.objects));
            }
        }
        if now.unknown > 0 {
            warnings.push(format!(
                "Of {} of {} {level}s nobody can tell, since what the rule looks at is not known of them.",
                now.unknown, now.objects
            ));
        }
        if replay.events.is_empty() && !matches!(signal.draft.rule, Rule::Health(_)) {
            warnings.push(format!("Since {} it would have told nothing.", date_text(replay.first)));
        }
        let columns: Vec<String> = facts_of([signal], &[])
            .into_keys()
            .filter_map(|fact| match fact {
                Fact::Column(name) => Some(format!("\"{name}\"")),
                _ => None,
            })
            .collect();
        if !columns.is_empty() {
            warnings.push(format!(
                "The directory keeps no past: days that are over were looked at with {} as of today.",
                columns.join(", ")
            ));
        }
        warnings
    }
}

/// The comparisons by which a condition holds; nothing where it does not, and nothing at all where nobody can tell.
fn met(verdict: Verdict, names: &Names) -> Option<Option<Vec<Value>>> {
    match verdict.truth {
        Truth::Unknown => None,
        Truth::False => Some(None),
        Truth::True => Some(Some(verdict.because.iter().map(|because| because.shown(names)).collect())),
    }
}

/// What an event is, as it stands on the wire.
fn what(event: &Event) -> String {
    let what = serde_json::to_value(&event.what).ok();
    what.and_then(|what| Some(what.get("what")?.as_str()?.to_owned())).unwrap_or_default()
}
