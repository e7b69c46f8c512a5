//! Signals: rules that act on values. They are listed, saved and deleted here; what they came to is shown by `turned`, tried by
//! `tried`, and done by hand by `by_hand`.

pub(crate) mod by_hand;
mod checks;
pub(crate) mod operations;
pub(crate) mod tried;
pub(crate) mod turned;

pub(crate) use checks::refuse_used_field;

use crate::source::refused;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use shared::api::page::Listed;
use shared::api::{Problem, Reply, Request, etag, nudge, refuse_stale};
use shared::context::Context;
use shared::fields::Field;
use shared::id::{ObjectKind, SignalId, WorkspaceId};
use shared::queue::Job;
use shared::signals::condition::Names;
use shared::signals::event::SignalKind;
use shared::signals::indicator::{TEMPLATES, Template, fill};
use shared::signals::{Draft, SIGNALS_MAX, Signal, SignalState, users_of};
use shared::store::StoreError;
use shared::store::signals::Tally;
use shared::time::to_the_second;
use std::collections::BTreeMap;

/// How often a change is tried when others come in between.
const ATTEMPTS_MAX: u32 = 5;

/// What a caller sends.
#[derive(JsonSchema)]
#[schemars(rename = "SignalBody", deny_unknown_fields)]
#[expect(dead_code, reason = "it is the shape of a body, which is read member by member")]
pub(crate) struct SignalBody {
    /// What the rule is.
    kind: SignalKind,
    /// Its name, unique in the workspace whatever its case.
    name: String,
    /// Whose values it looks at.
    object: ObjectKind,
    /// Whether it acts; `enabled` if left out.
    state: Option<SignalState>,
    /// What it says, by its kind; docs/signals.md has the members. An indicator may be a template with its choices.
    rule: serde_json::Map<String, Value>,
}

/// A signal as callers see it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Signal")]
pub(crate) struct Shown {
    id: SignalId,
    version: u64,
    kind: SignalKind,
    name: String,
    object: ObjectKind,
    state: SignalState,
    /// What it says, by the names that fields, columns and other signals have now.
    #[schemars(with = "serde_json::Map<String, Value>")]
    rule: Value,
    created_at: String,
    /// When this version was made.
    edited_at: String,
    /// Objects that it holds: for which it fires, that are enrolled, in a stage or scored, as of the last turn.
    holds: u64,
    /// Objects that would have moved, for another reason than behaviour or over the cap: see `/objects?owed=true`.
    would_have_moved: u64,
}

/// All that a rule's names are found among.
pub(crate) struct Standing {
    pub(crate) version: u64,
    pub(crate) signals: Vec<Signal>,
    fields: Vec<Field>,
    directory: shared::directory::Directory,
}

impl Standing {
    pub(crate) async fn read(context: &Context, workspace: &WorkspaceId) -> Result<Self, Problem> {
        let stands = context.store.signals_get(workspace).await?;
        let fields = context.store.fields_get(workspace).await?.value;
        let directory = context.store.directory_get(workspace).await?;
        Ok(Self { version: stands.version, signals: stands.value, fields, directory })
    }

    pub(crate) fn names(&self, level: ObjectKind) -> Names {
        Names::of(level, &self.fields, self.directory.objects(level), &self.signals)
    }

    pub(crate) fn find(&self, id: &SignalId) -> Result<&Signal, Problem> {
        self.signals.iter().find(|signal| signal.id == *id).ok_or_else(unknown)
    }

    /// Reads a body, in which an indicator may be a template with its choices.
    pub(crate) fn parsed(&self, body: &Value) -> Result<Draft, Problem> {
        let body = filled(body).map_err(|problem| refused("invalid-signal", problem))?;
        Draft::parse(&body, |level| self.names(level)).map_err(|problem| refused("invalid-signal", problem))
    }

    fn shown(&self, signal: &Signal, tallies: &BTreeMap<SignalId, Tally>) -> Shown {
        let tally = tallies.get(&signal.id).copied().unwrap_or_default();
        Shown {
            id: signal.id.clone(),
            version: signal.version,
            kind: signal.kind(),
            name: signal.draft.name.clone(),
            object: signal.draft.object,
            state: signal.draft.state,
            rule: signal.draft.rule.shown(&self.names(signal.draft.object)),
            created_at: to_the_second(signal.created_at_ms),
            edited_at: to_the_second(signal.edited_at_ms),
            holds: tally.holds,
            would_have_moved: tally.owed,
        }
    }
}

/// The body with an indicator's template filled in. What stands beside the choices goes before what the template says.
fn filled(body: &Value) -> Result<Value, shared::fields::Problem> {
    let rule = body.get("rule");
    let Some((template, choices)) = rule.and_then(|rule| Some((rule.get("template")?.as_str()?, rule.get("choices")?)))
    else {
        return Ok(body.clone());
    };
    let mut filled = fill(template, choices, "/rule")?;
    if let (Some(filled), Some(rule)) = (filled.as_object_mut(), rule.and_then(Value::as_object)) {
        let beside = rule.iter().filter(|(name, _)| !["template", "choices"].contains(&name.as_str()));
        filled.extend(beside.map(|(name, value)| (name.clone(), value.clone())));
    }
    let mut body = body.clone();
    body["rule"] = filled;
    Ok(body)
}

/// `GET /v1/signals`, in the order of kind and name.
pub(crate) async fn list(context: &Context, workspace: &WorkspaceId, request: &Request) -> Result<Reply, Problem> {
    request.query()?;
    let mut standing = Standing::read(context, workspace).await?;
    standing.signals.sort_by_key(|signal| (signal.kind(), signal.draft.name.to_lowercase()));
    let tallies = tallies(context, workspace).await?;
    let items: Vec<Shown> = standing.signals.iter().map(|signal| standing.shown(signal, &tallies)).collect();
    Reply::json(200, &Listed { items, next: None })
}

/// `GET /v1/signals/templates`.
pub(crate) fn templates(request: &Request) -> Result<Reply, Problem> {
    request.query()?;
    Reply::json(200, &Listed::<Template> { items: TEMPLATES.to_vec(), next: None })
}

/// `GET /v1/signals/{id}`.
pub(crate) async fn read(
    context: &Context,
    workspace: &WorkspaceId,
    id: &SignalId,
    request: &Request,
) -> Result<Reply, Problem> {
    request.query()?;
    let standing = Standing::read(context, workspace).await?;
    let signal = standing.find(id)?;
    let tallies = tallies(context, workspace).await?;
    Ok(Reply::json(200, &standing.shown(signal, &tallies))?.tagged(&tag(signal)?))
}

/// `POST /v1/signals`: 201 with the new rule, or 200 with the one that stands if it says the same.
pub(crate) async fn create(context: &Context, workspace: &WorkspaceId, request: &Request) -> Result<Reply, Problem> {
    request.query()?;
    let body: Value = request.json()?;
    let by = request.asker(context.clock.now_ms());
    for _ in 0..ATTEMPTS_MAX {
        let mut standing = Standing::read(context, workspace).await?;
        let draft = standing.parsed(&body)?;
        checks::refuse_unmatched(context, workspace, &draft).await?;
        let tallies = tallies(context, workspace).await?;
        if let Some(other) = of_same_name(&standing.signals, &draft) {
            if other.draft == draft {
                return Reply::json(200, &standing.shown(other, &tallies));
            }
            return Err(name_taken(other));
        }
        if standing.signals.len() >= SIGNALS_MAX {
            return Err(Problem::conflict(
                "too-many-signals",
                format!("A workspace has at most {SIGNALS_MAX} signals: delete one that is not needed."),
            ));
        }
        let signal = Signal::new(draft, by.at_ms(), by.subject());
        standing.signals.push(signal.clone());
        checks::refuse_unfit(&standing.signals, &signal)?;
        let line = by.line("create", named(&signal.id), None, Some(standing.noted(&signal)));
        match context.store.noting(workspace, line).signals_put(workspace, &standing.signals, standing.version).await {
            Ok(_) => {}
            Err(StoreError::Conflict { .. }) => continue,
            Err(error) => return Err(error.into()),
        }
        look_anew(context, workspace).await;
        return Reply::json(201, &standing.shown(&signal, &tallies));
    }
    Err(Problem::from(StoreError::Conflict { key: "signals".to_owned() }))
}

/// `PUT /v1/signals/{id}`: 200 with its new version, or with the one that stands where it says the same.
pub(crate) async fn put(
    context: &Context,
    workspace: &WorkspaceId,
    id: &SignalId,
    request: &Request,
) -> Result<Reply, Problem> {
    request.query()?;
    let body: Value = request.json()?;
    let by = request.asker(context.clock.now_ms());
    for _ in 0..ATTEMPTS_MAX {
        let mut standing = Standing::read(context, workspace).await?;
        let draft = standing.parsed(&body)?;
        let before = standing.find(id)?.clone();
        refuse_stale(request, Some(&tag(&before)?))?;
        checks::refuse_other_kind(&before, &draft)?;
        let tallies = tallies(context, workspace).await?;
        let Some(after) = before.edited(draft, by.at_ms(), by.subject()) else {
            return Ok(Reply::json(200, &standing.shown(&before, &tallies))?.tagged(&tag(&before)?));
        };
        if let Some(other) = of_same_name(&standing.signals, &after.draft).filter(|other| other.id != *id) {
            return Err(name_taken(other));
        }
        let (was, is) = (standing.noted(&before), standing.noted(&after));
        for signal in standing.signals.iter_mut().filter(|signal| signal.id == *id) {
            *signal = after.clone();
        }
        checks::refuse_unfit(&standing.signals, &after)?;
        checks::refuse_lost_stages(&standing.signals, &before, &after)?;
        let line = by.line("edit", named(id), Some(was), Some(is));
        match context.store.noting(workspace, line).signals_put(workspace, &standing.signals, standing.version).await {
            Ok(_) => {}
            Err(StoreError::Conflict { .. }) => continue,
            Err(error) => return Err(error.into()),
        }
        look_anew(context, workspace).await;
        return Ok(Reply::json(200, &standing.shown(&after, &tallies))?.tagged(&tag(&after)?));
    }
    Err(Problem::from(StoreError::Conflict { key: "signals".to_owned() }))
}

/// `DELETE /v1/signals/{id}`. What it told stays in the history.
pub(crate) async fn delete(
    context: &Context,
    workspace: &WorkspaceId,
    id: &SignalId,
    request: &Request,
) -> Result<Reply, Problem> {
    request.query()?;
    let by = request.asker(context.clock.now_ms());
    for _ in 0..ATTEMPTS_MAX {
        let mut standing = Standing::read(context, workspace).await?;
        let gone = standing.find(id)?.clone();
        refuse_stale(request, Some(&tag(&gone)?))?;
        let users = users_of(&standing.signals, &gone);
        if !users.is_empty() {
            let detail = format!("Other signals look at it: {}. Change or delete them first.", quoted(&users));
            return Err(Problem::conflict("signal-in-use", detail));
        }
        let line = by.line("delete", named(id), Some(standing.noted(&gone)), None);
        standing.signals.retain(|signal| signal.id != *id);
        match context.store.noting(workspace, line).signals_put(workspace, &standing.signals, standing.version).await {
            Ok(_) => return Ok(Reply::empty()),
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Problem::from(StoreError::Conflict { key: "signals".to_owned() }))
}

impl Standing {
    /// What the trail says of a rule.
    fn noted(&self, signal: &Signal) -> Value {
        json!({"kind": signal.kind(), "name": signal.draft.name, "object": signal.draft.object,
            "state": signal.draft.state, "rule": signal.draft.rule.shown(&self.names(signal.draft.object))})
    }
}

/// What each rule came to in the last turn; nothing where nothing is connected.
async fn tallies(context: &Context, workspace: &WorkspaceId) -> Result<BTreeMap<SignalId, Tally>, Problem> {
    let Some(connection) = context.store.connection_get(workspace).await? else { return Ok(BTreeMap::new()) };
    Ok(context.store.ledger_get(workspace, &connection.value.id).await?.value.tallies)
}

/// Lets rules look again without waiting for the hour.
pub(crate) async fn look_anew(context: &Context, workspace: &WorkspaceId) {
    nudge(context, workspace, Job::Evaluate { workspace: workspace.to_string() }).await;
}

fn of_same_name<'a>(signals: &'a [Signal], draft: &Draft) -> Option<&'a Signal> {
    signals.iter().find(|signal| signal.draft.name.to_lowercase() == draft.name.to_lowercase())
}

fn name_taken(other: &Signal) -> Problem {
    let detail =
        format!("There is a signal \"{}\" already: choose another name, or change that one.", other.draft.name);
    Problem::conflict("name-taken", detail).at("/name")
}

pub(crate) fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}

fn tag(signal: &Signal) -> Result<String, Problem> {
    etag(signal.version, signal)
}

fn named(id: &SignalId) -> String {
    format!("signals/{}", id.as_str())
}

pub(crate) fn unknown() -> Problem {
    Problem::not_found("unknown-signal-id", "There is no signal with this id: see GET /v1/signals.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_beside_the_choices_of_a_template_is_kept() {
        let choices = json!({"seats_used": "MAU", "seats": "seats", "for_days": 7});
        let body = |rule: Value| json!({"kind": "indicator", "name": "Full", "object": "account", "rule": rule});
        let plain = filled(&body(json!({"template": "seat_saturation", "choices": choices}))).unwrap();
        let more = json!({"template": "seat_saturation", "choices": choices, "takes_standing": true, "for_days": 3});
        let mut expected = plain.clone();
        expected["rule"]["takes_standing"] = true.into();
        expected["rule"]["for_days"] = 3.into();
        assert_eq!((filled(&body(more)).unwrap(), &plain["rule"]["for_days"]), (expected, &json!(7)));
    }
}
