//! Connecting, renewing a key and disconnecting write to two services. Whichever call to either of them fails, or is done and its
//! answer lost: asking again heals it, one secret stands, and none that nothing names.

use crate::harness::World;
use crate::proxy::{Plan, Proxy};
use crate::scene::worker_of;
use crate::size::{pick, report};
use local::clients::Clients;
use local::functions::{Binaries, Functions};
use pendo_simulator::Options;
use serde_json::{Value, json};
use shared::context::Context;
use shared::secrets::Secrets;
use std::collections::{BTreeMap, BTreeSet};

const SEED: u64 = 36;
const SECOND_KEY: &str = "second-key.us";

/// What an admin asks for, once everything before it is done.
#[derive(Clone, Copy, Debug)]
enum Asked {
    Connect,
    Renew,
    DisconnectAndKeep,
    ConnectAgain,
    Purge,
}

impl Asked {
    const ALL: [Self; 5] = [Self::Connect, Self::Renew, Self::DisconnectAndKeep, Self::ConnectAgain, Self::Purge];

    /// Method, query and key.
    fn request(self, first_key: &str) -> (&'static str, &'static str, Option<&str>) {
        match self {
            Self::Connect => ("POST", "", Some(first_key)),
            Self::Renew | Self::ConnectAgain => ("POST", "", Some(SECOND_KEY)),
            Self::DisconnectAndKeep => ("DELETE", "data=keep", None),
            Self::Purge => ("DELETE", "data=purge", None),
        }
    }
}

/// A world, the functions behind a proxy of the table and one of the secrets.
struct Place {
    world: World,
    table: Proxy,
    secrets: Proxy,
    functions: Functions,
}

impl Place {
    async fn new() -> Self {
        let keys = Options { second_key: Some(SECOND_KEY.to_owned()), ..Options::empty() };
        let world = World::start(keys).await;
        let table = Proxy::start(world.stack.database_url(), SEED).await;
        let endpoint = world.stack.environment()["AWS_ENDPOINT_URL_SECRETS_MANAGER"].clone();
        let secrets = Proxy::start(endpoint, SEED).await;
        let client = Clients::new(secrets.address, secrets.address).secrets;
        let prefix = world.stack.context().config.secret_prefix.clone();
        let context = Context { secrets: Secrets::new(client, prefix, None), ..worker_of(&table, &world) };
        let functions = Functions::new(context, &Binaries::default(), &BTreeMap::new()).await.unwrap();
        Self { world, table, secrets, functions }
    }

    fn plan(&self, plan: &Plan) {
        self.table.plan(plan.clone());
        self.secrets.plan(plan.clone());
    }

    fn sites(&self) -> BTreeSet<String> {
        self.table.sites().into_iter().chain(self.secrets.sites()).collect()
    }

    /// Asks as API Gateway would; answers the status.
    async fn ask(&self, asked: Asked) -> u64 {
        let (method, query, key) = asked.request(self.world.pendo().key());
        let body = key.map(|key| json!({"region": "us", "integration_key": key}).to_string());
        let claims = json!({"workspace": local::tokens::WORKSPACE, "access_level": "high"});
        let event = json!({
            "version": "2.0", "routeKey": "$default", "rawPath": "/v1/connection", "rawQueryString": query,
            "headers": {"content-type": "application/json"}, "isBase64Encoded": false, "body": body,
            "queryStringParameters": if query.is_empty() { json!({}) } else { json!({"data": query.trim_start_matches("data=")}) },
            "requestContext": {
                "accountId": "0", "apiId": "local", "stage": "$default", "requestId": "r", "routeKey": "$default",
                "authorizer": {"jwt": {"claims": claims, "scopes": null}}, "time": "", "timeEpoch": 0,
                "http": {"method": method, "path": "/v1/connection", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"},
            },
        });
        let answer = self.functions.authenticate(serde_json::from_value(event).unwrap()).await;
        serde_json::to_value(answer).unwrap()["statusCode"].as_u64().unwrap()
    }

    /// Everything that comes before, undisturbed.
    async fn until(&self, asked: Asked) {
        self.plan(&Plan::Calm);
        for before in Asked::ALL.into_iter().take_while(|before| *before as usize != asked as usize) {
            assert!(self.ask(before).await < 300, "{before:?}");
            self.world.idle().await;
        }
        self.plan(&Plan::Calm);
    }

    async fn secrets(&self) -> Vec<Value> {
        let listed = self.world.stack.clients().secrets.list_secrets().send().await.unwrap();
        listed.secret_list().iter().map(|secret| json!(secret.name())).collect()
    }

    /// The change that is told of in the trail, and how often it may be: the key itself stands in no transaction.
    async fn must_be_noted(&self, asked: Asked, what: &str) {
        let store = &self.world.stack.context().store;
        let found =
            store.trail_get(&self.world.workspace(), None, 100, self.world.stack.clock().now_ms()).await.unwrap();
        let (operation, most) = match asked {
            Asked::Connect => ("connect", 1),
            Asked::Renew => ("rotate", 2),
            Asked::DisconnectAndKeep => ("disconnect", 1),
            Asked::ConnectAgain => ("reconnect", 1),
            Asked::Purge => return assert_eq!(found.lines.len(), 0, "{what}: the trail is gone"),
        };
        let lines = found.lines.iter().filter(|line| line.operation == operation).count();
        assert!((1..=most).contains(&lines), "{what}: {lines} lines of {operation}");
    }

    /// What should stand when all is done.
    async fn must_be_whole(&self, asked: Asked, what: &str) {
        let store = &self.world.stack.context().store;
        let connection = store.connection_get(&self.world.workspace()).await.unwrap().map(|stands| stands.value);
        let named: Vec<Value> = match asked {
            Asked::DisconnectAndKeep | Asked::Purge => Vec::new(),
            _ => connection.iter().map(|connection| json!(connection.secret)).collect(),
        };
        let is_there = connection.is_some();
        assert_eq!(is_there, !matches!(asked, Asked::Purge), "{what}: the connection");
        assert_eq!(self.secrets().await, named, "{what}: the secrets, and the one that is named");
        if is_there && !named.is_empty() {
            let end = shared::sync::run(self.world.stack.context(), &self.world.workspace(), None).await;
            assert!(end.is_ok(), "{what}: {end:?}");
        }
    }
}

#[tokio::test]
async fn a_write_of_key_or_connection_that_fails_or_loses_its_answer_is_healed_by_asking_again() {
    let mut n = 0;
    for asked in Asked::ALL {
        let place = Place::new().await;
        place.until(asked).await;
        assert!(place.ask(asked).await < 300, "{asked:?}");
        let sites = place.sites();
        place.world.idle().await;
        place.must_be_whole(asked, &format!("{asked:?}")).await;
        // The small setting takes those that write, and lets them fail.
        let writes = |site: &String| !site.contains("Get");
        for site in sites.into_iter().filter(|site| pick(writes(site), true)) {
            let plans = [Plan::Broken { site: site.clone() }, Plan::Lost { site: site.clone() }];
            for plan in plans.into_iter().take(pick(1, 2)) {
                let (place, what) = (Place::new().await, format!("{asked:?}: {plan:?}"));
                place.until(asked).await;
                place.plan(&plan);
                let first = place.ask(asked).await;
                place.plan(&Plan::Calm);
                if first >= 300 {
                    // 409: the resend of a write whose answer was lost is refused, as if somebody else had been faster.
                    assert!(first >= 500 || first == 409, "{what}: {first}");
                    // A key that nothing names is taken back, wherever the table still says whether it is named.
                    let (secrets, asks) = (place.secrets().await.len(), site.starts_with("GetItem"));
                    assert!(secrets <= 1 || asks, "{what}: {secrets} secrets");
                    assert!(place.ask(asked).await < 300, "{what}: asking again");
                }
                place.world.idle().await;
                place.must_be_whole(asked, &what).await;
                place.must_be_noted(asked, &what).await;
                n += 1;
            }
        }
    }
    report("key and connection, each call failing or losing its answer", SEED, n, 0);
}

#[tokio::test]
async fn a_process_that_dies_between_secret_and_connection_leaves_no_secret_behind_once_somebody_asks_again() {
    for asked in [Asked::Connect, Asked::ConnectAgain] {
        let calm = Place::new().await;
        calm.until(asked).await;
        assert!(calm.ask(asked).await < 300);
        let at = calm.table.sites().iter().position(|site| site.starts_with("TransactWriteItems")).unwrap() + 1;
        for (is_done, then) in [(false, asked), (true, asked), (false, Asked::Purge)] {
            let place = Place::new().await;
            place.until(asked).await;
            place.table.plan(Plan::Crash { at, is_done });
            let dies = tokio::select! { _ = place.ask(asked) => false, () = place.table.reached() => true };
            assert!(dies && place.secrets().await.len() == 1, "{asked:?}");
            place.plan(&Plan::Calm);
            // Where nothing is connected there is nothing to purge: the table goes on naming the secret.
            if matches!((asked, then), (Asked::Connect, Asked::Purge)) {
                continue;
            }
            assert!(place.ask(then).await < 300, "{asked:?}, {then:?}");
            place.world.idle().await;
            place.must_be_whole(then, &format!("{asked:?}, {then:?}, connection written: {is_done}")).await;
        }
    }
}
