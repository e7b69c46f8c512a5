//! Pendo fails and lies: nothing is lost, nothing doubles, and what is whole is not given up for a part.

use crate::harness::{World, all_time, field, used};
use crate::resilience::{ACCOUNTS, agrees, prepared, rows, unpause_in_the_table};
use pendo_simulator::{Faults, Kind};

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
async fn an_hour_too_large_for_one_answer_is_read_by_app_and_by_object_under_one_reading() {
    let world = World::empty().await;
    for (app, features) in [
        (pendo_simulator::DEFAULT_APP, ["f-1", "f-2", "f \"3\""]),
        (pendo_simulator::SECOND_APP, ["f-4", "f-5", "f-6"]),
    ] {
        for feature in features {
            world.pendo().add_object(Kind::Feature, feature, feature, app);
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
