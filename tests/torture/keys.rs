//! What is one row and what are two: rows that differ only in what nobody asked for are added up by Pendo and counted whole;
//! rows that differ in who, where or when stay apart; and a row that grew is replaced.

use crate::harness::{HOUR_MS, World, all_time, field, two_accounts, used};
use pendo_simulator::{Kind, RawRow, SECOND_APP};
use serde_json::json;
use std::collections::BTreeSet;

/// A member of a raw row in which the second of two rows is another.
type Differs = (&'static str, fn(&mut RawRow));

const DIFFERS: [Differs; 11] = [
    ("nothing", |_| {}),
    ("user agent", |row| row.user_agent = "another browser".to_owned()),
    ("address", |row| row.remote_ip = "203.0.113.77".to_owned()),
    ("server", |row| row.server = "other.example.com".to_owned()),
    ("parameters", |row| row.parameters = Some(json!({"tab": "2"}))),
    ("properties", |row| row.properties = Some(json!({"plan": "gold"}))),
    ("first and last time", |row| (row.first_ms, row.last_ms) = (row.first_ms + 9_000, row.last_ms + 90_000)),
    ("app", |row| row.app_id = SECOND_APP),
    ("object", |row| row.object_id = "another".to_owned()),
    ("visitor", |row| row.visitor_id = "eve@x.test".to_owned()),
    ("hour", |row| {
        row.hour_ms -= HOUR_MS;
        (row.first_ms, row.last_ms) = (row.first_ms - HOUR_MS, row.last_ms - HOUR_MS);
    }),
];

/// The pair of rows of a member, in hours of its own.
fn pair(kind: Kind, at: usize) -> [RawRow; 2] {
    let instant = format!("2026-06-28T{:02}:10:00Z", 2 * at + 1);
    let one = used(kind, "ann@x.test", Some("A-1"), &instant, 10);
    let mut other = RawRow { events: 3, ..one.clone() };
    DIFFERS[at].1(&mut other);
    [one, other]
}

async fn shows(world: &World, name: &str, field: &str, when: &str) {
    let truth: u64 = world.pendo().truth().iter().map(|row| u64::from(row.events)).sum();
    assert_eq!(world.value("account", "A-1", field).await, truth, "{name}: {when}");
    let status = world.status().await["kinds"][name].clone();
    assert_eq!((&status["hours_unverified"], &status["hours_differing"]), (&json!(0), &json!(0)), "{name}: {when}");
}

#[tokio::test]
async fn rows_that_differ_in_anything_are_counted_once_each_and_a_row_that_grew_replaces_itself() {
    let mut n = 0;
    for (kind, name) in
        [(Kind::Page, "page"), (Kind::Feature, "feature"), (Kind::Event, "event"), (Kind::Track, "track")]
    {
        let world = two_accounts().await;
        let rows: Vec<RawRow> = (0..DIFFERS.len()).flat_map(|at| pair(kind, at)).collect();
        rows.iter().for_each(|row| world.pendo().inject(row.clone()));
        world.field(&field("Uses", "account", name, "count", &all_time())).await;
        shows(&world, name, "Uses", "at first").await;
        // All activity is told apart by who, where and when, not by what.
        let object = |row: &RawRow| if kind == Kind::Event { String::new() } else { row.object_id.clone() };
        let key = |row: &RawRow| (row.visitor_id.clone(), row.app_id, row.hour_ms, object(row));
        let different: BTreeSet<_> = rows.iter().map(key).collect();
        assert_eq!(world.report().await.rows, different.len() as u64, "{name}: rows that stay apart");
        // The first of each pair goes on to be used: its last time, minutes and events grow.
        world.pendo().remove(|row| row.events == 10);
        for row in rows.iter().filter(|row| row.events == 10) {
            let grown = RawRow { events: 14, minutes: row.minutes + 1, last_ms: row.last_ms + 600_000, ..row.clone() };
            world.pendo().inject(grown);
        }
        world.tick_after(1).await;
        shows(&world, name, "Uses", "when rows grew").await;
        world.field(&field("Anew", "account", name, "count", &all_time())).await;
        shows(&world, name, "Anew", "from what is stored").await;
        n += 2 * DIFFERS.len();
    }
    println!("rows that differ in one member: n {n}, failures 0");
}
