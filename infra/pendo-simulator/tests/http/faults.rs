//! What goes wrong on purpose.

use pendo_simulator::{Faults, Kind, RawRow};
use serde_json::{Value, json};

use crate::guest::{Guest, HOUR, all, row};

#[tokio::test]
async fn every_second_request_is_too_many() {
    let guest = Guest::of_nothing().await;
    guest.simulator.set_faults(Faults { too_many_every: 2, retry_after_seconds: Some(7), ..Faults::default() });
    let mut statuses = Vec::new();
    for _ in 0..4 {
        let response = guest.get("/api/v1/page").await;
        statuses.push((
            response.status().as_u16(),
            response.headers().get("retry-after").map(|after| after.to_str().unwrap().to_owned()),
        ));
    }
    let refused = (429, Some("7".to_owned()));
    assert_eq!(statuses, [(200, None), refused.clone(), (200, None), refused]);
    let logged: Vec<u16> = guest.simulator.requests().iter().map(|request| request.status).collect();
    assert_eq!(logged, [200, 429, 200, 429]);
}

#[tokio::test]
async fn a_cut_answer_breaks_the_connection_or_ends_as_half_a_document() {
    let guest = Guest::of_nothing().await;
    guest.simulator.inject(row("v", Some("a"), HOUR, 1));
    guest.simulator.set_faults(Faults { cut_every: 1, ..Faults::default() });
    let response = guest.aggregate(json!([all("featureEvents")])).await;
    assert_eq!(response.status(), 200);
    assert!(response.bytes().await.is_err());
    guest.simulator.set_faults(Faults { cut_every: 1, cut_cleanly: true, ..Faults::default() });
    let text = guest.aggregate(json!([all("featureEvents")])).await.text().await.unwrap();
    assert!(text.starts_with("{\"startTime\"") && serde_json::from_str::<Value>(&text).is_err());
}

#[tokio::test]
async fn caps_errors_and_web_pages_stand_in_for_answers() {
    let guest = Guest::of_nothing().await;
    for _ in 0..3 {
        guest.simulator.inject(row("v", Some("a"), HOUR, 1));
    }
    let pipeline = || json!([all("featureEvents")]);
    guest.simulator.set_faults(Faults { max_rows: 2, ..Faults::default() });
    assert_eq!(guest.refusal(pipeline()).await.0, 504);
    guest.simulator.set_faults(Faults { error_every: 1, error_status: Some(502), at_most: 1, ..Faults::default() });
    assert_eq!(guest.refusal(pipeline()).await.0, 502);
    assert_eq!(guest.refusal(pipeline()).await.0, 200);
    guest.simulator.set_faults(Faults { html_every: 1, ..Faults::default() });
    let (status, text) = guest.refusal(pipeline()).await;
    assert!(status == 200 && text.starts_with("<!doctype html>"));
    guest.simulator.set_faults(Faults { empty_every: 1, null_results: true, ..Faults::default() });
    assert_eq!(guest.aggregate(pipeline()).await.json::<Value>().await.unwrap()["results"], Value::Null);
    guest.simulator.set_faults(Faults { shrink_every: 1, ..Faults::default() });
    assert_eq!(guest.results(pipeline()).await.len(), 1);
}

#[tokio::test]
async fn faults_are_switched_over_http_and_strike_only_the_api() {
    let guest = Guest::of_nothing().await;
    let faults = json!({"error_every": 1, "only_path": "aggregation"});
    let client = reqwest::Client::new();
    let put = client.put(format!("{}/simulator/faults", guest.simulator.url())).json(&faults).send().await.unwrap();
    assert_eq!(put.status(), 200);
    assert_eq!(guest.refusal(json!([{"source": {"apps": null}}])).await.0, 503);
    assert_eq!(guest.get("/api/v1/page").await.status(), 200);
    assert_eq!(guest.get("/simulator/clock").await.status(), 200);
    let unknown = client
        .put(format!("{}/simulator/faults", guest.simulator.url()))
        .json(&json!({"typo_every": 1}))
        .send()
        .await
        .unwrap();
    assert_eq!(unknown.status(), 400);
}

#[tokio::test]
async fn answers_are_compressed_for_who_accepts_it() {
    let guest = Guest::of_nothing().await;
    for visitor in 0..50 {
        guest.simulator.inject(RawRow::new(Kind::Page, "p", &format!("v{visitor}"), Some("a"), HOUR));
    }
    let plain = reqwest::Client::builder().no_gzip().build().unwrap();
    let request = plain
        .post(format!("{}/api/v1/aggregation", guest.simulator.url()))
        .header("x-pendo-integration-key", guest.simulator.key());
    let response = request
        .header("accept-encoding", "gzip")
        .json(&json!({"request": {"pipeline": [all("pageEvents")]}}))
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers()["content-encoding"], "gzip");
    assert_eq!(guest.results(json!([all("pageEvents")])).await.len(), 50);
}
