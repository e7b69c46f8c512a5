//! A world of a test's own: everything on free ports, a clock that stands, and calls through the real HTTP path.

use crate::reference::kind_name;
use chrono::DateTime;
use local::{AccessLevel, Options, Pendo, Stack};
use pendo_simulator::{Clock, Kind, Options as Subscription, RawRow, Simulator};
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use shared::id::WorkspaceId;
use shared::sync::checkpoint::{Checkpoint, Report};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Where every clock starts.
pub(crate) const NOW: &str = "2026-06-30T12:30:00Z";
pub(crate) const HOUR_MS: i64 = 3_600_000;

/// How many cases to try: `few`, or `many` in the full setting.
pub(crate) fn pick(few: usize, many: usize) -> usize {
    if std::env::vars().any(|setting| setting == ("TORTURE".to_owned(), "full".to_owned())) { many } else { few }
}

/// An instant in milliseconds since 1970.
pub(crate) fn ms(text: &str) -> i64 {
    DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis()
}

/// What was answered.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The body of an answer of this status; anything else ends the test with what was said.
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        if self.text.is_empty() { Value::Null } else { self.json() }
    }
}

/// One line of `GET /v1/values`.
pub(crate) type Lines = BTreeMap<(String, String, String), Value>;

/// Everything, for one test.
pub(crate) struct World {
    pub(crate) stack: Stack,
    http: reqwest::Client,
    high: String,
    replies: Mutex<Vec<String>>,
}

impl World {
    /// An empty subscription.
    pub(crate) async fn empty() -> Self {
        Self::start(Subscription::empty()).await
    }

    pub(crate) async fn start(subscription: Subscription) -> Self {
        Self::kept_in(subscription, None, NOW).await
    }

    /// With a data directory, at an instant.
    pub(crate) async fn kept_in(subscription: Subscription, data_dir: Option<PathBuf>, now: &str) -> Self {
        let options = Options {
            port: 0,
            data_dir,
            clock: Clock::fixed(ms(now)),
            pendo: Pendo::Simulator(Box::new(subscription)),
            is_scheduled: false,
            ..Options::default()
        };
        let stack = Stack::start(options).await.unwrap();
        let high = stack.token(AccessLevel::High).unwrap();
        Self { stack, http: reqwest::Client::new(), high, replies: Mutex::default() }
    }

    pub(crate) fn pendo(&self) -> &Simulator {
        self.stack.simulator().unwrap()
    }

    pub(crate) fn workspace(&self) -> WorkspaceId {
        WorkspaceId::parse(local::tokens::WORKSPACE).unwrap()
    }

    /// One call with a token, a content type and a body.
    pub(crate) async fn call_as(
        &self,
        token: &str,
        method: Method,
        path: &str,
        content_type: Option<&str>,
        body: impl Into<reqwest::Body>,
    ) -> Reply {
        let content_type = content_type.map(|content_type| ("content-type", content_type));
        self.call_with(token, method, path, content_type.as_slice(), body).await
    }

    /// One call with a token, any headers and a body.
    pub(crate) async fn call_with(
        &self,
        token: &str,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Reply {
        let request = self.http.request(method, format!("{}{path}", self.stack.api_url())).bearer_auth(token);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let answer = request.body(body).send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await.unwrap();
        self.replies.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{headers:?}\n{text}"));
        Reply { status, headers, text }
    }

    /// As an admin, with any headers and JSON.
    pub(crate) async fn call(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &Value) -> Reply {
        let headers: Vec<(&str, &str)> =
            headers.iter().copied().chain([("content-type", "application/json")]).collect();
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.call_with(&self.high, method, path, &headers, body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.call_as(&self.high, Method::GET, path, None, "").await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.call_as(&self.high, Method::DELETE, path, None, "").await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        self.call_as(&self.high, Method::POST, path, Some("application/json"), body.to_string()).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Reply {
        self.call_as(&self.high, Method::PUT, path, Some("application/json"), body.to_string()).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Reply {
        self.call_as(&self.high, Method::PATCH, path, Some("application/json"), body.to_string()).await
    }

    /// All that was answered so far, with headers.
    pub(crate) fn replies(&self) -> Vec<String> {
        self.replies.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Connects with the simulator's key and more members.
    pub(crate) async fn connect_with(&self, more: &Value) {
        let mut body = json!({"region": "us", "integration_key": self.pendo().key()});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.post("/v1/connection", &body).await.expect(201);
        self.idle().await;
    }

    pub(crate) async fn connect(&self) {
        self.connect_with(&json!({})).await;
    }

    /// Uploads a list as CSV; every row must be good.
    pub(crate) async fn upload(&self, list: &str, csv: &str) {
        let answer = self.upload_as(list, "text/csv", csv).await.expect(200);
        assert_eq!(answer["errors"], json!([]));
        self.idle().await;
    }

    pub(crate) async fn upload_as(&self, list: &str, content_type: &str, body: &str) -> Reply {
        let path = format!("/v1/directory/{list}");
        self.call_as(&self.high, Method::PUT, &path, Some(content_type), body.to_owned()).await
    }

    pub(crate) async fn matching(&self, matching: &Value) {
        self.put("/v1/matching", matching).await.expect(200);
        self.idle().await;
    }

    /// Visitor id to email, whatever its case, and account id to id.
    pub(crate) async fn match_both(&self) {
        self.matching(&both_levels()).await;
    }

    /// Creates a field and waits for what it sets off.
    pub(crate) async fn field(&self, definition: &Value) -> Value {
        let answer = self.post("/v1/fields", definition).await.expect(201);
        self.idle().await;
        answer
    }

    /// Creates fields while syncing is paused, so that one run does for all.
    pub(crate) async fn fields(&self, definitions: &[Value]) {
        self.patch("/v1/connection", &json!({"paused": true})).await.expect(200);
        for definition in definitions {
            self.post("/v1/fields", definition).await.expect(201);
        }
        self.patch("/v1/connection", &json!({"paused": false})).await.expect(200);
        self.idle().await;
    }

    /// Waits for all jobs; none may have failed.
    pub(crate) async fn idle(&self) {
        self.stack.run_job_queue_idle().await;
        let dead = self.stack.dead_letters();
        assert!(dead.is_empty(), "{dead:?}");
    }

    /// Hands a tick over and waits for what it sets off.
    pub(crate) async fn tick(&self) {
        self.stack.tick().await.unwrap();
        self.idle().await;
    }

    /// Moves the clock.
    pub(crate) fn advance(&self, hours: i64) {
        self.stack.clock().advance_ms(hours * HOUR_MS);
    }

    /// Moves the clock and ticks.
    pub(crate) async fn tick_after(&self, hours: i64) {
        self.advance(hours);
        self.tick().await;
    }

    /// All values, page by page.
    pub(crate) async fn lines(&self) -> Lines {
        let mut lines = Lines::new();
        let mut cursor = String::new();
        loop {
            let page = self.get(&format!("/v1/values?limit=200{cursor}")).await.expect(200);
            for line in page["items"].as_array().unwrap() {
                let part = |name: &str| line[name].as_str().unwrap().to_owned();
                lines.insert((part("object"), part("id"), part("field")), line.clone());
            }
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return lines,
            }
        }
    }

    /// One value's line.
    pub(crate) async fn line(&self, object: &str, id: &str, field: &str) -> Value {
        let lines = self.lines().await;
        let key = (object.to_owned(), id.to_owned(), field.to_owned());
        lines.get(&key).unwrap_or_else(|| panic!("no value {key:?}")).clone()
    }

    /// One value, or its reason where it is null.
    pub(crate) async fn value(&self, object: &str, id: &str, field: &str) -> Value {
        said(&self.line(object, id, field).await)
    }

    pub(crate) async fn status(&self) -> Value {
        self.get("/v1/status").await.expect(200)
    }

    pub(crate) async fn checkpoint(&self) -> Checkpoint {
        let store = &self.stack.context().store;
        let connection = store.connection_get(&self.workspace()).await.unwrap().unwrap().value;
        store.checkpoint_get(&self.workspace(), &connection.id).await.unwrap().value
    }

    /// What the last run did.
    pub(crate) async fn report(&self) -> Report {
        self.checkpoint().await.last_run.unwrap().report
    }

    /// Aggregations over usage that reached Pendo so far.
    pub(crate) fn usage_requests(&self) -> usize {
        self.pendo().requests().iter().filter(|request| request.body.contains("timeSeries")).count()
    }

    /// Fetches of rows that reached Pendo so far; probes and totals are none.
    pub(crate) fn fetches(&self) -> usize {
        let is_fetch = |body: &str| body.contains("hourRange") && !body.contains("squares") && !body.contains("utcDay");
        self.pendo().requests().iter().filter(|request| is_fetch(&request.body)).count()
    }

    /// The bytes of every item, as they stand and unpacked.
    pub(crate) async fn bytes(&self) -> Vec<Vec<u8>> {
        const PACKED: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];
        let table = local::database::TABLE;
        let pages = self.stack.clients().dynamodb.scan().table_name(table).into_paginator().send();
        let mut found = Vec::new();
        for page in pages.try_collect().await.unwrap() {
            for value in page.items().iter().flat_map(|item| item.values()) {
                let bytes =
                    value.as_b().map_or_else(|_| format!("{value:?}").into_bytes(), |blob| blob.as_ref().to_vec());
                let starts = (0..bytes.len().saturating_sub(4)).filter(|at| bytes[*at..].starts_with(&PACKED));
                found.extend(starts.filter_map(|at| zstd::stream::decode_all(&bytes[at..]).ok()));
                found.push(bytes);
            }
        }
        found
    }

    /// Every item of the table by its key, as text.
    pub(crate) async fn items(&self) -> BTreeMap<(String, String), String> {
        let table = local::database::TABLE;
        let pages = self.stack.clients().dynamodb.scan().table_name(table).into_paginator().send();
        let mut items = BTreeMap::new();
        for page in pages.try_collect().await.unwrap() {
            for item in page.items() {
                let key = |name: &str| item[name].as_s().unwrap().clone();
                let sorted: BTreeMap<_, _> = item.iter().map(|(name, value)| (name, format!("{value:?}"))).collect();
                items.insert((key("pk"), key("sk")), format!("{sorted:?}"));
            }
        }
        items
    }
}

/// A row of usage at an instant, visible at once.
pub(crate) fn used(kind: Kind, visitor: &str, account: Option<&str>, at: &str, events: u32) -> RawRow {
    let object = format!("some-{}", kind_name(kind));
    let row = RawRow::new(kind, &object, visitor, account, ms(at));
    if kind == Kind::Guide { row } else { RawRow { events, ..row } }
}

/// Two accounts with a contact each, connected and matched on both levels.
pub(crate) async fn two_accounts() -> World {
    let world = World::empty().await;
    world.connect().await;
    world.upload("accounts", "id,name\nA-1,One\nA-2,Two\n").await;
    world.upload("contacts", "id,account_id,email\nC-1,A-1,ann@x.test\nC-2,A-2,bob@x.test\n").await;
    world.match_both().await;
    world
}

pub(crate) fn all_time() -> Value {
    json!({"all_time": true})
}

/// A line's value, or its reason where it is null.
pub(crate) fn said(line: &Value) -> Value {
    if line["value"].is_null() { line["reason"].clone() } else { line["value"].clone() }
}

pub(crate) fn both_levels() -> Value {
    json!({"contact": {"visitor": "visitorId", "object": "email", "ignore_case": true},
           "account": {"account": "accountId", "object": "id"}})
}

/// A field's definition in few words: `"count"`, `"event"`, `json!({"rolling_days": 7})`.
pub(crate) fn field(name: &str, object: &str, kind: &str, function: &str, window: &Value) -> Value {
    json!({"name": name, "object": object, "usage": {"kind": kind}, "function": function, "window": window})
}
