//! Items that are cut short or of a form from another version: refused by name, never wiped, nobody else's trouble.

use crate::harness::{World, all_time, field, used};
use crate::scene::{Scene, Stage, Table};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pendo_simulator::Kind;
use reqwest::Method;
use serde_json::{Value, json};
use shared::id::{VisitorHash, WorkspaceId};
use shared::sync::world::shard_of;

/// Depth of the partition, beginning of the sort key, and whether every run needs such items and so must refuse them.
const ITEMS: [(usize, &str, bool); 10] = [
    (2, "head", true),
    (2, "block#", true),
    (2, "index#", false),
    (2, "fold#", false),
    (2, "page#", false),
    (1, "checkpoint", true),
    (1, "root#seen-visitors", true),
    (1, "page#seen-visitors#", true),
    (1, "matching", true),
    (1, "fields", true),
];

/// The item cut to half, and the item with a version that nobody knows.
fn spoiled(item: &Value) -> [Value; 2] {
    let (mut cut, mut unknown) = (item.clone(), item.clone());
    if let Some(text) = item["body"]["S"].as_str() {
        cut["body"]["S"] = json!(&text[..text.len() / 2]);
    } else {
        let bytes = STANDARD.decode(item["body"]["B"].as_str().unwrap()).unwrap();
        cut["body"]["B"] = json!(STANDARD.encode(&bytes[..bytes.len() / 2]));
        let mut other = bytes;
        other[0] = 250;
        unknown["body"]["B"] = json!(STANDARD.encode(other));
    }
    if item["format"]["N"].is_string() {
        unknown["body"] = item["body"].clone();
        unknown["format"]["N"] = json!("99");
    }
    [cut, unknown]
}

#[tokio::test]
async fn a_spoiled_item_is_refused_by_name_and_kept_and_troubles_no_other_workspace() {
    let mut scene = Scene::new(Stage::House).await;
    let other = other_workspace(&scene).await;
    // Folds and indexes of closed days stand; then there is work again.
    scene.run().await.unwrap();
    scene.world.advance(1);
    scene.late_rows();
    scene.keep().await;
    let wanted = scene.wanted().await;
    let (mut n, mut refused) = (0, 0);
    for (depth, sort, always) in ITEMS {
        for version_is_unknown in [false, true] {
            scene.reset().await;
            let is_one = |item: &&Value| {
                let (pk, sk) = (item["pk"]["S"].as_str().unwrap(), item["sk"]["S"].as_str().unwrap());
                pk.starts_with("local") && pk.matches('#').count() == depth && sk.starts_with(sort)
            };
            let all = scene.table().items().await;
            // All of the family: which of them a run needs is its own business.
            let originals: Vec<&Value> = all.iter().filter(is_one).collect();
            assert!(!originals.is_empty(), "no {sort}");
            let mut kept = Vec::new();
            for item in &originals {
                let bad = spoiled(item)[usize::from(version_is_unknown)].clone();
                scene.table().put(&bad).await;
                kept.push(bad);
            }
            let what = format!("{sort}, unknown version: {version_is_unknown}");
            let end = scene.run().await;
            let family = sort.trim_end_matches('#');
            match end {
                Err(error) => {
                    let error = error.to_string();
                    assert!(error.contains(family) && error.contains("unreadable"), "{what}: {error}");
                    let status = scene.world.status().await;
                    let is_named = |told: &Value| told.to_string().contains(family);
                    assert!(
                        is_named(&status["last_run"]["error"]) || is_named(&status["unreadable"]),
                        "{what}: {status}"
                    );
                    assert!(status["unreadable"] == json!([]) || status["is_complete"] == false, "{what}: {status}");
                    refused += 1;
                }
                // The run needed none of them. Whoever does refuses too, or finds the right values.
                Ok(_) => {
                    assert!(!always, "{what}: the run does not refuse it");
                    if scene.world.get("/v1/values").await.status == 200 {
                        assert_eq!(scene.world.lines().await, wanted.lines, "{what}");
                    }
                }
            }
            let stands = scene.table().items().await;
            let is_kept = |bad: &&Value| stands.iter().any(|item| item["sk"] == bad["sk"] && item["pk"] == bad["pk"]);
            assert!(kept.iter().all(|bad| is_kept(&bad)), "{what}: wiped");
            shared::sync::run(scene.world.stack.context(), &other, None).await.unwrap();
            for item in originals {
                scene.table().put(item).await;
            }
            scene.run().await.unwrap();
            scene.outcome().await.must_be(&wanted, &what);
            n += 1;
        }
    }
    println!("spoiled items: n {n}, refused by the run {refused}, failures 0");
}

#[tokio::test]
async fn a_spoiled_block_keeps_the_values_of_its_own_home_as_they_were_and_of_no_other() {
    let world = World::empty().await;
    let accounts: Vec<String> = (0..12).map(|n| format!("A-{n}")).collect();
    let use_all = |at: &str, events| {
        for account in &accounts {
            world.pendo().inject(used(Kind::Event, "ann@x.test", Some(account), at, events));
        }
    };
    use_all("2026-06-30T08:00:00Z", 3);
    world.connect().await;
    world.upload("accounts", &format!("id\n{}\n", accounts.join("\n"))).await;
    world.matching(&json!({"account": {"account": "accountId", "object": "id"}})).await;
    world.field(&field("Events", "account", "event", "count", &all_time())).await;
    let table = Table { url: world.stack.database_url(), http: reqwest::Client::new() };
    let home = |account: &str| shard_of(Some(account), VisitorHash(0), 4);
    let spoilt = home("A-0");
    let is_one = |item: &&Value| {
        let (pk, sk) = (item["pk"]["S"].as_str().unwrap(), item["sk"]["S"].as_str().unwrap());
        pk.ends_with(&format!("#{spoilt:05}")) && sk.starts_with("block#")
    };
    let originals: Vec<Value> = table.items().await.iter().filter(is_one).cloned().collect();
    for item in &originals {
        table.put(&spoiled(item)[1]).await;
    }
    use_all("2026-06-30T10:00:00Z", 4);
    let error = shared::sync::run(world.stack.context(), &world.workspace(), None).await.unwrap_err().to_string();
    assert!(error.contains("block#") && error.contains("unreadable"), "{error}");
    assert_eq!(world.status().await["last_run"]["error"], error);
    for account in &accounts {
        let wanted = if home(account) == spoilt { 3 } else { 7 };
        assert_eq!(world.value("account", account, "Events").await, wanted, "{account}");
    }
    for item in &originals {
        table.put(item).await;
    }
    shared::sync::run(world.stack.context(), &world.workspace(), None).await.unwrap();
    for account in &accounts {
        assert_eq!(world.value("account", account, "Events").await, 7, "{account}");
    }
}

/// A second workspace in the same table, over the same subscription.
async fn other_workspace(scene: &Scene) -> WorkspaceId {
    let stack = &scene.world.stack;
    let token = stack.tokens().sign(&local::tokens::Tokens::claims("other", "high")).unwrap();
    let call = async |method: Method, path: &str, content_type: &str, body: String| {
        let reply = scene.world.call_as(&token, method, path, Some(content_type), body).await;
        assert!(reply.status < 300, "{}", reply.text);
        scene.world.idle().await;
    };
    let json = "application/json";
    let key = json!({"region": "us", "integration_key": scene.world.pendo().key()});
    call(Method::POST, "/v1/connection", json, key.to_string()).await;
    call(Method::PUT, "/v1/directory/accounts", "text/csv", "id\nA-1\n".to_owned()).await;
    call(Method::PUT, "/v1/matching", json, json!({"account": {"account": "accountId", "object": "id"}}).to_string())
        .await;
    let views = crate::harness::field("Views", "account", "page", "count", &crate::harness::all_time());
    call(Method::POST, "/v1/fields", json, views.to_string()).await;
    WorkspaceId::parse("other").unwrap()
}
