//! What rules came to: objects, events, renewals, impact, calibration.

use super::{Standing, unknown};
use crate::values::level;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use shared::api::page::{self, LIMIT_DEFAULT, Listed};
use shared::api::{Problem, Reply, Request};
use shared::context::Context;
use shared::id::{ObjectKind, SignalId, WorkspaceId};
use shared::signals::event::SignalKind;
use shared::signals::playbook::{WINDOW_DAYS_DEFAULT, WINDOW_DAYS_MAX};
use shared::signals::{Rule, Signal};
use shared::store::StoreError;
use shared::turns::{
    DAYS_MAX, EventShown, HistoryQuery, ImpactQuery, Look, LookError, ObjectsQuery, ReplayError, history,
};
use std::collections::{BTreeMap, BTreeSet};

/// The most objects of a page.
pub(super) const OBJECTS_MAX: usize = 100;
/// Days within which an expansion must follow, unless it is said otherwise.
pub(super) const HORIZON_DAYS: usize = 90;
const REREADS_MAX: u32 = 3;

/// Everything that rules look at; read again where heads move on meanwhile.
pub(super) async fn look(context: &Context, workspace: &WorkspaceId) -> Result<Look, Problem> {
    let mut rereads = 0;
    loop {
        match Box::pin(Look::read(context, workspace)).await {
            Ok(look) => return Ok(look),
            Err(LookError::Store(StoreError::Missing { .. })) if rereads < REREADS_MAX => rereads += 1,
            Err(error) => return Err(look_problem(error)),
        }
    }
}

pub(super) fn look_problem(error: LookError) -> Problem {
    match error {
        LookError::NotConnected => Problem::not_connected(),
        LookError::Store(error) => error.into(),
    }
}

pub(super) fn replay_problem(error: ReplayError) -> Problem {
    match error {
        ReplayError::Look(error) => look_problem(error),
        ReplayError::TooMuch { rows } => Problem::invalid(
            "too-much-to-compute",
            "?days",
            format!(
                "{rows} rows or values lie in these days, too many to add up while you wait: ask for fewer \"days\"."
            ),
        ),
    }
}

fn found(look: &Look, id: &SignalId) -> Result<Signal, Problem> {
    look.signals.value.iter().find(|signal| signal.id == *id).cloned().ok_or_else(unknown)
}

fn only(signal: &Signal, kind: SignalKind) -> Result<(), Problem> {
    if signal.kind() == kind {
        return Ok(());
    }
    let detail = format!("This is a {}; only a {} has this.", signal.kind().name(), kind.name());
    Err(Problem::conflict("other-kind", detail))
}

/// `GET /v1/signals/{id}/objects`.
pub(crate) async fn objects(
    context: &Context,
    workspace: &WorkspaceId,
    id: &SignalId,
    request: &Request,
) -> Result<Reply, Problem> {
    let query = request.query()?;
    let asked = ObjectsQuery {
        id: query.get("object_id").map(|id| (*id).to_owned()),
        is_owed: crate::parameters::flag(&query, "owed", "owed")?,
        is_held: crate::parameters::flag(&query, "held", "held")?,
        after: page::after(&query)?,
        limit: page::limit_to(&query, LIMIT_DEFAULT, OBJECTS_MAX)?,
    };
    let look = look(context, workspace).await?;
    let (items, next) = look.shown(&found(&look, id)?, &asked);
    Reply::json(200, &Listed { items, next: next.map(|next| page::cursor(&next)) })
}

/// `GET /v1/signals/events`: newest first.
pub(crate) async fn events(context: &Context, workspace: &WorkspaceId, request: &Request) -> Result<Reply, Problem> {
    let query = request.query()?;
    let after = page::after_as(&query, |text| {
        let (at_ms, id) = text.split_once(' ')?;
        Some((at_ms.parse().ok()?, id.to_owned()))
    })?;
    let asked = HistoryQuery {
        object: level(&query)?,
        id: query.get("object_id").map(|id| (*id).to_owned()),
        signal: query.get("signal").map(|id| SignalId::from_text(id)),
        after,
        limit: page::limit_to(&query, LIMIT_DEFAULT, page::LIMIT_MAX)?,
    };
    let connection = context.store.connection_get(workspace).await?.ok_or_else(Problem::not_connected)?.value;
    let told = history(context, workspace, &connection.id, &asked).await?;
    let standing = Standing::read(context, workspace).await?;
    let names = [ObjectKind::Account, ObjectKind::Contact].map(|level| (level, standing.names(level)));
    let named = |level: ObjectKind| names.iter().find(|(of, _)| *of == level).map(|(_, names)| names);
    let items: Vec<Value> = told.events.iter().filter_map(|event| Some(event.shown(named(event.object)?))).collect();
    let next = told.next.map(|(at_ms, id)| page::cursor(&format!("{at_ms} {id}")));
    Reply::json(200, &Listed { items, next })
}

/// `GET /v1/signals/{id}/renewals`.
pub(crate) async fn renewals(
    context: &Context,
    workspace: &WorkspaceId,
    id: &SignalId,
    request: &Request,
) -> Result<Reply, Problem> {
    let query = request.query()?;
    let look = look(context, workspace).await?;
    let signal = found(&look, id)?;
    only(&signal, SignalKind::Health)?;
    let column = column(&look, &signal, &query, "date")?;
    let items = look.renewals(&signal, &column);
    Reply::json(200, &Listed { items, next: None })
}

/// `GET /v1/signals/{id}/impact`.
pub(crate) async fn impact(
    context: &Context,
    workspace: &WorkspaceId,
    id: &SignalId,
    request: &Request,
) -> Result<Reply, Problem> {
    let query = request.query()?;
    let look = look(context, workspace).await?;
    let signal = found(&look, id)?;
    only(&signal, SignalKind::Playbook)?;
    let measure = match &signal.draft.rule {
        Rule::Playbook(playbook) => playbook.measure.as_ref(),
        _ => None,
    };
    let field = match query.get("field") {
        Some(name) => look.field(signal.draft.object, name).ok_or_else(|| {
            let detail = format!("No calculated field of this level is called \"{name}\": see GET /v1/fields.");
            Problem::invalid("unknown-field", "?field", detail)
        })?,
        None => measure.map(|measure| measure.field.clone()).ok_or_else(|| {
            let detail = "The playbook names no outcome: say \"field\", or give it a \"measure\".";
            Problem::invalid("field", "?field", detail)
        })?,
    };
    let default = measure.map_or(WINDOW_DAYS_DEFAULT, |measure| measure.window_days);
    let most = usize::try_from(WINDOW_DAYS_MAX).unwrap_or(usize::MAX);
    let window = page::number(&query, "window_days", usize::try_from(default).unwrap_or(28), most)?;
    if window < 7 {
        return Err(Problem::invalid(
            "window_days",
            "?window_days",
            "\"window_days\" is 7 at least: values are weekly.",
        ));
    }
    let optional = |name: &'static str| match query.contains_key(name) {
        true => column(&look, &signal, &query, name).map(Some),
        false => Ok(None),
    };
    let asked = ImpactQuery {
        field,
        window_days: u32::try_from(window).unwrap_or(u32::MAX),
        segment: optional("segment")?,
        size: optional("size")?,
        since: optional("since")?,
    };
    let found = Box::pin(look.impact(context, workspace, &signal, &asked)).await.map_err(replay_problem)?;
    Reply::json(200, &found)
}

/// `GET /v1/signals/{id}/calibration`.
pub(crate) async fn calibration(
    context: &Context,
    workspace: &WorkspaceId,
    id: &SignalId,
    request: &Request,
) -> Result<Reply, Problem> {
    let query = request.query()?;
    let days = days(&query)?;
    let horizon = page::number(&query, "horizon_days", HORIZON_DAYS, 366)?;
    let look = look(context, workspace).await?;
    let signal = found(&look, id)?;
    only(&signal, SignalKind::Indicator)?;
    let column = column(&look, &signal, &query, "dates")?;
    let asked = (column.as_str(), days, u32::try_from(horizon).unwrap_or(u32::MAX));
    let found = Box::pin(look.calibrated(context, workspace, &signal, asked)).await.map_err(replay_problem)?;
    Reply::json(200, &found)
}

/// An object as a rule would have had it, day by day.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Replay")]
pub(crate) struct Replayed {
    /// The first day; where the rule would have started from.
    from: String,
    /// The score of each day that had one, of a health score.
    scores: BTreeMap<String, f64>,
    /// What would have been told of the object, oldest first.
    #[schemars(with = "Vec<EventShown>")]
    events: Vec<Value>,
}

/// `GET /v1/signals/{id}/replay`.
pub(crate) async fn replay(
    context: &Context,
    workspace: &WorkspaceId,
    id: &SignalId,
    request: &Request,
) -> Result<Reply, Problem> {
    let query = request.query()?;
    let days = days(&query)?;
    let object = query.get("object_id").ok_or_else(|| {
        Problem::invalid("object_id", "?object_id", "Say \"object_id\": the id of an object of the signal's level.")
    })?;
    let look = look(context, workspace).await?;
    let signal = found(&look, id)?;
    let only = BTreeSet::from([(*object).to_owned()]);
    let replay = Box::pin(look.replay(context, workspace, &signal, days, Some(&only))).await.map_err(replay_problem)?;
    let Some(subject) = replay.subjects.first() else {
        let detail = format!("No {} has this id: see GET /v1/directory/{0}s.", signal.draft.object.name());
        return Err(Problem::not_found("unknown-object", detail));
    };
    let names = look.names(signal.draft.object);
    let scores = signal.fact().and_then(|fact| subject.past.days.get(&fact)).into_iter().flatten();
    let shown = Replayed {
        from: shared::time::date_text(replay.first),
        scores: scores.filter_map(|(day, known)| Some((shared::time::date_text(*day), known.number()?))).collect(),
        events: replay.events.iter().map(|event| event.shown(&names)).collect(),
    };
    Reply::json(200, &shown)
}

/// How many days are looked back on.
pub(super) fn days(query: &BTreeMap<&str, &str>) -> Result<u32, Problem> {
    let most = usize::try_from(DAYS_MAX).unwrap_or(usize::MAX);
    Ok(u32::try_from(page::number(query, "days", most, most)?).unwrap_or(DAYS_MAX))
}

/// A column of the signal's level that a query names.
fn column(look: &Look, signal: &Signal, query: &BTreeMap<&str, &str>, name: &'static str) -> Result<String, Problem> {
    let place = format!("?{name}");
    let Some(column) = query.get(name) else {
        let detail = format!("Say \"{name}\": the name of a column of the directory.");
        return Err(Problem::invalid("column", place, detail));
    };
    if look.names(signal.draft.object).columns.contains(*column) {
        return Ok((*column).to_owned());
    }
    let detail = format!("No {} has a column \"{column}\": see GET /v1/directory/{0}s.", signal.draft.object.name());
    Err(Problem::invalid("unknown-column", place, detail))
}
