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

/// Where standing clocks begin: half past twelve, so that a tick finds the hour before complete.
pub(crate) const NOW: &str = "2026-06-30T00:30:00Z";
pub(crate) const HOUR_MS: i64 = 3_600_000;

/// Lines of one call to the directory.
const LINES_PER_CALL: usize = 5_000;

pub(crate) struct World {
    pub(crate) stack: Stack,
    pub(crate) api: Api,
}

/// A clock that stands at [`NOW`].
pub(crate) fn standing() -> Clock {
    Clock::fixed(shared::time::parse_instant(NOW).unwrap())
}

/// The binary of `sync` that was built with this benchmark.
pub(crate) fn sync_binary() -> Binaries {
    Binaries { sync: Some(env!("CARGO_BIN_EXE_sync").into()), ..Binaries::default() }
}

impl World {
    /// Connected and matched on the accounts' level, with a directory that fits; nothing is mapped yet.
    pub(crate) async fn start(subscription: &Subscription, clock: Clock, binaries: Binaries) -> Self {
        let pendo = Pendo::Simulator(Box::new(subscription.clone()));
        let options = Options { pendo, clock, binaries, is_scheduled: false, ..Options::default() };
        let stack = Stack::start(options).await.unwrap();
        let api = Api::new(stack.api_url(), stack.token(AccessLevel::High).unwrap());
        let world = Self { stack, api };
        let key = json!({"region": "us", "integration_key": world.pendo().key()});
        world.api.send(Method::POST, "/v1/connection", &key).await.unwrap();
        let mut accounts = Vec::new();
        print_directory(subscription, DirectoryList::Accounts, &mut accounts).unwrap();
        world.upload("accounts", &String::from_utf8(accounts).unwrap()).await;
        let matching = json!({"account": {"account": "accountId", "object": "id"}});
        world.api.send(Method::PUT, "/v1/matching", &matching).await.unwrap();
        // The simulator makes its rows when it is first asked; that is nobody's cost.
        world.pendo().truth_of(Kind::Poll);
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

    /// An hour passes, and the schedule's event is handed over.
    pub(crate) async fn next_hour(&self) {
        self.stack.clock().advance_ms(HOUR_MS);
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
