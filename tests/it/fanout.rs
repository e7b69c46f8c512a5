//! Ticks, jobs and claims: whatever comes twice, late, side by side or not at all, each hour is served once.

use crate::harness::{NOW, World, all_time, both_levels, field, ms, two_accounts, used};
use crate::resilience::{agrees, prepared, rows, unpause_in_the_table};
use local::tokens::Tokens;
use local::worker::Job as Message;
use pendo_simulator::{Faults, Kind};
use reqwest::Method;
use serde_json::json;
use shared::queue::Job;
use shared::sync::RunEnd;
use shared::sync::checkpoint::Checkpoint;
use shared::sync::claim::Claim;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::task::JoinSet;

/// Makes a workspace's checkpoint unreadable.
async fn garble(world: &World, workspace: &str) {
    let table = || world.stack.clients().dynamodb.put_item().table_name(local::database::TABLE);
    let pages = world.stack.clients().dynamodb.scan().table_name(local::database::TABLE).into_paginator().send();
    let pages = pages.try_collect().await.unwrap();
    let is_it = |key: &str| key.starts_with(&format!("{workspace}#"));
    let items = pages.iter().flat_map(|page| page.items()).cloned();
    for mut item in items.filter(|item| is_it(item["pk"].as_s().unwrap()) && item["sk"].as_s().unwrap() == "checkpoint")
    {
        let body = item["body"].clone();
        item.insert("format".to_owned(), body);
        table().set_item(Some(item)).send().await.unwrap();
    }
}

async fn mapped() -> World {
    let world = two_accounts().await;
    world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-06-30T08:00:00Z", 3));
    world.field(&field("Events", "account", "event", "count", &all_time())).await;
    world
}

#[tokio::test]
async fn a_hundred_messages_of_one_tick_are_one_run_and_by_hand_it_always_runs() {
    let world = mapped().await;
    world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-06-30T09:00:00Z", 5));
    world.stack.tick_at(ms("2026-06-30T12:20:41Z")).await.unwrap();
    assert_eq!(world.value("account", "A-1", "Events").await, 8);
    world.pendo().clear_requests();
    let before = world.items().await;
    for _ in 0..99 {
        world.stack.tick_at(ms("2026-06-30T12:20:07Z")).await.unwrap();
    }
    world.stack.tick_at(ms("2026-06-30T11:20:00Z")).await.unwrap();
    assert_eq!(
        (world.pendo().requests().len(), world.items().await),
        (0, before),
        "nothing was asked and nothing written"
    );
    world.post("/v1/sync", &serde_json::json!({})).await.expect(202);
    world.idle().await;
    assert!(!world.pendo().requests().is_empty());
    world.pendo().clear_requests();
    world.stack.tick_at(ms(NOW)).await.unwrap();
    assert!(!world.pendo().requests().is_empty(), "the next tick runs");
}

/// Another run's claim on history, as if that run were still at it: it lives until this is dropped.
async fn claimed_by_another(world: &World) -> JoinSet<()> {
    let (store, workspace) = (world.stack.context().store.clone(), world.workspace());
    let connection = store.connection_get(&workspace).await.unwrap().unwrap().value;
    let claim = Claim { token: "another".to_owned(), is_held: true, ..Claim::default() };
    let claim = |checkpoint: &mut Checkpoint| checkpoint.claim = Some(claim.clone());
    store.checkpoint_change(&workspace, &connection.id, claim).await.unwrap();
    let mut alive = JoinSet::new();
    alive.spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let beat = |checkpoint: &mut Checkpoint| checkpoint.claim.iter_mut().for_each(|claim| claim.beats += 1);
            store.checkpoint_change(&workspace, &connection.id, beat).await.unwrap();
        }
    });
    alive
}

/// Probes of all history that reached Pendo.
fn probes_by_day(world: &World) -> usize {
    world.pendo().requests().iter().filter(|request| request.body.contains("86400000")).count()
}

#[tokio::test]
async fn while_one_run_reads_history_another_serves_the_hour_and_leaves_the_days_to_it() {
    let world = mapped().await;
    world.advance(6 * 24);
    world.tick().await;
    world.advance(36);
    world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-07-07T20:00:00Z", 5));
    world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-03-01T08:00:00Z", 100));
    let other = claimed_by_another(&world).await;
    world.pendo().clear_requests();
    world.tick().await;
    assert_eq!((world.value("account", "A-1", "Events").await, probes_by_day(&world)), (8.into(), 0), "the hour only");
    assert!(world.checkpoint().await.claim.unwrap().is_wanted, "the other one will look again");
    assert!(!world.checkpoint().await.last_run.unwrap().is_complete);
    // The clock stands, as one in trouble may: only what the holder counts says that it lives.
    drop(other);
    world.tick().await;
    assert_eq!(world.value("account", "A-1", "Events").await, 108, "a holder that is gone holds nobody up");
    assert!(probes_by_day(&world) > 0);
}

#[tokio::test]
async fn before_anything_is_covered_a_second_run_leaves_all_to_the_one_that_reads() {
    let world = prepared(&rows(240)).await;
    unpause_in_the_table(&world).await;
    let other = claimed_by_another(&world).await;
    world.pendo().clear_requests();
    world.tick().await;
    assert_eq!(world.usage_requests(), 0);
    drop(other);
    world.tick().await;
    agrees(&world).await;
}

#[tokio::test]
async fn runs_side_by_side_read_each_day_of_history_once() {
    let mut fetches = Vec::new();
    for is_alone in [true, false] {
        let world = prepared(&rows(240)).await;
        unpause_in_the_table(&world).await;
        let (context, workspace) = (world.stack.context().clone(), world.workspace());
        let run = || shared::sync::run(&context, &workspace, None);
        let ends = if is_alone {
            vec![run().await.unwrap()]
        } else {
            let (one, two, three) = tokio::join!(run(), run(), run());
            vec![one.unwrap(), two.unwrap(), three.unwrap()]
        };
        fetches.push(world.fetches());
        assert_eq!(ends.contains(&RunEnd::Continues), !is_alone, "whoever was wanted looks once more: {ends:?}");
        agrees(&world).await;
    }
    assert_eq!(fetches[0], fetches[1]);
}

#[tokio::test]
async fn pausing_stops_history_between_two_windows_and_going_on_reads_the_rest() {
    let world = World::empty().await;
    let day = |n: i64| format!("2026-0{}-{:02}T08:00:00Z", 3 + n / 28, 1 + n % 28);
    let use_it = |n: i64, events| world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), &day(n), events));
    (0..48).for_each(|n| use_it(n, 1));
    world.connect().await;
    world.upload("accounts", "id\nA-1\n").await;
    world.match_both().await;
    world.field(&field("Events", "account", "event", "count", &all_time())).await;
    // Every other day differs from now on, so that each of them is a window of its own.
    (0..24).for_each(|n| use_it(n * 2, 2));
    world.advance(7 * 24);
    world.pendo().clear_requests();
    world.pendo().set_faults(Faults { slow_every: 1, slow_ms: 150, ..Faults::default() });
    world.post("/v1/sync", &json!({})).await.expect(202);
    while world.fetches() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    world.patch("/v1/connection", &json!({"paused": true})).await.expect(200);
    world.idle().await;
    let stopped = world.fetches();
    assert!(stopped < 12, "{stopped} of 24 windows");
    world.pendo().set_faults(Faults::default());
    world.patch("/v1/connection", &json!({"paused": false})).await.expect(200);
    world.idle().await;
    assert_eq!(world.value("account", "A-1", "Events").await, 48 + 2 * 24);
    assert!(world.fetches() <= 24 + stopped, "what was stored is not read again");
}

#[tokio::test]
async fn a_connection_whose_pendo_is_silent_rests_says_so_and_recovers() {
    let world = mapped().await;
    world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-06-30T09:00:00Z", 5));
    world.pendo().set_faults(Faults { too_many_every: 1, retry_after_seconds: Some(0), ..Faults::default() });
    let tick = async |minutes: i64| {
        world.stack.clock().advance_ms(minutes * 60_000);
        world.pendo().clear_requests();
        world.stack.tick_at(world.stack.clock().now_ms()).await.unwrap();
        world.idle().await;
        world.pendo().requests().len()
    };
    assert!(tick(0).await > 0, "the queue gives the job out three times");
    let outage = world.status().await["outage"].clone();
    let shown = (&outage["runs"], &outage["since"], &outage["until"]);
    assert_eq!(shown, (&json!(3), &json!("2026-06-30T12:30:00Z"), &json!("2026-06-30T13:30:00Z")), "{outage}");
    let status = world.status().await;
    let sentence = "Pendo has not answered since 2026-06-30T12:30:00Z, 3 runs in a row";
    assert!(status["next_step"].as_str().unwrap().starts_with(sentence), "{status}");
    assert_eq!(status["next_run_at"], "2026-06-30T14:20:00Z");
    assert_eq!((tick(30).await, tick(29).await), (0, 0), "it rests");
    assert!(tick(1).await > 0, "and tries again after an hour");
    assert_eq!((tick(60).await, tick(59).await), (0, 0), "then it rests for two");
    world.pendo().clear_requests();
    world.post("/v1/sync", &json!({})).await.expect(202);
    world.idle().await;
    assert!(!world.pendo().requests().is_empty(), "by hand it is asked at once");
    world.pendo().set_faults(Faults::default());
    world.post("/v1/sync", &json!({})).await.expect(202);
    world.idle().await;
    let status = world.status().await;
    assert_eq!((&status["outage"], &status["is_complete"]), (&json!(null), &json!(true)), "{status}");
    assert_eq!(world.value("account", "A-1", "Events").await, 8);
    assert!(tick(60).await > 0);
}

#[tokio::test]
async fn workspaces_that_fail_cost_a_healthy_one_nothing() {
    let world = mapped().await;
    let (stack, store) = (&world.stack, &world.stack.context().store);
    for name in ["gone", "garbled", "away"] {
        let token = stack.tokens().sign(&Tokens::claims(name, "high")).unwrap();
        let json_type = Some("application/json");
        let call = async |method, path: &str, body: serde_json::Value| {
            world.call_as(&token, method, path, json_type, body.to_string()).await.status
        };
        let key = json!({"region": "us", "integration_key": world.pendo().key()});
        assert_eq!(call(Method::POST, "/v1/connection", key).await, 201);
        assert_eq!(call(Method::PUT, "/v1/matching", both_levels()).await, 200);
        let definition = field("Events", "account", "event", "count", &all_time());
        assert_eq!(call(Method::POST, "/v1/fields", definition).await, 201);
        world.idle().await;
        let workspace = shared::id::WorkspaceId::parse(name).unwrap();
        let stands = store.connection_get(&workspace).await.unwrap().unwrap();
        let mut connection = stands.value;
        match name {
            "gone" => stack.context().secrets.delete(&connection.secret).await.unwrap(),
            "away" => connection.base_url = "http://127.0.0.1:1".to_owned(),
            _ => garble(&world, name).await,
        }
        store.connection_put(&workspace, &connection, stands.version).await.unwrap();
    }
    world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-06-30T09:00:00Z", 5));
    stack.functions().sync(json!({"scheduled_time": NOW})).await.unwrap();
    let idle = stack.run_job_queue_idle();
    let healthy = async {
        while world.value("account", "A-1", "Events").await != 8 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        biased;
        () = healthy => {}
        () = idle => assert_eq!(world.value("account", "A-1", "Events").await, 8),
    }
    stack.run_job_queue_idle().await;
    let dead: BTreeSet<String> = stack.dead_letters().into_iter().map(|job| job.group).collect();
    assert_eq!(dead, ["garbled".to_owned(), "gone".to_owned()].into(), "a silent Pendo is no dead letter");
}

#[tokio::test]
async fn a_message_that_is_no_job_is_a_dead_letter_and_stops_nobody() {
    let world = mapped().await;
    let (lines, items) = (world.lines().await, world.items().await);
    let deep = "[".repeat(100_000);
    let bad = [
        "",
        "no job",
        "null",
        "[]",
        "{}",
        &deep,
        r#"{"job":"drop","workspace":"local"}"#,
        r#"{"job":"sync"}"#,
        r#"{"job":"sync","workspace":""}"#,
        r#"{"job":"sync","workspace":"local#directory"}"#,
        r#"{"job":"sync","workspace":7}"#,
        r#"{"job":"sync","workspace":"local","hop":-1}"#,
        r#"{"job":"sync","workspace":"local","tick":"now"}"#,
        r#"{"job":"sync","workspace":"local","hop":0,"more":1}"#,
        r#"{"job":"purge","workspace":"local","secret":"pendo-usage/of-another"}"#,
        r#"{"job":"evaluate"}"#,
    ];
    for (n, body) in bad.iter().enumerate() {
        let (message_id, body, group) = (n.to_string(), (*body).to_owned(), "local".to_owned());
        world.stack.queue().send(Message { message_id, body, group, delay: Duration::ZERO });
    }
    world.stack.run_job_queue_idle().await;
    let dead: BTreeSet<String> = world.stack.dead_letters().into_iter().map(|job| job.body).collect();
    assert_eq!(dead, bad.iter().map(|body| (*body).to_owned()).collect());
    assert_eq!((world.lines().await, world.items().await), (lines, items));

    // In one batch with a good one, only the others come again. Of a workspace that nobody knows there is nothing to do.
    world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-06-30T09:00:00Z", 5));
    let unknown = r#"{"job":"sync","workspace":"nobody"}"#;
    let good = serde_json::to_string(&Job::sync(&world.workspace())).unwrap();
    let record =
        |(n, body): (usize, &&str)| json!({"messageId": n.to_string(), "body": body, "eventSource": "aws:sqs"});
    let records: Vec<_> = [bad[1], unknown, &good, bad[6]].iter().enumerate().map(record).collect();
    let answer = world.stack.functions().sync(json!({"Records": records})).await.unwrap();
    assert_eq!(answer["batchItemFailures"], json!([{"itemIdentifier": "0"}, {"itemIdentifier": "3"}]));
    assert_eq!(world.value("account", "A-1", "Events").await, 8);
}

#[tokio::test]
async fn a_dead_letter_that_is_redriven_after_many_days_changes_nothing() {
    let world = mapped().await;
    world.stack.tick_at(ms(NOW)).await.unwrap();
    for _ in 0..20 {
        world.advance(24);
        world.stack.tick_at(world.stack.clock().now_ms()).await.unwrap();
    }
    let redrive = async |job: &Job| {
        let body = serde_json::to_string(job).unwrap();
        let group = "local".to_owned();
        world.stack.queue().send(Message { message_id: "redriven".to_owned(), body, group, delay: Duration::ZERO });
        world.idle().await;
    };
    let workspace = "local".to_owned();
    let (lines, items) = (world.lines().await, world.items().await);
    redrive(&Job::Sync { workspace: workspace.clone(), hop: 0, tick: Some(ms(NOW)) }).await;
    assert_eq!(world.items().await, items, "a tick that is done is not even looked at");
    let others = [
        Job::Sync { workspace: workspace.clone(), hop: 7, tick: None },
        Job::Evaluate { workspace: workspace.clone() },
        Job::Purge { workspace, hop: 3 },
    ];
    for job in others {
        redrive(&job).await;
        let mut now = world.items().await;
        let mut before = items.clone();
        for items in [&mut now, &mut before] {
            items.retain(|(_, sort), _| sort != "checkpoint");
        }
        assert_eq!((world.lines().await, now), (lines.clone(), before), "{job:?}");
    }
}

#[tokio::test]
async fn how_much_there_is_to_read_is_said_before_and_when_a_kind_is_mapped() {
    let world = two_accounts().await;
    for at in ["2026-06-30T08:00:00Z", "2026-06-30T09:00:00Z", "2026-02-03T09:00:00Z"] {
        world.pendo().inject(used(Kind::Page, "ann@x.test", Some("A-1"), at, 3));
    }
    let said = world.get("/v1/pendo/estimate?kind=page").await.expect(200);
    assert_eq!(
        (&said["days"], &said["rows"], &said["first_day"]),
        (&json!(2), &json!(3), &json!("2026-02-03")),
        "{said}"
    );
    assert!(said["seconds"].as_f64().unwrap() > 0.0 && said["dollars"].as_f64().unwrap() > 0.0, "{said}");
    assert_eq!(world.get("/v1/pendo/estimate").await.status, 422);
    assert_eq!(world.fetches(), 0);
    let views = |name: &str| field(name, "account", "page", "count", &all_time());
    let created = world.field(&views("Views")).await;
    assert_eq!((&created["backfill"]["rows"], &created["backfill"]["reason"]), (&json!(3), &json!(null)), "{created}");
    assert_eq!(world.field(&views("More")).await["backfill"], json!(null), "it is read already");
    world.pendo().set_faults(Faults { too_many_every: 1, retry_after_seconds: Some(0), ..Faults::default() });
    let clicks =
        world.post("/v1/fields", &field("Clicks", "account", "feature", "count", &all_time())).await.expect(201);
    assert_eq!(clicks["backfill"]["rows"], json!(null));
    assert!(clicks["backfill"]["reason"].as_str().unwrap().contains("slow down"), "{clicks}");
}
