//! The trail: each change of the configuration leaves one line with who, when and what; what changed nothing leaves none.

use crate::harness::{World, all_time, both_levels, field};
use pendo_simulator::Options;
use reqwest::Method;
use serde_json::{Value, json};
use shared::trail::RETENTION_DAYS;

const SECOND_KEY: &str = "second-key.us";

/// Each change once, a second apart, in this order.
async fn changed() -> World {
    let world = World::start(Options { second_key: Some(SECOND_KEY.to_owned()), ..Options::empty() }).await;
    let key = world.pendo().key().to_owned();
    let connect = |key: &str| json!({"region": "us", "integration_key": key});
    let later = || world.stack.clock().advance_ms(1_000);
    world.post("/v1/connection", &connect(&key)).await.expect(201);
    later();
    world.upload("accounts", "id,name\nA-1,One\nA-2,Two\n").await;
    later();
    world.upload("contacts", "id,account_id,email\nC-1,A-1,ann@x.test\n").await;
    later();
    world.matching(&both_levels()).await;
    later();
    let id = world.field(&field("Events", "account", "event", "count", &all_time())).await["id"].clone();
    later();
    let week = field("Events", "account", "event", "count", &json!({"rolling_days": 7}));
    world.put(&format!("/v1/fields/{}", id.as_str().unwrap()), &week).await.expect(200);
    later();
    let file = json!({"format": 1, "fields": [field("Events", "account", "event", "count", &all_time())]});
    world.put("/v1/configuration", &file).await.expect(200);
    later();
    world.call(Method::PATCH, "/v1/connection", &[], &json!({"time_zone": "Europe/Berlin"})).await.expect(200);
    later();
    world.post("/v1/sync", &json!({})).await.expect(202);
    later();
    world.post("/v1/connection", &connect(SECOND_KEY)).await.expect(200);
    later();
    world.delete(&format!("/v1/fields/{}", id.as_str().unwrap())).await.expect(204);
    later();
    world.delete("/v1/directory/contacts?id=C-1").await.expect(200);
    later();
    world.delete("/v1/connection?data=keep").await.expect(200);
    later();
    world.post("/v1/connection", &connect(SECOND_KEY)).await.expect(201);
    world.idle().await;
    world
}

async fn lines(world: &World, query: &str) -> Vec<Value> {
    world.get(&format!("/v1/audit{query}")).await.expect(200)["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn every_change_leaves_one_line_with_who_when_and_what() {
    let world = changed().await;
    let mut lines = lines(&world, "").await;
    lines.reverse();
    let done: Vec<String> = lines
        .iter()
        .map(|line| format!("{} {}", line["operation"].as_str().unwrap(), line["resource"].as_str().unwrap()))
        .collect();
    let field = done[4].trim_start_matches("create ").to_owned();
    let (edit, delete) = (format!("edit {field}"), format!("delete {field}"));
    let expected = [
        "connect connection",
        "upload directory/accounts",
        "upload directory/contacts",
        "save matching",
        done[4].as_str(),
        edit.as_str(),
        "import configuration",
        "change connection",
        "ask sync",
        "rotate connection",
        delete.as_str(),
        "delete directory/contacts",
        "disconnect connection",
        "reconnect connection",
    ];
    assert_eq!(done, expected);
    assert!(field.starts_with("fields/"), "{field}");
    for (second, line) in lines.iter().enumerate() {
        assert_eq!(line["by"], "high@local", "{line}");
        assert_eq!(line["at"], format!("2026-06-30T12:30:{second:02}.000Z"), "{line}");
        assert_eq!(line["request_id"].as_str().unwrap().len(), 16, "{line}");
    }
    let changed = |at: usize| (&lines[at]["before"], &lines[at]["after"]);
    assert_eq!(
        changed(0),
        (&Value::Null, &json!({"status": "active", "region": "us", "time_zone": "UTC", "history_from": null}))
    );
    assert_eq!(changed(1), (&Value::Null, &json!({"created": 2, "updated": 0})), "counts, no rows");
    assert_eq!(changed(3).0, &Value::Null);
    assert_eq!(changed(3).1["contact"]["object"], "email");
    assert_eq!((&changed(4).1["name"], changed(10).1), (&json!("Events"), &Value::Null));
    assert_eq!(changed(4).1, changed(10).0);
    assert_eq!((changed(5).0, &changed(5).1["window"]["rolling_days"]), (changed(4).1, &json!(7)));
    assert_eq!(changed(6), (&json!({"fields": [changed(5).1]}), &json!({"fields": [changed(4).1]})));
    assert_eq!((&changed(7).0["time_zone"], &changed(7).1["time_zone"]), (&json!("UTC"), &json!("Europe/Berlin")));
    assert_eq!(changed(11), (&Value::Null, &json!({"deleted": 1})));
    assert_eq!((&changed(12).0["status"], &changed(12).1["status"]), (&json!("active"), &json!("disconnected")));
    let text = json!(lines).to_string();
    assert!(!text.contains(SECOND_KEY) && !text.contains(world.pendo().key()) && !text.contains("ann@x.test"));
}

#[tokio::test]
async fn a_line_names_the_request_that_the_answer_named() {
    let world = changed().await;
    world.stack.clock().advance_ms(1_000);
    let answer = world.call(Method::POST, "/v1/sync", &[], &json!({})).await;
    assert_eq!(lines(&world, "").await[0]["request_id"], answer.headers["x-request-id"].to_str().unwrap());
}

#[tokio::test]
async fn what_changes_nothing_leaves_no_line() {
    let world = changed().await;
    let before = lines(&world, "").await;
    let refused = field("Events", "user", "event", "count", &all_time());
    world.post("/v1/fields", &refused).await.expect(422);
    world.post("/v1/connection", &json!({"region": "us", "integration_key": "wrong"})).await.expect(422);
    world.put("/v1/matching?dry_run=true", &json!({"account": both_levels()["account"]})).await.expect(200);
    world.put("/v1/matching", &both_levels()).await.expect(200);
    world.upload("accounts", "id,name\nA-1,One\n").await;
    world.delete("/v1/fields/nothing").await.expect(404);
    world.patch("/v1/connection", &json!({"time_zone": "Europe/Berlin"})).await.expect(200);
    world.post("/v1/connection", &json!({"region": "us", "integration_key": SECOND_KEY})).await.expect(200);
    assert_eq!(lines(&world, "").await, before);
}

#[tokio::test]
async fn pages_cover_the_trail_once_and_another_workspace_sees_none_of_it() {
    let world = changed().await;
    let all = lines(&world, "").await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = world.get(&format!("/v1/audit?limit=5{cursor}")).await.expect(200);
        seen.extend(page["items"].as_array().unwrap().clone());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, all);
    let other = world.stack.tokens().sign(&local::tokens::Tokens::claims("other", "high")).unwrap();
    let path = format!("/v1/audit?limit=5{cursor}");
    let foreign = world.call_as(&other, Method::GET, &path, None, "").await.expect(200);
    assert_eq!(foreign, json!({"items": [], "next": null}));
    for odd in ["fn5-", "IQ", "bGluZSN-", "MDAwMDAwMDAwMDAwMA"] {
        let page = world.get(&format!("/v1/audit?cursor={odd}")).await.expect(200);
        assert!(page["items"].as_array().unwrap().len() <= all.len(), "{odd}: {page}");
    }
}

#[tokio::test]
async fn a_line_is_shown_for_its_time() {
    let world = changed().await;
    assert_eq!(lines(&world, "").await.len(), 14);
    world.advance(RETENTION_DAYS * 24);
    let left = lines(&world, "").await;
    assert_eq!((left.len(), &left[0]["operation"]), (1, &json!("reconnect")), "as old as it may be");
    let stands = world.items().await.into_keys().filter(|(_, sort)| sort.starts_with("line#")).count();
    assert_eq!(stands, 14, "the table removes them when it finds the time");
}

#[tokio::test]
async fn the_trail_goes_with_a_purge() {
    let world = changed().await;
    world.stack.hold_jobs();
    world.stack.clock().advance_ms(1_000);
    world.delete("/v1/connection?data=purge").await.expect(202);
    assert_eq!(lines(&world, "").await[0]["operation"], "purge");
    world.stack.clock().advance_ms(1_000);
    let key = json!({"region": "us", "integration_key": SECOND_KEY});
    world.post("/v1/connection", &key).await.expect(201);
    world.stack.release_jobs();
    world.idle().await;
    let left: Vec<Value> = lines(&world, "").await.iter().map(|line| line["operation"].clone()).collect();
    assert_eq!(left, ["connect"], "only of the connection that came after");
}
