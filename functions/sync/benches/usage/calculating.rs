//! What calculating costs: every value from scratch out of packed blocks beside other engines over the same rows, one new hour, and
//! how long a new field, a preview and a page of values keep somebody waiting.

use crate::calculator::{Stand, moved};
use crate::world::{World, head, line, megabytes, sync_binary, whole, workspace};
use pendo_simulator::{Clock, DirectoryList, Late, Options as Subscription, print_directory};
use reqwest::Method;
use serde_json::{Value, json};
use shared::id::Kind;
use shared::sync::batch::Batch;
use shared::time::HourRange;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Days that make about two million rows of features.
const DAYS: u32 = 215;
/// So often the same days again, before them, make twenty million.
const COPIES: i32 = 9;
/// Days that are copied at once.
const PART: i32 = 43;
const HOUR_ROWS: usize = 5_000;
const TIMES: usize = 5;

pub(crate) async fn run() {
    let days = std::env::var_os("CALCULATING_DAYS").and_then(|days| days.to_str()?.parse().ok()).unwrap_or(DAYS);
    let subscription =
        Subscription { accounts: 1_000, visitors: 60_000, days, late: Late::Never, ..Subscription::default() };
    let world = World::start(&subscription, Clock::system(), sync_binary()).await;
    let mut contacts = Vec::new();
    print_directory(&subscription, DirectoryList::Contacts, &mut contacts).unwrap();
    world.upload("contacts", &String::from_utf8(contacts).unwrap()).await;
    let standing: Vec<Value> = accounts().into_iter().enumerate().map(|(at, body)| named(body, at)).collect();
    world.map(&standing).await;
    waiting(&world).await;

    println!("\nFrom scratch, and one new hour:");
    for copies in [1, COPIES + 1] {
        if copies > 1 {
            if std::env::var_os("CALCULATING_SMALL").is_some() {
                break;
            }
            deepen(&world, days).await;
        }
        hour(&world);
        matched(&world, true).await;
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("rows-{}.csv", std::process::id()));
        let metrics = [("accounts", accounts()), ("features", features(&world).await), ("contacts", contacts_fields())];
        let ours: Vec<Value> = metrics.iter().map(|(name, fields)| scratch(&world, name, fields)).collect();
        if copies == 1 {
            println!("exported: {}", calculator(&world, None, &["export", &file.to_string_lossy()]));
        }
        engines(&file, copies, days, Stand::of(world.stack.context()).await.end().0, &ours);
        matched(&world, false).await;
    }
    world.stack.stop().await;
}

/// The metrics of an account: users of 7 and of 30 days, events of 30 days and of the 30 before, and over all time minutes,
/// active days and the last use.
fn accounts() -> Vec<Value> {
    let rolling = |days: u32| json!({"rolling_days": days, "complete_days": true});
    let of = |function: &str, window: Value| json!({"name": "x", "object": "account", "usage": {"kind": "feature"}, "function": function, "window": window});
    let all = || json!({"all_time": true});
    vec![
        of("distinct_visitors", rolling(7)),
        of("distinct_visitors", rolling(30)),
        of("count", rolling(30)),
        of("trend", rolling(30)),
        of("minutes", all()),
        of("active_days", all()),
        of("last_used", all()),
    ]
}

/// Each feature's events by account.
async fn features(world: &World) -> Vec<Value> {
    let stand = Stand::of(world.stack.context()).await;
    let listed = stand.store.tags_get(&workspace(), &stand.connection.id, Kind::Feature).await.unwrap().value;
    let of = |id: &String| {
        json!({"name": "x", "object": "account", "usage": {"kind": "feature", "ids": [id]}, "function": "count",
               "window": {"all_time": true}})
    };
    listed.keys().map(of).collect()
}

/// Events, minutes and last use of each contact at its account.
fn contacts_fields() -> Vec<Value> {
    let of = |function: &str| {
        json!({"name": "x", "object": "contact", "usage": {"kind": "feature"}, "function": function,
               "window": {"all_time": true}})
    };
    ["count", "minutes", "last_used"].map(of).into()
}

fn named(mut body: Value, at: usize) -> Value {
    body["name"] = json!(format!("Field {at}"));
    body
}

/// Matches contacts too, or accounts alone, and waits for what that sets off.
async fn matched(world: &World, both: bool) {
    let mut matching = json!({"account": {"account": "accountId", "object": "id"}});
    if both {
        matching["contact"] = json!({"visitor": "visitorId", "object": "email", "ignore_case": true});
    }
    world.api.send(Method::PUT, "/v1/matching", &matching).await.unwrap();
    world.stack.run_job_queue_idle().await;
}

/// How long somebody waits for a new field's values, a preview and a list of values: a thousand accounts, ninety days.
async fn waiting(world: &World) {
    head("Waiting: 1,000 accounts, 90 days of features", &["what", "seconds", "CPU s of `sync`", "requests to Pendo"]);
    let field = |function: &str, object: &str| {
        json!({"name": format!("{function} 90"), "object": object, "usage": {"kind": "feature"},
               "function": function, "window": {"rolling_days": 90, "complete_days": true}})
    };
    for function in ["count", "distinct_visitors", "stickiness"] {
        world.pendo().clear_requests();
        let ((before, _), began) = (world.used(), Instant::now());
        world.api.send(Method::POST, "/v1/fields", &field(function, "account")).await.unwrap();
        world.stack.run_job_queue_idle().await;
        let seconds = began.elapsed().as_secs_f64();
        let path = format!("/v1/values?limit=1000&field={function}%2090");
        let values = world.api.all_items(&path).await.unwrap();
        let filled = values.iter().filter(|line| line["reason"] != "not_read" && line["as_of"].is_string()).count();
        line(&[
            format!("a new field, {function}: {filled} of {} values", values.len()),
            format!("{seconds:.2}"),
            format!("{:.2}", world.used().0 - before),
            world.pendo().requests().len().to_string(),
        ]);
    }
    for object in ["account", "contact"] {
        matched(world, object == "contact").await;
        for function in ["count", "distinct_visitors", "stickiness"] {
            if object == "contact" && function == "distinct_visitors" {
                continue;
            }
            world.pendo().clear_requests();
            let body = json!({"definition": field(function, object)});
            let mut rows = 0;
            let mut seconds = Vec::new();
            for _ in 0..TIMES {
                let began = Instant::now();
                let preview = world.api.send(Method::POST, "/v1/fields/preview", &body).await.unwrap();
                seconds.push(began.elapsed().as_secs_f64());
                rows = preview["usage"]["rows"].as_u64().unwrap_or_default();
            }
            let what = format!("a preview, {object} {function}: {} rows", whole(rows as f64));
            line(&[what, median(seconds), String::new(), world.pendo().requests().len().to_string()]);
        }
    }
    matched(world, false).await;
    for path in ["/v1/values?limit=1000&object=account", "/v1/values?limit=100&object=account"] {
        let mut seconds = Vec::new();
        let mut lines = 0;
        for _ in 0..TIMES {
            let began = Instant::now();
            lines = world.api.get(path).await.unwrap()["items"].as_array().map(Vec::len).unwrap_or_default();
            seconds.push(began.elapsed().as_secs_f64());
        }
        line(&[format!("GET {path}: {lines} lines"), median(seconds), String::new(), String::new()]);
    }
}

fn median(mut seconds: Vec<f64>) -> String {
    seconds.sort_by(f64::total_cmp);
    format!("{:.3}", seconds[seconds.len() / 2])
}

/// This benchmark's own process, or that of another build to compare with, which evaluates and nothing else.
fn calculator(world: &World, other: Option<PathBuf>, asked: &[&str]) -> Value {
    let binary = other.unwrap_or_else(|| std::env::current_exe().unwrap());
    let mut command = Command::new(binary);
    command.env_clear().envs(world.stack.environment()).arg("calculate").args(asked);
    let output = std::thread::spawn(move || command.output().unwrap()).join().unwrap();
    let said = serde_json::from_slice(&output.stdout).unwrap_or_default();
    if said == Value::Null {
        println!("{}", String::from_utf8_lossy(&output.stderr));
    }
    said
}

/// The builds to measure: this one, and `CALCULATOR` before it where it names another.
fn builds() -> Vec<(&'static str, Option<PathBuf>)> {
    let other = std::env::var_os("CALCULATOR").map(|other| ("before", Some(PathBuf::from(other))));
    other.into_iter().chain([("this", None)]).collect()
}

fn scratch(world: &World, name: &str, fields: &[Value]) -> Value {
    let definitions = serde_json::to_string(fields).unwrap();
    let mut last = Value::Null;
    for (build, other) in builds() {
        last = calculator(world, other, &["scratch", &definitions]);
        println!(
            "- from scratch, {name} ({} fields), {build}: {} rows; CPU s: directory and heads {:.2}, evaluation {:.2} \
             (reading and decoding alone {:.2}); peak {}",
            fields.len(),
            whole(last["rows"].as_f64().unwrap_or_default()),
            last["open"].as_f64().unwrap_or_default(),
            last["evaluate"].as_f64().unwrap_or_default(),
            last["read"].as_f64().unwrap_or_default(),
            megabytes(last["peak"].as_u64().unwrap_or_default()),
        );
    }
    last["name"] = json!(name);
    last
}

fn hour(world: &World) {
    for (build, other) in builds() {
        let said = calculator(world, other, &["hour", &HOUR_ROWS.to_string()]);
        for hour in said["hours"].as_array().into_iter().flatten() {
            let ms = |name: &str| hour[name].as_f64().unwrap_or_default() * 1_000.0;
            println!(
                "- one new hour, {build}: {} rows, {} homes; CPU ms: {:.0}, of it directory and heads {:.0}; {} RRU, {} WRU",
                hour["rows"],
                hour["heads"],
                ms("evaluate"),
                ms("open"),
                whole(hour["reads"].as_f64().unwrap_or_default()),
                whole(hour["writes"].as_f64().unwrap_or_default()),
            );
        }
        println!("  peak {}", megabytes(said["peak"].as_u64().unwrap_or_default()));
    }
}

/// Stores the days that are there again, before them, as often as asked: the simulator can't hold as many.
async fn deepen(world: &World, days: u32) {
    let days = i32::try_from(days).unwrap();
    let stand = Stand::of(world.stack.context()).await;
    let (visitors, end) = (stand.visitors().await, stand.end());
    for copy in 1..=COPIES {
        for ago in (0..days).step_by(PART as usize) {
            let to = end.plus(-24 * ago);
            let from = to.plus(-24 * PART.min(days - ago));
            let mut batch = Batch::default();
            let take = &mut |row: &shared::usage::row::UsageRow<'_>| {
                let Some(visitor) = visitors.get(&row.visitor) else { return };
                batch.push(&moved(row, visitor, row.hour.plus(-24 * days * copy)), stand.shards);
            };
            stand.visit(HourRange { from, to }, take).await;
            stand.keep(batch).await;
        }
    }
}

/// DuckDB and Polars over the same rows, if `ENGINES` names a Python that has them.
fn engines(file: &Path, copies: i32, days: u32, end: i32, ours: &[Value]) {
    let Some(python) = std::env::var_os("ENGINES").filter(|path| Path::new(path).exists()) else {
        println!("- (DuckDB and Polars are not installed: ENGINES names no Python)");
        return;
    };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/usage/engines.py");
    let numbers = [i64::from(copies), i64::from(days), i64::from(end)].map(|number| number.to_string());
    let output = Command::new(python).arg(script).arg(file).args(numbers).output().unwrap();
    let said: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap_or_default();
    if said.is_empty() {
        println!("- (the engines failed: {})", String::from_utf8_lossy(&output.stderr));
    }
    for engine in said {
        let name = engine["metrics"].as_str().unwrap_or_default();
        let sums = ours.iter().find(|ours| ours["name"] == name).map(|ours| ours["sums"].clone());
        // An engine knows nothing of a feature that nobody uses.
        let sums: Vec<Value> =
            sums.as_ref().and_then(Value::as_array).into_iter().flatten().filter(|sum| **sum != 0).cloned().collect();
        let found = engine["sums"].as_array().cloned().unwrap_or_default();
        let same = if sums == found { "the same sums as ours".to_owned() } else { format!("{found:?}, ours {sums:?}") };
        println!(
            "- {} {}, {name}: {:.2} CPU s, {}; {same}",
            engine["engine"].as_str().unwrap_or_default(),
            engine["version"].as_str().unwrap_or_default(),
            engine["cpu_seconds"].as_f64().unwrap_or_default(),
            megabytes(engine["peak_memory_bytes"].as_u64().unwrap_or_default()),
        );
    }
}
