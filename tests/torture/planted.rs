//! Planted bugs: each is switched on where the real mistake would be, and the check named beside it must fail then, and
//! pass without it. Those that need a table which misbehaves stand in `table/planted.rs`.

use crate::catch::catches;
use crate::harness::{World, all_time, field, two_accounts, used};
use local::tokens::Tokens;
use pendo_simulator::{Faults, Kind, SECOND_APP, Trouble};
use reqwest::Method;
use secrecy::SecretString;
use serde_json::{Value, json};
use shared::planted::Bug;
use std::future::Future;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Page usage of ten events by Ann in one hour, and the field that counts it.
async fn counted() -> World {
    let world = two_accounts().await;
    world.pendo().inject(used(Kind::Page, "ann@x.test", Some("A-1"), "2026-06-30T10:10:00Z", 10));
    world.fields(&[uses("Uses")]).await;
    world
}

fn uses(name: &str) -> Value {
    field(name, "account", "page", "count", &all_time())
}

/// A new field, evaluated from what is stored; null when it can't be.
async fn counted_anew(world: &World) -> Value {
    world.post("/v1/fields", &uses("Anew")).await;
    world.stack.run_job_queue_idle().await;
    shown(world, "Anew").await
}

async fn shown(world: &World, name: &str) -> Value {
    let reply = world.get("/v1/values?object=account&id=A-1").await;
    let lines = if reply.status == 200 { reply.json()["items"].clone() } else { Value::Null };
    let line = lines.as_array().into_iter().flatten().find(|line| line["field"] == name);
    line.map_or(Value::Null, |line| line["value"].clone())
}

async fn run(world: &World) {
    drop(shared::sync::run(world.stack.context(), &world.workspace(), None).await);
}

async fn an_hour_that_is_read_again_replaces_what_stood() -> bool {
    let world = counted().await;
    world.pendo().inject(used(Kind::Page, "bob@x.test", Some("A-1"), "2026-06-30T10:20:00Z", 5));
    run(&world).await;
    counted_anew(&world).await == 15
}

async fn what_was_stored_is_found_by_a_later_field() -> bool {
    counted_anew(&counted().await).await == 10
}

async fn a_run_that_fetched_earlier_and_stores_later_changes_nothing() -> bool {
    let world = counted().await;
    world.pendo().inject(used(Kind::Page, "bob@x.test", Some("A-1"), "2026-06-30T10:20:00Z", 5));
    let before = world.fetches();
    {
        let mut early = std::pin::pin!(run(&world));
        // Until its fetch was answered.
        std::future::poll_fn(|context| {
            let is_over = early.as_mut().poll(context).is_ready() || world.fetches() > before;
            if is_over { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
        world.pendo().inject(used(Kind::Page, "eve@x.test", Some("A-1"), "2026-06-30T10:30:00Z", 7));
        run(&world).await;
        early.await;
    }
    shown(&world, "Uses").await == 22
}

async fn what_a_head_names_outlives_the_sweep() -> bool {
    let world = counted().await;
    // It is swept at first, and a week later.
    for hours in [25, 7 * 24, 25] {
        world.advance(hours);
        run(&world).await;
    }
    counted_anew(&world).await == 10
}

async fn two_objects_of_one_visitor_and_hour_stay_two() -> bool {
    let world = two_accounts().await;
    for (object, events) in [("p-1", 10), ("p-2", 3)] {
        let mut row = used(Kind::Page, "ann@x.test", Some("A-1"), "2026-06-30T10:10:00Z", events);
        row.object_id = object.to_owned();
        world.pendo().add_page(object, object);
        world.pendo().inject(row);
    }
    let mut named = uses("Uses");
    named["usage"]["ids"] = json!(["p-2"]);
    world.fields(&[named]).await;
    shown(&world, "Uses").await == 3
}

async fn a_row_four_hours_late_is_seen_by_the_next_run() -> bool {
    let world = counted().await;
    world.advance(4);
    run(&world).await;
    world.pendo().inject(used(Kind::Page, "bob@x.test", Some("A-1"), "2026-06-30T10:20:00Z", 5));
    world.advance(1);
    run(&world).await;
    shown(&world, "Uses").await == 15
}

async fn a_kind_that_could_not_be_read_says_so_and_stays_where_it_was() -> bool {
    let world = counted().await;
    for n in 0..64 {
        // One page in one hour: it can't be asked for in smaller parts.
        let (visitor, account) = (format!("v{}@x.test", n % 8), format!("B-{}", n / 8));
        world.pendo().inject(used(Kind::Page, &visitor, Some(&account), "2026-06-30T12:20:00Z", 1));
    }
    world.advance(1);
    // Probes are small, the rows of the new hour are not.
    let only_body = Some("pageEvents".to_owned());
    world.pendo().set_faults(Faults { max_bytes: 3_000, only_body, ..Faults::default() });
    run(&world).await;
    let page = world.status().await["kinds"]["page"].clone();
    page["error"].is_string() && page["as_of"] == "2026-06-30T12:00:00Z"
}

async fn an_answer_that_ends_early_is_an_error() -> bool {
    let world = counted().await;
    let (troubles, only_body) = (vec![Trouble::CutCleanly], Some("pageEvents".to_owned()));
    world.pendo().set_faults(Faults { trouble_percent: 100, troubles, only_body, ..Faults::default() });
    world.advance(1);
    run(&world).await;
    world.status().await["kinds"]["page"]["error"].is_string()
}

async fn usage_of_every_app_counts() -> bool {
    let world = two_accounts().await;
    let mut row = used(Kind::Page, "ann@x.test", Some("A-1"), "2026-06-30T10:10:00Z", 10);
    row.app_id = SECOND_APP;
    world.pendo().inject(row);
    world.fields(&[uses("Uses")]).await;
    shown(&world, "Uses").await == 10
}

async fn brackets_configure_nothing() -> bool {
    let world = counted().await;
    let mut claims = Tokens::claims("local", "high");
    claims["access_level"] = json!("[high]");
    let token = world.stack.tokens().sign(&claims).unwrap();
    let body = json!({"paused": true}).to_string();
    let reply = world.call_as(&token, Method::PATCH, "/v1/connection", Some("application/json"), body).await;
    reply.status == 403
}

/// Answers one request and hands over what was asked.
async fn answer_once(listener: TcpListener, answer: String) -> String {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut asked = vec![0; 8_192];
    let length = stream.read(&mut asked).await.unwrap();
    stream.write_all(answer.as_bytes()).await.unwrap();
    String::from_utf8_lossy(&asked[..length]).into_owned()
}

async fn a_redirect_carries_the_key_nowhere() -> bool {
    let (pendo, elsewhere) =
        (TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let (url, other) = (pendo.local_addr().unwrap(), elsewhere.local_addr().unwrap());
    let redirect =
        format!("HTTP/1.1 307 T\r\nlocation: http://{other}/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let first = tokio::spawn(answer_once(pendo, redirect));
    let fine = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}".to_owned();
    let second = tokio::spawn(answer_once(elsewhere, fine));
    let client = shared::pendo::Client::new(&format!("http://{url}"), &SecretString::from("a-key")).unwrap();
    drop(client.verify().await);
    assert!(first.await.unwrap().contains("a-key"), "the positive control");
    let is_untouched = !second.is_finished();
    second.abort();
    is_untouched
}

#[tokio::test]
async fn a_counter_that_adds_is_caught() {
    catches(Bug::CounterThatAdds, an_hour_that_is_read_again_replaces_what_stood).await;
}

#[tokio::test]
async fn an_entry_without_its_block_is_caught() {
    catches(Bug::EntryWithoutItsBlock, what_was_stored_is_found_by_a_later_field).await;
}

#[tokio::test]
async fn an_older_reading_that_wins_is_caught() {
    catches(Bug::OlderReadingWins, a_run_that_fetched_earlier_and_stores_later_changes_nothing).await;
}

#[tokio::test]
async fn a_sweep_without_the_head_is_caught() {
    catches(Bug::SweepWithoutTheHead, what_a_head_names_outlives_the_sweep).await;
}

#[tokio::test]
async fn a_narrow_key_is_caught() {
    catches(Bug::NarrowKey, two_objects_of_one_visitor_and_hour_stay_two).await;
}

#[tokio::test]
async fn a_look_back_of_nothing_is_caught() {
    catches(Bug::LookBackZero, a_row_four_hours_late_is_seen_by_the_next_run).await;
}

#[tokio::test]
async fn a_swallowed_error_is_caught() {
    catches(Bug::SwallowedError, a_kind_that_could_not_be_read_says_so_and_stays_where_it_was).await;
}

#[tokio::test]
async fn a_truncated_body_that_is_accepted_is_caught() {
    catches(Bug::TruncatedBodyAccepted, an_answer_that_ends_early_is_an_error).await;
}

#[tokio::test]
async fn the_default_app_alone_is_caught() {
    catches(Bug::DefaultAppOnly, usage_of_every_app_counts).await;
}

#[tokio::test]
async fn brackets_that_are_accepted_are_caught() {
    catches(Bug::BracketsAccepted, brackets_configure_nothing).await;
}

#[tokio::test]
async fn a_redirect_that_is_followed_is_caught() {
    catches(Bug::RedirectFollowed, a_redirect_carries_the_key_nowhere).await;
}
