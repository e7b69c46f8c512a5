//! Random exclusions over random worlds, beside a brute force that is first tried on rows that can be counted by hand.

use super::{ACCOUNTS, CONTACTS, fields, own, world};
use crate::explain::{EXCLUDED, Story};
use crate::harness::{both_levels, pick};
use crate::reference::{Reference, kind_name};
use chrono_tz::Tz;
use pendo_simulator::Kind;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use serde_json::{Value, json};

const SEED: u64 = 17;

#[tokio::test]
async fn random_exclusions_over_random_worlds_are_what_the_brute_force_says_and_every_event_is_in_one_class() {
    let mut runner =
        TestRunner::new(Config { rng_seed: RngSeed::Fixed(SEED), failure_persistence: None, ..Config::default() });
    let (worlds, changes, mut values, mut excluded) = (pick(1, 60), pick(6, 20), 0, 0);
    for _ in 0..worlds {
        let mut story = Story::told(&mut runner).await;
        story.world.pendo().clear_requests();
        for _ in 0..changes {
            let some = prop::collection::vec(prop::sample::select(&EXCLUDED[..]), 0..3);
            let mut exclusions = serde_json::Map::new();
            for part in some.new_tree(&mut runner).unwrap().current() {
                exclusions.extend(serde_json::from_str::<serde_json::Map<String, Value>>(part).unwrap());
            }
            story.exclude(&Value::Object(exclusions)).await;
            values += story.agrees().await;
            let (status, reference) = (story.world.status().await, story.reference());
            for (kind, report) in status["kinds"].as_object().unwrap() {
                for level in ["account", "contact"] {
                    let classes = reference.classes(level, kind);
                    assert_eq!(report["events_by"][level], json!(classes), "{kind} of {level}");
                    assert_eq!(report["unaccounted"][level], 0, "{kind} of {level}");
                    excluded += classes["excluded"];
                }
            }
        }
        assert_eq!(story.world.pendo().requests().len(), 0, "Pendo was not asked");
        story.world.tick_after(1).await;
        values += story.agrees().await;
    }
    println!(
        "exclusions: seed {SEED}, {worlds} worlds, {changes} changes each, {values} values, {excluded} events excluded, failures 0"
    );
    assert!(excluded > 1_000, "somebody is excluded");
}

/// The brute force itself, on rows that can be counted by hand.
#[tokio::test]
async fn the_brute_force_leaves_out_the_same() {
    let world = world().await;
    let reference = |exclusions: &Value| {
        Reference::new(world.pendo().truth(), &both_levels(), Tz::UTC, world.stack.clock().now_ms())
            .with_directory(ACCOUNTS, CONTACTS)
            .with_exclusions(exclusions)
    };
    let [events, ..] = &fields()[..] else { panic!("fields") };
    let kind = kind_name(Kind::Event);
    for (exclusions, value, excluded) in [(json!({}), 15, 0), (own(), 1, 110), (json!({"contacts": ["C-2"]}), 13, 34)] {
        let reference = reference(&exclusions);
        assert_eq!(reference.expected(events)["A-1"].value, value, "{exclusions}");
        assert_eq!(reference.classes("account", kind)["excluded"], excluded, "{exclusions}");
    }
}
