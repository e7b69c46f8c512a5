//! A simulator and somebody who asks it.

use pendo_simulator::{Clock, Kind, Options, RawRow, Simulator};
use serde_json::{Value, json};

/// 2026-06-30T12:30:00Z
pub(crate) const NOW: i64 = 1_782_822_600_000;
/// The hour before the running one.
pub(crate) const HOUR: i64 = 1_782_817_200_000;
pub(crate) const HOUR_MS: i64 = 3_600_000;

pub(crate) struct Guest {
    pub(crate) simulator: Simulator,
    client: reqwest::Client,
}

impl Guest {
    pub(crate) async fn of(options: Options) -> Guest {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let simulator = Simulator::start(options, Clock::fixed(NOW), listener).await.unwrap();
        Guest { simulator, client: reqwest::Client::new() }
    }

    /// A simulator of a small generated world.
    pub(crate) async fn of_small_world() -> Guest {
        Guest::of(Options { accounts: 8, visitors: 60, days: 120, ..Options::default() }).await
    }

    /// A simulator without anything in it.
    pub(crate) async fn of_nothing() -> Guest {
        Guest::of(Options::empty()).await
    }

    pub(crate) async fn get(&self, path: &str) -> reqwest::Response {
        let request = self.client.get(format!("{}{path}", self.simulator.url()));
        request.header("x-pendo-integration-key", self.simulator.key()).send().await.unwrap()
    }

    pub(crate) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> reqwest::Response {
        let mut request = self.client.get(format!("{}{path}", self.simulator.url()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> reqwest::Response {
        let request = self.client.post(format!("{}{path}", self.simulator.url())).json(body);
        request.header("x-pendo-integration-key", self.simulator.key()).send().await.unwrap()
    }

    pub(crate) async fn aggregate(&self, pipeline: Value) -> reqwest::Response {
        self.post("/api/v1/aggregation", &json!({"request": {"pipeline": pipeline}})).await
    }

    /// The results of an aggregation that must go well.
    pub(crate) async fn results(&self, pipeline: Value) -> Vec<Value> {
        let response = self.aggregate(pipeline).await;
        let status = response.status();
        let text = response.text().await.unwrap();
        assert_eq!(status, 200, "{text}");
        let answer: Value = serde_json::from_str(&text).unwrap();
        answer["results"].as_array().unwrap().clone()
    }

    /// The status and text of an aggregation.
    pub(crate) async fn refusal(&self, pipeline: Value) -> (u16, String) {
        let response = self.aggregate(pipeline).await;
        (response.status().as_u16(), response.text().await.unwrap())
    }
}

/// A source over all apps and all time up to now.
pub(crate) fn all(kind: &str) -> Value {
    json!({"source": {kind: {"appId": "expandAppIds(\"*\")"}, "timeSeries": {"period": "hourRange", "first": 1_719_792_000_000_i64, "last": "now()"}}})
}

/// A feature row with some events.
pub(crate) fn row(visitor: &str, account: Option<&str>, hour_ms: i64, events: u32) -> RawRow {
    RawRow { events, ..RawRow::new(Kind::Feature, "f1", visitor, account, hour_ms) }
}
