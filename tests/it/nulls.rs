//! 0, null and "not yet": a null says why, and a number is never a part of the truth.

use crate::harness::{World, all_time, both_levels, field, ms, two_accounts, used};
use crate::reference::Reference;
use chrono_tz::Tz;
use pendo_simulator::{Faults, Kind, RawRow};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn counts_are_zero_and_times_are_never_used_where_nothing_happened() {
    let world = two_accounts().await;
    world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-01-05T08:00:00Z", 4));
    let week = json!({"rolling_days": 7});
    let functions =
        ["count", "minutes", "distinct_visitors", "active_days", "first_used", "last_used", "days_since_last_used"];
    let fields: Vec<_> = functions.map(|function| field(function, "account", "event", function, &week)).into();
    world.fields(&fields).await;
    for (function, wanted) in functions
        .into_iter()
        .zip([json!(0), json!(0), json!(0), json!(0)].into_iter().chain(std::iter::repeat(json!("never_used"))))
    {
        assert_eq!(world.value("account", "A-1", function).await, wanted, "{function}");
    }
}

#[tokio::test]
async fn a_rolling_window_that_begins_before_the_chosen_start_is_not_read_and_all_time_begins_there() {
    let world = World::empty().await;
    for at in ["2026-06-30T08:00:00Z", "2026-06-25T00:00:00Z", "2026-06-24T23:00:00Z"] {
        world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), at, 3));
    }
    world.connect_with(&json!({"history_from": "2026-06-25"})).await;
    world.upload("accounts", "id\nA-1\n").await;
    world.match_both().await;
    let fields = [
        field("Five", "account", "event", "count", &json!({"rolling_days": 5, "complete_days": true})),
        field("Six", "account", "event", "count", &json!({"rolling_days": 6, "complete_days": true})),
        field("Ever", "account", "event", "count", &all_time()),
    ];
    world.fields(&fields).await;
    let reference = Reference::new(world.pendo().truth(), &both_levels(), Tz::UTC, ms(crate::harness::NOW))
        .with_directory("id\nA-1\n", "id,account_id,email\n")
        .with_history_from(ms("2026-06-25T00:00:00Z"));
    for (definition, coverage) in fields.iter().zip([1.0, 5.0 / 6.0, 1.0]) {
        let line = world.line("account", "A-1", definition["name"].as_str().unwrap()).await;
        let expected = &reference.expected(definition)["A-1"];
        assert_eq!((&line["value"], line["reason"].as_str()), (&expected.value, expected.reason), "{line}");
        assert_eq!((&line["from"], &line["to"]), (&json!(expected.from), &json!(expected.to)), "{line}");
        assert!((line["coverage"].as_f64().unwrap() - coverage).abs() < 1e-9, "{line}");
    }
    assert_eq!(world.value("account", "A-1", "Six").await, "not_read");
    assert_eq!(world.line("account", "A-1", "Ever").await["from"], "2026-06-25T00:00:00Z");
    assert_eq!(world.value("account", "A-1", "Ever").await, 6);
}

#[tokio::test]
async fn a_field_reads_backfilling_until_its_own_window_is_covered() {
    let world = two_accounts().await;
    world.pendo().inject(used(Kind::Page, "ann@x.test", Some("A-1"), "2026-06-29T08:00:00Z", 3));
    // More rows than one answer is asked for, so that history is read in two parts.
    for at in ["2026-06-20T08:00:00Z", "2026-03-01T08:00:00Z"] {
        for page in 0..20_000 {
            world.pendo().inject(RawRow::new(Kind::Page, &format!("page-{page}"), "ann@x.test", Some("A-1"), ms(at)));
        }
    }
    let fields = [
        field("Week", "account", "page", "count", &json!({"rolling_days": 7})),
        field("Ever", "account", "page", "count", &all_time()),
    ];
    world.patch("/v1/connection", &json!({"paused": true})).await.expect(200);
    for definition in &fields {
        world.post("/v1/fields", definition).await.expect(201);
    }
    world.idle().await;
    for name in ["Week", "Ever"] {
        assert_eq!(world.value("account", "A-1", name).await, "backfilling", "nothing was read yet");
    }
    // Each request is held back, so that the steps of the backfill can be watched.
    world.pendo().set_faults(Faults { slow_every: 1, slow_ms: 300, ..Faults::default() });
    world.patch("/v1/connection", &json!({"paused": false})).await.expect(200);
    let mut seen_between = false;
    for _ in 0..1_000 {
        let status = world.status().await;
        let lines = world.lines().await;
        let [week, ever] = ["Week", "Ever"].map(|name| &lines[&("account".into(), "A-1".into(), name.into())]);
        match (week["value"].as_u64(), ever["value"].as_u64()) {
            (None, None) => {
                assert_eq!((&week["reason"], &ever["reason"]), (&json!("backfilling"), &json!("backfilling")))
            }
            (Some(week), None) => {
                assert_eq!((week, &ever["reason"]), (3, &json!("backfilling")));
                seen_between |= status["kinds"]["page"]["backfill"]["days_done"].as_u64() > Some(0);
                assert_eq!(status["is_complete"], false);
            }
            (Some(week), Some(ever)) => {
                assert_eq!((week, ever), (3, 40_003), "never a part of the truth");
                break;
            }
            (None, Some(_)) => panic!("all time is shown before the week: {week} {ever}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(seen_between, "the week is usable before all history is read");
    world.idle().await;
    assert_eq!(world.status().await["is_complete"], true);
}

#[tokio::test]
async fn a_value_that_may_still_change_is_never_called_final() {
    let world = two_accounts().await;
    world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-06-01T08:00:00Z", 3));
    world.field(&field("Week", "account", "event", "count", &json!({"rolling_days": 7, "complete_days": true}))).await;
    world.field(&field("Today", "account", "event", "count", &json!({"rolling_days": 1}))).await;
    let settled = async |name: &str| world.line("account", "A-1", name).await["settled"].clone();
    assert_eq!(settled("Today").await, "provisional");
    assert_eq!(settled("Week").await, "settling", "midnight was twelve hours ago");
    let lines = world.lines().await;
    assert!(lines.values().all(|line| line["final"] == false && line["as_of"] == "2026-06-30T12:00:00Z"));
}

#[tokio::test]
async fn a_value_is_final_when_its_window_ended_ten_days_ago_and_every_hour_of_it_is_proven() {
    let world = two_accounts().await;
    world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-06-28T08:00:00Z", 3));
    world.field(&field("Week", "account", "event", "count", &json!({"rolling_days": 7, "complete_days": true}))).await;
    world.patch("/v1/connection", &json!({"paused": true})).await.expect(200);
    let is_final = async || world.line("account", "A-1", "Week").await["final"].clone();
    // The window ended at midnight, twelve hours before the last run.
    world.advance(240 - 13);
    assert_eq!(is_final().await, false);
    world.advance(1);
    assert_eq!(is_final().await, true);
}
