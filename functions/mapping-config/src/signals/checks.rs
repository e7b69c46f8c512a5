//! What is wrong with a rule beside the others.

use super::quoted;
use crate::checks;
use shared::api::Problem;
use shared::context::Context;
use shared::fields::Field;
use shared::id::WorkspaceId;
use shared::signals::facts::Fact;
use shared::signals::{Draft, Rule, Signal, circle, users_of, users_of_field};

/// A level that is not matched has no usage to look at.
pub(super) async fn refuse_unmatched(context: &Context, workspace: &WorkspaceId, draft: &Draft) -> Result<(), Problem> {
    checks::refuse_unmatched(&checks::matching(context, workspace).await?, draft.object)
}

/// Health scores that look at each other in a circle, and journeys that look at themselves or at each other.
pub(super) fn refuse_unfit(signals: &[Signal], signal: &Signal) -> Result<(), Problem> {
    let circle = circle(signals, &signal.id);
    if !circle.is_empty() {
        let names: Vec<&str> = circle.iter().map(String::as_str).collect();
        let detail =
            format!("These health scores look at each other in a circle: {}. Take one of them out.", quoted(&names));
        return Err(Problem::invalid("circle", "/rule", detail));
    }
    let own = Fact::Stage(signal.id.clone());
    if !matches!(signal.draft.rule, Rule::Journey(_)) {
        return Ok(());
    }
    let facts = signal.draft.rule.facts();
    if facts.contains_key(&own) {
        let detail =
            "A journey can't look at its own stage: let the goals look at values, and the order of stages decide.";
        return Err(Problem::invalid("circle", "/rule", detail));
    }
    let is_other = |other: &&Signal| {
        facts.contains_key(&Fact::Stage(other.id.clone())) && other.draft.rule.facts().contains_key(&own)
    };
    match signals.iter().find(is_other) {
        None => Ok(()),
        Some(other) => {
            let detail = format!(
                "The journey \"{}\" looks at a stage of this one, and this one at a stage of it: let one of them look at values.",
                other.draft.name
            );
            Err(Problem::invalid("circle", "/rule", detail))
        }
    }
}

/// A rule of another kind or level remembers other things.
pub(super) fn refuse_other_kind(before: &Signal, draft: &Draft) -> Result<(), Problem> {
    if before.kind() != draft.rule.kind() {
        let detail = format!("This is a {} and stays one: create another signal.", before.kind().name());
        return Err(Problem::invalid("other-kind", "/kind", detail));
    }
    if before.draft.object != draft.object {
        let detail =
            format!("This is a signal of {}s and stays one: create another signal.", before.draft.object.name());
        return Err(Problem::invalid("other-level", "/object", detail));
    }
    Ok(())
}

/// Stages of a journey that others look at can't go.
pub(super) fn refuse_lost_stages(signals: &[Signal], before: &Signal, after: &Signal) -> Result<(), Problem> {
    let (Rule::Journey(was), Rule::Journey(is)) = (&before.draft.rule, &after.draft.rule) else { return Ok(()) };
    let is = is.stage_names();
    let users = users_of(signals, before);
    match was.stage_names().iter().find(|stage| !is.contains(stage)) {
        Some(stage) if !users.is_empty() => {
            let detail = format!(
                "Other signals look at this journey: {}. Change them before the stage \"{stage}\" goes.",
                quoted(&users)
            );
            Err(Problem::conflict("stage-in-use", detail).at("/rule/stages"))
        }
        _ => Ok(()),
    }
}

/// A field that signals look at can't go.
pub(crate) async fn refuse_used_field(
    context: &Context,
    workspace: &WorkspaceId,
    field: &Field,
) -> Result<(), Problem> {
    let signals = context.store.signals_get(workspace).await?.value;
    let users = users_of_field(&signals, &field.id);
    if users.is_empty() {
        return Ok(());
    }
    let detail = format!("Signals look at this field: {}. Change or delete them first.", quoted(&users));
    Err(Problem::conflict("field-in-use", detail))
}
