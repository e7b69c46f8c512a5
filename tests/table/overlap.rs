//! Workers that overlap, sleep for days and wake, and jobs that come again: one outcome.

use crate::proxy::{Chance, Plan, Proxy, draw};
use crate::scene::{Outcome, Scene, Stage};
use crate::size::{Time, pick, report};
use local::functions::{Binaries, Functions};
use serde_json::{Value, json};
use shared::context::Context;
use shared::sync::{RunEnd, SyncError};
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

/// How a run wakes.
struct Wakes {
    /// How many hours later.
    after: i64,
    /// Whether the claim on history still says that it is this run's: it has not found out yet that another took it over.
    claims: bool,
    /// What the table does then.
    to: Plan,
}

/// Lets a run sleep at the request that it is held at while others run, and then wake: all is as if it had never been. Answers
/// how it ended; `None` where it never came to that request.
async fn sleeps(
    scene: &Scene,
    proxy: &Proxy,
    context: &Context,
    wakes: Wakes,
    what: &str,
) -> Option<Result<RunEnd, SyncError>> {
    let (sleeper, workspace) = (context.clone(), scene.world.workspace());
    let mut run = tokio::spawn(async move { shared::sync::run(&sleeper, &workspace, None).await });
    // A run may need fewer requests than the first one did; then nobody sleeps.
    tokio::select! { () = proxy.reached() => {}, _ = &mut run => return None };
    let claim = scene.world.checkpoint().await.claim;
    for step in [wakes.after, 1] {
        scene.world.advance(step);
        scene.late_rows();
        scene.run().await.unwrap();
    }
    let wanted = scene.wanted().await;
    if wakes.claims {
        scene.claim(claim).await;
    }
    proxy.let_go(wakes.to);
    let end = run.await.unwrap();
    let lines = scene.outcome().await.lines;
    for (key, line) in &wanted.lines {
        assert_eq!(lines[key], *line, "{what}: {key:?}, before the next run");
    }
    scene.run().await.unwrap();
    // The sleeper may have told of its own, older comparison with Pendo; values and rows are not its to move.
    let outcome = Outcome { conservation: wanted.conservation.clone(), ..scene.outcome().await };
    outcome.must_be(&wanted, what);
    Some(end)
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
            // From an hour to more than two days, while others run, keep house and sweep.
            let hours = [1, 7, 26, 50][usize::try_from(draw(&mut seed, 4)).unwrap()];
            let wakes = Wakes { after: hours, claims: draw(&mut seed, 2) == 0, to: Plan::Calm };
            let what =
                format!("{stage:?}: asleep at {at} of {requests} for {hours} h, claims: {}, seed {seed}", wakes.claims);
            let Some(end) = sleeps(&scene, &proxy, &context, wakes, &what).await else { continue };
            refused += usize::from(end.is_err());
            n += 1;
            // The clock never goes back, so the next sleeper starts where this one ended.
            scene.keep_unless_first(stage).await;
        }
    }
    println!("of {n} workers that woke {refused} ended with an error");
    report("workers that sleep and wake", SEED, n, 0);
}

/// A first run, of usage that is weeks old, held at the request that `find` chooses from those of an undisturbed one.
async fn a_first_run_sleeps(find: impl Fn(&[String]) -> Option<usize>, wakes: Wakes) {
    let scene = Scene::new(Stage::First).await;
    scene.world.advance(20 * 24);
    let (calm, context) = scene.worker(SEED).await;
    shared::sync::run(&context, &scene.world.workspace(), None).await.unwrap();
    let at = find(&calm.sites()).unwrap() + 1;
    scene.reset().await;
    let (proxy, context) = scene.worker(SEED).await;
    proxy.plan(Plan::Hold { at });
    let what = format!("asleep at {at} for {} h", wakes.after);
    drop(sleeps(&scene, &proxy, &context, wakes, &what).await.unwrap());
}

/// It knows the heads from before its sleep, and the checkpoint from after it.
#[tokio::test]
async fn a_first_run_that_sleeps_after_it_read_the_heads_takes_nothing_for_changed_that_others_have_read() {
    let checkpoint = |sites: &[String]| {
        sites.windows(2).position(|pair| pair == ["GetItem 2 head", "GetItem 1 checkpoint"]).map(|at| at + 1)
    };
    a_first_run_sleeps(checkpoint, Wakes { after: 26, claims: true, to: Plan::Calm }).await;
}

/// How far it had come would set back what others have covered since. It tells of that, and then it dies.
#[tokio::test]
async fn a_first_run_that_sleeps_before_it_begins_with_history_does_not_tell_of_its_old_progress() {
    let reading = "UpdateItem 1 reading";
    for after in [0, 26] {
        let progress = |sites: &[String]| sites.iter().position(|site| site == reading).map(|at| at - 1);
        a_first_run_sleeps(progress, Wakes { after, claims: false, to: Plan::Broken { site: reading.to_owned() } })
            .await;
    }
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
