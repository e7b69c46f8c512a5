//! Pendo at its worst: thirty percent of all requests meet a trouble, each kind alone and all of them mixed. No run panics
//! or hangs, no bucket is published that Pendo never was, and three clean ticks later all is as the brute force says.

use crate::harness::{HOUR_MS, World, all_time, both_levels, field, two_accounts, used};
use crate::reference::Reference;
use crate::size::{Random, Time, first_seed, pick, report};
use chrono_tz::Tz;
use futures_util::future::join_all;
use pendo_simulator::{Faults, Kind, Trouble};
use serde_json::json;
use std::time::Duration;

const ACCOUNTS: &str = "id,name\nA-1,One\nA-2,Two\n";
const CONTACTS: &str = "id,account_id,email\nC-1,A-1,ann@x.test\nC-2,A-2,bob@x.test\n";
const KINDS: [(Kind, &str); 3] = [(Kind::Page, "page"), (Kind::Event, "event"), (Kind::Guide, "guide")];
/// Four attempts with their pauses for each of a run's requests, on a machine that is busy with other tests.
const RUN_MAX: Duration = Duration::from_secs(180);
/// Troubles that agree with themselves: a probe and a fetch that lost, or doubled, the same rows look like Pendo.
const CONSISTENT: [Trouble; 5] =
    [Trouble::Shrink, Trouble::Empty, Trouble::NullResults, Trouble::MissingFields, Trouble::Duplicates];

/// A world with usage of each kind on several days.
async fn prepared() -> World {
    let world = two_accounts().await;
    for (kind, _) in KINDS {
        for at in ["2026-06-30T05:10:00Z", "2026-06-30T09:10:00Z", "2026-06-29T09:10:00Z", "2026-06-03T09:10:00Z"] {
            world.pendo().inject(used(kind, "ann@x.test", Some("A-1"), at, 10));
            world.pendo().inject(used(kind, "bob@x.test", Some("A-2"), at, 20));
        }
    }
    let counts = KINDS.map(|(_, name)| field(name, "account", name, "count", &all_time()));
    let more = [field("seen", "contact", "page", "distinct_visitors", &json!({"rolling_days": 7}))];
    world.fields(&[counts.to_vec(), more.to_vec()].concat()).await;
    world
}

/// What differs from the brute force.
async fn wrong(world: &World) -> Vec<String> {
    let lines = world.lines().await;
    let now_ms = world.stack.clock().now_ms();
    let truth = Reference::new(world.pendo().truth(), &both_levels(), Tz::UTC, now_ms);
    let truth = truth.with_directory(ACCOUNTS, CONTACTS);
    let mut wrong = Vec::new();
    for (_, name) in KINDS {
        for (id, expected) in truth.expected(&field(name, "account", name, "count", &all_time())) {
            let line = &lines[&("account".to_owned(), id, name.to_owned())];
            if line["value"] != expected.value {
                wrong.push(format!("{expected:?}: {line}"));
            }
        }
    }
    wrong
}

async fn total(world: &World, name: &str) -> u64 {
    let lines = world.lines().await;
    lines.iter().filter(|((_, _, field), _)| field == name).filter_map(|(_, line)| line["value"].as_u64()).sum()
}

fn truth(world: &World, kind: Kind) -> u64 {
    let as_of = world.stack.clock().now_ms() / HOUR_MS * HOUR_MS;
    world.pendo().truth_of(kind).iter().filter(|row| row.hour_ms < as_of).map(|row| u64::from(row.events)).sum()
}

/// One round after the other while the time lasts: an hour with new usage, a run in trouble, and clean ticks until all is
/// right. Answers how many, and what went wrong.
async fn rounds(world: &World, troubles: &[Trouble], rounds: u64, seed: u64, time: Time) -> (u64, Vec<String>) {
    let (context, workspace) = (world.stack.context().clone(), world.workspace());
    let mut random = Random::new(seed);
    let mut failures = Vec::new();
    for round in 0..rounds {
        if round > 0 && !time.is_left() {
            return (round, failures);
        }
        for (kind, _) in KINDS {
            let mut row =
                used(kind, "ann@x.test", Some("A-1"), crate::harness::NOW, 5 + u32::try_from(round % 90).unwrap());
            row.hour_ms = world.stack.clock().now_ms() / HOUR_MS * HOUR_MS;
            (row.first_ms, row.last_ms) = (row.hour_ms + 5, row.hour_ms + 5);
            row.browser_ms = row.browser_ms.map(|_| row.first_ms);
            world.pendo().inject(row);
        }
        world.advance(1);
        let mut before = Vec::new();
        for (_, name) in KINDS {
            before.push(total(world, name).await);
        }
        let faults =
            Faults { trouble_percent: 30, troubles: troubles.to_vec(), salt: random.next(), ..Faults::default() };
        world.pendo().set_faults(faults);
        let run = tokio::time::timeout(RUN_MAX, shared::sync::run(&context, &workspace, None)).await;
        world.pendo().set_faults(Faults::default());
        if run.is_err() {
            failures.push(format!("{troubles:?}, round {round}: the run did not end"));
        }
        for ((kind, name), before) in KINDS.into_iter().zip(before) {
            let (now, truth) = (total(world, name).await, truth(world, kind));
            if (now < before || now > truth) && !troubles.iter().any(|trouble| CONSISTENT.contains(trouble)) {
                failures.push(format!("{troubles:?}, round {round}: {name} {before} became {now} of {truth}"));
            }
        }
        let mut left = Vec::new();
        for _ in 0..3 {
            world.tick_after(1).await;
            left = wrong(world).await;
            if left.is_empty() {
                break;
            }
        }
        if !left.is_empty() {
            failures.push(format!("{troubles:?}, round {round}: three clean ticks later {left:?}"));
        }
        if world.status().await["status"] != "active" {
            failures.push(format!("{troubles:?}, round {round}: the connection is not active any more"));
        }
    }
    (rounds, failures)
}

#[tokio::test]
async fn a_third_of_all_requests_in_trouble_loses_nothing_doubles_nothing_and_is_over_three_ticks_later() {
    let (each, mixed) = pick((1, 6), (1_000, 1_000));
    let seed = first_seed();
    // Side by side, since those that answer 5xx make a run wait.
    let worlds = pick(3, 8);
    let one = |part: usize| async move {
        let world = prepared().await;
        let (mut n, mut failures) = (0, Vec::new());
        for trouble in Trouble::ALL.into_iter().skip(part).step_by(worlds) {
            let share = Time::share(u32::try_from(40 * worlds / 32).unwrap_or_default());
            let (done, failed) = rounds(&world, &[trouble], each, seed, share).await;
            n += done;
            println!("{trouble:?}: n {done}, failures {}", failed.len());
            failures.extend(failed);
        }
        let seed = seed + part as u64;
        let (done, failed) = rounds(&world, &Trouble::ALL, mixed / worlds as u64 + 1, seed, Time::share(10)).await;
        println!("all kinds mixed: n {done}, failures {}", failed.len());
        failures.extend(failed);
        (n + done, failures)
    };
    let (n, failures): (Vec<u64>, Vec<Vec<String>>) = join_all((0..worlds).map(one)).await.into_iter().unzip();
    let failures = failures.concat();
    report("faults at 30 %", seed, n.iter().sum(), failures.len());
    assert!(failures.is_empty(), "{failures:#?}");
}

#[tokio::test]
async fn what_a_weekly_pass_got_wrong_of_old_days_is_right_after_the_next_run() {
    let world = prepared().await;
    // For one run Pendo shows too much of a day of five weeks before, in probe and rows alike.
    let doubled = used(Kind::Page, "ann@x.test", Some("A-1"), "2026-06-03T10:10:00Z", 7);
    let hour_ms = doubled.hour_ms;
    world.pendo().inject(doubled);
    world.tick_after(7 * 24).await;
    assert_eq!(total(&world, "page").await, 127);
    world.pendo().remove(|row| row.hour_ms == hour_ms);
    world.tick_after(1).await;
    assert_eq!(wrong(&world).await, Vec::<String>::new());
    let changed_from = async || world.checkpoint().await.kinds[&shared::id::Kind::Page].changed_from;
    assert!(changed_from().await.is_some(), "that was read anew, and is compared once more");
    world.tick_after(1).await;
    assert_eq!(changed_from().await, None);
}

#[tokio::test]
async fn a_kind_whose_answers_never_arrive_stops_no_other() {
    let world = prepared().await;
    let (context, workspace) = (world.stack.context().clone(), world.workspace());
    for (kind, _) in KINDS {
        world.pendo().inject(used(kind, "ann@x.test", Some("A-1"), "2026-06-30T11:10:00Z", 7));
    }
    let pages = Some("pageEvents".to_owned());
    let troubles = vec![Trouble::CutCleanly];
    world.pendo().set_faults(Faults { trouble_percent: 100, troubles, only_body: pages, ..Faults::default() });
    drop(shared::sync::run(&context, &workspace, None).await);
    assert_eq!((total(&world, "page").await, total(&world, "event").await), (120, 127));
    let kinds = world.status().await["kinds"].clone();
    assert!(kinds["page"]["error"].is_string() && kinds["event"]["error"].is_null(), "{kinds}");
    world.pendo().set_faults(Faults::default());
    world.tick().await;
    assert_eq!(wrong(&world).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_small_answer_that_unpacks_to_a_quarter_of_a_gigabyte_is_given_up_within_a_megabyte() {
    let world = prepared().await;
    let (context, workspace) = (world.stack.context().clone(), world.workspace());
    // The lists of the catalogue are held whole and bounded by 128 MB; an aggregation is read row by row.
    let (troubles, only_path) = (vec![Trouble::Bomb], Some("aggregation".to_owned()));
    world.pendo().set_faults(Faults { trouble_percent: 100, troubles, only_path, ..Faults::default() });
    drop(shared::sync::run(&context, &workspace, None).await);
    world.pendo().set_faults(Faults::default());
    let report = world.report().await;
    assert!(report.pendo_bytes < report.pendo_requests * (2 << 20), "{report:?}");
    world.tick().await;
    assert_eq!(wrong(&world).await, Vec::<String>::new());
}
