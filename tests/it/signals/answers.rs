//! What the API answers of signals: refusals by place, dry runs that leave nothing, and what people do by hand.

use crate::harness::{World, all_time, field, used};
use crate::signals::{busy, object, signal, told};
use pendo_simulator::Kind;
use serde_json::{Value, json};

/// Ten accounts, of which the first three use the product much, on each of the last forty days.
async fn ten() -> World {
    let world = World::empty().await;
    world.connect().await;
    let row = |n: u32| {
        format!(
            "A-{n},Account {n},{},{},2026-0{}-15,{}\n",
            n * 10,
            if n < 5 { "pro" } else { "free" },
            7 + n % 2,
            if n < 3 { "2026-06-20" } else { "" }
        )
    };
    let rows: String = (0..10).map(row).collect();
    world.upload("accounts", &format!("id,name,seats,plan,renewal_date,expanded_on\n{rows}")).await;
    world.matching(&json!({"account": {"account": "accountId", "object": "id"}})).await;
    let week = json!({"rolling_days": 7, "complete_days": false});
    for day in 0..40u32 {
        let at = shared::time::date_text(shared::time::parse_date("2026-06-30").unwrap() - day as i32);
        for n in 0..10u32 {
            let events = if n < 3 && day < 20 { 20 } else { 1 };
            world.pendo().inject(used(Kind::Event, "v1", Some(&format!("A-{n}")), &format!("{at}T09:15:00Z"), events));
        }
    }
    world
        .fields(&[
            field("Events 7d", "account", "event", "count", &week),
            field("Events", "account", "event", "count", &all_time()),
            field("Last used", "account", "event", "last_used", &all_time()),
        ])
        .await;
    world.tick().await;
    world
}

fn of(kind: &str, rule: Value) -> Value {
    json!({"kind": kind, "name": "One", "object": "account", "rule": rule})
}

#[tokio::test]
async fn what_is_wrong_is_refused_in_one_sentence_with_its_place_and_changes_nothing() {
    let world = ten().await;
    let events = |is: &str, value: Value| json!({"field": "Events 7d", "is": is, "value": value});
    let input = |weight: f64| json!({"name": "Use", "field": "Events 7d", "weight": weight, "bands": [{"from": 0, "to": 10, "scores": [0, 100]}]});
    let profile = |inputs: Value| json!({"profiles": [{"name": "All", "inputs": inputs}]});
    let stages = |goals: Value| json!({"stages": [{"name": "One", "goals": goals}, {"name": "Two"}]});
    let goal = |condition: Value| json!({"name": "Goal", "condition": condition});
    let cases = [
        (
            of("indicator", json!({"condition": {"field": "Nothing", "is": "above", "value": 1}})),
            "/rule/condition/field",
            "no calculated field",
        ),
        (
            of("indicator", json!({"condition": {"field": "Last used", "is": "above", "value": 1}})),
            "/rule/condition/field",
            "point in time",
        ),
        (of("indicator", json!({"condition": events("in", json!(1))})), "/rule/condition/value", "does not go with"),
        (
            of("indicator", json!({"condition": {"column": "nothing", "is": "in", "values": ["x"]}})),
            "/rule/condition/column",
            "no column",
        ),
        (of("indicator", json!({"condition": events("at_least", json!("x"))})), "/rule/condition/value", "number"),
        (of("indicator", json!({"template": "magic", "choices": {}})), "/rule/template", "seat_saturation"),
        (of("health", profile(json!([]))), "/rule/profiles/0/inputs", ""),
        (of("health", profile(json!([input(0.0)]))), "/rule/profiles/0/inputs/0/weight", ""),
        (of("journey", json!({"stages": [{"name": "One"}, {"name": "Two"}]})), "/rule/stages", "reach"),
        (
            of(
                "journey",
                stages(json!([goal(json!({"all": [events("above", json!(5)), events("below", json!(4))]}))])),
            ),
            "/rule/stages/0/goals",
            "",
        ),
        (
            of("playbook", json!({"entry": events("below", json!(5)), "objective": events("below", json!(5))})),
            "/rule/objective",
            "",
        ),
        (of("nps", json!({})), "/kind", "NPS is not mapped from Pendo"),
        (
            json!({"kind": "indicator", "name": "One", "object": "account", "rule": {}, "colour": 1}),
            "/colour",
            "not known",
        ),
    ];
    for (body, pointer, said) in cases {
        for path in ["/v1/signals", "/v1/signals/preview"] {
            let refused = world.post(path, &body).await.expect(422);
            let place = refused["pointer"].as_str().unwrap_or_default();
            assert!(place.starts_with(pointer), "{path} {body}: {refused}");
            let detail = refused["detail"].as_str().unwrap();
            assert!(
                detail.to_lowercase().contains(&said.to_lowercase()) && detail.ends_with('.') && !detail.contains('\n'),
                "{refused}"
            );
        }
    }
    assert_eq!(world.get("/v1/signals").await.expect(200)["items"], json!([]));
    assert_eq!(told(&world).await, [] as [Value; 0]);
}

#[tokio::test]
async fn a_dry_run_tells_whom_it_would_hit_and_leaves_no_trace() {
    let world = ten().await;
    let before = world.items().await;
    let tried = world.post("/v1/signals/preview?days=30", &busy(100)).await.expect(200);
    assert_eq!((&tried["now"]["hits"], &tried["now"]["objects"]), (&json!(3), &json!(10)), "{tried}");
    assert_eq!(tried["past"]["told"], json!({"indicator_fired": 3}), "{tried}");
    // Five days of twenty events and two of one: 102 on the fifth of the busy days.
    assert_eq!(tried["past"]["days"], json!({"2026-06-15": {"indicator_fired": 3}}), "{tried}");
    let everybody = json!({"kind": "playbook", "name": "All", "object": "account",
        "rule": {"entry": {"field": "Events 7d", "is": "at_least", "value": 1}, "takes_standing": true}});
    let tried = world.post("/v1/signals/preview?days=5", &everybody).await.expect(200);
    let warnings = tried["warnings"].to_string();
    assert!(warnings.contains("All 10 accounts meet the entry now: this playbook would enrol everybody"), "{warnings}");
    assert_eq!(world.items().await, before, "a dry run writes nothing");
    assert_eq!(world.stack.events().total(), 0);
}

#[tokio::test]
async fn who_meets_it_already_is_taken_only_when_asked_and_no_more_than_the_cap_at_once() {
    let world = ten().await;
    signal(&world, &busy(100)).await;
    assert_eq!(told(&world).await, [] as [Value; 0], "only what changes from now on moves anybody");
    let mut taking = busy(100);
    (taking["name"], taking["rule"]["takes_standing"]) = (json!("Busy now"), json!(true));
    signal(&world, &taking).await;
    assert_eq!(told(&world).await.len(), 3);
    let playbook = json!({"kind": "playbook", "name": "Expand", "object": "account",
        "rule": {"entry": {"field": "Events 7d", "is": "at_least", "value": 100}, "takes_standing": true}});
    let id = signal(&world, &playbook).await;
    assert_eq!(told(&world).await.len(), 3, "three of ten are more than a tenth");
    let shown = world.get(&format!("/v1/signals/{id}")).await.expect(200);
    assert_eq!((&shown["holds"], &shown["would_have_moved"]), (&json!(0), &json!(3)));
    let owed = world.get(&format!("/v1/signals/{id}/objects?owed=true")).await.expect(200);
    assert_eq!(owed["items"].as_array().unwrap().len(), 3);
    let release = |ids: Value| json!({"action": "release", "ids": ids});
    let done = world.post(&format!("/v1/signals/{id}/actions"), &release(json!(["A-1"]))).await.expect(200);
    assert_eq!(done["changed"], json!(1));
    world.idle().await;
    let entry = &object(&world, &id, "A-1").await["state"]["entries"][0];
    assert_eq!((&entry["by"], &entry["on"]), (&json!("release"), &json!("2026-06-30")));
    world.post(&format!("/v1/signals/{id}/actions"), &json!({"action": "release"})).await.expect(200);
    world.tick_after(1).await;
    assert_eq!(told(&world).await.len(), 6);
    assert_eq!(world.status().await["signals"]["would_have_moved"], json!(0));
    // A reason names the version that it rests on, whatever stands now.
    let fields = world.get("/v1/fields").await.expect(200);
    let events = fields["items"].as_array().unwrap().iter().find(|field| field["name"] == "Events 7d").unwrap().clone();
    let longer = field("Events 7d", "account", "event", "count", &json!({"rolling_days": 9, "complete_days": false}));
    world.put(&format!("/v1/fields/{}", events["id"].as_str().unwrap()), &longer).await.expect(200);
    world.idle().await;
    let versions: Vec<Value> = told(&world).await.iter().map(|event| event["because"][0]["version"].clone()).collect();
    assert_eq!(versions, vec![json!(1); 6]);
}

#[tokio::test]
async fn a_rule_that_looks_back_knows_the_days_before_it_was_written() {
    let world = ten().await;
    // More than a hundred events in seven days since the 15th, so on more than ten days in a row.
    for (days, fires) in [(10, 3), (20, 0)] {
        let mut busy = busy(100);
        (busy["name"], busy["rule"]["for_days"]) = (json!(format!("Busy for {days} days")), json!(days));
        busy["rule"]["takes_standing"] = json!(true);
        let tried = world.post("/v1/signals/preview?days=1", &busy).await.expect(200);
        assert_eq!(tried["now"]["hits"], json!(fires), "{tried}");
        let id = signal(&world, &busy).await;
        let shown = world.get(&format!("/v1/signals/{id}")).await.expect(200);
        assert_eq!((&shown["holds"], &shown["would_have_moved"]), (&json!(fires), &json!(0)));
    }
}

#[tokio::test]
async fn what_others_look_at_stays_and_an_edit_moves_nobody() {
    let world = ten().await;
    let band = json!([{"from": 0, "to": 140, "scores": [0, 100]}]);
    let health = json!({"kind": "health", "name": "Health", "object": "account",
        "rule": {"profiles": [{"name": "All", "inputs": [{"name": "Use", "field": "Events 7d", "weight": 1, "bands": band}]}]}});
    let health_id = signal(&world, &health).await;
    let low = json!({"kind": "playbook", "name": "Save", "object": "account",
        "rule": {"entry": {"health": "Health", "is": "below", "value": 40}, "cap_percent": 100}});
    let low_id = signal(&world, &low).await;
    let refused = world.delete(&format!("/v1/signals/{health_id}")).await.expect(409);
    assert!(refused["detail"].as_str().unwrap().contains("\"Save\""), "{refused}");
    let fields = world.get("/v1/fields").await.expect(200);
    let events = fields["items"].as_array().unwrap().iter().find(|field| field["name"] == "Events 7d").unwrap().clone();
    let refused = world.delete(&format!("/v1/fields/{}", events["id"].as_str().unwrap())).await.expect(409);
    assert!(refused["detail"].as_str().unwrap().contains("\"Health\""), "{refused}");

    let scored = object(&world, &health_id, "A-0").await;
    assert_eq!((&scored["state"]["score"], &scored["state"]["band"]), (&json!(100.0), &json!("good")), "{scored}");
    let quiet = object(&world, &health_id, "A-9").await;
    assert_eq!(quiet["state"]["drivers"][0]["costs"], json!(95.0), "{quiet}");
    // Twice as much is wanted from now on: everybody's score falls, and nobody did anything.
    let mut harder = health.clone();
    harder["rule"]["profiles"][0]["inputs"][0]["bands"][0]["to"] = json!(1400);
    world.put(&format!("/v1/signals/{health_id}"), &harder).await.expect(200);
    world.idle().await;
    assert_eq!(object(&world, &health_id, "A-0").await["state"]["score"], json!(10.0));
    assert_eq!(told(&world).await, [] as [Value; 0]);
    let owed = world.get(&format!("/v1/signals/{low_id}/objects?owed=true")).await.expect(200);
    assert_eq!(owed["items"].as_array().unwrap().len(), 3, "they would have moved: {owed}");
    assert_eq!(world.delete(&format!("/v1/signals/{low_id}")).await.status, 204);
    assert_eq!(world.delete(&format!("/v1/signals/{health_id}")).await.status, 204);
}

#[tokio::test]
async fn a_score_is_set_for_a_time_and_the_past_can_be_asked_for() {
    let world = ten().await;
    let band = json!([{"from": 0, "to": 140, "scores": [0, 100]}]);
    let health = json!({"kind": "health", "name": "Health", "object": "account",
        "rule": {"profiles": [{"name": "All", "inputs": [{"name": "Use", "field": "Events 7d", "weight": 1, "bands": band}]}]}});
    let id = signal(&world, &health).await;
    let set =
        json!({"action": "override", "ids": ["A-9"], "score": 90, "reason": "They said so.", "until": "2026-07-01"});
    world.post(&format!("/v1/signals/{id}/actions"), &set).await.expect(200);
    world.idle().await;
    let shown = object(&world, &id, "A-9").await;
    assert_eq!(
        (&shown["state"]["score"], &shown["state"]["by_hand"]["reason"]),
        (&json!(90.0), &json!("They said so."))
    );
    world.tick_after(24).await;
    assert_eq!(object(&world, &id, "A-9").await["state"]["score"], json!(90.0));
    world.tick_after(24).await;
    assert!(object(&world, &id, "A-9").await["state"]["by_hand"].is_null(), "it stood until the first of July");
    let told: Vec<Value> = told(&world).await.into_iter().filter(|event| event["object"]["id"] == "A-9").collect();
    let said: Vec<&Value> = told.iter().map(|event| &event["by"]).collect();
    assert_eq!(said, [&json!("hand"), &json!("hand")], "{told:?}");

    let past = world.get(&format!("/v1/signals/{id}/replay?object_id=A-0&days=30")).await.expect(200);
    assert_eq!((&past["scores"]["2026-06-10"], &past["scores"]["2026-06-29"]), (&json!(5.0), &json!(100.0)), "{past}");
    let renewals = world.get(&format!("/v1/signals/{id}/renewals?date=renewal_date")).await.expect(200);
    let first = &renewals["items"][0];
    assert_eq!((&first["date"], &first["risk"]), (&json!("2026-07-15"), &json!("medium")), "{renewals}");
    let refused = world.get(&format!("/v1/signals/{id}/renewals?date=nothing")).await.expect(422);
    assert_eq!(refused["pointer"], json!("?date"));
    let refused = world.get(&format!("/v1/signals/{id}/impact")).await.expect(409);
    assert!(refused["detail"].as_str().unwrap().contains("only a playbook"), "{refused}");
}

#[tokio::test]
async fn an_indicator_is_held_against_past_expansions_and_a_playbook_says_when_it_has_too_little() {
    let world = ten().await;
    let id = signal(&world, &busy(100)).await;
    let calibration =
        world.get(&format!("/v1/signals/{id}/calibration?dates=expanded_on&days=30&horizon_days=20")).await.expect(200);
    assert_eq!(
        (&calibration["precision"]["part"], &calibration["precision"]["whole"]),
        (&json!(3), &json!(3)),
        "{calibration}"
    );
    assert_eq!((&calibration["recall"]["share"], &calibration["lead_days"]["median"]), (&json!(1.0), &json!(5.0)));
    assert!(calibration["note"].is_string(), "three are too few: {calibration}");
    let playbook = json!({"kind": "playbook", "name": "Told before", "object": "account", "rule": {"measure": {"field": "Events 7d", "window_days": 7}}});
    let id = signal(&world, &playbook).await;
    let enrol = json!({"action": "enrol", "ids": ["A-0", "A-1"], "on": "2026-06-12"});
    world.post(&format!("/v1/signals/{id}/actions"), &enrol).await.expect(200);
    let refused = world.post(&format!("/v1/signals/{id}/actions"), &enrol).await.expect(422);
    assert!(
        refused["pointer"] == json!("/ids/0") && refused["detail"].as_str().unwrap().contains("enrolled already"),
        "{refused}"
    );
    let impact = world.get(&format!("/v1/signals/{id}/impact?segment=plan&size=seats")).await.expect(200);
    assert_eq!(
        (&impact["participants"], &impact["verdict"]["kind"]),
        (&json!(2), &json!("not_enough_data")),
        "{impact}"
    );
}
