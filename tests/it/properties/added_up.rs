//! Properties that are only added up: Pendo adds, within a millionth.

use super::{ACCOUNTS, CONTACTS, definition, exported};
use crate::harness::{World, both_levels, ms, two_accounts};
use crate::reference::Reference;
use chrono_tz::Tz;
use pendo_simulator::RawRow;
use serde_json::{Value, json};

#[tokio::test]
async fn numbers_that_are_only_added_up_are_added_up_by_pendo() {
    let world = two_accounts().await;
    world.pendo().add_track_type("exported", "Exported");
    // More different numbers than could be told apart, and what is none.
    for n in 0..1_200_u32 {
        let (visitor, hour) = (["ann@x.test", "bob@x.test"][n as usize % 2], n % 24);
        let number = [json!(f64::from(n) * 0.1), json!(-f64::from(n) / 7.0), json!(n)][n as usize % 3].clone();
        let at = format!("2026-06-28T{hour:02}:00:00Z");
        world.pendo().inject(exported(visitor, "A-1", &at, 1 + n % 3, json!({"rows": number})));
    }
    for (at, rows) in [("2026-06-28T05:00:00Z", json!("7")), ("2026-06-29T05:00:00Z", json!(true))] {
        world.pendo().inject(exported("ann@x.test", "A-1", at, 2, json!({"rows": rows})));
    }
    let of = |function: &str| definition(function, function, json!({"of_property": "rows"}));
    let fields = ["sum", "average", "min", "max"].map(of);
    world.pendo().clear_requests();
    let warnings = world.field(&fields[0]).await["warnings"].to_string();
    assert!(warnings.contains(", 4 have something there"), "{warnings}");
    world.fields(&fields[1..]).await;
    let questions = world.pendo().requests();
    assert!(questions.iter().any(|question| question.body.contains("amount * numEvents")));
    assert!(!questions.iter().any(|question| question.body.contains("\"p0\"")), "no event is told apart by it");
    near(&world, &fields).await;

    // Each value is opened down to people and hours, and Pendo answers the same.
    for field in &fields {
        let name = field["name"].as_str().unwrap();
        let told = world.get(&format!("/v1/values/explain?object=account&id=A-1&field={name}")).await.expect(200);
        assert_eq!((&told["is_current"], told.get("values")), (&json!(true), None), "{told}");
        let sum =
            |parts: &Value| parts.as_array().unwrap().iter().map(|part| part["sum"].as_f64().unwrap()).sum::<f64>();
        for parts in ["items", "days", "objects"] {
            assert!((sum(&told[parts]) - told["total"]["sum"].as_f64().unwrap()).abs() < 1e-6, "{parts} of {told}");
        }
        if name == "sum" {
            assert_eq!(told["total"]["sum"], told["value"], "{told}");
        }
        let url = format!("{}/api/v1/aggregation", world.pendo().url());
        let question = reqwest::Client::new().post(url).header("x-pendo-integration-key", world.pendo().key());
        let question = question.header("content-type", "application/json").body(told["pendo"]["body"].to_string());
        let answer: Value = serde_json::from_str(&question.send().await.unwrap().text().await.unwrap()).unwrap();
        let (asked, value) = (answer["results"][0]["value"].as_f64().unwrap(), told["value"].as_f64().unwrap());
        assert!((asked - value).abs() <= 1e-6 * (1.0 + value.abs()), "{name}: {asked} at Pendo, {value} here");
    }

    // The same events with another number: nothing but the sum tells, so the hour is read again. A hair's breadth is no difference.
    let replace = |hour: &'static str, from: f64, to: f64| {
        let is_it = move |row: &RawRow| {
            row.hour_ms == ms(hour) && row.properties.as_ref().is_some_and(|all| all["rows"].as_f64() == Some(from))
        };
        let mut row = world.pendo().truth().into_iter().find(|row| is_it(row)).unwrap();
        world.pendo().remove(is_it);
        row.properties = Some(json!({"rows": to}));
        world.pendo().inject(row);
    };
    replace("2026-06-28T02:00:00Z", 2.0, 2.000_000_1);
    world.pendo().clear_requests();
    world.tick_after(25).await;
    assert_eq!(world.fetches(), 0);
    replace("2026-06-28T02:00:00Z", 2.000_000_1, 12.0);
    world.tick_after(25).await;
    near(&world, &fields).await;
}

/// What the brute force says within the millionth by which sums of doubles may differ.
async fn near(world: &World, definitions: &[Value]) {
    let now_ms = world.stack.clock().now_ms();
    let reference =
        Reference::new(world.pendo().truth(), &both_levels(), Tz::UTC, now_ms).with_directory(ACCOUNTS, CONTACTS);
    for definition in definitions {
        let value = world.value("account", "A-1", definition["name"].as_str().unwrap()).await.as_f64().unwrap();
        let expected = reference.expected(definition)["A-1"].value.as_f64().unwrap();
        assert!((value - expected).abs() <= 1e-6 * (1.0 + expected.abs()), "{value}, not {expected}: {definition}");
    }
}
