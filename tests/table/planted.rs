//! Planted bugs that only a table which misbehaves, or a worker that dies, brings to light. The others stand in
//! `torture/planted.rs`.

use crate::catch::catches;
use crate::harness::{NOW, ms};
use crate::proxy::{Chance, Plan};
use crate::scene::{Scene, Stage, crash};
use crate::store::{HOUR, Place};
use shared::planted::Bug;
use shared::store::Change;

const SEED: u64 = 41;
const HEAD_MOVES: &str = "PutItem 2 head";

async fn what_the_table_leaves_unprocessed_is_asked_again() -> bool {
    let place = Place::new().await;
    place.put(1, 10, ms(NOW), HOUR).await;
    let shard = place.store().shard_get(&place.workspace, &place.connection, 0).await.unwrap();
    let mut names = Vec::new();
    for body in 0..20 {
        names.push(place.store().block_put(&shard, vec![body], ms(NOW)).await.unwrap());
    }
    place.proxy.plan(Plan::Chance(Chance { unprocessed: 50, ..Chance::default() }));
    place.store().blocks_get(&shard, &names).await.is_ok_and(|bodies| bodies.len() == names.len())
}

async fn a_move_whose_answer_was_lost_is_known_again() -> bool {
    let place = Place::new().await;
    place.put(1, 10, ms(NOW), HOUR).await;
    let shard = place.store().shard_get(&place.workspace, &place.connection, 0).await.unwrap();
    place.proxy.plan(Plan::Lost { site: HEAD_MOVES.to_owned() });
    let moved = place.store().shard_move(&shard, Change::default(), HOUR, ms(NOW)).await;
    assert!(place.proxy.sites().iter().filter(|site| *site == HEAD_MOVES).count() > 1, "the move is sent again");
    moved.is_ok()
}

async fn a_run_that_dies_before_it_moves_a_head_vouches_for_nothing() -> bool {
    let scene = Scene::new(Stage::Late).await;
    let wanted = scene.wanted().await;
    scene.reset().await;
    let (proxy, context) = scene.worker(SEED).await;
    shared::sync::run(&context, &scene.world.workspace(), None).await.unwrap();
    let at = proxy.sites().iter().position(|site| site == HEAD_MOVES).unwrap() + 1;
    scene.reset().await;
    crash(&scene, &proxy, &context, at, false).await;
    scene.vouched_and_missing(&wanted).await.is_empty()
}

#[tokio::test]
async fn unprocessed_keys_that_are_ignored_are_caught() {
    catches(Bug::UnprocessedIgnored, what_the_table_leaves_unprocessed_is_asked_again).await;
}

#[tokio::test]
async fn a_worker_without_a_token_is_caught() {
    catches(Bug::NoToken, a_move_whose_answer_was_lost_is_known_again).await;
}

#[tokio::test]
async fn a_checkpoint_before_its_data_is_caught() {
    catches(Bug::CheckpointFirst, a_run_that_dies_before_it_moves_a_head_vouches_for_nothing).await;
}
