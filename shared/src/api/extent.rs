//! How many values a change touches: objects of a level times its fields.

use crate::context::Context;
use crate::id::{ObjectKind, WorkspaceId};
use crate::store::StoreError;

/// The values of one level, had `fields` fields to be computed for each of its objects.
///
/// # Errors
/// The table's.
pub async fn values_of(
    context: &Context,
    workspace: &WorkspaceId,
    kind: ObjectKind,
    fields: usize,
) -> Result<usize, StoreError> {
    if fields == 0 {
        return Ok(0);
    }
    Ok(context.store.objects_get(workspace, kind).await?.value.len() * fields)
}

/// All values of a workspace.
///
/// # Errors
/// The table's.
pub async fn all_values(context: &Context, workspace: &WorkspaceId) -> Result<usize, StoreError> {
    let fields = context.store.fields_get(workspace).await?.value;
    let mut values = 0;
    for kind in [ObjectKind::Account, ObjectKind::Contact] {
        let count = fields.iter().filter(|field| field.definition.object == kind).count();
        values += values_of(context, workspace, kind, count).await?;
    }
    Ok(values)
}
