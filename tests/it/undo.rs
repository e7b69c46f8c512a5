//! A change of the matching taken back: the past is attributed as before, at once, and what would not be allowed is not put back.

use crate::harness::{World, all_time, both_levels, field, two_accounts, used};
use pendo_simulator::Kind;
use reqwest::Method;
use serde_json::{Value, json};
use shared::matching::Matching;

const UNDO: &str = "/v1/matching/undo";

/// Usage of a visitor whose id differs from the contact's by its case, and rules that mind it.
async fn world() -> World {
    let world = two_accounts().await;
    for (visitor, events) in [("Ann@x.test", 1), ("bob@x.test", 2)] {
        world.pendo().inject(used(Kind::Event, visitor, Some("A-1"), "2026-06-29T08:00:00Z", events));
    }
    world.field(&field("Events", "contact", "event", "count", &all_time())).await;
    world
}

fn exact() -> Value {
    json!({"contact": {"visitor": "visitorId", "object": "email"}, "account": {"account": "accountId", "object": "id"}})
}

/// Rules as they are answered, with all that they leave out.
fn shown(rules: &Value) -> Value {
    serde_json::to_value(Matching::parse(rules).unwrap()).unwrap()
}

async fn values(world: &World) -> [Value; 2] {
    [world.value("contact", "C-1", "Events").await, world.value("contact", "C-2", "Events").await]
}

#[tokio::test]
async fn what_the_last_change_replaced_stands_again_and_again() {
    let world = world().await;
    let by_case = [json!("unmatched"), json!(2)];
    assert_eq!(values(&world).await, [1, 2]);
    let none = world.post(UNDO, &Value::Null).await.expect(409);
    assert_eq!(none["type"].as_str().unwrap().rsplit('/').next(), Some("nothing-to-undo"), "{none}");

    world.matching(&exact()).await;
    assert_eq!(values(&world).await, by_case);
    // What stands already replaces nothing, so there is still the same to take back.
    world.matching(&exact()).await;
    let before = world.items().await;
    let tried = world.post(&format!("{UNDO}?dry_run=true"), &Value::Null).await.expect(200);
    assert_eq!((&tried["status"], &tried["matching"]), (&json!("dry_run"), &shown(&both_levels())));
    assert_eq!(tried["report"]["contact"]["objects"]["matched"], 2);
    assert_eq!(world.items().await, before);

    for (stands, said) in [(shown(&both_levels()), [json!(1), json!(2)]), (shown(&exact()), by_case)] {
        world.pendo().clear_requests();
        world.stack.clock().advance_ms(1_000);
        let undone = world.post(UNDO, &Value::Null).await.expect(200);
        assert_eq!((&undone["status"], &undone["matching"]), (&json!("saved"), &stands));
        world.idle().await;
        assert_eq!(values(&world).await, said);
        assert!(world.pendo().requests().iter().all(|asked| !asked.body.contains("Events")), "no usage is read again");
        assert_eq!(world.get("/v1/matching").await.expect(200), stands);
    }
    let trail = world.get("/v1/audit?limit=2").await.expect(200);
    let done = trail["items"].as_array().unwrap().iter().map(|line| (&line["operation"], &line["after"]));
    assert!(done.eq([(&json!("undo"), &shown(&exact())), (&json!("undo"), &shown(&both_levels()))]), "{trail}");
}

#[tokio::test]
async fn a_request_that_comes_twice_or_too_late_takes_nothing_back_a_second_time() {
    let world = world().await;
    world.matching(&exact()).await;
    let read = world.get("/v1/matching").await;
    let tag = read.headers["etag"].to_str().unwrap().to_owned();
    let sent = [("idempotency-key", "once"), ("if-match", &tag)];
    let first = world.call(Method::POST, UNDO, &sent, &Value::Null).await;
    let again = world.call(Method::POST, UNDO, &sent, &Value::Null).await;
    assert_eq!((first.expect(200), &first.headers["etag"]), (again.expect(200), &again.headers["etag"]));
    assert_eq!(world.get("/v1/matching").await.expect(200), shown(&both_levels()));
    world.call(Method::POST, UNDO, &[("if-match", &tag)], &Value::Null).await.expect(412);
    world.idle().await;
    assert_eq!(values(&world).await, [1, 2]);
}

#[tokio::test]
async fn what_could_not_be_saved_is_not_put_back_and_a_file_is_taken_back_too() {
    let world = two_accounts().await;
    world.matching(&json!({"account": both_levels()["account"]})).await;
    world.matching(&both_levels()).await;
    world.field(&field("Events", "contact", "event", "count", &all_time())).await;
    let before = world.items().await;
    let refused = world.post(UNDO, &Value::Null).await.expect(409);
    assert_eq!((&refused["pointer"], &refused["fields"]), (&json!("/contact"), &json!(["Events"])));
    assert_eq!(world.items().await, before);

    let file = json!({"format": 1, "matching": exact()});
    world.put("/v1/configuration", &file).await.expect(200);
    world.idle().await;
    let undone = world.post(UNDO, &Value::Null).await.expect(200);
    assert_eq!(undone["matching"], shown(&both_levels()));
    world.idle().await;
}
