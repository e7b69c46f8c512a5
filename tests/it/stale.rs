//! `ETag` and `If-Match`: a change that is meant for what was read changes nothing that came later.

use crate::harness::{Reply, World, all_time, both_levels, field, pick, two_accounts};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

fn tag(reply: &Reply) -> String {
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.headers["etag"].to_str().unwrap().to_owned()
}

async fn send(world: &World, method: &Method, path: &str, tag: &str, body: &Value) -> Reply {
    let rows = path.contains("/directory/") && *method == Method::PUT;
    let content_type = if rows { "application/x-ndjson" } else { "application/json" };
    let headers = [("if-match", tag), ("content-type", content_type)];
    let token = world.stack.token(local::AccessLevel::High).unwrap();
    world
        .call_with(
            &token,
            method.clone(),
            path,
            &headers,
            if body.is_null() { String::new() } else { body.to_string() },
        )
        .await
}

#[tokio::test]
async fn a_change_meant_for_something_older_is_refused_and_changes_nothing() {
    let world = two_accounts().await;
    let id = world.field(&field("Events", "account", "event", "count", &all_time())).await["id"].clone();
    let one_field = format!("/v1/fields/{}", id.as_str().unwrap());
    let contact_only =
        json!({"contact": both_levels()["contact"], "account": {"account": "accountId", "object": "name"}});
    // Where the tag is read, what changes it, and the changes that are asked for.
    let cases = [
        ("/v1/matching", Method::PUT, "/v1/matching", contact_only),
        ("/v1/connection", Method::PATCH, "/v1/connection", json!({"time_zone": "Asia/Tokyo"})),
        ("/v1/directory/accounts?limit=1", Method::PUT, "/v1/directory/accounts", json!({"id": "A-1", "name": "Uno"})),
        ("/v1/directory/contacts", Method::DELETE, "/v1/directory/contacts?id=C-1", Value::Null),
        (one_field.as_str(), Method::PUT, one_field.as_str(), field("Uses", "account", "event", "count", &all_time())),
        (
            "/v1/configuration",
            Method::PUT,
            "/v1/configuration",
            json!({"format": 1, "fields": [field("More", "account", "event", "count", &all_time())]}),
        ),
        (one_field.as_str(), Method::DELETE, one_field.as_str(), Value::Null),
        ("/v1/connection", Method::DELETE, "/v1/connection?data=keep", Value::Null),
    ];
    for (read, method, path, body) in cases {
        let stands = tag(&world.get(read).await);
        assert_eq!(tag(&world.get(read).await), stands, "{read} stands still");
        let before = world.items().await;
        for stale in ["\"1-0000000000000000\"", "\"\"", "W/\"1\"", "nonsense", ""] {
            let refused = send(&world, &method, path, stale, &body).await.expect(412);
            assert_eq!(refused["type"], "/problems/changed-since", "{method} {path}");
        }
        world.idle().await;
        assert_eq!(world.items().await, before, "{method} {path}");
        let several = format!("\"1\", {stands}");
        let done = send(&world, &method, path, &several, &body).await;
        assert!(done.status < 300, "{method} {path}: {}", done.text);
        world.idle().await;
        let after = world.get(read).await;
        assert!(after.status == 404 || tag(&after) != stands, "{method} {path} changes the tag");
        if after.status == 200 && done.headers.contains_key("etag") {
            assert_eq!(tag(&done), tag(&after), "{method} {path} answers the new one");
        }
        let again = send(&world, &method, path, &stands, &body).await.status;
        assert_eq!(again, if after.status == 404 { 404 } else { 412 }, "{method} {path} with the tag of before");
    }
}

#[tokio::test]
async fn where_nothing_stands_only_what_asks_for_nothing_is_taken() {
    let world = World::empty().await;
    assert!(!world.get("/v1/connection").await.headers.contains_key("etag"));
    for tag in ["*", "\"1\""] {
        assert_eq!(send(&world, &Method::DELETE, "/v1/connection?data=keep", tag, &Value::Null).await.status, 412);
    }
    world.connect().await;
    world.upload("accounts", "id\nA-1\n").await;
    let rule = json!({"account": both_levels()["account"]});
    let first = tag(&world.get("/v1/matching").await);
    send(&world, &Method::PUT, "/v1/matching", &first, &rule).await.expect(200);
    assert_eq!(send(&world, &Method::PUT, "/v1/matching", &first, &rule).await.status, 412, "somebody else was first");
}

/// Reads a number and writes the next one, as several people at once would; answers whether it was taken.
async fn add_one(world: &World) -> bool {
    let read = world.get("/v1/directory/accounts?id=A-1").await;
    let next = read.json()["items"][0]["nps"].as_u64().unwrap_or_default() + 1;
    let row = json!({"id": "A-1", "nps": next});
    let written = send(world, &Method::PUT, "/v1/directory/accounts", &tag(&read), &row).await;
    assert!(matches!(written.status, 200 | 409 | 412), "{}", written.text);
    written.status == 200
}

#[tokio::test]
async fn no_change_is_lost_between_reading_and_writing() {
    let world = World::empty().await;
    world.upload("accounts", "id,nps\nA-1,0\n").await;
    let mut taken = 0;
    for _ in 0..pick(10, 1_000) {
        let outcomes = join_all((0..4).map(|_| add_one(&world))).await;
        assert!(outcomes.contains(&true), "somebody gets through");
        taken += outcomes.into_iter().filter(|is_taken| *is_taken).count();
        let stands = world.get("/v1/directory/accounts?id=A-1").await.json()["items"][0]["nps"].clone();
        assert_eq!(stands, taken, "each change that was taken, and no other");
    }
}
