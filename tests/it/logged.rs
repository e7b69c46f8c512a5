//! The log leads from a request over the queue's message to the run that it set off, and says whose it was without a name.

use crate::harness::{NOW, all_time, field, ms, two_accounts, used};
use crate::log::Log;
use pendo_simulator::Kind;
use serde_json::{Value, json};

/// The lines, each with the members of all spans that it lies in.
fn lines(log: &Log) -> Vec<Value> {
    let text = String::from_utf8(log.taken()).unwrap();
    let parse = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let mut all = line["fields"].clone();
        for span in line["spans"].as_array().into_iter().flatten() {
            all.as_object_mut().unwrap().extend(span.as_object().unwrap().clone());
        }
        all
    };
    text.lines().map(parse).collect()
}

fn the<'a>(lines: &'a [Value], message: &str) -> &'a Value {
    let found: Vec<&Value> = lines.iter().filter(|line| line["message"] == message).collect();
    let [line] = found[..] else { panic!("{} lines say {message:?}: {lines:#?}", found.len()) };
    line
}

#[tokio::test]
async fn a_request_leads_to_its_run_and_a_run_says_whose_it_was_and_what_it_did() {
    let world = two_accounts().await;
    world.field(&field("Events", "account", "event", "count", &all_time())).await;
    world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-06-30T09:00:00Z", 5));
    let tag = world.workspace().tag();
    let (log, _guard) = Log::start(&[]);

    let asked = world.post("/v1/sync", &json!({})).await;
    asked.expect(202);
    world.idle().await;
    let by_hand = lines(&log);
    let queued = the(&by_hand, "a job was queued");
    assert_eq!(queued["request.id"], asked.headers["x-request-id"].to_str().unwrap());
    let ended = the(&by_hand, "a run ended");
    assert!(ended["message.id"].is_string() && ended["message.id"] == queued["message.id"], "{queued} {ended}");
    let whose = [&ended["workspace"], &queued["workspace"]];
    assert_eq!(whose, [&json!(tag), &json!(tag)]);
    let did = (&ended["job"], &ended["hop"], &ended["tick"], &ended["rows"], &ended["is_complete"]);
    assert_eq!(did, (&json!("sync"), &json!(0), &Value::Null, &json!(1), &json!(true)), "{ended}");
    let moved = by_hand.iter().filter(|line| line["message"] == "a head moved").collect::<Vec<_>>();
    assert!(!moved.is_empty() && moved.iter().all(|line| line["head"].is_u64() && line["shard"].is_u64()), "{moved:?}");

    world.stack.tick_at(ms(NOW)).await.unwrap();
    world.idle().await;
    let by_schedule = lines(&log);
    let ended = the(&by_schedule, "a run ended");
    assert_eq!(
        (&ended["tick"], &ended["workspace"], &ended["attempt"]),
        (&json!(NOW), &json!(tag), &json!("1")),
        "{ended}"
    );
    assert!(by_hand.iter().chain(&by_schedule).all(|line| !line.to_string().contains("ann@x.test")));
}
