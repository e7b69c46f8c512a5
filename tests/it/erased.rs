//! Visitors whom Pendo says not to process: what was stored of them goes, what they did goes on counting towards the
//! totals, and nothing is left but a keyed hash.

use crate::harness::{World, all_time, both_levels, field, used};
use crate::reference::{Reference, kind_name};
use crate::resilience::cut_after;
use chrono_tz::Tz;
use pendo_simulator::{Faults, Kind, RawRow};
use serde_json::{Value, json};
use shared::id::VisitorHash;
use shared::store::{Change, SeenIn, StoreError};
use shared::time::Hour;

/// Upper case, so that it is not what the directory holds.
const ANN: &str = "GONE-Ann@x.test";
const ACCOUNTS: &str = "id\nA-1\nA-2\nA-3\nA-4\n";
const CONTACTS: &str = "id,account_id,email\nC-1,A-1,gone-ann@x.test\nC-2,A-2,bob@x.test\nC-3,A-3,cid@x.test\n";

fn fields() -> Vec<Value> {
    let month = json!({"rolling_days": 30, "complete_days": false});
    vec![
        field("Events", "account", "event", "count", &all_time()),
        field("Users", "account", "event", "distinct_visitors", &month),
        field("Pages", "account", "page", "last_used", &all_time()),
        field("Events", "contact", "event", "count", &all_time()),
        field("Minutes", "contact", "page", "minutes", &all_time()),
    ]
}

/// Usage of a visitor in the trailing hours, ten days ago and long ago, with Pendo accounts and without.
fn usage_of(visitor: &str, events: u32) -> Vec<RawRow> {
    let places = [
        (Some("A-1"), "2026-06-30T11:05:00Z"),
        (Some("A-2"), "2026-06-30T11:06:00Z"),
        (None, "2026-06-29T08:00:00Z"),
        (Some("A-3"), "2026-06-21T09:00:00Z"),
        (Some("stranger"), "2026-04-02T10:00:00Z"),
        (Some("A-1"), "2026-04-02T10:30:00Z"),
    ];
    let of_kind = |kind| places.map(|(account, at)| used(kind, visitor, account, at, events));
    [Kind::Event, Kind::Page].into_iter().flat_map(of_kind).collect()
}

fn rows() -> Vec<RawRow> {
    let people = [(ANN, 5), ("bob@x.test", 7), ("cid@x.test", 2), ("_PENDO_T_one", 3)];
    people.into_iter().flat_map(|(visitor, events)| usage_of(visitor, events)).collect()
}

/// With rows at Pendo, connected, mapped and synced.
async fn synced(rows: &[RawRow]) -> World {
    let world = World::empty().await;
    rows.iter().for_each(|row| world.pendo().inject(row.clone()));
    world.connect().await;
    world.upload("accounts", ACCOUNTS).await;
    world.upload("contacts", CONTACTS).await;
    world.match_both().await;
    world.fields(&fields()).await;
    world
}

/// Every value equals the second answer.
async fn values_agree(world: &World) {
    let lines = world.lines().await;
    for definition in fields() {
        for (id, expected) in reference(world).expected(&definition) {
            let part = |name: &str| definition[name].as_str().unwrap().to_owned();
            let line = &lines[&(part("object"), id, part("name"))];
            assert_eq!((&line["value"], line["reason"].as_str()), (&expected.value, expected.reason), "{line}");
        }
    }
}

/// So does every class of events, and with the anonymous ones they add up to all that Pendo shows.
async fn classes_agree(world: &World) {
    let (status, truth) = (world.status().await, world.pendo().truth());
    assert_eq!(status["is_complete"], true, "{status}");
    for (kind, report) in status["kinds"].as_object().unwrap() {
        let of_kind = truth.iter().filter(|row| kind_name(row.kind) == kind).map(|row| u64::from(row.events));
        let total: u64 = of_kind.sum();
        for level in ["account", "contact"] {
            let classes = &report["events_by"][level];
            assert_eq!(classes, &json!(reference(world).classes(level, kind)), "{kind} {level}");
            let sum: u64 = classes.as_object().unwrap().values().map(|events| events.as_u64().unwrap()).sum();
            assert_eq!(sum + report["anonymous_events"].as_u64().unwrap(), total, "{kind} {level}");
        }
        assert_eq!(report["equals_pendo"], true, "{kind}: {report}");
    }
}

fn reference(world: &World) -> Reference {
    let now_ms = world.stack.clock().now_ms();
    Reference::new(world.pendo().truth(), &both_levels(), Tz::UTC, now_ms).with_directory(ACCOUNTS, CONTACTS)
}

/// Whether the id, or the hash that blocks hold, stands anywhere in the table.
async fn stands(world: &World, visitor: &str) -> [bool; 2] {
    let bytes = world.bytes().await;
    let hash = VisitorHash::of(visitor).0.to_le_bytes();
    [visitor.as_bytes(), &hash].map(|wanted| bytes.iter().any(|item| item.windows(wanted.len()).any(|w| w == wanted)))
}

/// Lets so much time pass that what nothing names any more is swept.
async fn swept(world: &World) {
    world.tick_after(25).await;
    world.tick_after(25).await;
}

#[tokio::test]
async fn an_erased_visitor_counts_nowhere_and_leaves_no_trace_whatever_pendo_does_with_the_rows() {
    for keeps_usage in [true, false] {
        let world = synced(&rows()).await;
        // On the next day the closed ones stand in folds as well.
        world.tick_after(24).await;
        values_agree(&world).await;
        classes_agree(&world).await;
        assert_eq!(stands(&world, ANN).await, [true, true], "what is looked for would be found");
        assert_eq!((world.value("account", "A-1", "Events").await, ann(&world).await), (json!(28), json!(30)));

        world.pendo().do_not_process(ANN, keeps_usage);
        world.tick_after(1).await;
        values_agree(&world).await;
        assert_eq!((world.value("account", "A-1", "Events").await, ann(&world).await), (json!(18), json!("unmatched")));
        assert_eq!(world.value("account", "A-1", "Users").await, 2);
        if keeps_usage {
            assert_eq!(world.status().await["kinds"]["event"]["events_by"]["account"]["erased"], 30);
            classes_agree(&world).await;
        }
        swept(&world).await;
        assert_eq!(stands(&world, ANN).await, [false, false], "keeps_usage {keeps_usage}");

        // The weekly pass compares all history, and new usage of theirs is never stored.
        let late = used(Kind::Event, ANN, Some("A-4"), "2026-07-02T13:40:00Z", 90);
        world.pendo().inject(late);
        for pass in 0..2 {
            world.pendo().clear_requests();
            world.tick_after(8 * 24).await;
            values_agree(&world).await;
            classes_agree(&world).await;
            assert!(pass == 0 || world.fetches() == 0, "what was dropped hides nothing from the weekly comparison");
        }
        assert_eq!(
            world.value("account", "A-4", "Events").await,
            if keeps_usage { json!(0) } else { json!("unmatched") }
        );
        assert_eq!(stands(&world, ANN).await, [false, false]);
        world.tick().await;
        assert_eq!((world.report().await.usage_writes, world.report().await.value_writes), (0, 0), "nothing moves on");
    }
}

#[tokio::test]
async fn where_nothing_is_mapped_any_more_an_erased_visitor_leaves_no_trace_either() {
    let world = synced(&rows()).await;
    world.tick_after(24).await;
    let mut listed = world.get("/v1/fields").await.expect(200)["items"].as_array().unwrap().clone();
    // The one whose fold holds visitors goes last: nothing is evaluated after it.
    listed.sort_by_key(|field| field["name"] == "Users");
    for field in listed {
        world.delete(&format!("/v1/fields/{}", field["id"].as_str().unwrap())).await.expect(204);
        world.idle().await;
    }
    world.idle().await;
    world.tick_after(1).await;
    assert_eq!(stands(&world, ANN).await, [true, true]);
    world.pendo().do_not_process(ANN, true);
    world.tick_after(1).await;
    swept(&world).await;
    assert_eq!(stands(&world, ANN).await, [false, false]);
}

async fn ann(world: &World) -> Value {
    world.value("contact", "C-1", "Events").await
}

#[tokio::test]
async fn a_visitor_erased_before_the_first_sync_is_never_stored() {
    let world = World::empty().await;
    rows().into_iter().for_each(|row| world.pendo().inject(row));
    world.pendo().do_not_process(ANN, true);
    world.connect().await;
    world.upload("accounts", ACCOUNTS).await;
    world.upload("contacts", CONTACTS).await;
    world.match_both().await;
    assert_eq!(stands(&world, ANN).await, [false, false], "not when matching was saved either");
    world.fields(&fields()).await;
    values_agree(&world).await;
    classes_agree(&world).await;
    assert_eq!((ann(&world).await, stands(&world, ANN).await), (json!("unmatched"), [false, false]));
}

#[tokio::test]
async fn the_list_alone_tells_within_a_day_and_asks_nothing_in_a_quiet_hour() {
    let world = synced(&rows()).await;
    let lists = || world.pendo().requests().iter().filter(|asked| asked.body.contains("doNotProcess")).count();
    assert_eq!(lists(), 1);
    // Without the time of a change, the visitor does not stand among those that moved.
    world.pendo().add_visitor(ANN, &json!({"pendo": {"donotprocess": true}}));
    for _ in 0..23 {
        world.tick_after(1).await;
    }
    assert_eq!((ann(&world).await, lists()), (json!(30), 1));
    world.tick_after(1).await;
    assert_eq!((ann(&world).await, lists()), (json!("unmatched"), 2));
    values_agree(&world).await;
    classes_agree(&world).await;
}

#[tokio::test]
async fn a_subscription_that_has_no_such_list_loses_nothing() {
    for status in [403, 422, 503] {
        let world = World::empty().await;
        world.pendo().set_faults(Faults { list_refused: Some(status), ..Faults::default() });
        rows().into_iter().for_each(|row| world.pendo().inject(row));
        world.connect().await;
        world.upload("accounts", ACCOUNTS).await;
        world.upload("contacts", CONTACTS).await;
        world.match_both().await;
        world.fields(&fields()).await;
        assert_eq!(ann(&world).await, 30);
        classes_agree(&world).await;
        assert_eq!(world.status().await["status"], "active");
        world.pendo().do_not_process(ANN, true);
        world.tick_after(1).await;
        assert_eq!(ann(&world).await, "unmatched", "the mark tells as well");
        classes_agree(&world).await;
    }
}

#[tokio::test]
async fn one_who_is_taken_off_the_list_comes_back_whole() {
    for keeps_usage in [true, false] {
        let world = synced(&rows()).await;
        world.pendo().do_not_process(ANN, keeps_usage);
        world.tick_after(8 * 24).await;
        assert_eq!((ann(&world).await, stands(&world, "erased").await[0]), (json!("unmatched"), true));
        world.pendo().process_again(ANN);
        // The list is read once a day; all history is compared in the run after it.
        world.tick_after(24).await;
        world.tick_after(1).await;
        assert_eq!(ann(&world).await, 30, "keeps_usage {keeps_usage}");
        values_agree(&world).await;
        classes_agree(&world).await;
        let by = &world.status().await["kinds"]["event"]["events_by"];
        assert_eq!(by["account"]["erased"], 0);
        world.pendo().clear_requests();
        world.tick_after(1).await;
        assert_eq!(world.fetches(), 0, "nothing is asked for again and again");
    }
}

/// Many visitors in the places of one.
fn crowd() -> (Vec<String>, Vec<RawRow>) {
    let visitors: Vec<String> = (0..9).map(|n| format!("CROWD-{n}@x.test")).collect();
    let rows = visitors.iter().flat_map(|visitor| usage_of(visitor, 4)).chain(rows()).collect();
    (visitors, rows)
}

#[tokio::test]
async fn an_erasure_that_is_cut_anywhere_is_mended_by_the_next_run() {
    let (visitors, rows) = crowd();
    let world = synced(&rows).await;
    let (context, workspace) = (world.stack.context().clone(), world.workspace());
    let mut cut = 0;
    for (nth, visitor) in visitors.iter().enumerate() {
        world.pendo().do_not_process(visitor, true);
        world.advance(1);
        let steps = 20 + 14 * nth;
        cut += usize::from(!cut_after(steps, shared::sync::run(&context, &workspace, None)).await);
        world.tick().await;
        values_agree(&world).await;
        classes_agree(&world).await;
    }
    assert!(cut > 5, "{cut} runs were cut");
    swept(&world).await;
    for visitor in &visitors {
        assert_eq!(stands(&world, visitor).await, [false, false], "{visitor}");
    }
}

#[tokio::test]
async fn a_writer_who_has_not_heard_of_an_erasure_is_refused_also_where_nothing_stood() {
    let world = World::empty().await;
    world.pendo().inject(used(Kind::Event, ANN, Some("A-1"), "2026-06-30T11:05:00Z", 5));
    world.connect().await;
    world.upload("accounts", "id\nA-1\n").await;
    world.match_both().await;
    world.field(&field("Events", "account", "event", "count", &all_time())).await;
    let store = &world.stack.context().store;
    let workspace = world.workspace();
    let id = store.connection_get(&workspace).await.unwrap().unwrap().value.id;
    let shards = store.layout_get(&workspace, &id).await.unwrap().unwrap().shards;
    let seen = store.seen_get(&workspace, &id, SeenIn::Visitors).await.unwrap();
    let other = (0..shards).find(|number| !seen.value[ANN].as_array().unwrap().contains(&json!(number))).unwrap();

    // A run that is about to store rows in a shard for the first time has read the head and named it in the index.
    let head = store.shard_get(&workspace, &id, other).await.unwrap();
    let named = [(ANN.to_owned(), Some(json!((0..shards).collect::<Vec<_>>())))].into();
    let now_ms = world.stack.clock().now_ms();
    store.seen_put(&workspace, &id, SeenIn::Visitors, &named, seen.version, now_ms).await.unwrap();
    world.pendo().do_not_process(ANN, true);
    world.tick_after(1).await;
    let moved = store.shard_move(&head, Change::default(), Hour(0), now_ms).await;
    assert!(matches!(moved, Err(StoreError::Conflict { .. })), "{moved:?}");

    // One that reads the head now, and names the visitor again, is undone by the next run.
    let seen = store.seen_get(&workspace, &id, SeenIn::Visitors).await.unwrap();
    assert_eq!(seen.value.get(ANN), None);
    store.seen_put(&workspace, &id, SeenIn::Visitors, &named, seen.version, now_ms).await.unwrap();
    world.tick_after(1).await;
    assert_eq!(store.seen_get(&workspace, &id, SeenIn::Visitors).await.unwrap().value.get(ANN), None);
}
