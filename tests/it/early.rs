//! Rows of a large answer lie in blocks before their hours are proven: what counts is the same, and nothing of one who is
//! erased is among them.

use crate::harness::{World, all_time, both_levels, field, used};
use crate::reference::Reference;
use chrono_tz::Tz;
use pendo_simulator::Kind;
use serde_json::{Value, json};
use shared::config::Config;
use shared::context::Context;
use shared::id::VisitorHash;
use shared::sync::SyncError;
use shared::sync::batch::{Batch, Fetched};
use shared::time::{DAY_MS, Hour};
use shared::usage::fingerprint::Fingerprint;
use shared::usage::row::Row;
use std::sync::Arc;

const ACCOUNTS: &str = "id\nA-1\nA-2\nA-3\n";
const CONTACTS: &str = "id,account_id,email\nC-1,A-1,v1@x.test\nC-2,A-2,v2@x.test\n";
const GONE: &str = "v7@x.test";

fn fields() -> Vec<Value> {
    let week = json!({"rolling_days": 7, "complete_days": false});
    vec![
        field("Pages", "account", "page", "count", &all_time()),
        field("Users", "account", "page", "distinct_visitors", &week),
        field("Pages", "contact", "page", "count", &all_time()),
        field("Events", "account", "event", "last_used", &week),
    ]
}

/// Hundreds of rows in an hour of long ago and in the newest one, of both kinds.
fn fill(world: &World) {
    for n in 0..700u32 {
        let (visitor, account) = (format!("v{}@x.test", n % 90), ["A-1", "A-2", "A-3"][n as usize % 3]);
        for (kind, at) in [
            (Kind::Page, "2026-03-02T10:20:00Z"),
            (Kind::Page, "2026-06-30T11:20:00Z"),
            (Kind::Event, "2026-06-30T11:30:00Z"),
        ] {
            world.pendo().inject(used(kind, &visitor, Some(account), at, 1 + n % 4));
        }
    }
}

/// With so few rows in memory at once.
fn holding(world: &World, rows_held: usize) -> Context {
    let mut context = world.stack.context().clone();
    context.config = Arc::new(Config { rows_held, ..(*context.config).clone() });
    context
}

async fn agrees(world: &World) {
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
    for (kind, report) in world.status().await["kinds"].as_object().unwrap() {
        assert_eq!(report["equals_pendo"], true, "{kind}: {report}");
    }
}

/// How many blocks stand in the table, named or not.
async fn blocks(world: &World) -> usize {
    world.bytes().await.iter().filter(|item| item.windows(6).any(|window| window == b"block#")).count()
}

#[tokio::test]
async fn rows_that_were_put_early_count_like_all_others_and_an_erased_visitor_is_not_among_them() {
    let mut counts = Vec::new();
    for rows_held in [100_000, 60] {
        let world = World::empty().await;
        fill(&world);
        world.pendo().do_not_process(GONE, true);
        world.connect().await;
        world.upload("accounts", ACCOUNTS).await;
        world.upload("contacts", CONTACTS).await;
        world.match_both().await;
        world.stack.hold_jobs();
        for definition in fields() {
            world.post("/v1/fields", &definition).await.expect(201);
        }
        let context = holding(&world, rows_held);
        shared::sync::run(&context, &world.workspace(), None).await.unwrap();
        agrees(&world).await;
        counts.push(blocks(&world).await);
        // What no head names is none of theirs either.
        let hash = VisitorHash::of(GONE).0.to_le_bytes();
        for wanted in [GONE.as_bytes(), &hash] {
            assert!(!world.bytes().await.iter().any(|item| item.windows(wanted.len()).any(|window| window == wanted)));
        }
        // The rows of the trailing hours change, and the days are joined and swept later.
        for n in 0..300 {
            let (visitor, account) = (format!("v{}@x.test", n % 50), ["A-1", "A-3"][n as usize % 2]);
            world.pendo().inject(used(Kind::Page, &visitor, Some(account), "2026-06-30T11:40:00Z", 2));
        }
        for hours in [1, 25, 25, 8 * 24] {
            world.advance(hours);
            shared::sync::run(&context, &world.workspace(), None).await.unwrap();
            agrees(&world).await;
        }
    }
    assert!(counts[1] > counts[0], "one reading lies in more blocks: {counts:?}");
}

/// A batch of one hour with rows in blocks already.
async fn put_early(world: &World) -> Batch {
    let store = &world.stack.context().store;
    let connection = store.connection_get(&world.workspace()).await.unwrap().unwrap().value;
    let hour = Hour::of_ms(world.stack.clock().now_ms()).plus(-3);
    let row = Row {
        kind: shared::id::Kind::Page,
        hour,
        account: Some("A-1".into()),
        visitor: "late@x.test".into(),
        app: 1,
        object: "p".into(),
        event_type: "".into(),
        events: 5,
        minutes: 1,
        first_ms: hour.start_ms(),
        last_ms: hour.start_ms() + 1,
    };
    let mut batch = Batch::default();
    batch.push(&row, 4);
    let mut whole = Fingerprint::default();
    whole.add(&row);
    let reading = store.reading_next(&world.workspace(), &connection.id).await.unwrap();
    batch.buckets.insert((row.kind, hour), Fetched { reading, whole, is_verified: true });
    let whose = (&world.workspace(), &connection);
    batch.put_early(store, whose, hour, world.stack.clock().now_ms()).await.unwrap();
    assert_eq!(batch.held(), 0);
    batch
}

#[tokio::test]
async fn blocks_that_a_sweep_may_have_taken_or_that_hold_one_who_was_erased_meanwhile_are_never_named() {
    for is_swept in [true, false] {
        let world = World::empty().await;
        fill(&world);
        world.connect().await;
        world.upload("accounts", ACCOUNTS).await;
        world.match_both().await;
        world.field(&fields()[0]).await;
        let (store, workspace) = (&world.stack.context().store, world.workspace());
        let connection = store.connection_get(&workspace).await.unwrap().unwrap().value;
        let layout = store.layout_get(&workspace, &connection.id).await.unwrap().unwrap();
        let sink = shared::sync::moves::Sink {
            store,
            workspace: &workspace,
            connection: &connection,
            shards: layout.shards,
            as_of: Hour::of_ms(world.stack.clock().now_ms()),
            now_ms: world.stack.clock().now_ms(),
        };
        // Undisturbed it is stored.
        sink.store(&put_early(&world).await, None).await.unwrap();
        let batch = put_early(&world).await;
        if is_swept {
            for number in 0..layout.shards {
                store
                    .block_put(&store.shard_get(&workspace, &connection.id, number).await.unwrap(), vec![1], 0)
                    .await
                    .unwrap();
                store.shard_sweep(&workspace, &connection.id, number, sink.now_ms - DAY_MS).await.unwrap();
            }
        } else {
            world.pendo().do_not_process(GONE, true);
            world.tick_after(1).await;
        }
        let refused = sink.store(&batch, None).await;
        assert!(matches!(refused, Err(shared::store::StoreError::Overtaken)), "{refused:?}");
        let told = SyncError::from(refused.unwrap_err()).to_string();
        assert!(told.contains("fetched again by the next run"), "{told}");
    }
}
