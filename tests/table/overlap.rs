//! Workers that overlap, sleep for days and wake, and jobs that come again: one outcome.

use crate::proxy::{Chance, Plan, draw};
use crate::scene::{Outcome, Scene, Stage};
use crate::size::{Time, pick, report};
use local::functions::{Binaries, Functions};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const SEED: u64 = 45;

#[tokio::test]
async fn two_to_eight_workers_on_one_connection_end_in_one_outcome() {
    let rounds = pick(1, 100);
    let (mut n, mut seed) = (0, SEED);
    for stage in [Stage::First, Stage::Late, Stage::House] {
        let scene = Scene::new(stage).await;
        let wanted = scene.wanted().await;
        let time = Time::share(4);
        for _ in 0..rounds {
            if !time.is_left() {
                break;
            }
            scene.reset().await;
            let count = 2 + draw(&mut seed, 7);
            let mut workers = tokio::task::JoinSet::new();
            for worker in 0..count {
                let (proxy, context) = scene.worker(seed + worker).await;
                proxy.plan(Plan::Chance(Chance { delay_ms: 1 + draw(&mut seed, 8), ..Chance::default() }));
                let workspace = scene.world.workspace();
                workers.spawn(async move {
                    // It may give a shard up to the others; it must not spoil it.
                    drop(shared::sync::run(&context, &workspace, None).await);
                    drop(proxy);
                });
            }
            workers.join_all().await;
            let what = format!("{stage:?}: {count} workers, seed {seed}");
            scene.nothing_vouched_is_missing(&wanted, &what).await;
            scene.run().await.unwrap();
            scene.outcome().await.must_be(&wanted, &what);
            n += 1;
        }
    }
    report("overlapping workers", SEED, n, 0);
}

/// What a worker that slept can do: what it holds is older than what stands, so its moves are refused or change nothing.
#[tokio::test]
async fn a_worker_that_sleeps_for_days_and_wakes_spoils_nothing() {
    let pauses = pick(6, 10_000);
    let (mut n, mut refused, mut seed) = (0, 0, SEED);
    for stage in [Stage::First, Stage::Late, Stage::House] {
        let mut scene = Scene::new(stage).await;
        let (proxy, context) = scene.worker(SEED).await;
        proxy.plan(Plan::Calm);
        shared::sync::run(&context, &scene.world.workspace(), None).await.unwrap();
        let requests = proxy.sites().len() as u64;
        let time = Time::share(5);
        for _ in 0..pauses / 3 {
            if !time.is_left() {
                break;
            }
            scene.reset().await;
            let at = 1 + usize::try_from(draw(&mut seed, requests)).unwrap();
            proxy.plan(Plan::Hold { at });
            let (sleeper, workspace) = (context.clone(), scene.world.workspace());
            let mut run = tokio::spawn(async move { shared::sync::run(&sleeper, &workspace, None).await });
            // A run may need fewer requests than the first one did; then nobody sleeps.
            let is_held = tokio::select! { _ = proxy.reached() => true, _ = &mut run => false };
            if !is_held {
                continue;
            }
            // From an hour to more than two days, while others run, keep house and sweep.
            let hours = [1, 7, 26, 50][usize::try_from(draw(&mut seed, 4)).unwrap()];
            for step in [hours, 1] {
                scene.world.advance(step);
                scene.late_rows();
                scene.run().await.unwrap();
            }
            let wanted = scene.wanted().await;
            proxy.let_go();
            refused += usize::from(run.await.unwrap().is_err());
            let what = format!("{stage:?}: asleep at {at} of {requests} for {hours} h, seed {seed}");
            let heads = scene.outcome().await.lines;
            for (key, line) in &wanted.lines {
                assert_eq!(heads[key]["value"], line["value"], "{what}: {key:?}, before the next run");
            }
            scene.run().await.unwrap();
            // The sleeper may have told of its own, older comparison with Pendo; values and rows are not its to move.
            let outcome = Outcome { conservation: wanted.conservation.clone(), ..scene.outcome().await };
            outcome.must_be(&wanted, &what);
            n += 1;
            // The clock never goes back, so the next sleeper starts where this one ended.
            scene.keep_unless_first(stage).await;
        }
    }
    println!("of {n} workers that woke {refused} ended with an error");
    report("workers that sleep and wake", SEED, n, 0);
}

fn job(scene: &Scene, id: &str) -> Value {
    let body = json!({"job": "sync", "workspace": scene.world.workspace().to_string(), "hop": 0});
    json!({"Records": [{"messageId": id, "body": body.to_string(), "eventSource": "aws:sqs"}]})
}

#[tokio::test]
async fn a_job_that_comes_again_at_once_after_90_minutes_or_after_14_days_changes_nothing() {
    let again = pick(3, 100);
    let scene = Scene::new(Stage::Late).await;
    let functions =
        Functions::new(scene.world.stack.context().clone(), &Binaries::default(), &BTreeMap::new()).await.unwrap();
    let deliver = async |id: &str| {
        let answer = functions.sync(job(&scene, id)).await.unwrap();
        assert_eq!(answer["batchItemFailures"], json!([]), "{answer}");
    };
    deliver("m").await;
    let mut n = 0;
    for minutes in [0, 90, 14 * 24 * 60] {
        scene.world.stack.clock().advance_ms(minutes * 60_000);
        // Others have run on time; then the old message comes back, as often as the queue likes.
        scene.run().await.unwrap();
        let wanted = scene.wanted().await;
        for _ in 0..again {
            deliver("m").await;
            let report = scene.world.report().await;
            assert_eq!((report.usage_writes, report.value_writes), (0, 0), "after {minutes} minutes");
            n += 1;
        }
        scene.outcome().await.must_be(&wanted, &format!("after {minutes} minutes"));
    }
    report("jobs delivered again", SEED, n, 0);
}
