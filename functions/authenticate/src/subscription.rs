//! What Pendo says about a key: does it work, where, for what, and is it the subscription that is connected?

use shared::api::Problem;
use shared::connection::Connection;
use shared::context::Context;
use shared::id::WorkspaceId;
use shared::pendo::{Client, PendoError, Region, catalog};
use shared::secrets::SecretString;
use shared::sync::SyncError;
use std::time::Duration;

/// The gateway gives up after 30 s; this leaves time to answer and to write.
const PATIENCE: Duration = Duration::from_secs(24);

/// A key that works.
pub(crate) struct Subscription {
    pub(crate) base_url: String,
    pub(crate) apps: Vec<i64>,
    pub(crate) write_access: Option<bool>,
    pub(crate) client: Client,
}

/// Tries the key on the region's hosts in order; the first that verifies is kept. Nothing is written.
pub(crate) async fn verify(context: &Context, region: Region, key: &SecretString) -> Result<Subscription, Problem> {
    let hosts: Vec<String> = match &context.config.pendo_base_url {
        Some(url) => vec![url.clone()],
        None => region.hosts().iter().map(|host| format!("https://{host}")).collect(),
    };
    first_that_verifies(hosts, key).await
}

async fn first_that_verifies(hosts: Vec<String>, key: &SecretString) -> Result<Subscription, Problem> {
    let tried = tokio::time::timeout(PATIENCE, async {
        // Of several hosts the first is the documented one: what it says counts unless another one takes the key.
        let mut first = None;
        for base_url in hosts {
            match try_host(base_url, key).await {
                Ok(subscription) => return Ok(subscription),
                Err(Refusal::Final(problem)) => return Err(problem),
                Err(Refusal::Host(problem)) => _ = first.get_or_insert(problem),
            }
        }
        Err(first.unwrap_or_else(|| Problem::internal("the region has no host")))
    });
    tried.await.unwrap_or_else(|_| Err(pendo_down().because("no answer in time")))
}

/// Whether a key that works reads the subscription that is connected: its apps are all there still, and days that are
/// stored look the same. Apps that were added since are no difference.
pub(crate) async fn is_same(
    context: &Context,
    workspace: &WorkspaceId,
    connection: &Connection,
    found: &Subscription,
) -> Result<bool, Problem> {
    if connection.apps.iter().any(|app| !found.apps.contains(app)) {
        return Ok(false);
    }
    shared::sync::same_subscription(context, workspace, connection, &found.client).await.map_err(|error| match error {
        SyncError::Pendo(error) => pendo_down().because(error),
        SyncError::Store(error) => error.into(),
        SyncError::Secrets(error) => error.into(),
    })
}

/// Why a host did not do.
enum Refusal {
    /// Another host may do.
    Host(Problem),
    /// The key is good and yet it won't do.
    Final(Problem),
}

async fn try_host(base_url: String, key: &SecretString) -> Result<Subscription, Refusal> {
    let client = Client::new(&base_url, key).map_err(|error| Refusal::Host(Problem::internal(error)))?;
    let verified = client.verify().await.map_err(|error| match error {
        // A key of another region was seen to answer 400 as well.
        PendoError::Unauthorized { .. } | PendoError::BadRequest { .. } => Refusal::Host(key_refused(error)),
        PendoError::PaymentRequired => Refusal::Final(may_not_aggregate(error)),
        error => Refusal::Host(pendo_down().because(error)),
    })?;
    if verified.valid == Some(false) {
        return Err(Refusal::Host(key_refused("token/verify says that the key is not valid")));
    }
    let pipeline = serde_json::json!([{"source": {"accounts": null}}, {"limit": 1}]);
    client.aggregate(&pipeline, |_| Ok(())).await.map_err(|error| match error {
        PendoError::Unauthorized { .. } if verified.valid.is_none() => Refusal::Host(key_refused(error)),
        PendoError::Unauthorized { .. } | PendoError::PaymentRequired => Refusal::Final(may_not_aggregate(error)),
        error => Refusal::Host(pendo_down().because(error)),
    })?;
    let apps = catalog::apps(&client).await.map_err(|error| match error {
        PendoError::Unauthorized { .. } | PendoError::PaymentRequired => Refusal::Final(may_not_aggregate(error)),
        error => Refusal::Host(pendo_down().because(error)),
    })?;
    Ok(Subscription { base_url, apps, write_access: verified.write_access, client })
}

fn key_refused(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Problem {
    Problem::invalid(
        "key-refused",
        "/integration_key",
        "Pendo refuses this key; it says the same for a wrong key, a revoked key, a key of another region and a plan without \
         API access, so check these four.",
    )
    .because(cause)
}

fn may_not_aggregate(cause: PendoError) -> Problem {
    Problem::invalid(
        "plan-or-permission",
        "/integration_key",
        "Pendo knows this key but does not let it read usage: the plan is below Growth, or this key may not aggregate; ask \
         your Pendo admin.",
    )
    .because(cause)
}

fn pendo_down() -> Problem {
    Problem::unavailable("pendo", "Pendo does not answer now: nothing was changed, try again in a minute.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use pendo_simulator::{Clock, Options, Simulator};

    async fn pendo(options: Options) -> Simulator {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        Simulator::start(options, Clock::fixed(1_782_822_600_000), listener).await.unwrap()
    }

    /// A host whose key is another one.
    async fn foreign() -> Simulator {
        pendo(Options { key: "11111111-2222-3333-4444-555555555555".to_owned(), ..Options::empty() }).await
    }

    #[tokio::test]
    async fn the_host_that_verifies_is_kept_whichever_of_the_two_it_is() {
        let (other, own) = (foreign().await, pendo(Options::empty()).await);
        let key = SecretString::from(own.key().to_owned());
        let nobody = "http://127.0.0.1:1".to_owned();
        for hosts in [[other.url(), own.url()], [own.url(), other.url()], [nobody, own.url()]] {
            let found = first_that_verifies(hosts.to_vec(), &key).await;
            assert_eq!(found.ok().map(|found| found.base_url), Some(own.url()), "{hosts:?}");
        }
    }

    #[tokio::test]
    async fn when_neither_takes_the_key_the_documented_host_has_the_word() {
        let other = foreign().await;
        let key = SecretString::from("00000000-0000-0000-0000-000000000000".to_owned());
        let hosts = vec![other.url(), "http://127.0.0.1:1".to_owned()];
        let refused = first_that_verifies(hosts, &key).await.err().unwrap();
        assert_eq!(refused.status, 422);
        assert_eq!(Region::Us1.hosts(), ["us1.app.pendo.io", "app1.pendo.io"]);
    }
}
