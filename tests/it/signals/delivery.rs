//! Events reach the bus at least once, whatever it does, and each by one id.

use crate::harness::{World, all_time, field, used};
use crate::signals::{busy, signal, told};
use local::events::Fault;
use pendo_simulator::Kind;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const ACCOUNTS: usize = 25;

/// So many accounts that one turn tells more than a call of the bus takes.
async fn many() -> World {
    let world = World::empty().await;
    world.connect().await;
    let rows: String = (0..ACCOUNTS).map(|n| format!("A-{n}\n")).collect();
    world.upload("accounts", &format!("id\n{rows}")).await;
    world.matching(&json!({"account": {"account": "accountId", "object": "id"}})).await;
    let week = json!({"rolling_days": 7, "complete_days": false});
    world
        .fields(&[
            field("Events 7d", "account", "event", "count", &week),
            field("Events", "account", "event", "count", &all_time()),
        ])
        .await;
    for n in 0..ACCOUNTS {
        world.pendo().inject(used(Kind::Event, "v1", Some(&format!("A-{n}")), "2026-06-30T09:15:00Z", 1));
    }
    world.tick_after(1).await;
    signal(&world, &busy(5)).await;
    world
}

fn use_much(world: &World, at: &str) {
    for n in 0..ACCOUNTS {
        world.pendo().inject(used(Kind::Event, "v1", Some(&format!("A-{n}")), at, 9));
    }
}

/// How often each id was taken.
fn taken(world: &World) -> BTreeMap<String, usize> {
    let mut taken = BTreeMap::new();
    for event in world.stack.events().newest() {
        assert_eq!(event.source, "product-usage");
        *taken.entry(event.detail["id"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    taken
}

async fn outbox(world: &World) -> usize {
    let store = &world.stack.context().store;
    let connection = store.connection_get(&world.workspace()).await.unwrap().unwrap().value;
    store.ledger_get(&world.workspace(), &connection.id).await.unwrap().value.outbox.len()
}

async fn is_whole(world: &World) {
    let told = told(world).await;
    let ids: BTreeSet<&str> = told.iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!((told.len(), ids.len()), (ACCOUNTS, ACCOUNTS));
    let taken = taken(world);
    assert_eq!(
        taken.keys().map(String::as_str).collect::<BTreeSet<_>>(),
        ids,
        "nothing is lost and nothing is made up"
    );
}

#[tokio::test]
async fn a_bus_that_fails_and_throttles_and_loses_answers_loses_no_event() {
    let world = many().await;
    use_much(&world, "2026-06-30T13:15:00Z");
    let events = world.stack.events();
    // More often than the SDK tries: the first turn publishes nothing.
    events.misbehave(Fault::Fails, 100);
    world.tick_after(1).await;
    assert_eq!((events.total(), outbox(&world).await), (0, 1), "it is kept and not lost");
    let status = world.status().await;
    assert_eq!(status["signals"]["undelivered"], json!(ACCOUNTS), "{status}");
    events.behave();
    events.misbehave(Fault::Throttles(3), 1);
    world.tick_after(1).await;
    assert_eq!(outbox(&world).await, 1, "one of them was not taken, so all of its part stay");
    events.behave();
    world.tick_after(1).await;
    assert_eq!(outbox(&world).await, 0);
    is_whole(&world).await;
    let twice = taken(&world).values().filter(|times| **times == 2).count();
    assert_eq!(twice, ACCOUNTS - 1, "what came twice bears the id that it had");
}

#[tokio::test]
async fn an_answer_that_is_lost_is_sent_again_with_the_same_ids() {
    let world = many().await;
    use_much(&world, "2026-06-30T13:15:00Z");
    world.stack.events().misbehave(Fault::LosesAnswer, 2);
    world.tick_after(1).await;
    assert_eq!(outbox(&world).await, 0);
    is_whole(&world).await;
    assert!(taken(&world).values().any(|times| *times > 1));
}

#[tokio::test]
async fn a_turn_that_was_taken_is_not_taken_again() {
    let world = many().await;
    use_much(&world, "2026-06-30T13:15:00Z");
    world.tick_after(1).await;
    is_whole(&world).await;
    let before = world.items().await;
    let ledger = |items: &BTreeMap<(String, String), String>| -> Vec<(String, String)> {
        let of_signals = items.iter().filter(|((_, sort), _)| sort.starts_with("signals"));
        of_signals.map(|((_, sort), item)| (sort.clone(), item.clone())).collect()
    };
    world.tick_after(1).await;
    world.post("/v1/sync", &Value::Null).await.expect(202);
    world.idle().await;
    assert_eq!(ledger(&world.items().await), ledger(&before), "a quiet run writes nothing of signals");
    is_whole(&world).await;
}

#[tokio::test]
async fn a_worker_that_stops_before_the_ledger_leaves_nothing_and_the_next_one_tells_all() {
    let world = many().await;
    use_much(&world, "2026-06-30T13:15:00Z");
    // Two turns over the same state at once: one of them finds the ledger moved, and what it wrote counts for nobody.
    world.advance(1);
    let context = world.stack.context().clone();
    let workspace = world.workspace();
    world.tick().await;
    let (one, other) =
        tokio::join!(shared::turns::take_turn(&context, &workspace), shared::turns::take_turn(&context, &workspace));
    one.unwrap();
    other.unwrap();
    is_whole(&world).await;
    assert_eq!(told(&world).await.len(), ACCOUNTS);
}
