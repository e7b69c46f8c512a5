//! A request with an `Idempotency-Key` whose function dies at any of its calls to the table: asked again it has one effect, and
//! from then on one answer.

use crate::harness::{World, all_time, field, two_accounts};
use crate::proxy::{Plan, Proxy};
use crate::scene::worker_of;
use crate::size::{pick, report};
use local::functions::{Binaries, Functions};
use serde_json::{Value, json};
use shared::store::once::WORK_MS_MAX;
use std::collections::BTreeMap;

const SEED: u64 = 35;

/// Asks for a field as API Gateway would; answers status and body.
async fn ask(functions: &Functions) -> (u64, Value) {
    let body = field("Events", "account", "event", "count", &all_time()).to_string();
    let event = json!({
        "version": "2.0", "routeKey": "$default", "rawPath": "/v1/fields", "rawQueryString": "", "body": body,
        "headers": {"content-type": "application/json", "idempotency-key": "k"}, "isBase64Encoded": false,
        "requestContext": {
            "accountId": "0", "apiId": "local", "stage": "$default", "requestId": "r", "routeKey": "$default",
            "authorizer": {"jwt": {"claims": {"workspace": local::tokens::WORKSPACE, "access_level": "high"}, "scopes": null}},
            "time": "", "timeEpoch": 0,
            "http": {"method": "POST", "path": "/v1/fields", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"},
        },
    });
    let answer = functions.mapping_config(serde_json::from_value(event).unwrap()).await;
    let answer = serde_json::to_value(answer).unwrap();
    let body = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    (answer["statusCode"].as_u64().unwrap(), body)
}

async fn creations(world: &World) -> (usize, usize) {
    let lines = world.get("/v1/audit").await.expect(200)["items"].clone();
    let created = lines.as_array().unwrap().iter().filter(|line| line["operation"] == "create").count();
    (created, world.get("/v1/fields").await.expect(200)["items"].as_array().unwrap().len())
}

#[tokio::test]
async fn a_function_that_dies_at_any_call_is_healed_by_asking_again() {
    let place = async || {
        let world = two_accounts().await;
        let proxy = Proxy::start(world.stack.database_url(), SEED).await;
        let functions =
            Functions::new(worker_of(&proxy, &world), &Binaries::default(), &BTreeMap::new()).await.unwrap();
        (world, proxy, functions)
    };
    let (calm, proxy, functions) = place().await;
    proxy.plan(Plan::Calm);
    assert_eq!(ask(&functions).await.0, 201);
    let sites = proxy.sites();
    calm.idle().await;
    let calls = sites.len();
    let mut n = 0;
    for (at, is_done) in (1..=calls).flat_map(|at| [(at, false), (at, true)]) {
        // The small setting takes the writes: the mark, the field with its line, the answer.
        if !sites[at - 1].contains("Get") || pick(0, 1) == 1 {
            let (world, proxy, functions) = place().await;
            let what = format!("dies at {at} of {calls}, done: {is_done}");
            proxy.plan(Plan::Crash { at, is_done });
            tokio::select! {
                answer = ask(&functions) => panic!("{what}, and answers {answer:?}"),
                () = proxy.reached() => {}
            }
            proxy.plan(Plan::Calm);
            // The mark stands and nothing else: nobody can know yet whether its worker is dead.
            if n == 1 {
                let (status, body) = ask(&functions).await;
                assert_eq!((status, &body["type"]), (409, &json!("/problems/still-running")), "{what}");
            }
            world.stack.clock().advance_ms(WORK_MS_MAX);
            let healed = ask(&functions).await;
            assert!(healed.0 < 300, "{what}: {healed:?}");
            assert_eq!(ask(&functions).await, healed, "{what}");
            world.idle().await;
            assert_eq!(creations(&world).await, (1, 1), "{what}");
            n += 1;
        }
    }
    report("a request with a key, dying at any call", SEED, n, 0);
}
