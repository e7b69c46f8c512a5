//! Whose usage does not count: of the whole workspace and of single fields, over the past at once and without Pendo.

mod drawn;

use crate::explain::list;
use crate::harness::{World, all_time, both_levels, field, used};
use crate::unmatched::{REPORT, sums};
use pendo_simulator::Kind;
use reqwest::Method;
use serde_json::{Value, json};

const PATH: &str = "/v1/exclusions";
const ACCOUNTS: &str = "id\nA-1\nA-2\n";
const CONTACTS: &str = "id,account_id,email\nC-1,A-1,ann@x.test\nC-2,A-1,kim@own.test\nC-3,A-2,bob@x.test\n";

/// Customers, the team's own people and a robot, with the events of each.
const USED: [(&str, Option<&str>, u32); 7] = [
    ("ann@x.test", Some("A-1"), 1),
    ("kim@own.test", Some("A-1"), 2),
    ("lee@Own.test", Some("A-1"), 4),
    ("robot", Some("A-1"), 8),
    ("bob@x.test", Some("A-2"), 16),
    ("kim@own.test", Some("gone"), 32),
    ("robot", None, 64),
];

fn own() -> Value {
    json!({"visitors": ["robot"], "domains": ["own.test"]})
}

fn fields() -> Vec<Value> {
    vec![
        field("Events", "account", "event", "count", &all_time()),
        field("Users", "account", "event", "distinct_visitors", &json!({"rolling_days": 7})),
        field("Events", "contact", "event", "count", &all_time()),
    ]
}

/// With folds of closed days, and a second run that begins from them.
async fn world() -> World {
    let world = World::empty().await;
    for (visitor, account, events) in USED {
        world.pendo().inject(used(Kind::Event, visitor, account, "2026-06-24T08:00:00Z", events));
    }
    world.connect().await;
    world.upload("accounts", ACCOUNTS).await;
    world.upload("contacts", CONTACTS).await;
    world.match_both().await;
    world.fields(&fields()).await;
    world.tick_after(1).await;
    world.pendo().clear_requests();
    world
}

async fn saved(world: &World, exclusions: &Value) -> Value {
    let answer = world.put(PATH, exclusions).await.expect(200);
    world.idle().await;
    answer
}

async fn values(world: &World) -> Value {
    let value = async |object: &str, id: &str, field: &str| world.value(object, id, field).await;
    json!([
        value("account", "A-1", "Events").await,
        value("account", "A-1", "Users").await,
        value("contact", "C-1", "Events").await,
        value("contact", "C-2", "Events").await,
        value("account", "A-2", "Events").await
    ])
}

async fn classes(world: &World, level: &str) -> Value {
    let status = world.status().await;
    let kind = &status["kinds"]["event"];
    assert_eq!(kind["unaccounted"][level], 0, "{kind:#}");
    let classes = kind["events_by"][level].clone();
    let sum: u64 = classes.as_object().unwrap().values().map(|events| events.as_u64().unwrap()).sum();
    assert_eq!(sum, 127, "every event is in one class: {classes}");
    classes
}

#[tokio::test]
async fn whoever_is_excluded_counts_nowhere_and_the_past_follows_at_once_without_pendo() {
    let world = world().await;
    let all = json!([15, 4, 1, 34, 16]);
    assert_eq!((values(&world).await, world.get(PATH).await.expect(200)), (all.clone(), json!({})));
    let before = world.items().await;
    let dry = world.put(&format!("{PATH}?dry_run=true"), &own()).await.expect(200);
    assert_eq!((&dry["status"], &dry["values_to_recompute"]), (&json!("dry_run"), &json!(7)));
    world.idle().await;
    assert_eq!(world.items().await, before, "a dry run changes nothing");

    let said = saved(&world, &own()).await;
    assert_eq!((&said["status"], &said["report"]), (&json!("saved"), &dry["report"]));
    assert_eq!(said["report"], json!({"visitors": 3, "contacts": 1, "unused": {}}));
    assert_eq!(values(&world).await, json!([1, 1, 1, "excluded", 16]));
    let accounts =
        json!({"matched": 17, "unmatched": 0, "ambiguous": 0, "without_id": 0, "excluded": 110, "erased": 0});
    assert_eq!((classes(&world, "account").await, classes(&world, "contact").await), (accounts.clone(), accounts));
    let moved = &world.line("account", "A-1", "Users").await["moved_by"];
    assert_eq!(moved, &json!([{"cause": "exclusions", "at": "2026-06-30T13:30:00Z"}]));

    let before = world.items().await;
    assert_eq!(saved(&world, &own()).await["status"], "unchanged");
    assert_eq!(world.items().await, before, "what is equal writes nothing");
    world.field(&field("Later", "account", "event", "count", &all_time())).await;
    world.tick_after(1).await;
    assert_eq!(world.line("account", "A-1", "Later").await.get("moved_by"), None, "it was never otherwise");
    assert_eq!(values(&world).await[0], 1, "and the next run says the same");

    world.pendo().clear_requests();
    assert_eq!(saved(&world, &json!({})).await["status"], "saved");
    assert_eq!(values(&world).await, all, "back again");
    assert_eq!(world.pendo().requests().len(), 0, "Pendo was not asked");
    let trail = world.get("/v1/audit?limit=1").await.expect(200)["items"][0].clone();
    assert_eq!((&trail["operation"], &trail["resource"]), (&json!("save"), &json!("exclusions")));
    assert_eq!((&trail["before"], &trail["after"]), (&own(), &json!({})));
}

#[tokio::test]
async fn what_becomes_excluded_by_itself_is_taken_out_without_a_change_of_the_exclusions() {
    let world = world().await;
    saved(&world, &own()).await;
    // A colleague who was never seen before.
    world.pendo().inject(used(Kind::Event, "new@own.test", Some("A-1"), "2026-06-30T13:00:00Z", 512));
    world.tick_after(1).await;
    assert_eq!(values(&world).await[0], 1);
    // A contact whose address turns out to be our own, while the visitor's id says nothing.
    world.upload("contacts", "id,account_id,email,key\nC-3,A-2,bob@own.test,bob@x.test\nC-2,A-1,,kim@own.test\n").await;
    let by_key = json!({"contact": {"visitor": "visitorId", "object": "key"}, "account": both_levels()["account"]});
    world.matching(&by_key).await;
    assert_eq!(world.value("account", "A-2", "Events").await, 0);
    assert_eq!(world.value("contact", "C-3", "Events").await, "excluded");
    world.upload("contacts", "id,account_id,email\nC-3,A-2,bob@x.test\n").await;
    assert_eq!(
        [world.value("account", "A-2", "Events").await, world.value("contact", "C-3", "Events").await],
        [16, 16]
    );
}

#[tokio::test]
async fn contacts_need_not_be_matched_to_exclude_visitors_and_domains() {
    let world = World::empty().await;
    for (visitor, account, events) in USED {
        world.pendo().inject(used(Kind::Event, visitor, account, "2026-06-24T08:00:00Z", events));
    }
    world.connect().await;
    world.upload("accounts", ACCOUNTS).await;
    world.matching(&json!({"account": both_levels()["account"]})).await;
    world.fields(&fields()[..2]).await;
    world.tick_after(1).await;
    let report = saved(&world, &own()).await["report"].clone();
    assert_eq!(report, json!({"visitors": 3, "contacts": 0, "unused": {}}));
    assert_eq!([world.value("account", "A-1", "Events").await, world.value("account", "A-1", "Users").await], [1, 1]);
    let unused = saved(&world, &json!({"visitors": ["robot", "Robot"], "domains": ["test"]})).await;
    assert_eq!(
        unused["report"],
        json!({"visitors": 1, "contacts": 0, "unused": {"visitors": ["Robot"], "domains": ["test"]}})
    );
    assert_eq!(world.value("account", "A-1", "Events").await, 7);
}

#[tokio::test]
async fn a_field_may_exclude_more_than_the_workspace_and_nothing_else_is_touched() {
    let world = world().await;
    let with = |exclude: Value| {
        let mut own = field("Without", "account", "event", "distinct_visitors", &all_time());
        own["usage"]["exclude"] = exclude;
        own
    };
    let id = world.field(&with(json!({"contacts": ["C-2"]}))).await["id"].as_str().unwrap().to_owned();
    let without = async || world.value("account", "A-1", "Without").await;
    assert_eq!((without().await, values(&world).await), (json!(3), json!([15, 4, 1, 34, 16])));
    let edited = world.put(&format!("/v1/fields/{id}"), &with(json!({"domains": ["own.test"]}))).await.expect(200);
    assert_eq!((&edited["version"], &edited["usage"]["exclude"]), (&json!(2), &json!({"domains": ["own.test"]})));
    world.idle().await;
    assert_eq!(without().await, 2);
    saved(&world, &json!({"visitors": ["robot"]})).await;
    assert_eq!((without().await, values(&world).await), (json!(1), json!([7, 3, 1, 34, 16])));
    world.tick_after(1).await;
    assert_eq!((without().await, values(&world).await), (json!(1), json!([7, 3, 1, 34, 16])));
    assert_eq!(world.fetches(), 0, "no row was read again");

    let explained = world.get("/v1/values/explain?object=account&id=A-1&field=Without").await.expect(200);
    let left_out = list(&explained, "left_out").iter().map(|part| (part["why"].as_str().unwrap(), &part["events"]));
    assert_eq!(left_out.collect::<Vec<_>>(), [("excluded", &json!(8)), ("excluded_by_field", &json!(6))]);
    assert_eq!((&explained["people"], &explained["is_current"]), (&json!(1), &json!(true)));
    let question = explained["pendo"]["body"].to_string();
    assert!(["robot", "kim@own.test", "lee@Own.test"].iter().all(|id| question.contains(id)), "{question}");
    let rows = world.get("/v1/usage?object=account&id=A-1").await.expect(200);
    let told = list(&rows, "items").iter().filter(|row| row["excluded"] == true).map(|row| &row["visitor"]);
    assert_eq!(told.collect::<Vec<_>>(), ["robot"], "it is shown, as one that counts in no field");
}

#[tokio::test]
async fn an_excluded_contact_is_explained_and_a_preview_tells_how_much_is_left_out() {
    let world = world().await;
    saved(&world, &own()).await;
    let explained = world.get("/v1/values/explain?object=contact&id=C-2&field=Events").await.expect(200);
    assert_eq!((&explained["reason"], &explained["total"]), (&json!("excluded"), &Value::Null));
    assert!(explained["sentence"].as_str().unwrap().contains("excluded"), "{explained:#}");
    let mut tried = field("Tried", "account", "event", "count", &all_time());
    let preview = world.post("/v1/fields/preview", &json!({"definition": tried})).await.expect(200);
    assert_eq!((&preview["usage"]["events"], &preview["usage"]["events_excluded"]), (&json!(17), &json!(110)));
    let warns = |preview: &Value, part: &str| {
        list(preview, "warnings").iter().any(|sentence| sentence.as_str().unwrap().contains(part))
    };
    assert!(warns(&preview, "87 % of the events") && !warns(&preview, "is nobody"), "{preview:#}");
    tried["usage"]["exclude"] = json!({"visitors": ["robot"]});
    let preview = world.post("/v1/fields/preview", &json!({"definition": tried})).await.expect(200);
    assert!(warns(&preview, "is nobody beside those"), "{preview:#}");
    tried["usage"]["exclude"] = json!({"contacts": ["C-9"]});
    let refused = world.post("/v1/fields/preview", &json!({"definition": tried})).await.expect(422);
    assert_eq!(refused["pointer"], "/definition/usage/exclude/contacts/0");
}

#[tokio::test]
async fn nobody_who_is_excluded_is_told_to_be_missing() {
    let world = world().await;
    let before = world.get(REPORT).await.expect(200);
    assert_eq!(sums(&before["contact"]), [51, 76, 0, 0, 0, 127]);
    assert_eq!((&before["contact"]["nobodies"], &before["account"]["nobodies"]), (&json!(2), &json!(1)));
    saved(&world, &own()).await;
    let after = world.get(REPORT).await.expect(200);
    assert_eq!((sums(&after["contact"]), sums(&after["account"])), ([17, 0, 0, 0, 110, 127], [17, 0, 0, 0, 110, 127]));
    assert_eq!((&after["contact"]["top"], &after["account"]["top"]), (&json!([]), &json!([])));
    for (visitor, ..) in USED {
        world.pendo().add_visitor(visitor, &json!({}));
    }
    let report = world.put("/v1/matching?dry_run=true", &both_levels()).await.expect(200)["report"].clone();
    let pendo = &report["contact"]["pendo"];
    assert_eq!((&pendo["excluded"], &pendo["unmatched"], &pendo["matched"]), (&json!(3), &json!(0), &json!(2)));
    assert_eq!(pendo["examples"]["matched"], json!(["ann@x.test", "bob@x.test"]));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_its_place_and_changes_nothing() {
    let world = world().await;
    saved(&world, &own()).await;
    let read = world.get(PATH).await;
    let tag = read.headers["etag"].to_str().unwrap().to_owned();
    let before = world.items().await;
    let many = |count: usize| (0..count).map(|n| format!("v{n}")).collect::<Vec<_>>();
    for (body, pointer) in [
        (json!([]), ""),
        (json!({"hosts": ["x"]}), "/hosts"),
        (json!({"visitors": "robot"}), "/visitors"),
        (json!({"visitors": ["robot", " "]}), "/visitors/1"),
        (json!({"visitors": many(1_001)}), "/visitors"),
        (json!({"domains": ["x.test", "kim@own.test"]}), "/domains/1"),
        (json!({"domains": many(101)}), "/domains"),
        (json!({"contacts": ["C-1", "C-9"]}), "/contacts/1"),
    ] {
        for path in [PATH.to_owned(), format!("{PATH}?dry_run=true")] {
            let refused = world.put(&path, &body).await.expect(422);
            assert_eq!(refused["pointer"], pointer, "{refused}");
        }
    }
    assert_eq!(world.put(&format!("{PATH}?dry_run=1"), &own()).await.expect(422)["pointer"], "?dry_run");
    let stale = world.call(Method::PUT, PATH, &[("if-match", "\"1-0\"")], &json!({})).await;
    assert_eq!(stale.status, 412);
    let mut known = field("Known", "account", "event", "count", &all_time());
    for (exclude, pointer) in
        [(json!({}), "/usage/exclude"), (json!({"contacts": ["C-9"]}), "/usage/exclude/contacts/0")]
    {
        known["usage"]["exclude"] = exclude;
        assert_eq!(world.post("/v1/fields", &known).await.expect(422)["pointer"], pointer);
    }
    assert_eq!(world.items().await, before);
    world.call(Method::PUT, PATH, &[("if-match", &tag)], &json!({"contacts": ["C-1"]})).await.expect(200);
    world.idle().await;
    // A contact that left the directory meanwhile may stay where it stands.
    world.delete("/v1/directory/contacts?id=C-1").await.expect(200);
    let kept = saved(&world, &json!({"contacts": ["C-1"], "visitors": ["robot"]})).await;
    assert_eq!(kept["report"]["unused"], json!({"contacts": ["C-1"]}));
    let none = World::empty().await;
    assert_eq!(none.put(PATH, &own()).await.expect(409)["type"], "/problems/not-connected");
}

#[tokio::test]
async fn the_file_of_the_configuration_carries_them_and_leaves_them_alone_where_it_does_not() {
    let world = world().await;
    let file = async || world.get("/v1/configuration").await.expect(200);
    let put = async |body: &Value| {
        let answer = world.put("/v1/configuration", body).await.expect(200);
        world.idle().await;
        answer
    };
    let bare = file().await;
    assert_eq!(bare.get("exclusions"), None, "nothing was ever said");
    let with = json!({"format": 1, "exclusions": own()});
    let dry = world.put("/v1/configuration?dry_run=true", &with).await.expect(200);
    assert_eq!(dry["exclusions"], json!({"is_changed": true, "before": null, "after": own()}));
    assert_eq!((&dry["values_to_recompute"], values(&world).await[0].clone()), (&json!(7), json!(15)));
    assert_eq!(put(&with).await["status"], "saved");
    assert_eq!((values(&world).await, &file().await["exclusions"]), (json!([1, 1, 1, "excluded", 16]), &own()));
    let before = world.items().await;
    for unchanged in [with, bare, json!({"format": 1})] {
        let said = put(&unchanged).await;
        assert_eq!((&said["status"], &said["exclusions"]["is_changed"]), (&json!("unchanged"), &json!(false)));
    }
    assert_eq!(world.items().await, before);
    let refused = json!({"format": 1, "exclusions": {"contacts": ["C-1", "C-9"]}, "fields": []});
    assert_eq!(world.put("/v1/configuration", &refused).await.expect(422)["pointer"], "/exclusions/contacts/1");
    let mut field = fields()[0].clone();
    field["usage"]["exclude"] = json!({"contacts": ["C-9"]});
    let refused = world.put("/v1/configuration", &json!({"format": 1, "fields": [field]})).await.expect(422);
    assert_eq!(refused["pointer"], "/fields/0/usage/exclude/contacts/0");
    assert_eq!(world.items().await, before);
    assert_eq!(put(&json!({"format": 1, "exclusions": {}})).await["exclusions"]["after"], json!({}));
    assert_eq!((values(&world).await[0].clone(), &file().await["exclusions"]), (json!(15), &json!({})));
}

#[tokio::test]
async fn the_end_of_a_workspace_takes_them_along() {
    let world = world().await;
    saved(&world, &own()).await;
    world.delete("/v1/connection?data=purge").await.expect(202);
    world.idle().await;
    assert_eq!(world.get(PATH).await.expect(200), json!({}));
    let holds = |bytes: &[u8]| bytes.windows(8).any(|window| window == b"own.test");
    let kept = world
        .items()
        .await
        .into_iter()
        .filter(|((_, sort), item)| !sort.starts_with("line#") && holds(item.as_bytes()));
    assert_eq!(kept.count(), 0, "but for the trail");
}

#[tokio::test]
async fn a_contact_whose_visitor_never_did_anything_is_excluded_like_others_and_comes_back() {
    let world = World::empty().await;
    world.pendo().add_visitor("eve@x.test", &json!({}));
    world.connect().await;
    world.upload("accounts", ACCOUNTS).await;
    world.upload("contacts", "id,account_id,email\nC-4,A-2,eve@x.test\n").await;
    world.match_both().await;
    world.field(&field("Events", "contact", "event", "count", &all_time())).await;
    let events = async || world.value("contact", "C-4", "Events").await;
    assert_eq!(events().await, 0);
    // Somebody is excluded already, so that this contact is all that changes.
    let others = json!({"visitors": ["robot"]});
    saved(&world, &others).await;
    assert_eq!(events().await, 0);
    saved(&world, &json!({"visitors": ["robot"], "contacts": ["C-4"]})).await;
    assert_eq!(events().await, "excluded");
    saved(&world, &others).await;
    assert_eq!(events().await, 0);
}
