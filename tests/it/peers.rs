//! Accounts beside each other: percentile and median among all, or among those that share a column of the directory.

use crate::harness::{World, field, used};
use local::AccessLevel;
use pendo_simulator::Kind;
use reqwest::Method;
use serde_json::{Value, json};

/// Twelve accounts of two industries and one of none; the n-th has n events, and two of them are nobody's at Pendo.
async fn industries() -> World {
    let world = World::empty().await;
    for n in 1..=10 {
        let account = format!("A-{n:02}");
        world.pendo().inject(used(Kind::Event, "ann@x", Some(&account), "2026-06-29T08:00:00Z", n));
    }
    world.connect().await;
    let industry = |n: usize| ["retail", "energy", " retail "][n % 3];
    let mut accounts: String = (1..=12).map(|n| format!("A-{n:02},{},{n}\n", industry(n))).collect();
    accounts.push_str("A-13,,1\n");
    world.upload("accounts", &format!("id,industry,seats\n{accounts}")).await;
    world.matching(&json!({"account": {"account": "accountId", "object": "id"}})).await;
    let week = json!({"rolling_days": 7});
    let fields =
        [field("Events", "account", "event", "count", &week), field("Last", "account", "event", "last_used", &week)];
    world.fields(&fields).await;
    let per_seat = json!({"name": "Per seat", "object": "account", "formula": "\"Events\" / directory.seats"});
    world.post("/v1/fields", &per_seat).await.expect(201);
    world
}

fn of<'p>(page: &'p Value, id: &str) -> &'p Value {
    page["items"].as_array().unwrap().iter().find(|peer| peer["id"] == id).unwrap()
}

#[tokio::test]
async fn an_account_stands_among_all_or_among_those_that_share_a_column() {
    let world = industries().await;
    let all = world.get("/v1/values/peers?field=events").await.expect(200);
    assert_eq!(
        (&all["field"], &all["by"], all["items"].as_array().unwrap().len()),
        (&json!("Events"), &Value::Null, 13)
    );
    let third = of(&all, "A-03");
    assert_eq!((&third["value"], &third["percentile"], &third["median"]), (&json!(3), &json!(25.0), &json!(5.5)));
    assert_eq!((&third["peers"], &third["left_out"], &third["lacking"]), (&json!(10), &json!(3), &Value::Null));
    let nobody = of(&all, "A-12");
    assert_eq!(
        (&nobody["value"], &nobody["reason"], &nobody["lacking"]),
        (&Value::Null, &json!("unmatched"), &json!("no_value"))
    );
    assert_eq!((&nobody["percentile"], &nobody["median"]), (&Value::Null, &json!(5.5)));

    // Retail are 2, 3, 5, 6, 8 and 9 with a value, and 11 and 12 without; energy are 1, 4, 7 and 10.
    let by = world.get("/v1/values/peers?field=Events&by=industry").await.expect(200);
    let third = of(&by, "A-03");
    assert_eq!(
        (&third["group"], &third["peers"], &third["left_out"]),
        (&json!("retail"), &json!(6), &json!(2)),
        "{third}"
    );
    assert_eq!((&third["percentile"], &third["median"]), (&json!(25.0), &json!(5.5)), "{third}");
    let energy = of(&by, "A-01");
    assert_eq!((&energy["peers"], &energy["percentile"], &energy["median"]), (&json!(4), &Value::Null, &Value::Null));
    assert_eq!(energy["lacking"], "too_few");
    assert_eq!(of(&by, "A-13")["lacking"], "no_group");

    let formula = world.get("/v1/values/peers?field=Per%20seat").await.expect(200);
    assert_eq!(of(&formula, "A-07")["percentile"], 50.0, "one event a seat everywhere");
}

#[tokio::test]
async fn peers_come_in_pages_that_do_not_change_them_and_what_makes_no_sense_is_refused() {
    let world = industries().await;
    let whole = world.get("/v1/values/peers?field=Events&by=industry").await.expect(200);
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = world.get(&format!("/v1/values/peers?field=Events&by=industry&limit=5{cursor}")).await.expect(200);
        items.extend(page["items"].as_array().unwrap().clone());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(json!(items), whole["items"]);
    for (query, status, pointer) in [
        ("", 422, "?field"),
        ("?field=Nothing", 404, "?field"),
        ("?field=Last", 422, "?field"),
        ("?field=Events&by=size", 404, "?by"),
        ("?field=Events&by=industry&limit=0", 422, "?limit"),
        ("?field=Events&id=A-01", 422, "?id"),
    ] {
        let refused = world.get(&format!("/v1/values/peers{query}")).await.expect(status);
        assert_eq!(refused["pointer"], pointer, "{query}: {refused}");
    }
    let standard = world.stack.token(AccessLevel::Standard).unwrap();
    let reply = world.call_as(&standard, Method::GET, "/v1/values/peers?field=Events", None, "").await;
    assert_eq!(reply.status, 200, "as values are, for any level");
}
