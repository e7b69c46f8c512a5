//! When Pendo rewrites the past: days that shrink, tags that are edited, a zone that changes, accounts that are merged.

use crate::harness::{HOUR_MS, World, all_time, field, ms, two_accounts, used};
use chrono_tz::Tz;
use pendo_simulator::Kind;
use serde_json::{Value, json};
use std::future::Future;

/// Two accounts, one field over `kind` on each level, rows of 10 events at these instants.
async fn with_rows(kind: Kind, name: &str, instants: &[&str]) -> World {
    let world = two_accounts().await;
    for at in instants {
        world.pendo().inject(used(kind, "ann@x.test", Some("A-1"), at, 10));
    }
    world.fields(&[field("Uses", "account", name, "count", &all_time())]).await;
    world
}

async fn uses(world: &World) -> Value {
    world.value("account", "A-1", "Uses").await
}

/// Why a value moved, as it says.
async fn moved_by(world: &World, field: &str) -> Vec<String> {
    let line = world.line("account", "A-1", field).await;
    let causes = line["moved_by"].as_array().into_iter().flatten();
    causes.map(|moved| moved["cause"].as_str().unwrap().to_owned()).collect()
}

/// The report of a kind's days that are held back.
async fn held(world: &World, kind: &str) -> Value {
    world.status().await["kinds"][kind]["held"].clone()
}

const TODAY: [&str; 4] =
    ["2026-06-30T03:10:00Z", "2026-06-30T04:10:00Z", "2026-06-30T05:10:00Z", "2026-06-29T04:10:00Z"];

#[tokio::test]
async fn a_day_that_shrinks_by_half_is_served_as_it_was_until_three_readings_an_hour_apart_agree() {
    let world = with_rows(Kind::Page, "page", &TODAY).await;
    assert_eq!(uses(&world).await, 40);
    world.pendo().remove(|row| row.hour_ms >= ms("2026-06-30T04:00:00Z"));
    for _ in 0..2 {
        // Readings that follow each other at once count as one.
        world.tick().await;
        assert_eq!(uses(&world).await, 40);
    }
    let report = held(&world, "page").await;
    assert_eq!((&report["days"], &report["first_day"]), (&json!(1), &json!("2026-06-30")), "{report}");
    assert_eq!(world.status().await["kinds"]["page"]["equals_pendo"], false);
    assert_eq!(world.status().await["is_complete"], false);
    // New hours of the same day are no part of what shrank.
    world.pendo().inject(used(Kind::Page, "ann@x.test", Some("A-1"), "2026-06-30T12:10:00Z", 1));
    world.tick_after(1).await;
    assert_eq!(uses(&world).await, 41);
    assert!(!held(&world, "page").await.is_null());
    assert!(moved_by(&world, "Uses").await.is_empty());
    world.tick_after(1).await;
    assert_eq!(uses(&world).await, 21, "the third reading that agrees");
    assert_eq!(moved_by(&world, "Uses").await, ["day_shrank"]);
    assert!(held(&world, "page").await.is_null());
    assert_eq!(world.status().await["kinds"]["page"]["equals_pendo"], true);
}

#[tokio::test]
async fn a_value_over_a_day_that_is_held_back_is_provisional() {
    let world = with_rows(Kind::Page, "page", &["2026-05-30T03:10:00Z", "2026-06-27T03:10:00Z"]).await;
    let settled = async || {
        let lines = world.get("/v1/values?object=account&id=A-1").await.expect(200);
        lines["items"][0]["settled"].clone()
    };
    world.fields(&[]).await;
    let week = field("Week", "account", "page", "count", &json!({"rolling_days": 7, "complete_days": true}));
    world.field(&week).await;
    let of_week = async || {
        let lines = world.get("/v1/values?object=account&id=A-1&field=Week").await.expect(200);
        lines["items"][0]["settled"].clone()
    };
    assert_eq!(of_week().await, "settling");
    world.pendo().remove(|row| row.hour_ms == ms("2026-06-27T03:00:00Z"));
    world.tick_after(24).await;
    assert!(!held(&world, "page").await.is_null());
    assert_eq!(of_week().await, "provisional");
    assert_eq!(settled().await, "provisional", "all time holds it too");
    assert_eq!(world.value("account", "A-1", "Week").await, 10);
}

#[tokio::test]
async fn a_spell_in_which_pendo_shows_nothing_after_a_change_of_its_zone_changes_no_value() {
    let days: Vec<String> = (1..=28).map(|day| format!("2026-06-{day:02}T05:10:00Z")).collect();
    let instants: Vec<&str> = days.iter().map(String::as_str).chain(TODAY).collect();
    let world = with_rows(Kind::Event, "event", &instants).await;
    let count = 10 * instants.len();
    assert_eq!(uses(&world).await, count);
    world.pendo().change_time_zone(Tz::America__New_York, 2 * HOUR_MS);
    for _ in 0..2 {
        world.tick_after(1).await;
        assert_eq!(uses(&world).await, count);
    }
    let report = held(&world, "event").await;
    assert!(report.is_null() || report["meaning"].as_str().unwrap().contains("time zone"), "{report}");
    world.tick_after(1).await;
    assert_eq!(uses(&world).await, count);
    assert!(held(&world, "event").await.is_null(), "Pendo shows all of it again");
    assert_eq!(world.status().await["kinds"]["event"]["equals_pendo"], true);
}

/// Rows of a feature on many days, two of them long ago, and a run after them.
async fn with_feature() -> World {
    let world = two_accounts().await;
    world.pendo().add_feature("some-feature", "Some feature");
    world.pendo().add_feature("other", "Another feature");
    for day in ["2026-03-02", "2026-04-29", "2026-06-28", "2026-06-30"] {
        for minute in 10..30 {
            let at = format!("{day}T05:{minute}:00Z");
            let mut row = used(Kind::Feature, "ann@x.test", Some("A-1"), &at, 1);
            row.remote_ip = format!("203.0.113.{minute}");
            world.pendo().inject(row.clone());
            // Most of a day's usage is of another feature, so that no day shrinks by half.
            row.object_id = "other".to_owned();
            row.events = 3;
            world.pendo().inject(row);
        }
    }
    let mut uses = field("Uses", "account", "feature", "count", &all_time());
    uses["usage"]["ids"] = json!(["some-feature"]);
    let mut other = field("Other", "account", "feature", "count", &all_time());
    other["usage"]["ids"] = json!(["other"]);
    let week = field("Yesterday", "account", "feature", "count", &json!({"rolling_days": 1, "complete_days": true}));
    world.fields(&[uses, other, week]).await;
    world.tick_after(1).await;
    world
}

/// What the simulator would count.
fn truth(world: &World) -> u64 {
    let rows = world.pendo().truth_of(Kind::Feature);
    rows.iter().filter(|row| row.object_id == "some-feature").map(|row| u64::from(row.events)).sum()
}

#[tokio::test]
async fn a_tag_that_was_edited_has_its_whole_history_read_again_at_once() {
    let world = with_feature().await;
    assert_eq!((uses(&world).await, truth(&world)), (json!(80), 80));
    let asked =
        |world: &World| world.pendo().requests().iter().filter(|request| request.body.contains("utcDay")).count();
    let before = asked(&world);
    world.tick().await;
    assert_eq!(asked(&world), before, "without an edit history is not compared");
    assert!(world.pendo().edit(Kind::Feature, "some-feature", 0, 60));
    world.tick().await;
    let kept = truth(&world);
    assert!(kept < 80);
    assert_eq!(uses(&world).await, kept);
    let feature = world.status().await["kinds"]["feature"].clone();
    assert_eq!(feature["edit"]["objects"], 1);
    assert_eq!(moved_by(&world, "Uses").await, ["tag_edit"]);
    assert!(moved_by(&world, "Other").await.is_empty(), "another feature");
    assert!(moved_by(&world, "Yesterday").await.is_empty(), "its day has no usage");
    assert_eq!(feature["changed_after_final"]["hours"], 2, "March and April: {feature}");
    assert_eq!(feature["rewrites"][0]["newest_day"], "2026-06-30", "{feature}");
    for _ in 0..27 {
        world.tick_after(1).await;
    }
    assert!(world.status().await["kinds"]["feature"]["edit"].is_null(), "a day later nothing more is expected");
    let before = asked(&world);
    world.tick_after(1).await;
    assert_eq!(asked(&world), before);
}

#[tokio::test]
async fn an_edit_that_takes_hours_is_followed_until_it_is_through() {
    let world = with_feature().await;
    assert!(world.pendo().edit(Kind::Feature, "some-feature", 5 * HOUR_MS, 100));
    world.tick().await;
    assert_eq!(world.status().await["kinds"]["feature"]["edit"]["is_being_applied"], true);
    let during = uses(&world).await;
    assert!(during.as_u64().unwrap() < 80, "what Pendo has not reached yet is missing there too: {during}");
    for _ in 0..5 {
        world.tick_after(1).await;
    }
    assert_eq!(uses(&world).await, 80);
    assert_eq!(world.status().await["kinds"]["feature"]["equals_pendo"], true);
}

#[tokio::test]
async fn a_run_that_dies_after_it_saw_an_edit_leaves_it_to_the_next() {
    let world = with_feature().await;
    world.pendo().edit(Kind::Feature, "some-feature", 0, 60);
    let (context, workspace) = (world.stack.context().clone(), world.workspace());
    let asked = |world: &World| world.pendo().requests().len();
    // One more request before it dies each time: after the people, the catalogue, the probe…
    for requests in 1..6 {
        let before = asked(&world);
        let mut run = std::pin::pin!(shared::sync::run(&context, &workspace, None));
        let dies = std::future::poll_fn(|context| {
            let is_over = run.as_mut().poll(context).is_ready() || asked(&world) - before >= requests;
            if is_over { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        });
        dies.await;
        crate::resilience::claim_runs_out(&world).await;
    }
    world.tick().await;
    assert_eq!(uses(&world).await, truth(&world));
}

#[tokio::test]
async fn rows_that_move_to_another_account_or_object_without_any_total_changing_are_found_within_a_week() {
    let days = ["2026-02-03T05:10:00Z", "2026-05-04T05:10:00Z", "2026-06-02T05:10:00Z"];
    let world = two_accounts().await;
    for at in days {
        world.pendo().inject(used(Kind::Page, "ann@x.test", Some("A-1"), at, 10));
        world.pendo().inject(used(Kind::Page, "bob@x.test", Some("A-2"), at, 7));
    }
    world.pendo().add_page("some-page", "Some page");
    world.pendo().add_page("another-page", "Another page");
    let mut other = field("Other", "account", "page", "count", &all_time());
    other["usage"]["ids"] = json!(["another-page"]);
    world.fields(&[field("Uses", "account", "page", "count", &all_time()), other]).await;
    assert_eq!(uses(&world).await, 30);
    let rewrite = |at: &str, account: &str, object: &str| {
        let mut row = used(Kind::Page, "ann@x.test", Some(account), at, 10);
        row.object_id = object.to_owned();
        assert_eq!(world.pendo().remove(|old| old.first_ms == row.first_ms && old.visitor_id == row.visitor_id), 1);
        world.pendo().inject(row);
    };
    rewrite(days[0], "A-2", "some-page");
    rewrite(days[1], "A-1", "another-page");
    let fetches = world.fetches();
    world.tick_after(7 * 24 + 1).await;
    assert_eq!((uses(&world).await, world.value("account", "A-2", "Uses").await), (json!(20), json!(31)));
    assert_eq!(world.value("account", "A-1", "Other").await, 10);
    assert_eq!(moved_by(&world, "Uses").await, ["rows_moved"]);
    assert_eq!(
        (world.fetches() - fetches, world.report().await.rows),
        (1, 4),
        "the rows of the two days, in one answer"
    );
    world.tick_after(7 * 24 + 1).await;
    assert_eq!(world.fetches() - fetches, 1, "nothing moved since");
}

#[tokio::test]
async fn an_hour_that_pendo_changes_after_it_was_final_is_counted_and_shown() {
    let world = with_rows(Kind::Event, "event", &["2026-05-01T10:05:00Z", "2026-06-30T09:05:00Z"]).await;
    let after_final = async || world.status().await["kinds"]["event"]["changed_after_final"].clone();
    for hours in [1, 24] {
        let late = format!("2026-06-30T{:02}:30:00Z", 9 + hours.min(2));
        world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), &late, 10));
        world.tick_after(hours).await;
    }
    assert!(after_final().await.is_null(), "young hours change all the time");
    // An hour that had usage, and one that had none.
    world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-05-01T10:15:00Z", 10));
    world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-05-02T10:15:00Z", 10));
    for _ in 0..6 {
        world.tick_after(24).await;
    }
    let first = after_final().await;
    assert_eq!((&first["hours"], &first["first_at"]), (&json!(2), &first["last_at"]), "{first}");
    let line = world.line("account", "A-1", "Uses").await;
    assert_eq!(line["moved_by"], json!([{"cause": "unexplained", "at": first["last_at"]}]));
    world.pendo().remove(|row| row.hour_ms == ms("2026-05-02T10:00:00Z"));
    world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-05-01T10:25:00Z", 10));
    // The day that is empty now is held back for three readings.
    for _ in 0..10 {
        world.tick_after(24).await;
    }
    let second = after_final().await;
    assert_eq!((&second["hours"], &second["first_at"]), (&json!(4), &first["first_at"]), "{second}");
    assert_ne!(second["last_at"], first["last_at"]);
    for _ in 0..31 {
        world.tick_after(24).await;
    }
    assert_eq!(after_final().await, second);
    assert!(moved_by(&world, "Uses").await.is_empty(), "a month later a value has settled");
}

#[tokio::test]
async fn only_the_api_says_what_moved_a_value_and_the_export_stays_as_it_is() {
    let world = with_feature().await;
    world.pendo().edit(Kind::Feature, "some-feature", 0, 60);
    world.tick().await;
    assert_eq!(moved_by(&world, "Uses").await, ["tag_edit"]);
    let all = shared::values::Query::default();
    for line in shared::values::list(world.stack.context(), &world.workspace(), &all).await.unwrap().items {
        let line = serde_json::to_value(line).unwrap();
        let members: Vec<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
        let mut said = ["object", "id", "field", "value", "reason", "from", "to", "as_of", "coverage", "final"];
        said.sort_unstable();
        assert_eq!(members, said);
    }
}

/// Two kinds with usage on many days.
async fn with_two_kinds() -> World {
    let world = two_accounts().await;
    let days: Vec<String> = (1..=30).map(|day| format!("2026-06-{day:02}T05:10:00Z")).collect();
    for at in &days {
        world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), at, 10));
        world.pendo().inject(used(Kind::Page, "ann@x.test", Some("A-1"), at, 1));
    }
    let pages = field("Pages", "account", "page", "count", &all_time());
    world.fields(&[field("Uses", "account", "event", "count", &all_time()), pages]).await;
    assert_eq!(uses(&world).await, 300);
    world
}

#[tokio::test]
async fn a_change_of_pendos_zone_that_takes_hours_is_recognised_and_overwrites_nothing() {
    let world = with_two_kinds().await;
    world.pendo().change_time_zone(Tz::America__New_York, 3 * HOUR_MS);
    for hour in 1..=2 {
        world.tick_after(1).await;
        assert_eq!((uses(&world).await, world.value("account", "A-1", "Pages").await), (json!(300), json!(30)));
        assert_eq!(world.report().await.usage_writes, 0, "after {hour} hours");
        let status = world.status().await;
        assert_eq!((&status["is_complete"], &status["kinds"]["page"]["equals_pendo"]), (&json!(false), &json!(false)));
        if hour == 1 {
            assert!(status["recomputing"].is_null(), "one answer alone could be a bad one");
            continue;
        }
        let since = "2026-06-30T13:00:00Z";
        assert_eq!((&status["recomputing"]["since"], &status["recomputing"]["back_at"]), (&json!(since), &Value::Null));
        for sentence in
            [&status["recomputing"]["meaning"], &status["kinds"]["event"]["held"]["meaning"], &status["next_step"]]
        {
            assert!(sentence.as_str().unwrap().contains("all usage is gone from Pendo at once"), "{sentence}");
        }
    }
    world.tick_after(1).await;
    let status = world.status().await;
    assert_eq!((uses(&world).await, &status["is_complete"]), (json!(300), &json!(true)), "{status}");
    assert_eq!(status["recomputing"]["back_at"], "2026-06-30T15:00:00Z");
    assert!(status["recomputing"]["meaning"].as_str().unwrap().contains("Nothing was overwritten"));
    for kind in ["event", "page"] {
        let report = &status["kinds"][kind];
        assert_eq!((&report["held"], &report["difference"]), (&Value::Null, &json!(0)), "{report}");
        assert_eq!((&report["rewrites"], &report["aged_out_before"]), (&json!([]), &Value::Null), "{report}");
    }
}

#[tokio::test]
async fn what_three_readings_agree_is_gone_is_taken_and_read_again_once_it_is_back() {
    let world = with_two_kinds().await;
    world.pendo().change_time_zone(Tz::America__New_York, 6 * HOUR_MS);
    for _ in 0..2 {
        world.tick_after(1).await;
        assert_eq!(uses(&world).await, 300);
    }
    for _ in 0..3 {
        world.tick_after(1).await;
        assert!(uses(&world).await.as_u64().unwrap() < 300);
        let meaning = world.status().await["recomputing"]["meaning"].clone();
        assert!(meaning.as_str().unwrap().contains("readings at least an hour apart agreed"), "{meaning}");
    }
    world.tick_after(1).await;
    let status = world.status().await;
    assert_eq!((uses(&world).await, &status["kinds"]["event"]["equals_pendo"]), (json!(300), &json!(true)), "{status}");
    assert_eq!(status["recomputing"]["back_at"], "2026-06-30T18:00:00Z");
    assert!(status["recomputing"]["meaning"].as_str().unwrap().contains("read anew"));
}

#[tokio::test]
async fn a_kind_that_is_gone_alone_is_not_taken_for_a_change_of_the_zone() {
    let world = with_two_kinds().await;
    world.pendo().remove(|row| row.kind == Kind::Page && row.hour_ms >= ms("2026-06-27T00:00:00Z"));
    for _ in 0..3 {
        world.tick_after(1).await;
        assert!(world.status().await["recomputing"].is_null());
    }
    assert_eq!(world.value("account", "A-1", "Pages").await, 27, "three readings agreed");
}

#[tokio::test]
async fn after_all_was_gone_once_days_that_do_not_come_back_are_believed_as_always() {
    let world = with_two_kinds().await;
    let is_old = |row: &pendo_simulator::RawRow| row.hour_ms < ms("2026-06-28T00:00:00Z");
    let rows: Vec<_> = world.pendo().truth().into_iter().filter(|row| !is_old(row)).collect();
    world.pendo().remove(|row| !is_old(row));
    world.tick_after(1).await;
    assert_eq!(uses(&world).await, 300, "everything of the trailing days is gone");
    // One row of one kind comes back, and no more ever does.
    let back = rows.iter().find(|row| row.kind == Kind::Event).unwrap().clone();
    world.pendo().inject(back);
    let left: u32 = world.pendo().truth_of(Kind::Event).iter().map(|row| row.events).sum();
    world.tick_after(1).await;
    assert_eq!(uses(&world).await, 300);
    world.tick_after(1).await;
    let status = world.status().await;
    assert_eq!((uses(&world).await, &status["is_complete"]), (json!(left), &json!(true)), "{status}");
    assert!(status["recomputing"].is_null() && status["kinds"]["page"]["held"].is_null(), "{status}");
}
