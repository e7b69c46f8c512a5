//! Windows are cut at midnights of the connection's zone, on the long and the short days too.

use crate::harness::{World, all_time, both_levels, field, used};
use crate::reference::Reference;
use chrono_tz::Tz;
use pendo_simulator::{Kind, Options};
use serde_json::{Value, json};

const CONTACTS: &str = "id,account_id,email\nC-1,A-1,ann@x.test\n";

/// One row in each hour around an instant, each of one event more than the one before.
async fn hourly(now: &str, zone: &str, hours: i64) -> World {
    let world = World::kept_in(Options::empty(), None, now).await;
    let from_ms = world.stack.clock().now_ms() - hours * 3_600_000;
    for (events, hour) in (1..).zip(0..hours) {
        let mut row = used(Kind::Event, "ann@x.test", Some("A-1"), now, events);
        row.hour_ms = (from_ms + hour * 3_600_000) / 3_600_000 * 3_600_000;
        (row.first_ms, row.last_ms) = (row.hour_ms + 60_000, row.hour_ms + 120_000);
        world.pendo().inject(row);
    }
    world.connect_with(&json!({"time_zone": zone})).await;
    world.upload("accounts", "id\nA-1\n").await;
    world.upload("contacts", CONTACTS).await;
    world.match_both().await;
    world.fields(&fields()).await;
    world
}

fn fields() -> Vec<Value> {
    let mut fields = Vec::new();
    for days in [1, 2, 3] {
        for complete_days in [true, false] {
            let window = json!({"rolling_days": days, "complete_days": complete_days});
            for function in ["count", "active_days", "first_used"] {
                fields.push(field(
                    &format!("{function} {days} {complete_days}"),
                    "account",
                    "event",
                    function,
                    &window,
                ));
            }
        }
    }
    let others = [
        json!({"calendar": "day", "offset": 0}),
        json!({"calendar": "day", "offset": 1}),
        json!({"calendar": "week", "offset": 0}),
        json!({"calendar": "week", "offset": 1}),
        json!({"calendar": "month", "offset": 0}),
        json!({"calendar": "month", "offset": 1}),
        json!({"calendar": "quarter", "offset": 0}),
        json!({"calendar": "quarter", "offset": 1}),
        json!({"rolling_weeks": 1, "complete_days": true}),
        json!({"rolling_months": 1, "complete_days": true}),
        json!({"rolling_months": 1, "complete_days": false}),
    ];
    for (at, window) in others.iter().enumerate() {
        fields.push(field(&format!("other {at}"), "account", "event", "count", window));
    }
    fields.push(field("since", "contact", "event", "days_since_last_used", &all_time()));
    fields
}

async fn agrees(world: &World, zone: Tz) {
    let lines = world.lines().await;
    let reference = Reference::new(world.pendo().truth(), &both_levels(), zone, world.stack.clock().now_ms())
        .with_directory("id\nA-1\n", CONTACTS);
    for definition in fields() {
        for (id, expected) in reference.expected(&definition) {
            let part = |name: &str| definition[name].as_str().unwrap().to_owned();
            let line = &lines[&(part("object"), id, part("name"))];
            assert_eq!(
                (&line["value"], &line["from"], &line["to"]),
                (&expected.value, &json!(expected.from), &json!(expected.to)),
                "{line}"
            );
        }
    }
}

#[tokio::test]
async fn windows_are_cut_as_the_examples_say() {
    let world = hourly("2026-06-30T12:30:00Z", "UTC", 3).await;
    for (complete_days, zone, from, to) in [
        (true, "UTC", "2026-06-23T00:00:00Z", "2026-06-30T00:00:00Z"),
        (false, "UTC", "2026-06-24T00:00:00Z", "2026-06-30T12:00:00Z"),
        (true, "America/New_York", "2026-06-23T04:00:00Z", "2026-06-30T04:00:00Z"),
    ] {
        world.patch("/v1/connection", &json!({"time_zone": zone})).await.expect(200);
        let window = json!({"rolling_days": 7, "complete_days": complete_days});
        world.post("/v1/fields", &field(&format!("Week {complete_days}"), "account", "event", "count", &window)).await;
        world.idle().await;
        let line = world.line("account", "A-1", &format!("Week {complete_days}")).await;
        assert_eq!((&line["from"], &line["to"]), (&json!(from), &json!(to)), "{zone}");
    }
}

#[tokio::test]
async fn a_day_of_twenty_three_hours_is_one_day() {
    let world = hourly("2026-03-30T10:30:00Z", "Europe/Berlin", 90).await;
    agrees(&world, Tz::Europe__Berlin).await;
    let line = world.line("account", "A-1", "count 1 true").await;
    assert_eq!((&line["from"], &line["to"]), (&json!("2026-03-28T23:00:00Z"), &json!("2026-03-29T22:00:00Z")));
    assert_eq!(world.value("account", "A-1", "active_days 2 true").await, 2);
}

#[tokio::test]
async fn a_day_of_twenty_five_hours_is_one_day() {
    let world = hourly("2026-11-02T10:30:00Z", "America/New_York", 90).await;
    agrees(&world, Tz::America__New_York).await;
    let line = world.line("account", "A-1", "count 1 true").await;
    assert_eq!((&line["from"], &line["to"]), (&json!("2026-11-01T04:00:00Z"), &json!("2026-11-02T05:00:00Z")));
    world.tick_after(30).await;
    agrees(&world, Tz::America__New_York).await;
}

#[tokio::test]
async fn a_zone_that_skips_midnight_begins_its_day_later() {
    let world = hourly("2026-04-24T20:30:00Z", "Africa/Cairo", 60).await;
    agrees(&world, Tz::Africa__Cairo).await;
}

#[tokio::test]
async fn values_move_with_the_local_calendar_though_no_row_comes() {
    // The last of a month that ends a quarter, in New York on a Tuesday; a row each hour of the two days before.
    let world = hourly("2026-06-30T20:30:00Z", "America/New_York", 48).await;
    let value = async |at: usize| world.value("account", "A-1", &format!("other {at}")).await;
    let (month, today) = (value(4).await, value(0).await);
    assert_eq!((&month, value(6).await), (&json!(48 * 49 / 2), json!(48 * 49 / 2)), "all of it is of this month");
    // Midnight there is at four: an hour before, June runs on.
    world.tick_after(7).await;
    assert_eq!((value(4).await, value(0).await), (month.clone(), today.clone()));
    agrees(&world, Tz::America__New_York).await;
    world.tick_after(1).await;
    assert_eq!([value(0).await, value(4).await, value(6).await], [json!(0), json!(0), json!(0)], "July is new");
    assert_eq!([value(1).await, value(5).await, value(7).await], [today, month.clone(), month], "and June is over");
    agrees(&world, Tz::America__New_York).await;
    // The next Monday.
    world.tick_after(5 * 24 + 23).await;
    agrees(&world, Tz::America__New_York).await;
}

#[tokio::test]
async fn changing_the_zone_recomputes_without_calling_pendo() {
    let world = hourly("2026-06-30T12:30:00Z", "UTC", 80).await;
    agrees(&world, Tz::UTC).await;
    world.pendo().clear_requests();
    for zone in [Tz::Asia__Tokyo, Tz::America__Los_Angeles, Tz::UTC] {
        let answer = world.patch("/v1/connection", &json!({"time_zone": zone.name()})).await.expect(200);
        assert_eq!((&answer["time_zone"], &answer["values_to_recompute"]), (&json!(zone.name()), &json!(30)));
        world.idle().await;
        agrees(&world, zone).await;
    }
    assert_eq!(world.pendo().requests().len(), 0);
}

#[tokio::test]
async fn a_zone_that_is_not_on_whole_hours_is_refused() {
    let world = World::empty().await;
    for zone in ["Asia/Kolkata", "Australia/Adelaide", "Mars/Olympus"] {
        let body = json!({"region": "us", "integration_key": world.pendo().key(), "time_zone": zone});
        assert_eq!(world.post("/v1/connection", &body).await.expect(422)["pointer"], "/time_zone", "{zone}");
    }
    assert_eq!(world.items().await.len(), 0);
    world.connect().await;
    let before = world.items().await;
    assert_eq!(
        world.patch("/v1/connection", &json!({"time_zone": "Asia/Kolkata"})).await.expect(422)["pointer"],
        "/time_zone"
    );
    assert_eq!(world.items().await, before);
}
