//! A connected workspace over a simulated subscription: what every section measures.

use local::api::Api;
use local::{AccessLevel, Binaries, Options, Pendo, Stack};
use pendo_simulator::{Clock, DirectoryList, Kind, Options as Subscription, Simulator, print_directory};
use reqwest::Method;
use serde_json::{Value, json};
use shared::id::{Kind as UsageKind, WorkspaceId};
use shared::pendo::Client;
use shared::pendo::usage::{By, Scope, probe};
use shared::sync::checkpoint::Report;
use shared::time::{Hour, HourRange};
use shared::usage::fingerprint::Fingerprint;
use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Where standing clocks begin: half past twelve, so that a tick finds the hour before complete.
pub(crate) const NOW: &str = "2026-06-30T00:30:00Z";
pub(crate) const HOUR_MS: i64 = 3_600_000;

/// Lines of one call to the directory.
const LINES_PER_CALL: usize = 5_000;

pub(crate) struct World {
    pub(crate) stack: Stack,
    pub(crate) api: Api,
    /// Where `sync` reads a clock that stands.
    clock_file: Option<PathBuf>,
}

/// A clock that stands at [`NOW`].
fn standing() -> Clock {
    Clock::fixed(shared::time::parse_instant(NOW).unwrap())
}

/// The binary of `sync`: the one that was built with this benchmark, or what `SYNC_BINARY` names.
fn sync_path() -> PathBuf {
    std::env::var_os("SYNC_BINARY").map_or_else(|| env!("CARGO_BIN_EXE_sync").into(), PathBuf::from)
}

/// The binary of `sync`, by the machine's clock.
pub(crate) fn sync_binary() -> Binaries {
    Binaries { sync: Some(sync_path()), ..Binaries::default() }
}

/// The binary of `sync` by a clock that stands at [`NOW`] and is moved by [`World::pass`]: libfaketime, which `FAKETIME`
/// names, reads it from a file. Without that library the handler runs in this process.
fn sync_by(clock_file: &Path) -> Binaries {
    let Some(library) = std::env::var_os("FAKETIME") else {
        println!("\n(FAKETIME names no library: `sync` runs in this process)");
        return Binaries::default();
    };
    let script = clock_file.with_extension("sync");
    let lines = format!(
        "#!/bin/sh\nexport LD_PRELOAD={} FAKETIME_TIMESTAMP_FILE={} FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1 TZ=UTC\nexec {}\n",
        library.display(),
        clock_file.display(),
        sync_path().display()
    );
    std::fs::write(&script, lines).unwrap();
    std::fs::set_permissions(&script, Permissions::from_mode(0o755)).unwrap();
    Binaries { sync: Some(script), ..Binaries::default() }
}

/// Sets a clock that stands.
fn set_clock(file: &Path, now_ms: i64) {
    let text = shared::time::to_the_second(now_ms).replace('T', " ").replace('Z', "\n");
    let fresh = file.with_extension("fresh");
    std::fs::write(&fresh, text).unwrap();
    std::fs::rename(&fresh, file).unwrap();
}

impl World {
    /// Under a clock that stands until it is moved.
    pub(crate) async fn standing(subscription: &Subscription) -> Self {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("clock-{}-{number}", std::process::id()));
        set_clock(&file, shared::time::parse_instant(NOW).unwrap());
        let mut world = Self::start(subscription, standing(), sync_by(&file)).await;
        world.clock_file = Some(file);
        world
    }

    /// Connected and matched on the accounts' level, with a directory that fits; nothing is mapped yet.
    pub(crate) async fn start(subscription: &Subscription, clock: Clock, binaries: Binaries) -> Self {
        let pendo = Pendo::Simulator(Box::new(subscription.clone()));
        let options = Options { pendo, clock, binaries, is_scheduled: false, ..Options::default() };
        let stack = Stack::start(options).await.unwrap();
        let api = Api::new(stack.api_url(), stack.token(AccessLevel::High).unwrap());
        let world = Self { stack, api, clock_file: None };
        // The simulator makes its rows when it is first asked; that is nobody's cost, and may take minutes.
        world.pendo().truth_of(Kind::Poll);
        let key = json!({"region": "us", "integration_key": world.pendo().key()});
        world.api.send(Method::POST, "/v1/connection", &key).await.unwrap();
        let mut accounts = Vec::new();
        print_directory(subscription, DirectoryList::Accounts, &mut accounts).unwrap();
        world.upload("accounts", &String::from_utf8(accounts).unwrap()).await;
        let matching = json!({"account": {"account": "accountId", "object": "id"}});
        world.api.send(Method::PUT, "/v1/matching", &matching).await.unwrap();
        world.stack.run_job_queue_idle().await;
        world
    }

    pub(crate) async fn upload(&self, list: &str, csv: &str) {
        let (head, lines) = csv.split_once('\n').unwrap();
        let lines: Vec<&str> = lines.lines().collect();
        for part in lines.chunks(LINES_PER_CALL) {
            let text = format!("{head}\n{}\n", part.join("\n"));
            self.api.put_text(&format!("/v1/directory/{list}"), "text/csv", text).await.unwrap();
        }
    }

    /// Creates fields while syncing is paused, so that one run does for all, and waits for it.
    pub(crate) async fn map(&self, fields: &[Value]) {
        self.api.send(Method::PATCH, "/v1/connection", &json!({"paused": true})).await.unwrap();
        for field in fields {
            self.api.send(Method::POST, "/v1/fields", field).await.unwrap();
        }
        self.stack.run_job_queue_idle().await;
        self.api.send(Method::PATCH, "/v1/connection", &json!({"paused": false})).await.unwrap();
        self.stack.run_job_queue_idle().await;
    }

    /// Time passes.
    pub(crate) fn pass(&self, hours: i64) {
        self.stack.clock().advance_ms(hours * HOUR_MS);
        if let Some(file) = &self.clock_file {
            set_clock(file, self.stack.clock().now_ms());
        }
    }

    /// An hour passes, and the schedule's event is handed over.
    pub(crate) async fn next_hour(&self) {
        self.pass(1);
        self.stack.tick().await.unwrap();
    }

    pub(crate) fn pendo(&self) -> &Simulator {
        self.stack.simulator().unwrap()
    }

    /// What `sync` has used so far: seconds of processor time, and bytes at most.
    pub(crate) fn used(&self) -> (f64, u64) {
        let used = self.stack.functions().sync_process().and_then(local::lambda::Lambda::used);
        used.map(|used| (used.cpu_seconds, used.peak_memory_bytes)).unwrap_or_default()
    }

    /// What the last run did.
    pub(crate) async fn report(&self) -> Report {
        let store = &self.stack.context().store;
        let connection = store.connection_get(&workspace()).await.unwrap().unwrap().value;
        let checkpoint = store.checkpoint_get(&workspace(), &connection.id).await.unwrap().value;
        checkpoint.last_run.map(|run| run.report).unwrap_or_default()
    }

    /// Every value, as the API lists them.
    pub(crate) async fn values(&self) -> Vec<Value> {
        self.api.all_items("/v1/values?limit=1000").await.unwrap()
    }

    /// Pendo's totals of each hour of a range, asked for apart from every run.
    pub(crate) async fn totals(&self, kind: UsageKind, range: HourRange) -> BTreeMap<Hour, Fingerprint> {
        let key = shared::secrets::parse_key(self.pendo().key()).unwrap();
        let client = Client::new(&self.pendo().url(), &key).unwrap();
        probe(&client, kind, range, By::Hour, &Scope::All).await.unwrap()
    }

    /// The rows that exist in a range, over all kinds.
    pub(crate) async fn rows_in(&self, range: HourRange) -> u64 {
        let mut rows = 0;
        for kind in UsageKind::ALL {
            rows += self.totals(kind, range).await.values().map(|totals| totals.rows).sum::<u64>();
        }
        rows
    }

    /// The rows of a range that are stored, over all kinds.
    pub(crate) async fn rows_stored(&self, range: HourRange) -> u64 {
        let store = &self.stack.context().store;
        let connection = store.connection_get(&workspace()).await.unwrap().unwrap().value;
        let layout = store.layout_get(&workspace(), &connection.id).await.unwrap().unwrap();
        let mut rows = 0;
        for number in 0..layout.shards {
            let mut shard = store.shard_get(&workspace(), &connection.id, number).await.unwrap();
            store.shard_load(&mut shard, range).await.unwrap();
            for kind in UsageKind::ALL {
                rows += shard.entries(kind, range).map(|(_, entry)| entry.share.rows).sum::<u64>();
            }
        }
        rows
    }

    /// The end of the last complete hour.
    pub(crate) fn as_of(&self) -> Hour {
        Hour::of_ms(self.stack.clock().now_ms())
    }
}

pub(crate) fn workspace() -> WorkspaceId {
    WorkspaceId::parse(local::tokens::WORKSPACE).unwrap()
}

/// Twenty fields of accounts over some kinds, with windows up to thirty days.
pub(crate) fn twenty_fields(kinds: &[&str]) -> Vec<Value> {
    let functions = [
        ("distinct_visitors", 30, true),
        ("distinct_visitors", 7, true),
        ("count", 30, false),
        ("active_days", 30, true),
        ("last_used", 30, false),
        ("count", 7, true),
        ("distinct_visitors", 1, false),
        ("count", 14, true),
        ("first_used", 30, false),
        ("days_since_last_used", 30, false),
        ("minutes", 30, false),
        ("count", 1, false),
        ("active_days", 7, false),
        ("distinct_visitors", 14, true),
        ("minutes", 7, true),
        ("count", 30, true),
        ("distinct_visitors", 30, false),
        ("active_days", 14, true),
        ("count", 7, false),
        ("minutes", 1, false),
    ];
    let per_kind = 20 / kinds.len();
    let mut fields = Vec::new();
    for kind in kinds {
        for (function, days, is_complete) in functions.iter().take(per_kind) {
            fields.push(json!({
                "name": format!("{kind} {function} {days} {is_complete}"), "object": "account",
                "usage": {"kind": kind}, "function": function,
                "window": {"rolling_days": days, "complete_days": is_complete},
            }));
        }
    }
    fields
}

/// Prints a table's head.
pub(crate) fn head(title: &str, columns: &[&str]) {
    println!("\n### {title}\n\n| {} |\n|{}", columns.join(" | "), " --- |".repeat(columns.len()));
}

/// Prints a table's line.
pub(crate) fn line(cells: &[String]) {
    println!("| {} |", cells.join(" | "));
}

/// A number with commas.
pub(crate) fn whole(number: f64) -> String {
    let digits = format!("{number:.0}");
    let groups: Vec<String> =
        digits.as_bytes().rchunks(3).rev().map(|group| String::from_utf8_lossy(group).into_owned()).collect();
    groups.join(",")
}

/// Bytes as megabytes of 1024 × 1024.
pub(crate) fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes >> 20)
}
