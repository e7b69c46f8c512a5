//! Reading Pendo: the whole job of a first sync, at several sizes, beside a bare fold of the same bytes and beside a rival.

use crate::bare;
use crate::chart::{Chart, Line};
use crate::world::{World, head, line, megabytes, sync_binary, twenty_fields, whole};
use pendo_simulator::{Clock, Kind, Late, Options as Subscription, RawRow};
use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

/// Accounts, visitors and days that make about 0.1, 0.5 and 2 million feature rows.
const SIZES: [(u32, u32, u32); 3] = [(350, 21_000, 30), (1_000, 60_000, 54), (1_000, 60_000, 215)];
/// The same for 10 million: three years. Twenty take the simulator more than 24 GB.
const LARGE: [(u32, u32, u32); 1] = [(1_000, 60_000, 1_075)];
/// New rows of the hour that is read after history.
const HOUR_ROWS: u32 = 1_300;

fn subscription((accounts, visitors, days): (u32, u32, u32)) -> Subscription {
    Subscription { accounts, visitors, days, late: Late::Never, ..Subscription::default() }
}

/// Rows per second of processor time, and memory, beside a rival; by the number of rows.
pub(crate) async fn sizes() {
    let measured = first_syncs(&SIZES).await;
    let points = |of: fn(&Measured) -> f64| measured.iter().map(|sync| (sync.rows, of(sync))).collect();
    Chart {
        name: "rows",
        title: "A first sync: seconds of processor time",
        across: "rows",
        lines: vec![
            Line { name: "whole job", points: points(|sync| sync.cpu) },
            Line { name: "bare decode, fold", points: points(|sync| sync.bare) },
        ],
    }
    .draw();
    Chart {
        name: "memory",
        title: "A first sync: peak memory of the process, MB",
        across: "rows",
        lines: vec![Line { name: "sync", points: points(|sync| sync.memory) }],
    }
    .draw();
}

/// Five times the largest of the usual sizes.
pub(crate) async fn large() {
    first_syncs(&LARGE).await;
}

struct Measured {
    rows: f64,
    cpu: f64,
    bare: f64,
    memory: f64,
}

async fn first_syncs(sizes: &[(u32, u32, u32)]) -> Vec<Measured> {
    let mut measured = Vec::new();
    head(
        "Reading: feature usage, 20 account fields, first sync",
        &[
            "rows",
            "MB of JSON",
            "`sync`: CPU s",
            "rows / CPU s",
            "peak memory",
            "wall s",
            "bare decode and fold: CPU s",
            "rows / CPU s",
            "ours / bare",
            "seconds by step",
        ],
    );
    for size in sizes {
        let world = World::start(&subscription(*size), Clock::system(), sync_binary()).await;
        world.pendo().clear_requests();
        let (before, _) = world.used();
        let began = Instant::now();
        world.map(&twenty_fields(&["feature"])).await;
        let wall = began.elapsed().as_secs_f64();
        let (after, memory) = world.used();
        let cpu = after - before;
        let report = world.report().await;
        let bare = bare::fold(&world).await;
        let rows = bare.rows as f64;
        let steps: Vec<String> = report.seconds.iter().map(|(step, s)| format!("{step} {s:.1}")).collect();
        line(&[
            whole(rows),
            whole(bare.bytes as f64 / 1e6),
            format!("{cpu:.2}"),
            whole(rows / cpu),
            megabytes(memory),
            format!("{wall:.1}"),
            format!("{:.2}", bare.cpu_seconds),
            whole(rows / bare.cpu_seconds),
            format!("{:.2}", bare.cpu_seconds / cpu),
            steps.join(", "),
        ]);
        measured.push(Measured { rows, cpu, bare: bare.cpu_seconds, memory: (memory >> 20) as f64 });
        if *size == SIZES[0] {
            rival(&world, size.2, rows / cpu);
        }
        world.stack.stop().await;
    }
    measured
}

/// The tap on the same simulator, if `TAP_PENDO` names a Python that has it.
fn rival(world: &World, days: u32, ours: f64) {
    let python = std::env::var_os("TAP_PENDO").map(PathBuf::from).filter(|path| path.exists());
    let Some(python) = python else {
        println!("| (tap-pendo is not installed: TAP_PENDO names no Python) | | | | | | | | | |");
        return;
    };
    let from_ms = world.stack.clock().now_ms() - i64::from(days + 1) * 86_400_000;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/usage/rival.py");
    let from = shared::time::to_the_second(from_ms);
    let output = Command::new(python).args([script, &world.pendo().url(), world.pendo().key(), &from]).output();
    let said = output.map(|output| output.stdout).unwrap_or_default();
    let Ok(said) = serde_json::from_slice::<Value>(&said) else {
        println!("| (tap-pendo failed) | | | | | | | | | |");
        return;
    };
    let number = |name: &str| said[name].as_f64().unwrap_or_default();
    let rate = number("rows") / number("cpu_seconds");
    line(&[
        format!("tap-pendo 1.2.0: {}", whole(number("rows"))),
        String::new(),
        format!("{:.2}", number("cpu_seconds")),
        whole(rate),
        megabytes(number("peak_memory_bytes") as u64),
        format!("{:.1}", number("seconds")),
        String::new(),
        String::new(),
        format!("ours / tap-pendo: {:.0}", ours / rate),
        String::new(),
    ]);
}

/// What a run costs by the length of history and by the number of accounts.
pub(crate) async fn growth() {
    head(
        "Growth: processor time of one run of `sync` after history",
        &[
            "accounts",
            "visitors",
            "days",
            "rows in history",
            "quiet run: CPU ms",
            "1,300 new rows in one hour: CPU ms",
            "WRU",
            "RRU",
            "peak memory",
        ],
    );
    let (mut accounts, mut history) = ([const { Vec::new() }; 2], [const { Vec::new() }; 2]);
    let small = [(100, 20_000, 30), (1_000, 20_000, 30), (4_900, 20_000, 30)];
    let long = [(1_000, 20_000, 120), (1_000, 20_000, 360)];
    for size in small.into_iter().chain(long) {
        let world = World::start(&subscription(size), Clock::system(), sync_binary()).await;
        world.map(&twenty_fields(&["feature"])).await;
        let rows = world.report().await.rows;
        let (memory_of_history, runs) = (world.used().1, 10);
        let before = world.used().0;
        for _ in 0..runs {
            world.stack.tick().await.unwrap();
        }
        let quiet = (world.used().0 - before) / f64::from(runs) * 1000.0;
        let hour_ms = world.as_of().plus(-1).start_ms();
        for number in 0..HOUR_ROWS {
            // As many rows of as many accounts as an hour of the reference month has.
            let account = format!("A-{:03}", 1 + number % size.0.min(900));
            let visitor = format!("new.{}@example.test", number / 2);
            world.pendo().inject(RawRow::new(
                Kind::Feature,
                &format!("f{}", number % 2),
                &visitor,
                Some(&account),
                hour_ms,
            ));
        }
        let before = world.used().0;
        world.stack.tick().await.unwrap();
        let hour = (world.used().0 - before) * 1000.0;
        let report = world.report().await;
        if small.contains(&size) {
            accounts[0].push((f64::from(size.0), quiet));
            accounts[1].push((f64::from(size.0), hour));
        }
        if size.0 == 1_000 {
            history[0].push((rows as f64, quiet));
            history[1].push((rows as f64, hour));
        }
        line(&[
            whole(f64::from(size.0)),
            whole(f64::from(size.1)),
            size.2.to_string(),
            whole(rows as f64),
            format!("{quiet:.0}"),
            format!("{hour:.0}"),
            whole(report.write_units),
            whole(report.read_units),
            megabytes(memory_of_history.max(world.used().1)),
        ]);
        world.stack.stop().await;
    }
    for (name, across, [quiet, hour]) in [("accounts", "accounts", accounts), ("history", "rows in history", history)] {
        Chart {
            name,
            title: "An hourly run: milliseconds of processor time",
            across,
            lines: vec![Line { name: "1,300 new rows", points: hour }, Line { name: "quiet", points: quiet }],
        }
        .draw();
    }
}
