//! Why a value is null, or frozen, in a sentence, and what to do.

use super::path::MatchPath;
use crate::fields::Reason;
use crate::id::ObjectKind;
use crate::values::Line;
use schemars::JsonSchema;
use serde::Serialize;

/// What a reason means here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Advice {
    /// Why there is no value.
    pub why: String,
    /// What to do.
    pub what_to_do: String,
}

/// Explains the reason of a line; `None` where there is none.
pub(super) fn advice(line: &Line, path: &MatchPath) -> Option<Advice> {
    let level = line.object.name();
    let list = match line.object {
        ObjectKind::Account => "/v1/directory/accounts",
        ObjectKind::Contact => "/v1/directory/contacts",
    };
    let as_of = line.as_of.as_deref().unwrap_or("the last run");
    let (why, what_to_do) = match line.reason? {
        Reason::Unmatched => unmatched(level, list, path),
        Reason::Ambiguous => ambiguous(level, list, path),
        Reason::Backfilling if line.as_of.is_none() => (
            "Usage of this kind has not been read yet.".to_owned(),
            "Wait for the first run, or ask for one with POST /v1/sync; GET /v1/status shows how far it is.".to_owned(),
        ),
        Reason::Backfilling => (
            format!(
                "Its window is still being read, or its turn to be computed has not come: {:.0} % of its hours are here.",
                line.coverage * 100.0
            ),
            "Wait: GET /v1/status shows how far it is and how long it takes.".to_owned(),
        ),
        Reason::NotRead => (
            format!(
                "Its window begins at {}, before the beginning of history that was chosen when Pendo was connected.",
                line.from.as_deref().unwrap_or("an hour")
            ),
            "Use a shorter window, or {\"all_time\":true}, which begins where history does.".to_owned(),
        ),
        Reason::NeverUsed => (
            "The whole window was read, and nothing that the field counts happened in it.".to_owned(),
            "Nothing: GET /v1/usage shows what the object used otherwise, and when.".to_owned(),
        ),
        Reason::Undefined => (
            "It is a ratio over nothing, or a formula that divides by zero.".to_owned(),
            "Nothing: it has a value once there is something to divide by.".to_owned(),
        ),
        Reason::New => (
            "Nothing happened in the window before, so there is nothing to compare with.".to_owned(),
            "Nothing: it has a value once the window before has usage too.".to_owned(),
        ),
        Reason::NoNumber => (
            format!(
                "A column of the directory that the formula uses holds no number for this {level}; the operands say which."
            ),
            format!("Give the {level} a number there with PUT {list}."),
        ),
        Reason::Disconnected => (
            format!("The connection was ended with its data kept: the value is that of {as_of} and stays."),
            "Connect the same Pendo subscription again with POST /v1/connection, which reads what is missing."
                .to_owned(),
        ),
    };
    Some(Advice { why, what_to_do })
}

fn unmatched(level: &str, list: &str, path: &MatchPath) -> (String, String) {
    let Some(rule) = &path.rule else {
        let why = format!("No {level}s are matched: the matching has no rule for them.");
        return (why, format!("Add a rule for {level}s with PUT /v1/matching."));
    };
    let column = &rule.object;
    match &path.key {
        None => (
            format!("This {level} has nothing in \"{column}\", by which {level}s are matched."),
            format!("Fill \"{column}\" with PUT {list}, or match by another column with PUT /v1/matching."),
        ),
        Some(key) => (
            format!("Pendo knows nobody whose {} is \"{key}\", the {level}'s \"{column}\".", rule.pendo),
            format!(
                "Correct \"{column}\" with PUT {list}, or match by other fields: PUT /v1/matching?dry_run=true tells how many would fit."
            ),
        ),
    }
}

fn ambiguous(level: &str, list: &str, path: &MatchPath) -> (String, String) {
    let column = path.rule.as_ref().map_or("the key", |rule| &rule.object);
    let others = path.same_key.join("\", \"");
    (
        format!("Whoever fits this {level} fits \"{others}\" as well, and nothing tells them apart."),
        format!(
            "Give each {level} a \"{column}\" of its own with PUT {list}, or match by another column with PUT /v1/matching."
        ),
    )
}
