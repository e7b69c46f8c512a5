//! `authenticate` as Lambda runs it: its binary, over the runtime API, behind the local gateway.

use local::api::{Api, ApiError};
use local::lambda::Lambda;
use local::{AccessLevel, Binaries, Options, Stack};
use reqwest::Method;
use serde_json::json;
use std::path::Path;

const BINARY: &str = env!("CARGO_BIN_EXE_authenticate");

#[tokio::test]
async fn the_binary_connects_refuses_a_wrong_key_and_ends_a_connection() {
    let binaries = Binaries { authenticate: Some(BINARY.into()), ..Binaries::default() };
    let options = Options { is_scheduled: false, binaries, ..Options::default() };
    let stack = Stack::start(options).await.unwrap();
    let key = stack.simulator().unwrap().key();
    let as_level = |level| Api::new(stack.api_url(), stack.token(level).unwrap());
    let (api, reader) = (as_level(AccessLevel::High), as_level(AccessLevel::Standard));
    let connect = async |api: &Api, key: &str| {
        api.send(Method::POST, "/v1/connection", &json!({"region": "us", "integration_key": key})).await
    };
    let status = |refusal| match refusal {
        Err(ApiError::Refused { status, .. }) => status,
        other => panic!("{other:?}"),
    };

    assert_eq!(status(connect(&api, "not-the-key").await), 422);
    assert_eq!(status(connect(&reader, key).await), 403);
    assert_eq!(connect(&api, key).await.unwrap()["status"], "active");
    assert_eq!(api.get("/v1/connection").await.unwrap()["region"], "us");
    api.send(Method::DELETE, "/v1/connection?data=keep", &json!({})).await.unwrap();
    assert_eq!(api.get("/v1/connection").await.unwrap()["status"], "disconnected");
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
