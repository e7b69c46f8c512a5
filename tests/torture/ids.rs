//! Ids that somebody else chose: as visitors, Pendo accounts and objects they come back exactly as they were, and none of them
//! changes what a filter asks for.

use crate::harness::{World, all_time, field, used};
use crate::size::{Random, first_seed, pick, report};
use pendo_simulator::{DEFAULT_APP, Faults, Kind};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What ids are made of: quotes, escapes, controls, directions, look-alikes, numbers, and the ends of other languages' texts.
const PIECES: [&str; 44] = [
    "\"",
    "\\",
    "\\\"",
    "'",
    "`",
    "\n",
    "\r\n",
    "\t",
    "\u{0}",
    "\u{1f}",
    "\u{7f}",
    "\u{202e}",
    "\u{2028}",
    "\u{feff}",
    "\u{fffd}",
    "\u{10ffff}",
    "😀",
    "👩\u{200d}👧",
    "é",
    "e\u{301}",
    "ß",
    "İ",
    "\u{ff41}",
    "a",
    "A",
    " ",
    "' || true || '",
    "\" || \"\" == \"",
    "\\u0022",
    "//",
    "/*",
    "${x}",
    "%00",
    "#",
    ",",
    "=1+1",
    "null",
    "true",
    "0",
    "00",
    "1.0",
    "1e9",
    "18446744073709551616",
    "_PENDO_T_",
];
/// The longest id that is tried, in bytes.
const LONGEST: usize = 2_048;

/// So many ids, different even when their ends are trimmed.
fn ids(n: usize, seed: u64) -> Vec<String> {
    let mut random = Random::new(seed);
    let (mut seen, mut ids) = (BTreeSet::new(), Vec::new());
    while ids.len() < n {
        let mut id = String::new();
        for _ in 0..=random.below(5) {
            id.push_str(random.of::<&str>(&PIECES));
        }
        if random.is(1) {
            while id.len() < LONGEST {
                id.push('x');
            }
        }
        let is_anonymous = id.starts_with("_PENDO_T_");
        if !id.trim().is_empty() && !is_anonymous && seen.insert(id.trim().to_owned()) {
            ids.push(id);
        }
    }
    ids
}

async fn upload(world: &World, list: &str, objects: &[Value]) {
    for part in objects.chunks(1_000) {
        let body: String = part.iter().map(|object| format!("{object}\n")).collect();
        let answer = world.upload_as(list, "application/x-ndjson", &body).await.expect(200);
        assert_eq!(answer["errors"], json!([]));
    }
    world.idle().await;
}

#[tokio::test]
async fn whatever_an_id_holds_its_usage_is_its_own_and_no_filter_asks_for_more() {
    let (n, seed) = (pick(300, 10_000), first_seed());
    let ids = ids(n, seed);
    let world = World::empty().await;
    // Row i: visitor i, account n - 1 - i, object 7 i, and i + 1 events, a number that no other row has.
    let (account, object) = (|i: usize| n - 1 - i, |i: usize| i * 7 % n);
    for (i, id) in ids.iter().enumerate() {
        let events = u32::try_from(i + 1).unwrap();
        let mut row = used(Kind::Page, id, Some(&ids[account(i)]), "2026-06-30T10:10:00Z", events);
        row.object_id.clone_from(&ids[object(i)]);
        row.app_id = DEFAULT_APP;
        world.pendo().inject(row);
    }
    world.connect().await;
    let accounts: Vec<Value> =
        ids.iter().enumerate().map(|(i, id)| json!({"id": format!("A-{i}"), "key": id})).collect();
    upload(&world, "accounts", &accounts).await;
    let contact = |(i, id)| json!({"id": format!("C-{i}"), "account_id": format!("A-{i}"), "email": id});
    upload(&world, "contacts", &ids.iter().enumerate().map(contact).collect::<Vec<_>>()).await;
    world
        .matching(&json!({"contact": {"visitor": "visitorId", "object": "email"},
                          "account": {"account": "accountId", "object": "key"}}))
        .await;
    // Lists of people fit an answer; the rows of the one hour do not, and are asked for by their objects.
    let largest = world.pendo().requests().iter().map(|request| request.answer_bytes as u64).max().unwrap();
    world.pendo().set_faults(Faults { max_bytes: largest + largest / 8, ..Faults::default() });
    let count = |name: &str, level: &str| field(name, level, "page", "count", &all_time());
    let mut fields = vec![count("of visitor", "contact"), count("of account", "account")];
    let named: Vec<usize> = (0..12).map(|at| at * n / 12).collect();
    for i in &named {
        // A field names what the catalogue has.
        world.pendo().add_page(&ids[object(*i)], "a page");
        let mut one = count(&format!("object {i}"), "account");
        one["usage"]["ids"] = json!([ids[object(*i)]]);
        fields.push(one);
    }
    world.fields(&fields).await;
    let asked = world.pendo().requests();
    assert!(asked.iter().any(|request| request.body.contains("pageId == ")), "no object is asked for by itself");
    let lines = world.lines().await;
    let shown = |level: &str, at: usize, name: &str| {
        let id = format!("{}-{at}", if level == "contact" { "C" } else { "A" });
        lines[&(level.to_owned(), id, name.to_owned())]["value"].clone()
    };
    let mut failures = Vec::new();
    for (i, id) in ids.iter().enumerate() {
        let found = [shown("contact", i, "of visitor"), shown("account", account(i), "of account")];
        if found != [json!(i + 1), json!(i + 1)] {
            failures.push(format!("{id:?}, row {i}: {found:?}"));
        }
    }
    for i in named {
        let name = format!("object {i}");
        let all: u64 = (0..n).filter_map(|at| shown("account", at, &name).as_u64()).sum();
        if shown("account", account(i), &name) != json!(i + 1) || all != i as u64 + 1 {
            failures.push(format!("object {:?}: {all} events in all instead of {}", ids[object(i)], i + 1));
        }
    }
    let status = world.status().await["kinds"]["page"].clone();
    assert_eq!((&status["equals_pendo"], &status["error"]), (&json!(true), &Value::Null), "{status}");
    report("hostile ids", seed, n as u64, failures.len());
    assert!(failures.is_empty(), "{failures:#?}");
}

#[tokio::test]
async fn an_id_that_is_no_text_or_empty_is_refused_and_nothing_is_kept_of_it() {
    let world = crate::harness::two_accounts().await;
    for line in [
        r#"{"id": "C-9", "account_id": "A-1", "email": "\ud800"}"#,
        r#"{"id": "\udfff\ud800", "account_id": "A-1"}"#,
        r#"{"id": "", "account_id": "A-1"}"#,
        r#"{"id": "C-\u0000", "account_id": "no such account"}"#,
    ] {
        let before = world.items().await;
        let answer = world.upload_as("contacts", "application/x-ndjson", line).await;
        let is_named = answer.status == 200 && answer.json()["errors"].as_array().is_some_and(|all| !all.is_empty());
        assert!(is_named || answer.status == 422 || answer.status == 400, "{line}: {answer:?}");
        assert_eq!(world.items().await, before, "{line}");
    }
}
