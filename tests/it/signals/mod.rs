//! Signals on a whole stack: what values set off, who is told of it, and who is not.

mod answers;
mod delivery;
mod stories;

use crate::harness::World;
use serde_json::{Value, json};

/// Everything that was told, oldest first.
async fn told(world: &World) -> Vec<Value> {
    let mut told = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = world.get(&format!("/v1/signals/events?limit=7{cursor}")).await.expect(200);
        told.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    told.reverse();
    told
}

/// Creates a signal and waits for what it sets off; answers its id.
async fn signal(world: &World, body: &Value) -> String {
    let answer = world.post("/v1/signals", body).await.expect(201);
    world.idle().await;
    answer["id"].as_str().unwrap().to_owned()
}

/// An indicator over events of the last seven days.
fn busy(at_least: u64) -> Value {
    json!({"kind": "indicator", "name": "Busy", "object": "account",
           "rule": {"condition": {"field": "Events 7d", "is": "at_least", "value": at_least}}})
}

/// The objects of a signal, by id.
async fn object(world: &World, signal: &str, id: &str) -> Value {
    let page = world.get(&format!("/v1/signals/{signal}/objects?object_id={id}")).await.expect(200);
    page["items"][0].clone()
}
