//! Every example of the document, run in the order of a story.

use crate::asked::all;
use crate::harness::{Reply, World, used};
use local::AccessLevel;
use pendo_simulator::Kind;
use reqwest::Method;
use serde_json::json;
use std::collections::BTreeSet;

/// The order in which an admin would ask.
const STORY: [&str; 52] = [
    "connect",
    "readConnection",
    "uploadAccounts",
    "uploadContacts",
    "listMetadata",
    "saveMatching",
    "saveMatching for good",
    "readMatching",
    "saveExclusions",
    "readExclusions",
    "listCatalog",
    "estimateKind",
    "previewField",
    "createField",
    "listFields",
    "readField",
    "editField",
    "listVersions",
    "compareVersions",
    "readConfiguration",
    "saveConfiguration for good",
    "undoMatching",
    "listAccounts",
    "listContacts",
    "sync",
    "listValues",
    "previewField of what is stored",
    "readHistory",
    "explainValue",
    "listPeers",
    "listUsage",
    "listUnmatched",
    "createSignal",
    "listSignals",
    "listSignalTemplates",
    "previewSignal",
    "readSignal",
    "editSignal",
    "listSignalObjects",
    "actOnSignal",
    "listSignalEvents",
    "replaySignal",
    "readCalibration",
    "readImpact",
    "listRenewals",
    "readStatus",
    "changeConnection",
    "deleteContacts",
    "deleteAccounts",
    "deleteSignal",
    "deleteField",
    "listChanges",
];

/// Signals whose answers are of their kind only.
const PLAYBOOK: &str =
    r#"{"kind":"playbook","name":"Expand","object":"account","rule":{"measure":{"field":"MAU","window_days":28}}}"#;
const HEALTH: &str = r#"{"kind":"health","name":"Health","object":"account","rule":{"profiles":[{"name":"All","inputs":[{"name":"People","field":"MAU","weight":1,"bands":[{"from":0,"to":10,"scores":[0,100]}]}]}]}}"#;

#[tokio::test]
async fn every_example_works_as_it_is_written() {
    let world = World::empty().await;
    world.pendo().inject(used(Kind::Event, "ann@example.org", Some("A-1"), "2026-06-28T08:00:00Z", 3));
    let token = world.stack.token(AccessLevel::High).unwrap();
    let operations = all();
    let (mut field, mut signals) = (String::new(), Vec::new());
    let mut seen = BTreeSet::new();
    for step in STORY.into_iter().chain(["disconnect"]) {
        let (id, is_dry) = step.split_once(' ').map_or((step, true), |(id, _)| (id, false));
        let asked = operations.iter().find(|asked| asked.id == id).unwrap_or_else(|| panic!("{id} is no operation"));
        let of_signals = asked.path.starts_with("/v1/signals");
        if matches!(id, "readImpact" | "listRenewals") {
            let body = if id == "readImpact" { PLAYBOOK } else { HEALTH };
            signals.push(world.post("/v1/signals", &serde_json::from_str(body).unwrap()).await.expect(201));
        }
        let signal = if id == "deleteSignal" { signals.first() } else { signals.last() };
        let signal = signal.map_or("", |signal| signal["id"].as_str().unwrap()).to_owned();
        let mut path = asked.example(if of_signals { &signal } else { &field });
        if !is_dry {
            path = path.replace("dry_run=true", "dry_run=false");
        }
        let headers = asked.body.map(|body| ("content-type", body.types[0]));
        let body = asked.body.map_or("", |body| body.example);
        let method: Method = asked.method.parse().unwrap();
        let reply: Reply = world.call_with(&token, method, &path, headers.as_slice(), body).await;
        let statuses: Vec<u16> = asked.replies.iter().map(|(status, _)| *status).collect();
        assert!(statuses.contains(&reply.status), "{} {path}: {} {}", asked.method, reply.status, reply.text);
        assert_eq!(reply.headers.contains_key("etag"), asked.answers_etag, "{step}: an ETag");
        assert!(reply.headers.contains_key("x-request-id"), "{step}: a request id");
        if id == "createField" {
            field = reply.json()["id"].as_str().unwrap().to_owned();
        }
        if id == "createSignal" {
            signals.push(reply.json());
        }
        if id == "deleteSignal" {
            for other in signals.drain(1..) {
                let path = format!("/v1/signals/{}", other["id"].as_str().unwrap());
                assert_eq!(world.delete(&path).await.status, 204);
            }
        }
        if id == "listValues" {
            assert_eq!(reply.json()["items"][0]["value"], 1, "{}", reply.text);
        }
        if id == "previewField" {
            let preview = reply.json();
            let said =
                json!([preview["items"][0]["value"], preview["distribution"]["values"], preview["backfill"]["rows"]]);
            assert_eq!(said, if is_dry { json!([null, 0, 1]) } else { json!([1, 1, null]) }, "{}", reply.text);
        }
        if matches!(id, "explainValue" | "listUsage") {
            assert_eq!(reply.json()["items"][0]["visitor"], "ann@example.org", "{}", reply.text);
        }
        world.idle().await;
        seen.insert(id);
    }
    assert_eq!(seen, operations.iter().map(|asked| asked.id).collect(), "every operation has its place in the story");
}
