//! Lambda: how large the functions are, and how long they take to their first answer.

use crate::world::{head, line, megabytes};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use local::lambda::Lambda;
use local::{Options, Stack};
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

const STARTS: usize = 20;

pub(crate) async fn run() {
    head(
        "Lambda: release binaries, median of 20 starts",
        &["function", "binary", "zip", "start to ready", "start to first answer", "memory after it"],
    );
    let beside = Path::new(env!("CARGO_BIN_EXE_sync")).parent().unwrap();
    let stack = Stack::start(Options { is_scheduled: false, ..Options::default() }).await.unwrap();
    for name in ["sync", "authenticate", "mapping-config"] {
        let binary = beside.join(name);
        if !binary.exists() {
            println!("| {name} is not built: cargo build --release -p {name} | | | | | |");
            continue;
        }
        let mut answered = Vec::new();
        let mut ready = Vec::new();
        let mut memory = 0;
        for _ in 0..STARTS {
            let began = Instant::now();
            let lambda = Lambda::start(&binary, stack.environment()).await.unwrap();
            lambda.invoke(&first_event(name)).await.unwrap();
            answered.push(began.elapsed());
            ready.push(lambda.ready_after());
            memory = memory.max(lambda.used().map(|used| used.peak_memory_bytes).unwrap_or_default());
        }
        let bytes = std::fs::read(&binary).unwrap();
        line(&[
            name.to_owned(),
            format!("{:.1} MB", bytes.len() as f64 / 1e6),
            format!("{:.1} MB", zipped(&bytes) as f64 / 1e6),
            milliseconds(ready),
            milliseconds(answered),
            megabytes(memory),
        ]);
    }
    stack.stop().await;
}

/// As the zip that is uploaded holds it; the rest of a zip is some hundred bytes.
fn zipped(bytes: &[u8]) -> usize {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap().len()
}

fn milliseconds(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    format!("{:.1} ms", times[times.len() / 2].as_secs_f64() * 1000.0)
}

/// The least that a function can be asked: a tick without connections, or a read of what is not there.
fn first_event(name: &str) -> Value {
    if name == "sync" {
        return json!({"scheduled_time": "now"});
    }
    let (path, route) = match name {
        "authenticate" => ("/v1/connection", "ANY /v1/connection"),
        _ => ("/v1/fields", "ANY /v1/fields"),
    };
    json!({
        "version": "2.0", "routeKey": route, "rawPath": path, "rawQueryString": "", "headers": {},
        "requestContext": {
            "accountId": "0", "apiId": "local", "domainName": "local", "domainPrefix": "local", "requestId": "first",
            "authorizer": {"jwt": {"claims": {"workspace": "local", "access_level": "high"}, "scopes": null}},
            "http": {"method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": ""},
            "routeKey": route, "stage": "$default", "time": "30/Jun/2026:12:30:00 +0000", "timeEpoch": 0,
        },
        "isBase64Encoded": false,
    })
}
