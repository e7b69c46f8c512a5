//! Ours against Pendo's own totals: every event is in one class, and what differs is a number with its days.

use crate::harness::{World, all_time, field, two_accounts, used};
use pendo_simulator::Kind;
use serde_json::{Value, json};
use shared::sync::evaluate::Moment;
use shared::sync::moves::Sink;
use shared::sync::reconcile::attribute;

async fn report(world: &World) -> Value {
    world.status().await["kinds"]["event"].clone()
}

fn sum(classes: &Value) -> u64 {
    classes.as_object().unwrap().values().map(|events| events.as_u64().unwrap()).sum()
}

#[tokio::test]
async fn the_classes_of_each_level_add_up_to_pendos_total_with_anonymous_excluded_and_erased_events() {
    let world = two_accounts().await;
    world.upload("contacts", "id,account_id,email\nC-3,A-2,both@x.test\nC-4,A-2,both@x.test\n").await;
    world.pendo().exclude("staff@x.test");
    world.pendo().exclude("A-staff");
    for (events, visitor, account) in [
        (1, "ann@x.test", Some("A-1")),
        (2, "stranger@x.test", Some("A-9")),
        (4, "both@x.test", None),
        (8, "_PENDO_T_one", Some("A-1")),
        (16, "staff@x.test", Some("A-1")),
        (32, "_PENDO_T_two", Some("A-staff")),
        (64, "erased@x.test", Some("A-2")),
    ] {
        for at in ["2026-06-30T09:10:00Z", "2026-05-01T09:10:00Z"] {
            world.pendo().inject(used(Kind::Event, visitor, account, at, events));
        }
    }
    world.pendo().do_not_process("erased@x.test", true);
    world.fields(&[field("Events", "account", "event", "count", &all_time())]).await;
    let found = report(&world).await;
    let classes = |matched, unmatched, ambiguous, without_id| json!({"matched": matched, "unmatched": unmatched, "ambiguous": ambiguous, "without_id": without_id, "excluded": 0, "erased": 128});
    assert_eq!(found["events_by"]["account"], classes(2, 4, 0, 8), "{found}");
    assert_eq!(found["events_by"]["contact"], classes(2, 4, 8, 0), "{found}");
    assert_eq!((&found["anonymous_events"], &found["excluded_events"]), (&json!(16), &json!(96)), "{found}");
    let all: u64 = world.pendo().truth_of(Kind::Event).iter().map(|row| u64::from(row.events)).sum();
    for level in ["account", "contact"] {
        assert_eq!(sum(&found["events_by"][level]) + 16 + 96, all, "{level}");
    }
    assert_eq!((&found["difference"], &found["unaccounted"]), (&json!(0), &json!({"account": 0, "contact": 0})));
}

#[tokio::test]
async fn a_difference_is_a_number_with_its_days_until_it_is_read() {
    let world = two_accounts().await;
    world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-06-30T08:05:00Z", 10_000));
    world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-05-30T08:05:00Z", 7));
    world.fields(&[field("Events", "account", "event", "count", &all_time())]).await;
    // Read at the age of three hours; the next is four, so five events in ten thousand wait until then.
    world.pendo().inject(used(Kind::Event, "bob@x.test", Some("A-1"), "2026-06-30T08:50:00Z", 5));
    world.tick().await;
    let found = report(&world).await;
    assert_eq!((&found["difference"], &found["difference_waiting"]), (&json!(5), &json!(5)), "{found}");
    assert_eq!(
        (&found["days_differing"], &found["more_days_differing"]),
        (&json!([{"day": "2026-06-30", "pendo_events": 10_005, "stored_events": 10_000}]), &json!(0))
    );
    assert_eq!((&found["equals_pendo"], &world.status().await["is_complete"]), (&json!(false), &json!(true)));
    world.tick_after(1).await;
    let found = report(&world).await;
    assert_eq!((&found["difference"], &found["days_differing"]), (&json!(0), &json!([])), "{found}");
    // What is held back differs and does not wait: that is what the alarm watches.
    world.pendo().remove(|row| row.events == 10_000);
    world.tick().await;
    let found = report(&world).await;
    assert_eq!((&found["difference"], &found["difference_waiting"]), (&json!(10_000), &json!(0)), "{found}");
    assert_eq!(world.status().await["is_complete"], false);
    assert_eq!(world.checkpoint().await.kinds[&shared::id::Kind::Event].unexplained_difference(), 10_000);
}

#[tokio::test]
async fn a_day_that_the_weekly_comparison_holds_back_does_not_read_as_equal() {
    let world = two_accounts().await;
    for at in ["2026-06-30T08:05:00Z", "2026-05-30T08:05:00Z", "2026-05-30T09:05:00Z", "2026-05-01T08:05:00Z"] {
        world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), at, 10));
    }
    world.fields(&[field("Events", "account", "event", "count", &all_time())]).await;
    world.pendo().remove(|row| row.hour_ms == crate::harness::ms("2026-05-30T08:00:00Z"));
    world.tick_after(7 * 24).await;
    let found = report(&world).await;
    assert_eq!(world.value("account", "A-1", "Events").await, 40);
    assert_eq!((&found["difference"], &found["equals_pendo"]), (&json!(10), &json!(false)), "{found}");
    assert_eq!(found["days_differing"][0]["day"], "2026-05-30");
    for _ in 0..2 {
        world.tick_after(1).await;
    }
    let found = report(&world).await;
    assert_eq!(world.value("account", "A-1", "Events").await, 30);
    assert_eq!((&found["difference"], &found["equals_pendo"]), (&json!(0), &json!(true)), "{found}");
}

#[tokio::test]
async fn a_run_that_knows_fewer_kinds_or_an_older_hour_leaves_what_another_has_counted() {
    let world = two_accounts().await;
    for kind in [Kind::Event, Kind::Page] {
        world.pendo().inject(used(kind, "ann@x.test", Some("A-1"), "2026-06-30T08:05:00Z", 3));
    }
    let fields =
        [("Events", "event"), ("Pages", "page")].map(|(name, kind)| field(name, "account", kind, "count", &all_time()));
    world.fields(&fields).await;
    let counted = world.checkpoint().await.kinds;
    assert_eq!(counted[&shared::id::Kind::Page].conservation["account"]["matched"], 3);
    let (store, workspace) = (&world.stack.context().store, world.workspace());
    let connection = store.connection_get(&workspace).await.unwrap().unwrap().value;
    let shards = store.layout_get(&workspace, &connection.id).await.unwrap().unwrap().shards;
    let newest = counted[&shared::id::Kind::Event].as_of.unwrap();
    for known in
        [[(shared::id::Kind::Event, newest)].into(), counted.keys().map(|kind| (*kind, newest.plus(-9))).collect()]
    {
        let now_ms = world.stack.clock().now_ms();
        let sink = Sink { store, workspace: &workspace, connection: &connection, shards, as_of: newest, now_ms };
        attribute(&sink, &Moment::of(&connection, known), None).await.unwrap();
        assert_eq!(world.checkpoint().await.kinds, counted);
    }
}
