//! The connected subscription: its connection, a client for it, and what to answer when Pendo does not.

use shared::api::Problem;
use shared::connection::{Connection, ConnectionStatus};
use shared::context::Context;
use shared::fields;
use shared::id::WorkspaceId;
use shared::pendo::{Client, PendoError};
use shared::secrets::SecretsError;

/// The workspace's connection, if there is one that Pendo can be asked through.
pub(crate) async fn connection(context: &Context, workspace: &WorkspaceId) -> Result<Connection, Problem> {
    let stands = context.store.connection_get(workspace).await?;
    stands
        .map(|stands| stands.value)
        .filter(|connection| !matches!(connection.status, ConnectionStatus::Disconnected | ConnectionStatus::Purging))
        .ok_or_else(Problem::not_connected)
}

/// A client with the key as it stands now.
pub(crate) async fn client(context: &Context, connection: &Connection) -> Result<Client, Problem> {
    let key = context.secrets.get(&connection.secret).await.map_err(|error| match error {
        SecretsError::Missing { .. } => Problem::conflict(
            "key-missing",
            "The key is gone: send POST /v1/connection with a key of the same subscription.",
        )
        .because(error),
        error => error.into(),
    })?;
    let client = Client::new(&connection.base_url, &key).map_err(pendo_problem)?;
    Ok(client.paced(context.config.pendo_requests_per_second))
}

/// What Pendo's failure means for the caller.
pub(crate) fn pendo_problem(error: PendoError) -> Problem {
    match error {
        PendoError::Unauthorized { .. } => Problem::conflict(
            "key-refused",
            "Pendo refuses the key: it is wrong, revoked, of another region, or the plan has no API access; send a new one with POST /v1/connection.",
        )
        .because(error),
        PendoError::PaymentRequired => {
            Problem::conflict("plan", "The Pendo plan does not cover this: it must be Growth or higher; ask your Pendo admin.").because(error)
        }
        error => Problem::unavailable("pendo", "Pendo does not answer as it should now: nothing was changed, try again in a minute.").because(error),
    }
}

/// A finding of the rules as an answer.
pub(crate) fn refused(slug: &'static str, problem: fields::Problem) -> Problem {
    let detail = sentence(&problem.detail);
    if problem.is_too_large { Problem::too_large(detail) } else { Problem::invalid(slug, problem.pointer, detail) }
}

/// The finding with a capital and a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first: String = letters.next().map(|letter| letter.to_uppercase().collect()).unwrap_or_default();
    format!("{first}{}{}", letters.as_str(), if text.ends_with('.') { "" } else { "." })
}
