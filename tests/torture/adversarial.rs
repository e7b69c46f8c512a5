//! Data of a kind that nobody plans for: one account with very many visitors in an hour, ids of two kilobytes, thousands of
//! objects, and usage that outgrows the shards it was laid out for. Values equal the brute force, no item is too large, and
//! what it costs is printed.

use crate::harness::{HOUR_MS, NOW, World, all_time, field, ms};
use crate::reference::Reference;
use crate::size::{Random, pick};
use chrono_tz::Tz;
use pendo_simulator::{Kind, RawRow};
use serde_json::{Value, json};

/// An item of DynamoDB's may have so many bytes.
const ITEM_BYTES_MAX: usize = 400 * 1_024;

/// A row of an hour so many hours ago.
fn row(kind: Kind, object: &str, visitor: &str, account: &str, hours_ago: i64, events: u32) -> RawRow {
    let hour_ms = (ms(NOW) / HOUR_MS - hours_ago) * HOUR_MS;
    RawRow { events, ..RawRow::new(kind, object, visitor, Some(account), hour_ms + 60_000) }
}

/// Text of two kilobytes in which nothing repeats.
fn long(seed: u64) -> String {
    let mut random = Random::new(seed);
    (0..128).map(|_| format!("{:016x}", random.next())).collect()
}

/// The bytes of the largest item in the table.
async fn largest_item(world: &World) -> usize {
    let scan = world.stack.clients().dynamodb.scan().table_name(local::database::TABLE);
    let pages = scan.into_paginator().send().try_collect().await.unwrap();
    let items = pages.iter().flat_map(|page| page.items()).map(|item| {
        let bytes = item.values().map(|value| value.as_b().map_or(0, |bytes| bytes.as_ref().len()));
        let texts = item.values().map(|value| value.as_s().map_or(0, String::len));
        let names = item.keys().map(|name| name.len() + 21);
        bytes.chain(texts).chain(names).sum()
    });
    items.max().unwrap_or_default()
}

/// Connected, with a directory whose accounts and contacts are found by a column of any length.
async fn world_of(accounts: &[String], contacts: &[String], rows: Vec<RawRow>) -> World {
    let world = World::empty().await;
    rows.into_iter().for_each(|row| world.pendo().inject(row));
    world.connect().await;
    for (list, keys, head) in [("accounts", accounts, "id,key\n"), ("contacts", contacts, "id,account_id,key\n")] {
        let ids = keys.iter().enumerate().map(|(n, key)| match list {
            "accounts" => format!("A-{n},{key}\n"),
            _ => format!("C-{n},A-{},{key}\n", n % accounts.len()),
        });
        for part in ids.collect::<Vec<_>>().chunks(1_000) {
            world.upload(list, &format!("{head}{}", part.concat())).await;
        }
    }
    world.matching(&matching()).await;
    world
}

fn matching() -> Value {
    json!({"contact": {"visitor": "visitorId", "object": "key"}, "account": {"account": "accountId", "object": "key"}})
}

/// Each function on both levels, over all time and over a window.
fn fields(kind: &str) -> Vec<Value> {
    let mut fields = Vec::new();
    for object in ["account", "contact"] {
        for function in ["count", "distinct_visitors", "active_days", "last_used"] {
            for (name, window) in [("ever", all_time()), ("month", json!({"rolling_days": 30}))] {
                fields.push(field(&format!("{function} {name}"), object, kind, function, &window));
            }
        }
    }
    fields
}

/// All values equal the brute force, and every item can stand in the table; answers the largest one's bytes.
async fn agrees(world: &World, definitions: &[Value], accounts: &[String], contacts: &[String]) -> usize {
    let status = world.status().await;
    assert_eq!(status["is_complete"], true, "{status}");
    let now_ms = world.stack.clock().now_ms();
    let account = |(n, key): (usize, &String)| (format!("A-{n}"), json!({"id": format!("A-{n}"), "key": key}));
    let contact = |(n, key): (usize, &String)| {
        let id = format!("C-{n}");
        (id.clone(), json!({"id": id, "account_id": format!("A-{}", n % accounts.len()), "key": key}))
    };
    let reference = Reference::new(world.pendo().truth(), &matching(), Tz::UTC, now_ms).with_objects(
        accounts.iter().enumerate().map(account).collect(),
        contacts.iter().enumerate().map(contact).collect(),
    );
    let lines = world.lines().await;
    for definition in definitions {
        for (id, expected) in reference.expected(definition) {
            let part = |name: &str| definition[name].as_str().unwrap().to_owned();
            let line = &lines[&(part("object"), id, part("name"))];
            assert_eq!((&line["value"], line["reason"].as_str()), (&expected.value, expected.reason), "{line}");
        }
    }
    let largest = largest_item(world).await;
    assert!(largest < ITEM_BYTES_MAX, "{largest}");
    largest
}

#[tokio::test]
async fn one_account_with_very_many_visitors_in_an_hour_is_counted_whole() {
    let visitors: u32 = pick(3_000, 100_000);
    let mut rows = Vec::new();
    // One hour of a closed day, which becomes a fold, and one of today, half of whose visitors are the same ones.
    for (hours_ago, first) in [(300, 0), (2, visitors / 2)] {
        for n in first..first + visitors {
            rows.push(row(Kind::Event, "", &format!("visitor-{n}@x.test"), "one", hours_ago, 1 + n % 7));
        }
    }
    let (accounts, contacts) = (["one".to_owned()], ["visitor-5@x.test".to_owned()]);
    let world = world_of(&accounts, &contacts, rows).await;
    world.fields(&fields("event")).await;
    let largest = agrees(&world, &fields("event"), &accounts, &contacts).await;
    world.pendo().inject(row(Kind::Event, "", "visitor-5@x.test", "one", 0, 3));
    world.tick_after(1).await;
    agrees(&world, &fields("event"), &accounts, &contacts).await;
    assert_eq!(world.value("account", "A-0", "distinct_visitors ever").await, visitors + visitors / 2);
    println!("{visitors} visitors of one account in an hour: largest item {largest} bytes");
}

#[tokio::test]
async fn ids_of_two_kilobytes_are_ids_like_any_other() {
    let many: u64 = pick(40, 1_000);
    let accounts: Vec<String> = (0..many / 4).map(long).collect();
    let visitors: Vec<String> = (0..many).map(|n| long(1_000_000 + n)).collect();
    let mut rows = Vec::new();
    for (n, visitor) in (0..).zip(&visitors) {
        for hours_ago in [3, 30, 300 + n % 40] {
            let (account, object) = (&accounts[n as usize % accounts.len()], long(2_000_000 + n as u64 % 30));
            rows.push(row(Kind::Track, &object, visitor, account, hours_ago, 2));
        }
    }
    let world = world_of(&accounts, &visitors, rows).await;
    world.fields(&fields("track")).await;
    let largest = agrees(&world, &fields("track"), &accounts, &visitors).await;
    println!("{many} visitors with ids of 2 KB: largest item {largest} bytes");
}

#[tokio::test]
async fn a_field_over_a_thousand_of_very_many_objects_counts_just_those() {
    let objects: u32 = pick(1_500, 20_000);
    let mut rows = Vec::new();
    for n in 0..objects {
        let visitor = format!("v{}@x.test", n % 9);
        rows.push(row(
            Kind::Feature,
            &format!("feature-{n}"),
            &visitor,
            ["one", "two"][n as usize % 2],
            i64::from(n % 400),
            1,
        ));
    }
    let (accounts, contacts) = (["one".to_owned(), "two".to_owned()], ["v3@x.test".to_owned()]);
    let world = world_of(&accounts, &contacts, rows).await;
    (0..objects).map(|n| format!("feature-{n}")).for_each(|id| world.pendo().add_feature(&id, &id));
    let ids: Vec<String> = (0..1_000).map(|n| format!("feature-{}", n * 3 % objects)).collect();
    let mut definitions = fields("feature");
    for definition in &mut definitions[..3] {
        definition["usage"]["ids"] = json!(ids);
    }
    world.fields(&definitions).await;
    let largest = agrees(&world, &definitions, &accounts, &contacts).await;
    println!("{objects} objects: largest item {largest} bytes");
}

#[tokio::test]
async fn a_day_of_more_rows_than_an_answer_should_have_is_read_in_parts_of_hours() {
    let (visitors, objects): (u32, u32) = (50, pick(38, 400));
    let mut rows = vec![row(Kind::Page, "p0", "v0@x.test", "one", 24 * 90, 1)];
    for n in 0..visitors * objects * 24 {
        let (visitor, object) = (format!("v{}@x.test", n % visitors), format!("p{}", n / visitors % objects));
        // 2026-06-20, from its first hour to its last.
        let hours_ago = 24 * 9 + 13 + i64::from(n / visitors / objects);
        rows.push(row(Kind::Page, &object, &visitor, "one", hours_ago, 1 + n % 3));
    }
    let count = rows.len();
    let (accounts, contacts) = (["one".to_owned()], ["v3@x.test".to_owned()]);
    let world = world_of(&accounts, &contacts, rows).await;
    world.pendo().clear_requests();
    world.fields(&fields("page")).await;
    let largest = agrees(&world, &fields("page"), &accounts, &contacts).await;
    // One more is of the row long before.
    let parts = (count - 1).div_ceil(40_000);
    assert!(world.fetches() > parts.min(24), "{} fetches of {count} rows", world.fetches());
    println!("{count} rows in a day, {} fetches, largest item {largest} bytes", world.fetches());
}

#[tokio::test]
async fn usage_that_outgrows_its_shards_stays_right_and_the_status_says_how_far_it_is() {
    // Laid out for fifty thousand rows a day at most; in the full setting ten times as many come.
    let rows_a_day: u32 = pick(6_000, 500_000);
    let accounts: Vec<String> = (0..40).map(|n| format!("account-{n}")).collect();
    let contacts: Vec<String> = (0..200).map(|n| format!("v{n}@x.test")).collect();
    let before = (0..500).map(|n: u32| {
        let (visitor, account) = (format!("v{}@x.test", n % 300), &accounts[n as usize % 40]);
        row(Kind::Page, &format!("p{}", n % 5), &visitor, account, 40 + i64::from(n % 600), 2)
    });
    let world = world_of(&accounts, &contacts, before.collect()).await;
    world.fields(&fields("page")).await;
    let costs = async |what: &str| {
        let report = world.report().await;
        let of_million = |units: f64| units / report.rows.max(1) as f64 * 1e6;
        println!(
            "{what}: {} rows, {:.0} write and {:.0} read units a million rows",
            report.rows,
            of_million(report.write_units),
            of_million(report.read_units)
        );
    };
    costs("laid out").await;
    for n in 0..rows_a_day {
        let (visitor, account) = (format!("v{}@x.test", n % (rows_a_day / 3)), &accounts[n as usize % 40]);
        let hours_ago = -i64::from(n % 24);
        world.pendo().inject(row(Kind::Page, &format!("p{}", n % 7), &visitor, account, hours_ago, 1));
    }
    for _ in 0..2 {
        world.tick_after(12).await;
        costs("outgrown").await;
    }
    agrees(&world, &fields("page"), &accounts, &contacts).await;
    // A week later all history is compared: the status knows, and days were packed anew.
    world.tick_after(8 * 24).await;
    let largest = agrees(&world, &fields("page"), &accounts, &contacts).await;
    let layout = world.status().await["layout"].clone();
    let busiest = layout["busiest_day_rows"].as_u64().unwrap();
    assert_eq!((&layout["shards"], &layout["meant_for_rows"]), (&json!(4), &json!(50_000)), "{layout}");
    assert!(busiest > u64::from(rows_a_day) / 3, "{layout}");
    println!("{busiest} rows in a day of 4 shards: largest item {largest} bytes");
}
