//! Many rows in one hour: read whole, in bounded memory, in several continuations.

use crate::harness::{World, all_time, field, two_accounts, used};
use crate::size::{minutes, pick};
use pendo_simulator::Kind;
use shared::config::Config;
use shared::sync::{Asked, Deadline, RunEnd, run_as};
use std::sync::Arc;
use std::time::Instant;

/// The process's peak of resident memory so far, in megabytes; 0 where the system does not say.
fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default() / 1_024
}

#[tokio::test]
async fn an_hour_of_very_many_rows_is_read_whole_and_in_as_many_parts_as_time_allows() {
    // A million, or as many as there is time for.
    let rows: u32 = pick(5_000, minutes().map_or(1_000_000, |minutes| 1_000_000.min(10_000 * minutes)));
    let world: World = two_accounts().await;
    for n in 0..rows {
        let at = "2026-06-20T10:20:00Z";
        world.pendo().inject(used(Kind::Page, &format!("v{n}@x.test"), Some(["A-1", "A-2"][(n % 2) as usize]), at, 2));
    }
    for day in 1..6 {
        let at = format!("2026-06-{:02}T10:20:00Z", day * 3);
        world.pendo().inject(used(Kind::Page, "ann@x.test", Some("A-1"), &at, 1));
    }
    let before_mb = peak_mb();
    world.stack.hold_jobs();
    world.post("/v1/fields", &field("Uses", "account", "page", "count", &all_time())).await.expect(201);
    let (mut context, workspace) = (world.stack.context().clone(), world.workspace());
    let rows_held = pick(1_000, context.config.rows_held);
    context.config = Arc::new(Config { rows_held, ..(*context.config).clone() });
    let began = Instant::now();
    // No time at all: each part stops where it may.
    let mut parts = 1;
    let end = run_as(&context, &workspace, Asked::ByHand, Some(Deadline::of(Instant::now()))).await.unwrap();
    assert_eq!(end, RunEnd::Continues);
    let mut allowed = std::time::Duration::from_millis(50);
    let rest = async |allowed| {
        run_as(&context, &workspace, Asked::Rest, Some(Deadline::of(Instant::now() + allowed))).await.unwrap()
    };
    while rest(allowed).await == RunEnd::Continues {
        (parts, allowed) = (parts + 1, allowed * 2);
    }
    let seconds = began.elapsed().as_secs_f64();
    let reported = world.status().await["last_run"]["report"]["rows"].as_u64().unwrap();
    assert!(reported >= u64::from(rows) + 5, "{reported} rows: the last part reports for all of them");
    world.stack.release_jobs();
    world.tick().await;
    let found = [world.value("account", "A-1", "Uses").await, world.value("account", "A-2", "Uses").await];
    assert_eq!(found, [u64::from(rows) + 5, u64::from(rows)]);
    assert_eq!(world.status().await["is_complete"], true);
    println!(
        "volume: {rows} rows in one hour, {parts} continuations, {seconds:.1} s, peak of the process {} MB ({before_mb} MB \
         before the first run: simulator and database live in it too)",
        peak_mb()
    );
}
