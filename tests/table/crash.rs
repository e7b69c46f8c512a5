//! A run that dies at any of its requests to the table: before the request is done, after it is done, or because the table
//! refuses everything from there on. The next run ends where an undisturbed one does.

use crate::proxy::{Plan, draw};
use crate::scene::{Outcome, Scene, Stage, crash};
use crate::size::{Random, Time, is_full, pick, report};
use std::collections::BTreeSet;

const SEED: u64 = 20_260_630;

/// How many requests an undisturbed run of the scene sends.
async fn requests_of(scene: &Scene) -> usize {
    scene.reset().await;
    let (proxy, context) = scene.worker(SEED).await;
    shared::sync::run(&context, &scene.world.workspace(), None).await.unwrap();
    proxy.sites().len()
}

async fn mended(scene: &Scene, wanted: &Outcome, what: &str) {
    scene.nothing_vouched_is_missing(wanted, what).await;
    scene.run().await.unwrap();
    scene.outcome().await.must_be(wanted, what);
}

async fn singles(stage: Stage) {
    let scene = Scene::new(stage).await;
    let wanted = scene.wanted().await;
    let requests = requests_of(&scene).await;
    let mut seed = SEED + stage as u64;
    // In the small setting a few requests, each dying in one of three ways; in the full one all of them in each way.
    let mut points: Vec<(usize, usize)> = if is_full() {
        (1..=requests).flat_map(|at| (0..3).map(move |way| (at, way))).collect()
    } else {
        (0..5).map(|way| (1 + draw(&mut seed, requests as u64) as usize, way % 3)).collect()
    };
    // When time is up before all are tried, those that were are spread over the run.
    let mut random = Random::new(seed);
    points.sort_by_cached_key(|_| random.next());
    let (proxy, context) = scene.worker(SEED).await;
    let (time, mut n) = (Time::share(10), 0);
    for (at, way) in &points {
        if !time.is_left() {
            break;
        }
        n += 1;
        scene.reset().await;
        let what =
            format!("{stage:?}: dies at {at} of {requests}, {}", ["undone", "done", "refused from there on"][*way]);
        if *way == 2 {
            proxy.plan(Plan::Dead { from: *at });
            let end = shared::sync::run(&context, &scene.world.workspace(), None).await;
            assert!(end.is_err(), "{what}, and the run does not say so");
        } else {
            crash(&scene, &proxy, &context, *at, *way == 1).await;
        }
        mended(&scene, &wanted, &what).await;
    }
    report(&format!("a death at any request, {stage:?}, {requests} requests"), SEED, n, 0);
}

#[tokio::test]
async fn a_first_run_that_dies_at_any_request_is_mended_by_the_next() {
    singles(Stage::First).await;
}

#[tokio::test]
async fn a_run_of_late_rows_that_dies_at_any_request_is_mended_by_the_next() {
    singles(Stage::Late).await;
}

#[tokio::test]
async fn a_run_that_keeps_house_and_dies_at_any_request_is_mended_by_the_next() {
    singles(Stage::House).await;
}

#[tokio::test]
async fn two_or_three_runs_in_a_row_that_die_anywhere_are_mended_by_the_next() {
    let (mut seed, mut n) = (SEED, [0, 0]);
    for stage in [Stage::First, Stage::Late, Stage::House] {
        let scene = Scene::new(stage).await;
        let wanted = scene.wanted().await;
        let requests = requests_of(&scene).await as u64;
        let (proxy, context) = scene.worker(SEED).await;
        let time = Time::share(5);
        for round in 0..pick(1, 8_000) {
            if !time.is_left() {
                break;
            }
            scene.reset().await;
            let mut what = format!("{stage:?}: crashes");
            let deaths = 2 + round % 4 / 3;
            for _ in 0..deaths {
                let (at, is_done) = (draw(&mut seed, requests) as usize + 1, draw(&mut seed, 2) == 0);
                crash(&scene, &proxy, &context, at, is_done).await;
                what += &format!(" at {at} (done: {is_done})");
            }
            mended(&scene, &wanted, &what).await;
            n[deaths - 2] += 1;
        }
    }
    report("pairs of crashes", SEED, n[0], 0);
    report("three crashes in a row", SEED, n[1], 0);
}

#[tokio::test]
async fn a_call_that_always_fails_is_told_and_nothing_is_vouched_for_that_is_missing() {
    let (mut n, mut seed) = (0, SEED);
    for stage in [Stage::First, Stage::Late, Stage::House] {
        let scene = Scene::new(stage).await;
        let wanted = scene.wanted().await;
        scene.reset().await;
        let (proxy, context) = scene.worker(SEED).await;
        proxy.plan(Plan::Calm);
        shared::sync::run(&context, &scene.world.workspace(), None).await.unwrap();
        let sites: BTreeSet<String> = proxy.sites().into_iter().collect();
        for site in sites {
            // The small setting takes one of eight.
            if !is_full() && draw(&mut seed, 8) > 0 {
                continue;
            }
            scene.reset().await;
            proxy.plan(Plan::Broken { site: site.clone() });
            let end = shared::sync::run(&context, &scene.world.workspace(), None).await;
            assert!(end.is_err(), "{stage:?}: {site} fails, and the run does not say so");
            mended(&scene, &wanted, &format!("{stage:?}: {site} fails")).await;
            n += 1;
        }
    }
    report("every call site fails for good", SEED, n, 0);
}
