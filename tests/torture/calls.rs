//! Each question that a run asks fails for good, one after the other: it is told, nothing is vouched for that was not read, and
//! the next run is right.

use crate::harness::{World, all_time, both_levels, field, two_accounts, used};
use crate::reference::Reference;
use chrono_tz::Tz;
use pendo_simulator::{Faults, Kind, Trouble};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What a question is for: its path, and for an aggregation its source and whether it asks for rows or for totals.
fn site(path: &str, body: &str) -> (String, String) {
    let sources =
        ["pageEvents", "featureEvents", "guideEvents", "\"events\"", "\"visitors\"", "\"accounts\"", "doNotProcess"];
    let source = sources.iter().find(|source| body.contains(**source));
    (path.to_owned(), source.map(|source| (*source).to_owned()).unwrap_or_default())
}

async fn shown(world: &World) -> Vec<Value> {
    world.lines().await.into_values().map(|line| line["value"].clone()).collect()
}

async fn expected(world: &World) -> Vec<Value> {
    let truth = Reference::new(world.pendo().truth(), &both_levels(), Tz::UTC, world.stack.clock().now_ms())
        .with_directory("id,name\nA-1,One\nA-2,Two\n", "id,account_id,email\nC-1,A-1,ann@x.test\nC-2,A-2,bob@x.test\n");
    let mut all = std::collections::BTreeMap::new();
    for definition in fields() {
        for (id, value) in truth.expected(&definition) {
            all.insert((id, definition["name"].to_string()), value.value);
        }
    }
    all.into_values().collect()
}

fn fields() -> Vec<Value> {
    ["page", "feature", "guide", "event"].map(|kind| field(kind, "account", kind, "count", &all_time())).to_vec()
}

#[tokio::test]
async fn whatever_question_fails_for_good_is_told_and_the_next_run_is_right() {
    let world = two_accounts().await;
    let workspace = world.workspace();
    let use_all = |at: &str| {
        for kind in [Kind::Page, Kind::Feature, Kind::Guide, Kind::Event] {
            world.pendo().inject(used(kind, "ann@x.test", Some("A-1"), at, 3));
            world.pendo().inject(used(kind, "bob@x.test", Some("A-2"), at, 4));
        }
    };
    use_all("2026-06-30T10:10:00Z");
    world.fields(&fields()).await;
    // A week later everything is asked for.
    world.advance(8 * 24);
    use_all("2026-07-08T10:10:00Z");
    world.pendo().clear_requests();
    world.tick().await;
    let asked = world.pendo().requests();
    let sites: BTreeSet<(String, String)> = asked.iter().map(|request| site(&request.path, &request.body)).collect();
    assert!(sites.len() > 6, "{sites:?}");
    let mut failures = Vec::new();
    for (day, (path, body)) in sites.iter().enumerate() {
        world.advance(8 * 24);
        let at = chrono::DateTime::from_timestamp_millis(world.stack.clock().now_ms() - 2 * crate::harness::HOUR_MS);
        use_all(&at.unwrap().to_rfc3339());
        let before = shown(&world).await;
        let only_body = Some(body.clone()).filter(|body| !body.is_empty());
        let (troubles, only_path) = (vec![Trouble::CutCleanly], Some(path.clone()));
        world.pendo().set_faults(Faults { trouble_percent: 100, troubles, only_path, only_body, ..Faults::default() });
        let end = shared::sync::run(world.stack.context(), &workspace, None).await;
        world.pendo().set_faults(Faults::default());
        let status = world.status().await;
        let kinds = status["kinds"].as_object().unwrap();
        let is_told = end.is_err()
            || status["last_run"]["error"].is_string()
            || kinds.values().any(|kind| kind["error"].is_string());
        let (now, truth) = (shown(&world).await, expected(&world).await);
        // Lists are for edits of tags and for names; usage is whole without them.
        if !is_told && now != truth {
            failures.push(format!("{path} {body}: not told, and {now:?} instead of {truth:?}: {status}"));
        }
        let is_between =
            now.iter().zip(before.iter().zip(&truth)).all(|(now, (before, truth))| now == before || now == truth);
        if !is_between {
            failures.push(format!("{path} {body}: {before:?} became {now:?} of {truth:?}"));
        }
        world.tick_after(1).await;
        if shown(&world).await != expected(&world).await {
            failures.push(format!("{path} {body}: a clean run later not right (site {day})"));
        }
    }
    println!("every question to Pendo fails for good: n {}, failures {}", sites.len(), failures.len());
    assert!(failures.is_empty(), "{failures:#?}");
}

#[tokio::test]
async fn a_kind_whose_rows_do_not_arrive_keeps_its_window_past_midnight() {
    let world = two_accounts().await;
    world.pendo().inject(used(Kind::Page, "ann@x.test", Some("A-1"), "2026-06-30T10:10:00Z", 10));
    let today = json!({"rolling_days": 1, "complete_days": false});
    world.fields(&[field("today", "account", "page", "count", &today)]).await;
    for _ in 0..10 {
        world.tick_after(1).await;
    }
    for n in 0..64 {
        // One page in one hour: it can't be asked for in smaller parts.
        let (visitor, account) = (format!("v{}@x.test", n % 8), format!("B-{}", n / 8));
        world.pendo().inject(used(Kind::Page, &visitor, Some(&account), "2026-06-30T23:20:00Z", 1));
    }
    let before = world.line("account", "A-1", "today").await;
    assert_eq!((&before["value"], &before["to"]), (&json!(10), &json!("2026-06-30T22:00:00Z")));
    world.pendo().set_faults(Faults { max_bytes: 3_000, ..Faults::default() });
    for _ in 0..2 {
        world.advance(1);
        drop(shared::sync::run(world.stack.context(), &world.workspace(), None).await);
    }
    let after = world.line("account", "A-1", "today").await;
    assert_eq!((&after["value"], &after["to"]), (&json!(10), &json!("2026-06-30T23:00:00Z")), "{after}");
    world.pendo().set_faults(Faults::default());
    world.tick_after(1).await;
    assert_eq!(world.line("account", "A-1", "today").await["value"], 0);
}
