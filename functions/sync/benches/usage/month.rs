//! What keeping it costs: a week of hourly runs of the reference month, in capacity units as the table reports them.

use crate::freshness::Watch;
use crate::world::{World, head, line, megabytes, twenty_fields, whole};
use pendo_simulator::{Late, Options as Subscription};
use shared::sync::checkpoint::Report;
use shared::time::HourRange;
use shared::usage::block::Block;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// Public on-demand prices per million request units.
const WRITE_DOLLARS: f64 = 0.625;
const READ_DOLLARS: f64 = 0.125;
/// A week, so that every daily and weekly step is in it once as often as in a month. `MONTH_HOURS` says another number.
const HOURS: u32 = 168;

pub(crate) async fn run() {
    let hours = std::env::var_os("MONTH_HOURS").and_then(|hours| hours.to_str()?.parse().ok()).unwrap_or(HOURS);
    let mut printed = Vec::new();
    for (name, late) in [("none late", Late::Never), ("the simulator's own", Late::Mixed)] {
        let subscription =
            Subscription { accounts: 1_000, visitors: 60_000, days: 30, late, ..Subscription::default() };
        let world = World::standing(&subscription).await;
        world.map(&twenty_fields(&["event", "feature", "guide", "page", "track"])).await;
        let first = world.report().await;
        let history = bytes_by_span(&world).await;
        let from = world.as_of();
        let (cpu_before, _) = world.used();
        let mut sum = Report::default();
        let mut watch = Watch::default();
        let (mut longest, mut quiet) = (0.0_f64, 0);
        for _ in 0..hours {
            world.pass(1);
            if late == Late::Mixed {
                watch.before_run(&world).await;
            }
            let began = Instant::now();
            world.stack.tick().await.unwrap();
            longest = longest.max(began.elapsed().as_secs_f64());
            if late == Late::Mixed {
                watch.after_run(&world).await;
            }
            let report = world.report().await;
            quiet += u32::from(report.usage_writes == 0);
            sum.rows += report.rows;
            sum.write_units += report.write_units;
            sum.read_units += report.read_units;
            sum.usage_writes += report.usage_writes;
            sum.value_writes += report.value_writes;
            for (sums, more) in [
                (&mut sum.seconds, report.seconds),
                (&mut sum.write_units_by, report.write_units_by),
                (&mut sum.read_units_by, report.read_units_by),
            ] {
                more.into_iter().for_each(|(name, number)| *sums.entry(name).or_default() += number);
            }
        }
        let rows = world.rows_in(HourRange { from, to: world.as_of() }).await as f64;
        let millions = rows / 1e6;
        let dollars = (sum.write_units * WRITE_DOLLARS + sum.read_units * READ_DOLLARS) / 1e6;
        let cell = |number: f64| whole(number / millions);
        printed.push([
            name.to_owned(),
            whole(rows),
            whole(sum.rows as f64),
            cell(sum.write_units),
            cell(sum.read_units),
            format!("{:.3}", sum.write_units * WRITE_DOLLARS / 1e6 / millions),
            format!("{:.3}", sum.read_units * READ_DOLLARS / 1e6 / millions),
            format!("**{:.3}**", dollars / millions),
            format!("{:.0}", (world.used().0 - cpu_before) / f64::from(hours) * 1000.0),
            megabytes(world.used().1),
        ]);
        let blocks = bytes_by_span(&world).await;
        let steps: Vec<String> = sum.seconds.iter().map(|(step, seconds)| format!("{step} {seconds:.1}")).collect();
        println!(
            "\nLate rows: {name}. First sync: {} rows, {} WRU, {} RRU. {hours} hours: {} items of usage, {} of values, {quiet} runs \
                  without usage, longest run {longest:.1} s; seconds by step: {}.",
            whole(first.rows as f64),
            whole(first.write_units),
            whole(first.read_units),
            sum.usage_writes,
            sum.value_writes,
            steps.join(", ")
        );
        for (what, by) in [("WRU", &sum.write_units_by), ("RRU", &sum.read_units_by)] {
            let mut by: Vec<(&String, &f64)> = by.iter().collect();
            by.sort_by(|one, other| other.1.total_cmp(one.1));
            let by: Vec<String> = by.into_iter().map(|(noun, units)| format!("{noun} {}", cell(*units))).collect();
            println!("- {what} a million rows: {}", by.join(", "));
        }
        for (when, spans) in [("after history", &history), ("after the week", &blocks)] {
            for (span, (count, rows, bytes)) in spans {
                println!(
                    "- {when}, blocks of {span}: {count} blocks, {} rows, {:.1} bytes a row",
                    whole(*rows),
                    bytes / rows
                );
            }
        }
        if late == Late::Mixed {
            watch.print(&world);
        }
        world.stack.stop().await;
    }
    head(
        "Cost: the reference month, from hourly runs, 20 account fields, all kinds",
        &[
            "late rows",
            "rows",
            "rows read",
            "WRU / M rows",
            "RRU / M rows",
            "$ writes",
            "$ reads",
            "$ / M rows",
            "CPU ms / run",
            "peak memory",
        ],
    );
    printed.iter().for_each(|cells| line(cells));
}

/// Blocks by how many hours they hold: how many, their rows, their bytes.
async fn bytes_by_span(world: &World) -> BTreeMap<&'static str, (u32, f64, f64)> {
    let pages = world.stack.clients().dynamodb.scan().table_name(local::database::TABLE).into_paginator().send();
    let mut spans: BTreeMap<&str, (u32, f64, f64)> = BTreeMap::new();
    for page in pages.try_collect().await.unwrap() {
        for item in page.items() {
            let is_block = item.get("sk").and_then(|key| key.as_s().ok()).is_some_and(|key| key.starts_with("block#"));
            let body = item.values().find_map(|value| value.as_b().ok());
            let (true, Some(body)) = (is_block, body) else { continue };
            let block = Block::decode(body.as_ref()).unwrap();
            let hours: BTreeSet<i32> = block.rows(|_, _| true).map(|row| row.hour.0).collect();
            let span = if hours.len() <= 1 { "one hour" } else { "several hours" };
            let (count, rows, bytes) = spans.entry(span).or_default();
            (*count, *rows, *bytes) = (*count + 1, *rows + block.len() as f64, *bytes + body.as_ref().len() as f64);
        }
    }
    spans
}
