//! Pendo's groups: a field that names one counts what is in it, whenever that came.

use crate::harness::{World, all_time, ms, two_accounts};
use pendo_simulator::{Kind, RawRow};
use serde_json::{Value, json};

async fn world() -> World {
    let world = two_accounts().await;
    for (id, group) in [("export", "Reports"), ("import", "Data"), ("print", "Reports")] {
        world.pendo().add_feature(id, id);
        world.pendo().group(Kind::Feature, id, group);
    }
    for (id, events) in [("export", 1), ("import", 10), ("print", 100)] {
        let row = RawRow::new(Kind::Feature, id, "ann@x.test", Some("A-1"), ms("2026-06-20T08:00:00Z"));
        world.pendo().inject(RawRow { events, ..row });
    }
    world
}

fn of(name: &str, usage: &Value, function: &str) -> Value {
    let mut usage = usage.clone();
    usage["kind"] = json!("feature");
    let mut body =
        json!({"name": name, "object": "account", "usage": usage, "function": function, "window": all_time()});
    if function == "adoption_rate" {
        (body["of"], body["window"]) = (json!("same_kind"), json!({"rolling_days": 30}));
    }
    body
}

#[tokio::test]
async fn a_group_is_what_is_in_it_with_all_its_past() {
    let world = world().await;
    let reports = of("Reports", &json!({"groups": ["Reports"]}), "count");
    let named = of("Reports and imports", &json!({"groups": ["Reports"], "ids": ["import"]}), "count");
    let breadth = of("Breadth", &json!({"groups": ["Reports", "Data"]}), "feature_breadth");
    let rate = of("Rate", &json!({"groups": ["Reports"]}), "adoption_rate");
    let file = json!({"format": 1, "fields": [reports, named, breadth, rate]});
    world.fields(file["fields"].as_array().unwrap()).await;
    let value = async |name: &str| world.value("account", "A-1", name).await;
    assert_eq!(
        [value("Reports").await, value("Reports and imports").await, value("Breadth").await, value("Rate").await],
        [json!(101), json!(111), json!(3), json!(1.0)]
    );

    // Preview, explanation and history say the same, and the definition stays as it was written.
    let definition = of("x", &json!({"groups": ["Reports"]}), "count");
    let body = json!({"definition": definition, "objects": ["A-1"]});
    let tried = world.post("/v1/fields/preview", &body).await.expect(200);
    assert_eq!(
        (&tried["items"][0]["value"], &tried["definition"]["usage"]["ids"]),
        (&json!(101), &Value::Null),
        "{tried}"
    );
    let told = world.get("/v1/values/explain?object=account&id=A-1&field=Reports").await.expect(200);
    assert_eq!((&told["is_current"], &told["total"]["events"]), (&json!(true), &json!(101)), "{told}");
    assert_eq!(
        (&told["definition"]["usage"], &told["left_out"][0]["events"]),
        (&json!({"kind": "feature", "groups": ["Reports"]}), &json!(10))
    );
    let computed = world.get("/v1/values/history?object=account&id=A-1&field=Reports&computed=true&from=2026-06-29");
    assert_eq!(computed.await.expect(200)["items"][0]["value"], json!(101));

    // One moves to another group, and one is deleted: what is gone stays in the group in which it was.
    world.pendo().group(Kind::Feature, "import", "Reports");
    world.pendo().group(Kind::Feature, "export", "Data");
    world.pendo().remove_object("print");
    world.tick_after(1).await;
    world.tick_after(1).await;
    assert_eq!([value("Reports").await, value("Breadth").await], [json!(110), json!(3)]);
    // What was told of a day is told again with the next one.
    world.tick_after(24).await;
    let told = world.get("/v1/values/history?object=account&id=A-1&field=Reports").await.expect(200);
    let first = &told["items"][0];
    assert_eq!(
        (&first["day"], &first["value"], &first["before"][0]["value"]),
        (&json!("2026-06-29"), &json!(110), &json!(101))
    );
}

#[tokio::test]
async fn what_makes_no_sense_of_groups_is_refused_with_its_place() {
    let world = world().await;
    world.pendo().add_track_type("exported", "Exported");
    let unknown = of("x", &json!({"groups": ["Reports", "reports"]}), "count");
    let mut of_events = of("x", &json!({"groups": ["Reports"]}), "count");
    of_events["usage"]["kind"] = json!("event");
    let mut filtered = of("x", &json!({"ids": ["exported"], "groups": ["Default"]}), "count");
    filtered["usage"]["kind"] = json!("track");
    filtered["usage"]["filters"] = json!([{"property": "plan", "operator": "present"}]);
    for (body, place, part) in [
        (unknown, "/usage/groups/1", "groups are Data, Reports"),
        (of_events, "/usage/groups", "all activity"),
        (filtered, "/usage/groups", "usage.ids"),
        (of("x", &json!({"groups": []}), "count"), "/usage/groups", "is empty"),
    ] {
        for (path, sent, pointer) in [
            ("/v1/fields", body.clone(), place.to_owned()),
            ("/v1/fields/preview", json!({"definition": body}), format!("/definition{place}")),
        ] {
            let refused = world.post(path, &sent).await.expect(422);
            assert_eq!(refused["pointer"], pointer, "{refused}");
            assert!(refused["detail"].as_str().unwrap().contains(part), "{refused}");
        }
    }
    assert_eq!(world.get("/v1/fields").await.expect(200)["items"], json!([]));
}
