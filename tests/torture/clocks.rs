//! Workers whose clocks are wrong: fast or slow by minutes, or set back by hours. Nothing is counted twice, no run fails, and
//! once the clocks are right so are all values.

use crate::harness::{HOUR_MS, World, all_time, both_levels, field, two_accounts};
use crate::reference::Reference;
use crate::size::{Random, Time, first_seed, pick, report};
use chrono_tz::Tz;
use pendo_simulator::{Kind, RawRow};
use serde_json::{Value, json};
use shared::context::Context;
use std::sync::Arc;

const MINUTE_MS: i64 = 60_000;

fn fields() -> Vec<Value> {
    let week = json!({"rolling_days": 7, "complete_days": false});
    vec![
        field("ever", "account", "page", "count", &all_time()),
        field("week", "contact", "page", "count", &week),
        field("days", "account", "page", "active_days", &week),
        field("since", "account", "page", "days_since_last_used", &all_time()),
        field("last", "contact", "page", "last_used", &all_time()),
    ]
}

/// The functions' surroundings with a clock that is wrong by so much.
fn wrong_by(world: &World, by_ms: i64) -> Context {
    let clock = world.stack.clock().clone();
    let clock = shared::clock::Clock::of(Arc::new(move || clock.now_ms() + by_ms));
    Context { clock, ..world.stack.context().clone() }
}

async fn differs(world: &World) -> Vec<String> {
    let truth = Reference::new(world.pendo().truth(), &both_levels(), Tz::UTC, world.stack.clock().now_ms())
        .with_directory("id,name\nA-1,One\nA-2,Two\n", "id,account_id,email\nC-1,A-1,ann@x.test\nC-2,A-2,bob@x.test\n");
    let lines = world.lines().await;
    let mut wrong = Vec::new();
    for definition in fields() {
        for (id, expected) in truth.expected(&definition) {
            let part = |name: &str| definition[name].as_str().unwrap().to_owned();
            let line = &lines[&(part("object"), id, part("name"))];
            if (&line["value"], line["reason"].as_str()) != (&expected.value, expected.reason) {
                wrong.push(format!("{expected:?}: {line}"));
            }
        }
    }
    wrong
}

/// A day and a half of runs, each by a worker with a clock of its own.
async fn play(seed: u64, runs: u64) -> Vec<String> {
    let world = two_accounts().await;
    let mut random = Random::new(seed);
    world.fields(&fields()).await;
    let (workspace, mut faults) = (world.workspace(), Vec::new());
    let mut injected = 0;
    for run in 0..runs {
        let now_ms = world.stack.clock().now_ms();
        for _ in 0..random.below(3) {
            let back_ms = i64::try_from(random.below(30)).unwrap() * HOUR_MS;
            let (visitor, account) = *random.of(&[("ann@x.test", "A-1"), ("bob@x.test", "A-2"), ("eve@x.test", "A-1")]);
            let row = RawRow::new(Kind::Page, "p", visitor, Some(account), now_ms - back_ms);
            let events = 1 + u32::try_from(random.below(50)).unwrap();
            injected += u64::from(events);
            world.pendo().inject(RawRow { events, ..row });
        }
        world.stack.clock().advance_ms((20 + i64::try_from(random.below(80)).unwrap()) * MINUTE_MS);
        let minutes = match random.below(10) {
            0 => -180,
            1 => -60,
            _ => i64::try_from(random.below(21)).unwrap() - 10,
        };
        let end = shared::sync::run(&wrong_by(&world, minutes * MINUTE_MS), &workspace, None).await;
        if let Err(error) = end {
            faults.push(format!("seed {seed}, run {run}, {minutes} minutes: {error}"));
        }
        let lines = world.lines().await;
        let shown: u64 = ["A-1", "A-2"]
            .iter()
            .filter_map(|id| lines[&("account".to_owned(), (*id).to_owned(), "ever".to_owned())]["value"].as_u64())
            .sum();
        if shown > injected {
            faults.push(format!("seed {seed}, run {run}, {minutes} minutes: {shown} of {injected} events"));
        }
    }
    // The clocks are right again; small late differences wait for the daily pass.
    for hours in [1, 1, 24] {
        world.tick_after(hours).await;
    }
    faults.extend(differs(&world).await.into_iter().map(|what| format!("seed {seed}: {what}")));
    faults
}

#[tokio::test]
async fn clocks_that_are_fast_slow_or_set_back_double_nothing_and_all_is_right_once_they_are() {
    let (plays, runs, first, time) = (pick(2, 200), pick(12, 36), first_seed(), Time::share(6));
    let (mut n, mut faults) = (0, Vec::new());
    for seed in first..first + plays {
        if !time.is_left() {
            break;
        }
        n += 1;
        faults.extend(play(seed, runs).await);
    }
    report(&format!("wrong clocks, {runs} runs each"), first, n, faults.len());
    assert!(faults.is_empty(), "{faults:#?}");
}
