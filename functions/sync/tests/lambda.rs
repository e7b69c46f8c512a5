//! `sync` as Lambda runs it: its binary, over the runtime API, with the schedule's event and the queue's jobs.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests, and what they saw")]

use local::api::Api;
use local::lambda::Lambda;
use local::{AccessLevel, Binaries, Options, Pendo, Stack};
use pendo_simulator::{Faults, Kind, Options as Subscription, RawRow};
use reqwest::Method;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

#[expect(dead_code, reason = "shared with the torture chamber, which uses all of it")]
#[path = "../../../tests/torture/size.rs"]
mod size;
use size::{Time, pick, report};

const BINARY: &str = env!("CARGO_BIN_EXE_sync");
const HOUR_MS: i64 = 3_600_000;

fn api(stack: &Stack) -> Api {
    Api::new(stack.api_url(), stack.token(AccessLevel::High).unwrap())
}

/// A workspace that is set up and was never read: its jobs are held.
async fn held() -> Stack {
    let pendo = Pendo::Simulator(Box::new(Subscription::empty()));
    let stack = Stack::start(Options { pendo, is_scheduled: false, ..Options::default() }).await.unwrap();
    stack.hold_jobs();
    let this_hour_ms = stack.clock().now_ms() / HOUR_MS * HOUR_MS;
    for (visitor, hours) in [("ann@x.test", 2), ("ann@x.test", 30), ("bob@x.test", 400), ("nobody@x.test", 900)] {
        let row = RawRow::new(Kind::Event, "", visitor, Some("A-1"), this_hour_ms - hours * HOUR_MS);
        stack.simulator().unwrap().inject(row);
    }
    set_up(&api(&stack), stack.simulator().unwrap().key()).await;
    stack
}

async fn set_up(api: &Api, key: &str) {
    let key = json!({"region": "us", "integration_key": key});
    api.send(Method::POST, "/v1/connection", &key).await.unwrap();
    api.put_text("/v1/directory/accounts", "text/csv", "id\nA-1\nA-2\n".to_owned()).await.unwrap();
    let contacts = "id,account_id,email\nC-1,A-1,ann@x.test\nC-2,A-1,bob@x.test\n".to_owned();
    api.put_text("/v1/directory/contacts", "text/csv", contacts).await.unwrap();
    let matching = json!({"contact": {"visitor": "visitorId", "object": "email"},
                          "account": {"account": "accountId", "object": "id"}});
    api.send(Method::PUT, "/v1/matching", &matching).await.unwrap();
    for (name, object, function) in
        [("Users", "account", "distinct_visitors"), ("Events", "account", "count"), ("Last", "contact", "last_used")]
    {
        let field = json!({"name": name, "object": object, "usage": {"kind": "event"}, "function": function,
                           "window": {"rolling_days": 30}});
        api.send(Method::POST, "/v1/fields", &field).await.unwrap();
    }
}

/// A workspace's first values, and those after a tick brought more rows.
async fn values(binaries: &Binaries) -> [Vec<Value>; 2] {
    let options = Options {
        pendo: Pendo::Simulator(Box::new(Subscription::empty())),
        is_scheduled: false,
        binaries: binaries.clone(),
        ..Options::default()
    };
    let stack = Stack::start(options).await.unwrap();
    let pendo = stack.simulator().unwrap();
    let this_hour_ms = stack.clock().now_ms() / HOUR_MS * HOUR_MS;
    let use_it = |visitor: &str, hours: i64| {
        let at_ms = this_hour_ms - hours * HOUR_MS;
        pendo.inject(RawRow { events: 3, ..RawRow::new(Kind::Event, "", visitor, Some("A-1"), at_ms) });
    };
    for (visitor, hours) in [("ann@x.test", 2), ("ann@x.test", 30), ("bob@x.test", 400), ("nobody@x.test", 5)] {
        use_it(visitor, hours);
    }
    let api = api(&stack);
    set_up(&api, pendo.key()).await;
    stack.run_job_queue_idle().await;
    let first = api.all_items("/v1/values").await.unwrap();
    use_it("bob@x.test", 1);
    stack.tick().await.unwrap();
    let second = api.all_items("/v1/values").await.unwrap();
    assert!(stack.dead_letters().is_empty());
    if let Some(process) = stack.functions().sync_process() {
        let log = process.log();
        assert!(log.contains("the tick queued a job"), "{log}");
        assert!(!log.contains(pendo.key()), "the key is in the log");
    }
    stack.stop().await;
    [first, second]
}

#[tokio::test]
async fn the_binary_takes_the_tick_and_its_job_and_makes_the_same_values_as_the_handler() {
    let hour = || local::Options::default().clock.now_ms() / HOUR_MS;
    loop {
        let began = hour();
        let as_binary = values(&Binaries { sync: Some(BINARY.into()), ..Binaries::default() }).await;
        let as_handler = values(&Binaries::default()).await;
        // Values say up to which hour they are; only those of one hour can be equal.
        if hour() == began {
            let users = |values: &[Value]| values.iter().map(|line| line["value"].clone()).collect::<Vec<_>>();
            assert_ne!(users(&as_binary[0]), users(&as_binary[1]));
            assert_eq!(as_binary, as_handler);
            return;
        }
    }
}

#[tokio::test]
async fn an_event_that_is_neither_the_schedules_nor_the_queues_is_the_functions_error() {
    let stack = Stack::start(Options {
        binaries: Binaries { sync: Some(BINARY.into()), ..Binaries::default() },
        is_scheduled: false,
        ..Options::default()
    });
    let stack = stack.await.unwrap();
    let error = stack.functions().sync(json!({"some": "event"})).await.unwrap_err();
    assert_eq!(error.to_string(), "the event is neither the schedule's nor the queue's");
    let process = stack.functions().sync_process().unwrap();
    assert!(
        process.ready_after().as_micros() > 0 && process.used().is_none_or(|used| used.peak_memory_bytes > 1 << 20)
    );
    stack.stop().await;
}

#[tokio::test]
async fn a_variable_that_is_not_set_ends_the_function_with_a_sentence_that_names_it() {
    for unset in ["TABLE_NAME", "QUEUE_URL", "EVENT_BUS"] {
        let others = ["TABLE_NAME", "QUEUE_URL", "EVENT_BUS"].into_iter().filter(|name| *name != unset);
        let environment = others.map(|name| (name.to_owned(), "some".to_owned())).collect();
        let Err(error) = Lambda::start(Path::new(BINARY), &environment).await else { panic!("{unset} is not missed") };
        assert!(error.to_string().contains(&format!("the environment variable {unset} is not set")), "{error}");
    }
}

#[tokio::test]
async fn a_run_whose_pendo_hangs_is_cut_before_its_time_is_up_and_says_that_nothing_came() {
    let stack = held().await;
    let hangs = Some("timeSeries".to_owned());
    stack.simulator().unwrap().set_faults(Faults {
        slow_every: 1,
        slow_ms: 900_000,
        only_body: hangs,
        ..Faults::default()
    });
    let body = json!({"job": "sync", "workspace": local::tokens::WORKSPACE, "hop": 0}).to_string();
    let job = json!({"Records": [{"messageId": "m", "body": body, "eventSource": "aws:sqs"}]});
    for runs in 1..=3 {
        // What is left is two seconds more than the last words take.
        let answer = sync::handle_within(stack.context(), job.clone(), Some(Duration::from_secs(22))).await.unwrap();
        let is_failed = answer["batchItemFailures"] != json!([]);
        assert_eq!(is_failed, runs < 3, "from the third on the connection rests: {answer}");
        let status = api(&stack).get("/v1/status").await.unwrap();
        assert_eq!(status["outage"]["runs"], runs, "{status}");
        assert!(status["outage"]["detail"].as_str().unwrap().contains("all a run's time"), "{status}");
    }
    stack.simulator().unwrap().set_faults(Faults::default());
    stack.release_jobs();
    stack.run_job_queue_idle().await;
    stack.tick().await.unwrap();
    let status = api(&stack).get("/v1/status").await.unwrap();
    assert_eq!((&status["outage"], &status["is_complete"]), (&Value::Null, &json!(true)), "{status}");
    stack.stop().await;
}

/// The texts that a member of the template has, such as `Namespace`.
fn said(template: &str, member: &str) -> Vec<String> {
    let members = template.lines().filter_map(|line| line.trim().strip_prefix(member)?.strip_prefix(": "));
    members.map(|text| text.trim().to_owned()).collect()
}

#[tokio::test]
async fn each_run_says_the_metrics_that_the_templates_alarms_watch_and_nobodys_names() {
    let template = include_str!("../../../infra/template.yaml");
    let stack = held().await;
    let process = Lambda::start(Path::new(BINARY), stack.environment()).await.unwrap();
    let body = json!({"job": "sync", "workspace": local::tokens::WORKSPACE, "hop": 0}).to_string();
    process.invoke(&json!({"Records": [{"messageId": "m", "body": body, "eventSource": "aws:sqs"}]})).await.unwrap();
    // The answer may overtake the line before it, which comes through a pipe.
    let line = loop {
        let log = process.log();
        let mut said = log.lines().filter(|line| line.contains("\"_aws\""));
        if let (Some(start), Some(line)) = (said.next(), said.next()) {
            assert!(start.contains("\"ColdStarts\":1.0"), "a process says first that it begins: {start}");
            break line.to_owned();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    let metrics: Value = serde_json::from_str(&line).unwrap();
    let measured = &metrics["_aws"]["CloudWatchMetrics"][0];
    let names: Vec<&str> =
        measured["Metrics"].as_array().unwrap().iter().map(|metric| metric["Name"].as_str().unwrap()).collect();
    // Alarms on other metrics than our own are left out.
    let ours = format!("Namespace: {}", measured["Namespace"].as_str().unwrap());
    let watched: Vec<&str> =
        template.split("Type: AWS::CloudWatch::Alarm").filter(|alarm| alarm.contains(&ours)).collect();
    assert_eq!(watched.len(), 2);
    for alarm in watched {
        let name = &said(alarm, "MetricName")[0];
        assert!(names.contains(&name.as_str()) && metrics[name].is_number(), "{name} is not in {line}");
        assert_eq!(said(alarm, "Dimensions")[0], "[{ Name: FunctionName, Value: !Ref SyncFunction }]");
    }
    assert_eq!((&measured["Dimensions"], &metrics["FunctionName"]), (&json!([["FunctionName"]]), &json!("sync")));
    assert_eq!((&metrics["Rows"], &metrics["DifferenceEvents"]), (&json!(4.0), &json!(0.0)));
    assert_eq!(metrics.as_object().unwrap().len(), 2 + names.len(), "{line}");
    for name in [local::tokens::WORKSPACE, "ann@x.test", "A-1"] {
        assert!(!line.contains(name), "{line}");
    }
    drop(process);
    stack.stop().await;
}

/// A killed process leaves at the table whatever it had done; the next run ends where one does that was never disturbed.
#[tokio::test]
async fn a_binary_that_is_killed_at_any_instant_is_mended_by_the_next_run() {
    let (most, time) = (pick(10_u32, 200), Time::share(8));
    let stacks = [held().await, held().await];
    let [killed, calm] = &stacks;
    let body = json!({"job": "sync", "workspace": local::tokens::WORKSPACE, "hop": 0}).to_string();
    let job = json!({"Records": [{"messageId": "m", "body": body, "eventSource": "aws:sqs"}]});
    // About how long a run takes: longer than what was cut, no longer than what came to its end.
    let mut whole = Duration::from_millis(50);
    let (mut kills, mut cut) = (0_u32, 0);
    for n in 0..most {
        if !time.is_left() {
            break;
        }
        kills += 1;
        let at_ms = killed.clock().now_ms() / HOUR_MS * HOUR_MS - (1 + i64::from(n % 40)) * HOUR_MS;
        for stack in &stacks {
            // Each time there is work: an hour of the last two days.
            let row = RawRow::new(Kind::Event, "", "ann@x.test", Some("A-1"), at_ms);
            stack.simulator().unwrap().inject(RawRow { events: 2, ..row });
        }
        let process = Lambda::start(Path::new(BINARY), killed.environment()).await.unwrap();
        let began = Instant::now();
        match tokio::time::timeout(whole * (n * 37 % 100 + 1) / 100, process.invoke(&job)).await {
            Err(_) => {
                whole += whole / 4;
                cut += 1;
            }
            Ok(end) => {
                end.unwrap();
                whole = began.elapsed();
            }
        }
        // Dropping it is `kill -9`.
        drop(process);
    }
    assert!(cut > kills / 4, "{cut} of {kills} were killed before their end");
    let values = async |stack: &Stack| {
        // What the last one that was killed had claimed is found to be nobody's.
        stack.release_jobs();
        stack.run_job_queue_idle().await;
        stack.tick().await.unwrap();
        api(stack).all_items("/v1/values").await.unwrap()
    };
    let hour = || calm.clock().now_ms() / HOUR_MS;
    let (left, right) = loop {
        let began = hour();
        let both = (values(killed).await, values(calm).await);
        // Values say up to which hour they are; only those of one hour can be equal.
        if hour() == began {
            break both;
        }
    };
    assert!(!left.is_empty());
    assert_eq!(left, right);
    println!("{cut} were killed before their end");
    report("kill -9 of the binary", 0, u64::from(kills), 0);
    for stack in stacks {
        stack.stop().await;
    }
}
