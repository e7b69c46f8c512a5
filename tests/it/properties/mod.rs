//! Properties of track events: what fields make of them, that the plain kind `track` stays as it is, and what is refused.

mod added_up;
mod random;

use crate::harness::{World, all_time, both_levels, ms, said, two_accounts};
use crate::reference::Reference;
use chrono_tz::Tz;
use pendo_simulator::{Kind, RawRow};
use serde_json::{Value, json};
use shared::id::Kind as UsageKind;

const ACCOUNTS: &str = "id,name\nA-1,One\nA-2,Two\n";
const CONTACTS: &str = "id,account_id,email\nC-1,A-1,ann@x.test\nC-2,A-2,bob@x.test\n";

fn exported(visitor: &str, account: &str, at: &str, events: u32, properties: Value) -> RawRow {
    let row = RawRow::new(Kind::Track, "exported", visitor, Some(account), ms(at));
    RawRow { events, properties: Some(properties), ..row }
}

fn definition(name: &str, function: &str, more: Value) -> Value {
    let mut body = json!({"name": name, "object": "account", "usage": {"kind": "track", "ids": ["exported"]},
        "function": function, "window": all_time()});
    for (member, value) in more.as_object().unwrap() {
        match member.as_str() {
            "filters" => body["usage"]["filters"] = value.clone(),
            member => body[member] = value.clone(),
        }
    }
    body
}

fn plan_is(value: &str) -> Value {
    json!([{"property": "plan", "operator": "is", "value": value}])
}

/// What the brute force says of a field, and what is shown, for every object.
async fn agrees(world: &World, definitions: &[Value]) {
    let now_ms = world.stack.clock().now_ms();
    let reference =
        Reference::new(world.pendo().truth(), &both_levels(), Tz::UTC, now_ms).with_directory(ACCOUNTS, CONTACTS);
    let lines = world.lines().await;
    for definition in definitions {
        let part = |member: &str| definition[member].as_str().unwrap().to_owned();
        for (id, expected) in reference.expected(definition) {
            let line = &lines[&(part("object"), id.clone(), part("name"))];
            let wanted = expected.reason.map_or_else(|| expected.value.clone(), |reason| json!(reason));
            assert_eq!(said(line), wanted, "{definition}\n{line}");
        }
    }
}

fn property_questions(world: &World) -> usize {
    world.pendo().requests().iter().filter(|request| request.body.contains("properties.")).count()
}

/// The entries of the plain kind: of each hour its reading and totals.
async fn track_entries(world: &World) -> Vec<String> {
    let store = &world.stack.context().store;
    let connection = store.connection_get(&world.workspace()).await.unwrap().unwrap().value;
    let layout = store.layout_get(&world.workspace(), &connection.id).await.unwrap().unwrap();
    let mut found = Vec::new();
    for number in 0..layout.shards {
        let mut shard = store.shard_get(&world.workspace(), &connection.id, number).await.unwrap();
        store.shard_load_all(&mut shard).await.unwrap();
        let entries = shard.entries(UsageKind::Track, shared::sync::evaluate::ALWAYS);
        found.extend(entries.map(|(hour, entry)| format!("{number} {hour:?} {} {:?}", entry.reading, entry.whole)));
    }
    found
}

#[tokio::test]
async fn a_property_is_read_beside_track_events_which_stay_as_they_are() {
    let world = two_accounts().await;
    world.pendo().add_track_type("exported", "Exported");
    for (visitor, account, at, events, properties) in [
        ("ann@x.test", "A-1", "2026-03-02T08:00:00Z", 2, json!({"plan": "Pro", "rows": 100, "seats": 4})),
        ("ann@x.test", "A-1", "2026-06-29T08:00:00Z", 1, json!({"plan": "pro", "rows": "0.1"})),
        ("bob@x.test", "A-2", "2026-06-30T09:00:00Z", 3, json!({"plan": "Free", "rows": null})),
        ("bob@x.test", "A-1", "2026-06-30T10:00:00Z", 1, json!({"rows": 0.2})),
    ] {
        world.pendo().inject(exported(visitor, account, at, events, properties));
    }
    let exports = definition("Exports", "count", json!({}));
    world.field(&exports).await;
    let (before, stood) = (track_entries(&world).await, world.value("account", "A-1", "Exports").await);
    assert_eq!((stood, before.is_empty(), property_questions(&world)), (json!(4), false, 0));

    // The first field of a set of properties begins a history of its own.
    world.pendo().clear_requests();
    let on_pro = definition("On Pro", "count", json!({"filters": plan_is("Pro")}));
    let saved = world.field(&on_pro).await;
    assert_eq!((&saved["backfill"]["rows"], saved.get("warnings")), (&json!(4), None), "{saved}");
    assert!(property_questions(&world) > 0);
    assert_eq!(track_entries(&world).await, before, "not one hour of the plain kind was read anew");
    let rows = definition("Rows", "sum", json!({"of_property": "rows"}));
    let largest = definition("Largest on Pro", "max", json!({"of_property": "rows", "filters": plan_is("Pro")}));
    // Digits sent as text are no number to Pendo, which adds these up, and that is said.
    let warnings = world.field(&rows).await["warnings"].to_string();
    assert!(warnings.contains("Of the 2 events") && warnings.contains(", 1 have something there"), "{warnings}");
    world.field(&largest).await;
    let all = [exports, on_pro, rows, largest];
    agrees(&world, &all).await;
    assert_eq!(world.value("account", "A-1", "Rows").await, json!(200.2));
    assert_eq!(world.value("account", "A-2", "Rows").await, json!(0.0));
    assert_eq!(world.value("account", "A-1", "On Pro").await, json!(3));

    // A set that is read already asks for nothing more.
    world.pendo().clear_requests();
    world.field(&definition("Pro people", "distinct_visitors", json!({"filters": plan_is("pro")}))).await;
    assert_eq!(world.fetches(), 0);

    // Late rows of an hour of a week ago, and of this one.
    world.pendo().inject(exported(
        "ann@x.test",
        "A-2",
        "2026-06-23T08:00:00Z",
        5,
        json!({"plan": "PRO", "rows": -1.5}),
    ));
    world.pendo().inject(exported("ann@x.test", "A-1", "2026-06-30T12:10:00Z", 1, json!({"plan": "Pro", "rows": 7})));
    world.tick_after(25).await;
    agrees(&world, &all).await;
    assert_eq!(world.value("account", "A-2", "Rows").await, json!(-7.5));

    let kinds = world.status().await["kinds"].clone();
    let sets: Vec<&Value> = kinds.as_object().unwrap().values().filter(|kind| !kind["properties"].is_null()).collect();
    assert_eq!(sets.len(), 3, "{kinds}");
    for kind in kinds.as_object().unwrap().values() {
        assert_eq!((&kind["equals_pendo"], &kind["unaccounted"]["account"]), (&json!(true), &json!(0)), "{kind}");
    }

    // The usage browser shows each event once.
    let browsed = world.get("/v1/usage?object=account&id=A-1").await.expect(200);
    let events: u64 = browsed["items"].as_array().unwrap().iter().map(|row| row["events"].as_u64().unwrap()).sum();
    assert_eq!(events, 5, "{browsed}");
}

#[tokio::test]
async fn a_value_of_a_property_is_explained_down_to_people_and_hours_that_add_up() {
    let world = two_accounts().await;
    world.pendo().add_track_type("exported", "Exported");
    for (visitor, at, events, properties) in [
        ("ann@x.test", "2026-06-02T08:00:00Z", 2, json!({"plan": "Pro", "rows": 0.1})),
        ("ann@x.test", "2026-06-02T08:30:00Z", 1, json!({"plan": "Pro", "rows": "0.2"})),
        ("bob@x.test", "2026-06-30T09:00:00Z", 7, json!({"plan": "Pro", "rows": "none"})),
        ("bob@x.test", "2026-06-30T09:00:00Z", 4, json!({"plan": "Free", "rows": 5})),
    ] {
        world.pendo().inject(exported(visitor, "A-1", at, events, properties));
    }
    let filters =
        json!([{"property": "plan", "operator": "is", "value": "Pro"}, {"property": "rows", "operator": "present"}]);
    world.field(&definition("Rows", "sum", json!({"of_property": "rows", "filters": filters}))).await;
    let told = world.get("/v1/values/explain?object=account&id=A-1&field=Rows").await.expect(200);
    assert_eq!((&told["value"], &told["is_current"]), (&json!(0.4), &json!(true)), "{told}");
    assert_eq!(
        (&told["total"]["sum"], &told["total"]["numbers"], &told["total"]["events"]),
        (&json!(0.4), &json!(3), &json!(10))
    );
    let sums = |parts: &Value| -> Vec<f64> {
        parts.as_array().unwrap().iter().map(|part| part["sum"].as_f64().unwrap()).collect()
    };
    assert_eq!(
        (sums(&told["items"]), sums(&told["days"]), sums(&told["objects"])),
        (vec![0.0, 0.4], vec![0.4, 0.0], vec![0.4])
    );
    let ann = &told["items"][1];
    assert_eq!((sums(&ann["days"]), sums(&ann["days"][0]["hours"])), (vec![0.4], vec![0.4]), "{ann}");
    let values: Vec<(Value, u64)> = told["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|value| (value["value"].clone(), value["events"].as_u64().unwrap()))
        .collect();
    assert_eq!(values, [(json!("none"), 7), (json!(0.1), 2), (json!("0.2"), 1)]);
    assert_eq!((&told["left_out"][0]["why"], &told["left_out"][0]["events"]), (&json!("other_properties"), &json!(4)));
    assert_eq!(told["pendo"], Value::Null);
}

#[tokio::test]
async fn a_property_with_more_than_a_thousand_values_a_day_is_refused_with_the_number_and_nothing_is_changed() {
    let world = two_accounts().await;
    world.pendo().add_track_type("exported", "Exported");
    for n in 0..1_001 {
        let properties = json!({"id": format!("export {n}"), "plan": "Pro"});
        world.pendo().inject(exported("ann@x.test", "A-1", "2026-06-12T08:00:00Z", 1, properties));
    }
    let before = world.items().await;
    let by_id = json!([{"property": "plan", "operator": "present"}, {"property": "id", "operator": "present"}]);
    for (body, pointer) in [
        (definition("By id", "count", json!({"filters": by_id})), "/usage/filters/1/property"),
        (definition("Ids", "distinct_values", json!({"of_property": "id"})), "/of_property"),
    ] {
        let refused = world.post("/v1/fields", &body).await.expect(422);
        assert_eq!((&refused["pointer"], &refused["values"]), (&json!(pointer), &json!(1_001)), "{refused}");
        let detail = refused["detail"].as_str().unwrap();
        assert!(detail.contains("1001 different values on 2026-06-12") && detail.contains("1000 a day"), "{detail}");
        let tried = world.post("/v1/fields/preview", &json!({"definition": body})).await.expect(422);
        assert_eq!(tried["pointer"], format!("/definition{pointer}"));
        let file = json!({"format": 1, "fields": [body]});
        let imported = world.put("/v1/configuration", &file).await.expect(422);
        assert_eq!(imported["pointer"], format!("/fields/0{pointer}"));
    }
    assert_eq!(world.items().await, before);
    // One value less is told apart.
    world.pendo().remove(|row| row.properties.as_ref().is_some_and(|properties| properties["id"] == "export 7"));
    world.field(&definition("Ids", "distinct_values", json!({"of_property": "id"}))).await;
    assert_eq!(world.value("account", "A-1", "Ids").await, json!(1_000));
}

#[tokio::test]
async fn a_property_that_no_event_has_is_allowed_and_warned_of() {
    let world = two_accounts().await;
    world.pendo().add_track_type("exported", "Exported");
    world.pendo().inject(exported("ann@x.test", "A-1", "2026-06-29T08:00:00Z", 2, json!({"plan": "Pro"})));
    let misspelt = json!([{"property": "plann", "operator": "is", "value": "Pro"}]);
    let body = definition("On Pro", "count", json!({"filters": misspelt}));
    let tried = world.post("/v1/fields/preview", &json!({"definition": body})).await.expect(200);
    let warned = |answer: &Value| {
        answer["warnings"].as_array().unwrap().iter().any(|told| told.as_str().unwrap().contains("\"plann\""))
    };
    assert!(warned(&tried), "{tried}");
    assert!(warned(&world.field(&body).await));
    assert_eq!(world.value("account", "A-1", "On Pro").await, json!(0));
    let tried = world.post("/v1/fields/preview", &json!({"definition": body})).await.expect(200);
    assert!(warned(&tried), "it is read now: {tried}");
    // Events without a number are told of, by Pendo where it adds up.
    let sum = definition("Sum", "sum", json!({"of_property": "plan"}));
    assert!(world.field(&sum).await["warnings"].to_string().contains("Of the 2 events"));
    let tried = world.post("/v1/fields/preview", &json!({"definition": sum})).await.expect(200);
    assert!(tried["warnings"].to_string().contains("\\\"plan\\\""), "{tried}");
    assert_eq!(tried["usage"]["events_without_number"], Value::Null, "{tried}");
    let present = json!([{"property": "plan", "operator": "present"}]);
    let sum = definition("Sum of read", "sum", json!({"of_property": "plan", "filters": present}));
    world.field(&sum).await;
    let tried = world.post("/v1/fields/preview", &json!({"definition": sum})).await.expect(200);
    assert_eq!(tried["usage"]["events_without_number"], 2, "{tried}");
    assert!(tried["warnings"].to_string().contains("100 % of the events that it looks at have no number"), "{tried}");
}

#[tokio::test]
async fn a_filter_that_looks_from_today_is_asked_anew_each_day() {
    let world = two_accounts().await;
    world.pendo().add_track_type("exported", "Exported");
    // Long over, so what these days come to is kept; but what counts of them is another thing each day.
    for (at, due) in [("2026-03-02T08:00:00Z", "2026-07-05"), ("2026-03-03T08:00:00Z", "2026-06-29")] {
        world.pendo().inject(exported("ann@x.test", "A-1", at, 2, json!({"due": due})));
    }
    let filters = |operator: &str| json!([{"property": "due", "operator": operator, "value": 7}]);
    let soon = definition("Soon", "count", json!({"filters": filters("within_next")}));
    let lately = definition("Lately", "count", json!({"filters": filters("within_past")}));
    world.fields(&[soon, lately]).await;
    let values = async || [world.value("account", "A-1", "Soon").await, world.value("account", "A-1", "Lately").await];
    assert_eq!(values().await, [json!(2), json!(2)]);
    world.tick_after(24).await;
    assert_eq!(values().await, [json!(2), json!(2)]);
    for _ in 0..6 {
        world.tick_after(24).await;
    }
    // It is 7 July.
    assert_eq!(values().await, [json!(0), json!(2)], "the fifth is past, and the twenty-ninth too long");
}

#[tokio::test]
async fn what_makes_no_sense_of_properties_is_refused_with_its_place() {
    let world = two_accounts().await;
    world.pendo().add_track_type("exported", "Exported");
    let mut of_all = definition("x", "sum", json!({"of_property": "rows"}));
    of_all["usage"].as_object_mut().unwrap().remove("ids");
    let mut of_features = definition("x", "count", json!({"filters": plan_is("Pro")}));
    of_features["usage"]["kind"] = json!("feature");
    let like = json!([{"property": "plan", "operator": "like", "value": "x"}]);
    for (body, pointer) in [
        (definition("x", "sum", json!({})), "/of_property"),
        (definition("x", "count", json!({"of_property": "rows"})), "/of_property"),
        (definition("x", "sum", json!({"of_property": "rows exported"})), "/of_property"),
        (definition("x", "count", json!({"filters": like})), "/usage/filters/0/operator"),
        (of_all, "/usage/ids"),
        (of_features, "/usage/filters"),
    ] {
        let refused = world.post("/v1/fields", &body).await.expect(422);
        assert_eq!(refused["pointer"], pointer, "{refused}");
    }
    assert_eq!(world.get("/v1/fields").await.expect(200)["items"], json!([]));
    // So many sets, and no more.
    world.patch("/v1/connection", &json!({"paused": true})).await.expect(200);
    for n in 0..20 {
        let body = definition(&format!("Sum {n}"), "sum", json!({"of_property": format!("p{n}")}));
        world.post("/v1/fields", &body).await.expect(201);
    }
    world.post("/v1/fields", &definition("Again", "max", json!({"of_property": "p7"}))).await.expect(201);
    let refused = world.post("/v1/fields", &definition("More", "sum", json!({"of_property": "p20"}))).await.expect(409);
    assert_eq!(refused["pointer"], "/usage", "{refused}");
}
