//! Calculated fields that are formulas: created against the fields and the directory that stand, and kept whole when another
//! field is to go.

use crate::fields::{ATTEMPTS_MAX, Created, named, noted, refuse_too_many, same_name, shown};
use crate::source::refused;
use serde_json::{Value, json};
use shared::api::{Problem, Reply, Request};
use shared::context::Context;
use shared::directory;
use shared::fields::{Definition, Field, Formula, link};
use shared::id::{FieldId, WorkspaceId};
use shared::store::StoreError;
use std::collections::BTreeMap;

/// Users of a field that a refusal names in its sentence; all of them are in `users`.
const NAMED_MAX: usize = 3;

/// `POST /v1/fields` with a formula. Pendo is not asked, and nothing has to be computed.
pub(crate) async fn create(
    context: &Context,
    workspace: &WorkspaceId,
    request: &Request,
    definition: Definition,
) -> Result<Reply, Problem> {
    let by = request.asker(context.clock.now_ms());
    let columns = columns(context, workspace, &definition).await?;
    for _ in 0..ATTEMPTS_MAX {
        let stands = context.store.fields_get(workspace).await?;
        let mut fields = stands.value;
        let at = fields.len();
        fields.push(Field {
            id: FieldId::random(),
            version: 1,
            created_at_ms: context.clock.now_ms(),
            definition: definition.clone(),
        });
        link(&mut fields, at, columns.as_ref()).map_err(|problem| refused("invalid-field", problem))?;
        let [standing @ .., field] = fields.as_slice() else { break };
        if let Some(same) = same_name(standing, &field.definition)? {
            return Reply::json(200, &Created::at_once(shown(same, standing)));
        }
        refuse_too_many(standing)?;
        let line = by.line("create", named(&field.id), None, Some(noted(field, standing)?));
        match context.store.noting(workspace, line).fields_put(workspace, &fields, stands.version).await {
            Ok(_) => return Reply::json(201, &Created::at_once(shown(field, &fields))),
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Problem::from(StoreError::Conflict { key: "fields".to_owned() }))
}

/// The columns of a definition's level, if its formula names any.
async fn columns(
    context: &Context,
    workspace: &WorkspaceId,
    definition: &Definition,
) -> Result<Option<BTreeMap<String, bool>>, Problem> {
    if !definition.formula().is_some_and(Formula::names_directory) {
        return Ok(None);
    }
    let objects = context.store.objects_get(workspace, definition.object).await?.value;
    Ok(directory::columns(objects.values()))
}

/// A field that formulas use stays.
pub(crate) fn refuse_used(field: &Field, others: &[Field]) -> Result<(), Problem> {
    let users: Vec<&Field> = others.iter().filter(|other| other.uses().contains(&field.id.as_str())).collect();
    if users.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = users.iter().take(NAMED_MAX).map(|user| format!("\"{}\"", user.definition.name)).collect();
    let more = match users.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let detail = format!(
        "The formulas of {}{more} use \"{}\": delete them first, or let them do without it.",
        names.join(", "),
        field.definition.name
    );
    let users: Vec<Value> =
        users.iter().map(|user| json!({"id": user.id.as_str(), "name": user.definition.name})).collect();
    Err(Problem::conflict("field-in-use", detail).with("users", users))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(id: &str, body: &Value) -> Field {
        Field { id: FieldId::from_text(id), version: 1, created_at_ms: 0, definition: Definition::parse(body).unwrap() }
    }

    #[test]
    fn a_field_that_formulas_use_is_kept_and_its_users_are_named() {
        let mau = field(
            "f0",
            &json!({"name": "MAU", "object": "account", "usage": {"kind": "event"}, "function": "distinct_visitors",
                    "window": {"rolling_days": 30}}),
        );
        let users: Vec<Field> = (1..=5)
            .map(|n| {
                field(&format!("f{n}"), &json!({"name": format!("U{n}"), "object": "account", "formula": "\"f0\" * 2"}))
            })
            .collect();
        let other = field("f9", &json!({"name": "V", "object": "account", "formula": "\"f1\" * 2"}));
        assert!(refuse_used(&mau, std::slice::from_ref(&other)).is_ok());
        let others: Vec<Field> = users.iter().cloned().chain([other]).collect();
        let problem = refuse_used(&mau, &others).unwrap_err();
        assert_eq!((problem.status, problem.slug), (409, "field-in-use"));
        assert!(problem.detail.contains("\"U1\", \"U2\", \"U3\" and 2 more use \"MAU\""), "{problem:?}");
        assert_eq!(problem.extra["users"][4], json!({"id": "f5", "name": "U5"}));
        assert_eq!(problem.extra["users"].as_array().unwrap().len(), 5);
        assert!(refuse_used(&users[1], &others).is_ok(), "whom nobody uses may go");
    }
}
