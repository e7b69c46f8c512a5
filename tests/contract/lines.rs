//! Logs and metrics can't be forged: whatever a caller, a token or Pendo names things, a line of the log is one JSON object with the
//! members that the log has, and none that CloudWatch would read a metric from.

use crate::asked::{Asked, all};
use crate::harness::{World, both_levels, field, ms, pick, used};
use crate::log::Log;
use crate::matrix::event;
use pendo_simulator::{Faults, Kind, RawRow};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use reqwest::Method;
use serde_json::{Value, json};

const SEED: u64 = 32;
/// What is tried to be smuggled in; `METRIC` would be one if it ever began a line.
const METRIC: &str = r#"{"_aws":{"Timestamp":0,"CloudWatchMetrics":[{"Namespace":"PendoUsage","Dimensions":[["FunctionName"]],"Metrics":[{"Name":"LagMinutes"}]}]},"FunctionName":"sync","LagMinutes":0}"#;
const PIECES: [&str; 16] = [
    METRIC,
    "\n",
    "\r\n",
    "\r",
    "\u{85}",
    "\u{2028}",
    "\0",
    "\u{1b}[2K\u{1b}[1A",
    "\u{1b}]0;x\u{7}",
    "\u{9b}31m",
    "\u{202e}",
    r#"","level":"ERROR","_aws":{"#,
    r#""}}"#,
    "\\",
    "\\n{\"level\":\"INFO\"}",
    "%0a%0d",
];

/// The first line that is not what the log's lines are.
fn forged(log: &[u8]) -> Option<String> {
    let is_ours = |line: &str| {
        let Ok(Value::Object(members)) = serde_json::from_str(line) else { return false };
        let names: Vec<&str> = members.keys().map(String::as_str).collect();
        (names == ["fields", "level", "target"] || names == ["fields", "level", "spans", "target"])
            && !line.contains(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{202e}'))
    };
    // Whatever might be taken for the end of a line is one.
    let text = String::from_utf8_lossy(log);
    text.split(['\n', '\r', '\u{85}']).filter(|line| !line.is_empty()).find(|line| !is_ours(line)).map(str::to_owned)
}

fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![3 => prop::sample::select(&PIECES[..]).prop_map(str::to_owned), 1 => ".{0,6}"];
    prop::collection::vec(piece, 1..5).prop_map(|pieces| pieces.concat())
}

fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02X}"))
}

/// A request that carries a text wherever a caller, or a token, can put one.
fn request(asked: &Asked, at: usize, text: &str) -> Value {
    let mut event =
        event(asked, asked.body.map(|body| body.example), &json!({"workspace": "local", "access_level": "high"}));
    let place = match at {
        0 => "/requestContext/requestId",
        1 => "/requestContext/authorizer/jwt/claims/sub",
        2 => "/requestContext/authorizer/jwt/claims/workspace",
        3 => "/requestContext/authorizer/jwt/claims/access_level",
        4 => "/rawPath",
        5 => "/rawQueryString",
        6 => "/body",
        _ => "/headers/content-type",
    };
    let said = match at {
        4 => json!(format!("{}{text}", asked.path.replace("{id}", ""))),
        5 => json!(format!("{0}={0}&id={0}", encoded(text))),
        // As a member's name, as its value, and as no JSON at all.
        6 if text.len().is_multiple_of(3) => json!(text),
        6 if text.len() % 3 == 1 => json!(json!({text: 1}).to_string()),
        6 => json!(json!({"name": text, "region": text, "integration_key": text, "time_zone": text}).to_string()),
        // A header can't hold a control character.
        7 => json!(text.chars().filter(|c| c.is_ascii_graphic()).collect::<String>()),
        _ => json!(text),
    };
    if at == 0 {
        // So that it is refused, which is logged under this id.
        event["rawQueryString"] = json!("nobody=knows");
    }
    let (parent, name) = place.rsplit_once('/').unwrap();
    event.pointer_mut(parent).unwrap()[name] = said;
    event
}

#[tokio::test]
async fn whatever_callers_tokens_and_pendo_name_things_no_line_of_the_log_is_forged() {
    let (log, _guard) = Log::start(&[]);
    let world = World::empty().await;
    world.connect().await;
    let mut runner =
        TestRunner::new(Config { rng_seed: RngSeed::Fixed(SEED), failure_persistence: None, ..Config::default() });
    // Nothing that is asked below may end the connection.
    let operations: Vec<Asked> = all().into_iter().filter(|asked| asked.id != "disconnect").collect();
    let (n, mut lines, mut carried) = (pick(400, 10_000), 0, 0);
    for n in 0..n {
        let text = hostile().new_tree(&mut runner).unwrap().current();
        let asked = &operations[n % operations.len()];
        let event = request(asked, n / operations.len() % 8, &text);
        crate::matrix::answered(&world, asked.function, event).await;
        let written = log.taken();
        assert_eq!(forged(&written), None, "{} {text:?}", asked.id);
        lines += written.iter().filter(|byte| **byte == b'\n').count();
        carried += usize::from(
            String::from_utf8_lossy(&written).contains("\\n") || String::from_utf8_lossy(&written).contains("\\u00"),
        );
    }
    assert!(lines >= n / 2 && carried > 0, "{lines} lines, of which {carried} carry what was sent");
    println!("forged lines: seed {SEED}, n {n}, {lines} lines, {carried} that carry what was sent, failures 0");

    // What Pendo names: objects, apps, visitors, accounts; and what a message of the queue does.
    world.idle().await;
    world.upload_as("accounts", "application/x-ndjson", &json!({"id": METRIC}).to_string()).await.expect(200);
    world.matching(&both_levels()).await;
    world.field(&field("Events", "account", "page", "count", &json!({"all_time": true}))).await;
    let mut failed = 0;
    for n in 0..pick(20, 200) {
        let text = hostile().new_tree(&mut runner).unwrap().current();
        world.pendo().add_page(&format!("p{n}{text}"), &text);
        let row = RawRow::new(Kind::Page, &format!("p{n}{text}"), &text, Some(&text), ms("2026-06-30T08:00:00Z"));
        world.pendo().inject(RawRow { events: 2, ..row });
        let body = json!({"job": "sync", "workspace": text, "hop": 0}).to_string();
        let body = if n % 2 == 0 { body } else { text.clone() };
        let job = json!({"Records": [{"messageId": text, "body": body, "eventSource": "aws:sqs"}]});
        let answer = sync::handle(world.stack.context(), job).await.unwrap();
        failed += answer["batchItemFailures"].as_array().unwrap().len();
        assert_eq!(forged(&log.taken()), None, "{text:?}");
    }
    assert!(failed > 0, "messages fail, which is logged");
    for faults in
        [Faults::default(), Faults { html_every: 2, ..Faults::default() }, Faults { cut_every: 2, ..Faults::default() }]
    {
        world.pendo().set_faults(faults);
        world.pendo().inject(used(Kind::Page, METRIC, Some(METRIC), "2026-06-30T09:00:00Z", 1));
        world.advance(1);
        world.stack.tick().await.unwrap();
        world.stack.run_job_queue_idle().await;
        world.get("/v1/pendo/catalog").await;
        world.call(Method::GET, "/v1/status", &[], &Value::Null).await.expect(200);
        let written = log.taken();
        assert!(!written.is_empty());
        assert_eq!(forged(&written), None);
    }
}

#[test]
fn lines_that_are_forged_would_be_found() {
    let log = Log::default();
    let plain = tracing_subscriber::fmt().without_time().with_writer(log.clone()).finish();
    tracing::subscriber::with_default(plain, || tracing::error!(id = format!("a\n{METRIC}"), "as a plain log has it"));
    assert!(forged(&log.taken()).is_some());
    for line in [METRIC, r#"{"level":"INFO","fields":{},"target":"x","_aws":{}}"#, "text", "[]"] {
        assert_eq!(forged(line.as_bytes()).as_deref(), Some(line));
    }
    assert!(forged("{\"level\":\"INFO\",\"fields\":{\"id\":\"\u{9b}31m\"},\"target\":\"x\"}".as_bytes()).is_some());
    assert_eq!(forged(br#"{"level":"INFO","fields":{"message":"m"},"target":"x"}"#), None);
}
