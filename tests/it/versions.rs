//! Versions of fields: an edit makes a new one, no value of the old one is shown as the new one's, and what stood can be put back.

use crate::harness::{Reply, World, all_time, field, pick, two_accounts, used};
use pendo_simulator::{DEFAULT_APP, Kind};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const SEED: u64 = 41;

/// Two accounts with usage of three kinds on settled and young days.
async fn world() -> World {
    let world = two_accounts().await;
    for kind in [Kind::Event, Kind::Feature, Kind::Page] {
        let name = crate::reference::kind_name(kind);
        if kind != Kind::Event {
            world.pendo().add_object(kind, &format!("some-{name}"), "Some", DEFAULT_APP);
        }
        for (visitor, account, at, events) in [
            ("ann@x.test", "A-1", "2026-06-30T08:00:00Z", 1),
            ("ann@x.test", "A-1", "2026-06-27T08:00:00Z", 2),
            ("bob@x.test", "A-2", "2026-06-20T08:00:00Z", 4),
            ("bob@x.test", "A-2", "2026-03-01T08:00:00Z", 8),
            ("cyd@x.test", "A-1", "2025-11-01T08:00:00Z", 16),
        ] {
            world.pendo().inject(used(kind, visitor, Some(account), at, events));
        }
    }
    world
}

fn days(days: u32) -> Value {
    json!({"rolling_days": days, "complete_days": false})
}

async fn made(world: &World, definition: &Value) -> String {
    world.field(definition).await["id"].as_str().unwrap().to_owned()
}

async fn edit(world: &World, id: &str, definition: &Value) -> Reply {
    world.put(&format!("/v1/fields/{id}"), definition).await
}

async fn versions(world: &World, id: &str) -> Vec<Value> {
    world.get(&format!("/v1/fields/{id}/versions")).await.expect(200)["items"].as_array().unwrap().clone()
}

/// How many replaced versions stand in the table.
async fn kept(world: &World) -> usize {
    world.items().await.into_keys().filter(|(_, sort)| sort.starts_with("version#")).count()
}

/// The lines of a field by object, without what names field and version.
async fn lines(world: &World, field: &str) -> BTreeMap<(String, String), Value> {
    let mut found = BTreeMap::new();
    for ((object, id, name), mut line) in world.lines().await {
        if name == field {
            let members = line.as_object_mut().unwrap();
            assert!(members.remove("field").is_some() && members.remove("version").is_some());
            found.insert((object, id), line);
        }
    }
    found
}

#[tokio::test]
async fn values_after_an_edit_are_those_of_a_field_that_is_freshly_made_so() {
    let world = world().await;
    let of = |kind: &str, function: &str, window: &Value| field("Edited", "account", kind, function, window);
    let first = of("event", "count", &days(7));
    let id = made(&world, &first).await;
    assert_eq!(world.value("account", "A-1", "Edited").await, 3);
    let mut named = of("feature", "count", &all_time());
    named["usage"]["ids"] = json!(["some-feature"]);
    let month = json!({"calendar": "month", "offset": 1});
    let mut version = 1;
    for definition in [
        of("event", "count", &days(30)),
        of("event", "count", &all_time()),
        of("event", "distinct_visitors", &all_time()),
        of("event", "last_used", &all_time()),
        of("event", "active_days", &month),
        named,
        of("page", "trend", &json!({"rolling_days": 100})),
        of("page", "average_per_active_user", &days(100)),
        first.clone(),
    ] {
        version += 1;
        let answer = edit(&world, &id, &definition).await.expect(200);
        assert_eq!((&answer["id"], &answer["version"]), (&json!(id), &json!(version)), "{answer}");
        assert_eq!(answer["values_to_recompute"], 2, "one of each account");
        world.idle().await;
        let mut fresh = definition.clone();
        fresh["name"] = json!("Fresh");
        let fresh = made(&world, &fresh).await;
        let edited = lines(&world, "Edited").await;
        assert_eq!(edited.len(), 2);
        assert_eq!(edited, lines(&world, "Fresh").await, "{definition}");
        assert!(edited.values().all(|line| line["reason"] != "backfilling"), "{edited:?}");
        world.delete(&format!("/v1/fields/{fresh}")).await.expect(204);
        world.idle().await;
    }
    assert_eq!(world.value("account", "A-1", "Edited").await, 3, "what stood first is put back");
    let back = versions(&world, &id).await;
    assert_eq!((back.len(), &back[0]["definition"]), (10, &back[9]["definition"]));
}

#[tokio::test]
async fn until_it_is_evaluated_an_edited_field_has_no_value_and_a_renamed_one_keeps_its_own() {
    let world = world().await;
    let id = made(&world, &field("Uses", "account", "event", "count", &days(7))).await;
    let contact = made(&world, &field("Theirs", "contact", "event", "count", &days(7))).await;
    world.stack.hold_jobs();
    let renamed = edit(&world, &id, &field("Uses 7d", "account", "event", "count", &days(7))).await.expect(200);
    assert_eq!((&renamed["values_to_recompute"], &renamed["former_names"]), (&json!(0), &json!(["Uses"])));
    let line = world.line("account", "A-1", "Uses 7d").await;
    assert_eq!((&line["value"], &line["version"]), (&json!(3), &json!(2)), "a name is no reason to compute anew");

    edit(&world, &id, &field("Uses 7d", "account", "event", "count", &all_time())).await.expect(200);
    edit(&world, &contact, &field("Theirs", "contact", "event", "last_used", &days(7))).await.expect(200);
    for (object, one, name, version) in [("account", "A-1", "Uses 7d", 3), ("contact", "C-1", "Theirs", 2)] {
        let line = world.line(object, one, name).await;
        assert_eq!((&line["value"], &line["reason"]), (&Value::Null, &json!("backfilling")), "{line}");
        assert_eq!(line["version"], version);
    }
    assert_eq!(world.line("account", "A-1", "Uses 7d").await["from"], "2025-11-01T08:00:00Z", "the new window");
    let csv = world.get("/v1/values?object=account&format=csv").await.text;
    assert_eq!(csv, "object,id,Uses 7d\r\naccount,A-1,\r\naccount,A-2,\r\n");
    let explained = world.get("/v1/values/explain?object=account&id=A-1&field=Uses%207d").await.expect(200);
    assert_eq!((&explained["value"], &explained["total"]), (&Value::Null, &Value::Null));
    assert_eq!((&explained["version"], &explained["definition"]["version"]), (&json!(3), &json!(3)));
    // Back to what is on the pages, under another version: nothing vouches for it yet.
    edit(&world, &id, &field("Uses 7d", "account", "event", "count", &days(7))).await.expect(200);
    assert_eq!(world.value("account", "A-1", "Uses 7d").await, "backfilling");

    world.stack.release_jobs();
    world.idle().await;
    assert_eq!(world.value("account", "A-1", "Uses 7d").await, 3);
    assert_eq!(world.value("contact", "C-1", "Theirs").await, "2026-06-30T08:00:00.000Z");
    let explained = world.get("/v1/values/explain?object=account&id=A-1&field=Uses%207d").await.expect(200);
    assert_eq!((&explained["version"], &explained["is_current"]), (&json!(4), &json!(true)));
    assert_eq!(explained["total"]["events"], 3);
}

#[tokio::test]
async fn a_kind_that_no_field_has_used_is_read_from_the_edit_on() {
    let world = world().await;
    let id = made(&world, &field("Uses", "account", "event", "count", &all_time())).await;
    let answer = edit(&world, &id, &field("Uses", "account", "page", "count", &all_time())).await.expect(200);
    assert_eq!((&answer["backfill"]["kind"], &answer["backfill"]["rows"]), (&json!("page"), &json!(5)), "{answer}");
    world.idle().await;
    assert_eq!(world.value("account", "A-1", "Uses").await, 19);
    let back = edit(&world, &id, &field("Uses", "account", "event", "count", &all_time())).await.expect(200);
    assert_eq!(back["backfill"], Value::Null, "it was read before");
}

#[tokio::test]
async fn what_is_equal_or_impossible_makes_no_version_and_changes_nothing() {
    let world = world().await;
    let stands = field("Uses", "account", "feature", "count", &days(7));
    let id = made(&world, &stands).await;
    made(&world, &field("Taken", "account", "event", "count", &days(7))).await;
    let before = world.items().await;
    let tag = world.get(&format!("/v1/fields/{id}")).await.headers["etag"].clone();
    let same = edit(&world, &id, &stands).await;
    assert_eq!((same.expect(200)["version"].clone(), &same.headers["etag"]), (json!(1), &tag));
    let with = |member: &str, value: Value| {
        let mut definition = stands.clone();
        definition[member] = value;
        definition
    };
    for (definition, status, pointer) in [
        (with("object", json!("contact")), 422, "/object"),
        (with("name", json!("tAKEN")), 409, "/name"),
        (with("usage", json!({"kind": "feature", "ids": ["some-feature", "nobody-knows"]})), 422, "/usage/ids/1"),
        (with("window", json!({"rolling_days": 9_999})), 422, "/window/rolling_days"),
        (with("function", json!("total")), 422, "/function"),
        (with("id", json!("other")), 422, "/id"),
        (with("version", json!(1)), 422, "/version"),
    ] {
        let refused = edit(&world, &id, &definition).await.expect(status);
        assert_eq!(refused["pointer"], pointer, "{refused}");
        assert!(refused["detail"].as_str().is_some_and(|detail| detail.ends_with('.')), "{refused}");
    }
    assert_eq!(edit(&world, "nobody", &stands).await.expect(404)["type"], "/problems/unknown-field-id");
    assert_eq!(world.get("/v1/fields/nobody/versions").await.status, 404);
    world.idle().await;
    assert_eq!(world.items().await, before);
    let named = with("usage", json!({"kind": "feature", "ids": ["some-feature"]}));
    edit(&world, &id, &named).await.expect(200);
    world.pendo().remove_object("some-feature");
    let mut shorter = named.clone();
    shorter["window"] = days(6);
    edit(&world, &id, &shorter).await.expect(200);
    assert_eq!(edit(&world, &id, &stands).await.status, 200);
    assert_eq!(edit(&world, &id, &named).await.expect(422)["pointer"], "/usage/ids/0", "Pendo has it no more");
    world.idle().await;
}

#[tokio::test]
async fn of_two_editors_at_once_one_is_told_that_it_has_changed() {
    let world = world().await;
    let id = made(&world, &field("Uses", "account", "event", "count", &days(7))).await;
    let path = format!("/v1/fields/{id}");
    for round in 0..5 {
        let read = world.get(&path).await;
        let tag = read.headers["etag"].to_str().unwrap();
        let (one, other) = (10 + 2 * round, 11 + 2 * round);
        let send = async |days_of: u32| {
            let body = field("Uses", "account", "event", "count", &days(days_of));
            world.call(Method::PUT, &path, &[("if-match", tag)], &body).await
        };
        let (first, second) = tokio::join!(send(one), send(other));
        let mut statuses = [first.status, second.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412], "{} {}", first.text, second.text);
        let taken = if first.status == 200 { (one, &first) } else { (other, &second) };
        let stands = world.get(&path).await;
        assert_eq!(stands.headers["etag"], taken.1.headers["etag"]);
        assert_eq!(stands.json()["window"]["rolling_days"], taken.0);
        assert_eq!(stands.json()["version"], round + 2, "one version a round");
    }
    // Whoever does not say what they have read changes what stands, one after the other.
    let (twenty, thirty) =
        (field("Uses", "account", "event", "count", &days(20)), field("Uses", "account", "event", "count", &days(30)));
    let (one, other) = tokio::join!(edit(&world, &id, &twenty), edit(&world, &id, &thirty));
    assert_eq!((one.status, other.status), (200, 200));
    let listed: Vec<u64> = versions(&world, &id).await.iter().map(|one| one["version"].as_u64().unwrap()).collect();
    assert_eq!(listed, (1..=8).rev().collect::<Vec<_>>());
    world.idle().await;
}

#[tokio::test]
async fn versions_are_listed_newest_first_with_who_and_when_and_a_hundred_are_kept() {
    let world = world().await;
    let id = made(&world, &field("Uses", "account", "event", "count", &days(1))).await;
    world.stack.hold_jobs();
    for day in 2..=105 {
        world.stack.clock().advance_ms(1_000);
        edit(&world, &id, &field("Uses", "account", "event", "count", &days(day))).await.expect(200);
    }
    let page = world.get(&format!("/v1/fields/{id}/versions")).await.expect(200);
    assert_eq!((&page["dropped"], &page["next"]), (&json!(5), &Value::Null));
    let all = page["items"].as_array().unwrap();
    assert_eq!(all.len(), 100);
    for (at, version) in all.iter().enumerate() {
        let number = 105 - at as u64;
        assert_eq!((&version["version"], &version["is_current"]), (&json!(number), &json!(at == 0)), "{version}");
        assert_eq!(version["definition"]["window"]["rolling_days"], number);
        assert_eq!((&version["by"], &version["computes_since"]), (&json!("high@local"), &json!(number)));
        let seconds = number - 1;
        assert_eq!(version["at"], format!("2026-06-30T12:{:02}:{:02}.000Z", 30 + seconds / 60, seconds % 60));
    }
    assert_eq!(kept(&world).await, 99, "the one that stands is with the fields");
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = world.get(&format!("/v1/fields/{id}/versions?limit=30{cursor}")).await.expect(200);
        assert!(page["items"].as_array().unwrap().len() <= 30);
        seen.extend(page["items"].as_array().unwrap().clone());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, *all);
    let lines = world.get("/v1/audit?limit=1").await.expect(200)["items"][0].clone();
    assert_eq!((&lines["operation"], &lines["resource"]), (&json!("edit"), &json!(format!("fields/{id}"))));
    assert_eq!((&lines["by"], &lines["at"]), (&all[0]["by"], &all[0]["at"]));
    assert_eq!((&lines["before"], &lines["after"]), (&all[1]["definition"], &all[0]["definition"]));
    for odd in ["limit=0", "limit=101", "cursor=***", "cursor=YWJj"] {
        assert_eq!(world.get(&format!("/v1/fields/{id}/versions?{odd}")).await.status, 422, "{odd}");
    }
    world.delete(&format!("/v1/fields/{id}")).await.expect(204);
    assert_eq!(kept(&world).await, 0, "they go with the field");
}

#[tokio::test]
async fn versions_go_with_a_purge_and_those_of_the_next_connection_stay() {
    let world = world().await;
    let id = made(&world, &field("Uses", "account", "event", "count", &days(1))).await;
    edit(&world, &id, &field("Uses", "account", "event", "count", &days(2))).await.expect(200);
    world.idle().await;
    assert_eq!(kept(&world).await, 1);
    world.stack.hold_jobs();
    world.delete("/v1/connection?data=purge").await.expect(202);
    let key = json!({"region": "us", "integration_key": world.pendo().key()});
    world.post("/v1/connection", &key).await.expect(201);
    world.upload_as("accounts", "text/csv", "id\nA-1\n").await.expect(200);
    world.put("/v1/matching", &crate::harness::both_levels()).await.expect(200);
    let body = field("Uses", "account", "event", "count", &days(1));
    let next = world.post("/v1/fields", &body).await.expect(201)["id"].as_str().unwrap().to_owned();
    edit(&world, &next, &field("Uses", "account", "event", "count", &days(3))).await.expect(200);
    assert_eq!(kept(&world).await, 2);
    world.stack.release_jobs();
    world.idle().await;
    let left: Vec<_> = world.items().await.into_keys().filter(|(_, sort)| sort.starts_with("version#")).collect();
    assert!(left.len() == 1 && left[0].1.contains(&next), "{left:?}");
}

#[tokio::test]
async fn random_edits_by_several_at_once_leave_versions_that_tell_each_change_once() {
    let world = world().await;
    let definition = |(name, window, function): (usize, u32, usize)| {
        let name = ["Uses", "USES", "Used"][name];
        field(name, "account", "event", ["count", "active_days"][function], &days(window))
    };
    let mut runner =
        TestRunner::new(Config { rng_seed: RngSeed::Fixed(SEED), failure_persistence: None, ..Config::default() });
    let drawn = prop::collection::vec((0..3_usize, 1..3_u32, 0..2_usize), 1..4);
    let id = made(&world, &definition((0, 1, 0))).await;
    let mut told = BTreeMap::from([(1, definition((0, 1, 0)))]);
    world.patch("/v1/connection", &json!({"paused": true})).await.expect(200);
    for _ in 0..pick(25, 1_000) {
        let edits = drawn.new_tree(&mut runner).unwrap().current();
        let sent: Vec<Value> = edits.into_iter().map(definition).collect();
        let replies = futures_util::future::join_all(sent.iter().map(|body| edit(&world, &id, body))).await;
        for (body, reply) in sent.iter().zip(replies) {
            if reply.status == 409 {
                assert_eq!(reply.json()["type"], "/problems/changed-meanwhile", "{}", reply.text);
                continue;
            }
            // Whoever changed something and whoever found it so both name the version under which it stands.
            let version = reply.expect(200)["version"].as_u64().unwrap();
            assert_eq!(told.entry(version).or_insert_with(|| body.clone()), body, "version {version}");
        }
    }
    assert!(told.keys().copied().eq(1..=told.len() as u64), "each version was answered: {:?}", told.keys());
    let last = told.len() as u64;
    let listed = versions(&world, &id).await;
    assert_eq!(listed.len() as u64, last.min(100));
    for version in &listed {
        let number = version["version"].as_u64().unwrap();
        let (stood, since) = (&told[&number], version["computes_since"].as_u64().unwrap());
        assert_eq!(version["definition"], *stood);
        let computes = |number: u64| (&told[&number]["window"], &told[&number]["function"]);
        assert!((since..=number).all(|other| computes(other) == computes(number)), "{number} since {since}");
        assert!(since == 1 || computes(since - 1) != computes(since), "{number} since {since}");
    }
    world.patch("/v1/connection", &json!({"paused": false})).await.expect(200);
    world.idle().await;
    let mut fresh = told[&last].clone();
    fresh["name"] = json!("Fresh");
    made(&world, &fresh).await;
    assert_eq!(lines(&world, told[&last]["name"].as_str().unwrap()).await, lines(&world, "Fresh").await);
    println!("random edits: seed {SEED}, n {last} versions, failures 0");
}
