//! `POST /v1/signals/{id}/actions`: what people do with objects of a rule.

use super::turned::look_problem;
use super::{look_anew, unknown};
use crate::source::refused;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::api::{Problem, Reply, Request};
use shared::context::Context;
use shared::id::{SignalId, WorkspaceId};
use shared::time::{date_text, parse_date};
use shared::turns::{Action, ByHandError, DAYS_BACK_MAX, act};

/// The most objects of one call.
pub(super) const IDS_MAX: usize = 1_000;
/// The longest reason, in characters.
const REASON_CHARS_MAX: usize = 500;

/// What a caller sends.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SignalAction")]
pub(crate) struct ActionBody {
    /// What is done: `enrol` or `take_out` (playbooks), `move` (journeys), `override` or `end_override` (health), `release` (all).
    action: What,
    /// The objects. A release without them is of all that would have moved.
    #[schemars(length(max = 1000))]
    ids: Option<Vec<String>>,
    /// Of `enrol`: the day on which they entered, such as 2026-06-01; today if left out.
    on: Option<String>,
    /// Of `move`: the stage.
    stage: Option<String>,
    /// Of `override`: 0 to 100.
    score: Option<f64>,
    /// Of `override`: why.
    reason: Option<String>,
    /// Of `override`: the last day on which it stands.
    until: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum What {
    Enrol,
    TakeOut,
    Move,
    Override,
    EndOverride,
    Release,
}

/// What was done.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Done {
    /// How many changes were told.
    changed: usize,
}

/// Does it, with all of them or with none.
pub(crate) async fn post(
    context: &Context,
    workspace: &WorkspaceId,
    id: &SignalId,
    request: &Request,
) -> Result<Reply, Problem> {
    request.query()?;
    let body: ActionBody = request.json()?;
    let by = request.asker(context.clock.now_ms());
    let connection = context.store.connection_get(workspace).await?.ok_or_else(Problem::not_connected)?.value;
    let today = connection.time_zone.local_day(by.at_ms());
    let action = action(&body, today)?;
    let ids = body.ids.as_deref();
    if ids.is_none() && action != Action::Release {
        return Err(Problem::invalid("ids", "/ids", "Say \"ids\": the objects with which this is done."));
    }
    if ids.is_some_and(|ids| ids.is_empty() || ids.len() > IDS_MAX) {
        return Err(Problem::invalid("ids", "/ids", format!("Give 1 to {IDS_MAX} ids.")));
    }
    let events = act(context, workspace, id, &action, ids, &by).await.map_err(|error| match error {
        ByHandError::Look(error) => look_problem(error),
        ByHandError::Unknown => unknown(),
        ByHandError::Refused(detail) => refused("refused", shared::fields::Problem::at("/action", detail)),
        ByHandError::Object { at, why } => refused("refused", shared::fields::Problem::at(format!("/ids/{at}"), why)),
    })?;
    let noted: Value = json!({"action": format!("{:?}", body.action), "objects": ids.map(<[String]>::len),
        "changed": events.len()});
    let line = by.line("act", format!("signals/{}", id.as_str()), None, Some(noted));
    context.store.trail_note(workspace, &line).await?;
    look_anew(context, workspace).await;
    Reply::json(200, &Done { changed: events.len() })
}

/// What is to be done, with the members that go with it and no other.
fn action(body: &ActionBody, today: i32) -> Result<Action, Problem> {
    let wrong = |name: &'static str, detail: String| Err(Problem::invalid("action", format!("/{name}"), detail));
    let given = [
        ("on", body.on.is_some(), body.action == What::Enrol),
        ("stage", body.stage.is_some(), body.action == What::Move),
        ("score", body.score.is_some(), body.action == What::Override),
        ("reason", body.reason.is_some(), body.action == What::Override),
        ("until", body.until.is_some(), body.action == What::Override),
    ];
    if let Some((name, ..)) = given.iter().find(|(_, is_given, belongs)| *is_given && !belongs) {
        return wrong(name, format!("\"{name}\" does not go with this action: leave it out."));
    }
    let day = |name: &'static str, text: &str| {
        parse_date(text).ok_or_else(|| {
            Problem::invalid("day", format!("/{name}"), format!("\"{name}\" is a date such as 2026-06-30."))
        })
    };
    Ok(match body.action {
        What::Enrol => {
            let on = body.on.as_deref().map(|text| day("on", text)).transpose()?;
            if let Some(on) = on.filter(|on| *on > today || *on < today - DAYS_BACK_MAX) {
                let oldest = date_text(today - DAYS_BACK_MAX);
                return wrong("on", format!("{} must lie between {oldest} and today.", date_text(on)));
            }
            Action::Enrol { on: on.filter(|on| *on != today) }
        }
        What::TakeOut => Action::TakeOut,
        What::Move => match body.stage.clone() {
            Some(stage) => Action::Move { stage },
            None => return wrong("stage", "Say \"stage\": the name of a stage of the journey.".to_owned()),
        },
        What::Override => {
            let Some(score) = body.score.filter(|score| (0.0..=100.0).contains(score)) else {
                return wrong("score", "Say \"score\": a number from 0 to 100.".to_owned());
            };
            let reason = body.reason.clone().unwrap_or_default().trim().to_owned();
            if reason.is_empty() || reason.chars().count() > REASON_CHARS_MAX {
                return wrong("reason", format!("Say \"reason\": why, in 1 to {REASON_CHARS_MAX} characters."));
            }
            let Some(until) = body.until.as_deref() else {
                return wrong("until", "Say \"until\": the last day on which the score stands.".to_owned());
            };
            let until = day("until", until)?;
            if until < today {
                return wrong("until", "\"until\" is over: give today or a later day.".to_owned());
            }
            Action::Override { score, reason, until }
        }
        What::EndOverride => Action::EndOverride,
        What::Release => Action::Release,
    })
}
