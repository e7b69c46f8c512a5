//! History of values: what was told of a day is kept, what changed of it is told behind it with the reason, and what was known
//! at any time can be told again.

mod drawn;
mod refused;

use crate::harness::{World, all_time, both_levels, field, ms, two_accounts, used};
use crate::resilience::{claim_runs_out, cut_after};
use pendo_simulator::Kind;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn days(count: u32) -> Value {
    json!({"rolling_days": count, "complete_days": false})
}

/// All days of an account's or a contact's field, page by page.
async fn history_of(world: &World, object: &str, id: &str, field: &str, more: &str) -> Vec<Value> {
    let field = field.replace(' ', "%20");
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/values/history?object={object}&id={id}&field={field}{more}{cursor}");
        let page = world.get(&path).await.expect(200);
        items.extend(page["items"].as_array().unwrap().clone());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return items,
        }
    }
}

async fn history(world: &World, field: &str) -> Vec<Value> {
    history_of(world, "account", "A-1", field, "").await
}

/// What is said of each day: the day, the value or its reason, why it was told again, and what was said before.
fn told(items: &[Value]) -> Vec<(String, Value, Value, Vec<Value>)> {
    let said = crate::harness::said;
    let day = |item: &Value| {
        let before = item["before"].as_array().unwrap().iter().map(said).collect();
        (item["day"].as_str().unwrap().to_owned(), said(item), item["why"].clone(), before)
    };
    items.iter().map(day).collect()
}

fn first(day: &str, value: u64) -> (String, Value, Value, Vec<Value>) {
    (day.to_owned(), json!(value), Value::Null, Vec::new())
}

fn again(day: &str, value: &Value, why: &str, before: &[Value]) -> (String, Value, Value, Vec<Value>) {
    (day.to_owned(), value.clone(), json!(why), before.to_vec())
}

/// Every item of the history, as it stands.
async fn kept(world: &World) -> BTreeMap<(String, String), String> {
    let items = world.items().await.into_iter();
    items.filter(|((_, sort), _)| sort.starts_with("points") || sort.contains("told")).collect()
}

/// Two accounts, ten events a day of the first since 25 June, and some fields; it is the 30th at half past twelve.
async fn with_days() -> World {
    let world = two_accounts().await;
    for day in 25..=30 {
        let at = format!("2026-06-{day}T10:00:00Z");
        world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), &at, 10));
    }
    let fields = [
        field("Today", "account", "event", "count", &days(1)),
        field("Week", "account", "event", "count", &json!({"rolling_days": 7, "complete_days": true})),
        field("Ever", "account", "event", "count", &all_time()),
        field("Ever", "contact", "event", "count", &all_time()),
    ];
    world.fields(&fields).await;
    world
}

#[tokio::test]
async fn each_day_is_told_once_it_is_over_as_it_read_at_its_end() {
    let world = with_days().await;
    assert_eq!(told(&history(&world, "Today").await), [first("2026-06-29", 10)], "history begins with the last day");
    assert_eq!(told(&history(&world, "Week").await), [first("2026-06-29", 40)], "the seven days before the 29th");
    assert_eq!(told(&history(&world, "Ever").await), [first("2026-06-29", 50)]);
    world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-06-30T23:10:00Z", 3));
    world.tick_after(11).await;
    assert_eq!(history(&world, "Today").await.len(), 1, "the day is not over");
    world.tick_after(1).await;
    let days = history(&world, "Today").await;
    assert_eq!(told(&days), [first("2026-06-29", 10), first("2026-06-30", 13)], "its last hour is in it");
    assert_eq!((&days[1]["known_at"], &days[1]["version"]), (&json!("2026-07-01T00:30:00Z"), &json!(1)));
    // Three days without a run are told with the next.
    world.tick_after(72).await;
    let days = told(&history(&world, "Today").await);
    let missed = ["2026-07-01", "2026-07-02", "2026-07-03"].map(|day| first(day, 0));
    assert_eq!(days[2..], missed);
}

#[tokio::test]
async fn rows_that_come_late_are_told_behind_what_was_known_and_what_was_known_can_be_asked() {
    let world = with_days().await;
    world.tick_after(12).await;
    world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-06-29T20:00:00Z", 5));
    world.tick_after(1).await;
    assert_eq!(world.value("account", "A-1", "Ever").await, 65);
    assert_eq!(told(&history(&world, "Ever").await), [first("2026-06-29", 50), first("2026-06-30", 60)]);
    world.tick_after(24).await;
    let late = |day, value: u64, before: u64| again(day, &json!(value), "late_data", &[json!(before)]);
    let ever = [late("2026-06-29", 55, 50), late("2026-06-30", 65, 60), first("2026-07-01", 65)];
    assert_eq!(told(&history(&world, "Ever").await), ever);
    let today = [late("2026-06-29", 15, 10), first("2026-06-30", 10), first("2026-07-01", 0)];
    assert_eq!(told(&history(&world, "Today").await), today, "no other day holds the row");
    let known_at =
        async |at: &str| told(&history_of(&world, "account", "A-1", "Ever", &format!("&known_at={at}")).await);
    assert_eq!(known_at("2026-06-30T12:29:59Z").await, []);
    assert_eq!(known_at("2026-06-30T12:30:00Z").await, [first("2026-06-29", 50)]);
    assert_eq!(known_at("2026-07-02").await, [first("2026-06-29", 50), first("2026-06-30", 60)]);
    assert_eq!(known_at("2026-07-02T01:30:00Z").await, ever);
    // A contact's days are computed from what stands.
    let contact = history_of(&world, "contact", "C-1", "Ever", "&from=2026-06-28").await;
    let computed = [("2026-06-28", 40), ("2026-06-29", 55), ("2026-06-30", 65), ("2026-07-01", 65)];
    assert_eq!(told(&contact), computed.map(|(day, value)| first(day, value)));
    assert!(contact.iter().all(|day| day["known_at"].is_null()));
    let days = history_of(&world, "account", "A-1", "Ever", "&computed=true&from=2026-06-28&limit=3").await;
    assert_eq!(told(&days), computed.map(|(day, value)| first(day, value)), "an account's too, where it is asked");
}

#[tokio::test]
async fn a_run_with_nothing_new_writes_nothing_of_history_and_a_quiet_day_only_what_is_new() {
    let world = with_days().await;
    world.tick_after(12).await;
    let before = kept(&world).await;
    assert!(before.len() >= 4, "{:?}", before.keys());
    world.tick().await;
    world.tick_after(1).await;
    assert_eq!(kept(&world).await, before);
    // Also where nobody remembers that all was told.
    let store = &world.stack.context().store;
    let connection = store.connection_get(&world.workspace()).await.unwrap().unwrap().value;
    store.checkpoint_change(&world.workspace(), &connection.id, |checkpoint| checkpoint.told_day = None).await.unwrap();
    world.tick_after(1).await;
    assert_eq!(kept(&world).await, before);
    let days = told(&history(&world, "Ever").await);
    assert_eq!(days, [first("2026-06-29", 50), first("2026-06-30", 60)]);
}

#[tokio::test]
async fn another_matching_is_told_for_the_days_before_with_what_was_known() {
    let world = with_days().await;
    world.pendo().inject(used(Kind::Event, "bob@x.test", Some("other"), "2026-06-28T10:00:00Z", 7));
    world.tick_after(12).await;
    assert_eq!(history_of(&world, "account", "A-2", "Ever", "").await, [] as [Value; 0], "it has no usage");
    let mut matching = both_levels();
    matching["account"]["aliases"] = json!({"other": "A-2"});
    world.matching(&matching).await;
    world.tick_after(24).await;
    let days = told(&history_of(&world, "account", "A-2", "Ever", "").await);
    let new = |day| again(day, &json!(7), "new_matching", &[]);
    assert_eq!(days, [new("2026-06-29"), new("2026-06-30"), first("2026-07-01", 7)]);
    let others = told(&history(&world, "Ever").await);
    assert_eq!(
        others,
        [("2026-06-29", 50), ("2026-06-30", 60), ("2026-07-01", 60)].map(|(day, value)| first(day, value))
    );
    world.matching(&both_levels()).await;
    world.tick_after(24).await;
    let days = told(&history_of(&world, "account", "A-2", "Ever", "").await);
    assert_eq!(days[0], again("2026-06-29", &json!("unmatched"), "new_matching", &[json!(7)]));
    assert_eq!(days[2], again("2026-07-01", &json!("unmatched"), "new_matching", &[json!(7)]));
    assert_eq!(days.len(), 3, "nothing is told of an account without usage");
}

#[tokio::test]
async fn days_stay_under_the_version_they_were_told_under_and_late_rows_are_counted_by_it() {
    let world = with_days().await;
    let fields = world.get("/v1/fields").await.expect(200);
    let id = fields["items"].as_array().unwrap().iter().find(|field| field["name"] == "Today").unwrap()["id"].clone();
    let path = format!("/v1/fields/{}", id.as_str().unwrap());
    world.put(&path, &field("Today", "account", "event", "active_days", &days(3))).await.expect(200);
    world.idle().await;
    world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-06-29T20:00:00Z", 5));
    world.tick_after(12).await;
    let items = history(&world, "Today").await;
    let versions: Vec<&Value> = items.iter().map(|day| &day["version"]).collect();
    assert_eq!(versions, [&json!(1), &json!(2)]);
    assert_eq!(told(&items), [again("2026-06-29", &json!(15), "late_data", &[json!(10)]), first("2026-06-30", 3)]);
    let computed = history_of(&world, "account", "A-1", "Today", "&computed=true&from=2026-06-29").await;
    assert_eq!(
        told(&computed),
        [first("2026-06-29", 3), first("2026-06-30", 3)],
        "the past under the version that stands"
    );
    // A new name makes no other series.
    world.put(&path, &field("Renamed", "account", "event", "active_days", &days(3))).await.expect(200);
    world.idle().await;
    world.tick_after(24).await;
    let items = history(&world, "renamed").await;
    assert_eq!(items.iter().map(|day| day["version"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2, 2]);
    world.delete(&path).await.expect(204);
    assert_eq!(world.get("/v1/values/history?object=account&id=A-1&field=renamed").await.status, 404);
}

#[tokio::test]
async fn who_is_excluded_is_told_as_a_reason_and_each_version_leaves_out_whom_it_names() {
    let world = with_days().await;
    world.pendo().inject(used(Kind::Event, "bob@own.test", Some("A-1"), "2026-06-29T11:00:00Z", 4));
    let without = |domain: &str| {
        let mut field = field("Guests", "account", "event", "count", &days(1));
        field["usage"]["exclude"] = json!({"domains": [domain]});
        field
    };
    let made = world.post("/v1/fields", &without("own.test")).await.expect(201);
    world.idle().await;
    world.tick_after(12).await;
    assert_eq!(told(&history(&world, "Today").await)[0], again("2026-06-29", &json!(14), "late_data", &[json!(10)]));
    assert_eq!(told(&history(&world, "Guests").await), [first("2026-06-30", 10)]);
    // The version that stands leaves out Ann; the day before was told under the one that leaves out Bob.
    let path = format!("/v1/fields/{}", made["id"].as_str().unwrap());
    world.put(&path, &without("x.test")).await.expect(200);
    world.pendo().inject(used(Kind::Event, "bob@own.test", Some("A-1"), "2026-06-30T11:00:00Z", 3));
    world.tick_after(24).await;
    let guests = [first("2026-06-30", 10), first("2026-07-01", 0)];
    assert_eq!(told(&history(&world, "Guests").await), guests, "Bob counts in neither");
    world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-06-30T12:00:00Z", 2));
    world.tick_after(24).await;
    let late = again("2026-06-30", &json!(12), "late_data", &[json!(10)]);
    assert_eq!(told(&history(&world, "Guests").await)[0], late);
    world.put("/v1/exclusions", &json!({"visitors": ["bob@own.test"]})).await.expect(200);
    world.idle().await;
    world.tick_after(24).await;
    let today = told(&history(&world, "Today").await);
    assert_eq!(today[0], again("2026-06-29", &json!(10), "exclusions", &[json!(10), json!(14)]), "{today:?}");
    assert_eq!(today[1], again("2026-06-30", &json!(12), "exclusions", &[json!(10), json!(13), json!(15)]));
    assert_eq!(told(&history(&world, "Guests").await)[0], late, "he was left out already");
    world.put("/v1/exclusions", &json!({})).await.expect(200);
    world.idle().await;
    world.tick_after(24).await;
    let today = told(&history(&world, "Today").await);
    assert_eq!(today[0], again("2026-06-29", &json!(14), "exclusions", &[json!(10), json!(14), json!(10)]));
}

#[tokio::test]
async fn an_edited_tag_and_another_zone_are_told_as_reasons() {
    let world = two_accounts().await;
    world.pendo().add_feature("some-feature", "Some feature");
    world.pendo().add_feature("other", "Another feature");
    for day in [27, 28, 29] {
        for minute in 10..30 {
            let at = format!("2026-06-{day}T22:{minute}:00Z");
            let mut row = used(Kind::Feature, "ann@x.test", Some("A-1"), &at, 1);
            row.remote_ip = format!("203.0.113.{minute}");
            world.pendo().inject(row.clone());
            (row.object_id, row.events) = ("other".to_owned(), 3);
            world.pendo().inject(row);
        }
    }
    let mut uses = field("Uses", "account", "feature", "count", &days(1));
    uses["usage"]["ids"] = json!(["some-feature"]);
    let mut other = field("Other", "account", "feature", "count", &days(1));
    other["usage"]["ids"] = json!(["other"]);
    world.fields(&[uses, other]).await;
    assert_eq!(told(&history(&world, "Uses").await), [first("2026-06-29", 20)]);
    // Hours that every run reads anew may change for any reason, so of those none is told.
    world.tick_after(72).await;
    assert!(world.pendo().edit(Kind::Feature, "some-feature", 0, 60));
    world.tick_after(1).await;
    let rows = world.pendo().truth_of(Kind::Feature);
    let is_of_day =
        |row: &&pendo_simulator::RawRow| row.object_id == "some-feature" && row.hour_ms == ms("2026-06-29T22:00:00Z");
    let left: u32 = rows.iter().filter(is_of_day).map(|row| row.events).sum();
    assert!(left < 20, "{left}");
    world.tick_after(24).await;
    let edited = again("2026-06-29", &json!(left), "tag_edit", &[json!(20)]);
    let quiet = ["2026-06-30", "2026-07-01", "2026-07-02", "2026-07-03"].map(|day| first(day, 0));
    assert_eq!(told(&history(&world, "Uses").await), [&[edited][..], &quiet].concat());
    assert_eq!(told(&history(&world, "Other").await), [&[first("2026-06-29", 60)][..], &quiet].concat());
    // In Berlin the rows of 22:10 are of the next day.
    world.patch("/v1/connection", &json!({"time_zone": "Europe/Berlin"})).await.expect(200);
    world.idle().await;
    world.tick_after(24).await;
    let moved = told(&history(&world, "Other").await);
    assert_eq!(moved[1], again("2026-06-30", &json!(60), "new_zone", &[json!(0)]), "{moved:?}");
}

#[tokio::test]
async fn of_an_erased_visitor_nothing_is_kept_that_was_said_before() {
    let world = with_days().await;
    world.pendo().inject(used(Kind::Event, "gone@x.test", Some("A-1"), "2026-06-29T11:00:00Z", 100));
    world.tick_after(12).await;
    let before = told(&history(&world, "Today").await);
    assert_eq!(before[0], again("2026-06-29", &json!(110), "late_data", &[json!(10)]));
    world.pendo().do_not_process("gone@x.test", true);
    world.tick_after(24).await;
    let days = told(&history(&world, "Today").await);
    assert_eq!(days[0], again("2026-06-29", &json!(10), "erasure", &[]), "{days:?}");
    assert_eq!(days[1], first("2026-06-30", 10));
}

#[tokio::test]
async fn an_account_that_leaves_the_directory_is_told_of_no_more_and_begins_anew_when_it_comes_back() {
    let world = with_days().await;
    world.tick_after(12).await;
    for path in ["contacts?id=C-1", "accounts?id=A-1"] {
        world.delete(&format!("/v1/directory/{path}")).await.expect(200);
    }
    world.idle().await;
    world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-06-30T20:00:00Z", 5));
    world.tick_after(24).await;
    assert_eq!(world.get("/v1/values/history?object=account&id=A-1&field=Ever").await.status, 404);
    world.upload("accounts", "id,name\nA-1,One\n").await;
    world.tick_after(24).await;
    let days = told(&history(&world, "Ever").await);
    assert_eq!(days, [first("2026-06-29", 50), first("2026-06-30", 60), first("2026-07-02", 65)]);
    // Rows that come late move its new days only.
    world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-06-29T20:00:00Z", 7));
    world.tick_after(24).await;
    let days = told(&history(&world, "Ever").await);
    let late = again("2026-07-02", &json!(72), "late_data", &[json!(65)]);
    assert_eq!(days, [first("2026-06-29", 50), first("2026-06-30", 60), late, first("2026-07-03", 72)]);
}

#[tokio::test]
async fn history_goes_with_a_purge_and_stays_when_data_is_kept() {
    let world = with_days().await;
    world.tick_after(12).await;
    world.delete("/v1/connection?data=keep").await.expect(200);
    assert_eq!(history(&world, "Ever").await.len(), 2);
    world.post("/v1/connection", &json!({"region": "us", "integration_key": world.pendo().key()})).await.expect(201);
    world.idle().await;
    assert_eq!(history(&world, "Ever").await.len(), 2);
    world.delete("/v1/connection?data=purge").await.expect(202);
    world.idle().await;
    assert_eq!(kept(&world).await, BTreeMap::new());
}

#[tokio::test]
async fn a_run_that_is_cut_anywhere_and_runs_that_overlap_tell_each_day_once() {
    for first_steps in [60, 150, 260] {
        let world = with_days().await;
        world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-06-29T20:00:00Z", 5));
        world.advance(12);
        let (context, workspace) = (world.stack.context().clone(), world.workspace());
        let mut steps = first_steps;
        while !cut_after(steps, shared::sync::run(&context, &workspace, None)).await {
            steps = steps * 5 / 4;
            claim_runs_out(&world).await;
        }
        let run = || shared::sync::run(&context, &workspace, None);
        world.advance(24);
        // One of them may be overtaken, and leaves it to the others.
        let (one, two, three) = tokio::join!(run(), run(), run());
        [one, two, three].into_iter().for_each(drop);
        world.tick_after(1).await;
        let days = told(&history(&world, "Ever").await);
        let late = again("2026-06-29", &json!(55), "late_data", &[json!(50)]);
        assert_eq!(
            days,
            [late, first("2026-06-30", 65), first("2026-07-01", 65)],
            "first cut after {first_steps} steps"
        );
        let before = kept(&world).await;
        world.tick_after(1).await;
        assert_eq!(kept(&world).await, before);
    }
}

#[tokio::test]
async fn after_a_long_silence_a_quarter_is_told_and_what_is_older_than_two_years_is_let_go() {
    let world = with_days().await;
    world.tick_after(12).await;
    assert_eq!(history(&world, "Ever").await.len(), 2);
    world.tick_after(24 * 762).await;
    let days = history(&world, "Ever").await;
    let [oldest, newest] = [&days[0], &days[days.len() - 1]];
    assert_eq!((&oldest["day"], &newest["day"], days.len()), (&json!("2028-05-01"), &json!("2028-07-31"), 92));
    let lines: Vec<String> = kept(&world).await.into_keys().map(|(_, sort)| sort).collect();
    world.tick_after(24 * 8).await;
    let after: Vec<String> = kept(&world).await.into_keys().map(|(_, sort)| sort).collect();
    let is_gone = |sort: &&String| sort.starts_with("points#") && !after.contains(sort);
    assert!(lines.iter().filter(is_gone).count() >= 2, "what the book names no longer is swept: {lines:?} {after:?}");
}
