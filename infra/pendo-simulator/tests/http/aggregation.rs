//! The aggregation language on rows that are known.

use std::collections::BTreeMap;

use pendo_simulator::{Kind, Options, RawRow};
use serde_json::{Value, json};

use crate::guest::{Guest, HOUR, HOUR_MS, all, row};

#[tokio::test]
async fn a_group_adds_up_to_the_truth_for_every_kind() {
    let guest = Guest::of_small_world().await;
    let kinds = [
        ("events", Kind::Event),
        ("pageEvents", Kind::Page),
        ("featureEvents", Kind::Feature),
        ("trackEvents", Kind::Track),
    ];
    for (source, kind) in kinds {
        let results = guest.results(json!([all(source), {"identified": "visitorId"}, {"group": {"group": ["accountId"], "fields": {"events": {"sum": "numEvents"}, "rows": {"count": null}}}}])).await;
        let mut truth: BTreeMap<Option<String>, (u64, u64)> = BTreeMap::new();
        for row in guest
            .simulator
            .truth_of(kind)
            .iter()
            .filter(|row| !row.excluded && !row.visitor_id.starts_with("_PENDO_T_"))
        {
            let sums = truth.entry(row.account_id.clone()).or_default();
            *sums = (sums.0 + u64::from(row.events), sums.1 + 1);
        }
        let answered: BTreeMap<Option<String>, (u64, u64)> = results
            .iter()
            .map(|group| {
                (
                    group["accountId"].as_str().map(str::to_owned),
                    (group["events"].as_u64().unwrap(), group["rows"].as_u64().unwrap()),
                )
            })
            .collect();
        assert_eq!(answered, truth, "{source}");
        assert!(!truth.is_empty(), "{source}");
    }
}

#[tokio::test]
async fn all_activity_holds_pages_features_and_track_events_once_more() {
    let guest = Guest::of_small_world().await;
    let total = |kind| guest.simulator.truth_of(kind).iter().map(|row| u64::from(row.events)).sum::<u64>();
    assert!(total(Kind::Event) > total(Kind::Page) + total(Kind::Feature));
}

#[tokio::test]
async fn without_an_app_only_the_default_one_answers() {
    let guest = Guest::of_nothing().await;
    guest.simulator.inject(row("v", Some("a"), HOUR, 1));
    guest.simulator.inject(RawRow { app_id: 5_629_499_534_213_120, ..row("v", Some("a"), HOUR, 2) });
    let sum = async |params: Value| {
        let source = json!({"source": {"featureEvents": params, "timeSeries": {"period": "hourRange", "first": HOUR, "count": 1}}});
        guest.results(json!([source, {"reduce": {"sum": {"sum": "numEvents"}}}])).await[0]["sum"].clone()
    };
    assert_eq!(sum(Value::Null).await, json!(1));
    assert_eq!(sum(json!({"appId": 5_629_499_534_213_120_i64, "madeUp": 1})).await, json!(2));
    assert_eq!(sum(json!({"appId": [-323_232, 5_629_499_534_213_120_i64]})).await, json!(3));
    assert_eq!(sum(json!({"appId": ["-323232", "5629499534213120"]})).await, json!(3));
    assert_eq!(sum(json!({"appId": "expandAppIds(`*`)"})).await, json!(3));
    assert_eq!(sum(json!({"appId": "expandAppIds(\"*\")", "featureId": "other"})).await, json!(0));
}

#[tokio::test]
async fn the_excluded_are_hidden_shown_or_alone() {
    let guest = Guest::of_nothing().await;
    guest.simulator.inject(row("v", Some("a"), HOUR, 1));
    guest.simulator.inject(RawRow { excluded: true, ..row("qa", Some("a"), HOUR, 2) });
    let sum = async |blacklist: &str| {
        let source = json!({"source": {"featureEvents": {"blacklist": blacklist}, "timeSeries": {"period": "hourRange", "first": HOUR, "count": 1}}});
        guest.results(json!([source, {"reduce": [{"sum": {"sum": "numEvents"}}]}])).await[0]["sum"].as_u64()
    };
    assert_eq!((sum("apply").await, sum("ignore").await, sum("only").await), (Some(1), Some(3), Some(2)));
}

#[tokio::test]
async fn first_is_floored_and_last_holds_its_whole_bucket() {
    let guest = Guest::of_nothing().await;
    for step in 0..4 {
        guest.simulator.inject(row("v", Some("a"), HOUR - step * HOUR_MS, 1));
    }
    let count = async |series: Value| {
        guest.results(json!([{"source": {"featureEvents": null, "timeSeries": series}}, {"count": null}])).await[0]["count"].as_u64().unwrap()
    };
    assert_eq!(count(json!({"period": "hourRange", "first": HOUR + 1_800_000, "last": HOUR})).await, 1);
    assert_eq!(
        count(json!({"period": "hourRange", "first": (HOUR - HOUR_MS + 5).to_string(), "last": "now()"})).await,
        2
    );
    assert_eq!(count(json!({"period": "hourRange", "first": "now()", "count": -2})).await, 2);
    assert_eq!(count(json!({"period": "dayRange", "first": "now()", "count": 1})).await, 1);
    assert_eq!(count(json!({"period": "dayRange", "first": "now()", "last": HOUR + 86_400_000 * 400})).await, 1);
}

#[tokio::test]
async fn a_day_is_the_subscriptions_day() {
    let guest = Guest::of(Options { time_zone: "America/New_York".parse().unwrap(), ..Options::empty() }).await;
    guest.simulator.inject(row("v", Some("a"), HOUR, 3));
    let rows = guest.results(json!([{"source": {"featureEvents": null, "timeSeries": {"period": "dayRange", "first": "now()", "count": 1}}}])).await;
    assert_eq!(rows[0]["day"], json!(HOUR - HOUR % 86_400_000 + 4 * HOUR_MS));
    assert_eq!(rows[0]["hour"], Value::Null);
}

#[tokio::test]
async fn hostile_ids_come_back_as_they_are_and_need_their_escapes() {
    let guest = Guest::of_nothing().await;
    let id = "O\"Br\\ien/\u{1F680}";
    guest.simulator.inject(row("v", Some(id), HOUR, 1));
    let rows =
        guest.results(json!([all("featureEvents"), {"filter": "accountId == \"O\\\"Br\\\\ien/\u{1F680}\""}])).await;
    assert_eq!(rows[0]["accountId"], id);
    let broken = guest.refusal(json!([all("featureEvents"), {"filter": "accountId == \"O\"Brien\""}])).await;
    assert_eq!(broken, (400, "Cannot parse filter expression".to_owned()));
    assert_eq!(guest.refusal(json!([all("featureEvents"), {"filter": "accountId in [\"a\"]"}])).await.0, 400);
}

#[tokio::test]
async fn what_is_unknown_is_refused_and_never_ignored() {
    let guest = Guest::of_nothing().await;
    for (pipeline, status) in [
        (json!([all("featureEvents"), {"frobnicate": 1}]), 422),
        (json!([{"source": {"segments": null}}]), 422),
        (json!([{"source": {"nonsense": null}}]), 422),
        (json!([{"source": {"featureEvents": null}}]), 422),
        (json!([{"limit": 1}]), 422),
        (json!([]), 422),
        (json!([all("featureEvents"), {"fork": [[]]}]), 422),
        (json!([all("featureEvents"), {"group": {"group": ["a"], "fields": {"x": {"guess": "b"}}}}]), 422),
        (json!([all("featureEvents"), {"eval": {"x": "1 +"}}]), 400),
        (json!([{"source": {"events": null, "timeSeries": {"period": "daily", "first": "now()", "count": 1}}}]), 400),
    ] {
        assert_eq!(guest.refusal(pipeline.clone()).await.0, status, "{pipeline}");
    }
}

#[tokio::test]
async fn stages_work_together_on_a_tiny_world() {
    let guest = Guest::of_nothing().await;
    guest.simulator.add_visitor("v1", &json!({"agent": {"email": "one@example.test"}}));
    for (visitor, account, events) in
        [("v1", Some("a"), 1), ("v2", Some("a"), 2), ("v1", Some("b"), 4), ("_PENDO_T_x", None, 8)]
    {
        guest.simulator.inject(row(visitor, account, HOUR, events));
    }
    let grouped = json!({"group": {"group": ["accountId"], "fields": [{"who": {"count": "visitorId"}}, {"sum": {"sum": "numEvents"}}]}});
    let rows = guest.results(json!([all("featureEvents"), {"identified": "visitorId"}, grouped, {"sort": ["-sum", "accountId"]}, {"skip": 1}, {"limit": 1}])).await;
    assert_eq!(rows, [json!({"accountId": "a", "who": 2, "sum": 3})]);
    let rows = guest.results(json!([all("featureEvents"), {"identified": "!visitorId"}, {"select": {"id": "visitorId", "deep.sum": "numEvents * 2"}}])).await;
    assert_eq!(rows, [json!({"id": "_PENDO_T_x", "deep": {"sum": 16}})]);
    let rows = guest.results(json!([all("featureEvents"), {"group": {"group": ["visitorId"]}}, {"bulkExpand": {"v": {"visitor": "visitorId"}}}, {"filter": "!isNull(v.agent.email)"}, {"select": {"mail": "v.agent.email"}}])).await;
    assert_eq!(rows, [json!({"mail": "one@example.test"})]);
    let inner =
        json!([all("featureEvents"), {"group": {"group": ["accountId"], "fields": {"total": {"sum": "numEvents"}}}}]);
    let merged = json!({"merge": {"fields": ["accountId"], "mappings": {"total": "total"}, "pipeline": inner}});
    let rows = guest
        .results(json!([all("featureEvents"), {"filter": "visitorId == `v2`"}, merged, {"select": {"total": "total"}}]))
        .await;
    assert_eq!(rows, [json!({"total": 3})]);
    let rows = guest.results(json!([{"spawn": [[all("featureEvents"), {"count": null}], [all("pageEvents"), {"count": null}]]}, {"sort": ["count"]}])).await;
    assert_eq!(rows, [json!({"count": 0}), json!({"count": 4})]);
}

#[tokio::test]
async fn a_group_with_a_checksum_compares_with_itself() {
    let guest = Guest::of_small_world().await;
    let checksum = json!([all("featureEvents"), {"group": {"group": ["visitorId", "hour"], "fields": {"e": {"sum": "numEvents"}}}}, {"reduce": {"h": {"sum": "hash(visitorId, hour, e)"}}}]);
    let first = guest.results(checksum.clone()).await;
    assert_eq!(first, guest.results(checksum).await);
    assert!(first[0]["h"].as_f64().unwrap() > 0.0);
}

#[tokio::test]
async fn csv_is_answered_to_who_asks_for_it() {
    let guest = Guest::of_nothing().await;
    guest.simulator.inject(row("a,\"b\"", Some("a"), HOUR, 5));
    let body = json!({"response": {"mimeType": "text/csv"}, "request": {"pipeline": [all("featureEvents"), {"select": {"v": "visitorId", "e": "numEvents"}}]}});
    assert_eq!(guest.post("/api/v1/aggregation", &body).await.text().await.unwrap(), "e,v\n5,\"a,\"\"b\"\"\"\n");
}

#[tokio::test]
async fn guide_events_are_chosen_by_the_servers_time() {
    let guest = Guest::of_nothing().await;
    guest.simulator.inject(RawRow {
        browser_ms: Some(HOUR - 30 * HOUR_MS),
        ..RawRow::new(Kind::Guide, "g", "v", Some("a"), HOUR + 60_000)
    });
    let rows = guest.results(json!([{"source": {"guideEvents": null, "timeSeries": {"period": "hourRange", "first": HOUR, "count": 1}}}])).await;
    assert_eq!(rows[0]["guideTimestamp"], json!(HOUR + 60_000));
    assert_eq!(rows[0]["browserTime"], json!(HOUR - 30 * HOUR_MS));
    assert_eq!(rows[0]["type"], "guideSeen");
    assert_eq!(rows[0]["hour"], Value::Null);
}

#[tokio::test]
async fn track_events_are_told_apart_by_their_properties_whatever_those_are() {
    let guest = Guest::of_nothing().await;
    let long = "x".repeat(5_000);
    let given = [
        (json!({"plan": "Pro", "rows": 5}), 1),
        (json!({"plan": "Pro", "rows": 5.0}), 2),
        (json!({"plan": "Pro", "rows": "5"}), 4),
        (json!({"plan": "pro", "rows": 5}), 8),
        (json!({"plan": null, "rows": true}), 16),
        (json!({"rows": true}), 32),
        (json!({"plan": long}), 64),
    ];
    for (properties, events) in given {
        let row =
            RawRow { events, properties: Some(properties), ..RawRow::new(Kind::Track, "t", "v", Some("a"), HOUR) };
        guest.simulator.inject(row);
    }
    guest.simulator.inject(RawRow { events: 128, ..RawRow::new(Kind::Track, "t", "v", Some("a"), HOUR) });
    let answer = guest
        .results(json!([
            all("trackEvents"),
            {"filter": "trackTypeId == \"t\""},
            {"eval": {"p0": "properties.plan", "p1": "properties.rows"}},
            {"group": {"group": ["p0", "p1"], "fields": [{"events": {"sum": "numEvents"}}]}},
        ]))
        .await;
    let found: BTreeMap<String, u64> = answer
        .iter()
        .map(|group| (json!([group["p0"], group["p1"]]).to_string(), group["events"].as_u64().unwrap()))
        .collect();
    let wanted = [
        (json!(["Pro", 5]), 3),
        (json!(["Pro", "5"]), 4),
        (json!(["pro", 5]), 8),
        (json!([null, true]), 48),
        (json!([long, null]), 64),
        (json!([null, null]), 128),
    ];
    assert_eq!(found, wanted.map(|(key, events)| (key.to_string(), events)).into());
    let values = guest
        .results(json!([
            all("trackEvents"),
            {"eval": {"p0": "properties.plan"}},
            {"filter": "!isNull(p0)"},
            {"group": {"group": ["p0"]}},
            {"reduce": {"values": {"count": null}}},
        ]))
        .await;
    assert_eq!(values[0]["values"], json!(3));
}
