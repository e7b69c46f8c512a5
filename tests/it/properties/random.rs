//! Random events and definitions: values are what the brute force says, also after late rows.

use super::agrees;
use crate::harness::{HOUR_MS, ms, pick, two_accounts};
use pendo_simulator::{Kind, RawRow};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use serde_json::{Value, json};

const SEED: u64 = 11;

fn values() -> impl Strategy<Value = Value> {
    let texts = vec![
        "Pro",
        "pro",
        " PRO ",
        "Free",
        "",
        "5",
        "1e1",
        "2,5",
        "2026-06-30",
        "2026-06-29T23:30:00Z",
        "2026-07-01",
        "2026-07-08",
        "2026-03-31",
        "Ä",
        "ä",
    ];
    prop_oneof![
        4 => select(texts).prop_map(|text| json!(text)),
        2 => (-20..20_i32).prop_map(|number| json!(number)),
        1 => (-400..400_i32).prop_map(|eighths| json!(f64::from(eighths) / 8.0)),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(json!("long ".repeat(40))),
        1 => Just(json!({"a": [1, 2]})),
    ]
}

fn rows() -> impl Strategy<Value = Vec<RawRow>> {
    let visitors = select(vec!["ann@x.test", "bob@x.test", "cid@x.test"]);
    let properties = (prop::option::of(values()), prop::option::of(values()));
    let row =
        (visitors, select(vec!["A-1", "A-2"]), select(vec!["exported", "imported"]), 0..900_i64, 0..4_u32, properties);
    let row = row.prop_map(|(visitor, account, object, hours_ago, events, (plan, rows))| {
        let at_ms = ms("2026-06-30T11:10:00Z") - hours_ago * HOUR_MS;
        let properties = [("plan", plan), ("rows", rows)].into_iter();
        let properties = properties.filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
        let row = RawRow::new(Kind::Track, object, visitor, Some(account), at_ms);
        RawRow { events, properties: Some(Value::Object(properties)), ..row }
    });
    prop::collection::vec(row, 60..140)
}

fn filters() -> impl Strategy<Value = Value> {
    let text = || select(vec!["Pro", "free", "5", "ä", "long", "true"]);
    let name = || select(vec!["plan", "rows"]);
    let one = prop_oneof![
        (name(), select(vec!["is", "is_not", "contains"]), text(), any::<bool>())
            .prop_map(|(property, operator, value, match_case)| json!({"property": property, "operator": operator, "value": value, "match_case": match_case})),
        (name(), select(vec!["any_of", "none_of"]), prop::collection::btree_set(text(), 1..3))
            .prop_map(|(property, operator, value)| json!({"property": property, "operator": operator, "value": value})),
        (name(), select(vec!["present", "blank"]))
            .prop_map(|(property, operator)| json!({"property": property, "operator": operator})),
        (name(), select(vec!["=", "!=", "<", "<=", ">", ">="]), -10..10_i32)
            .prop_map(|(property, operator, value)| json!({"property": property, "operator": operator, "value": value})),
        (name(), select(vec!["within_past", "within_next"]), 1..3_i32)
            .prop_map(|(property, operator, days)| json!({"property": property, "operator": operator, "value": days})),
        (name(), select(vec!["quarter", "year"]), -1..2_i32, 1..13_i32).prop_map(|(property, period, offset, first)| {
            json!({"property": property, "operator": "in_fiscal", "value": {"period": period, "offset": offset, "first_month": first}})
        }),
        (name(), select(vec!["before", "after", "on"]))
            .prop_map(|(property, operator)| json!({"property": property, "operator": operator, "value": "2026-06-29"})),
    ];
    prop::collection::vec(one, 0..3).prop_map(Value::from)
}

fn fields() -> impl Strategy<Value = Vec<Value>> {
    let functions =
        vec!["sum", "average", "min", "max", "latest", "distinct_values", "count", "distinct_visitors", "last_used"];
    let windows =
        vec![json!({"all_time": true}), json!({"rolling_days": 7}), json!({"calendar": "month", "offset": 0})];
    let one = (select(functions), select(vec!["plan", "rows"]), filters(), select(windows), any::<bool>());
    let one = one.prop_map(|(function, property, filters, window, is_account)| {
        let mut body = json!({"object": if is_account { "account" } else { "contact" }, "function": function, "window": window,
            "usage": {"kind": "track", "ids": ["exported", "imported"]}});
        if filters != json!([]) {
            body["usage"]["filters"] = filters;
        }
        if !["count", "distinct_visitors", "last_used"].contains(&function) {
            body["of_property"] = json!(property);
        }
        body
    });
    prop::collection::vec(one, 14)
}

#[tokio::test]
async fn values_of_random_properties_are_those_of_the_brute_force() {
    let mut runner = TestRunner::new(Config { rng_seed: RngSeed::Fixed(SEED), ..Config::default() });
    let n = pick(4, 40);
    let mut drawn = 0;
    for _ in 0..n {
        let (rows, mut fields) = (rows(), fields()).new_tree(&mut runner).unwrap().current();
        let world = two_accounts().await;
        for id in ["exported", "imported"] {
            world.pendo().add_track_type(id, id);
        }
        let (now, late) = rows.split_at(rows.len() - 10);
        now.iter().for_each(|row| world.pendo().inject(row.clone()));
        for (at, field) in fields.iter_mut().enumerate() {
            field["name"] = json!(format!("F {at}"));
        }
        world.fields(&fields).await;
        agrees(&world, &fields).await;
        late.iter().for_each(|row| world.pendo().inject(row.clone()));
        // The weekly comparison finds what came late, however old.
        world.tick_after(24 * 8).await;
        agrees(&world, &fields).await;
        drawn += fields.len();
    }
    println!("properties: seed {SEED}, worlds {n}, fields {drawn}, failures 0");
}
