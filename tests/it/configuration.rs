//! The configuration as one file: out of one workspace and into another, all of it or nothing.

use crate::harness::{Reply, World, all_time, both_levels, field, two_accounts, used};
use local::tokens::Tokens;
use pendo_simulator::{DEFAULT_APP, Kind};
use reqwest::Method;
use serde_json::{Value, json};
use shared::configuration::Configuration;
use shared::fields::Field;
use shared::matching::{KeptMatching, Matching};
use shared::store::StoreError;
use shared::store::configuration::Wanted;

const FILE: &str = "/v1/configuration";

fn export_7d() -> Value {
    let mut field =
        field("Exports 7d", "account", "feature", "count", &json!({"rolling_days": 7, "complete_days": false}));
    field["usage"]["ids"] = json!(["export"]);
    field
}

/// Matched on both levels, with three fields.
async fn configured() -> World {
    let world = two_accounts().await;
    world.pendo().add_object(Kind::Feature, "export", "Export", DEFAULT_APP);
    world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-06-28T08:00:00Z", 3));
    let month = json!({"calendar": "month", "offset": 1});
    world
        .fields(&[
            export_7d(),
            field("Active days", "contact", "event", "active_days", &month),
            field("MAU", "account", "event", "distinct_visitors", &json!({"rolling_days": 30})),
        ])
        .await;
    world
}

async fn file(world: &World) -> Value {
    world.get(FILE).await.expect(200)
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|field| field["name"].as_str().unwrap()).collect()
}

fn tag(reply: &Reply) -> String {
    reply.headers["etag"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_is_exported_makes_another_workspace_the_same() {
    let world = configured().await;
    let exported = file(&world).await;
    assert_eq!(exported["format"], 1);
    assert_eq!(names(&exported["fields"]), ["Exports 7d", "MAU", "Active days"], "by level and name");
    assert_eq!(exported["matching"], both_levels_shown());
    for hidden in ["key", "id\":", "A-1", "ann@x.test", "version"] {
        assert!(!exported.to_string().contains(&format!("\"{hidden}")), "{hidden}: {exported}");
    }
    // The same Pendo, another workspace.
    let token = world.stack.tokens().sign(&Tokens::claims("second", "high")).unwrap();
    let send = async |method: Method, path: &str, body: &Value| {
        world.call_with(&token, method, path, &[("content-type", "application/json")], body.to_string()).await
    };
    let empty = send(Method::GET, FILE, &Value::Null).await.expect(200);
    assert_eq!(empty, json!({"format": 1, "fields": []}));
    assert_eq!(send(Method::PUT, FILE, &exported).await.expect(409)["type"], "/problems/not-connected");
    let key = json!({"region": "us", "integration_key": world.pendo().key()});
    send(Method::POST, "/v1/connection", &key).await.expect(201);
    world.call_with(&token, Method::PUT, "/v1/directory/accounts", &[("content-type", "text/csv")], "id\nA-1\n").await;
    let taken = send(Method::PUT, FILE, &exported).await.expect(200);
    assert_eq!((&taken["status"], &taken["matching"]["before"]), (&json!("saved"), &Value::Null));
    assert_eq!(taken["fields"]["created"], exported["fields"]);
    let kinds: Vec<&Value> = taken["backfills"].as_array().unwrap().iter().map(|begun| &begun["kind"]).collect();
    assert_eq!((json!(kinds), &taken["values_to_recompute"]), (json!(["event", "feature"]), &json!(2)), "{taken}");
    let copied = send(Method::GET, FILE, &Value::Null).await.expect(200);
    assert_eq!(copied, exported);
    world.idle().await;
    let value = send(Method::GET, "/v1/values?field=MAU", &Value::Null).await.expect(200);
    assert_eq!(value["items"][0]["value"], 1, "and it is evaluated");
    assert_eq!(file(&world).await, exported);
}

fn both_levels_shown() -> Value {
    let mut both = both_levels();
    both["account"]["ignore_case"] = json!(false);
    both
}

#[tokio::test]
async fn a_file_that_says_what_stands_writes_nothing() {
    let world = configured().await;
    let exported = world.get(FILE).await;
    let before = world.items().await;
    let part = json!({"format": 1, "fields": [exported.json()["fields"][1]]});
    for (path, body) in [
        (FILE.to_owned(), exported.json()),
        (format!("{FILE}?prune=true"), exported.json()),
        (FILE.to_owned(), part),
        (FILE.to_owned(), json!({"format": 1, "matching": both_levels()})),
        (FILE.to_owned(), json!({"format": 1})),
    ] {
        let answer = world.put(&path, &body).await;
        let said = answer.expect(200);
        assert_eq!((&said["status"], &said["values_to_recompute"]), (&json!("unchanged"), &json!(0)), "{path}: {said}");
        assert_eq!(tag(&answer), tag(&exported));
    }
    world.idle().await;
    assert_eq!(world.items().await, before);
}

/// What one of the files below is refused for.
fn bad_files() -> Vec<(Value, u16, &'static str)> {
    let good = field("Good", "account", "event", "count", &all_time());
    let with = |member: &str, value: Value| {
        let mut bad = field("Bad", "account", "feature", "count", &all_time());
        bad[member] = value;
        json!({"format": 1, "fields": [good, bad]})
    };
    let rule = |matching: Value| json!({"format": 1, "matching": matching, "fields": [good]});
    let account = json!({"account": "accountId", "object": "id"});
    let many: Vec<Value> =
        (0..200).map(|n| field(&format!("F {n}"), "account", "event", "count", &all_time())).collect();
    vec![
        (with("window", json!({"rolling_days": 0})), 422, "/fields/1/window/rolling_days"),
        (with("usage", json!({"kind": "feature", "ids": ["export", "unheard-of"]})), 422, "/fields/1/usage/ids/1"),
        (with("name", json!("gOOD")), 422, "/fields/1/name"),
        (with("nobody_knows", json!(1)), 422, "/fields/1/nobody_knows"),
        (json!({"format": 1, "fields": many}), 409, "/fields"),
        (json!({"format": 2, "fields": [good]}), 422, "/format"),
        (json!({"fields": [good]}), 422, "/format"),
        (json!({"format": 1, "fields": [good], "key": "x"}), 422, "/key"),
        (rule(json!({"account": account})), 409, "/matching/contact"),
        (rule(json!({})), 422, "/matching"),
        (
            rule(json!({"account": account, "contact": {"visitor": "metadata.agent.nothing", "object": "email"}})),
            422,
            "/matching/contact/visitor",
        ),
        (
            rule(
                json!({"account": {"account": "accountId", "object": "nothing"}, "contact": both_levels()["contact"]}),
            ),
            422,
            "/matching/account/object",
        ),
    ]
}

#[tokio::test]
async fn a_file_with_one_thing_wrong_changes_nothing_and_is_told_where() {
    let world = configured().await;
    let before = world.items().await;
    for (body, status, pointer) in bad_files() {
        for path in [FILE.to_owned(), format!("{FILE}?dry_run=true"), format!("{FILE}?prune=true&dry_run=false")] {
            // Where nothing else stays, two hundred fit, and no field is of contacts.
            if path.contains("prune") && status == 409 {
                continue;
            }
            let refused = world.put(&path, &body).await.expect(status);
            assert_eq!(refused["pointer"], pointer, "{refused}");
            assert!(refused["detail"].as_str().is_some_and(|detail| detail.ends_with(['.', '?'])), "{refused}");
        }
    }
    for (query, body) in
        [("prune=true", json!({"format": 1})), ("dry_run=1", json!({"format": 1})), ("only=x", json!({}))]
    {
        let name = query.split('=').next().unwrap();
        let refused = world.put(&format!("{FILE}?{query}"), &body).await.expect(422);
        assert_eq!(refused["pointer"], format!("?{name}"), "{refused}");
    }
    world.idle().await;
    assert_eq!(world.items().await, before);
    // The level that a field needs may come with the same file, and must come with one of them.
    let world = World::empty().await;
    world.connect().await;
    let contacts = field("Theirs", "contact", "event", "count", &all_time());
    let alone = json!({"format": 1, "fields": [contacts]});
    let before = world.items().await;
    let refused = world.put(FILE, &alone).await.expect(409);
    assert_eq!(
        (&refused["type"], &refused["pointer"]),
        (&json!("/problems/level-not-matched"), &json!("/fields/0/object"))
    );
    assert_eq!(world.items().await, before);
    world.put(FILE, &json!({"format": 1, "matching": both_levels(), "fields": [contacts]})).await.expect(200);
    world.idle().await;
}

#[tokio::test]
async fn a_dry_run_tells_what_would_be_changed_and_the_same_is_changed_then() {
    let world = configured().await;
    let exported = world.get(FILE).await;
    let mut wanted = exported.json();
    let fields = wanted["fields"].as_array_mut().unwrap();
    assert_eq!(fields.remove(0)["name"], "Exports 7d");
    fields[0]["window"] = json!({"rolling_days": 28, "complete_days": true});
    fields.push(field("Pages", "account", "page", "count", &all_time()));
    let before = world.items().await;
    let dry = world.put(&format!("{FILE}?dry_run=true"), &wanted).await;
    let said = dry.expect(200);
    world.idle().await;
    assert_eq!((&said["status"], world.items().await), (&json!("dry_run"), before.clone()));
    assert_eq!(tag(&dry), tag(&exported), "what stands still stands");
    assert_eq!(names(&said["fields"]["created"]), ["Pages"]);
    let [change] = said["fields"]["changed"].as_array().unwrap().as_slice() else { panic!("{said}") };
    assert_eq!((&change["before"], &change["after"]), (&exported.json()["fields"][1], &wanted["fields"][0]));
    assert_eq!(names(&said["fields"]["unchanged"]), ["Active days"]);
    assert_eq!((names(&said["fields"]["not_in_file"]), &said["fields"]["deleted"]), (vec!["Exports 7d"], &json!([])));
    assert_eq!((&said["matching"]["is_changed"], &said["values_to_recompute"]), (&json!(false), &json!(4)));
    assert_eq!(said["backfills"][0]["kind"], "page");

    let pruned = world.put(&format!("{FILE}?dry_run=true&prune=true"), &wanted).await.expect(200);
    assert_eq!(
        (names(&pruned["fields"]["deleted"]), &pruned["fields"]["not_in_file"]),
        (vec!["Exports 7d"], &json!([]))
    );
    assert_eq!(world.items().await, before);

    world.stack.clock().advance_ms(1_000);
    let done = world.put(&format!("{FILE}?prune=true"), &wanted).await;
    let answered = done.expect(200);
    assert_eq!((&answered["status"], &answered["fields"]), (&json!("saved"), &pruned["fields"]));
    assert_eq!(tag(&done), tag(&world.get(FILE).await));
    world.idle().await;
    assert_eq!(names(&file(&world).await["fields"]), ["MAU", "Pages", "Active days"]);
    assert_eq!(world.line("account", "A-1", "MAU").await["version"], 2);
    assert_eq!(world.value("account", "A-1", "MAU").await, 1);
    assert_eq!(world.put(FILE, &wanted).await.expect(200)["status"], "unchanged");

    // One line tells of all of it, and who changed a field is told by its version too.
    let line = world.get("/v1/audit?limit=1").await.expect(200)["items"][0].clone();
    assert_eq!((&line["operation"], &line["resource"]), (&json!("import"), &json!("configuration")));
    assert_eq!(names(&line["before"]["fields"]), ["MAU", "Exports 7d"]);
    assert_eq!(names(&line["after"]["fields"]), ["MAU", "Pages"]);
    assert!(line["after"].get("matching").is_none(), "{line}");
    let listed = world.get("/v1/fields").await.expect(200);
    let mau = listed["items"].as_array().unwrap().iter().find(|field| field["name"] == "MAU").unwrap();
    let versions = world.get(&format!("/v1/fields/{}/versions", mau["id"].as_str().unwrap())).await.expect(200);
    assert_eq!((&versions["items"][0]["by"], &versions["items"][0]["at"]), (&line["by"], &line["at"]));
    assert_eq!(versions["items"][1]["definition"], change["before"]);
}

#[tokio::test]
async fn a_matching_that_comes_with_a_file_moves_values_and_goes_back() {
    let world = configured().await;
    let exported = file(&world).await;
    assert_eq!(world.value("account", "A-1", "MAU").await, 1);
    let by_name = json!({"account": {"account": "accountId", "object": "name"}, "contact": both_levels()["contact"]});
    let answer = world.put(FILE, &json!({"format": 1, "matching": by_name})).await.expect(200);
    assert_eq!((&answer["matching"]["is_changed"], &answer["values_to_recompute"]), (&json!(true), &json!(6)));
    world.idle().await;
    assert_eq!(world.value("account", "A-1", "MAU").await, "unmatched");
    let back = world.put(FILE, &exported).await.expect(200);
    assert_eq!(back["fields"]["created"], json!([]));
    world.idle().await;
    assert_eq!((world.value("account", "A-1", "MAU").await, file(&world).await), (json!(1), exported));
}

#[tokio::test]
async fn of_two_who_send_a_file_at_once_one_is_told_that_it_has_changed() {
    let world = configured().await;
    for round in 0..5 {
        let read = world.get(FILE).await;
        let stands = tag(&read);
        let send = async |days: u32| {
            let mut body = read.json();
            body["fields"][1]["window"] = json!({"rolling_days": days});
            world.call(Method::PUT, FILE, &[("if-match", &stands)], &body).await
        };
        let (one, other) = tokio::join!(send(2 * round + 40), send(2 * round + 41));
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412], "{} {}", one.text, other.text);
    }
    // A tag is of both: a field or a rule that somebody else changes is a change of the file.
    let stands = tag(&world.get(FILE).await);
    let by_name = json!({"account": {"account": "accountId", "object": "name"}, "contact": both_levels()["contact"]});
    world.put("/v1/matching", &by_name).await.expect(200);
    let body = json!({"format": 1, "fields": [field("New", "account", "event", "count", &all_time())]});
    assert_eq!(world.call(Method::PUT, FILE, &[("if-match", &stands)], &body).await.status, 412);
    world.idle().await;
}

#[tokio::test]
async fn what_somebody_else_has_changed_meanwhile_stops_all_of_it_also_where_the_file_leaves_it_alone() {
    let world = configured().await;
    let (store, workspace) = (&world.stack.context().store, world.workspace());
    let matching = store.matching_kept_get(&workspace).await.unwrap().unwrap();
    let fields = store.fields_get(&workspace).await.unwrap();
    let line = shared::trail::Asker::new(None, "r", 0).line("import", "configuration", None, None);
    let before = world.items().await;
    let fewer: Vec<Field> = fields.value[1..].to_vec();
    let by_id = KeptMatching::after(None, Matching { contact: None, ..matching.value.stands.clone() });
    for (matching_read, matching_value, fields_read, fields_value) in [
        (matching.version - 1, &matching.value, fields.version, &fewer),
        (matching.version + 1, &matching.value, fields.version, &fewer),
        (matching.version, &by_id, fields.version - 1, &fields.value),
        (0, &by_id, fields.version, &fields.value),
    ] {
        let matching =
            Wanted { value: matching_value, read: matching_read, is_changed: *matching_value != matching.value };
        let fields =
            Wanted { value: fields_value.as_slice(), read: fields_read, is_changed: *fields_value != fields.value };
        let put = store.configuration_put(&workspace, Some(&matching), None, &fields, line.clone()).await;
        assert!(matches!(put, Err(StoreError::Conflict { .. })), "{put:?}");
        assert_eq!(world.items().await, before, "neither document, nor the line");
    }
    // What does not change is put as it stands, to the byte.
    let matching = Wanted { value: &matching.value, read: matching.version, is_changed: false };
    let fields = Wanted { value: fewer.as_slice(), read: fields.version, is_changed: true };
    store.configuration_put(&workspace, Some(&matching), None, &fields, line).await.unwrap();
    let after = world.items().await;
    let changed: Vec<&str> =
        after.iter().filter(|(key, item)| before.get(*key) != Some(item)).map(|((_, sort), _)| sort.as_str()).collect();
    assert!(matches!(changed[..], [line, "fields"] if line.starts_with("line#")), "{changed:?}");
    let exported = world.get(FILE).await.expect(200);
    assert_eq!(Configuration::parse(&exported).unwrap().fields.unwrap().len(), 2);
}
