//! Objects that somebody deletes in Pendo: they keep their usage and show as deleted.

use crate::harness::{World, all_time, field, two_accounts, used};
use pendo_simulator::Kind;
use serde_json::{Value, json};

const KINDS: [(Kind, &str); 4] =
    [(Kind::Feature, "feature"), (Kind::Page, "page"), (Kind::Guide, "guide"), (Kind::Track, "track")];

fn id(kind: &str) -> String {
    format!("some-{kind}")
}

/// A field over one object of each kind that has objects.
async fn with_objects() -> World {
    let world = two_accounts().await;
    let mut fields = Vec::new();
    for (kind, name) in KINDS {
        world.pendo().add_object(kind, &id(name), &format!("The {name}"), pendo_simulator::DEFAULT_APP);
        world.pendo().add_object(kind, &format!("other-{name}"), "Another", pendo_simulator::DEFAULT_APP);
        world.pendo().inject(used(kind, "ann@x.test", Some("A-1"), "2026-06-29T09:10:00Z", 1));
        let mut uses = field(name, "account", name, "count", &all_time());
        uses["usage"]["ids"] = json!([id(name)]);
        fields.push(uses);
    }
    world.fields(&fields).await;
    world
}

/// The catalogue's entry of an object.
async fn entry(world: &World, kind: &str) -> Value {
    let found = world.get(&format!("/v1/pendo/catalog?kind={kind}&q=some-{kind}")).await.expect(200);
    found["items"][0].clone()
}

async fn named_as_deleted(world: &World, kind: &str) -> Value {
    let fields = world.get("/v1/fields").await.expect(200);
    let items = fields["items"].as_array().unwrap();
    items.iter().find(|field| field["name"] == kind).unwrap()["deleted_ids"].clone()
}

#[tokio::test]
async fn what_is_deleted_in_pendo_keeps_its_usage_and_shows_as_deleted() {
    let world = with_objects().await;
    for (_, kind) in KINDS {
        assert!(entry(&world, kind).await["deleted"].is_null());
        world.pendo().remove_object(&id(kind));
    }
    world.tick_after(1).await;
    for (_, kind) in KINDS {
        let gone = entry(&world, kind).await;
        assert_eq!((&gone["deleted"], &gone["name"]), (&json!(true), &json!(format!("The {kind}"))), "{gone}");
        assert!(named_as_deleted(&world, kind).await.is_null(), "one list alone may have been cut");
    }
    for _ in 0..8 {
        world.tick_after(24).await;
    }
    for (_, kind) in KINDS {
        assert_eq!(named_as_deleted(&world, kind).await, json!([id(kind)]));
        assert_eq!(world.value("account", "A-1", kind).await, 1, "{kind}");
        assert!(world.status().await["kinds"][kind]["edit"].is_null(), "nothing was edited");
    }
    // Its usage stays, so a field may name it.
    let mut another = field("Another", "contact", "guide", "count", &all_time());
    another["usage"]["ids"] = json!([id("guide")]);
    let answer = world.field(&another).await;
    assert_eq!(world.value("contact", "C-1", "Another").await, 1);
    let read = world.get(&format!("/v1/fields/{}", answer["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(read["deleted_ids"], json!([id("guide")]));
    another["usage"]["ids"] = json!(["never-heard-of"]);
    another["name"] = json!("Unknown");
    world.post("/v1/fields", &another).await.expect(422);
}

#[tokio::test]
async fn what_is_listed_again_or_missing_from_an_empty_list_is_not_deleted() {
    let world = with_objects().await;
    world.pendo().remove_object(&id("page"));
    world.tick_after(1).await;
    assert_eq!(entry(&world, "page").await["deleted"], true);
    world.pendo().add_page(&id("page"), "The page");
    for (_, kind) in &KINDS[..1] {
        world.pendo().remove_object(&id(kind));
        world.pendo().remove_object(&format!("other-{kind}"));
    }
    for _ in 0..2 {
        world.tick_after(1).await;
    }
    assert!(entry(&world, "page").await["deleted"].is_null());
    assert!(named_as_deleted(&world, "page").await.is_null() && named_as_deleted(&world, "feature").await.is_null());
}
