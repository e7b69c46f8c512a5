//! Every value equals a second, separately written answer over the simulator's raw rows.

use crate::calculator::expected;
use crate::harness::{Lines, NOW, World, all_time, both_levels, ms, pick};
use crate::reference::Reference;
use chrono::NaiveDate;
use chrono_tz::Tz;
use pendo_simulator::{DirectoryList, Options, print_directory};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use serde_json::{Value, json};
use shared::fields::Definition;

const ACCOUNTS: &str = include_str!("../../infra/local/examples/accounts.csv");
const CONTACTS: &str = include_str!("../../infra/local/examples/contacts.csv");
const FIELDS: &str = include_str!("../../infra/local/examples/fields.json");
const MATCHING: &str = include_str!("../../infra/local/examples/matching.json");

const OF_SEVERAL: [&str; 7] = [
    "average_per_active_day",
    "average_per_active_user",
    "feature_breadth",
    "power_user_concentration",
    "stickiness",
    "trend",
    "adoption_rate",
];
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
        json!({"rolling_weeks": 2}),
        json!({"rolling_months": 2, "complete_days": true}),
        json!({"calendar": "week", "offset": 1}),
        json!({"calendar": "month"}),
        json!({"calendar": "quarter", "offset": 0}),
        json!({"since": "2026-05-17"}),
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
        for (id, expected) in expected(reference, field, fields) {
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
    async fn start(options: Options, zone: Tz, fields: impl FnOnce(&[Value]) -> Vec<Value>) -> Self {
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
        let fields = fields(&catalog);
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

/// Definitions drawn at random: any function and any window that go together, over any kind, level, objects and types.
fn drawn(catalog: &[Value], seed: u64, count: usize) -> Vec<Value> {
    let mut runner =
        TestRunner::new(Config { rng_seed: RngSeed::Fixed(seed), failure_persistence: None, ..Config::default() });
    let parts = (
        0..5_usize,
        prop::bool::ANY,
        0..OF_SEVERAL.len() + FUNCTIONS.len(),
        0..8_usize,
        0..400_u32,
        prop::bool::ANY,
        0..9_usize,
    );
    let mut fields = Vec::new();
    while fields.len() < count {
        let (kind, is_account, function, window, length, is_whole, some) =
            parts.new_tree(&mut runner).unwrap().current();
        let kind = ["event", "page", "feature", "track", "guide"][kind];
        let function = OF_SEVERAL.iter().chain(&FUNCTIONS).nth(function).unwrap();
        // Of the few days that there are, most windows see some.
        let length = length % [30, 120, 400][some % 3];
        let rolling = |member: &str, each: u32| json!({member: 1 + length / each, "complete_days": is_whole});
        let calendar = |period: &str, each: u32| json!({"calendar": period, "offset": length / each});
        let window = match window {
            0 => all_time(),
            1 => {
                json!({"since": (NaiveDate::from_ymd_opt(2026, 6, 30).unwrap() - chrono::Days::new(length.into())).to_string()})
            }
            2 => rolling("rolling_days", 1),
            3 => rolling("rolling_weeks", 7),
            4 => rolling("rolling_months", 30),
            5 => calendar("day", 10),
            6 => calendar(["week", "month"][some % 2], 30),
            _ => calendar("quarter", 90),
        };
        let ids: Vec<&Value> = catalog.iter().filter(|entry| entry["kind"] == kind).map(|entry| &entry["id"]).collect();
        let mut usage = json!({"kind": kind});
        match (kind, some) {
            ("event", _) | (_, 0..4) => {}
            ("guide", 4..6) => usage["types"] = json!(["guideDismissed", "guideAdvanced"]),
            _ => usage["ids"] = json!(ids.iter().skip(some % 2).step_by(2).take(some).collect::<Vec<_>>()),
        }
        let object = if is_account { "account" } else { "contact" };
        let mut field = json!({"name": format!("F {}", fields.len()), "object": object, "usage": usage,
                               "function": function, "window": window});
        if *function == "adoption_rate" {
            field["of"] = json!("same_kind");
        }
        // What goes together is said elsewhere; here only that enough is left of each.
        if Definition::parse(&field).is_ok() {
            fields.push(field);
        }
    }
    for function in OF_SEVERAL {
        assert!(fields.iter().any(|field| field["function"] == function), "{function} was not drawn");
    }
    fields
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
    let demo = Demo::start(small(7, 100), Tz::UTC, |catalog| wide(catalog, 0)).await;
    demo.compare().await;
    for hours in [1, 5, 7, 26, 75] {
        demo.world.tick_after(hours).await;
        demo.world.tick().await;
        demo.compare().await;
    }
}

#[tokio::test]
async fn every_function_kind_and_window_equals_the_reference_in_new_york() {
    let demo = Demo::start(small(8, 130), Tz::America__New_York, |catalog| wide(catalog, 1)).await;
    demo.compare().await;
    demo.world.tick_after(17).await;
    demo.compare().await;
}

#[tokio::test]
async fn every_function_kind_and_window_equals_the_reference_in_berlin() {
    let demo = Demo::start(small(9, 130), Tz::Europe__Berlin, |catalog| wide(catalog, 2)).await;
    demo.compare().await;
    demo.world.tick_after(10).await;
    demo.compare().await;
}

#[tokio::test]
async fn definitions_drawn_at_random_equal_the_reference_whatever_the_zone() {
    let zones = [Tz::America__New_York, Tz::Asia__Tokyo, Tz::Europe__Berlin, Tz::UTC, Tz::Pacific__Auckland];
    let (worlds, fields) = (pick(1, 60), pick(80, 180));
    for (seed, zone) in (40..).zip(zones.into_iter().cycle()).take(worlds) {
        let demo = Demo::start(small(seed, 130), zone, |catalog| drawn(catalog, seed, fields)).await;
        demo.compare().await;
        // Over a midnight, and into the next month.
        for hours in [11, 14] {
            demo.world.tick_after(hours).await;
            demo.compare().await;
        }
        demo.world.stack.stop().await;
    }
    println!("definitions drawn: first seed 40, n {}, failures 0", worlds * fields);
}
