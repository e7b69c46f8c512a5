//! Pendo fails and lies: nothing is lost, nothing doubles, and what is whole is not given up for a part.

use crate::harness::{World, all_time, field, ms, two_accounts, used};
use crate::resilience::{ACCOUNTS, agrees, prepared, rows, unpause_in_the_table};
use pendo_simulator::{Faults, Kind, Trouble};
use serde_json::Value;
use shared::sync::checkpoint::Checkpoint;

#[tokio::test]
async fn an_answer_that_fails_or_lies_loses_nothing_and_doubles_nothing() {
    let faults = [
        Faults { too_many_every: 2, retry_after_seconds: Some(0), ..Faults::default() },
        Faults { error_every: 2, error_status: Some(500), ..Faults::default() },
        Faults { cut_every: 2, ..Faults::default() },
        Faults { cut_every: 2, cut_cleanly: true, ..Faults::default() },
        Faults { html_every: 2, ..Faults::default() },
        Faults { empty_every: 2, ..Faults::default() },
        Faults { empty_every: 3, null_results: true, ..Faults::default() },
        Faults { shrink_every: 2, ..Faults::default() },
        Faults { max_bytes: 4_000, ..Faults::default() },
        Faults { max_rows: 60, ..Faults::default() },
    ];
    let world = prepared(&rows(240)).await;
    unpause_in_the_table(&world).await;
    let (context, workspace) = (world.stack.context().clone(), world.workspace());
    for (n, fault) in (0..).zip(faults) {
        let mut row = used(Kind::Page, "v1@x", Some("A-2"), crate::harness::NOW, 20 + n);
        row.hour_ms = world.stack.clock().now_ms() / 3_600_000 * 3_600_000;
        (row.first_ms, row.last_ms) = (row.hour_ms + 5, row.hour_ms + 5);
        world.pendo().inject(row);
        world.advance(1);
        world.pendo().set_faults(fault.clone());
        drop(shared::sync::run(&context, &workspace, None).await);
        world.pendo().set_faults(Faults::default());
        // What an answer of nothing hid is read by the run after, what looked settled by the daily pass.
        world.tick().await;
        world.tick_after(24).await;
        world.tick().await;
        let status = world.status().await;
        assert_eq!(status["status"], "active", "{fault:?}");
        agrees(&world).await;
    }
}

#[tokio::test]
async fn an_answer_that_lost_rows_without_a_word_never_takes_the_place_of_a_whole_one() {
    let world = World::empty().await;
    let row = |n: u32| used(Kind::Page, &format!("v{n}@x"), Some("A-1"), "2026-06-30T10:20:00Z", 10);
    (0..40).for_each(|n| world.pendo().inject(row(n)));
    world.connect().await;
    world.upload("accounts", ACCOUNTS).await;
    world.match_both().await;
    world.field(&field("Views", "account", "page", "count", &all_time())).await;
    assert_eq!(world.value("account", "A-1", "Views").await, 400);
    // The fetch is one of the aggregations of a run: each is spoiled once.
    let mut shown = 400;
    for nth in 1..=6 {
        world.pendo().inject(row(100 + nth));
        let only_path = Some("aggregation".to_owned());
        world.pendo().set_faults(Faults { shrink_every: nth, at_most: 1, only_path, ..Faults::default() });
        world.tick().await;
        let stands = world.value("account", "A-1", "Views").await.as_u64().unwrap();
        assert!(stands >= shown, "spoiled {nth}: {stands} after {shown}");
        world.pendo().set_faults(Faults::default());
        world.tick().await;
        shown = 400 + u64::from(nth) * 10;
        assert_eq!(world.value("account", "A-1", "Views").await, shown);
    }
}

#[tokio::test]
async fn where_pendo_does_not_give_its_people_usage_is_stored_with_those_that_are_known() {
    let world = two_accounts().await;
    world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-06-30T11:00:00Z", 3));
    world.field(&field("Events", "contact", "event", "count", &all_time())).await;
    let of_people = |fault: Faults| Faults { only_body: Some("\"visitors\"".to_owned()), ..fault };
    let faults = [
        Faults { error_every: 1, error_status: Some(500), ..Faults::default() },
        Faults { error_every: 1, error_status: Some(400), ..Faults::default() },
        Faults { error_every: 1, error_status: Some(402), ..Faults::default() },
        Faults { html_every: 1, ..Faults::default() },
        Faults { cut_every: 1, ..Faults::default() },
    ];
    for (n, fault) in (1..).zip(faults) {
        let at = format!("2026-06-30T{:02}:10:00Z", 11 + n);
        world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), &at, 1));
        world.pendo().inject(used(Kind::Event, &format!("new-{n}@x.test"), Some("A-1"), &at, 1));
        world.pendo().set_faults(of_people(fault.clone()));
        world.tick_after(1).await;
        let status = world.status().await;
        assert_eq!((&status["is_complete"], &status["kinds"]["event"]["error"]), (&false.into(), &Value::Null));
        assert!(status["people"]["error"].is_string(), "{fault:?}: {status}");
        assert_eq!(world.value("contact", "C-1", "Events").await, 3 + n, "{fault:?}");
    }
    world.pendo().set_faults(of_people(Faults { error_every: 1, error_status: Some(403), ..Faults::default() }));
    let (context, workspace) = (world.stack.context().clone(), world.workspace());
    let refused = shared::sync::run(&context, &workspace, None).await.unwrap_err();
    assert!(refused.to_string().contains("403"), "a refusal is of the key and not of a list: {refused}");
    world.pendo().set_faults(Faults::default());
    world.tick().await;
    let status = world.status().await;
    assert_eq!((&status["is_complete"], &status["people"]["error"]), (&true.into(), &Value::Null), "{status}");
}

#[tokio::test]
async fn a_pendo_that_refuses_long_spans_is_asked_for_shorter_ones() {
    let world = two_accounts().await;
    for (at, events) in [("2026-06-30T11:00:00Z", 3), ("2026-02-03T11:00:00Z", 5), ("2021-02-03T11:00:00Z", 7)] {
        for kind in [Kind::Event, Kind::Guide] {
            world.pendo().inject(used(kind, "ann@x.test", Some("A-1"), at, events));
        }
    }
    world.pendo().set_faults(Faults { max_buckets: 100 * 24, ..Faults::default() });
    let estimate = world.get("/v1/pendo/estimate?kind=event").await.expect(200);
    assert_eq!((&estimate["days"], &estimate["first_day"]), (&3.into(), &"2021-02-03".into()), "{estimate}");
    world.field(&field("Events", "account", "event", "count", &all_time())).await;
    world.field(&field("Seen", "account", "guide", "count", &all_time())).await;
    assert_eq!(world.value("account", "A-1", "Events").await, 15);
    assert_eq!(world.value("account", "A-1", "Seen").await, 3);
    // Once more in the weekly pass, with what equal totals hide.
    world.tick_after(8 * 24).await;
    let status = world.status().await;
    assert_eq!(status["is_complete"], true, "{status}");
    world.pendo().set_faults(Faults { max_buckets: 1, ..Faults::default() });
    world.pendo().clear_requests();
    world.tick_after(8 * 24).await;
    let status = world.status().await;
    assert!(status["kinds"]["event"]["error"].as_str().unwrap().contains("too many buckets"), "{status}");
    assert!(world.usage_requests() < 30, "{}: it is given up soon", world.usage_requests());
}

#[tokio::test]
async fn an_hour_too_large_for_one_answer_is_read_by_app_and_by_object_under_one_reading() {
    let world = World::empty().await;
    for (app, features) in [
        (pendo_simulator::DEFAULT_APP, ["f-1", "f-2", "f \"3\""]),
        (pendo_simulator::SECOND_APP, ["f-4", "f-5", "f-6"]),
    ] {
        for feature in features {
            // The second app has nothing in the catalogue, as where features were deleted.
            if app == pendo_simulator::DEFAULT_APP {
                world.pendo().add_object(Kind::Feature, feature, feature, app);
            }
            for n in 0..50 {
                let mut row = used(Kind::Feature, &format!("v{n}@x"), Some("A-1"), "2026-06-30T10:20:00Z", 2);
                (row.app_id, row.object_id) = (app, feature.to_owned());
                world.pendo().inject(row);
            }
        }
    }
    world.connect().await;
    world.upload("accounts", ACCOUNTS).await;
    world.match_both().await;
    let only_path = Some("aggregation".to_owned());
    world.pendo().set_faults(Faults { max_bytes: 12_000, only_path, ..Faults::default() });
    world.pendo().clear_requests();
    world.field(&field("Uses", "account", "feature", "count", &all_time())).await;
    assert_eq!(world.value("account", "A-1", "Uses").await, 600);
    let feature = &world.status().await["kinds"]["feature"];
    assert_eq!((&feature["equals_pendo"], &feature["hours_unverified"]), (&true.into(), &0.into()), "{feature}");
    let asked = |text: &str| world.pendo().requests().iter().filter(|request| request.body.contains(text)).count();
    assert!(asked("f \\\\\\\"3") > 0, "an object is asked for by itself");
    let store = &world.stack.context().store;
    let connection = store.connection_get(&world.workspace()).await.unwrap().unwrap().value;
    let mut readings = std::collections::BTreeSet::new();
    for number in 0..4 {
        let mut shard = store.shard_get(&world.workspace(), &connection.id, number).await.unwrap();
        store.shard_load_all(&mut shard).await.unwrap();
        readings.extend(shard.all_entries().filter(|(_, entry)| entry.share.rows > 0).map(|(_, entry)| entry.reading));
    }
    assert_eq!(readings.len(), 1);
}

#[tokio::test]
async fn what_a_daily_pass_got_wrong_of_older_days_is_right_within_three_runs() {
    let world = two_accounts().await;
    world.pendo().inject(used(Kind::Page, "ann@x.test", Some("A-1"), "2026-03-01T08:00:00Z", 1));
    let days: Vec<String> = (20..30).map(|day| format!("2026-06-{day}T08:00:00Z")).collect();
    days.iter().for_each(|at| world.pendo().inject(used(Kind::Page, "ann@x.test", Some("A-1"), at, 10)));
    world.field(&field("Pages", "account", "page", "count", &all_time())).await;
    world.tick_after(1).await;
    assert_eq!(world.value("account", "A-1", "Pages").await, 101);
    // Probe and rows of one run agree on what is not so: of a row that is new on one of the older days everything comes twice.
    world.pendo().inject(used(Kind::Page, "bob@x.test", Some("A-1"), "2026-06-25T08:30:00Z", 10));
    let troubles = vec![Trouble::Duplicates];
    world.pendo().set_faults(Faults { trouble_percent: 100, troubles, ..Faults::default() });
    world.advance(24);
    world.stack.tick().await.unwrap();
    world.stack.run_job_queue_idle().await;
    world.pendo().set_faults(Faults::default());
    assert_ne!(world.value("account", "A-1", "Pages").await, 111, "two bad answers that agree are taken");
    // Days that were doubled shrink by half, which three readings must agree on.
    for _ in 0..3 {
        world.tick_after(1).await;
    }
    assert_eq!(world.value("account", "A-1", "Pages").await, 111);
}

#[tokio::test]
async fn an_older_hour_that_was_left_unproven_is_compared_by_every_run() {
    let world = two_accounts().await;
    world.pendo().inject(used(Kind::Page, "ann@x.test", Some("A-1"), "2026-06-25T08:00:00Z", 10));
    world.field(&field("Pages", "account", "page", "count", &all_time())).await;
    world.tick_after(1).await;
    let compared_from = async || world.status().await["kinds"]["page"]["recent"]["from"].clone();
    assert_eq!(compared_from().await, "2026-06-28T00:00:00Z");
    let (store, workspace) = (&world.stack.context().store, world.workspace());
    let connection = store.connection_get(&workspace).await.unwrap().unwrap().value;
    let hour = shared::time::Hour::of_ms(ms("2026-06-25T08:00:00Z")).0;
    let unprove = |checkpoint: &mut Checkpoint| {
        checkpoint.kinds.values_mut().for_each(|state| _ = state.unverified.insert(hour));
    };
    store.checkpoint_change(&workspace, &connection.id, unprove).await.unwrap();
    world.tick_after(1).await;
    assert_eq!(compared_from().await, "2026-06-25T00:00:00Z");
}

#[tokio::test]
async fn times_that_no_calendar_has_are_the_nearest_one_and_trouble_nobody() {
    let world = two_accounts().await;
    let mut row = used(Kind::Event, "ann@x.test", Some("A-1"), "2026-06-30T10:20:00Z", 3);
    (row.first_ms, row.last_ms) = (i64::MIN / 2, i64::MAX / 2);
    world.pendo().inject(row);
    let fields = ["count", "first_used", "last_used"].map(|name| field(name, "account", "event", name, &all_time()));
    world.fields(&fields).await;
    for _ in 0..2 {
        assert_eq!(world.value("account", "A-1", "count").await, 3);
        assert_eq!(world.value("account", "A-1", "first_used").await, "1970-01-01T00:00:00.000Z");
        assert_eq!(world.value("account", "A-1", "last_used").await, "9999-12-31T23:59:59.999Z");
        assert_eq!(world.status().await["kinds"]["event"]["equals_pendo"], true);
        world.tick_after(1).await;
    }
}
