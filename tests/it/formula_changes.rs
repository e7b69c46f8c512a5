//! Formulas while things change around them: tried before they are saved, edited, over fields that are edited or go, and in the
//! configuration's file.

use crate::formulas::{formula, id_of, with_seats};
use crate::harness::{World, field};
use crate::preview::check_sums;
use local::tokens::Tokens;
use reqwest::Method;
use serde_json::{Value, json};

const FILE: &str = "/v1/configuration";

fn mau(function: &str, days: u32) -> Value {
    field("MAU", "account", "event", function, &json!({"rolling_days": days}))
}

async fn path_of(world: &World, name: &str) -> String {
    format!("/v1/fields/{}", id_of(world, name).await)
}

async fn made(world: &World, name: &str, text: &str) -> Value {
    world.post("/v1/fields", &formula(name, "account", text)).await.expect(201)
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|field| field["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_field_that_a_formula_uses_is_not_deleted_until_the_formula_is() {
    let world = with_seats().await;
    let seats =
        world.post("/v1/fields", &formula("Seats used", "account", r#""MAU" / directory.seats"#)).await.expect(201);
    let per_cent = world.post("/v1/fields", &formula("Per cent", "account", r#""seats used" * 100"#)).await.expect(201);
    let mau = format!("/v1/fields/{}", id_of(&world, "MAU").await);
    let before = world.items().await;
    let refused = world.delete(&mau).await.expect(409);
    assert_eq!(refused["type"], "/problems/field-in-use");
    assert_eq!(refused["users"], json!([{"id": seats["id"], "name": "Seats used"}]), "those that name it themselves");
    assert_eq!(world.items().await, before);
    let path = |field: &Value| format!("/v1/fields/{}", field["id"].as_str().unwrap());
    assert_eq!(world.delete(&path(&seats)).await.expect(409)["users"][0]["name"], "Per cent");
    for path in [path(&per_cent), path(&seats), mau] {
        assert_eq!(world.delete(&path).await.status, 204);
    }
    let audit = world.get("/v1/audit").await.expect(200);
    let told =
        audit["items"].as_array().unwrap().iter().find(|line| line["resource"] == path(&seats)[4..]).unwrap().clone();
    assert_eq!(told["before"]["formula"], r#""MAU" / directory.seats"#, "the trail names fields as people do: {told}");
    world.idle().await;
}

#[tokio::test]
async fn what_is_shown_of_a_formula_that_is_tried_is_what_it_then_has() {
    let world = with_seats().await;
    made(&world, "Seats used", r#""MAU" / directory.seats"#).await;
    let tried = [
        formula("Per cent", "account", r#""seats USED" * 100"#),
        formula("Licences", "account", r#""MAU" / directory."licence seats""#),
        formula("Quiet weeks", "account", r#""Quiet days" / 7"#),
        formula("Twice", "contact", r#""Events" * 2"#),
    ];
    let before = world.items().await;
    world.pendo().clear_requests();
    let mut previews = Vec::new();
    for definition in &tried {
        previews.push(
            world.post("/v1/fields/preview", &json!({"definition": definition, "sample": 100})).await.expect(200),
        );
    }
    assert_eq!((world.items().await, world.pendo().requests().len()), (before, 0), "nothing is changed or asked");
    for definition in &tried {
        world.post("/v1/fields", definition).await.expect(201);
    }
    let lines = world.lines().await;
    for (definition, preview) in tried.iter().zip(&previews) {
        let of_field: Vec<&Value> = lines.values().filter(|line| line["field"] == definition["name"]).collect();
        let mut items: Vec<&Value> = preview["items"].as_array().unwrap().iter().collect();
        items.sort_by_key(|line| line["id"].as_str());
        assert_eq!(items, of_field, "{definition}");
        check_sums(definition, preview, &of_field);
        assert_eq!(
            (&preview["is_read"], &preview["usage"], &preview["backfill"]),
            (&json!(true), &Value::Null, &Value::Null)
        );
    }
    let [per_cent, licences, ..] = &previews[..] else { panic!() };
    assert_eq!(per_cent["definition"]["formula"], r#""Seats used" * 100"#, "with the names that stand");
    assert_eq!(
        (&per_cent["distribution"]["median"], &per_cent["nulls"]["undefined"]["objects"]),
        (&json!(150.0), &json!(1))
    );
    assert_eq!(licences["nulls"]["no_number"]["share"], 0.5);
    let told = licences["warnings"].to_string();
    assert!(told.contains("50 % of the accounts have no number in a column that it names"), "{told}");

    let again =
        world.post("/v1/fields/preview", &json!({"definition": tried[0], "objects": ["A-2"]})).await.expect(200);
    assert_eq!((names_of(&again), &again["items"][0]["reason"]), (vec!["A-2"], &json!("undefined")));
    assert!(again["warnings"].to_string().contains("stands already, with this definition"), "{again}");
}

fn names_of(preview: &Value) -> Vec<&str> {
    preview["items"].as_array().unwrap().iter().map(|line| line["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_formula_that_can_not_be_saved_can_not_be_tried() {
    let world = with_seats().await;
    for (definition, objects, pointer, part) in [
        (formula("x", "account", r#""MAU" / "DAU""#), json!(null), "/definition/formula", "\"DAU\" (character 9"),
        (formula("x", "account", r#""MAU" / "Last used""#), json!(null), "/definition/formula", "is a time"),
        (formula("x", "contact", r#""MAU" * 2"#), json!(null), "/definition/formula", "a field of accounts"),
        (formula("x", "account", r#""MAU" * directory.plan"#), json!(null), "/definition/formula", "\"plan\""),
        (formula("x", "account", r#""MAU" * "#), json!(null), "/definition/formula", "character 9"),
        (formula("x", "account", r#""MAU" * 2"#), json!(["A-1", "A-3"]), "/objects/1", "no account"),
    ] {
        let mut body = json!({"definition": definition});
        if !objects.is_null() {
            body["objects"] = objects;
        }
        let refused = world.post("/v1/fields/preview", &body).await.expect(422);
        assert_eq!(refused["pointer"], pointer, "{refused}");
        assert!(refused["detail"].as_str().unwrap().contains(part), "{refused}");
    }
}

#[tokio::test]
async fn an_edit_of_a_field_is_judged_by_the_formulas_that_use_it_and_they_follow() {
    let world = with_seats().await;
    made(&world, "Seats used", r#""MAU" / directory.seats"#).await;
    made(&world, "Per cent", r#""Seats used" * 100"#).await;
    let path = path_of(&world, "MAU").await;
    let before = world.items().await;
    let refused = world.put(&path, &mau("last_used", 30)).await.expect(422);
    assert_eq!((&refused["pointer"], &refused["type"]), (&json!("/function"), &json!("/problems/invalid-field")));
    assert!(refused["detail"].as_str().unwrap().contains("The formula of \"Seats used\" uses this field"), "{refused}");
    let round = formula("MAU", "account", r#""Per cent" + 1"#);
    let refused = world.put(&path, &round).await.expect(422);
    assert!(refused["detail"].as_str().unwrap().contains(r#""MAU" → "Per cent" → "Seats used" → "MAU""#), "{refused}");
    assert_eq!(world.items().await, before);

    world.stack.hold_jobs();
    let mut renamed = mau("distinct_visitors", 30);
    renamed["name"] = json!("Monthly \"users\"");
    world.put(&path, &renamed).await.expect(200);
    let seats = path_of(&world, "Seats used").await;
    let shown = world.get(&seats).await.expect(200);
    assert_eq!((&shown["formula"], &shown["version"]), (&json!(r#""Monthly \"users\"" / directory.seats"#), &json!(1)));
    assert_eq!(world.value("account", "A-1", "Per cent").await, 150.0, "another name breaks nothing");

    world.put(&path, &mau("distinct_visitors", 7)).await.expect(200);
    let line = world.line("account", "A-1", "Per cent").await;
    assert_eq!((&line["value"], &line["reason"], &line["version"]), (&Value::Null, &json!("backfilling"), &json!(1)));
    world.stack.release_jobs();
    world.idle().await;
    assert_eq!(world.value("account", "A-1", "Per cent").await, 50.0, "of the new window");
    let explained = world.get("/v1/values/explain?object=account&id=A-1&field=Seats%20used").await.expect(200);
    let versions = (&explained["definition"]["version"], &explained["operands"][0]["version"]);
    assert_eq!((versions, &explained["is_current"]), ((&json!(1), &json!(3)), &json!(true)), "{explained}");
    assert_eq!(explained["operands"][1]["version"], Value::Null);
}

#[tokio::test]
async fn a_formula_is_edited_at_once_and_its_versions_are_shown_by_the_names_that_stand() {
    let world = with_seats().await;
    made(&world, "Twice", r#""WAU" * 2"#).await;
    let path = path_of(&world, "Twice").await;
    world.pendo().clear_requests();
    let edited = world.put(&path, &formula("Twice", "account", r#""mau" * 2 / directory.seats"#)).await.expect(200);
    assert_eq!((&edited["version"], &edited["formula"]), (&json!(2), &json!(r#""MAU" * 2 / directory.seats"#)));
    assert_eq!((&edited["values_to_recompute"], &edited["backfill"]), (&json!(0), &Value::Null));
    let line = world.line("account", "A-1", "Twice").await;
    assert_eq!((&line["value"], &line["version"]), (&json!(3.0), &json!(2)));

    // What is equal changes nothing, even where it could not be saved as new.
    world.upload_as("accounts", "text/csv", "id,seats\nA-1,two\nA-2,none\n").await.expect(200);
    let equal = formula("Twice", "account", r#"("MAU" * 2) / directory."seats""#);
    assert_eq!(world.put(&path, &equal).await.expect(200)["version"], 2);
    let refused = world.put(&path, &formula("Twice", "account", r#""MAU" * 3 / directory.seats"#)).await.expect(422);
    assert_eq!(refused["pointer"], "/formula", "{refused}");
    let refused = world.put(&path, &formula("Twice", "contact", r#""Events" * 2"#)).await.expect(422);
    assert_eq!((&refused["type"], &refused["pointer"]), (&json!("/problems/other-level"), &json!("/object")));

    let wau = path_of(&world, "WAU").await;
    let id = wau.rsplit('/').next().unwrap();
    world.delete(&wau).await.expect(204);
    let mut renamed = mau("distinct_visitors", 30);
    renamed["name"] = json!("Month");
    world.put(&path_of(&world, "MAU").await, &renamed).await.expect(200);
    let versions = world.get(&format!("{path}/versions")).await.expect(200);
    let formulas = [0, 1].map(|at| versions["items"][at]["definition"]["formula"].as_str().unwrap());
    assert_eq!(formulas, [r#""Month" * 2 / directory.seats"#.to_owned(), format!("\"{id}\" * 2")], "{versions}");
    let refused = world.put(&path, &versions["items"][1]["definition"]).await.expect(422);
    assert_eq!(refused["pointer"], "/formula", "what it used is gone: {refused}");
    world.idle().await;
}

#[tokio::test]
async fn a_field_becomes_a_formula_and_a_field_of_usage_again() {
    let world = with_seats().await;
    let path = path_of(&world, "MAU").await;
    world.put(&path, &formula("MAU", "account", r#""WAU" * 10"#)).await.expect(200);
    assert_eq!(world.value("account", "A-1", "MAU").await, 10.0, "at once");
    world.idle().await;
    assert_eq!(world.value("account", "A-1", "MAU").await, 10.0);
    world.stack.hold_jobs();
    let back = world.put(&path, &mau("distinct_visitors", 30)).await.expect(200);
    assert_eq!((&back["version"], &back["values_to_recompute"]), (&json!(3), &json!(2)));
    assert_eq!(world.value("account", "A-1", "MAU").await, "backfilling", "what stood first vouches for nothing");
    world.stack.release_jobs();
    world.idle().await;
    assert_eq!(world.value("account", "A-1", "MAU").await, 3);
}

#[tokio::test]
async fn formulas_stand_in_the_file_by_name_behind_what_they_use_and_make_another_workspace_the_same() {
    let world = with_seats().await;
    made(&world, "Seats used", r#""MAU" / directory.seats"#).await;
    made(&world, "A per cent", r#""Seats used" * 100"#).await;
    let exported = world.get(FILE).await.expect(200);
    let order = ["Last used", "MAU", "Quiet days", "WAU", "Events", "Seats used", "A per cent"];
    assert_eq!(names(&exported["fields"]), order);
    assert_eq!(exported["fields"][5]["formula"], r#""MAU" / directory.seats"#);
    let mut turned = exported.clone();
    turned["fields"].as_array_mut().unwrap().reverse();
    let before = world.items().await;
    assert_eq!(world.put(FILE, &turned).await.expect(200)["status"], "unchanged", "in any order");
    assert_eq!(world.items().await, before);

    let token = world.stack.tokens().sign(&Tokens::claims("second", "high")).unwrap();
    let send = async |method: Method, path: &str, body: &Value| {
        world.call_with(&token, method, path, &[("content-type", "application/json")], body.to_string()).await
    };
    let key = json!({"region": "us", "integration_key": world.pendo().key()});
    send(Method::POST, "/v1/connection", &key).await.expect(201);
    let rows = "id,seats\nA-1,4\n";
    world
        .call_with(&token, Method::PUT, "/v1/directory/accounts", &[("content-type", "text/csv")], rows)
        .await
        .expect(200);
    let taken = send(Method::PUT, FILE, &turned).await.expect(200);
    assert_eq!(taken["fields"]["created"], turned["fields"], "by names, as they were sent");
    assert_eq!(taken["values_to_recompute"], 4, "of the four fields of accounts that are usage");
    assert_eq!(send(Method::GET, FILE, &Value::Null).await.expect(200), exported);
    world.idle().await;
    let values = send(Method::GET, "/v1/values?object=account&field=A%20per%20cent", &Value::Null).await.expect(200);
    assert_eq!(values["items"][0]["value"], 75.0);
}

#[tokio::test]
async fn a_file_is_judged_by_all_that_will_stand() {
    let world = with_seats().await;
    let seats = made(&world, "Seats used", r#""MAU" / directory.seats"#).await;
    let exported = world.get(FILE).await.expect(200);
    let without = |names: &[&str]| -> Vec<Value> {
        let fields = exported["fields"].as_array().unwrap().iter();
        fields.filter(|field| !names.contains(&field["name"].as_str().unwrap())).cloned().collect()
    };
    let with = |names: &[&str], more: &[Value]| json!({"format": 1, "fields": json!([without(names), more.to_vec()].concat())});
    let wau = r#""WAU" / directory.seats"#;
    let before = world.items().await;
    for (file, query, status, pointer, part) in [
        (with(&["MAU"], &[]), "?prune=true", 409, "?prune", "The formulas of \"Seats used\" use \"MAU\""),
        (
            with(&["MAU", "Seats used"], &[formula("New", "account", r#""MAU" * 2"#)]),
            "?prune=true",
            422,
            "/fields/4/formula",
            "\"MAU\"",
        ),
        (with(&["MAU"], &[mau("last_used", 30)]), "", 422, "/fields/5/function", "\"Seats used\" uses this field"),
        (
            with(&["MAU"], &[formula("MAU", "account", r#""seats used" + 1"#)]),
            "",
            422,
            "/fields/5/formula",
            "comes back",
        ),
        (
            with(&[], &[formula("P", "account", "\"Q\" + 1"), formula("Q", "account", "\"P\" + 1")]),
            "",
            422,
            "/fields/6/formula",
            "comes back",
        ),
        (with(&[], &[formula("P", "account", r#""DAU" + 1"#)]), "", 422, "/fields/6/formula", "\"DAU\""),
        (with(&[], &[formula("P", "account", r#""MAU" + directory.plan"#)]), "", 422, "/fields/6/formula", "\"plan\""),
    ] {
        for path in [
            format!("{FILE}{query}"),
            format!("{FILE}{}dry_run=true", if query.is_empty() { "?" } else { "?prune=true&" }),
        ] {
            let refused = world.put(&path, &file).await.expect(status);
            assert_eq!(refused["pointer"], pointer, "{path}: {refused}");
            assert!(refused["detail"].as_str().unwrap().contains(part), "{path}: {refused}");
            if status == 409 {
                assert_eq!(refused["users"], json!([{"id": seats["id"], "name": "Seats used"}]));
            }
        }
    }
    assert_eq!(world.items().await, before, "nothing is changed");

    // A formula and what it uses change, come and go together.
    let other = with(&["MAU", "Seats used"], &[formula("Seats used", "account", wau), mau("first_used", 30)]);
    let taken = world.put(FILE, &other).await.expect(200);
    let changed = taken["fields"]["changed"].as_array().unwrap();
    let text = |side: &str| changed.iter().find_map(|change| change[side]["formula"].as_str()).unwrap();
    assert_eq!((text("before"), text("after")), (r#""MAU" / directory.seats"#, wau));
    world.idle().await;
    assert_eq!(world.value("account", "A-1", "Seats used").await, 0.5);
    world.stack.clock().advance_ms(1_000);
    let rest = json!({"format": 1, "fields": without(&["MAU", "Seats used", "WAU"])});
    let taken = world.put(&format!("{FILE}?prune=true"), &rest).await.expect(200);
    assert_eq!(names(&taken["fields"]["deleted"]), ["MAU", "WAU", "Seats used"]);
    let line = world.get("/v1/audit?limit=1").await.expect(200)["items"][0].clone();
    assert_eq!(line["before"]["fields"][2]["formula"], wau, "the trail names what went: {line}");
    world.put(FILE, &exported).await.expect(200);
    world.idle().await;
    assert_eq!(world.value("account", "A-1", "Seats used").await, 1.5);
}
