//! How many values a change touches, as every reply to such a change says.

use crate::context::Context;
use crate::id::{ObjectKind, WorkspaceId};
use crate::store::StoreError;
use crate::values::count;

/// The values of one level, or of both. The directory is read only where there are fields.
///
/// # Errors
/// The table's.
pub async fn extent(
    context: &Context,
    workspace: &WorkspaceId,
    level: Option<ObjectKind>,
) -> Result<usize, StoreError> {
    let fields = context.store.fields_get(workspace).await?.value;
    if !fields.iter().any(|field| level.is_none_or(|level| level == field.definition.object)) {
        return Ok(0);
    }
    Ok(count(&context.store.directory_get(workspace).await?, &fields, level))
}
