//! What Pendo is asked: in a quiet hour, in a day of hourly runs, and when it refuses.

use crate::chart::{Chart, Line};
use crate::world::{HOUR_MS, NOW, World, head, line, twenty_fields, whole};
use pendo_simulator::{Faults, Kind, Late, Options as Subscription, RawRow};
use reqwest::Method;
use serde_json::json;
use shared::time::HourRange;
use std::collections::BTreeMap;

const KINDS: [&str; 5] = ["event", "feature", "guide", "page", "track"];
/// Days in which the sync runs twice.
const TWICE_DAYS: u32 = 10;
/// Hourly runs while requests are refused.
const FORBIDDEN_HOURS: usize = 24;

/// A quiet hour with 1,000 features, all kinds mapped, both levels matched.
pub(crate) async fn quiet_hour() {
    let world = World::standing(&Subscription::empty()).await;
    let at_ms = shared::time::parse_instant(NOW).unwrap() - 5 * HOUR_MS;
    for number in 0..1_000 {
        let id = format!("feature-{number}");
        world.pendo().add_feature(&id, &id);
        world.pendo().inject(RawRow::new(Kind::Feature, &id, "ann@x.test", Some("A-1"), at_ms));
    }
    for kind in [Kind::Event, Kind::Page, Kind::Track, Kind::Guide] {
        world.pendo().inject(RawRow::new(kind, "one", "ann@x.test", Some("A-1"), at_ms));
    }
    world.upload("accounts", "id\nA-1\n").await;
    world.upload("contacts", "id,account_id,email\nC-1,A-1,ann@x.test\n").await;
    let both = json!({"contact": {"visitor": "visitorId", "object": "email"},
                      "account": {"account": "accountId", "object": "id"}});
    world.api.send(Method::PUT, "/v1/matching", &both).await.unwrap();
    world.map(&twenty_fields(&KINDS)).await;
    world.next_hour().await;
    world.pendo().clear_requests();
    world.next_hour().await;
    let mut paths: BTreeMap<String, usize> = BTreeMap::new();
    for request in world.pendo().requests() {
        let is_usage = request.body.contains("timeSeries");
        let what = if is_usage { "probe of a kind".to_owned() } else { format!("{} {}", request.method, request.path) };
        *paths.entry(what).or_default() += 1;
    }
    let report = world.report().await;
    head("Requests of a quiet hour: 1,000 features, five kinds, both levels", &["request", "times"]);
    paths.iter().for_each(|(what, times)| line(&[what.clone(), times.to_string()]));
    line(&["all".to_owned(), report.pendo_requests.to_string()]);
    line(&["items of usage or values written".to_owned(), (report.usage_writes + report.value_writes).to_string()]);
    world.stack.stop().await;
}

/// Rows asked for in a day of hourly runs, against the rows of that day.
pub(crate) async fn a_day() {
    let lateness = [
        ("none late", Late::Never),
        ("1 % up to 72 h late", Late::Share { percent: 1, hours: 72 }),
        ("5 % up to 72 h late", Late::Share { percent: 5, hours: 72 }),
        ("20 % up to 72 h late", Late::Share { percent: 20, hours: 72 }),
        ("3 % up to 8 h, 0.5 % up to 8 days, some in two parts (the simulator's own)", Late::Mixed),
    ];
    let mut ratios = Vec::new();
    head(
        "Rows asked for in a day of hourly runs, all kinds, 200 accounts and 12,000 visitors",
        &["late rows", "rows of the day", "rows asked for", "ratio", "usage requests", "hours that differ at the end"],
    );
    for (name, late) in lateness {
        let subscription = Subscription { accounts: 200, visitors: 12_000, days: 14, late, ..Subscription::default() };
        let world = World::standing(&subscription).await;
        world.map(&twenty_fields(&KINDS)).await;
        let from = world.as_of();
        let (mut asked, mut requests) = (0, 0);
        for _ in 0..24 {
            world.next_hour().await;
            let report = world.report().await;
            (asked, requests) = (asked + report.rows, requests + report.usage_requests);
        }
        let exist = world.rows_in(HourRange { from, to: world.as_of() }).await;
        let differing = differing(&world).await;
        let percent = match late {
            Late::Never => Some(0.0),
            Late::Share { percent, .. } => Some(f64::from(percent)),
            Late::Mixed => None,
        };
        ratios.extend(percent.map(|percent| (percent, asked as f64 / exist as f64)));
        line(&[
            name.to_owned(),
            whole(exist as f64),
            whole(asked as f64),
            format!("{:.2}", asked as f64 / exist as f64),
            whole(requests as f64),
            differing.to_string(),
        ]);
        world.stack.stop().await;
    }
    Chart {
        name: "lateness",
        title: "Rows asked for in a day of hourly runs, over the rows of the day",
        across: "percent of the rows that are up to 72 h late",
        lines: vec![Line { name: "ratio", points: ratios }],
    }
    .draw();
}

async fn differing(world: &World) -> usize {
    let status = world.api.get("/v1/status").await.unwrap();
    let kinds = status["kinds"].as_array().cloned().unwrap_or_default();
    kinds.iter().filter_map(|kind| kind["differing"].as_array().map(Vec::len)).sum()
}

/// Five percent of the rows come up to 72 hours late, and the sync runs twice a day: does it see all of them?
pub(crate) async fn twice_a_day() {
    let late = Late::Share { percent: 5, hours: 72 };
    let subscription = Subscription { accounts: 100, visitors: 6_000, days: 14, late, ..Subscription::default() };
    let world = World::standing(&subscription).await;
    world.map(&twenty_fields(&KINDS)).await;
    let from = world.as_of();
    for _ in 0..2 * TWICE_DAYS {
        world.pass(12);
        world.stack.tick().await.unwrap();
    }
    // What was used in the last three days may still be on its way to Pendo.
    let range = HourRange { from, to: world.as_of().plus(-72) };
    let (exist, stand) = (world.rows_in(range).await, world.rows_stored(range).await);
    head("Late rows: 5 % up to 72 h late, the sync runs twice a day for ten days", &["", ""]);
    line(&["rows that Pendo has of the days that are settled".to_owned(), whole(exist as f64)]);
    line(&["of them not stored".to_owned(), whole(exist as f64 - stand as f64)]);
    world.stack.stop().await;
}

/// A tenth of all requests is answered 403 for a day of hourly runs.
pub(crate) async fn forbidden() {
    let subscription = Subscription { accounts: 60, visitors: 3_000, days: 30, ..Subscription::default() };
    let well = World::standing(&subscription).await;
    let faulty = World::standing(&subscription).await;
    faulty.pendo().set_faults(Faults { forbidden_percent: 10, ..Faults::default() });
    let fields = twenty_fields(&KINDS);
    for world in [&well, &faulty] {
        world.map(&fields).await;
    }
    let mut wrong = Vec::new();
    for hour in 0..FORBIDDEN_HOURS + 12 {
        for world in [&well, &faulty] {
            world.next_hour().await;
        }
        let count = well
            .values()
            .await
            .iter()
            .zip(faulty.values().await)
            .filter(|(one, other)| one["value"] != other["value"])
            .count();
        wrong.push(count);
        if hour + 1 >= FORBIDDEN_HOURS && count == 0 {
            break;
        }
    }
    let refused = faulty.pendo().requests().iter().filter(|request| request.status == 403).count();
    let all = faulty.pendo().requests().len();
    let status = faulty.api.get("/v1/connection").await.unwrap();
    head("403 on 10 % of requests, hourly runs from the first sync on", &["", ""]);
    line(&["requests, of them refused".to_owned(), format!("{all}, {refused}")]);
    line(&[
        "hourly runs, of them with any value other than without faults".to_owned(),
        format!("{}, {}", wrong.len(), wrong.iter().filter(|count| **count > 0).count()),
    ]);
    line(&["values other than without faults, in the end".to_owned(), wrong.last().unwrap_or(&0).to_string()]);
    line(&["connection".to_owned(), status["status"].as_str().unwrap_or_default().to_owned()]);
    line(&["jobs that failed three times".to_owned(), faulty.stack.dead_letters().len().to_string()]);
    for world in [well, faulty] {
        world.stack.stop().await;
    }
}
