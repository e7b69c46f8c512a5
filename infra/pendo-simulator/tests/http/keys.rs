//! Keys, hosts, lists.

use pendo_simulator::{Faults, Options, Region};
use serde_json::{Value, json};

use crate::guest::Guest;

const KEY: &str = "x-pendo-integration-key";

#[tokio::test]
async fn a_missing_and_a_wrong_key_look_the_same() {
    let guest = Guest::of_nothing().await;
    for headers in [vec![], vec![(KEY, "wrong")]] {
        let response = guest.get_with("/api/v1/token/verify", &headers).await;
        assert_eq!(response.status(), 403);
        assert_eq!(response.text().await.unwrap(), "");
    }
    let verified: Value = guest.get("/api/v1/token/verify").await.json().await.unwrap();
    assert_eq!(verified, json!({"valid": true, "writeAccess": false}));
}

#[tokio::test]
async fn a_key_opens_only_the_host_of_its_region() {
    let options =
        Options { region: Region::Eu, other_region_key: Some(("key.jpn".to_owned(), Region::Jpn)), ..Options::empty() };
    let guest = Guest::of(options).await;
    let status = async |host: &str, key: &str| {
        guest.get_with("/api/v1/page", &[("host", host), (KEY, key)]).await.status().as_u16()
    };
    let key = guest.simulator.key();
    assert_eq!(status("app.eu.pendo.io", key).await, 200);
    assert_eq!(status("app.pendo.io", key).await, 403);
    assert_eq!(status("app1.pendo.io", key).await, 403);
    assert_eq!(status("localhost:1", key).await, 200);
    assert_eq!(status("app.jpn.pendo.io", "key.jpn").await, 200);
    assert_eq!(status("app.eu.pendo.io", "key.jpn").await, 403);
}

#[tokio::test]
async fn other_keys_open_the_same_or_another_subscription() {
    let options = Options {
        second_key: Some("second".to_owned()),
        foreign_key: Some("foreign".to_owned()),
        visitors: 20,
        accounts: 4,
        days: 30,
        ..Options::default()
    };
    let guest = Guest::of(options).await;
    let apps = async |key: &str| {
        guest.get_with("/api/v1/feature?expand=*", &[(KEY, key)]).await.json::<Value>().await.unwrap()[0]["appId"]
            .clone()
    };
    assert_eq!(apps("second").await, json!(-323_232));
    assert_eq!(apps("foreign").await, json!(-818_181));
}

#[tokio::test]
async fn aggregation_may_need_a_key_that_writes() {
    let options = Options {
        write_key: Some("writes".to_owned()),
        faults: Faults { aggregation_needs_write: true, verify_missing: true, ..Faults::default() },
        ..Options::empty()
    };
    let guest = Guest::of(options).await;
    assert_eq!(guest.refusal(json!([{"source": {"apps": null}}])).await, (403, String::new()));
    assert_eq!(guest.get("/api/v1/token/verify").await.status(), 404);
    assert_eq!(guest.get("/api/v1/feature").await.status(), 200);
}

#[tokio::test]
async fn lists_hold_the_default_app_unless_they_are_expanded() {
    let guest = Guest::of_small_world().await;
    let count = async |path: &str| guest.get(path).await.json::<Value>().await.unwrap().as_array().unwrap().len();
    for list in ["feature", "page", "guide", "tracktype"] {
        let (some, all) = (count(&format!("/api/v1/{list}")).await, count(&format!("/api/v1/{list}?expand=*")).await);
        assert!(0 < some && some < all, "{list}: {some} of {all}");
    }
    assert!(count("/api/v1/segment").await > 0 && count("/api/v1/report").await > 0);
    let one =
        guest.get("/api/v1/page?expand=*").await.json::<Value>().await.unwrap()[2]["id"].as_str().unwrap().to_owned();
    assert_eq!(count(&format!("/api/v1/page?expand=*&id={one},nobody")).await, 1);
}

#[tokio::test]
async fn what_does_not_exist_is_answered_in_plain_text() {
    let guest = Guest::of_small_world().await;
    for path in [
        "/api/v1/visitor",
        "/api/v1/visitor/nobody",
        "/api/v1/nonsense",
        "/elsewhere",
        "/api/v1/metadata/schema/AccountMetadata",
    ] {
        let response = guest.get(path).await;
        assert_eq!(
            (response.status().as_u16(), response.text().await.unwrap()),
            (404, "404 page not found".to_owned()),
            "{path}"
        );
    }
    assert_eq!(guest.get("/api/v1/aggregation").await.status(), 400);
}

#[tokio::test]
async fn a_schema_names_its_types_with_a_capital() {
    let guest = Guest::of_small_world().await;
    let schema: Value = guest.get("/api/v1/metadata/schema/visitor").await.json().await.unwrap();
    assert_eq!(schema["auto"]["lastvisit"]["Type"], "time");
    assert_eq!(schema["agent"]["email"]["Type"], "string");
    assert!(schema["auto__323232"]["firstvisit"]["DisplayName"].is_string());
    let schema: Value = guest.get("/api/v1/metadata/schema/account").await.json().await.unwrap();
    assert_eq!(schema["custom"]["crm_id"]["isHidden"], false);
}

#[tokio::test]
async fn a_visitor_with_a_hostile_id_is_found_by_it() {
    let guest = Guest::of_nothing().await;
    guest.simulator.add_visitor("a/b \"c\"", &json!({"agent": {"email": "x@example.test"}}));
    let visitor: Value = guest.get("/api/v1/visitor/a%2Fb%20%22c%22").await.json().await.unwrap();
    assert_eq!(visitor["metadata"]["agent"]["email"], "x@example.test");
    let headers = [(KEY, guest.simulator.key()), ("x-pendo-base64-encoded-params", "true")];
    let encoded: Value = guest.get_with("/api/v1/visitor/YS9iICJjIg%3D%3D", &headers).await.json().await.unwrap();
    assert_eq!(encoded, visitor);
}

#[tokio::test]
async fn a_visitor_who_must_not_be_processed_lacks_what_others_have() {
    let guest = Guest::of_nothing().await;
    guest.simulator.add_visitor("v", &json!({"pendo": {"donotprocess": true}}));
    let rows = guest.results(json!([{"source": {"visitors": null}}])).await;
    assert_eq!(rows, [json!({"visitorId": "v", "metadata": {"auto": {"id": "v"}, "pendo": {"donotprocess": true}}})]);
}

#[tokio::test]
async fn a_visitor_is_put_on_the_do_not_process_list_and_taken_off_again() {
    let guest = Guest::of_nothing().await;
    guest.simulator.inject(crate::guest::row("v", Some("a"), crate::guest::HOUR, 1));
    let at_ms = guest.simulator.clock().now_ms();
    let auto = json!({"id": "v", "lastupdated": at_ms});
    let visitors = json!([{"source": {"visitors": null}}]);
    let list = json!([{"source": {"doNotProcessVisitors": null}}]);
    for (keeps_usage, rows) in [(true, 1), (false, 0)] {
        let mark = json!({"visitor": "v", "keeps_usage": keeps_usage});
        assert_eq!(guest.post("/simulator/do-not-process", &mark).await.status(), 204);
        let marked = json!({"visitorId": "v", "metadata": {"auto": auto, "pendo": {"donotprocess": true}}});
        assert_eq!(guest.results(visitors.clone()).await, [marked]);
        assert_eq!(guest.results(list.clone()).await, [json!({"visitorId": "v"})]);
        let shown = guest.simulator.truth();
        assert_eq!((shown.len(), shown.iter().all(|row| row.do_not_process)), (rows, true));
    }
    guest.post("/simulator/do-not-process", &json!({"visitor": "v", "do_not_process": false})).await;
    assert_eq!(guest.results(list).await, Vec::<Value>::new());
    assert_eq!(guest.simulator.truth().len(), 1);
}

#[tokio::test]
async fn usage_makes_its_visitor_and_account_known() {
    let guest = Guest::of_nothing().await;
    guest.simulator.inject(crate::guest::row("v", Some("a"), crate::guest::HOUR, 1));
    let visitors = guest.results(json!([{"source": {"visitors": null}}])).await;
    assert_eq!(visitors[0]["metadata"]["auto"]["accountids"], json!(["a"]));
    let accounts = guest.results(json!([{"source": {"accounts": null}}, {"select": {"id": "accountId"}}])).await;
    assert_eq!(accounts, [json!({"id": "a"})]);
}
