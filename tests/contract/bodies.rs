//! What is sent in bad faith or by mistake: every body is refused with a problem or taken for what it is, none is a 5xx, and what is
//! refused changes nothing. And sizes just below and just above their limits.

use crate::asked::{Asked, all};
use crate::harness::{Reply, World, all_time, field, pick, two_accounts};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use local::AccessLevel;
use local::tokens::Tokens;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use reqwest::Method;
use serde_json::{Map, Value, json};
use shared::api::request::UPLOAD_BYTES_MAX;
use shared::directory::ROWS_MAX;
use std::collections::{BTreeMap, HashMap};

const SEED: u64 = 23;

/// Any JSON, small.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{0,9}", inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// One member of a good body replaced, removed, or joined by one that is not known.
fn spoiled(good: &Value, at: usize, way: usize, by: Value) -> Value {
    let mut body = good.clone();
    let Some(members) = body.as_object_mut() else { return by };
    let names: Vec<String> = members.keys().cloned().collect();
    let name = &names[at % names.len()];
    match way {
        0 => _ = members.insert(name.clone(), by),
        1 => _ = members.remove(name),
        2 => _ = members.insert("workspace".to_owned(), json!("other")),
        3 => _ = members.insert("version".to_owned(), by),
        _ => members[name] = spoiled(&members[name].clone(), at / 7, way - 4, by),
    }
    body
}

/// Texts that are no JSON, or strange JSON.
fn strange(good: &str) -> Vec<Vec<u8>> {
    let huge = "9".repeat(400);
    let mut texts: Vec<Vec<u8>> = [
        "",
        " ",
        "null",
        "true",
        "0",
        "\"text\"",
        "[]",
        "[{}]",
        "{}",
        "{",
        "}",
        "{]",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":1,}",
        "NaN",
        "{\"a\":NaN}",
        "{\"a\":Infinity}",
        "{\"a\":-}",
        "{\"a\":01}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":1}{\"a\":2}",
        "\u{feff}{}",
        "// {}",
        "region=us",
        "<xml/>",
        "--x\r\ncontent-disposition: form-data\r\n",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    texts.push(format!("{{\"a\":{huge}}}").into_bytes());
    texts.push(format!("{{\"a\":1e{huge}}}").into_bytes());
    texts.push("[".repeat(10_000).into_bytes());
    texts.push(format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000)).into_bytes());
    texts.push(vec![0xff, 0xfe, b'{', b'}']);
    texts.push(b"{\"a\":\"\xc3\x28\"}".to_vec());
    texts.push(b"{\"a\":\"\x00\"}".to_vec());
    texts.push(
        good.replacen('{', "{\"object\":\"account\",\"object\":\"contact\",\"region\":\"us\",\"region\":\"eu\",", 1)
            .into_bytes(),
    );
    texts.push(good.as_bytes()[..good.len() - 1].to_vec());
    texts.push(STANDARD.encode(good).into_bytes());
    texts
}

fn operations() -> Vec<Asked> {
    all().into_iter().filter(|asked| asked.body.is_some_and(|body| body.shape.is_some())).collect()
}

/// A problem with all its members, of a bounded size; never a 5xx.
fn must_be_a_refusal(reply: &Reply, what: &str) {
    assert!((400..500).contains(&reply.status), "{what}: {} {}", reply.status, reply.text);
    let problem = reply.json();
    for member in ["type", "title", "detail", "request_id"] {
        assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{what}: {member}: {problem}");
    }
    assert_eq!(problem["status"], reply.status, "{what}");
    assert!(reply.text.len() < 4_000, "{what}: {} bytes", reply.text.len());
}

/// How many refusals are held against the table at once.
const BATCH: usize = 50;

/// Sends bodies and holds the table of before against that of after: `(taken, refused)`. What is taken changes it, so the refusals
/// since it was last looked at are then sent once more.
async fn send_all(
    world: &World,
    asked: &Asked,
    content_type: &str,
    field: &str,
    bodies: Vec<Vec<u8>>,
) -> (usize, usize) {
    // Dry: what happens to be good shows nothing of what was sent in bad faith.
    let path = asked.path.replace("{id}", field);
    let path = if asked.takes("dry_run") { format!("{path}?dry_run=true") } else { path };
    let (token, method) = (world.stack.token(AccessLevel::High).unwrap(), asked.method.parse::<Method>().unwrap());
    let send = async |body: &[u8]| {
        let reply =
            world.call_with(&token, method.clone(), &path, &[("content-type", content_type)], body.to_vec()).await;
        if reply.status >= 300 {
            must_be_a_refusal(&reply, &named(asked, body));
        }
        reply.status < 300
    };
    let (mut open, mut batch, mut counts) = (bodies, Vec::new(), (0, 0));
    let mut before = world.items().await;
    while let Some(body) = open.pop() {
        if send(&body).await {
            counts.0 += 1;
            open.append(&mut batch);
            world.idle().await;
            before = world.items().await;
            continue;
        }
        batch.push(body);
        if batch.len() < BATCH && !open.is_empty() {
            continue;
        }
        if world.items().await != before {
            for body in batch {
                let before = world.items().await;
                send(&body).await;
                assert_eq!(world.items().await, before, "{}", named(asked, &body));
            }
            panic!("{}: one of {BATCH} refusals has changed an item, and not again", asked.id);
        }
        counts.1 += batch.len();
        batch.clear();
    }
    counts
}

fn named(asked: &Asked, body: &[u8]) -> String {
    format!("{} {}", asked.id, String::from_utf8_lossy(&body[..body.len().min(300)]))
}

#[tokio::test]
async fn whatever_is_sent_is_refused_with_a_sentence_and_changes_nothing() {
    let world = two_accounts().await;
    let id = world.field(&field("MAU", "account", "event", "count", &all_time())).await["id"].clone();
    let token = world.stack.token(AccessLevel::High).unwrap();
    let mut runner =
        TestRunner::new(Config { rng_seed: RngSeed::Fixed(SEED), failure_persistence: None, ..Config::default() });
    let drawn = (0..64_usize, 0..8_usize, anything());
    let (mut taken, mut refused) = (0, 0);
    for asked in operations() {
        let good = asked.body.unwrap().example;
        let mut bodies = strange(good);
        for _ in 0..pick(40, 2_500) {
            let (at, way, by) = drawn.new_tree(&mut runner).unwrap().current();
            bodies.push(spoiled(&serde_json::from_str(good).unwrap(), at, way, by).to_string().into_bytes());
        }
        let counts = send_all(&world, &asked, "application/json", id.as_str().unwrap(), bodies).await;
        (taken, refused) = (taken + counts.0, refused + counts.1);
        let before = world.items().await;
        for content_type in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "application/jsonx",
            "application/json5",
            "",
        ] {
            let method: Method = asked.method.parse().unwrap();
            let reply = world.call_with(&token, method, asked.path, &[("content-type", content_type)], good).await;
            assert_eq!(reply.status, 415, "{} {content_type}", asked.id);
        }
        assert_eq!(world.items().await, before, "{}", asked.id);
    }
    println!("bodies in bad faith: seed {SEED}, n {}, of them refused {refused}, failures 0", taken + refused);
    world.idle().await;
    assert!(taken * 10 < refused, "most of what is spoiled is refused");
}

#[tokio::test]
async fn tables_and_lines_in_bad_faith_are_refused_with_a_sentence_and_change_nothing_or_say_what_of_them_was_taken() {
    let world = two_accounts().await;
    let mut runner =
        TestRunner::new(Config { rng_seed: RngSeed::Fixed(SEED), failure_persistence: None, ..Config::default() });
    let bytes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6);
    let mut counts = (0, 0);
    for asked in all().into_iter().filter(|asked| asked.body.is_some_and(|body| body.shape.is_none())) {
        for content_type in asked.body.unwrap().types {
            let good = if content_type.ends_with("csv") {
                "id,account_id\nC-1,A-1\n"
            } else {
                r#"{"id":"C-1","account_id":"A-1"}"#
            };
            let mut bodies = strange(good);
            for _ in 0..pick(20, 1_000) {
                let mut body = good.as_bytes().to_vec();
                for (at, byte) in bytes.new_tree(&mut runner).unwrap().current() {
                    *at.get_mut(&mut body) = byte;
                }
                bodies.push(body);
            }
            let (taken, refused) = send_all(&world, &asked, content_type, "", bodies).await;
            counts = (counts.0 + taken, counts.1 + refused);
        }
    }
    println!("uploads in bad faith: seed {SEED}, n {}, of them refused {}, failures 0", counts.0 + counts.1, counts.1);
    assert!(counts.0 > 0 && counts.1 > 0, "{counts:?}");
}

#[tokio::test]
async fn sizes_are_taken_up_to_their_limit_and_refused_from_there_on() {
    let world = two_accounts().await;
    let token = world.stack.token(AccessLevel::High).unwrap();
    let before = world.items().await;
    for asked in operations() {
        let method: Method = asked.method.parse().unwrap();
        let most = asked.bytes_max();
        for (bytes, is_too_large) in [
            (most - 1, false),
            (most, false),
            (most + 1, true),
            (6 * 1024 * 1024 - 1, true),
            (6 * 1024 * 1024 + 1, true),
            (10 * 1024 * 1024, true),
        ] {
            // Spaces count, and a member that nobody knows makes that nothing is changed.
            let start = r#"{"nobody_knows_this":1"#;
            let body = format!("{start}{}}}", " ".repeat(bytes - start.len() - 1));
            let reply = world
                .call_with(&token, method.clone(), asked.path, &[("content-type", "application/json")], body)
                .await;
            assert_eq!(
                reply.status,
                if is_too_large { 413 } else { 422 },
                "{} with {bytes} bytes: {}",
                asked.id,
                reply.text
            );
        }
    }
    let upload = async |text: String| {
        world.call_with(&token, Method::PUT, "/v1/directory/accounts", &[("content-type", "text/csv")], text).await
    };
    let padded = |bytes: usize| format!("id,account_id\n{}", " ".repeat(bytes - 14));
    assert!(upload(padded(UPLOAD_BYTES_MAX)).await.status < 423, "as large as may be");
    assert_eq!(upload(padded(UPLOAD_BYTES_MAX + 1)).await.status, 413);
    world.idle().await;
    let rows = |count: usize| (0..count).fold("id\n".to_owned(), |text, n| format!("{text}R-{n}\n"));
    assert_eq!(upload(rows(ROWS_MAX + 1)).await.status, 413);
    assert_eq!(world.items().await, before);
    assert_eq!(upload(rows(ROWS_MAX)).await.expect(200)["created"], ROWS_MAX);
}

#[tokio::test]
async fn headers_are_taken_up_to_the_gateways_limit_and_refused_from_there_on() {
    let world = two_accounts().await;
    let token = world.stack.token(AccessLevel::High).unwrap();
    let before = world.items().await;
    let send = async |padding: usize| {
        let padding = "x".repeat(padding);
        world.call_with(&token, Method::GET, "/v1/connection", &[("x-padding", &padding)], "").await
    };
    // What the client itself sends is found by halving: the longest padding that is taken.
    let (mut taken, mut refused) = (0, 10_240);
    while refused - taken > 1 {
        let padding = usize::midpoint(taken, refused);
        match send(padding).await.status {
            200 => taken = padding,
            431 => refused = padding,
            other => panic!("{padding}: {other}"),
        }
    }
    let rest = "GET /v1/connection HTTP/1.1".len() + "Bearer ".len() + token.len();
    assert!((9_900..10_240).contains(&(taken + rest)), "{taken} with {rest}");
    assert_eq!(send(10_240).await.json()["message"], "Request Header Fields Too Large");
    assert_eq!(world.items().await, before);
}

#[tokio::test]
async fn an_unchanged_key_sent_again_and_again_makes_one_version_of_its_secret() {
    let world = World::empty().await;
    world.connect().await;
    let before = world.items().await;
    let body = json!({"region": "us", "integration_key": world.pendo().key()});
    let sent = pick(30, 1_000);
    for n in 0..sent {
        assert_eq!(world.post("/v1/connection", &body).await.expect(200)["outcome"], "unchanged", "{n}");
    }
    world.idle().await;
    let secrets = &world.stack.clients().secrets;
    let listed = secrets.list_secrets().send().await.unwrap();
    let [secret] = listed.secret_list() else { panic!("{listed:?}") };
    let described = secrets.describe_secret().secret_id(secret.name().unwrap()).send().await.unwrap();
    assert_eq!(described.version_ids_to_stages().map(HashMap::len), Some(1), "{described:?}");
    assert_eq!(world.items().await, before, "nor is any item written");
    println!("an unchanged key: n {sent}, one version");
}

#[tokio::test]
async fn a_definition_as_large_as_may_be_is_taken_and_one_more_of_anything_is_not() {
    let world = two_accounts().await;
    let with = |member: &str, value: Value| {
        let mut body: Map<String, Value> =
            field("F", "account", "feature", "count", &all_time()).as_object().unwrap().clone();
        body.insert(member.to_owned(), value);
        Value::Object(body)
    };
    for (member, value, status) in [
        ("name", json!("n".repeat(120)), 201),
        ("name", json!("n".repeat(121)), 422),
        ("name", json!("\u{1f980}".repeat(120)), 201),
        ("window", json!({"rolling_days": 2_555}), 201),
        ("window", json!({"rolling_days": 2_556}), 422),
        ("window", json!({"rolling_days": 18_446_744_073_709_551_615_u64}), 422),
        ("usage", json!({"kind": "feature", "ids": vec!["x"; 1_000]}), 422),
        ("usage", json!({"kind": "feature", "ids": (0..1_001).map(|n| n.to_string()).collect::<Vec<_>>()}), 422),
    ] {
        let mut body = with(member, value);
        if member == "window" {
            body["name"] = json!(body["window"].to_string());
        }
        let reply = world.post("/v1/fields", &body).await;
        assert_eq!(reply.status, status, "{member}: {}", reply.text.chars().take(300).collect::<String>());
    }
    world.idle().await;
}

#[tokio::test]
async fn a_flood_of_keys_waits_and_asks_pendo_no_more_while_others_connect_at_once() {
    let world = World::empty().await;
    let wrong = |n: usize| json!({"region": "us", "integration_key": format!("wrong-{n}")});
    let flood: Vec<Value> = (0..100).map(wrong).collect();
    let replies = futures_util::future::join_all(flood.iter().map(|body| world.post("/v1/connection", body))).await;
    let statuses = |status: u16| replies.iter().filter(|reply| reply.status == status).count();
    assert_eq!((statuses(422), statuses(429)), (10, 90), "ten tries a minute");
    let late = replies.iter().find(|reply| reply.status == 429).unwrap();
    assert_eq!(late.headers["retry-after"], "60");
    assert_eq!(late.json()["type"], "/problems/too-many-requests");
    assert_eq!(world.pendo().requests().len(), 10, "the others never reached Pendo");
    assert_eq!(world.items().await, BTreeMap::new(), "and nothing is stored of any");

    let token = world.stack.tokens().sign(&Tokens::claims("another", "high")).unwrap();
    let good = json!({"region": "us", "integration_key": world.pendo().key()});
    let json_type = Some("application/json");
    let other = world.call_as(&token, Method::POST, "/v1/connection", json_type, good.to_string()).await;
    assert_eq!(other.status, 201, "{}", other.text);
    assert_eq!(world.post("/v1/connection", &good).await.status, 429);
    world.stack.clock().advance_ms(60_000);
    world.post("/v1/connection", &good).await.expect(201);
}
