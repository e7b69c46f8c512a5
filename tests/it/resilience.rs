//! Whatever is interrupted, repeated, overlapped, delayed or garbled, the next run ends in the same values.

use crate::harness::{Lines, World, all_time, both_levels, field, ms, used};
use crate::reference::Reference;
use chrono_tz::Tz;
use pendo_simulator::{Kind, Options, RawRow};
use serde_json::{Value, json};
use std::future::Future;
use std::pin::pin;
use std::task::Poll;

pub(crate) const ACCOUNTS: &str = "id\nA-1\nA-2\nA-3\nA-4\n";
const CONTACTS: &str = "id,account_id,email\nC-0,A-1,v0@x\nC-1,A-2,v1@x\nC-2,A-3,v2@x\nC-3,A-4,v3@x\nC-4,A-1,v4@x\n";

/// Rows over many hours and days, visitors and accounts, all drawn by counting.
pub(crate) fn rows(count: u32) -> Vec<RawRow> {
    let kinds = [Kind::Event, Kind::Page, Kind::Guide];
    let now_ms = ms(crate::harness::NOW);
    let row = |n: u32| {
        let visitor = format!("v{}@x", n % 7);
        let account = ["A-1", "A-2", "A-3", "A-4", "stranger"][(n * 7 % 5) as usize];
        let mut row = used(kinds[(n % 3) as usize], &visitor, Some(account), crate::harness::NOW, n % 9 + 1);
        let at_ms = now_ms - 3_600_000 * i64::from(1 + n * n % 400) + i64::from(n % 50) * 1_000;
        row.hour_ms = at_ms - at_ms.rem_euclid(3_600_000);
        (row.first_ms, row.last_ms) = (at_ms, at_ms);
        row
    };
    (0..count).map(row).collect()
}

fn fields() -> Vec<Value> {
    let mut fields = Vec::new();
    for kind in ["event", "page", "guide"] {
        for object in ["account", "contact"] {
            fields.push(field(&format!("{kind} ever"), object, kind, "count", &all_time()));
            fields.push(field(&format!("{kind} week"), object, kind, "distinct_visitors", &json!({"rolling_days": 7})));
            fields.push(field(&format!("{kind} last"), object, kind, "last_used", &json!({"rolling_days": 3})));
        }
    }
    fields
}

/// Set up and paused before the first run.
pub(crate) async fn prepared(rows: &[RawRow]) -> World {
    let world = World::empty().await;
    rows.iter().for_each(|row| world.pendo().inject(row.clone()));
    world.connect().await;
    world.upload("accounts", ACCOUNTS).await;
    world.upload("contacts", CONTACTS).await;
    world.match_both().await;
    world.patch("/v1/connection", &json!({"paused": true})).await.expect(200);
    for definition in fields() {
        world.post("/v1/fields", &definition).await.expect(201);
    }
    world.idle().await;
    world
}

async fn synced(rows: &[RawRow]) -> World {
    let world = prepared(rows).await;
    unpause(&world).await;
    world.idle().await;
    world
}

async fn unpause(world: &World) {
    world.patch("/v1/connection", &json!({"paused": false})).await.expect(200);
}

pub(crate) async fn agrees(world: &World) -> Lines {
    let lines = world.lines().await;
    let now_ms = world.stack.clock().now_ms();
    let reference =
        Reference::new(world.pendo().truth(), &both_levels(), Tz::UTC, now_ms).with_directory(ACCOUNTS, CONTACTS);
    for definition in fields() {
        for (id, expected) in reference.expected(&definition) {
            let part = |name: &str| definition[name].as_str().unwrap().to_owned();
            let line = &lines[&(part("object"), id, part("name"))];
            assert_eq!((&line["value"], line["reason"].as_str()), (&expected.value, expected.reason), "{line}");
        }
    }
    lines
}

/// Lets a future take so many steps and then drops it where it stands; says whether it came to its end.
pub(crate) async fn cut_after<F: Future>(steps: usize, future: F) -> bool {
    let mut future = pin!(future);
    let mut taken = 0;
    std::future::poll_fn(|context| {
        taken += 1;
        match future.as_mut().poll(context) {
            Poll::Ready(_) => Poll::Ready(true),
            Poll::Pending if taken >= steps => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

#[tokio::test]
async fn a_run_that_is_cut_anywhere_is_mended_by_the_next() {
    let rows = rows(240);
    let uncut = synced(&rows).await;
    let wanted = agrees(&uncut).await;
    for first in [3, 40, 110, 260] {
        let world = prepared(&rows).await;
        let (context, workspace) = (world.stack.context().clone(), world.workspace());
        // The job that this queues is dropped with the rest of what is cut: the runs are called by hand.
        unpause_in_the_table(&world).await;
        let mut steps = first;
        while !cut_after(steps, shared::sync::run(&context, &workspace, None)).await {
            steps = steps * 3 / 2;
            claim_runs_out(&world).await;
        }
        world.tick().await;
        assert_eq!(agrees(&world).await, wanted, "first cut after {first} steps");
    }
}

/// What a run that was cut had claimed is free again at once, without the seconds in which it is found dead.
pub(crate) async fn claim_runs_out(world: &World) {
    let store = &world.stack.context().store;
    let connection = store.connection_get(&world.workspace()).await.unwrap().unwrap().value;
    store.checkpoint_change(&world.workspace(), &connection.id, |checkpoint| checkpoint.claim = None).await.unwrap();
}

pub(crate) async fn unpause_in_the_table(world: &World) {
    let store = &world.stack.context().store;
    let stands = store.connection_get(&world.workspace()).await.unwrap().unwrap();
    let mut connection = stands.value;
    connection.status = shared::connection::ConnectionStatus::Active;
    store.connection_put(&world.workspace(), &connection, stands.version).await.unwrap();
}

#[tokio::test]
async fn runs_that_overlap_end_in_the_same_values() {
    let world = prepared(&rows(240)).await;
    unpause_in_the_table(&world).await;
    let (context, workspace) = (world.stack.context().clone(), world.workspace());
    for late in 0..3 {
        let run = || shared::sync::run(&context, &workspace, None);
        let (one, two, three) = tokio::join!(run(), run(), run());
        for end in [one, two, three] {
            // A run may give a shard up to the others; it must not spoil it.
            drop(end);
        }
        let mut row = used(Kind::Event, "v1@x", Some("A-2"), "2026-06-30T11:20:00Z", 90);
        row.visitor_id = format!("v{late}@x");
        world.pendo().inject(row);
        world.advance(1);
    }
    world.tick().await;
    agrees(&world).await;
}

#[tokio::test]
async fn rows_in_another_order_give_the_same_bytes() {
    let rows = rows(240);
    let turned: Vec<RawRow> = rows.iter().rev().cloned().collect();
    let (one, other) = (synced(&rows).await, synced(&turned).await);
    assert_eq!(agrees(&one).await, agrees(&other).await);
    let csv = async |world: &World| world.get("/v1/values?format=csv&limit=1000").await.text;
    assert_eq!(csv(&one).await, csv(&other).await);
}

#[tokio::test]
async fn an_hour_that_is_read_again_replaces_what_stood_and_never_adds() {
    let world = synced(&rows(240)).await;
    for (visitor, events) in [("v1@x", 50), ("new@x", 1)] {
        let hour = ms("2026-06-30T11:00:00Z");
        world.pendo().inject(used(Kind::Event, visitor, Some("A-2"), "2026-06-30T11:20:00Z", events));
        world.tick().await;
        agrees(&world).await;
        let mut left = 1;
        let removed = world.pendo().remove(|row| {
            let is_one = row.hour_ms == hour && row.kind == Kind::Event && left > 0;
            left -= i32::from(is_one);
            is_one
        });
        assert_eq!(removed, 1);
        world.tick().await;
        world.tick_after(1).await;
        agrees(&world).await;
    }
}

#[tokio::test]
async fn every_event_belongs_to_just_one_class_and_all_add_up_to_pendos_total() {
    let mut rows = rows(240);
    for (n, row) in rows.iter_mut().enumerate() {
        match n % 11 {
            0 => row.visitor_id = "_PENDO_T_one".to_owned(),
            1 => row.account_id = None,
            2 => row.account_id = Some(String::new()),
            _ => {}
        }
    }
    let world = synced(&rows).await;
    agrees(&world).await;
    let status = world.status().await;
    for (kind, report) in status["kinds"].as_object().unwrap() {
        let of_kind = rows.iter().filter(|row| crate::reference::kind_name(row.kind) == kind);
        let total: u64 = of_kind.map(|row| u64::from(row.events)).sum();
        for level in ["account", "contact"] {
            let classes = report["events_by"][level].as_object().unwrap().values();
            let sum: u64 = classes.map(|events| events.as_u64().unwrap()).sum();
            assert_eq!(sum + report["anonymous_events"].as_u64().unwrap(), total, "{kind} {level}");
        }
        assert_eq!(report["equals_pendo"], true);
    }
}

#[tokio::test]
async fn with_a_data_directory_a_second_run_writes_nothing_and_exports_the_same_bytes() {
    let root = tempfile::tempdir().unwrap();
    let options = Options { accounts: 6, visitors: 40, days: 30, ..Options::default() };
    let mut exports = Vec::new();
    for round in 0..2 {
        let dir = root.path().join("data");
        let world = World::kept_in(options.clone(), Some(dir), crate::harness::NOW).await;
        let key = json!({"region": "us", "integration_key": world.pendo().key()});
        assert_eq!(world.post("/v1/connection", &key).await.status, if round == 0 { 201 } else { 200 });
        world.upload("accounts", ACCOUNTS).await;
        world.upload("contacts", CONTACTS).await;
        world.match_both().await;
        for definition in fields() {
            assert_eq!(world.post("/v1/fields", &definition).await.status, if round == 0 { 201 } else { 200 });
        }
        world.idle().await;
        world.tick().await;
        let report = world.report().await;
        assert_eq!((report.usage_writes, report.value_writes), (0, 0));
        exports.push(world.get("/v1/values?limit=1000").await.text);
        world.stack.stop().await;
    }
    assert_eq!(exports[0], exports[1]);
}
