//! `mapping-config` as Lambda runs it: its binary, over the runtime API, behind the local gateway.

use local::api::Api;
use local::lambda::Lambda;
use local::{AccessLevel, Binaries, Options, Pendo, Stack};
use pendo_simulator::{Kind, Options as Subscription, RawRow};
use reqwest::Method;
use serde_json::json;
use std::path::Path;

const BINARY: &str = env!("CARGO_BIN_EXE_mapping-config");
const HOUR_MS: i64 = 3_600_000;

#[tokio::test]
async fn the_binary_takes_directory_matching_and_fields_and_reads_the_values_made_from_them() {
    let options = Options {
        pendo: Pendo::Simulator(Box::new(Subscription::empty())),
        is_scheduled: false,
        binaries: Binaries { mapping_config: Some(BINARY.into()), ..Binaries::default() },
        ..Options::default()
    };
    let stack = Stack::start(options).await.unwrap();
    let pendo = stack.simulator().unwrap();
    let at_ms = stack.clock().now_ms() - 2 * HOUR_MS;
    pendo.inject(RawRow { events: 3, ..RawRow::new(Kind::Event, "", "ann@x.test", Some("A-1"), at_ms) });
    let api = Api::new(stack.api_url(), stack.token(AccessLevel::High).unwrap());
    let key = json!({"region": "us", "integration_key": pendo.key()});
    api.send(Method::POST, "/v1/connection", &key).await.unwrap();

    let matching = json!({"account": {"account": "accountId", "object": "id"}});
    let field = json!({"name": "Events", "object": "account", "usage": {"kind": "event"}, "function": "count",
                       "window": {"all_time": true}});
    let accounts = "id,name\nA-1,Größe \"GmbH\"\n".to_owned();
    api.put_text("/v1/directory/accounts", "text/csv", accounts).await.unwrap();
    api.send(Method::PUT, "/v1/matching", &matching).await.unwrap();
    api.send(Method::POST, "/v1/fields", &field).await.unwrap();
    stack.run_job_queue_idle().await;

    let listed = api.all_items("/v1/directory/accounts").await.unwrap();
    assert_eq!(listed[0]["name"], "Größe \"GmbH\"", "{listed:?}");
    let values = api.all_items("/v1/values").await.unwrap();
    assert_eq!((values.len(), &values[0]["id"], &values[0]["value"]), (1, &json!("A-1"), &json!(3)));
    assert!(api.get("/v1/status").await.unwrap()["last_run"].is_object());
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
