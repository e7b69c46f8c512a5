//! What a refusal costs: processor time of the function's own process for requests that are too large, no JSON, deep, or full of
//! what nobody knows.

use crate::world::{head, line};
use local::api::Api;
use local::lambda::{Environment, Lambda};
use local::{AccessLevel, Options, Pendo, Stack};
use pendo_simulator::Options as Subscription;
use reqwest::Method;
use serde_json::{Map, Value, json};
use std::path::Path;

/// The kernel counts hundredths of a second: of so many equal requests the mean is right to half a millisecond.
const TIMES: u32 = 20;
const KB: usize = 1024;
const MB: usize = 1024 * KB;
/// A body that Lambda still hands over: the event around it may have 6 MB.
const LARGEST: usize = 6 * MB - 8 * KB;
const JSON: &str = "application/json";
const CSV: &str = "text/csv";
const NDJSON: &str = "application/x-ndjson";

/// One request as a gateway hands it over.
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a str,
    /// With its query.
    pub(crate) path: &'a str,
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: Option<&'a str>,
    pub(crate) is_base64: bool,
    pub(crate) level: &'a str,
}

impl Asked<'_> {
    pub(crate) fn event(&self) -> Value {
        let (path, query) = self.path.split_once('?').unwrap_or((self.path, ""));
        let headers: Map<String, Value> =
            self.headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        json!({
            "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query, "headers": headers,
            "requestContext": {
                "accountId": "0", "apiId": "local", "domainName": "local", "domainPrefix": "local", "requestId": "first",
                "authorizer": {"jwt": {"claims": {"workspace": "local", "access_level": self.level}, "scopes": null}},
                "http": {"method": self.method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": ""},
                "routeKey": "$default", "stage": "$default", "time": "30/Jun/2026:12:30:00 +0000", "timeEpoch": 0,
            },
            "body": self.body, "isBase64Encoded": self.is_base64,
        })
    }
}

/// A text repeated up to a number of bytes, between two others.
fn filled(start: &str, piece: &str, end: &str, bytes: usize) -> String {
    format!("{start}{}{end}", piece.repeat((bytes - start.len() - end.len()) / piece.len()))
}

/// What is sent as JSON to an operation that takes so many bytes, each with its name.
fn bodies(most: usize) -> Vec<(&'static str, String)> {
    let many = |start: &str, item: &dyn Fn(usize) -> String, end: &str| {
        let (mut text, mut number) = (start.to_owned(), 0);
        while text.len() + end.len() + 200 < most {
            text.push_str(if number == 0 { "" } else { "," });
            text.push_str(&item(number));
            number += 1;
        }
        text + end
    };
    vec![
        ("over the limit", "x".repeat(most + 1)),
        ("as large as Lambda hands over", "x".repeat(LARGEST)),
        ("cut at its end", filled(r#"{"name":""#, "x", "", most)),
        ("lists in each other", "[".repeat(most)),
        ("closed lists in each other", format!("{}{}", "[".repeat(most / 2), "]".repeat(most / 2))),
        ("objects in each other", filled("", r#"{"a":"#, "", most)),
        ("closed objects in each other", {
            let depth = most / 7;
            format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth))
        }),
        ("members that nobody knows", many("{", &|number| format!(r#""m{number}":1"#), "}")),
        ("one member again and again", many("{", &|_| r#""name":"n""#.to_owned(), "}")),
        ("a number of very many digits", filled(r#"{"name":"#, "9", "}", most)),
        ("a name of escapes", filled(r#"{"name":""#, "\\u0000", r#""}"#, most)),
        ("a name of quotes, and an end too many", filled(r#"{"name":""#, "\\\"", r#""}}"#, most)),
        ("spaces, and a member that nobody knows at the end", filled("{", " ", r#""last":1}"#, most)),
        (
            "very many ids",
            many(
                r#"{"name":"n","object":"account","function":"count","window":{"all_time":true},"usage":{"kind":"feature","ids":["#,
                &|number| format!(r#""i{number}""#),
                "]}}",
            ),
        ),
        (
            "very many aliases",
            many(
                r#"{"contact":{"visitor":"visitorId","object":"email","aliases":{"#,
                &|number| format!(r#""a{number}":"C-1""#),
                "}}}",
            ),
        ),
        (
            "very many fields",
            many(
                r#"{"format":1,"fields":["#,
                &|number| {
                    format!(
                        r#"{{"name":"f{number}","object":"account","function":"count","window":{{"all_time":true}},"usage":{{"kind":"event"}}}}"#
                    )
                },
                "]}",
            ),
        ),
    ]
}

/// What is sent as a table or as lines.
fn uploads() -> Vec<(&'static str, &'static str, String)> {
    let most = 4 * MB;
    vec![
        ("over the limit", CSV, "x".repeat(most + 1)),
        ("as large as Lambda hands over", CSV, "x".repeat(LARGEST)),
        ("one name of a column", CSV, "x".repeat(most)),
        ("names of columns", CSV, filled("id", ",c", "\n", most)),
        ("a quote that never ends", CSV, filled("id\n\"", "x", "", most)),
        ("rows, more than may be", CSV, filled("id\n", "a\n", "", most)),
        ("rows of quotes", CSV, filled("id\n", "\"\"\"\"\n", "", most)),
        ("lines, more than may be", NDJSON, filled("", "{\"id\":\"a\"}\n", "", most)),
        ("lists in each other", NDJSON, "[".repeat(most)),
    ]
}

struct Functions {
    authenticate: Lambda,
    mapping_config: Lambda,
    largest: f64,
}

impl Functions {
    async fn start(environment: &Environment) -> Self {
        let beside = Path::new(env!("CARGO_BIN_EXE_sync")).parent().unwrap();
        let start = async |name: &str| Lambda::start(&beside.join(name), environment).await.unwrap();
        Self { authenticate: start("authenticate").await, mapping_config: start("mapping-config").await, largest: 0.0 }
    }

    /// Sends a request a number of times and prints what one came to.
    async fn ask(&mut self, what: &str, asked: &Asked<'_>) {
        let is_connection = asked.path.starts_with("/v1/connection");
        let lambda = if is_connection { &self.authenticate } else { &self.mapping_config };
        let event = asked.event();
        let cpu_seconds = || lambda.used().map(|used| used.cpu_seconds).unwrap_or_default();
        let first = lambda.invoke(&event).await.unwrap();
        let before = cpu_seconds();
        for _ in 0..TIMES {
            lambda.invoke(&event).await.unwrap();
        }
        let milliseconds = (cpu_seconds() - before) * 1000.0 / f64::from(TIMES);
        let status = first["statusCode"].as_u64().unwrap();
        if status >= 400 {
            self.largest = self.largest.max(milliseconds);
        }
        let bytes = asked.body.map_or(0, str::len);
        let path = asked.path.split('?').next().unwrap_or_default();
        line(&[
            format!("`{} {path}`", asked.method),
            what.to_owned(),
            format!("{} KB", bytes / KB),
            status.to_string(),
            format!("{milliseconds:.1}"),
        ]);
    }
}

pub(crate) async fn run() {
    head(
        &format!("Refusals: processor time of the function's process, mean of {TIMES}"),
        &["request", "what", "body", "answer", "CPU ms"],
    );
    let pendo = Pendo::Simulator(Box::new(Subscription::empty()));
    let stack = Stack::start(Options { pendo, is_scheduled: false, ..Options::default() }).await.unwrap();
    configure(&stack).await;
    let mut functions = Functions::start(stack.environment()).await;
    let usual = Asked { method: "PUT", path: "", headers: &[], body: None, is_base64: false, level: "high" };
    let json = [("content-type", JSON)];
    for (method, path, most) in [
        ("POST", "/v1/connection", 64 * KB),
        ("POST", "/v1/fields", 64 * KB),
        ("PUT", "/v1/matching", 64 * KB),
        ("PUT", "/v1/configuration", MB),
    ] {
        let usual = Asked { method, path, headers: &json, ..usual };
        for (what, body) in bodies(most) {
            functions.ask(what, &Asked { body: Some(&body), ..usual }).await;
        }
        let not_utf8 = "/".repeat(most);
        functions.ask("no UTF-8, in base64", &Asked { body: Some(&not_utf8), is_base64: true, ..usual }).await;
        let not_base64 = "%".repeat(LARGEST);
        functions.ask("no base64", &Asked { body: Some(&not_base64), is_base64: true, ..usual }).await;
        let large = "x".repeat(LARGEST);
        functions.ask("by the level `low`", &Asked { body: Some(&large), level: "low", ..usual }).await;
    }
    let path = "/v1/directory/accounts";
    for (what, content_type, body) in uploads() {
        let headers = [("content-type", content_type)];
        functions.ask(what, &Asked { path, headers: &headers, body: Some(&body), ..usual }).await;
    }
    let csv = [("content-type", CSV)];
    let not_utf8 = "/".repeat(4 * MB);
    functions
        .ask("no UTF-8, in base64", &Asked { path, headers: &csv, body: Some(&not_utf8), is_base64: true, ..usual })
        .await;
    let usual = Asked { method: "GET", ..usual };
    let pairs = |pair: &str| format!("/v1/values?{}", vec![pair; 10 * KB / (pair.len() + 1)].join("&"));
    for (what, path) in [
        ("a query of names that nobody knows", pairs("a")),
        ("a query of one name again and again", pairs("id=a")),
        ("a cursor that is none", format!("/v1/values?cursor={}", "A".repeat(10 * KB))),
        ("an id of percent signs", format!("/v1/values?id={}", "%25".repeat(3 * KB))),
        ("a path that is none", format!("/v1/{}", "a/".repeat(5 * KB))),
    ] {
        functions.ask(what, &Asked { path: &path, ..usual }).await;
    }
    let long = "x".repeat(10 * KB);
    let body =
        r#"{"name":"n","object":"account","usage":{"kind":"event"},"function":"count","window":{"all_time":true}}"#;
    let keyed = [("content-type", JSON), ("idempotency-key", long.as_str())];
    let fields = Asked { method: "POST", path: "/v1/fields", body: Some(body), ..usual };
    functions.ask("an Idempotency-Key of 10 KB", &Asked { headers: &keyed, ..fields }).await;
    let matching = r#"{"account":{"account":"accountId","object":"id"}}"#;
    let tagged = [("content-type", JSON), ("if-match", long.as_str())];
    let stale = Asked { method: "PUT", path: "/v1/matching", body: Some(matching), headers: &tagged, ..usual };
    functions.ask("an If-Match of 10 KB", &stale).await;
    println!("\nThe dearest refusal: {:.1} ms.", functions.largest);
    drop(functions);
    stack.stop().await;
}

/// So much that a request is refused for itself, not for what is not there yet.
async fn configure(stack: &Stack) {
    let api = Api::new(stack.api_url(), stack.token(AccessLevel::High).unwrap());
    let key = json!({"region": "us", "integration_key": stack.simulator().unwrap().key()});
    api.send(Method::POST, "/v1/connection", &key).await.unwrap();
    for (list, text) in [("accounts", "id,name\nA-1,One\n"), ("contacts", "id,account_id,email\nC-1,A-1,ann@x.test\n")]
    {
        api.put_text(&format!("/v1/directory/{list}"), CSV, text.to_owned()).await.unwrap();
    }
    let matching = json!({"account": {"account": "accountId", "object": "id"}});
    api.send(Method::PUT, "/v1/matching", &matching).await.unwrap();
    stack.run_job_queue_idle().await;
}
