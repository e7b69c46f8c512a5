//! The life of a connection: keys come and go, the data stays or goes, and nothing half-made is usable.

use crate::harness::{World, all_time, both_levels, field, used};
use pendo_simulator::{Faults, Kind, Options, Region};
use serde_json::{Value, json};

fn keys() -> Options {
    Options {
        second_key: Some("second-key.us".to_owned()),
        foreign_key: Some("foreign-key.us".to_owned()),
        other_region_key: Some(("key-of-europe.eu".to_owned(), Region::Eu)),
        write_key: Some("writing-key.us".to_owned()),
        ..Options::empty()
    }
}

/// Connected and synced, with usage on settled days.
async fn synced() -> World {
    let world = World::start(keys()).await;
    for at in ["2026-06-30T08:00:00Z", "2026-05-03T08:00:00Z", "2026-05-02T08:00:00Z", "2026-05-01T08:00:00Z"] {
        world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), at, 3));
    }
    world.connect().await;
    set_up(&world).await;
    world
}

async fn set_up(world: &World) {
    world.upload("accounts", "id\nA-1\n").await;
    world.upload("contacts", "id,account_id,email\nC-1,A-1,ann@x.test\n").await;
    world.match_both().await;
    world.field(&field("Events", "account", "event", "count", &all_time())).await;
    world.field(&field("Week", "contact", "event", "count", &json!({"rolling_days": 7}))).await;
}

fn key(text: &str) -> Value {
    json!({"region": "us", "integration_key": text})
}

async fn secrets(world: &World) -> usize {
    let listed = world.stack.clients().secrets.list_secrets().send().await.unwrap();
    listed.secret_list().len()
}

#[tokio::test]
async fn before_connecting_the_status_is_inactive_with_the_regions_and_the_next_step() {
    let world = World::empty().await;
    let shown = world.get("/v1/connection").await.expect(200);
    assert_eq!(shown["status"], "inactive");
    let names: Vec<&Value> = shown["regions"].as_array().unwrap().iter().map(|region| &region["name"]).collect();
    assert_eq!(json!(names), json!(["us", "us1", "eu", "jpn", "au"]));
    assert!(shown["next_step"].as_str().unwrap().contains("POST /v1/connection"));
    assert_eq!(world.status().await["status"], "inactive");
}

#[tokio::test]
async fn a_new_key_of_the_same_subscription_is_a_rotation() {
    let world = synced().await;
    world.post("/v1/connection", &key("second-key.us")).await.expect(200);
    world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-06-30T12:00:00Z", 5));
    world.tick_after(1).await;
    assert_eq!(world.value("account", "A-1", "Events").await, 17);
    assert_eq!(secrets(&world).await, 1);
}

#[tokio::test]
async fn a_key_of_another_subscription_is_refused_and_nothing_is_changed() {
    let world = synced().await;
    let before = (world.items().await, world.lines().await);
    let refused = world.post("/v1/connection", &key("foreign-key.us")).await.expect(409);
    let sentence = "this key reads another Pendo subscription: disconnect with purge first";
    assert!(refused["detail"].as_str().unwrap().starts_with(sentence), "{refused}");
    assert_eq!((world.items().await, world.lines().await), before);
    world.tick_after(1).await;
    assert_eq!(world.value("account", "A-1", "Events").await, 12, "the old key still reads");
}

#[tokio::test]
async fn disconnecting_with_keep_freezes_values_and_reconnecting_reads_the_gap() {
    let world = synced().await;
    assert_eq!(world.delete("/v1/connection").await.status, 422, "the choice has no default");
    world.delete("/v1/connection?data=keep").await.expect(200);
    assert_eq!(secrets(&world).await, 0);
    world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-07-02T08:00:00Z", 5));
    world.pendo().clear_requests();
    world.tick_after(72).await;
    assert_eq!(world.pendo().requests().len(), 0);
    for (object, id, name, value) in [("account", "A-1", "Events", 12), ("contact", "C-1", "Week", 3)] {
        let line = world.line(object, id, name).await;
        let frozen = (&line["value"], &line["reason"], &line["as_of"], &line["to"]);
        let at = json!("2026-06-30T12:00:00Z");
        assert_eq!(frozen, (&json!(value), &json!("disconnected"), &at, &at), "{line}");
    }
    world.post("/v1/connection", &key("second-key.us")).await.expect(201);
    world.idle().await;
    let line = world.line("account", "A-1", "Events").await;
    assert_eq!((&line["value"], &line["reason"]), (&json!(17), &Value::Null));
}

#[tokio::test]
async fn a_purge_leaves_no_item_and_no_secret_and_connecting_right_after_works() {
    let world = synced().await;
    // What was uploaded in the very millisecond of the purge could be the next connection's.
    world.stack.clock().advance_ms(1);
    let answer = world.delete("/v1/connection?data=purge").await.expect(202);
    assert_eq!(answer["status"], "purging");
    assert!(answer["note"].as_str().unwrap().contains("35 days"), "{answer}");
    world.post("/v1/connection", &key("foreign-key.us")).await.expect(201);
    world.idle().await;
    world.delete("/v1/connection?data=purge").await.expect(202);
    world.idle().await;
    assert_eq!(secrets(&world).await, 0);
    assert_eq!(left(&world).await, ["purges"], "a note, so that all is looked for once more");
    assert_eq!(world.get("/v1/connection").await.expect(200)["status"], "inactive");
    world.connect().await;
    set_up(&world).await;
    assert_eq!(world.value("account", "A-1", "Events").await, 12);
}

/// The sort keys of all items that stand.
async fn left(world: &World) -> Vec<String> {
    world.items().await.into_keys().map(|(_, sort)| sort).collect()
}

#[tokio::test]
async fn a_purge_says_how_far_it_is_and_looks_a_day_later_for_what_a_worker_that_slept_brought_back() {
    let world = synced().await;
    let (context, workspace) = (world.stack.context().clone(), world.workspace());
    let connection = context.store.connection_get(&workspace).await.unwrap().unwrap().value.id;
    let shard = context.store.shard_get(&workspace, &connection, 1).await.unwrap();
    let all = world.items().await.len();
    world.stack.clock().advance_ms(1);
    world.stack.hold_jobs();
    world.delete("/v1/connection?data=purge").await.expect(202);
    let purge = async || world.status().await["purges"][0].clone();
    assert_eq!((&purge().await["items_removed"], &purge().await["removed_at"]), (&json!(0), &Value::Null));
    // No time at all: it stops where it may, and says how far it is.
    let end = shared::sync::purge::purge(&context, &workspace, std::time::Instant::now()).await.unwrap();
    let removed = purge().await["items_removed"].as_u64().unwrap();
    assert!(end == shared::sync::RunEnd::Continues && 0 < removed && removed < all as u64, "{removed} of {all}");
    assert!(world.status().await["next_step"].as_str().unwrap().contains(&format!("{removed} items so far")));
    world.stack.release_jobs();
    world.idle().await;
    assert_eq!(left(&world).await, ["purges"]);
    assert_eq!(purge().await["removed_at"], "2026-06-30T12:30:00Z");
    assert_eq!(purge().await["looked_for_again_at"], "2026-07-01T12:30:00Z");

    // What a run that was asleep all the while writes when it wakes.
    let open_from = shared::time::Hour(0);
    context.store.shard_move(&shard, shared::store::Change::default(), open_from, 0).await.unwrap_err();
    let unread = context.store.shard_get(&workspace, &connection, 1).await.unwrap();
    context.store.shard_move(&unread, shared::store::Change::default(), open_from, 0).await.unwrap();
    context.store.checkpoint_change(&workspace, &connection, |_| {}).await.unwrap();
    world.tick_after(23).await;
    assert_eq!(left(&world).await.len(), 3);
    world.tick_after(1).await;
    assert_eq!(left(&world).await, Vec::<String>::new());
    assert_eq!(world.status().await["purges"], json!([]));
}

#[tokio::test]
async fn a_purge_that_broke_off_is_ended_by_the_next_tick() {
    let world = synced().await;
    let (store, workspace) = (&world.stack.context().store, world.workspace());
    let stands = store.connection_get(&workspace).await.unwrap().unwrap();
    let mut connection = stands.value;
    // What the request had done before it died: the mark and the note.
    connection.status = shared::connection::ConnectionStatus::Purging;
    store.connection_put(&workspace, &connection, stands.version).await.unwrap();
    let note = shared::store::purge::Purge {
        connection: connection.id,
        secret: connection.secret,
        asked_at_ms: world.stack.clock().now_ms(),
        shards: 0,
        items: 0,
        cleared_at_ms: None,
    };
    store.purges_change(&workspace, |purges| purges.push(note.clone())).await.unwrap();
    world.tick().await;
    assert_eq!((left(&world).await, secrets(&world).await), (vec!["purges".to_owned()], 0));
    world.tick_after(24).await;
    assert_eq!(left(&world).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_revoked_key_is_said_so_and_a_new_one_goes_on_where_it_stopped() {
    let world = synced().await;
    world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-06-30T12:00:00Z", 5));
    world.pendo().set_faults(Faults { forbidden_percent: 100, ..Faults::default() });
    world.tick_after(1).await;
    assert_eq!(world.status().await["status"], "revoked");
    assert!(world.status().await["next_step"].as_str().unwrap().contains("POST /v1/connection"));
    assert_eq!(world.value("account", "A-1", "Events").await, 12, "what was read is still shown");
    world.pendo().clear_requests();
    world.tick_after(1).await;
    assert_eq!(world.pendo().requests().len(), 0, "a refused key is not tried again and again");
    world.pendo().set_faults(Faults::default());
    world.post("/v1/connection", &key("second-key.us")).await.expect(200);
    world.idle().await;
    assert_eq!(world.status().await["status"], "active");
    assert_eq!(world.value("account", "A-1", "Events").await, 17);
}

#[tokio::test]
async fn one_refusal_among_many_answers_does_not_revoke_a_key() {
    let world = synced().await;
    for nth in 1..=4 {
        let faults = Faults { error_every: nth, error_status: Some(403), at_most: 1, ..Faults::default() };
        world.pendo().set_faults(faults);
        world.tick_after(1).await;
        assert_eq!(world.status().await["status"], "active", "request {nth}");
    }
    world.pendo().set_faults(Faults::default());
    world.tick().await;
    assert_eq!(world.status().await["is_complete"], true);
}

#[tokio::test]
async fn a_pendo_that_refuses_one_request_in_five_neither_loses_rows_nor_revokes_the_key() {
    let world = synced().await;
    world.pendo().set_faults(Faults { forbidden_percent: 20, ..Faults::default() });
    for hour in 0..5 {
        let at = format!("2026-06-30T{}:25:00Z", 12 + hour);
        world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), &at, 1));
        world.tick_after(1).await;
    }
    let refused = world.pendo().requests().iter().filter(|request| request.status == 403).count();
    assert!(refused > 3, "{refused}");
    assert_eq!(world.value("account", "A-1", "Events").await, 17);
    let status = world.status().await;
    assert_eq!((&status["status"], &status["is_complete"]), (&json!("active"), &json!(true)), "{status}");
}

#[tokio::test]
async fn a_refused_key_names_the_four_causes_that_look_alike() {
    let world = World::start(keys()).await;
    for text in ["no-such-key.us", "key-of-europe.eu"] {
        let refused = world.post("/v1/connection", &key(text)).await.expect(422);
        assert_eq!(refused["pointer"], "/integration_key");
        for cause in ["wrong key", "revoked key", "another region", "plan"] {
            assert!(refused["detail"].as_str().unwrap().contains(cause), "{cause}: {refused}");
        }
    }
    assert_eq!((world.items().await.len(), secrets(&world).await), (0, 0));
}

#[tokio::test]
async fn a_key_that_may_not_aggregate_is_refused_for_that() {
    let world = World::start(keys()).await;
    world.pendo().set_faults(Faults { aggregation_needs_write: true, ..Faults::default() });
    let refused = world.post("/v1/connection", &key(world.pendo().key())).await.expect(422);
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("Growth") && detail.contains("may not aggregate"), "{detail}");
    assert_eq!((world.items().await.len(), secrets(&world).await), (0, 0));
    world.post("/v1/connection", &key("writing-key.us")).await.expect(201);
}

#[tokio::test]
async fn where_verify_does_not_exist_the_aggregation_decides() {
    let world = World::start(keys()).await;
    world.pendo().set_faults(Faults { verify_missing: true, ..Faults::default() });
    assert_eq!(world.post("/v1/connection", &key("no-such-key.us")).await.expect(422)["pointer"], "/integration_key");
    world.post("/v1/connection", &key(world.pendo().key())).await.expect(201);
}

#[tokio::test]
async fn deleting_the_last_field_of_a_kind_stops_its_probes_and_mapping_it_again_reads_the_gap() {
    let world = synced().await;
    let listed = world.get("/v1/fields").await.expect(200);
    for listed in listed["items"].as_array().unwrap() {
        world.delete(&format!("/v1/fields/{}", listed["id"].as_str().unwrap())).await.expect(204);
    }
    world.idle().await;
    assert_eq!(world.lines().await.len(), 0);
    world.pendo().clear_requests();
    world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-07-05T08:00:00Z", 5));
    for _ in 0..12 {
        world.tick_after(24).await;
    }
    assert_eq!(world.usage_requests(), 0);
    world.field(&field("Again", "account", "event", "count", &all_time())).await;
    assert_eq!(world.value("account", "A-1", "Again").await, 17);
    assert_eq!(world.fetches(), 1, "only the gap is read");
}

#[tokio::test]
async fn pausing_stops_requests_and_going_on_reads_what_was_missed() {
    let world = synced().await;
    world.patch("/v1/connection", &json!({"paused": true})).await.expect(200);
    world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-06-30T12:00:00Z", 5));
    world.pendo().clear_requests();
    world.tick_after(2).await;
    assert_eq!((world.pendo().requests().len(), world.post("/v1/sync", &json!({})).await.status), (0, 409));
    world.patch("/v1/connection", &json!({"paused": false})).await.expect(200);
    world.idle().await;
    assert_eq!(world.value("account", "A-1", "Events").await, 17);
}

#[tokio::test]
async fn a_level_cannot_be_switched_off_while_fields_use_it() {
    let world = synced().await;
    let before = world.items().await;
    let only_accounts = json!({"account": both_levels()["account"]});
    let refused = world.put("/v1/matching", &only_accounts).await.expect(409);
    assert_eq!(refused["fields"], json!(["Week"]));
    assert_eq!(world.items().await, before);
}

#[tokio::test]
async fn the_stored_key_and_a_rotated_one_are_taken_though_late_rows_changed_young_days_since() {
    let world = synced().await;
    // Of a day that was three days old when it was read: eleven days later it is settled, and no longer what was stored.
    world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-06-27T10:00:00Z", 2));
    world.advance(11 * 24);
    world.pendo().clear_requests();
    let again = world.post("/v1/connection", &key(world.pendo().key())).await.expect(200);
    assert_eq!(again["outcome"], "unchanged");
    assert_eq!(world.usage_requests(), 0, "the stored key need not show what it reads");
    assert_eq!(world.post("/v1/connection", &key("second-key.us")).await.expect(200)["outcome"], "rotated");
    world.tick().await;
    assert_eq!(world.value("account", "A-1", "Events").await, 14);
}

#[tokio::test]
async fn what_has_aged_out_at_pendo_is_kept() {
    let world = synced().await;
    assert_eq!(world.value("account", "A-1", "Events").await, 12);
    world.pendo().remove(|row| row.hour_ms < crate::harness::ms("2026-05-02T12:00:00Z"));
    world.tick_after(8 * 24).await;
    assert_eq!(world.value("account", "A-1", "Events").await, 12);
    let kind = &world.status().await["kinds"]["event"];
    assert_eq!((&kind["aged_out_before"], &kind["equals_pendo"]), (&json!("2026-05-03T00:00:00Z"), &json!(true)));
    // A week later it still is gone: from then on it is not asked for.
    world.tick_after(8 * 24).await;
    world.pendo().clear_requests();
    world.tick_after(8 * 24).await;
    let probes = |body: &str| body.contains("utcDay") && body.contains("squares");
    let first = format!("\"first\":{}", crate::harness::ms("2026-05-03T00:00:00Z"));
    let asked: Vec<_> = world.pendo().requests().into_iter().filter(|asked| probes(&asked.body)).collect();
    assert!(!asked.is_empty() && asked.iter().all(|asked| asked.body.contains(&first)), "{asked:?}");
    assert_eq!(world.value("account", "A-1", "Events").await, 12);
    let kind = &world.status().await["kinds"]["event"];
    assert_eq!((&kind["aged_out_before"], &kind["equals_pendo"]), (&json!("2026-05-03T00:00:00Z"), &json!(true)));
}

#[tokio::test]
async fn a_beginning_within_the_running_hour_asks_pendo_nothing_and_says_not_read() {
    let world = World::start(keys()).await;
    world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-06-30T08:00:00Z", 3));
    world.connect_with(&json!({"history_from": "2026-06-30T12:00:00Z"})).await;
    set_up(&world).await;
    assert_eq!(world.usage_requests(), 0);
    assert_eq!(world.line("contact", "C-1", "Week").await["reason"], "not_read");
}
