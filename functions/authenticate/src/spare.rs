//! Secrets on their way to a connection that names them, and those that none names: what is noted first can't be lost.

use shared::api::Problem;
use shared::connection::Connection;
use shared::context::Context;
use shared::id::WorkspaceId;
use shared::secrets::SecretString;
use shared::store::spare::Spare;
use shared::trail::Line;

/// Keeps a key in a fresh secret that is noted before it stands; `before` is the secret that it is to take the place of.
/// Whichever of the two the connection does not name in the end is removed.
pub(crate) async fn create(
    context: &Context,
    workspace: &WorkspaceId,
    key: &SecretString,
    replaces: u64,
    before: Option<&str>,
) -> Result<String, Problem> {
    let name = context.secrets.fresh_name();
    let note = |spare: &mut Vec<Spare>| {
        let names = [Some(name.as_str()), before].into_iter().flatten();
        spare.extend(names.map(|name| Spare { name: name.to_owned(), replaces }));
    };
    context.store.spare_secrets_change(workspace, note).await?;
    context.secrets.create(&name, key).await?;
    Ok(name)
}

/// Writes a connection that names a fresh secret, in the place of the one of a version; then every secret goes that nobody can
/// come to name any more. If the write fails the fresh one goes.
pub(crate) async fn put_or_take_back(
    context: &Context,
    workspace: &WorkspaceId,
    connection: &Connection,
    version: u64,
    line: Line,
) -> Result<(), Problem> {
    let put = context.store.noting(workspace, line).connection_put(workspace, connection, version).await;
    let Err(error) = put else {
        forget_or_leave(context, workspace, &connection.secret, version).await;
        return Ok(());
    };
    match context.store.connection_get(workspace).await {
        // The write came through and only its answer did not.
        Ok(Some(stands)) if stands.value.secret == connection.secret => {
            forget_or_leave(context, workspace, &connection.secret, version).await;
            return Ok(());
        }
        Ok(_) => {
            if let Err(error) = context.secrets.delete(&connection.secret).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "a secret that nothing names stays, noted");
            }
        }
        // Whether the secret is named can't be known: one too many, which is noted, is better than a connection without its key.
        Err(_) => tracing::warn!("a secret stays, noted, that perhaps nothing names"),
    }
    Err(error.into())
}

/// Removes the spare secrets that whoever replaced a version of the connection, or an earlier one, did not come to name.
/// `named` is what the connection names now.
///
/// # Errors
/// The table's and Secrets Manager's. What is left stays noted.
pub(crate) async fn forget(
    context: &Context,
    workspace: &WorkspaceId,
    named: Option<&str>,
    version: u64,
) -> Result<(), Problem> {
    let spare = context.store.spare_secrets(workspace).await?;
    let over: Vec<Spare> = spare.into_iter().filter(|spare| spare.replaces <= version).collect();
    for spare in over.iter().filter(|spare| Some(spare.name.as_str()) != named) {
        context.secrets.delete(&spare.name).await?;
    }
    if !over.is_empty() {
        context.store.spare_secrets_change(workspace, |spare| spare.retain(|other| !over.contains(other))).await?;
    }
    Ok(())
}

/// The connection stands: what could not be removed yet goes with the next change.
async fn forget_or_leave(context: &Context, workspace: &WorkspaceId, named: &str, version: u64) {
    if let Err(error) = forget(context, workspace, Some(named), version).await {
        tracing::warn!(?error, "secrets that nothing names stay, noted");
    }
}
