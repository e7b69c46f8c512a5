//! What reading costs at least: the same answers once more, out of a buffer, decoded and folded and nothing else.

use crate::world::World;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    results: Option<Vec<Row<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    #[serde(borrow)]
    account_id: Option<Text<'a>>,
    #[serde(borrow)]
    visitor_id: Text<'a>,
    hour: i64,
    events: u64,
    minutes: Option<u64>,
    last: i64,
}

/// Borrowed unless it holds escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// An account's metrics in their making.
#[derive(Default)]
struct Metrics {
    visitors: HashSet<String>,
    days: HashSet<i64>,
    events: u64,
    minutes: u64,
    last: i64,
}

/// What folding cost.
pub(crate) struct Bare {
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) cpu_seconds: f64,
}

/// Asks every fetch that the simulator has answered again, and folds the answers to accounts.
pub(crate) async fn fold(world: &World) -> Bare {
    let is_fetch = |body: &str| body.contains("hourRange") && !body.contains("squares") && !body.contains("utcDay");
    let asked: Vec<String> = world.pendo().requests().into_iter().map(|request| request.body).collect();
    let client = reqwest::Client::new();
    let mut bare = Bare { rows: 0, bytes: 0, cpu_seconds: 0.0 };
    let mut accounts: HashMap<String, Metrics> = HashMap::new();
    for body in asked.into_iter().filter(|body| is_fetch(body)) {
        let url = format!("{}/api/v1/aggregation", world.pendo().url());
        let request = client.post(url).header("x-pendo-integration-key", world.pendo().key());
        let answer = request.header("content-type", "application/json").body(body).send().await.unwrap();
        let bytes = answer.bytes().await.unwrap();
        let before = thread_cpu_seconds();
        let answer: Answer<'_> = serde_json::from_slice(&bytes).unwrap();
        let rows = answer.results.unwrap_or_default();
        for row in &rows {
            let account = row.account_id.as_ref().map_or("", |text| text.0.as_ref());
            if !accounts.contains_key(account) {
                accounts.insert(account.to_owned(), Metrics::default());
            }
            let Some(metrics) = accounts.get_mut(account) else { continue };
            if !metrics.visitors.contains(row.visitor_id.0.as_ref()) {
                metrics.visitors.insert(row.visitor_id.0.clone().into_owned());
            }
            metrics.days.insert(row.hour / 86_400_000);
            metrics.events += row.events;
            metrics.minutes += row.minutes.unwrap_or_default();
            metrics.last = metrics.last.max(row.last);
        }
        bare.cpu_seconds += thread_cpu_seconds() - before;
        bare.rows += rows.len() as u64;
        bare.bytes += bytes.len() as u64;
    }
    std::hint::black_box(&accounts);
    bare
}

/// Processor time of this thread so far.
pub(crate) fn thread_cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds: f64 = text.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or_default();
    nanoseconds / 1e9
}
