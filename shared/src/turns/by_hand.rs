//! What people do with objects of a rule: enrol, take out, move, set a score, and release what was held back.

use super::look::{Look, LookError};
use super::objects::{self, Key, Objects};
use super::settle;
use crate::context::Context;
use crate::id::{SignalId, WorkspaceId};
use crate::preview::PreviewError;
use crate::signals::event::{By, Change, Event};
use crate::signals::facts::Fact;
use crate::signals::health::{self, Override};
use crate::signals::sight::Sight;
use crate::signals::turn::{Memory, Moment, Remembered, Subject, told};
use crate::signals::{Rule, Signal, facts_of};
use crate::store::StoreError;
use crate::trail::Asker;
use std::collections::BTreeMap;

/// How often it is tried when turns come in between.
const ATTEMPTS_MAX: u32 = 5;
/// The most days back to which an object is enrolled by hand.
pub const DAYS_BACK_MAX: i32 = 366;

/// What is done with objects.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Enrols them in a playbook, also on a day that is over: for those that were in it before this was told of it.
    Enrol {
        /// The local day, counted from 1970; today without.
        on: Option<i32>,
    },
    /// Takes them out of a playbook.
    TakeOut,
    /// Moves them to a stage of a journey.
    Move {
        /// The stage.
        stage: String,
    },
    /// Sets a score of their health until a day.
    Override {
        /// 0 to 100.
        score: f64,
        /// Why.
        reason: String,
        /// The last day on which it stands, counted from 1970.
        until: i32,
    },
    /// Ends a score that was set.
    EndOverride,
    /// Lets follow what would have moved for another reason than behaviour, or over the cap.
    Release,
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum ByHandError {
    /// Rules can't look.
    #[error(transparent)]
    Look(#[from] LookError),
    /// There is no such rule.
    #[error("there is no signal with this id")]
    Unknown,
    /// The action does not go with the rule.
    #[error("{0}")]
    Refused(String),
    /// An object of the list.
    #[error("{why}")]
    Object {
        /// Its place in the list.
        at: usize,
        /// What is wrong with it.
        why: String,
    },
}

impl From<StoreError> for ByHandError {
    fn from(error: StoreError) -> Self {
        Self::Look(LookError::Store(error))
    }
}

/// Does something with objects, all of them or none; answers what changed, which the next turn publishes. Everybody that is owed something without `ids`,
/// which only a release takes.
///
/// # Errors
/// What was wrong, and where; nothing was changed then.
pub async fn act(
    context: &Context,
    workspace: &WorkspaceId,
    id: &SignalId,
    action: &Action,
    ids: Option<&[String]>,
    by: &Asker,
) -> Result<Vec<Event>, ByHandError> {
    for _ in 0..ATTEMPTS_MAX {
        match Box::pin(once(context, workspace, id, action, ids, by)).await {
            Err(ByHandError::Look(LookError::Store(StoreError::Conflict { .. } | StoreError::Missing { .. }))) => {}
            outcome => return outcome,
        }
    }
    Err(StoreError::Conflict { key: "signals".to_owned() }.into())
}

async fn once(
    context: &Context,
    workspace: &WorkspaceId,
    id: &SignalId,
    action: &Action,
    ids: Option<&[String]>,
    by: &Asker,
) -> Result<Vec<Event>, ByHandError> {
    let look = Look::read(context, workspace).await?;
    let signal = look.signals.value.iter().find(|signal| signal.id == *id).ok_or(ByHandError::Unknown)?;
    if !signal.is_enabled() {
        let detail = "the signal is not enabled, so nobody moves in it: enable it first".to_owned();
        return Err(ByHandError::Refused(detail));
    }
    let level = signal.draft.object;
    let keys: Vec<Key> = match ids {
        Some(ids) => ids.iter().map(|id| (level, id.clone())).collect(),
        None => look.keys().filter(|key| key.0 == level && look.is_owed(key, signal)).collect(),
    };
    let known = look.world.directory.objects(level);
    if let Some(at) = keys.iter().position(|(_, id)| !known.contains_key(id)) {
        let why = format!("no {} of the directory has this id", level.name());
        return Err(ByHandError::Object { at, why });
    }
    let facts = facts_of([signal], &look.signals.value);
    let mut subjects = look.subjects(context, workspace, signal, &keys, (&facts, action)).await?;
    let versions = look.versions();
    let mut events = Vec::new();
    let mut now: Objects = look.objects.clone();
    for (at, subject) in subjects.iter_mut().enumerate() {
        let moment = Moment {
            day: look.day,
            at_ms: look.now_ms,
            connection: look.connection.id.as_str(),
            stepped: None,
            versions: &versions,
        };
        let changes = done(signal, subject, action, &moment, by).map_err(|why| ByHandError::Object { at, why })?;
        events.extend(told(signal, subject, &moment, changes));
        let kept = now.entry((subject.object, subject.id.clone())).or_default();
        kept.remembered.clone_from(&subject.remembered);
    }
    let mut ledger = look.ledger.value.clone();
    // Other rules may look at what was done.
    ledger.key = 0;
    ledger.stepped.insert(signal.id.clone());
    let before = objects::read(&context.store, workspace, &look.connection.id, &look.ledger.value).await?;
    settle(context, workspace, &look, ledger, (&before, &now), events.clone()).await?;
    Ok(events)
}

impl Look {
    fn is_owed(&self, key: &Key, signal: &Signal) -> bool {
        let remembered = self.objects.get(key).and_then(|kept| kept.remembered.get(&signal.id));
        remembered.is_some_and(|remembered| super::shown::holds_and_owes(&remembered.memory).1)
    }

    /// The objects with what is known of them: where they are enrolled on a day that is over, of every day since.
    async fn subjects(
        &self,
        context: &Context,
        workspace: &WorkspaceId,
        signal: &Signal,
        keys: &[Key],
        (facts, action): (&BTreeMap<Fact, u32>, &Action),
    ) -> Result<Vec<Subject>, ByHandError> {
        let mut subjects: Vec<Subject> = keys.iter().map(|key| self.subject(key, facts)).collect();
        if let Action::Enrol { on: Some(on) } = action {
            let back = facts.values().max().copied().unwrap_or_default();
            let oldest = on.saturating_sub(i32::try_from(back).unwrap_or(i32::MAX));
            let days: Vec<i32> = (oldest..self.day).collect();
            let past = self.with_past(context, workspace, keys, facts, &days).await.map_err(|error| match error {
                PreviewError::TooMuch { rows } => ByHandError::Refused(format!(
                    "{rows} rows lie in the days since then, too many to add up while you wait: choose a later day"
                )),
                error => ByHandError::Look(error.into()),
            })?;
            for (subject, found) in subjects.iter_mut().zip(past) {
                for (fact, days) in found.past.days {
                    subject.past.days.entry(fact).or_default().extend(days);
                }
            }
        }
        for subject in &mut subjects {
            let new = || Remembered { version: signal.version, changes: 0, memory: Memory::new(&signal.draft.rule) };
            subject.remembered.entry(signal.id.clone()).or_insert_with(new);
        }
        Ok(subjects)
    }
}

/// Does it with one object.
fn done(
    signal: &Signal,
    subject: &mut Subject,
    action: &Action,
    moment: &Moment<'_>,
    by: &Asker,
) -> Result<Vec<Change>, String> {
    let Some(remembered) = subject.remembered.get_mut(&signal.id) else { return Ok(Vec::new()) };
    let sight = Sight { past: &subject.past, day: moment.day, at_ms: moment.at_ms, is_rebased: false };
    match (action, &signal.draft.rule, &mut remembered.memory) {
        (Action::Enrol { on }, Rule::Playbook(playbook), Memory::Playbook(memory)) => {
            let on = on.unwrap_or(moment.day);
            let mut changes =
                playbook.enrol(memory, &Sight { day: on, ..sight }, By::Hand).map_err(|refused| refused.to_string())?;
            // What was met since then is found by looking at each day as it was.
            for day in on..moment.day {
                changes.extend(playbook.step(&signal.id, &subject.id, memory, &Sight { day, ..sight }, false));
            }
            Ok(changes)
        }
        (Action::TakeOut, Rule::Playbook(playbook), Memory::Playbook(memory)) => {
            playbook.take_out(memory, &sight).map_err(|refused| refused.to_string())
        }
        (Action::Move { stage }, Rule::Journey(journey), Memory::Journey(memory)) => {
            journey.move_to(memory, &sight, stage).map_err(|refused| refused.to_string())
        }
        (Action::Override { score, reason, until }, Rule::Health(health), Memory::Health(memory, over)) => {
            let by = by.subject().map(str::to_owned);
            let set = Override { score: *score, reason: reason.clone(), by, until: *until, since: moment.day };
            *over = Some(set.clone());
            Ok(health.step(memory, &sight, Some(&set)).1)
        }
        (Action::EndOverride, Rule::Health(health), Memory::Health(memory, over)) => {
            if over.take().is_none() {
                return Err("no score is set by hand here, so there is none to end".to_owned());
            }
            Ok(health.step(memory, &sight, None).1)
        }
        (Action::Release, Rule::Playbook(playbook), Memory::Playbook(memory)) => {
            Ok(playbook.release(&signal.id, &subject.id, memory, &sight))
        }
        (Action::Release, Rule::Indicator(indicator), Memory::Indicator(memory)) => {
            Ok(indicator.release(memory, &sight))
        }
        (Action::Release, Rule::Journey(journey), Memory::Journey(memory)) => Ok(journey.release(memory, &sight)),
        (Action::Release, Rule::Health(_), Memory::Health(memory, _)) => {
            Ok(health::release(memory).into_iter().collect())
        }
        (Action::Release, ..) => Ok(Vec::new()),
        (Action::Enrol { .. } | Action::TakeOut, ..) => Err("only playbooks enrol".to_owned()),
        (Action::Move { .. }, ..) => Err("only journeys have stages".to_owned()),
        (Action::Override { .. } | Action::EndOverride, ..) => Err("only health scores are set by hand".to_owned()),
    }
}
