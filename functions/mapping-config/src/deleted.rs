//! Objects that fields name and Pendo lists no longer. Their usage stays, so a field may go on naming them.

use shared::api::Problem;
use shared::context::Context;
use shared::fields::Field;
use shared::id::{Kind, WorkspaceId};
use shared::sync::tags::Listed;
use std::collections::{BTreeMap, BTreeSet};

/// The deleted objects of these kinds, as runs have missed them in Pendo's lists.
pub(crate) async fn of_kinds(
    context: &Context,
    workspace: &WorkspaceId,
    kinds: BTreeSet<Kind>,
) -> Result<BTreeMap<Kind, BTreeSet<String>>, Problem> {
    let mut deleted = BTreeMap::new();
    let connection = context.store.connection_get(workspace).await?;
    let Some(connection) = connection.filter(|_| !kinds.is_empty()) else { return Ok(deleted) };
    let connection = connection.value.id;
    let checkpoint = context.store.checkpoint_get(workspace, &connection).await?.value;
    for kind in kinds {
        let as_of = checkpoint.kinds.get(&kind).and_then(|state| state.as_of);
        let known = context.store.tags_get(workspace, &connection, kind).await?.value;
        let is_deleted = |stored: &serde_json::Value| Listed::of(stored).is_some_and(|object| object.is_deleted(as_of));
        deleted.insert(kind, known.iter().filter(|(_, stored)| is_deleted(stored)).map(|(id, _)| id.clone()).collect());
    }
    Ok(deleted)
}

/// The kinds of fields that name objects.
pub(crate) fn kinds_named<'f>(fields: impl IntoIterator<Item = &'f Field>) -> BTreeSet<Kind> {
    let usages = fields.into_iter().filter_map(|field| Some(&field.definition.measured()?.usage));
    usages.filter(|usage| usage.ids.is_some()).map(|usage| usage.kind).collect()
}

/// Those of a field's objects that are deleted.
pub(crate) fn named_by<'d>(field: &Field, deleted: &'d BTreeMap<Kind, BTreeSet<String>>) -> Vec<&'d str> {
    let Some(measured) = field.definition.measured() else { return Vec::new() };
    let usage = &measured.usage;
    let gone = deleted.get(&usage.kind).into_iter().flatten();
    gone.filter(|id| usage.ids.as_ref().is_some_and(|ids| ids.contains(*id))).map(String::as_str).collect()
}
