//! Who may ask what, enumerated: every operation with every token and every claim that looks as if it might do, through the
//! gateway and at the handlers themselves. Nothing that is refused reads Pendo or changes an item.

use crate::asked::{Asked, all};
use crate::harness::{World, all_time, field, pick, two_accounts};
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use local::tokens::Tokens;
use reqwest::Method;
use serde_json::{Map, Value, json};
use shared::api::Level;

/// What stands in the claim of the level, and is not the text `high`.
fn look_alikes() -> Vec<Value> {
    vec![
        json!("low"),
        json!("HIGH"),
        json!("High"),
        json!(" high"),
        json!("high "),
        json!("high\n"),
        json!("high\u{0}"),
        json!("[high]"),
        json!("high low"),
        json!("high,low"),
        json!("\"high\""),
        json!("hi\u{67}h\u{200b}"),
        json!("\u{ff48}igh"),
        json!("map[high:true]"),
        json!("<nil>"),
        json!("1"),
        json!("true"),
        json!(["high"]),
        json!(["high", "low"]),
        json!({"high": true}),
        json!(1),
        json!(true),
        Value::Null,
    ]
}

async fn configured() -> World {
    let world = two_accounts().await;
    world.field(&field("MAU", "account", "event", "count", &all_time())).await;
    world
}

/// What any level is answered where `high` finds something; no signal has the id that is asked for.
fn allowed(asked: &Asked) -> u16 {
    match asked.level {
        Level::High => 403,
        Level::Any if asked.path.contains("{id}") => 404,
        Level::Any => 200,
    }
}

async fn call(world: &World, token: &str, asked: &Asked) -> u16 {
    let method: Method = asked.method.parse().unwrap();
    let headers = asked.body.map(|body| ("content-type", body.types[0]));
    let body = asked.body.map_or("", |body| body.example);
    world.call_with(token, method, &asked.example("any"), headers.as_slice(), body).await.status
}

#[tokio::test]
async fn whatever_is_not_exactly_high_is_refused_at_every_operation() {
    let world = configured().await;
    let (before, mut n) = (world.items().await, 0);
    world.pendo().clear_requests();
    for level in look_alikes() {
        let mut claims = Tokens::claims("local", "high");
        claims["access_level"] = level.clone();
        let token = world.stack.tokens().sign(&claims).unwrap();
        for asked in all() {
            let expected = allowed(&asked);
            assert_eq!(call(&world, &token, &asked).await, expected, "{level} at {}", asked.id);
            n += 1;
        }
    }
    world.idle().await;
    assert_eq!(world.items().await, before);
    assert_eq!(world.pendo().requests().len(), 0, "Pendo was not asked either");
    println!("levels that look alike: n {n}, all of {} x {} operations", look_alikes().len(), all().len());
}

/// Tokens that are none, each with its name.
fn no_tokens(world: &World) -> Vec<(&'static str, String)> {
    let now = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap();
    let tokens = world.stack.tokens();
    let claims = Tokens::claims("local", "high");
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        match value {
            Value::Null => _ = claims.as_object_mut().unwrap().remove(name),
            value => claims[name] = value,
        }
        tokens.sign(&claims).unwrap()
    };
    let good = tokens.sign(&claims).unwrap();
    let (head, rest) = good.split_once('.').unwrap();
    let (payload, signature) = rest.split_once('.').unwrap();
    let headed = |head: Value| format!("{}.{payload}.{signature}", URL_SAFE_NO_PAD.encode(head.to_string()));
    let mut higher = claims.clone();
    higher["workspace"] = json!("other");
    let forged = URL_SAFE_NO_PAD.encode(higher.to_string());
    vec![
        ("none", String::new()),
        ("no token", "x.y.z".to_owned()),
        ("expired", with("exp", json!(now - 5))),
        ("without an end", with("exp", Value::Null)),
        ("not valid yet", with("nbf", json!(now + 600))),
        ("of the future", with("iat", json!(now + 600))),
        ("another issuer", with("iss", json!("https://elsewhere.invalid/"))),
        ("without an issuer", with("iss", Value::Null)),
        ("another audience", with("aud", json!("another-api"))),
        ("without an audience", with("aud", Value::Null)),
        ("algorithm none", headed(json!({"alg": "none", "typ": "JWT"}))),
        ("algorithm none, no signature", format!("{}.{payload}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#))),
        ("HS256 by name", headed(json!({"alg": "HS256", "typ": "JWT"}))),
        ("RS512 by name", headed(json!({"alg": "RS512", "typ": "JWT"}))),
        ("another key id in a head that is not signed", headed(json!({"alg": "RS256", "kid": "../../key"}))),
        ("another payload", format!("{head}.{forged}.{signature}")),
        ("another signature", format!("{head}.{payload}.{}", signature.chars().rev().collect::<String>())),
        ("cut", good[..good.len() - 4].to_owned()),
    ]
}

#[tokio::test]
async fn a_token_that_is_none_opens_no_operation() {
    let world = configured().await;
    let (before, mut n) = (world.items().await, 0);
    for (name, token) in no_tokens(&world) {
        for asked in all() {
            assert_eq!(call(&world, &token, &asked).await, 401, "{name} at {}", asked.id);
            n += 1;
        }
    }
    world.idle().await;
    assert_eq!(world.items().await, before);
    println!("tokens that are none: n {n}, all of {} operations", all().len());
}

fn example(asked: &Asked) -> Option<&'static str> {
    asked.body.map(|body| body.example)
}

/// An operation's event as a gateway would hand it over, with claims as an authorizer would give them.
pub(crate) fn event(asked: &Asked, body: Option<&str>, claims: &Value) -> Value {
    let example = asked.example("any");
    let (path, query) = example.split_once('?').unwrap_or((&example, ""));
    let headers: Map<String, Value> =
        asked.body.iter().map(|body| ("content-type".to_owned(), json!(body.types[0]))).collect();
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query, "headers": headers,
        "isBase64Encoded": false, "body": body,
        "requestContext": {
            "accountId": "0", "apiId": "local", "stage": "$default", "requestId": "r", "routeKey": "$default",
            "authorizer": {"jwt": {"claims": claims, "scopes": null}}, "time": "", "timeEpoch": 0,
            "http": {"method": asked.method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"},
        },
    })
}

/// What a function answers to an event without a gateway in front.
pub(crate) async fn answered(world: &World, function: &str, event: Value) -> (i64, String) {
    let event: ApiGatewayV2httpRequest = serde_json::from_value(event).unwrap();
    let context = world.stack.context();
    let answer = match function {
        "authenticate" => authenticate::handle(context, event).await,
        _ => mapping_config::handle(context, event).await,
    };
    (answer.status_code, serde_json::to_value(&answer).unwrap()["body"].to_string())
}

async fn handed(world: &World, asked: &Asked, body: Option<&str>, claims: &Value) -> (i64, String) {
    answered(world, asked.function, event(asked, body, claims)).await
}

#[tokio::test]
async fn the_handlers_refuse_by_themselves_what_a_gateway_would_let_through() {
    let world = configured().await;
    let (before, mut n) = (world.items().await, 0);
    for level in look_alikes().iter().filter_map(Value::as_str) {
        let claims = json!({"workspace": "local", "access_level": level});
        for asked in all() {
            let expected = allowed(&asked);
            assert_eq!(
                handed(&world, &asked, example(&asked), &claims).await.0,
                i64::from(expected),
                "{level:?} at {}",
                asked.id
            );
            n += 1;
        }
    }
    for claims in [
        json!({}),
        json!({"workspace": "local"}),
        json!({"workspace": "local", "access_level": ""}),
        json!({"workspace": "local", "access_level": "  "}),
        json!({"workspace": "local", "Access_Level": "high"}),
        json!({"access_level": "high"}),
        json!({"workspace": "", "access_level": "high"}),
        json!({"workspace": "local#x", "access_level": "high"}),
        json!({"workspace": "lo cal", "access_level": "high"}),
        json!({"workspace": "l\u{f6}cal", "access_level": "high"}),
        json!({"workspace": "x".repeat(129), "access_level": "high"}),
        json!({"Workspace": "local", "access_level": "high"}),
    ] {
        for asked in all() {
            assert_eq!(handed(&world, &asked, example(&asked), &claims).await.0, 403, "{claims} at {}", asked.id);
            n += 1;
        }
    }
    world.idle().await;
    assert_eq!(world.items().await, before);
    println!("claims handed to the handlers: n {n}, all of {} operations", all().len());
}

/// Where somebody might name a workspace that is not their own.
fn forged(path: &str, workspace: &str) -> Vec<(String, Vec<(&'static str, String)>)> {
    let cursor = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let sign = if path.contains('?') { '&' } else { '?' };
    vec![
        (path.to_owned(), vec![]),
        (path.to_owned(), vec![("x-workspace", workspace.to_owned())]),
        (path.to_owned(), vec![("x-amz-tenant-id", workspace.to_owned()), ("workspace", workspace.to_owned())]),
        (format!("{path}{sign}workspace={workspace}"), vec![]),
        (format!("{path}{sign}cursor={}", cursor(&format!("{workspace}#workspace"))), vec![]),
        (format!("{path}{sign}cursor={}", cursor("account/A-1")), vec![]),
        (format!("{path}{sign}id=A-1"), vec![]),
        (format!("{path}/{workspace}"), vec![]),
        (path.replace("/v1/", &format!("/v1/{workspace}/")), vec![]),
    ]
}

#[tokio::test]
async fn another_workspace_is_answered_as_if_nothing_were_there() {
    let world = configured().await;
    let id = world.get("/v1/fields").await.expect(200)["items"][0]["id"].as_str().unwrap().to_owned();
    let before = world.items().await;
    let mut n = 0;
    // Names whose keys might begin with the other's, or be cut from it.
    let near = ["other", "loca", "local2", "local.", "LOCAL", "local-", "l", "local%23", "local/x"].map(str::to_owned);
    for name in near.into_iter().chain((0..pick(0, 80)).map(|n| format!("local{n}"))) {
        let token = world.stack.tokens().sign(&Tokens::claims(&name, "high")).unwrap();
        let mut paths: Vec<String> =
            all().iter().filter(|asked| asked.method == "GET").map(|asked| asked.path.replace("{id}", &id)).collect();
        paths.push("/v1/pendo/estimate?kind=page".to_owned());
        for path in paths {
            for (path, headers) in forged(&path, "local") {
                let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
                let reply = world.call_with(&token, Method::GET, &path, &headers, "").await;
                assert!(matches!(reply.status, 200 | 404 | 409 | 422), "{name} {path}: {}", reply.text);
                for shown in ["A-1", "A-2", "ann@x.test", "MAU", "active", &id] {
                    let is_echoed = path.contains(shown) || shown == "A-1";
                    assert!(
                        is_echoed || !reply.text.contains(&format!("\"{shown}\"")),
                        "{name} {path} shows {shown}: {}",
                        reply.text
                    );
                }
                n += 1;
            }
        }
        let field = format!("/v1/fields/{id}");
        let delete = async |path: &str| world.call_with(&token, Method::DELETE, path, &[], "").await;
        assert_eq!(delete(&field).await.status, 404);
        assert_eq!(delete("/v1/directory/accounts?id=A-1").await.status, 404);
        assert_eq!(delete("/v1/directory/contacts?all=true").await.expect(200)["deleted"], 0);
        assert_eq!(delete("/v1/connection?data=purge").await.expect(200)["status"], "inactive");
    }
    world.idle().await;
    assert_eq!(world.items().await, before);
    println!("attempts at another workspace: n {n}");
}

#[tokio::test]
async fn one_warm_process_never_answers_one_workspace_with_anothers() {
    let world = World::empty().await;
    let names: Vec<String> = (0..pick(20, 1_000)).map(|n| format!("w{n}")).collect();
    let asked = |id: &str| all().into_iter().find(|asked| asked.id == id).unwrap();
    let (upload, list, field, status) =
        (asked("uploadAccounts"), asked("listAccounts"), asked("createField"), asked("readStatus"));
    let claims = |name: &str| json!({"workspace": name, "access_level": "high", "sub": name});
    for name in &names {
        let rows = format!("id,name\n{name}-1,Only {name}\n");
        assert_eq!(handed(&world, &upload, Some(&rows), &claims(name)).await.0, 200);
    }
    // In turns, with a refusal in between, a thousand times.
    for turn in 0..1_000 {
        let name = &names[turn * 7 % names.len()];
        if turn % 3 == 0 {
            assert_eq!(handed(&world, &field, example(&field), &claims(name)).await.0, 409);
        }
        if turn % 5 == 0 {
            assert_eq!(handed(&world, &list, None, &json!({"workspace": name})).await.0, 403);
        }
        let (code, text) = handed(&world, if turn % 2 == 0 { &list } else { &status }, None, &claims(name)).await;
        assert_eq!(code, 200, "{text}");
        assert_eq!(text.contains(&format!("Only {name}\\\"")), turn % 2 == 0, "{text}");
        assert_eq!(text.matches("Only ").count(), usize::from(turn % 2 == 0), "{name}: {text}");
    }
    println!("workspaces in turns: {} of them, a thousand calls", names.len());
}
