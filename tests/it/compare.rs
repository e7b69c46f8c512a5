//! Two versions of a field side by side: what each says is what a field of that definition has, for every object.

use crate::explain::list;
use crate::harness::{World, all_time, field, used};
use pendo_simulator::Kind;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Five accounts: one used daily, one long ago, one lately, one never, one that Pendo does not know; and a field in four versions.
async fn world() -> (World, String) {
    let world = World::empty().await;
    for (account, at, events) in [
        ("A-1", "2026-06-29T08:00:00Z", 5),
        ("A-1", "2026-06-10T08:00:00Z", 3),
        ("A-2", "2026-03-01T08:00:00Z", 7),
        ("A-3", "2026-06-28T08:00:00Z", 1),
    ] {
        world.pendo().inject(used(Kind::Event, &format!("{account}@x.test"), Some(account), at, events));
    }
    world.pendo().add_account("A-4", &json!({}));
    world.connect().await;
    world.upload("accounts", "id,name\nA-1,One\nA-2,Two\nA-3,Three\nA-4,Four\nA-5,Five\n").await;
    world.match_both().await;
    let id = world.field(&versions()[0]).await["id"].as_str().unwrap().to_owned();
    for version in &versions()[1..] {
        world.put(&format!("/v1/fields/{id}"), version).await.expect(200);
    }
    world.idle().await;
    (world, id)
}

fn versions() -> [Value; 4] {
    let of = |function, window: &Value| field("Uses", "account", "event", function, window);
    [
        of("count", &json!({"rolling_days": 7})),
        of("count", &json!({"rolling_days": 30})),
        of("count", &all_time()),
        of("last_used", &all_time()),
    ]
}

/// What each account says in a version, from a field of its own.
async fn said(world: &World, version: &Value) -> BTreeMap<String, [Value; 2]> {
    let mut alone = version.clone();
    alone["name"] = json!("Alone");
    let id = world.field(&alone).await["id"].as_str().unwrap().to_owned();
    let lines = world.lines().await;
    let of = lines.into_iter().filter(|((_, _, name), _)| name == "Alone");
    let said = of.map(|((_, id, _), line)| (id, [line["value"].clone(), line["reason"].clone()])).collect();
    world.delete(&format!("/v1/fields/{id}")).await.expect(204);
    said
}

#[tokio::test]
async fn what_differs_is_what_fields_of_the_two_definitions_differ_by_and_nothing_is_written() {
    let (world, id) = world().await;
    let mut alone = Vec::new();
    for version in versions() {
        alone.push(said(&world, &version).await);
    }
    world.idle().await;
    let before = world.items().await;
    for from in 1..=4 {
        for to in 1..=4 {
            let found = world.get(&format!("/v1/fields/{id}/compare?from={from}&to={to}")).await.expect(200);
            assert_eq!((&found["from"]["version"], &found["to"]["version"]), (&json!(from), &json!(to)));
            assert_eq!(found["to"]["definition"]["function"], versions()[to - 1]["function"]);
            let (one, other) = (&alone[from - 1], &alone[to - 1]);
            let differing: BTreeMap<String, [&Value; 4]> = list(&found, "items")
                .iter()
                .map(|item| {
                    let [from, to] = [&item["from"], &item["to"]];
                    let id = item["id"].as_str().unwrap().to_owned();
                    (id, [&from["value"], &from["reason"], &to["value"], &to["reason"]])
                })
                .collect();
            let expected: BTreeMap<String, [&Value; 4]> = one
                .iter()
                .map(|(id, [value, reason])| (id.clone(), [value, reason, &other[id][0], &other[id][1]]))
                .filter(|(_, [value, reason, value_then, reason_then])| (value, reason) != (value_then, reason_then))
                .collect();
            assert_eq!(differing, expected, "{from} to {to}");
            let counts = found["objects"].as_object().unwrap();
            let of = |name: &str| counts[name].as_u64().unwrap();
            let each: u64 = ["equal", "higher", "lower", "gained", "lost", "other"].map(of).iter().sum();
            assert_eq!((of("total"), each, of("equal")), (5, 5, 5 - expected.len() as u64), "{found}");
        }
    }
    assert_eq!(world.items().await, before);
}

#[tokio::test]
async fn who_moved_most_comes_first_and_the_last_change_is_what_is_asked_for_if_nothing_is_said() {
    let (world, id) = world().await;
    let path = format!("/v1/fields/{id}/compare");
    let moved = world.get(&format!("{path}?from=1&to=3")).await.expect(200);
    let shown: Vec<(&str, f64)> = list(&moved, "items")
        .iter()
        .map(|item| (item["id"].as_str().unwrap(), item["difference"].as_f64().unwrap()))
        .collect();
    assert_eq!(shown, [("A-2", 7.0), ("A-1", 3.0)]);
    assert_eq!(
        moved["objects"],
        json!({"total": 5, "equal": 3, "higher": 2, "lower": 0, "gained": 0, "lost": 0, "other": 0})
    );
    assert_eq!((&moved["from"]["distribution"]["max"], &moved["to"]["distribution"]["max"]), (&json!(5), &json!(8)));
    assert_eq!(moved["to"]["nulls"], json!({"unmatched": {"objects": 1, "share": 0.2}}));
    let short = world.get(&format!("{path}?from=1&to=3&limit=1")).await.expect(200);
    assert_eq!((list(&short, "items").len(), &short["left_off"]), (1, &json!(1)));

    let last = world.get(&path).await.expect(200);
    assert_eq!((&last["from"]["version"], &last["to"]["version"]), (&json!(3), &json!(4)));
    // Counts and instants can't be compared; a count of nothing has no instant beside it.
    assert_eq!(
        last["objects"],
        json!({"total": 5, "equal": 1, "higher": 0, "lower": 0, "gained": 0, "lost": 1, "other": 3})
    );
    assert!(list(&last, "items").iter().all(|item| item["difference"].is_null()));
    let back = world.get(&format!("{path}?from=4&to=3")).await.expect(200);
    assert_eq!((&back["objects"]["gained"], &back["objects"]["lost"]), (&json!(1), &json!(0)));

    world
        .put(&format!("/v1/fields/{id}"), &field("Uses", "account", "event", "first_used", &all_time()))
        .await
        .expect(200);
    world.idle().await;
    let instants = world.get(&path).await.expect(200);
    let earlier = &list(&instants, "items")[0];
    assert_eq!((&earlier["id"], &instants["objects"]["lower"]), (&json!("A-1"), &json!(1)));
    assert_eq!(earlier["difference"], json!(-19.0), "from the 29th back to the 10th");
}

#[tokio::test]
async fn versions_that_are_not_there_are_refused() {
    let (world, id) = world().await;
    let path = format!("/v1/fields/{id}/compare");
    for (status, query, pointer) in [
        (422, "from=0&to=1", "?from"),
        (422, "from=x", "?from"),
        (404, "from=1&to=5", "?to"),
        (404, "from=9", "?from"),
        (404, "to=1", "?from"),
        (422, "limit=0", "?limit"),
        (422, "limit=1001", "?limit"),
    ] {
        assert_eq!(world.get(&format!("{path}?{query}")).await.expect(status)["pointer"], pointer, "{query}");
    }
    world.get("/v1/fields/nothing/compare").await.expect(404);
}

#[tokio::test]
async fn formulas_are_compared_over_the_values_that_stand() {
    let (world, _) = world().await;
    world.field(&field("Sum", "account", "event", "count", &all_time())).await;
    let times = |factor: u32| json!({"name": "Times", "object": "account", "formula": format!("\"Sum\" * {factor}")});
    let id = world.field(&times(2)).await["id"].as_str().unwrap().to_owned();
    world.put(&format!("/v1/fields/{id}"), &times(3)).await.expect(200);
    world.idle().await;
    let found = world.get(&format!("/v1/fields/{id}/compare")).await.expect(200);
    let moved: Vec<(&str, f64)> = list(&found, "items")
        .iter()
        .map(|item| (item["id"].as_str().unwrap(), item["difference"].as_f64().unwrap()))
        .collect();
    assert_eq!(moved, [("A-1", 8.0), ("A-2", 7.0), ("A-3", 1.0)]);
    assert_eq!((&found["from"]["definition"], &found["objects"]["equal"]), (&times(2), &json!(2)));
}
