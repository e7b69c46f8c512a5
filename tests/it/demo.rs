//! Every value equals a second, separately written answer over the simulator's raw rows.

use crate::harness::{Lines, NOW, World, both_levels, ms};
use crate::reference::Reference;
use chrono_tz::Tz;
use pendo_simulator::{DirectoryList, Options, print_directory};
use serde_json::{Value, json};

const ACCOUNTS: &str = include_str!("../../infra/local/examples/accounts.csv");
const CONTACTS: &str = include_str!("../../infra/local/examples/contacts.csv");
const FIELDS: &str = include_str!("../../infra/local/examples/fields.json");
const MATCHING: &str = include_str!("../../infra/local/examples/matching.json");

const FUNCTIONS: [&str; 7] =
    ["count", "minutes", "distinct_visitors", "active_days", "first_used", "last_used", "days_since_last_used"];

/// Windows that take turns: each combination of kind, function and level gets two of them.
fn window(turn: usize) -> Value {
    let windows = [
        json!({"rolling_days": 1, "complete_days": false}),
        json!({"all_time": true}),
        json!({"rolling_days": 7, "complete_days": true}),
        json!({"rolling_days": 30, "complete_days": false}),
        json!({"rolling_days": 1, "complete_days": true}),
        json!({"rolling_days": 13}),
        json!({"rolling_days": 90, "complete_days": true}),
    ];
    windows[turn % windows.len()].clone()
}

/// Every function over every kind on both levels, over some objects of a kind, and over types of guide events.
fn wide(catalog: &[Value], shift: usize) -> Vec<Value> {
    let mut fields = Vec::new();
    let mut turn = shift;
    for object in ["account", "contact"] {
        for kind in ["event", "page", "feature", "track", "guide"] {
            for function in FUNCTIONS.into_iter().filter(|function| (kind, *function) != ("guide", "minutes")) {
                turn += 1;
                let name = |what: &str| format!("{kind} {function} {what}");
                let usage = json!({"kind": kind});
                fields.push(json!({"name": name("all"), "object": object, "usage": usage,
                                   "function": function, "window": window(turn)}));
                let ids: Vec<&Value> =
                    catalog.iter().filter(|entry| entry["kind"] == kind).map(|entry| &entry["id"]).collect();
                let usage = match kind {
                    "event" => json!({"kind": kind}),
                    "guide" => json!({"kind": kind, "types": ["guideDismissed", "guideAdvanced"]}),
                    _ => json!({"kind": kind, "ids": [ids[turn % ids.len()], ids[(turn + 1) % ids.len()]]}),
                };
                fields.push(json!({"name": name("some"), "object": object, "usage": usage,
                                   "function": function, "window": window(turn + 3)}));
            }
        }
        let guides: Vec<&Value> =
            catalog.iter().filter(|entry| entry["kind"] == "guide").map(|entry| &entry["id"]).collect();
        fields.push(json!({"name": "one guide seen", "object": object, "usage": {"kind": "guide", "ids": [guides[0]]},
                           "function": "count", "window": {"all_time": true}}));
    }
    fields
}

/// Compares every line with the reference; answers how many there were.
fn compare(lines: &Lines, reference: &Reference, fields: &[Value]) -> usize {
    let mut compared = 0;
    let mut wrong = Vec::new();
    for field in fields {
        let part = |name: &str| field[name].as_str().unwrap().to_owned();
        for (id, expected) in reference.expected(field) {
            let line = &lines[&(part("object"), id.clone(), part("name"))];
            compared += 1;
            let is_equal = line["value"] == expected.value
                && line["reason"].as_str() == expected.reason
                && line["from"] == expected.from
                && line["to"] == expected.to;
            if !is_equal {
                wrong.push(format!("{line} should be {expected:?} for {field}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {compared} differ:\n{}", wrong.len(), wrong[..wrong.len().min(12)].join("\n"));
    assert_eq!(compared, lines.len(), "a line for every object and field, and no other");
    compared
}

struct Demo {
    world: World,
    zone: Tz,
    accounts: String,
    contacts: String,
    fields: Vec<Value>,
}

impl Demo {
    async fn start(options: Options, zone: Tz, shift: usize) -> Self {
        let print = |list| {
            let mut csv = Vec::new();
            print_directory(&options, list, &mut csv).unwrap();
            String::from_utf8(csv).unwrap()
        };
        let (accounts, contacts) = (print(DirectoryList::Accounts), print(DirectoryList::Contacts));
        let world = World::start(options).await;
        world.connect_with(&json!({"time_zone": zone.name()})).await;
        world.upload("accounts", &accounts).await;
        world.upload("contacts", &contacts).await;
        world.match_both().await;
        let catalog = world.get("/v1/pendo/catalog").await.expect(200)["items"].as_array().unwrap().clone();
        let fields = wide(&catalog, shift);
        world.fields(&fields).await;
        Self { world, zone, accounts, contacts, fields }
    }

    fn reference(&self) -> Reference {
        let now_ms = self.world.stack.clock().now_ms();
        Reference::new(self.world.pendo().truth(), &both_levels(), self.zone, now_ms)
            .with_directory(&self.accounts, &self.contacts)
    }

    async fn compare(&self) {
        compare(&self.world.lines().await, &self.reference(), &self.fields);
    }
}

fn small(seed: u64, days: u32) -> Options {
    Options { seed, accounts: 12, visitors: 90, days, ..Options::default() }
}

#[tokio::test]
async fn every_value_of_the_demo_equals_the_reference() {
    let world = World::start(Options::default()).await;
    world.connect().await;
    world.upload("accounts", ACCOUNTS).await;
    world.upload("contacts", CONTACTS).await;
    world.matching(&serde_json::from_str(MATCHING).unwrap()).await;
    let fields: Vec<Value> = serde_json::from_str(FIELDS).unwrap();
    world.fields(&fields).await;
    let reference =
        Reference::new(world.pendo().truth(), &both_levels(), Tz::UTC, ms(NOW)).with_directory(ACCOUNTS, CONTACTS);
    let compared = compare(&world.lines().await, &reference, &fields);
    assert!(compared > 1_000, "{compared}");
    let status = world.status().await;
    assert_eq!((&status["is_complete"], status["kinds"].as_object().unwrap().len()), (&json!(true), 5), "{status}");
    for (kind, report) in status["kinds"].as_object().unwrap() {
        assert_eq!(report["equals_pendo"], true, "{kind}");
        for object in ["account", "contact"] {
            assert_eq!(report["events_by"][object], json!(reference.classes(object, kind)), "{kind} {object}");
        }
    }
}

#[tokio::test]
async fn every_function_kind_and_window_equals_the_reference_as_time_goes_on() {
    let demo = Demo::start(small(7, 100), Tz::UTC, 0).await;
    demo.compare().await;
    for hours in [1, 5, 7, 26, 75] {
        demo.world.tick_after(hours).await;
        demo.world.tick().await;
        demo.compare().await;
    }
}

#[tokio::test]
async fn every_function_kind_and_window_equals_the_reference_in_new_york() {
    let demo = Demo::start(small(8, 130), Tz::America__New_York, 1).await;
    demo.compare().await;
    demo.world.tick_after(17).await;
    demo.compare().await;
}

#[tokio::test]
async fn every_function_kind_and_window_equals_the_reference_in_berlin() {
    let demo = Demo::start(small(9, 130), Tz::Europe__Berlin, 2).await;
    demo.compare().await;
    demo.world.tick_after(10).await;
    demo.compare().await;
}
