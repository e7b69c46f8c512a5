//! The match report weighed by usage: whose events are nobody's, why, and what would help; and aliases by hand.

use crate::explain::list;
use crate::harness::{World, all_time, field, used};
use pendo_simulator::Kind;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(crate) const REPORT: &str = "/v1/matching/unmatched";
const CONTACTS: &str = "id,account_id,email,crm\nC-1,A-1,ann@x.test,\nC-2,A-1,Bob@x.test,\nC-3,A-2,kim@x.test,old-7\nC-4,A-2,twin@x.test,\n\
                        C-5,A-2,twin@x.test,\nC-6,A-2,lee@x.test,\n";

/// Visitors with their Pendo account and events: one for each reason there is.
const USED: [(&str, Option<&str>, u32); 9] = [
    ("ann@x.test", Some("A-1"), 1),
    ("bob@x.test", Some("a-1"), 2),
    ("kim+test@x.test", Some("A-2"), 4),
    ("old-7", Some("A-2"), 8),
    ("twin@x.test", Some("A-2"), 16),
    ("lee@other.test", Some("gone"), 32),
    ("stranger", None, 64),
    ("ann@x.test", Some("a-1"), 128),
    ("le e@x.test", None, 256),
];

async fn world() -> World {
    world_by("email").await
}

async fn world_by(column: &str) -> World {
    let world = World::empty().await;
    for (visitor, account, events) in USED {
        world.pendo().inject(used(Kind::Event, visitor, account, "2026-06-29T08:00:00Z", events));
    }
    world.connect_with(&json!({"history_from": "2026-06-01"})).await;
    world.upload("accounts", "id,name\nA-1,One\nA-2,Two\n").await;
    world.upload("contacts", CONTACTS).await;
    let mut matching = rules(json!({}));
    matching["contact"]["object"] = json!(column);
    world.matching(&matching).await;
    world.fields(&[field("Events", "contact", "event", "count", &all_time())]).await;
    world
}

fn rules(aliases: Value) -> Value {
    json!({"contact": {"visitor": "visitorId", "object": "email", "aliases": aliases},
           "account": {"account": "accountId", "object": "id"}})
}

pub(crate) fn sums(level: &Value) -> [u64; 6] {
    ["matched", "unmatched", "ambiguous", "without_id", "excluded", "total"]
        .map(|class| level["events"][class].as_u64().unwrap())
}

#[tokio::test]
async fn whose_the_events_are_that_are_nobodys_is_said_with_what_stands_between() {
    let world = world().await;
    let report = world.get(REPORT).await.expect(200);
    assert_eq!((&report["kind"], &report["to"]), (&json!("event"), &json!("2026-06-30T12:00:00Z")));
    let (contact, account) = (&report["contact"], &report["account"]);
    assert_eq!(sums(contact), [1 + 128, 2 + 4 + 8 + 32 + 64 + 256, 16, 0, 0, 511]);
    assert_eq!(sums(account), [1 + 4 + 8 + 16, 2 + 32 + 128, 0, 64 + 256, 0, 511]);
    let told = |level: &Value| -> Vec<(String, u64, String, Value)> {
        let text = |item: &Value, name: &str| item[name].as_str().unwrap().to_owned();
        let top = list(level, "top").iter();
        top.map(|item| (text(item, "id"), item["events"].as_u64().unwrap(), text(item, "why"), item["near"].clone()))
            .collect()
    };
    let wanted = |items: &[(&str, u64, &str, &[&str])]| -> Vec<(String, u64, String, Value)> {
        items
            .iter()
            .map(|(id, events, why, near)| ((*id).to_owned(), *events, (*why).to_owned(), json!(near)))
            .collect()
    };
    let contacts = [
        ("le e@x.test", 256, "spaces", &["C-6"][..]),
        ("stranger", 64, "unknown", &[]),
        ("lee@other.test", 32, "domain", &["C-6"]),
        ("twin@x.test", 16, "duplicate_key", &[]),
        ("old-7", 8, "other_column", &["C-3"]),
        ("kim+test@x.test", 4, "plus_tag", &["C-3"]),
        ("bob@x.test", 2, "case", &["C-2"]),
    ];
    assert_eq!(told(contact), wanted(&contacts));
    assert_eq!(told(account), wanted(&[("a-1", 130, "case", &["A-1"]), ("gone", 32, "unknown", &[])]));
    assert_eq!((&contact["nobodies"], &contact["top"][4]["column"]), (&json!(7), &json!("crm")));
    let reasons: BTreeMap<String, u64> = serde_json::from_value(contact["reasons"].clone()).unwrap();
    assert_eq!((reasons.len(), reasons.values().sum::<u64>()), (7, 7));

    let short = world.get(&format!("{REPORT}?limit=1&days=2")).await.expect(200);
    assert_eq!((list(&short["contact"], "top").len(), &short["contact"]["nobodies"]), (1, &json!(7)));
    let none = world.get(&format!("{REPORT}?kind=page")).await.expect(200);
    assert_eq!((&none["kind"], &none["contact"]), (&Value::Null, &Value::Null), "no field uses pages");
    for (query, pointer) in [("days=0", "?days"), ("days=91", "?days"), ("kind=nps", "?kind"), ("limit=x", "?limit")] {
        assert_eq!(world.get(&format!("{REPORT}?{query}")).await.expect(422)["pointer"], pointer);
    }
}

#[tokio::test]
async fn what_helps_does_to_the_letter_what_it_promises() {
    let mut helped = 0;
    for (level, column) in [("contact", "email"), ("account", "email"), ("contact", "crm")] {
        let promised = list(&world_by(column).await.get(REPORT).await.expect(200)[level], "help").to_vec();
        for (number, _) in promised.iter().enumerate() {
            let world = world_by(column).await;
            let help = list(&world.get(REPORT).await.expect(200)[level], "help")[number].clone();
            let saved = world.put("/v1/matching", &help["matching"]).await.expect(200);
            assert_eq!(saved["report"][level]["objects"]["matched"], help["matched_objects"], "{help:#}");
            world.idle().await;
            let now = world.get(REPORT).await.expect(200);
            assert_eq!(now[level]["events"]["matched"], help["matched_events"], "{help:#}");
            helped += 1;
        }
    }
    // Each time aliases; beside them the case, and where keys stand in another column with more events that column.
    assert_eq!(helped, 6);
}

#[tokio::test]
async fn an_alias_makes_the_past_an_objects_at_once_and_leaves_with_it() {
    let world = world().await;
    let value = async |id: &str| world.value("contact", id, "Events").await;
    assert_eq!([value("C-1").await, value("C-3").await], [json!(129), json!("unmatched")]);
    let aliases = json!({"old-7": "C-3", "stranger": "C-3", "twin@x.test": "C-4", "ann@x.test": "C-6"});
    world.matching(&rules(aliases)).await;
    world.idle().await;
    let now = ["C-1", "C-3", "C-4", "C-5", "C-6"];
    let expected = [json!("unmatched"), json!(8 + 64), json!(16), json!("unmatched"), json!(129)];
    for (id, expected) in now.into_iter().zip(&expected) {
        assert_eq!(value(id).await, *expected, "{id}");
    }
    let explained = world.get("/v1/values/explain?object=contact&id=C-3&field=Events").await.expect(200);
    let linked: Vec<_> =
        list(&explained["matching"], "linked").iter().map(|item| (&item["id"], &item["by_alias"])).collect();
    assert_eq!(linked.len(), 2);
    assert!(linked.iter().all(|(_, by_alias)| **by_alias == json!(true)), "{linked:?}");

    world.delete("/v1/directory/contacts?id=C-4").await.expect(200);
    world.idle().await;
    assert_eq!(value("C-5").await, json!("unmatched"), "twin@x.test was said to be another's");
    let unmatched = world.get(REPORT).await.expect(200);
    assert_eq!(unmatched["contact"]["events"]["unmatched"], json!(2 + 4 + 32 + 16 + 256));

    let refused = world.put("/v1/matching", &rules(json!({"a/b": "C-99"}))).await.expect(422);
    assert_eq!((&refused["pointer"], &refused["status"]), (&json!("/contact/aliases/a~1b"), &json!(422)));
    assert!(refused["detail"].as_str().unwrap().contains("\"C-99\""), "{refused}");
}
