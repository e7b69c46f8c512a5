//! Golden cases, for people who read no code: a folder each, with the rows that Pendo has, a field's definition, and what its
//! values should be and why. The brute force must say the same.
//!
//! A field that was changed has beside it what it was before (`before.json`); its value is that of the second version. A formula has beside it the fields that it uses (`fields.json`) and the columns of the directory (`directory.csv`).
//!
//! `rows.csv` has one line for an hour of somebody's use; a line of a track event may end with what its properties are, as
//! `plan=Pro;rows=12`, where `rows="12"` is a number that was sent as text. In `expected.json` a value is a number, a time, `3/8` for three over
//! eight, or why there is none. Ids are the case's own: `acme` of one case is not that of another.

use crate::calculator;
use crate::harness::{HOUR_MS, World, both_levels, ms, said};
use crate::reference::Reference;
use chrono_tz::Tz;
use pendo_simulator::{DEFAULT_APP, Kind, Options, RawRow};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

struct Case {
    name: String,
    rows: Vec<RawRow>,
    definition: Value,
    /// What it was before it was changed.
    before: Option<Value>,
    /// What a formula uses.
    fields: Vec<Value>,
    /// Columns of the accounts by their ids.
    directory: BTreeMap<String, BTreeMap<String, String>>,
    expected: Value,
}

/// Something of this case's own.
fn of(case: &str, id: &str) -> String {
    format!("{case}.{id}")
}

fn row(case: &str, line: &str) -> RawRow {
    let cells: Vec<&str> = line.split(',').collect();
    let [account, visitor, kind, object, at, events, minutes, ref properties @ ..] = cells[..] else {
        panic!("{case}: {line}")
    };
    let kind = match kind {
        "track" => Kind::Track,
        "page" => Kind::Page,
        "feature" => Kind::Feature,
        other => panic!("{case}: no kind {other}"),
    };
    let at_ms = ms(at);
    let mut row = RawRow::new(kind, &of(case, object), &of(case, visitor), Some(&of(case, account)), at_ms);
    row.hour_ms = at_ms - at_ms.rem_euclid(HOUR_MS);
    (row.events, row.minutes) = (events.parse().unwrap(), minutes.parse().unwrap());
    let pairs = properties.iter().flat_map(|cell| cell.split(';')).filter_map(|pair| pair.split_once('='));
    let pair = |(name, text): (&str, &str)| {
        (name.to_owned(), serde_json::from_str::<Value>(text).unwrap_or_else(|_| json!(text)))
    };
    row.properties = (!properties.is_empty()).then(|| Value::Object(pairs.map(pair).collect()));
    row
}

/// `account`, and columns.
fn directory(case: &str, text: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<String>>());
    let columns = lines.next().unwrap();
    let object = |cells: Vec<String>| {
        let row = columns.iter().cloned().zip(cells.iter().cloned()).skip(1).collect();
        (of(case, &cells[0]), row)
    };
    lines.map(object).collect()
}

fn cases() -> Vec<Case> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("it/golden");
    let folders = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let case = |folder: PathBuf| {
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let read = |file: &str| std::fs::read_to_string(folder.join(file)).unwrap();
        let json = |file: &str| serde_json::from_str::<Value>(&read(file)).unwrap();
        let rows = read("rows.csv").lines().skip(1).map(|line| row(&name, line)).collect();
        let own = |mut definition: Value| {
            for list in ["/usage/ids", "/usage/exclude/visitors", "/usage/exclude/contacts"] {
                if let Some(ids) = definition.pointer_mut(list).and_then(Value::as_array_mut) {
                    ids.iter_mut().for_each(|id| *id = json!(of(&name, id.as_str().unwrap())));
                }
            }
            definition
        };
        let definition = own(json("definition.json"));
        let beside = |file: &str| std::fs::read_to_string(folder.join(file)).ok();
        let fields = beside("fields.json").map_or_else(Vec::new, |text| serde_json::from_str(&text).unwrap());
        let directory = beside("directory.csv").map_or_else(BTreeMap::new, |text| directory(&name, &text));
        let before = beside("before.json").map(|text| own(serde_json::from_str(&text).unwrap()));
        Case { rows, definition, before, fields, directory, expected: json("expected.json"), name }
    };
    folders.map(case).collect()
}

/// What a value should read: `3/8` is a quotient.
fn meant(expected: &Value) -> Value {
    let parts = expected.as_str().and_then(|text| text.split_once('/'));
    let number = |text: &str| text.parse::<f64>().unwrap();
    parts.map_or_else(|| expected.clone(), |(numerator, denominator)| json!(number(numerator) / number(denominator)))
}

async fn agree(now: &str, zone: Tz, cases: &[&Case]) {
    let world = World::kept_in(Options::empty(), None, now).await;
    let (mut accounts, mut contacts) = (BTreeMap::new(), BTreeMap::new());
    for case in cases {
        let definitions = [Some(&case.definition), case.before.as_ref()].into_iter().flatten();
        for id in definitions.filter_map(|definition| definition["usage"]["ids"].as_array()).flatten() {
            let id = id.as_str().unwrap();
            let kind = if case.definition["usage"]["kind"] == "track" { Kind::Track } else { Kind::Feature };
            world.pendo().add_object(kind, id, id, DEFAULT_APP);
        }
        for row in &case.rows {
            world.pendo().inject(row.clone());
            let account = row.account_id.clone().unwrap();
            accounts.insert(account.clone(), case.directory.get(&account).cloned().unwrap_or_default());
            contacts.entry(row.visitor_id.clone()).or_insert(account);
        }
    }
    world.connect_with(&json!({"time_zone": zone.name()})).await;
    let columns: BTreeSet<String> = accounts.values().flat_map(BTreeMap::keys).cloned().collect();
    let cells = |cells: BTreeMap<String, String>| -> String {
        columns.iter().map(|column| format!(",{}", cells.get(column).map_or("", String::as_str))).collect()
    };
    let accounts: String = accounts.into_iter().map(|(id, row)| format!("{id}{}\n", cells(row))).collect();
    let contacts: String = contacts.into_iter().map(|(id, account)| format!("{id},{account},{id}\n")).collect();
    let (accounts, contacts) = (
        format!("id{}\n{accounts}", columns.iter().map(|column| format!(",{column}")).collect::<String>()),
        format!("id,account_id,email\n{contacts}"),
    );
    world.upload("accounts", &accounts).await;
    world.upload("contacts", &contacts).await;
    world.match_both().await;
    let of_case = |case: &&Case| {
        let first = case.before.as_ref().unwrap_or(&case.definition);
        case.fields.iter().chain([first]).cloned().collect::<Vec<Value>>()
    };
    let definitions: Vec<Value> = cases.iter().flat_map(of_case).collect();
    world.fields(&definitions).await;
    let stand = world.get("/v1/fields").await.expect(200);
    for case in cases.iter().filter(|case| case.before.is_some()) {
        let is_it = |field: &&Value| field["name"] == case.before.as_ref().unwrap()["name"];
        let id = stand["items"].as_array().unwrap().iter().find(is_it).unwrap()["id"].as_str().unwrap();
        world.put(&format!("/v1/fields/{id}"), &case.definition).await.expect(200);
    }
    world.idle().await;
    let lines = world.lines().await;
    let reference =
        Reference::new(world.pendo().truth(), &both_levels(), zone, ms(now)).with_directory(&accounts, &contacts);
    for Case { name, definition, before, fields, expected, .. } in cases {
        let brute = calculator::expected(&reference, definition, fields);
        for (id, value) in expected["values"].as_object().unwrap() {
            let id = of(name, id);
            let part = |member: &str| definition[member].as_str().unwrap().to_owned();
            let line = &lines[&(part("object"), id.clone(), part("name"))];
            assert_eq!(said(line), meant(value), "{name}: {}\n{line}", expected["why"]);
            assert_eq!((&line["from"], &line["to"]), (&expected["from"], &expected["to"]), "{name}: {line}");
            assert_eq!(line["version"], 1 + u64::from(before.is_some()), "{name}: {line}");
            let brute = &brute[&id];
            let brute = brute.reason.map_or_else(|| brute.value.clone(), |reason| json!(reason));
            assert_eq!(brute, meant(value), "the brute force: {name}: {}", expected["why"]);
        }
    }
    world.stack.stop().await;
}

#[tokio::test]
async fn every_golden_case_has_its_values_and_the_brute_force_says_so_too() {
    let cases = cases();
    let mut moments: BTreeMap<(&str, &str), Vec<&Case>> = BTreeMap::new();
    for case in &cases {
        let text = |member: &str| case.expected[member].as_str().unwrap();
        moments.entry((text("now"), text("time_zone"))).or_default().push(case);
    }
    for ((now, zone), cases) in moments {
        agree(now, zone.parse().unwrap(), &cases).await;
    }
    let functions: BTreeSet<&str> = cases.iter().filter_map(|case| case.definition["function"].as_str()).collect();
    let all: BTreeSet<&str> = shared::fields::Function::ALL.map(shared::fields::Function::name).into();
    assert_eq!(functions, all, "one for each function");
    println!("golden cases: n {}, failures 0", cases.len());
}
