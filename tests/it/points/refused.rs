//! What can't be asked of the history of values, and who may ask.

use super::with_days;
use local::AccessLevel;
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_its_place() {
    let world = with_days().await;
    let path = "/v1/values/history?object=account&id=A-1&field=Ever";
    for (more, status, pointer) in [
        ("&from=June", 422, "?from"),
        ("&to=2026-6-1", 422, "?to"),
        ("&from=2026-06-02&to=2026-06-01", 422, "?from"),
        ("&known_at=lately", 422, "?known_at"),
        ("&computed=true&known_at=2026-06-30", 422, "?known_at"),
        ("&computed=perhaps", 422, "?computed"),
        ("&limit=0", 422, "?limit"),
        ("&limit=101", 422, "?limit"),
        ("&cursor=***", 422, "?cursor"),
    ] {
        let refused = world.get(&format!("{path}{more}")).await.expect(status);
        assert_eq!(refused["pointer"], pointer, "{refused}");
        assert!(refused["detail"].as_str().is_some_and(|detail| detail.ends_with('.')), "{refused}");
    }
    let formula = json!({"name": "Twice", "object": "account", "formula": "\"Ever\" * 2"});
    world.post("/v1/fields", &formula).await.expect(201);
    for (path, status, pointer) in [
        ("object=account&id=A-1&field=Twice", 422, "?field"),
        ("object=account&id=A-1", 422, "?field"),
        ("object=account&field=Ever", 422, "?id"),
        ("id=A-1&field=Ever", 422, "?object"),
        ("object=account&id=A-9&field=Ever", 404, "?id"),
        ("object=contact&id=A-1&field=Ever", 404, "?id"),
        ("object=account&id=A-1&field=Never", 404, "?field"),
        ("object=contact&id=C-1&field=Today", 404, "?field"),
        ("object=contact&id=C-1&field=Ever&known_at=2026-06-30", 422, "?known_at"),
    ] {
        let refused = world.get(&format!("/v1/values/history?{path}")).await.expect(status);
        assert_eq!(refused["pointer"], pointer, "{refused}");
    }
    let standard = world.stack.token(AccessLevel::Standard).unwrap();
    assert_eq!(world.call_as(&standard, Method::GET, path, None, "").await.status, 200, "for any level, as values are");
    let page = world.get(&format!("{path}&from=2020-01-01&to=2020-02-01")).await.expect(200);
    assert_eq!((&page["items"], &page["next"]), (&json!([]), &Value::Null));
    assert_eq!((&page["kept_from"], &page["is_kept"]), (&json!("2024-06-01"), &json!(true)));
}
