//! Random worlds, told day by day: at each midnight the test counts by hand what should be known from then on.

use super::{history_of, told};
use crate::explain::{Drawn, Story, row, rows};
use crate::harness::{HOUR_MS, pick};
use crate::reference::Expected;
use chrono::{DateTime, NaiveDate};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngSeed, TestRunner};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const SEED: u64 = 2;

/// What is said, by object, field and day.
type Points = BTreeMap<(String, String, String), Value>;

fn date(at_ms: i64, story: &Story) -> NaiveDate {
    DateTime::from_timestamp_millis(at_ms).unwrap().with_timezone(&story.zone).date_naive()
}

/// What should be known of days since `from`, by account and field, of those that can be told.
fn should_be(story: &Story, from: NaiveDate, to: NaiveDate, object: &str) -> Points {
    let mut all = BTreeMap::new();
    for day in from.iter_days().take_while(|day| *day <= to) {
        let reference = story.reference().at_the_end_of(day);
        for field in story.fields.iter().filter(|field| field["object"] == object) {
            for (id, Expected { value, reason, .. }) in reference.expected(field) {
                let said = if value.is_null() { json!(reason) } else { value };
                all.insert((id, field["name"].as_str().unwrap().to_owned(), day.to_string()), said);
            }
        }
    }
    all
}

/// What is told, by account, field and day.
async fn is_told(story: &Story, object: &str, more: &str) -> Points {
    let mut all = BTreeMap::new();
    let lines = story.world.lines().await;
    for (_, id, name) in lines.keys().filter(|(level, ..)| level == object) {
        for (day, said, ..) in told(&history_of(&story.world, object, id, name, more).await) {
            all.insert((id.clone(), name.clone(), day), said);
        }
    }
    all
}

/// Days of accounts without usage, or with windows that begin before what is read, are not told.
fn told_of(should_be: &Points) -> Points {
    let is_told = |said: &Value| *said != "unmatched" && *said != "not_read";
    should_be.iter().filter(|(_, said)| is_told(said)).map(|(key, said)| (key.clone(), said.clone())).collect()
}

#[tokio::test]
async fn over_random_worlds_what_was_known_at_each_midnight_is_what_counting_by_hand_gave_then() {
    let mut runner =
        TestRunner::new(Config { rng_seed: RngSeed::Fixed(SEED), failure_persistence: None, ..Config::default() });
    let (worlds, mut points, mut restated) = (pick(1, 40), 0, 0);
    for _ in 0..worlds {
        let story = Story::told(&mut runner).await;
        let world = &story.world;
        let began = date(world.stack.clock().now_ms() - 24 * HOUR_MS, &story);
        let mut midnights: Vec<(String, Points)> = Vec::new();
        let mut last = began;
        let drawn: Vec<Drawn> = rows().new_tree(&mut runner).unwrap().current();
        // New usage and late usage, as much as the next run reads anew.
        let usable = drawn.iter().filter(|(.., hours_ago, (events, _), _)| *hours_ago < 40 && *events > 0);
        let mut usable = usable.cycle();
        for _ in 0..pick(9, 16) {
            world.advance(8);
            let now_ms = world.stack.clock().now_ms();
            usable.by_ref().take(40).for_each(|drawn| world.pendo().inject(row(drawn, now_ms - HOUR_MS)));
            world.tick().await;
            let yesterday = date(now_ms - now_ms.rem_euclid(HOUR_MS), &story).pred_opt().unwrap();
            if yesterday > last {
                last = yesterday;
                let at = DateTime::from_timestamp_millis(now_ms).unwrap().format("%Y-%m-%dT%H:%M:%SZ").to_string();
                midnights.push((at, told_of(&should_be(&story, began, yesterday, "account"))));
            }
        }
        assert!(midnights.len() >= 2, "{}", midnights.len());
        for (at, known) in &midnights {
            assert_eq!(&is_told(&story, "account", &format!("&known_at={at}")).await, known, "known at {at}");
            points += known.len();
        }
        let after = &midnights[midnights.len() - 1].1;
        let before = midnights.iter().flat_map(|(_, known)| known);
        restated += before.filter(|(key, said)| after.get(*key) != Some(said)).count();
        // Computed now from the rows that stand, of contacts and of accounts, and of days before history began.
        let earlier = began - chrono::Days::new(3);
        for (object, more) in [("contact", ""), ("account", "&computed=true")] {
            let computed = is_told(&story, object, &format!("{more}&from={earlier}&to={last}&limit=5")).await;
            assert_eq!(computed, should_be(&story, earlier, last, object), "{object}");
        }
    }
    assert!(points > 0 && restated > 0, "{points} points, {restated} restated");
    println!(
        "random worlds: seed {SEED}, n {worlds}, {points} points known at midnights, {restated} of them restated later, failures 0"
    );
}
