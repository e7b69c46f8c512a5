//! `Idempotency-Key`: one effect and one answer, however often a request is sent.

use crate::harness::{Reply, World, all_time, field, two_accounts};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

/// Sends a request under a key; while another one is at it, again.
async fn send(world: &World, path: &str, key: &str, body: &Value) -> Reply {
    loop {
        let reply = world.call(Method::POST, path, &[("idempotency-key", key)], body).await;
        if !reply.text.contains("/problems/still-running") {
            return reply;
        }
    }
}

/// How many lines of the trail tell of an operation.
async fn done(world: &World, operation: &str) -> usize {
    let lines = world.get("/v1/audit?limit=1000").await.expect(200)["items"].clone();
    lines.as_array().unwrap().iter().filter(|line| line["operation"] == operation).count()
}

async fn a_hundred(world: &World, path: &str, body: &Value, status: u16) {
    let replies = join_all((0..100).map(|_| send(world, path, "the same", body))).await;
    for reply in &replies {
        assert_eq!((reply.status, &reply.text), (status, &replies[0].text));
    }
    world.idle().await;
}

#[tokio::test]
async fn a_hundred_equal_requests_at_once_have_one_effect_and_one_answer() {
    let world = World::empty().await;
    let key = json!({"region": "us", "integration_key": world.pendo().key()});
    a_hundred(&world, "/v1/connection", &key, 201).await;
    let secrets = world.stack.clients().secrets.list_secrets().send().await.unwrap();
    assert_eq!((done(&world, "connect").await, secrets.secret_list().len()), (1, 1));
    assert_eq!(done(&world, "rotate").await + done(&world, "update").await, 0);

    let world = two_accounts().await;
    let events = field("Events", "account", "event", "count", &all_time());
    a_hundred(&world, "/v1/fields", &events, 201).await;
    let fields = world.get("/v1/fields").await.expect(200)["items"].as_array().unwrap().len();
    assert_eq!((done(&world, "create").await, fields), (1, 1));

    let world = two_accounts().await;
    a_hundred(&world, "/v1/sync", &json!({}), 202).await;
    assert_eq!(done(&world, "ask").await, 1);
}

#[tokio::test]
async fn a_key_that_belongs_to_another_request_is_refused_and_changes_nothing() {
    let world = two_accounts().await;
    let events = field("Events", "account", "event", "count", &all_time());
    let first = send(&world, "/v1/fields", "k", &events).await;
    world.idle().await;
    let before = world.items().await;
    let minutes = field("Minutes", "account", "event", "minutes", &all_time());
    for (path, body) in [("/v1/fields", &minutes), ("/v1/sync", &json!({})), ("/v1/sync", &events)] {
        let refused = send(&world, path, "k", body).await.expect(409);
        assert_eq!(refused["type"], "/problems/idempotency-key-reused", "{refused}");
    }
    assert_eq!(world.items().await, before);
    let again = send(&world, "/v1/fields", "k", &events).await;
    assert_eq!((again.status, again.text), (201, first.text));
    assert_eq!(send(&world, "/v1/fields", "of its own", &minutes).await.status, 201);
}

#[tokio::test]
async fn a_refusal_frees_the_key_and_a_key_that_is_none_is_refused() {
    let world = two_accounts().await;
    let wrong = field("Events", "user", "event", "count", &all_time());
    assert_eq!(send(&world, "/v1/fields", "k", &wrong).await.status, 422);
    let right = field("Events", "account", "event", "count", &all_time());
    assert_eq!(send(&world, "/v1/fields", "k", &right).await.status, 201);
    world.idle().await;
    let before = world.items().await;
    for key in ["", &"k".repeat(256), "schl\u{fc}ssel", "two\twords"] {
        let minutes = field("Minutes", "account", "event", "minutes", &all_time());
        let refused = send(&world, "/v1/fields", key, &minutes).await.expect(400);
        assert_eq!(refused["type"], "/problems/idempotency-key", "{key}");
    }
    assert_eq!(world.items().await, before);
    assert_eq!(send(&world, "/v1/sync", &"k".repeat(255), &json!({})).await.status, 202);
}

#[tokio::test]
async fn an_answer_is_kept_for_a_day_and_holds_no_key() {
    let world = two_accounts().await;
    send(&world, "/v1/sync", "k", &json!({})).await.expect(202);
    world.idle().await;
    world.advance(24);
    send(&world, "/v1/sync", "k", &json!({})).await.expect(202);
    assert_eq!(done(&world, "ask").await, 1);
    world.advance(2);
    send(&world, "/v1/sync", "k", &json!({})).await.expect(202);
    assert_eq!(done(&world, "ask").await, 2, "from then on it is a new request");
    let secret = world.pendo().key().to_owned();
    send(&world, "/v1/connection", "k2", &json!({"region": "us", "integration_key": secret})).await.expect(200);
    world.idle().await;
    let holds = |bytes: &Vec<u8>, text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
    let bytes = world.bytes().await;
    assert!(!bytes.iter().any(|bytes| holds(bytes, &secret)), "the key stands in the table");
    assert!(
        bytes.iter().any(|bytes| holds(bytes, "fingerprint") || holds(bytes, "unchanged")),
        "what it was answered does"
    );
}
