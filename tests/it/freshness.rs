//! When a change in Pendo becomes a change of a value, and what it costs when there is none.

use crate::harness::{World, all_time, field, two_accounts, used};
use pendo_simulator::Kind;
use serde_json::json;
use shared::config::{Config, Passes};
use std::sync::Arc;

/// The trailing days of usage in all kinds, and a field over each.
async fn with_all_kinds() -> World {
    let world = two_accounts().await;
    for kind in [Kind::Event, Kind::Page, Kind::Feature, Kind::Track, Kind::Guide] {
        for at in ["2026-06-30T09:10:00Z", "2026-06-28T23:59:00Z", "2026-03-01T00:00:00Z"] {
            world.pendo().inject(used(kind, "ann@x.test", Some("A-1"), at, 3));
        }
    }
    let kinds = ["event", "page", "feature", "track", "guide"];
    let fields: Vec<_> = kinds.map(|kind| field(kind, "account", kind, "count", &json!({"rolling_days": 7}))).into();
    world.fields(&fields).await;
    world
}

#[tokio::test]
async fn a_run_with_nothing_new_writes_no_usage_and_no_value_and_asks_once_per_kind() {
    let world = with_all_kinds().await;
    assert_eq!(world.value("account", "A-1", "page").await, 6);
    for hours in [0, 0, 1, 3] {
        world.advance(hours);
        world.pendo().clear_requests();
        let before = world.items().await;
        world.tick().await;
        let report = world.report().await;
        assert_eq!((report.usage_writes, report.value_writes, report.rows), (0, 0, 0));
        assert_eq!((report.usage_requests, world.usage_requests()), (5, 5));
        let after = world.items().await;
        let changed: Vec<_> = after.iter().filter(|(key, item)| before.get(*key) != Some(item)).collect();
        assert_eq!(changed.len(), 1, "only the run's record: {changed:?}");
    }
}

#[tokio::test]
async fn in_the_daily_pass_the_larger_probe_takes_the_place_of_the_small_one() {
    let world = with_all_kinds().await;
    world.pendo().clear_requests();
    world.tick_after(24).await;
    assert_eq!((world.usage_requests(), world.fetches()), (5, 0));
    // Ten days and the twelve hours back to midnight; guides with a day more on both sides.
    let hours = |body: &str| body.contains("\"count\":252") || body.contains("\"count\":300");
    assert!(world.pendo().requests().iter().filter(|r| r.body.contains("timeSeries")).all(|r| hours(&r.body)));
}

#[tokio::test]
async fn how_far_back_runs_compare_and_how_often_is_configured() {
    let world = with_all_kinds().await;
    let mut context = world.stack.context().clone();
    let passes = Passes { trailing_hours: 24, daily_days: 3, history_days: 2, totals_days: 0 };
    context.config = Arc::new(Config { passes, ..(*context.config).clone() });
    // What a run an hour, a day, and two days later asks of pages: trailing hours, days of the daily pass, days of history, totals.
    for (hours, trailing, history) in [(1, vec!["37"], 0), (23, vec!["84"], 0), (24, vec![], 1)] {
        world.advance(hours);
        world.pendo().clear_requests();
        shared::sync::run(&context, &world.workspace(), None).await.unwrap();
        let asked = world.pendo().requests();
        let of_pages =
            || asked.iter().filter(|asked| asked.body.contains("pageEvents") && asked.body.contains("squares"));
        let by_hour = of_pages().filter(|asked| !asked.body.contains("utcDay"));
        let counts = by_hour.filter_map(|asked| asked.body.split("\"count\":").nth(1)?.split(&[',', '}']).next());
        assert_eq!(counts.collect::<Vec<_>>(), trailing, "{hours}");
        assert_eq!(of_pages().filter(|asked| asked.body.contains("utcDay")).count(), history, "{hours}");
        assert!(asked.iter().all(|asked| !asked.body.contains("\"span\"")), "totals are never compared");
    }
}

#[tokio::test]
async fn a_late_row_that_moves_its_hour_by_one_percent_appears_in_the_next_run() {
    let world = two_accounts().await;
    world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-06-30T10:05:00Z", 1_000));
    world.field(&field("Events", "account", "event", "count", &all_time())).await;
    assert_eq!(world.value("account", "A-1", "Events").await, 1_000);
    world.pendo().inject(used(Kind::Event, "bob@x.test", Some("A-1"), "2026-06-30T10:50:00Z", 11));
    world.tick().await;
    assert_eq!(world.value("account", "A-1", "Events").await, 1_011);
}

#[tokio::test]
async fn a_smaller_late_row_appears_when_the_next_age_of_its_hour_is_due() {
    let world = two_accounts().await;
    world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-06-30T11:05:00Z", 10_000));
    world.field(&field("Events", "account", "event", "count", &all_time())).await;
    // The hour ends at 12:00, and it is 12:30: its age is 0.
    let mut shown = 10_000;
    let mut sent = shown;
    for age in 1..=24 {
        sent += 2;
        world.pendo().inject(used(Kind::Event, "bob@x.test", Some("A-1"), "2026-06-30T11:50:00Z", 2));
        world.tick_after(1).await;
        if [1, 2, 4, 8, 24].contains(&age) {
            shown = sent;
        }
        assert_eq!(world.value("account", "A-1", "Events").await, shown, "at age {age}");
    }
}

#[tokio::test]
async fn a_row_that_comes_days_late_appears_with_the_daily_pass_and_a_very_late_one_with_the_weekly() {
    let world = two_accounts().await;
    world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-05-01T10:05:00Z", 1));
    world.field(&field("Events", "account", "event", "count", &all_time())).await;
    world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-06-24T10:05:00Z", 10));
    world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-05-01T10:05:00Z", 100));
    world.tick_after(1).await;
    assert_eq!(world.value("account", "A-1", "Events").await, 1);
    world.tick_after(23).await;
    assert_eq!(world.value("account", "A-1", "Events").await, 11);
    for _ in 0..6 {
        world.tick_after(24).await;
    }
    assert_eq!(world.value("account", "A-1", "Events").await, 111);
}

#[tokio::test]
async fn an_object_untouched_for_days_is_right_again_after_midnight() {
    let world = two_accounts().await;
    world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-06-24T23:59:59Z", 4));
    let days = field("Days since", "contact", "event", "days_since_last_used", &all_time());
    let count = field("Seven days", "account", "event", "count", &json!({"rolling_days": 7, "complete_days": true}));
    world.fields(&[days, count]).await;
    for (hours, since, events) in [(0, 6, 4), (11, 6, 4), (1, 7, 4), (24, 8, 0), (24, 9, 0)] {
        world.pendo().clear_requests();
        world.tick_after(hours).await;
        assert_eq!(world.value("contact", "C-1", "Days since").await, since);
        assert_eq!(world.value("account", "A-1", "Seven days").await, events);
        assert_eq!(world.fetches(), 0, "what is stored is enough");
    }
}

#[tokio::test]
async fn a_field_of_seven_days_and_one_of_all_time_read_one_store_from_one_ingest() {
    let world = two_accounts().await;
    for at in ["2026-06-30T09:10:00Z", "2025-06-28T23:59:00Z"] {
        world.pendo().inject(used(Kind::Page, "ann@x.test", Some("A-1"), at, 3));
    }
    world.field(&field("Week", "account", "page", "count", &json!({"rolling_days": 7}))).await;
    let blocks = |items: std::collections::BTreeMap<(String, String), String>| {
        items.into_keys().filter(|(_, sort)| sort.contains("block")).collect::<Vec<_>>()
    };
    let stored = blocks(world.items().await);
    assert!(!stored.is_empty());
    world.pendo().clear_requests();
    world.field(&field("Ever", "account", "page", "count", &all_time())).await;
    world.field(&field("Who", "contact", "page", "active_days", &all_time())).await;
    assert_eq!(
        (world.value("account", "A-1", "Week").await, world.value("account", "A-1", "Ever").await),
        (json!(3), json!(6))
    );
    assert_eq!(world.value("contact", "C-1", "Who").await, 2);
    assert_eq!(world.pendo().requests().len(), 0, "what is stored is enough");
    assert_eq!(blocks(world.items().await), stored);
}

#[tokio::test]
async fn no_usage_request_leaves_before_the_first_field_is_mapped() {
    let world = two_accounts().await;
    world.pendo().inject(used(Kind::Page, "ann@x.test", Some("A-1"), "2026-06-30T09:10:00Z", 3));
    world.tick_after(1).await;
    world.post("/v1/sync", &json!({})).await.expect(202);
    world.idle().await;
    assert_eq!(world.usage_requests(), 0);
    world.field(&field("Pages", "account", "page", "count", &all_time())).await;
    assert!(world.usage_requests() > 0);
    let asked = world.pendo().requests();
    let others = asked.iter().filter(|r| r.body.contains("timeSeries") && !r.body.contains("pageEvents"));
    assert_eq!(others.count(), 0, "a kind that no field maps is not asked for");
}

#[tokio::test]
async fn the_directory_is_byte_equal_before_and_after_syncs() {
    let world = with_all_kinds().await;
    let read = async || {
        let lists = [world.get("/v1/directory/accounts").await.text, world.get("/v1/directory/contacts").await.text];
        let mut items = world.items().await;
        items.retain(|(partition, _), _| partition.ends_with("#directory"));
        assert!(!items.is_empty());
        (lists, items)
    };
    let before = read().await;
    for hours in [0, 1, 24] {
        world.pendo().inject(used(Kind::Event, "new@x.test", Some("A-9"), "2026-06-30T11:00:00Z", 70));
        world.tick_after(hours).await;
    }
    assert_eq!(read().await, before);
}

#[tokio::test]
async fn the_running_hour_is_never_part_of_a_value() {
    let world = two_accounts().await;
    world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-06-30T12:05:00Z", 5));
    world.field(&field("Today", "account", "event", "count", &json!({"rolling_days": 1}))).await;
    let line = world.line("account", "A-1", "Today").await;
    assert_eq!(
        (&line["value"], &line["to"], &line["as_of"]),
        (&json!(0), &json!("2026-06-30T12:00:00Z"), &json!("2026-06-30T12:00:00Z"))
    );
    world.tick_after(1).await;
    assert_eq!(world.value("account", "A-1", "Today").await, 5);
}
