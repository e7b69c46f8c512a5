//! The clock, late rows, and changes of the past.

use std::collections::BTreeMap;

use pendo_simulator::{Kind, Late, Options, RawRow};
use serde_json::{Value, json};

use crate::guest::{Guest, HOUR, HOUR_MS, NOW, all, row};

async fn total(guest: &Guest, source: &str) -> u64 {
    guest.results(json!([all(source), {"reduce": {"sum": {"sum": "numEvents"}}}])).await[0]["sum"].as_u64().unwrap()
}

#[tokio::test]
async fn two_runs_at_one_instant_answer_alike() {
    let (one, two) = (Guest::of_small_world().await, Guest::of_small_world().await);
    assert_eq!(one.simulator.truth(), two.simulator.truth());
    let pipeline = json!([all("pageEvents")]);
    assert_eq!(one.results(pipeline.clone()).await, two.results(pipeline).await);
}

#[tokio::test]
async fn a_world_that_grew_equals_one_that_started_later() {
    let options = Options { accounts: 8, visitors: 60, ..Options::default() };
    let (young, old) = (Guest::of(options.clone()).await, Guest::of(options).await);
    let before = young.simulator.truth().len();
    for _ in 0..40 {
        young.simulator.clock().advance_ms(HOUR_MS);
    }
    old.simulator.clock().advance_ms(40 * HOUR_MS);
    assert_eq!(young.simulator.truth(), old.simulator.truth());
    assert!(before < old.simulator.truth().len());
}

#[tokio::test]
async fn the_clock_moves_on_request_and_never_back() {
    let guest = Guest::of_nothing().await;
    let moved: Value = guest.post("/simulator/clock", &json!({"advance_seconds": 3600})).await.json().await.unwrap();
    assert_eq!(moved, json!({"now": "2026-06-30T13:30:00.000Z", "now_ms": NOW + HOUR_MS}));
    assert_eq!(guest.post("/simulator/clock", &json!({"now": "2026-06-30T13:00:00Z"})).await.status(), 400);
    assert_eq!(guest.simulator.clock().now_ms(), NOW + HOUR_MS);
}

#[tokio::test]
async fn rows_arrive_late_and_some_of_them_grow() {
    let guest = Guest::of(Options { days: 20, ..Options::default() }).await;
    let seen = |rows: &[RawRow]| -> BTreeMap<(String, String, i64, i64), u32> {
        rows.iter()
            .map(|row| ((row.visitor_id.clone(), row.object_id.clone(), row.hour_ms, row.first_ms), row.events))
            .collect()
    };
    let before = seen(&guest.simulator.truth_of(Kind::Event));
    guest.simulator.clock().advance_ms(12 * 24 * HOUR_MS);
    let after: Vec<RawRow> =
        guest.simulator.truth_of(Kind::Event).into_iter().filter(|row| row.last_ms < NOW).collect();
    let later = seen(&after);
    assert!(later.keys().any(|key| !before.contains_key(key)), "some were missing");
    assert!(later.iter().any(|(key, events)| before.get(key).is_some_and(|known| known < events)), "some were in part");
    assert!(after.iter().all(|row| row.arrives_at_ms <= row.last_ms + 9 * 24 * HOUR_MS));
    assert!(after.iter().any(|row| row.arrives_at_ms > row.last_ms + 24 * HOUR_MS), "some were late by days");
}

#[tokio::test]
async fn a_share_of_the_rows_arrives_late_and_no_other() {
    let late = Late::Share { percent: 5, hours: 72 };
    let guest = Guest::of(Options { days: 20, late, ..Options::default() }).await;
    guest.simulator.clock().advance_ms(72 * HOUR_MS);
    let rows = guest.simulator.truth_of(Kind::Event);
    let old: Vec<i64> =
        rows.iter().filter(|row| row.last_ms < NOW).map(|row| row.arrives_at_ms - row.last_ms).collect();
    let late: Vec<i64> = old.iter().copied().filter(|delay_ms| *delay_ms > HOUR_MS / 30).collect();
    assert!((3..=7).contains(&(late.len() * 100 / old.len())), "{} of {}", late.len(), old.len());
    assert!(late.iter().all(|delay_ms| *delay_ms <= 72 * HOUR_MS + HOUR_MS / 30));
    assert!(late.iter().any(|delay_ms| *delay_ms > 60 * HOUR_MS));
}

#[tokio::test]
async fn an_edited_tag_is_cleared_and_comes_back_newest_first() {
    let guest = Guest::of_nothing().await;
    guest.simulator.add_feature("f1", "Export");
    guest.simulator.inject(row("v", Some("a"), HOUR - 24 * HOUR_MS, 1));
    guest.simulator.inject(row("v", Some("a"), 1_719_792_000_000, 2));
    assert!(guest.simulator.edit(Kind::Feature, "f1", 10 * HOUR_MS, 100));
    assert_eq!(total(&guest, "featureEvents").await, 0);
    let feature: Value = guest.get("/api/v1/feature").await.json().await.unwrap();
    assert_eq!((feature[0]["dirty"].clone(), feature[0]["lastUpdatedAt"].clone()), (json!(true), json!(NOW)));
    guest.simulator.clock().advance_ms(5 * HOUR_MS);
    assert_eq!(total(&guest, "featureEvents").await, 1);
    guest.simulator.clock().advance_ms(5 * HOUR_MS);
    assert_eq!(total(&guest, "featureEvents").await, 3);
    let feature: Value = guest.get("/api/v1/feature").await.json().await.unwrap();
    assert_eq!(feature[0]["dirty"], false);
}

#[tokio::test]
async fn a_new_time_zone_hides_all_usage_for_a_while() {
    let guest = Guest::of_nothing().await;
    guest.simulator.inject(row("v", Some("a"), HOUR, 1));
    let body = json!({"time_zone": "Asia/Tokyo", "minutes": 90});
    assert_eq!(guest.post("/simulator/time-zone", &body).await.status(), 204);
    assert_eq!(total(&guest, "featureEvents").await, 0);
    guest.simulator.clock().advance_ms(2 * HOUR_MS);
    assert_eq!(total(&guest, "featureEvents").await, 1);
}

#[tokio::test]
async fn rows_can_be_added_and_removed_through_either_door() {
    let guest = Guest::of_nothing().await;
    guest.simulator.inject(row("v", Some("a"), HOUR, 1));
    let rows = json!([row("w", None, HOUR, 2)]);
    assert_eq!(guest.post("/simulator/rows", &rows).await.status(), 204);
    assert_eq!(total(&guest, "featureEvents").await, 3);
    assert_eq!(guest.simulator.remove(|row| row.visitor_id == "v"), 1);
    assert_eq!(total(&guest, "featureEvents").await, 2);
    let truth = guest.get("/simulator/truth?kind=feature").await.text().await.unwrap();
    assert_eq!(truth.lines().count(), 1);
    assert_eq!(serde_json::from_str::<RawRow>(&truth).unwrap().visitor_id, "w");
}
