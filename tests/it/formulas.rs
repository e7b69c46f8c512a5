//! Formulas through the API: created, read, explained, and kept whole; and that what is calculated is what a second way
//! calculates.

use crate::calculator::{Token, calculated};
use crate::harness::{Lines, World, all_time, field, pick, said, two_accounts, used};
use local::AccessLevel;
use pendo_simulator::Kind;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use reqwest::Method;
use serde_json::{Value, json};
use shared::fields::{Formula, Operand, Reason};

const SEED: u64 = 51;
const MONTH: &str = "2026-05-31T00:00:00Z";
const WEEK: &str = "2026-06-23T00:00:00Z";
const TODAY: &str = "2026-06-30T00:00:00Z";

pub(crate) fn formula(name: &str, object: &str, text: &str) -> Value {
    json!({"name": name, "object": object, "formula": text})
}

/// Two accounts with seats. A-1 had three visitors this month and one this week, A-2 none.
pub(crate) async fn with_seats() -> World {
    let world = two_accounts().await;
    for (visitor, at) in
        [("ann@x.test", "2026-06-29T08:00:00Z"), ("zoe@x", "2026-06-02T08:00:00Z"), ("yan@x", "2026-06-03T08:00:00Z")]
    {
        world.pendo().inject(used(Kind::Event, visitor, Some("A-1"), at, 4));
    }
    world.pendo().inject(used(Kind::Event, "bob@x.test", Some("A-2"), "2026-01-02T08:00:00Z", 1));
    world.upload("accounts", "id,name,seats,licence seats,plan\nA-1,One,2,1.50,pro\nA-2,Two,0,,basic\n").await;
    let fields = [
        field("MAU", "account", "event", "distinct_visitors", &json!({"rolling_days": 30})),
        field("WAU", "account", "event", "distinct_visitors", &json!({"rolling_days": 7})),
        field("Last used", "account", "event", "last_used", &json!({"rolling_days": 30})),
        field("Quiet days", "account", "event", "days_since_last_used", &json!({"rolling_days": 30})),
        field("Events", "contact", "event", "count", &all_time()),
    ];
    world.fields(&fields).await;
    world
}

pub(crate) async fn id_of(world: &World, name: &str) -> String {
    let fields = world.get("/v1/fields").await.expect(200);
    let field = fields["items"].as_array().unwrap().iter().find(|field| field["name"] == name).unwrap().clone();
    field["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_formula_has_its_values_at_once_and_neither_pendo_nor_a_run_is_asked() {
    let world = with_seats().await;
    world.pendo().clear_requests();
    let last_run = world.status().await["last_run"].clone();
    let created =
        world.post("/v1/fields", &formula("Seats used", "account", r#"("mau")/directory.seats"#)).await.expect(201);
    assert_eq!(created["formula"], r#""MAU" / directory.seats"#, "as it stands, with the names that stand");
    assert_eq!((&created["values_to_recompute"], &created["backfill"]), (&json!(0), &Value::Null));
    assert_eq!(created.get("usage"), None);
    let line = world.line("account", "A-1", "Seats used").await;
    assert_eq!((&line["value"], &line["reason"]), (&json!(1.5), &Value::Null), "three people on two seats: {line}");
    assert_eq!((&line["from"], &line["to"], &line["coverage"]), (&json!(MONTH), &json!(TODAY), &json!(1.0)), "{line}");
    assert_eq!(world.value("account", "A-2", "Seats used").await, "undefined", "over no seats");

    // The directory is read with the values: no run stands between an upload and what follows of it.
    let rows = "id,seats\nA-2,7\n";
    world.upload_as("accounts", "text/csv", rows).await.expect(200);
    assert_eq!(world.value("account", "A-2", "Seats used").await, 0.0);
    world.idle().await;
    assert_eq!(world.pendo().requests().len(), 0);
    assert_eq!(world.status().await["last_run"], last_run);

    let again = world.post("/v1/fields", &formula("seats USED", "account", r#""MAU"/directory."seats""#)).await;
    assert_eq!(again.expect(409)["pointer"], "/name", "the same formula under a name that differs in case");
    let again = world.post("/v1/fields", &formula("Seats used", "account", r#""mau" /  directory."seats""#)).await;
    assert_eq!(again.expect(200)["id"], created["id"]);
    let listed = world.get(&format!("/v1/fields/{}", created["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(listed["formula"], r#""MAU" / directory.seats"#);
    let kinds = world.status().await["kinds"].as_object().unwrap().len();
    assert_eq!(kinds, 1, "a formula reads no kind");
}

/// The shards' heads, as text.
async fn heads(world: &World) -> Vec<String> {
    let items = world.items().await.into_iter();
    items.filter(|((_, sort), _)| sort == "head").map(|(_, item)| item).collect()
}

#[tokio::test]
async fn a_formula_that_comes_or_goes_lets_no_run_evaluate_anything() {
    let world = with_seats().await;
    let run = async || {
        world.post("/v1/sync", &json!({})).await.expect(202);
        world.idle().await;
    };
    run().await;
    let before = heads(&world).await;
    assert!(!before.is_empty());
    let created = world.post("/v1/fields", &formula("Twice", "account", r#""MAU" * 2"#)).await.expect(201);
    run().await;
    assert_eq!(heads(&world).await, before, "created");
    world.delete(&format!("/v1/fields/{}", created["id"].as_str().unwrap())).await;
    run().await;
    assert_eq!(heads(&world).await, before, "deleted");
    world.field(&field("Other", "account", "event", "count", &json!({"rolling_days": 2}))).await;
    assert_ne!(heads(&world).await, before, "a field of usage does");
}

#[tokio::test]
async fn values_of_formulas_stand_among_the_others_in_every_form() {
    let world = with_seats().await;
    for (name, text) in [
        ("Seats used", r#""MAU" / directory.seats"#),
        ("A share", r#""WAU" / "MAU""#),
        ("Both", r#"-"Seats used" * 2 + "A share""#),
        ("Licences", r#""MAU" / directory."licence seats""#),
        ("Quiet weeks", r#""Quiet days" / 7"#),
    ] {
        world.post("/v1/fields", &formula(name, "account", text)).await.expect(201);
    }
    world.post("/v1/fields", &formula("Twice", "contact", r#""Events" + "events""#)).await.expect(201);
    let lines = world.lines().await;
    let value = |object: &str, id: &str, name: &str| said(&lines[&(object.to_owned(), id.to_owned(), name.to_owned())]);
    assert_eq!(value("account", "A-1", "Both"), json!(-1.5 * 2.0 + 1.0 / 3.0));
    assert_eq!(value("account", "A-1", "Licences"), json!(2.0), "1.50 is a number, as tables write it");
    assert_eq!(value("account", "A-2", "Licences"), json!("no_number"));
    assert_eq!(value("account", "A-2", "A share"), json!("undefined"));
    assert_eq!(value("account", "A-2", "Both"), json!("undefined"));
    assert_eq!(value("account", "A-2", "Quiet weeks"), json!("never_used"));
    assert_eq!(value("contact", "C-1", "Twice"), json!(8.0));
    let share = &lines[&("account".to_owned(), "A-1".to_owned(), "A share".to_owned())];
    assert_eq!((&share["from"], &share["to"]), (&json!(MONTH), &json!(TODAY)), "the longer window: {share}");
    assert_eq!((&share["settled"], &share["final"]), (&json!("settling"), &json!(false)), "{share}");

    let alone = world.get("/v1/values?object=account&id=A-1&field=both").await.expect(200)["items"].clone();
    assert_eq!(alone.as_array().unwrap().len(), 1, "what it is made of is not shown with it");
    assert_eq!(alone[0], lines[&("account".to_owned(), "A-1".to_owned(), "Both".to_owned())]);
    let standard = world.stack.token(AccessLevel::Standard).unwrap();
    let csv = world
        .call_as(&standard, Method::GET, "/v1/values?object=account&format=csv", None, "")
        .await
        .text
        .replace('\r', "");
    let mut rows = csv.lines();
    let heading = rows.next().unwrap();
    assert!(heading.contains("A share") && heading.contains("Seats used"), "{heading}");
    let of = |row: &str, name: &str| {
        let at = heading.split(',').position(|column| column == name).unwrap();
        row.split(',').nth(at).unwrap().to_owned()
    };
    let first = rows.next().unwrap();
    assert_eq!((of(first, "Seats used"), of(first, "A share")), ("1.5".to_owned(), (1.0_f64 / 3.0).to_string()));
    assert_eq!(of(rows.next().unwrap(), "A share"), "");
}

#[tokio::test]
async fn a_formula_says_of_the_windows_under_it_the_least() {
    let world = World::empty().await;
    world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-06-29T08:00:00Z", 4));
    world.connect_with(&json!({"history_from": "2026-06-15"})).await;
    world.upload("accounts", "id,seats\nA-1,2\nA-2,3\n").await;
    world.match_both().await;
    let fields = [
        field("MAU", "account", "event", "distinct_visitors", &json!({"rolling_days": 30})),
        field("WAU", "account", "event", "distinct_visitors", &json!({"rolling_days": 7})),
        field("Long ago", "account", "event", "count", &json!({"calendar": "day", "offset": 12})),
    ];
    world.fields(&fields).await;
    for (name, text) in [
        ("Share", r#""WAU" / "MAU""#),
        ("Twice", r#""WAU" * 2"#),
        ("Old", r#""Long ago" + 1"#),
        ("Mixed", r#""Long ago" + "WAU""#),
    ] {
        world.post("/v1/fields", &formula(name, "account", text)).await.expect(201);
    }
    let share = world.line("account", "A-1", "Share").await;
    assert_eq!((said(&share), &share["from"]), (json!("not_read"), &json!(MONTH)), "{share}");
    assert!((share["coverage"].as_f64().unwrap() - 15.0 / 30.0).abs() < 1e-9, "{share}");
    let twice = world.line("account", "A-1", "Twice").await;
    assert_eq!((said(&twice), &twice["from"], &twice["coverage"]), (json!(2.0), &json!(WEEK), &json!(1.0)), "{twice}");
    assert_eq!(world.value("account", "A-2", "Twice").await, "unmatched");
    let [old, mixed] = [world.line("account", "A-1", "Old").await, world.line("account", "A-1", "Mixed").await];
    assert_eq!((&old["settled"], &old["final"]), (&json!("final"), &json!(true)), "{old}");
    assert_eq!((&mixed["settled"], &mixed["final"]), (&json!("settling"), &json!(false)), "{mixed}");
    assert_eq!((&mixed["from"], &mixed["to"]), (&json!("2026-06-18T00:00:00Z"), &json!(TODAY)), "{mixed}");

    world.delete("/v1/connection?data=keep").await.expect(200);
    let frozen = world.line("account", "A-1", "Twice").await;
    assert_eq!((&frozen["value"], &frozen["reason"]), (&json!(2.0), &json!("disconnected")), "{frozen}");
}

#[tokio::test]
async fn a_formula_is_explained_by_its_operands_and_they_in_turn() {
    let world = with_seats().await;
    for (name, text) in
        [("Seats used", r#""MAU" / directory.seats"#), ("Both", r#""Seats used" + "WAU" / "MAU" - directory.seats"#)]
    {
        world.post("/v1/fields", &formula(name, "account", text)).await.expect(201);
    }
    for account in ["A-1", "A-2"] {
        let path = format!("/v1/values/explain?object=account&id={account}");
        let explanation = world.get(&format!("{path}&field=Both")).await.expect(200);
        let formula = explanation["definition"]["formula"].as_str().unwrap();
        assert_eq!(formula, r#""Seats used" + "WAU" / "MAU" - directory.seats"#);
        let operands = explanation["operands"].as_array().unwrap();
        let names: Vec<&str> = operands.iter().map(|operand| operand["operand"].as_str().unwrap()).collect();
        assert_eq!(names, ["\"Seats used\"", "\"WAU\"", "\"MAU\"", "directory.seats"]);
        let number = |token: &Token| {
            let name = match token {
                Token::Field(name) => format!("\"{name}\""),
                Token::Column(name) => format!("directory.{name}"),
                other => panic!("{other:?}"),
            };
            let operand = operands.iter().find(|operand| operand["operand"] == name).unwrap();
            operand["value"].as_f64().ok_or("undefined")
        };
        let calculated = calculated(formula, &number).map_or_else(|reason| json!(reason), |value| json!(value));
        assert_eq!(said(&explanation), calculated, "{explanation}");
        assert_eq!(explanation["is_current"], true);
        for operand in operands.iter().filter(|operand| !operand["field"].is_null()) {
            let deeper = world.get(&format!("{path}&field={}", operand["field"].as_str().unwrap())).await.expect(200);
            assert_eq!((&deeper["value"], &deeper["reason"]), (&operand["value"], &operand["reason"]), "{operand}");
        }
        let nobody = ["items", "days", "objects", "left_out"].map(|member| explanation[member] == json!([]));
        assert_eq!((nobody, &explanation["people"], &explanation["total"]), ([true; 4], &json!(0), &Value::Null));
        assert!(!explanation.to_string().contains("ann@x.test") || account == "A-2", "no visitor: {explanation}");
    }
    let said = world.get("/v1/values/explain?object=account&id=A-1&field=seats%20used").await.expect(200);
    assert_eq!(
        said["sentence"],
        r#"Seats used of account A-1 is 1.5: "MAU" / directory.seats, with "MAU" 3, directory.seats 2.0."#
    );
    assert_eq!(said["matching"]["status"], "matched");
    let mau = world.get("/v1/values/explain?object=account&id=A-1&field=MAU").await.expect(200);
    assert_eq!((&mau["operands"], mau["items"].as_array().unwrap().len()), (&json!([]), 3));
}

#[tokio::test]
async fn what_can_not_be_calculated_is_refused_with_its_place_and_changes_nothing() {
    let world = with_seats().await;
    world.post("/v1/fields", &formula("Seats used", "account", r#""MAU" / directory.seats"#)).await.expect(201);
    let before = world.items().await;
    let deep = format!("{}\"MAU\"{}", "(".repeat(40), ")".repeat(40));
    let long = format!("\"MAU\"{}", " + \"MAU\"".repeat(100));
    for (object, text, pointer, part) in [
        ("account", r#""MAU" / "Last used""#, "/formula", "\"Last used\" at character 9"),
        ("account", r#""MAU" / "DAU""#, "/formula", "\"DAU\" (character 9"),
        ("account", r#""Wrong" + 1"#, "/formula", "comes back to itself"),
        ("contact", r#""MAU" / 2"#, "/formula", "a field of accounts"),
        (
            "account",
            r#""MAU" / directory.plan"#,
            "/formula",
            "account has a number in the column \"plan\" (character 9",
        ),
        ("account", r#""MAU" / directory.seat"#, "/formula", "account has a column \"seat\" (character 9"),
        ("contact", r#""Events" / directory.seats"#, "/formula", "contact has a column \"seats\""),
        ("account", r#"MAU / 2"#, "/formula", "\"MAU\" at character 1"),
        ("account", r#""MAU" / / 2"#, "/formula", "character 9"),
        ("account", "", "/formula", "character 1"),
        ("account", "1 + 1", "/formula", "no calculated field"),
        ("account", &deep, "/formula", "more than 32"),
        ("account", &long, "/formula", "more than 100"),
    ] {
        let refused = world.post("/v1/fields", &formula("Wrong", object, text)).await.expect(422);
        assert_eq!(
            (&refused["pointer"], &refused["type"]),
            (&json!(pointer), &json!("/problems/invalid-field")),
            "{text}"
        );
        assert!(refused["detail"].as_str().unwrap().contains(part), "{text}: {refused}");
    }
    let mut both = formula("Wrong", "account", r#""MAU" * 2"#);
    both["function"] = json!("count");
    assert_eq!(world.post("/v1/fields", &both).await.expect(422)["pointer"], "/function");
    world.idle().await;
    assert_eq!(world.items().await, before);
}

/// A formula's text of random shape, with spaces and brackets that need not be there.
fn texts() -> impl Strategy<Value = String> {
    let names: Vec<String> = NAMES.iter().map(|name| format!("\"{name}\"")).collect();
    let leaf = prop_oneof![
        3 => prop::sample::select(names),
        1 => prop::sample::select(vec!["directory.seats", "directory.\"plan b\"", "directory.none"]).prop_map(str::to_owned),
        1 => "[0-9]{1,3}(\\.[0-9]{1,2})?",
    ];
    let formula = leaf.prop_recursive(5, 24, 2, |inner| {
        prop_oneof![
            3 => (inner.clone(), "[-+*/]", inner.clone(), "[ ]{0,2}")
                .prop_map(|(left, sign, right, space)| format!("({left}){space}{sign}{space}({right})")),
            3 => (inner.clone(), "[-+*/]", inner.clone()).prop_map(|(left, sign, right)| format!("{left} {sign} {right}")),
            1 => inner.prop_map(|inner| format!("-({inner})")),
        ]
    });
    // At least one field, and without a bracket in front.
    (formula, "[-+*/]").prop_map(|(text, sign)| format!("{text}{sign}\"a\""))
}

const NAMES: [&str; 4] = ["a", "b", "Zero", "none at all"];

#[test]
fn every_formula_comes_to_what_a_second_way_says() {
    let mut runner =
        TestRunner::new(Config { rng_seed: RngSeed::Fixed(SEED), failure_persistence: None, ..Config::default() });
    let number = prop_oneof![6 => (-50..50_i32).prop_map(f64::from), 2 => any::<f64>(), 1 => Just(f64::MAX)];
    let drawn = (texts(), prop::collection::vec(number, 5), 0..4_usize);
    let (n, mut numbers, mut undefined, mut missing) = (pick(4_000, 20_000), 0, 0, 0);
    for _ in 0..n {
        let (text, values, lacking) = drawn.new_tree(&mut runner).unwrap().current();
        // `none at all` is sometimes without a value, and the column `none` always.
        let value = |name: &str| match name {
            "a" => Ok(values[0]),
            "b" => Ok(values[1]),
            "Zero" => Ok(0.0),
            "none at all" if lacking > 0 => Ok(values[2]),
            "none at all" => Err(("never_used", Reason::NeverUsed)),
            "seats" => Ok(values[3]),
            "plan b" => Ok(values[4]),
            _ => Err(("no_number", Reason::NoNumber)),
        };
        let second = calculated(&text, &|token| match token {
            Token::Field(name) | Token::Column(name) => value(name).map_err(|(reason, _)| reason),
            other => panic!("{other:?}"),
        });
        let formula = Formula::parse(&text).unwrap();
        let first = formula.evaluate(&|operand| match operand {
            Operand::Field(name) | Operand::Directory(name) => value(name).map_err(|(_, reason)| reason),
        });
        assert_eq!(first.map(f64::to_bits).map_err(Reason::name), second.map(f64::to_bits), "{text} of {values:?}");
        let printed = Formula::parse(&formula.to_string()).unwrap();
        assert_eq!(printed, formula, "{text}");
        match second {
            Ok(_) => numbers += 1,
            Err("undefined") => undefined += 1,
            Err(_) => missing += 1,
        }
    }
    println!(
        "formulas drawn: seed {SEED}, n {n}, {numbers} numbers, {undefined} undefined, {missing} of what is missing, failures 0"
    );
    assert!(numbers * 4 > n && undefined * 20 > n && missing * 20 > n, "{numbers} {undefined} {missing}");
}

#[tokio::test]
async fn formulas_over_what_was_read_are_what_their_lines_say() {
    let world = with_seats().await;
    let mut runner =
        TestRunner::new(Config { rng_seed: RngSeed::Fixed(SEED), failure_persistence: None, ..Config::default() });
    let rename = |text: String| {
        let text = text.replace("\"a\"", "\"MAU\"").replace("\"b\"", "\"WAU\"").replace("\"Zero\"", "\"Quiet days\"");
        text.replace("none at all", "mau")
            .replace("directory.none", "directory.seats")
            .replace("plan b", "licence seats")
    };
    let texts: Vec<String> =
        (0..pick(25, 150)).map(|_| rename(texts().new_tree(&mut runner).unwrap().current())).collect();
    for (at, text) in texts.iter().enumerate() {
        world.post("/v1/fields", &formula(&format!("F {at}"), "account", text)).await.expect(201);
    }
    let lines: Lines = world.lines().await;
    let cells = [
        ("A-1", "seats", Some(2.0)),
        ("A-1", "licence seats", Some(1.5)),
        ("A-2", "seats", Some(0.0)),
        ("A-2", "licence seats", None),
    ];
    for account in ["A-1", "A-2"] {
        let line = |name: &str| &lines[&("account".to_owned(), account.to_owned(), name.to_owned())];
        for (at, text) in texts.iter().enumerate() {
            let second = calculated(text, &|token| match token {
                Token::Field(name) if name == "mau" => Ok(line("MAU")["value"].as_f64().unwrap()),
                Token::Field(name) => line(name)["value"].as_f64().ok_or("never_used"),
                Token::Column(name) => {
                    let cell = cells.iter().find(|(of, column, _)| (*of, *column) == (account, name.as_str()));
                    cell.unwrap().2.ok_or("no_number")
                }
                other => panic!("{other:?}"),
            });
            let second = second.map_or_else(|reason| json!(reason), |value| json!(value));
            assert_eq!(said(line(&format!("F {at}"))), second, "{text} of {account}");
        }
    }
}
