//! Stands between the SDK and the table, or the secrets, and misbehaves as planned: it refuses, loses answers, processes half a batch,
//! answers late, or stops for good at a chosen request. What it does at random it does from a seed.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State as Shared;
use axum::http::{HeaderMap, Response};
use serde_json::{Map, Value, json};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

/// The reasons for which DynamoDB refuses for now, each with its status.
pub(crate) const REASONS: [(&str, u16); 5] = [
    ("ThrottlingException", 400),
    ("ProvisionedThroughputExceededException", 400),
    ("RequestLimitExceeded", 400),
    ("InternalServerError", 500),
    ("TransactionConflictException", 400),
];

/// What is to go wrong.
#[derive(Clone, Debug)]
pub(crate) enum Plan {
    /// Nothing.
    Calm,
    /// The worker is to be dropped when it sends this request, counted from 1: before it is done, or once it is.
    Crash { at: usize, is_done: bool },
    /// From this request on all are refused for good.
    Dead { from: usize },
    /// All requests of a site are refused for good.
    Broken { site: String },
    /// The first request of a site is done and its answer lost: a 500 comes instead.
    Lost { site: String },
    /// The worker sleeps: this request and all after it wait until they are let go.
    Hold { at: usize },
    /// Each request by chance, in percent.
    Chance(Chance),
}

/// Percentages of requests, and of the keys of a batch.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chance {
    /// Refused with a reason, before anything is done.
    pub(crate) refused: u64,
    /// Which of [`REASONS`]; all of them when there is none.
    pub(crate) reason: Option<usize>,
    /// Done, and then the connection is cut or a 500 is answered.
    pub(crate) lost: u64,
    /// Keys that a batch leaves unprocessed.
    pub(crate) unprocessed: u64,
    /// Longest pause before a request is done.
    pub(crate) delay_ms: u64,
}

struct State {
    target: String,
    http: reqwest::Client,
    plan: Mutex<Plan>,
    seed: Mutex<u64>,
    log: Mutex<Vec<String>>,
    reached: Notify,
    /// Whether what was held goes on.
    goes_on: watch::Sender<bool>,
}

/// A running proxy. It ends when it is dropped.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

impl Proxy {
    pub(crate) async fn start(target: String, seed: u64) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            target,
            http: reqwest::Client::new(),
            plan: Mutex::new(Plan::Calm),
            seed: Mutex::new(seed),
            log: Mutex::default(),
            reached: Notify::new(),
            goes_on: watch::Sender::new(false),
        });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&state));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, state, task }
    }

    /// From now on, with requests counted anew.
    pub(crate) fn plan(&self, plan: Plan) {
        if matches!(plan, Plan::Hold { .. }) {
            self.state.goes_on.send_replace(false);
        }
        *locked(&self.state.plan) = plan;
        locked(&self.state.log).clear();
    }

    /// The site of each request since the plan was set: operation, depth of the partition, family of the item.
    pub(crate) fn sites(&self) -> Vec<String> {
        locked(&self.state.log).clone()
    }

    /// Returns when the planned crash or hold is reached.
    pub(crate) async fn reached(&self) {
        self.state.reached.notified().await;
    }

    /// Wakes the worker, to a table that does this from now on.
    pub(crate) fn let_go(&self, then: Plan) {
        self.plan(then);
        self.state.goes_on.send_replace(true);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(Shared(state): Shared<Arc<State>>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let operation = headers["x-amz-target"].to_str().unwrap().rsplit('.').next().unwrap().to_owned();
    let request: Value = serde_json::from_slice(&body).unwrap();
    let site = site_of(&operation, &request);
    let (number, is_first) = {
        let mut log = locked(&state.log);
        let is_first = !log.contains(&site);
        log.push(site.clone());
        (log.len(), is_first)
    };
    let plan = locked(&state.plan).clone();
    match plan {
        Plan::Crash { at, is_done } if number >= at => {
            if is_done && number == at {
                forward(&state, &headers, body).await;
            }
            state.reached.notify_one();
            std::future::pending().await
        }
        Plan::Dead { from } if number >= from => refusal("AccessDeniedException", 400),
        Plan::Broken { site: broken } if site == broken => refusal("AccessDeniedException", 400),
        Plan::Lost { site: lost } if site == lost && is_first => {
            forward(&state, &headers, body).await;
            refusal("InternalServerError", 500)
        }
        Plan::Hold { at } if number >= at => {
            if number == at {
                state.reached.notify_one();
            }
            state.goes_on.subscribe().wait_for(|goes_on| *goes_on).await.unwrap();
            forward(&state, &headers, body).await
        }
        Plan::Chance(chance) => by_chance(&state, &chance, &operation, request, &headers, body).await,
        _ => forward(&state, &headers, body).await,
    }
}

async fn by_chance(
    state: &State,
    chance: &Chance,
    operation: &str,
    request: Value,
    headers: &HeaderMap,
    body: Bytes,
) -> Response<Body> {
    tokio::time::sleep(Duration::from_millis(state.draw(chance.delay_ms + 1))).await;
    if state.draw(100) < chance.refused {
        let any = usize::try_from(state.draw(REASONS.len() as u64)).unwrap();
        let (reason, status) = REASONS[chance.reason.unwrap_or(any)];
        return refusal(reason, status);
    }
    let done = match operation {
        "BatchGetItem" if chance.unprocessed > 0 => half(state, chance.unprocessed, request, headers).await,
        _ => forward(state, headers, body).await,
    };
    if state.draw(100) >= chance.lost {
        return done;
    }
    if state.draw(2) == 0 {
        return refusal("InternalServerError", 500);
    }
    let cut = futures_util::stream::once(async { Err::<Bytes, _>(std::io::Error::other("cut")) });
    Response::new(Body::from_stream(cut))
}

/// Hands on some keys of a batch and gives the others back unprocessed.
async fn half(state: &State, percent: u64, mut request: Value, headers: &HeaderMap) -> Response<Body> {
    let mut unprocessed = Map::new();
    let mut asked = 0;
    for (table, wanted) in request["RequestItems"].as_object_mut().unwrap() {
        let keys = std::mem::take(wanted["Keys"].as_array_mut().unwrap());
        let (left, done): (Vec<Value>, Vec<Value>) = keys.into_iter().partition(|_| state.draw(100) < percent);
        asked += done.len();
        if !left.is_empty() {
            let mut rest = wanted.clone();
            rest["Keys"] = left.into();
            unprocessed.insert(table.clone(), rest);
        }
        wanted["Keys"] = done.into();
    }
    if asked == 0 {
        return json_response(200, &json!({"Responses": {}, "UnprocessedKeys": unprocessed}));
    }
    let answer = forward(state, headers, request.to_string().into()).await;
    let bytes = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    let mut answer: Value = serde_json::from_slice(&bytes).unwrap();
    answer["UnprocessedKeys"] = unprocessed.into();
    json_response(200, &answer)
}

async fn forward(state: &State, headers: &HeaderMap, body: Bytes) -> Response<Body> {
    let mut request = state.http.post(&state.target).body(body);
    for name in ["x-amz-target", "content-type", "authorization", "x-amz-date"] {
        if let Some(value) = headers.get(name) {
            request = request.header(name, value);
        }
    }
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let mut response = Response::new(Body::from(answer.bytes().await.unwrap()));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0".parse().unwrap());
    response
}

fn refusal(reason: &str, status: u16) -> Response<Body> {
    json_response(
        status,
        &json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{reason}"), "message": "planned"}),
    )
}

fn json_response(status: u16, body: &Value) -> Response<Body> {
    let response = Response::builder().status(status).header("content-type", "application/x-amz-json-1.0");
    response.body(Body::from(body.to_string())).unwrap()
}

/// `PutItem 2 block`: what a request is for, without names that differ from run to run.
fn site_of(operation: &str, request: &Value) -> String {
    let tables = request["RequestItems"].as_object();
    let batch = tables.and_then(|tables| tables.values().next()).map(|wanted| &wanted["Keys"][0]);
    let single = if request["Key"].is_object() { &request["Key"] } else { &request["Item"] };
    let key = batch.unwrap_or(match operation {
        "TransactWriteItems" => &request["TransactItems"][0]["Put"]["Item"],
        _ => single,
    });
    let values = &request["ExpressionAttributeValues"];
    let text = |value: &Value| value["S"].as_str().unwrap_or_default().to_owned();
    let (partition, sort) = match operation {
        "Query" => (text(&values[":pk"]), text(&values[":prefix"])),
        _ => (text(&key["pk"]), text(&key["sk"])),
    };
    let is_name = |part: &&str| part.parse::<f64>().is_err() && !part.contains(|c: char| c.is_ascii_digit());
    let family: Vec<&str> = sort.split('#').filter(is_name).collect();
    format!("{operation} {} {}", partition.matches('#').count(), family.join("#"))
}

impl State {
    /// A number below `below`.
    fn draw(&self, below: u64) -> u64 {
        draw(&mut locked(&self.seed), below)
    }
}

/// The next number below `below` of a seed (`SplitMix64`).
pub(crate) fn draw(seed: &mut u64, below: u64) -> u64 {
    *seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (z ^ (z >> 31)) % below
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
