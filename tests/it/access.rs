//! Who may do what: exactly `high` configures, any level of the workspace reads values and status.

use crate::harness::{World, all_time, both_levels, field, two_accounts, used};
use local::tokens::Tokens;
use pendo_simulator::Kind;
use reqwest::Method;
use serde_json::{Value, json};

/// Every route that configures or shows what only an admin may see.
fn configuring() -> Vec<(Method, &'static str, Value)> {
    let definition = field("New", "account", "event", "count", &all_time());
    vec![
        (Method::GET, "/v1/connection", Value::Null),
        (Method::POST, "/v1/connection", json!({"region": "us", "integration_key": "any-key"})),
        (Method::PATCH, "/v1/connection", json!({"paused": true})),
        (Method::DELETE, "/v1/connection?data=purge", Value::Null),
        (Method::GET, "/v1/audit", Value::Null),
        (Method::GET, "/v1/pendo/metadata", Value::Null),
        (Method::GET, "/v1/pendo/catalog", Value::Null),
        (Method::GET, "/v1/pendo/estimate?kind=page", Value::Null),
        (Method::GET, "/v1/matching", Value::Null),
        (Method::PUT, "/v1/matching", both_levels()),
        (Method::PUT, "/v1/matching?dry_run=true", both_levels()),
        (Method::GET, "/v1/directory/accounts", Value::Null),
        (Method::PUT, "/v1/directory/contacts", json!({"id": "C-9", "account_id": "A-1"})),
        (Method::DELETE, "/v1/directory/contacts?all=true", Value::Null),
        (Method::GET, "/v1/fields", Value::Null),
        (Method::POST, "/v1/fields", definition),
        (Method::GET, "/v1/fields/f", Value::Null),
        (Method::DELETE, "/v1/fields/f", Value::Null),
        (Method::POST, "/v1/sync", json!({})),
    ]
}

async fn mapped() -> World {
    let world = two_accounts().await;
    world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-06-30T08:00:00Z", 3));
    world.field(&field("Events", "account", "event", "count", &all_time())).await;
    world
}

fn token(world: &World, level: &Value) -> String {
    let mut claims = Tokens::claims("local", "high");
    claims["access_level"] = level.clone();
    world.stack.tokens().sign(&claims).unwrap()
}

async fn call(world: &World, token: &str, route: &(Method, &str, Value)) -> u16 {
    let (method, path, body) = route;
    let content_type = if path.contains("/directory/") { "application/x-ndjson" } else { "application/json" };
    let body = if body.is_null() { String::new() } else { body.to_string() };
    world.call_as(token, method.clone(), path, Some(content_type), body).await.status
}

#[tokio::test]
async fn whatever_looks_like_high_configures_nothing() {
    let world = mapped().await;
    let looks_alike = [
        json!("HIGH"),
        json!("High"),
        json!(" high"),
        json!("high "),
        json!("high\n"),
        json!("highest"),
        json!("hi gh"),
        json!("\u{ff48}igh"),
        json!("h\u{456}gh"),
        json!("high,admin"),
        json!("standard"),
        json!("admin"),
        json!(""),
        json!(["high"]),
        json!(["high", "standard"]),
        json!({"level": "high"}),
        json!({"high": true}),
        json!(true),
        json!(1),
        Value::Null,
    ];
    let before = world.items().await;
    world.pendo().clear_requests();
    for level in looks_alike {
        let token = token(&world, &level);
        for route in configuring() {
            assert_eq!(call(&world, &token, &route).await, 403, "{level} at {} {}", route.0, route.1);
        }
    }
    world.idle().await;
    assert_eq!(world.items().await, before);
    assert_eq!(world.pendo().requests().len(), 0, "Pendo was not asked either");
}

#[tokio::test]
async fn exactly_high_is_let_in_everywhere() {
    let world = mapped().await;
    let token = token(&world, &json!("high"));
    for route in
        configuring().into_iter().filter(|(method, path, _)| *method != Method::DELETE || !path.contains("purge"))
    {
        let status = call(&world, &token, &route).await;
        assert_ne!(status, 403, "{} {}", route.0, route.1);
    }
}

#[tokio::test]
async fn any_level_of_the_workspace_reads_values_and_status() {
    let world = mapped().await;
    for level in ["standard", "read-only", "HIGH"] {
        let token = token(&world, &json!(level));
        for path in ["/v1/values", "/v1/values?format=csv", "/v1/status"] {
            assert_eq!(call(&world, &token, &(Method::GET, path, Value::Null)).await, 200, "{level} at {path}");
        }
    }
}

#[tokio::test]
async fn without_a_level_or_a_workspace_nothing_is_read() {
    let world = mapped().await;
    for (claim, value) in [
        ("access_level", json!("")),
        ("access_level", Value::Null),
        ("workspace", json!("")),
        ("workspace", json!("local#x")),
    ] {
        let mut claims = Tokens::claims("local", "high");
        claims[claim] = value;
        let null = claims[claim].is_null();
        if null {
            claims.as_object_mut().unwrap().remove(claim);
        }
        let token = world.stack.tokens().sign(&claims).unwrap();
        for path in ["/v1/values", "/v1/status", "/v1/connection"] {
            assert_eq!(call(&world, &token, &(Method::GET, path, Value::Null)).await, 403, "{claims} at {path}");
        }
    }
}

#[tokio::test]
async fn another_workspace_sees_and_changes_nothing_of_this_one() {
    let world = mapped().await;
    let before = world.items().await;
    let token = world.stack.tokens().sign(&Tokens::claims("other", "high")).unwrap();
    let get = async |path: &str| world.call_as(&token, Method::GET, path, None, "").await;
    assert_eq!(get("/v1/values").await.status, 409);
    assert_eq!(get("/v1/connection").await.expect(200)["status"], "inactive");
    assert_eq!(get("/v1/fields").await.expect(200)["items"], json!([]));
    assert_eq!(get("/v1/directory/accounts").await.expect(200)["items"], json!([]));
    let deleted = call(&world, &token, &(Method::DELETE, "/v1/connection?data=purge", Value::Null)).await;
    assert_eq!((deleted, world.items().await), (200, before));
}

#[tokio::test]
async fn a_token_that_is_missing_old_or_signed_by_someone_else_is_no_token() {
    let world = mapped().await;
    let good = token(&world, &json!("high"));
    let mut old = Tokens::claims("local", "high");
    old["exp"] = json!(1_000);
    let mut elsewhere = Tokens::claims("local", "high");
    elsewhere["aud"] = json!("another-api");
    let parts: Vec<&str> = good.split('.').collect();
    let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", parts[1]);
    let forged = format!("{}.{}.{}", parts[0], parts[1], parts[2].chars().rev().collect::<String>());
    let signed = |claims: &Value| world.stack.tokens().sign(claims).unwrap();
    for token in [String::new(), "x".to_owned(), unsigned, forged, signed(&old), signed(&elsewhere)] {
        for path in ["/v1/values", "/v1/connection"] {
            assert_eq!(call(&world, &token, &(Method::GET, path, Value::Null)).await, 401, "{token}");
        }
    }
}
