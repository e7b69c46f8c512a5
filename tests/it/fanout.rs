//! Ticks, jobs and claims: whatever comes twice, late, side by side or not at all, each hour is served once.

use crate::harness::{NOW, World, all_time, field, ms, two_accounts, used};
use pendo_simulator::Kind;

async fn mapped() -> World {
    let world = two_accounts().await;
    world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-06-30T08:00:00Z", 3));
    world.field(&field("Events", "account", "event", "count", &all_time())).await;
    world
}

#[tokio::test]
async fn a_hundred_messages_of_one_tick_are_one_run_and_by_hand_it_always_runs() {
    let world = mapped().await;
    world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-06-30T09:00:00Z", 5));
    world.stack.tick_at(ms("2026-06-30T12:20:41Z")).await.unwrap();
    assert_eq!(world.value("account", "A-1", "Events").await, 8);
    world.pendo().clear_requests();
    let before = world.items().await;
    for _ in 0..99 {
        world.stack.tick_at(ms("2026-06-30T12:20:07Z")).await.unwrap();
    }
    world.stack.tick_at(ms("2026-06-30T11:20:00Z")).await.unwrap();
    assert_eq!(
        (world.pendo().requests().len(), world.items().await),
        (0, before),
        "nothing was asked and nothing written"
    );
    world.post("/v1/sync", &serde_json::json!({})).await.expect(202);
    world.idle().await;
    assert!(!world.pendo().requests().is_empty());
    world.pendo().clear_requests();
    world.stack.tick_at(ms(NOW)).await.unwrap();
    assert!(!world.pendo().requests().is_empty(), "the next tick runs");
}
