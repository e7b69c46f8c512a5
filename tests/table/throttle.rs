//! The table refuses, loses answers and leaves batches unprocessed, at any rate: nothing is lost, and every run ends.

use crate::proxy::{Chance, Plan, REASONS};
use crate::scene::{Scene, Stage};
use crate::size::{Time, pick, report};

const SEED: u64 = 8;
/// No request is tried more often.
const ATTEMPTS: usize = 8;

fn chances() -> Vec<Chance> {
    let mut chances = Vec::new();
    for percent in [10, 30, 60] {
        chances.extend((0..REASONS.len()).map(|at| Chance { refused: percent, reason: Some(at), ..Chance::default() }));
        chances.push(Chance { lost: percent, ..Chance::default() });
        chances.push(Chance { unprocessed: percent, ..Chance::default() });
        let third = percent / 3;
        chances.push(Chance { refused: third, lost: third, unprocessed: percent, ..Chance::default() });
    }
    chances
}

#[tokio::test]
async fn a_table_that_refuses_forgets_and_halves_loses_nothing() {
    let rounds = pick(1, 40);
    let (mut n, mut ended) = (0, 0);
    for stage in [Stage::First, Stage::Late, Stage::House] {
        let scene = Scene::new(stage).await;
        let wanted = scene.wanted().await;
        let chances = chances();
        // In the small setting each stage takes a few of them.
        let (step, time) = (pick(7, 1), Time::share(4));
        for (at, chance) in
            (0..rounds).flat_map(|_| chances.iter()).enumerate().skip(stage as usize % step).step_by(step)
        {
            if !time.is_left() {
                break;
            }
            scene.reset().await;
            let (proxy, context) = scene.worker(SEED + at as u64).await;
            proxy.plan(Plan::Chance(chance.clone()));
            let end = shared::sync::run(&context, &scene.world.workspace(), None).await;
            let what = format!("{stage:?}: {chance:?}, seed {}", SEED + at as u64);
            scene.nothing_vouched_is_missing(&wanted, &what).await;
            ended += usize::from(end.is_ok());
            // Where refusals are asked again, a table that works seven times in ten lets the run through.
            assert!(
                end.is_ok() || chance.refused.max(chance.lost) > 10 || matches!(chance.reason, None | Some(4)),
                "{what}: {end:?}"
            );
            scene.run().await.unwrap();
            scene.outcome().await.must_be(&wanted, &what);
            n += 1;
        }
    }
    println!("of {n} disturbed runs {ended} came to their end by themselves");
    report("refused, lost and unprocessed at 10 to 60 %", SEED, n, 0);
}

#[tokio::test]
async fn a_table_that_never_answers_ends_the_run_after_a_few_tries() {
    let scene = Scene::new(Stage::Late).await;
    let wanted = scene.wanted().await;
    for chance in [
        Chance { refused: 100, reason: Some(1), ..Chance::default() },
        Chance { lost: 100, ..Chance::default() },
        Chance { unprocessed: 100, ..Chance::default() },
    ] {
        scene.reset().await;
        let (proxy, context) = scene.worker(SEED).await;
        proxy.plan(Plan::Chance(chance.clone()));
        let end = shared::sync::run(&context, &scene.world.workspace(), None).await;
        assert!(end.is_err(), "{chance:?}");
        let mut same = 0;
        for pair in proxy.sites().windows(2) {
            same = if pair[0] == pair[1] { same + 1 } else { 0 };
            assert!(same < ATTEMPTS, "{chance:?}: {:?}", proxy.sites());
        }
        scene.run().await.unwrap();
        scene.outcome().await.must_be(&wanted, &format!("{chance:?}"));
    }
}
