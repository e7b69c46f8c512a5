//! A definition tried before it is saved: what is shown is what the field then has, nothing is changed by looking, and what should
//! be known of it is said.

use crate::explain::{Story, definition, definitions, is_within, list};
use crate::harness::{World, all_time, field, ms, pick, used};
use local::AccessLevel;
use local::tokens::Tokens;
use pendo_simulator::{Kind, RawRow};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngSeed, TestRunner};
use reqwest::Method;
use serde_json::{Value, json};
use shared::fields::{Definition, Field};
use shared::id::FieldId;
use shared::preview::{Everybody, PreviewError, PreviewQuery, preview};
use std::collections::BTreeMap;

const SEED: u64 = 8;
const PATH: &str = "/v1/fields/preview";

async fn tried(world: &World, definition: &Value, more: &Value) -> Value {
    let mut body = json!({"definition": definition});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.post(PATH, &body).await.expect(200)
}

/// How values are spread, made from all lines of a field by counting.
fn spread(lines: &[&Value]) -> Value {
    let values: Vec<&Value> = lines.iter().map(|line| &line["value"]).filter(|value| !value.is_null()).collect();
    let is_at_most = |one: &Value, other: &Value| match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one <= other,
        _ => ms(one.as_str().unwrap()) <= ms(other.as_str().unwrap()),
    };
    let not_above = |limit: &Value| values.iter().filter(|value| is_at_most(value, limit)).count();
    let lowest = |percent: usize| {
        let enough = values.iter().filter(|value| not_above(value) * 100 >= percent * values.len());
        enough.min_by_key(|value| not_above(value)).map_or(Value::Null, |value| (*value).clone())
    };
    json!({"objects": lines.len(), "values": values.len(),
           "zeros": values.iter().filter(|value| value.as_f64() == Some(0.0)).count(),
           "min": lowest(0), "p25": lowest(25), "median": lowest(50), "p75": lowest(75), "p90": lowest(90), "max": lowest(100)})
}

fn part(objects: usize, all: usize) -> Value {
    json!({"objects": objects, "share": objects as f64 / all as f64})
}

#[tokio::test]
async fn what_is_shown_of_random_definitions_is_what_the_fields_then_have_and_looking_changes_nothing() {
    let mut runner =
        TestRunner::new(Config { rng_seed: RngSeed::Fixed(SEED), failure_persistence: None, ..Config::default() });
    let (worlds, mut values, mut shown, mut unread) = (pick(1, 60), 0, 0, 0);
    for _ in 0..worlds {
        let story = Story::told(&mut runner).await;
        let world = &story.world;
        let drawn = definitions(pick(14, 20)).new_tree(&mut runner).unwrap().current();
        let fields: Vec<Value> = drawn.into_iter().enumerate().map(|(at, drawn)| definition(drawn, 100 + at)).collect();
        let before = world.items().await;
        let mut previews = Vec::new();
        for field in &fields {
            world.pendo().clear_requests();
            let preview = tried(world, field, &json!({"sample": 100})).await;
            let asked = world.pendo().requests().len();
            assert!(asked == 0 || preview["is_read"] == false, "{asked} questions to Pendo for {field}");
            previews.push(preview);
        }
        assert_eq!(world.items().await, before, "nothing is changed");
        world.fields(&fields).await;
        let lines = world.lines().await;
        for (field, preview) in fields.iter().zip(&previews) {
            let name = field["name"].as_str().unwrap();
            let of_field = lines.iter().filter(|((_, _, of), _)| of == name);
            let of_field: BTreeMap<&str, &Value> = of_field.map(|((_, id, _), line)| (id.as_str(), line)).collect();
            assert!(is_within(field, &preview["definition"]), "{preview:#}");
            if preview["is_read"] == false {
                unread += 1;
                assert!(preview["backfill"]["rows"].is_u64() && preview["distribution"]["values"] == 0, "{preview:#}");
                continue;
            }
            assert_eq!(preview["backfill"], Value::Null);
            let items: BTreeMap<&str, &Value> =
                list(preview, "items").iter().map(|line| (line["id"].as_str().unwrap(), line)).collect();
            assert_eq!(items, of_field, "{field}");
            check_sums(field, preview, &of_field.into_values().collect::<Vec<_>>());
            (values, shown) = (values + 1, shown + items.len());
        }
    }
    println!(
        "previews: seed {SEED}, {worlds} worlds, {values} definitions, {shown} values, {unread} of kinds never read, failures 0"
    );
    assert!(values > 7 * worlds && unread < values, "most kinds are read");
}

/// What is said of all objects, against the lines that they then have.
pub(crate) fn check_sums(field: &Value, preview: &Value, lines: &[&Value]) {
    assert_eq!(preview["distribution"], spread(lines), "{preview:#}");
    let mut nulls: BTreeMap<&str, usize> = BTreeMap::new();
    for line in lines.iter().filter(|line| line["value"].is_null()) {
        *nulls.entry(line["reason"].as_str().unwrap()).or_default() += 1;
    }
    let is_matched =
        |line: &&&Value| !["unmatched", "ambiguous"].contains(&line["reason"].as_str().unwrap_or_default());
    assert_eq!(preview["matched"], part(lines.iter().filter(is_matched).count(), lines.len()));
    if field["function"] == "count" && !nulls.contains_key("not_read") {
        let sum: u64 = lines.iter().filter_map(|line| line["value"].as_u64()).sum();
        assert_eq!(preview["usage"]["events_matched"], sum, "{preview:#}");
    }
    let nulls: BTreeMap<&str, Value> =
        nulls.into_iter().map(|(reason, objects)| (reason, part(objects, lines.len()))).collect();
    assert_eq!(preview["nulls"], json!(nulls));
}

/// Seven visitors at A-1, of whom four are contacts; as much at an account that is not ours; A-2 has nothing at Pendo.
async fn seven() -> World {
    let world = World::empty().await;
    for (id, name) in [("export", "Export"), ("old", "Old export"), ("never", "never")] {
        world.pendo().add_feature(id, name);
    }
    let row = |object: &str, visitor: usize, account: &str, at: &str| {
        world.pendo().inject(RawRow::new(Kind::Feature, object, &format!("v{visitor}@x"), Some(account), ms(at)));
    };
    for visitor in 0..7 {
        row("export", visitor, "A-1", "2026-06-28T08:00:00Z");
        row("export", 0, "elsewhere", &format!("2026-06-28T0{visitor}:00:00Z"));
    }
    row("old", 0, "A-1", "2026-05-03T22:30:00Z");
    world.connect_with(&json!({"time_zone": "Europe/Berlin"})).await;
    world.upload("accounts", "id\nA-1\nA-2\n").await;
    world.upload("contacts", "id,account_id,email\nC-0,A-1,v0@x\nC-1,A-1,v1@x\nC-2,A-1,v2@x\nC-3,A-2,v3@x\n").await;
    world.match_both().await;
    world
}

fn features(name: &str, function: &str, ids: &[&str], window: &Value) -> Value {
    let mut definition = field(name, "account", "feature", function, window);
    definition["usage"]["ids"] = json!(ids);
    definition
}

fn month() -> Value {
    json!({"rolling_days": 30, "complete_days": false})
}

/// The warnings, with those of matching and people left out, which are the same of every account field.
async fn warned(world: &World, definition: &Value) -> Vec<String> {
    let preview = tried(world, definition, &json!({})).await;
    let of_people = ["are not matched", "are not contacts", "are no account's"];
    let all = list(&preview, "warnings").iter().map(|sentence| sentence.as_str().unwrap().to_owned());
    all.filter(|sentence| !of_people.iter().any(|part| sentence.contains(part))).collect()
}

#[tokio::test]
async fn what_should_be_known_of_a_definition_is_said_in_sentences() {
    let world = seven().await;
    let stands = world.field(&field("Clicks", "account", "feature", "count", &all_time())).await;
    let preview = tried(&world, &features("New", "count", &["export", "old", "never"], &month()), &json!({})).await;
    assert_eq!(
        preview["warnings"],
        json!([
            "50 % of the accounts are not matched with anybody at Pendo: PUT /v1/matching?dry_run=true tells how many other rules would match.",
            "50 % of the events that it looks at are no account's.",
            "43 % of the visitors of these accounts' rows are not contacts.",
            "The feature never has no usage in all that was read, which begins on 2026-05-04.",
            "The feature \"Old export\" (old) has had no usage since 2026-05-04.",
        ])
    );
    let usage = json!({"rows": 14, "events": 14, "events_excluded": 0, "events_matched": 7, "visitors": 7, "visitors_not_contacts": 3});
    assert_eq!(preview["usage"], usage);
    let items = json!([preview["items"][0]["value"], preview["items"][1]["reason"]]);
    assert_eq!(items, json!([7, "unmatched"]), "the highest first");

    for (definition, expected) in [
        (
            features("F", "count", &["never"], &all_time()),
            vec![
                "No account has a value other than 0.",
                "The feature never has no usage in all that was read, which begins on 2026-05-04.",
            ],
        ),
        (
            features("F", "last_used", &["old"], &month()),
            vec![
                "No account has a value: 1 unmatched, 1 never_used.",
                "The feature \"Old export\" (old) has had no usage since 2026-05-04.",
            ],
        ),
        (
            features("F", "count", &["old"], &all_time()),
            vec!["The feature \"Old export\" (old) has had no usage since 2026-05-04."],
        ),
        (
            features("F", "count", &["export"], &json!({"calendar": "month", "offset": 1})),
            vec![
                "No account has a value other than 0.",
                "The feature \"Export\" (export) has no usage in this window: its last was on 2026-06-28.",
            ],
        ),
        (
            field("F", "account", "feature", "count", &json!({"calendar": "day"})),
            vec!["No account has a value other than 0.", "Kind feature has had no usage since 2026-06-28."],
        ),
        (
            field("CLICKS", "account", "feature", "minutes", &all_time()),
            vec!["The account field \"Clicks\" has another definition: to create this one, choose another name."],
        ),
        (
            field("Clicks", "account", "feature", "count", &all_time()),
            vec!["The account field \"Clicks\" stands already, with this definition."],
        ),
        (features("F", "count", &["export"], &all_time()), vec![]),
    ] {
        assert_eq!(warned(&world, &definition).await, expected, "{definition}");
    }
    let of_contacts = tried(&world, &field("F", "contact", "feature", "count", &all_time()), &json!({})).await;
    assert_eq!(
        (&of_contacts["usage"]["visitors"], &of_contacts["warnings"]),
        (&Value::Null, &json!(["20 % of the events that it looks at are no contact's."]))
    );

    // Without a field its kind is not read on.
    world.delete(&format!("/v1/fields/{}", stands["id"].as_str().unwrap())).await.expect(204);
    world.idle().await;
    world.tick_after(5).await;
    let definition = features("F", "count", &["export"], &all_time());
    let expected = "No field uses kind feature any more, so it was read up to 2026-06-30T12:00:00Z only: with this field it is read on.";
    assert_eq!(warned(&world, &definition).await, [expected]);
}

#[tokio::test]
async fn of_a_kind_that_was_never_read_the_rows_time_and_cost_are_told_and_nothing_is_read() {
    let world = seven().await;
    let before = world.items().await;
    let definition = features("F", "count", &["export"], &month());
    let preview = tried(&world, &definition, &json!({})).await;
    let backfill = &preview["backfill"];
    assert_eq!(
        (&preview["is_read"], &backfill["kind"], &backfill["rows"]),
        (&json!(false), &json!("feature"), &json!(15))
    );
    assert_eq!((&backfill["first_day"], &backfill["seconds"]), (&json!("2026-05-03"), &json!(0.1)));
    let reasons: Vec<&Value> = list(&preview, "items").iter().map(|line| &line["reason"]).collect();
    assert_eq!(reasons, ["backfilling", "backfilling"]);
    let sentences: Vec<&str> = list(&preview, "warnings").iter().filter_map(Value::as_str).collect();
    assert!(sentences[0].contains("has not been read yet"), "{sentences:?}");
    let cost =
        "The first field of kind feature reads its history: 15 rows, about 0.1 s and less than 0.01 dollars, once.";
    assert!(sentences.contains(&cost), "{sentences:?}");
    assert_eq!((world.items().await, world.fetches()), (before, 0));
    assert_eq!(world.get("/v1/fields").await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn a_window_before_the_chosen_beginning_of_history_says_so_and_half_read_history_too() {
    let world = World::empty().await;
    world.pendo().inject(used(Kind::Event, "ann@x", Some("A-1"), "2026-06-28T08:00:00Z", 3));
    world.connect_with(&json!({"history_from": "2026-06-20"})).await;
    world.upload("accounts", "id\nA-1\n").await;
    world.match_both().await;
    world.field(&field("Events", "account", "event", "count", &all_time())).await;
    let sentences = warned(&world, &field("F", "account", "event", "count", &month())).await;
    assert!(sentences[0].starts_with("It looks back to 2026-06-01, before 2026-06-20, where"), "{sentences:?}");
    assert_eq!(sentences[1], "No account has a value: 1 not_read.");
}

#[tokio::test]
async fn the_objects_that_are_asked_for_are_shown_in_their_order_and_a_sample_has_its_size() {
    let world = World::empty().await;
    let ids: Vec<String> = (0..130).map(|n| format!("A-{n:03}")).collect();
    for (n, id) in (0..).zip(&ids).take(120) {
        world.pendo().inject(used(Kind::Event, "ann@x", Some(id), "2026-06-28T08:00:00Z", n + 1));
    }
    world.connect().await;
    world.upload("accounts", &format!("id\n{}\n", ids.join("\n"))).await;
    world.match_both().await;
    world.field(&field("Events", "account", "event", "count", &all_time())).await;
    let definition = field("F", "account", "event", "count", &all_time());
    let shown = async |more: Value| -> Vec<(String, Value)> {
        let preview = tried(&world, &definition, &more).await;
        assert_eq!(
            (&preview["distribution"]["objects"], &preview["distribution"]["values"]),
            (&json!(130), &json!(120))
        );
        let said = |line: &Value| (line["id"].as_str().unwrap().to_owned(), line["value"].clone());
        list(&preview, "items").iter().map(said).collect()
    };
    let named = ["A-125", "A-007", "A-119"].map(str::to_owned);
    let values = [Value::Null, json!(8), json!(120)];
    assert_eq!(shown(json!({"objects": named})).await, named.into_iter().zip(values).collect::<Vec<_>>());
    let sample = shown(json!({})).await;
    assert_eq!((sample.len(), &sample[0], &sample[19].1), (20, &("A-119".to_owned(), json!(120)), &Value::Null));
    let numbers: Vec<u64> = sample.iter().filter_map(|(_, value)| value.as_u64()).collect();
    assert!(numbers.is_sorted_by(|one, next| one > next) && numbers.len() > 15, "{numbers:?}");
    assert_eq!((shown(json!({"sample": 1})).await.len(), shown(json!({"sample": 100})).await.len()), (1, 100));
}

#[tokio::test]
async fn several_definitions_in_one_pass_come_to_what_each_comes_to_alone() {
    let world = seven().await;
    world.field(&field("Clicks", "account", "feature", "count", &all_time())).await;
    let (context, workspace) = (world.stack.context(), world.workspace());
    let definitions = [
        features("One", "count", &["export"], &month()),
        features("Two", "last_used", &["old", "export"], &all_time()),
        field("Three", "contact", "feature", "active_days", &json!({"rolling_days": 60})),
    ];
    let parsed = |(at, body): (usize, &Value)| {
        let definition = Definition::parse(body).unwrap();
        Field::new(FieldId::from_text(&at.to_string()), definition, 0, None)
    };
    let fields: Vec<Field> = definitions.iter().enumerate().map(parsed).collect();
    let mut together = Everybody::open(context, &workspace, fields.clone()).await.unwrap();
    assert_eq!(together.rows().await.unwrap(), 15, "each row of the kind is read once");
    let mut rows = 0;
    let values = together.values(&mut |_, _| rows += 1).await.unwrap();
    assert_eq!(rows, 15);
    for (field, body) in fields.iter().zip(&definitions) {
        let lines = together.lines(field, &values);
        let alone =
            tried(&world, body, &json!({"objects": lines.iter().map(|line| &line.id).collect::<Vec<_>>()})).await;
        assert_eq!(json!(lines), alone["items"]);
        assert!(lines.iter().any(|line| !line.value.is_null()));
    }
}

#[tokio::test]
async fn a_window_with_more_rows_than_somebody_waits_for_is_not_tried() {
    let world = seven().await;
    world.field(&field("Clicks", "account", "feature", "count", &all_time())).await;
    let query = PreviewQuery::parse(&json!({"definition": features("F", "count", &["export"], &month())})).unwrap();
    let tried = async |rows_max| preview(world.stack.context(), &world.workspace(), &query, rows_max).await;
    assert!(matches!(tried(13).await, Err(PreviewError::TooMuch { rows: 14 })), "all features in the window");
    assert_eq!(tried(14).await.unwrap().items[0].value, 7);
}

#[tokio::test]
async fn what_can_not_be_tried_is_refused_with_its_place_and_changes_nothing() {
    let world = seven().await;
    world.field(&field("Clicks", "account", "feature", "count", &all_time())).await;
    let before = world.items().await;
    let good = features("F", "count", &["export"], &month());
    let with = |member: &str, value: Value| {
        let mut body = json!({"definition": good});
        body[member] = value;
        body
    };
    let of = |pointer: &str, value: Value| {
        let mut body = json!({"definition": good});
        *body.pointer_mut(pointer).unwrap() = value;
        body
    };
    let many: Vec<String> = (0..10_000).map(|n| n.to_string()).collect();
    for (body, status, slug, pointer, part) in [
        (json!({}), 422, "invalid-preview", "/definition", "missing"),
        (good.clone(), 422, "invalid-preview", "/", "not known"),
        (with("ids", json!(["A-1"])), 422, "invalid-preview", "/ids", "not known"),
        (with("objects", json!(many[..101])), 422, "invalid-preview", "/objects", "101 entries"),
        (with("objects", json!(many[..6_000])), 422, "invalid-preview", "/objects", "6000 entries"),
        (with("objects", json!(["A-1", "A-9"])), 422, "unknown-object", "/objects/1", "no account"),
        (with("objects", json!(["C-1"])), 422, "unknown-object", "/objects/0", "no account"),
        (with("sample", json!(101)), 422, "invalid-preview", "/sample", "1 to 100"),
        (of("/definition/function", json!("total")), 422, "invalid-field", "/definition/function", "not known"),
        (
            of("/definition/usage/ids", json!(["export", "no"])),
            422,
            "unknown-id",
            "/definition/usage/ids/1",
            "no feature",
        ),
    ] {
        let reply = world.post(PATH, &body).await;
        let problem = reply.json();
        assert_eq!((reply.status, &problem["type"]), (status, &json!(format!("/problems/{slug}"))), "{problem}");
        assert!(problem["pointer"].as_str().unwrap().starts_with(pointer), "{problem}");
        assert!(problem["detail"].as_str().unwrap().to_lowercase().contains(part), "{problem}");
    }
    let json_type = Some("application/json");
    let body = json!({"definition": good}).to_string();
    let standard = world.stack.token(AccessLevel::Standard).unwrap();
    assert_eq!(world.call_as(&standard, Method::POST, PATH, json_type, body.clone()).await.status, 403);
    let other = world.stack.tokens().sign(&Tokens::claims("other", "high")).unwrap();
    let reply = world.call_as(&other, Method::POST, PATH, json_type, body).await;
    assert_eq!((reply.status, &reply.json()["type"]), (409, &json!("/problems/not-connected")), "{}", reply.text);
    assert_eq!(world.items().await, before);

    let unmatched = json!({"account": {"account": "accountId", "object": "id"}});
    world.matching(&unmatched).await;
    let of_contacts = json!({"definition": field("F", "contact", "feature", "count", &month())});
    let reply = world.post(PATH, &of_contacts).await;
    let said = (reply.status, reply.json()["pointer"].clone());
    assert_eq!(said, (409, json!("/definition/object")), "{}", reply.text);
}
