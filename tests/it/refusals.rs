//! Bad input, named: one clear sentence, the right status, the place, and nothing changed.

use crate::harness::{Reply, World, all_time, both_levels, field, two_accounts, used};
use pendo_simulator::{Kind, Options, Region};
use reqwest::Method;
use serde_json::{Value, json};

/// A problem says what and where, in the form of RFC 9457, and the table is as before.
async fn refused(world: &World, reply: Reply, status: u16, pointer: Option<&str>, words: &[&str]) {
    let problem = reply.expect(status);
    for member in ["type", "title", "detail"] {
        assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {problem}");
    }
    assert_eq!(problem["status"], status, "{problem}");
    assert!(problem.as_object().unwrap().keys().any(|name| name.contains("request")), "a request id: {problem}");
    assert_eq!(problem["pointer"].as_str(), pointer, "{problem}");
    let detail = problem["detail"].as_str().unwrap();
    for word in words {
        assert!(detail.contains(word), "{word}: {detail}");
    }
    world.idle().await;
}

fn at(member: &str, value: Value) -> Value {
    let mut definition = field("New", "account", "feature", "count", &all_time());
    definition[member] = value;
    definition
}

#[tokio::test]
async fn a_bad_connection_is_refused_before_any_request_leaves() {
    let world =
        World::start(Options { other_region_key: Some(("key.eu".to_owned(), Region::Eu)), ..Options::empty() }).await;
    let key = world.pendo().key().to_owned();
    let long = "k".repeat(257);
    for (body, pointer) in [
        (json!({"region": "mars", "integration_key": key}), "/region"),
        (json!({"region": "US", "integration_key": key}), "/region"),
        (json!({"region": 1, "integration_key": key}), "/region"),
        (json!({"integration_key": key}), "/region"),
        (json!({"region": "us"}), "/integration_key"),
        (json!({"region": "us", "integration_key": ""}), "/integration_key"),
        (json!({"region": "us", "integration_key": "two words"}), "/integration_key"),
        (json!({"region": "us", "integration_key": "new\nline"}), "/integration_key"),
        (json!({"region": "us", "integration_key": "schl\u{fc}ssel"}), "/integration_key"),
        (json!({"region": "us", "integration_key": long}), "/integration_key"),
        (json!({"region": "us", "integration_key": 5}), "/integration_key"),
        (json!({"region": "us", "integration_key": key, "zone": "UTC"}), "/zone"),
        (json!({"region": "us", "integration_key": key, "history_from": "2027-01-01"}), "/history_from"),
        (json!({"region": "us", "integration_key": key, "history_from": "yesterday"}), "/history_from"),
    ] {
        let reply = world.post("/v1/connection", &body).await;
        refused(&world, reply, 422, Some(pointer), &[]).await;
    }
    assert_eq!((world.pendo().requests().len(), world.items().await.len()), (0, 0));
    let reply = world.post("/v1/connection", &json!({"region": "us", "integration_key": "key.eu"})).await;
    refused(&world, reply, 422, Some("/integration_key"), &["another region"]).await;
    assert_eq!(world.items().await.len(), 0);
    let trimmed = json!({"region": "us", "integration_key": format!("  {key}\n")});
    world.post("/v1/connection", &trimmed).await.expect(201);
}

#[tokio::test]
async fn a_body_that_is_too_large_not_json_or_of_another_type_has_its_own_status() {
    let world = two_accounts().await;
    let before = world.items().await;
    let token = world.stack.token(local::AccessLevel::High).unwrap();
    let large = format!("{{\"region\":\"{}\"}}", "x".repeat(64 * 1024));
    for (method, path) in
        [(Method::POST, "/v1/connection"), (Method::PUT, "/v1/matching"), (Method::POST, "/v1/fields")]
    {
        for (body, content_type, status) in [
            (large.as_str(), "application/json", 413),
            ("{\"region\":", "application/json", 400),
            ("region=us", "application/json", 400),
            ("{}", "application/x-www-form-urlencoded", 415),
            ("[]", "application/json", 422),
        ] {
            let reply = world.call_as(&token, method.clone(), path, Some(content_type), body.to_owned()).await;
            assert_eq!(reply.status, status, "{path} {content_type}: {}", reply.text);
        }
    }
    let huge = format!("id\n{}", "A-7\n".repeat(1_100_000));
    assert_eq!(world.upload_as("accounts", "text/csv", &huge).await.status, 413);
    assert_eq!(world.upload_as("accounts", "application/json", "{}").await.status, 415);
    let many: String = (0..5_001).map(|n| format!("A-{n}\n")).collect();
    assert!(matches!(world.upload_as("accounts", "text/csv", &format!("id\n{many}")).await.status, 413 | 422));
    assert_eq!(world.items().await, before);
}

#[tokio::test]
async fn a_bad_directory_row_is_named_and_every_good_row_is_kept() {
    let world = World::empty().await;
    let csv = "id,name\nA-1,One\n,Nobody\nA-2,Two\nA-3,first\nA-3,second\n";
    let answer = world.upload_as("accounts", "text/csv", csv).await.expect(200);
    let lines: Vec<&Value> = answer["errors"].as_array().unwrap().iter().map(|error| &error["line"]).collect();
    assert_eq!((json!(lines), &answer["created"]), (json!([3, 5, 6]), &json!(2)), "{answer}");
    let rows = "{\"id\":\"C-1\",\"account_id\":\"A-1\"}\n{\"id\":\"C-2\",\"account_id\":\"A-9\"}\nno json\n{\"id\":\"C-3\",\"account_id\":\"A-2\"}\n{\"account_id\":\"A-1\"}\n";
    let answer = world.upload_as("contacts", "application/x-ndjson", rows).await.expect(200);
    let lines: Vec<&Value> = answer["errors"].as_array().unwrap().iter().map(|error| &error["line"]).collect();
    assert_eq!((json!(lines), &answer["created"]), (json!([2, 3, 5]), &json!(2)), "{answer}");
    assert!(answer["errors"][0]["reason"].as_str().unwrap().contains("A-9"), "{answer}");
    let listed = world.get("/v1/directory/contacts").await.expect(200);
    let ids: Vec<&Value> = listed["items"].as_array().unwrap().iter().map(|item| &item["id"]).collect();
    assert_eq!(json!(ids), json!(["C-1", "C-3"]));
}

#[tokio::test]
async fn uploads_merge_and_empty_cells_clear() {
    let world = World::empty().await;
    world.upload("accounts", "id,name,nps\nA-1,One,7\nA-2,Two,8\n").await;
    world.upload("accounts", "id,nps\nA-1,\n").await;
    world.upload("accounts", "id,plan\nA-2,pro\n").await;
    let items = world.get("/v1/directory/accounts").await.expect(200)["items"].clone();
    assert_eq!(items, json!([{"id": "A-1", "name": "One"}, {"id": "A-2", "name": "Two", "nps": 8, "plan": "pro"}]));
}

#[tokio::test]
async fn a_bad_field_is_refused_with_its_place() {
    let world = two_accounts().await;
    world.pendo().add_feature("known", "Known");
    world.field(&field("Taken", "account", "feature", "count", &all_time())).await;
    let before = world.items().await;
    let usage = |usage: Value| at("usage", usage);
    let window = |window: Value| at("window", window);
    let nps = &["nps", "directory"][..];
    for (body, pointer, words) in [
        (usage(json!({"kind": "feature", "ids": ["known", "unknown"]})), "/usage/ids/1", &["catalog"][..]),
        (usage(json!({"kind": "feature", "ids": []})), "/usage/ids", &[]),
        (usage(json!({"kind": "event", "ids": ["x"]})), "/usage/ids", &["event"]),
        (usage(json!({"kind": "nps"})), "/usage/kind", nps),
        (usage(json!({"kind": "poll"})), "/usage/kind", nps),
        (usage(json!({"kind": "pollEvents"})), "/usage/kind", nps),
        (usage(json!({"kind": "click"})), "/usage/kind", &["feature"]),
        (usage(json!({"kind": "page", "types": ["guideSeen"]})), "/usage/types", &["guide"]),
        (usage(json!({})), "/usage/kind", &["kind"]),
        (window(json!({"rolling_days": 0})), "/window/rolling_days", &["1"]),
        (window(json!({"rolling_days": 3000})), "/window/rolling_days", &["2555"]),
        (window(json!({"rolling_days": 1.5})), "/window/rolling_days", &["whole"]),
        (window(json!({"rolling_days": "7"})), "/window/rolling_days", &["text"]),
        (window(json!({"rolling_days": 7, "all_time": true})), "/window", &["one of them"]),
        (window(json!({"days": 7})), "/window/days", &["rolling_days"]),
        (window(json!({"all_time": true, "complete_days": true})), "/window/complete_days", &[]),
        (at("function", json!("total")), "/function", &["count"]),
        (at("object", json!("user")), "/object", &["contact"]),
        (at("name", json!(" ")), "/name", &["characters"]),
        (at("filter", json!({})), "/filter", &["not known"]),
    ] {
        let reply = world.post("/v1/fields", &body).await;
        refused(&world, reply, 422, Some(pointer), words).await;
    }
    let minutes = json!({"name": "M", "object": "account", "usage": {"kind": "guide"}, "function": "minutes", "window": {"all_time": true}});
    refused(&world, world.post("/v1/fields", &minutes).await, 422, Some("/function"), &["guides"]).await;
    let twice = field("tAKEN", "account", "feature", "minutes", &all_time());
    refused(&world, world.post("/v1/fields", &twice).await, 409, Some("/name"), &["another name"]).await;
    assert_eq!(world.items().await, before);
    let elsewhere = field("Taken", "contact", "feature", "count", &all_time());
    world.post("/v1/fields", &elsewhere).await.expect(201);
}

#[tokio::test]
async fn a_field_on_a_level_that_is_not_matched_is_refused_with_the_call_that_sets_it() {
    for (matched, other) in [("contact", "account"), ("account", "contact")] {
        let world = World::empty().await;
        world.connect().await;
        world.upload("accounts", "id\nA-1\n").await;
        world.upload("contacts", "id,account_id,email\nC-1,A-1,ann@x\n").await;
        world.pendo().inject(used(Kind::Event, "ann@x", Some("A-1"), "2026-06-30T08:00:00Z", 3));
        world.matching(&json!({matched: both_levels()[matched]})).await;
        let before = world.items().await;
        let reply = world.post("/v1/fields", &field("F", other, "event", "count", &all_time())).await;
        refused(&world, reply, 409, Some("/object"), &["PUT /v1/matching"]).await;
        assert_eq!(world.items().await, before);
        world.field(&field("F", matched, "event", "count", &all_time())).await;
        let id = if matched == "account" { "A-1" } else { "C-1" };
        assert_eq!(world.value(matched, id, "F").await, 3, "one level only works");
    }
}

#[tokio::test]
async fn a_bad_matching_is_refused_and_a_dry_run_saves_nothing() {
    let world = World::empty().await;
    refused(&world, world.put("/v1/matching", &both_levels()).await, 409, None, &["POST /v1/connection"]).await;
    world.connect().await;
    world.upload("accounts", "id\nA-1\n").await;
    world.upload("contacts", "id,account_id,email\nC-1,A-1,ann@x\n").await;
    world.pendo().add_visitor("u-1", &json!({"agent": {"email": "ann@x"}}));
    let before = world.items().await;
    let contact = |rule: Value| json!({"contact": rule, "account": both_levels()["account"]});
    for (body, pointer) in [
        (contact(json!({"visitor": "metadata.agent.emial", "object": "email"})), "/contact/visitor"),
        (contact(json!({"visitor": "accountId", "object": "email"})), "/contact/visitor"),
        (contact(json!({"visitor": "visitorId", "object": "mail"})), "/contact/object"),
        (contact(json!({"visitor": "visitorId"})), "/contact/object"),
        (contact(json!({"visitor": "visitorId", "object": "email", "ignore_case": "yes"})), "/contact/ignore_case"),
    ] {
        refused(&world, world.put("/v1/matching", &body).await, 422, Some(pointer), &[]).await;
    }
    let good = contact(json!({"visitor": "metadata.agent.email", "object": "email"}));
    let tried = world.put("/v1/matching?dry_run=true", &good).await.expect(200);
    assert_eq!(world.items().await, before, "neither level, nothing at all");
    let saved = world.put("/v1/matching", &good).await.expect(200);
    assert_eq!(tried["report"], saved["report"]);
}

#[tokio::test]
async fn what_is_not_there_is_404_and_what_is_not_taken_is_named() {
    let world = two_accounts().await;
    world.field(&field("Events", "account", "event", "count", &all_time())).await;
    for (path, status) in [
        ("/v1/values?id=nobody", 404),
        ("/v1/values?field=nothing", 404),
        ("/v1/values?object=user", 422),
        ("/v1/values?format=xml", 422),
        ("/v1/values?limit=0", 422),
        ("/v1/values?cursor=%21", 422),
        ("/v1/values?colour=red", 422),
        ("/v1/values?id=A-1&id=A-2", 422),
        ("/v1/fields/nothing", 404),
        ("/v1/directory/leads", 404),
        ("/v1/pendo/catalog?kind=nps", 422),
        ("/v1/pendo/nothing", 404),
    ] {
        assert_eq!(world.get(path).await.status, status, "{path}");
    }
    assert_eq!(World::empty().await.get("/v1/values").await.status, 409);
}
