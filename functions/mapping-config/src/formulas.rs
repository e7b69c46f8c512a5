//! Fields beside each other: what formulas need of the others and of the directory is there, and stays.

use crate::source::refused;
use serde_json::{Value, json};
use shared::api::Problem;
use shared::context::Context;
use shared::directory::{self, Columns};
use shared::fields::{self, Definition, Field, Formula};
use shared::id::{ObjectKind, WorkspaceId};
use shared::store::StoreError;
use std::collections::BTreeSet;

/// Users of a field that a refusal names in its sentence; all of them are in `users`.
const NAMED_MAX: usize = 3;

/// The columns of the levels whose directory these definitions name.
pub(crate) async fn columns(
    context: &Context,
    workspace: &WorkspaceId,
    definitions: impl IntoIterator<Item = &Definition>,
) -> Result<Columns, StoreError> {
    let of_directory = |definition: &&Definition| definition.formula().is_some_and(Formula::names_directory);
    let levels: BTreeSet<ObjectKind> =
        definitions.into_iter().filter(of_directory).map(|definition| definition.object).collect();
    let mut columns = Columns::new();
    for level in levels {
        let objects = context.store.objects_get(workspace, level).await?.value;
        columns.extend(directory::columns(objects.values()).map(|found| (level, found)));
    }
    Ok(columns)
}

/// A field must go together with the others that are to stand.
pub(crate) fn refuse_unfit(fields: &[Field], at: usize, columns: &Columns) -> Result<(), Problem> {
    fields::refuse_unfit(fields, at, columns).map_err(|problem| refused("invalid-field", problem))
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
    use shared::id::FieldId;

    fn field(id: &str, body: &Value) -> Field {
        Field::new(FieldId::from_text(id), Definition::parse(body).unwrap(), 0, None)
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
