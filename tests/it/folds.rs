//! Folds of closed days: a run reads little with them, and without them nothing is different.

use crate::harness::{HOUR_MS, Lines, NOW, World, all_time, both_levels, field, ms, used};
use crate::reference::Reference;
use chrono_tz::Tz;
use pendo_simulator::{Kind, Options, RawRow};
use serde_json::{Value, json};
use shared::fields::Definition;
use shared::store::{Change, Folds, Shard, StoreError};
use shared::sync::SyncError;
use shared::time::{DAY_MS, Hour};
use std::collections::BTreeSet;

const SHARDS: u16 = 4;

/// A world whose rows, directory and fields all matter to the folds: the fields' windows begin in different spans.
struct Story {
    world: World,
    zone: Tz,
    contacts: String,
    fields: Vec<Value>,
}

const ACCOUNTS: &str = "id\nA-1\nA-2\nA-3\nA-4\nA-5\nA-6\n";

fn windows() -> [Value; 5] {
    let rolling = |days: u32| json!({"rolling_days": days});
    [all_time(), rolling(7), rolling(1), rolling(45), json!({"rolling_days": 30, "complete_days": false})]
}

fn fields() -> Vec<Value> {
    let mut fields = Vec::new();
    let others = [
        json!({"rolling_months": 1, "complete_days": true}),
        json!({"rolling_weeks": 3}),
        json!({"calendar": "week", "offset": 1}),
        json!({"calendar": "month", "offset": 0}),
        json!({"since": "2026-05-09"}),
    ];
    for (at, window) in others.iter().enumerate() {
        fields.push(field(&format!("other {at}"), "account", "event", "count", window));
    }
    for (at, window) in [json!({"rolling_days": 7}), json!({"rolling_days": 45})].iter().enumerate() {
        for function in ["stickiness", "trend", "power_user_concentration", "average_per_active_user"] {
            fields.push(field(&format!("{function} {at}"), "account", "event", function, window));
        }
        fields.push(field(&format!("feature_breadth {at}"), "contact", "page", "feature_breadth", window));
        fields.push(field(&format!("trend {at}"), "contact", "page", "trend", window));
    }
    for (at, window) in windows().iter().enumerate() {
        for object in ["account", "contact"] {
            for function in ["count", "distinct_visitors", "active_days", "first_used"] {
                fields.push(field(&format!("{function} {at}"), object, "event", function, window));
            }
        }
        fields.push(field(&format!("pages {at}"), "account", "page", "minutes", window));
    }
    fields
}

fn contacts() -> String {
    (0..9).map(|n| format!("C-{n},A-{},v{n}@x\n", n % 6 + 1)).collect::<String>()
}

/// The `n`th row, at an instant.
fn row_at(n: i64, at_ms: i64) -> RawRow {
    let kind = if n % 3 == 0 { Kind::Page } else { Kind::Event };
    let visitor = format!("v{}@x", n % 11);
    let account = ["A-1", "A-2", "A-3", "A-4", "A-5", "A-6", "stranger"][(n % 7).unsigned_abs() as usize];
    let mut row = used(kind, &visitor, Some(account), NOW, u32::try_from(n % 9 + 1).unwrap());
    row.hour_ms = at_ms - at_ms.rem_euclid(HOUR_MS);
    (row.first_ms, row.last_ms) = (at_ms, at_ms);
    row
}

impl Story {
    /// Ninety days of usage, read; the first hourly run after it has kept its folds.
    async fn told(zone: Tz) -> Self {
        Self::told_of(zone, fields()).await
    }

    async fn told_of(zone: Tz, fields: Vec<Value>) -> Self {
        let world = World::empty().await;
        let now_ms = world.stack.clock().now_ms();
        for n in 0..600 {
            world.pendo().inject(row_at(n, now_ms - HOUR_MS * (1 + n * 37 % 2_160)));
        }
        world.connect_with(&json!({"time_zone": zone.name()})).await;
        world.upload("accounts", ACCOUNTS).await;
        let contacts = format!("id,account_id,email\n{}", contacts());
        world.upload("contacts", &contacts).await;
        world.match_both().await;
        world.fields(&fields).await;
        let story = Self { world, zone, contacts, fields };
        story.hours(1).await;
        assert!(story.items().await.len() >= 2 * usize::from(SHARDS), "nothing is kept of whole spans");
        story.agrees().await;
        story
    }

    /// Time goes on, and every account has new usage.
    async fn hours(&self, hours: i64) {
        self.world.advance(hours);
        let now_ms = self.world.stack.clock().now_ms();
        (0..21).for_each(|n| self.world.pendo().inject(row_at(n, now_ms - HOUR_MS)));
        self.world.tick().await;
    }

    async fn agrees(&self) -> Lines {
        let lines = self.world.lines().await;
        let now_ms = self.world.stack.clock().now_ms();
        let reference = Reference::new(self.world.pendo().truth(), &both_levels(), self.zone, now_ms)
            .with_directory(ACCOUNTS, &self.contacts);
        for definition in &self.fields {
            for (id, expected) in reference.expected(definition) {
                let part = |name: &str| definition[name].as_str().unwrap().to_owned();
                let line = &lines[&(part("object"), id, part("name"))];
                assert_eq!((&line["value"], line["reason"].as_str()), (&expected.value, expected.reason), "{line}");
            }
        }
        lines
    }

    /// The keys of all folds' items.
    async fn items(&self) -> BTreeSet<(String, String)> {
        self.world.items().await.into_keys().filter(|(_, sort)| sort.starts_with("fold#")).collect()
    }

    /// Deletes them all.
    async fn forget(&self) {
        let table = local::database::TABLE;
        let client = &self.world.stack.clients().dynamodb;
        let pages = client.scan().table_name(table).into_paginator().send();
        for page in pages.try_collect().await.unwrap() {
            for item in page.items().iter().filter(|item| item["sk"].as_s().unwrap().starts_with("fold#")) {
                let delete = client.delete_item().table_name(table);
                delete.key("pk", item["pk"].clone()).key("sk", item["sk"].clone()).send().await.unwrap();
            }
        }
        assert!(self.items().await.is_empty());
    }

    async fn shards(&self) -> Vec<Shard> {
        let store = &self.world.stack.context().store;
        let connection = store.connection_get(&self.world.workspace()).await.unwrap().unwrap().value;
        let mut shards = Vec::new();
        for number in 0..SHARDS {
            shards.push(store.shard_get(&self.world.workspace(), &connection.id, number).await.unwrap());
        }
        shards
    }

    /// The keys of all folds that heads name.
    async fn keys(&self) -> BTreeSet<u64> {
        self.shards().await.iter().flat_map(|shard| shard.folds().keys().copied().collect::<Vec<_>>()).collect()
    }

    /// Whether every fold that a head names is there.
    async fn are_whole(&self) -> bool {
        for shard in self.shards().await {
            for sorts in shard.folds().values() {
                if self.world.stack.context().store.fold_get(&shard, sorts).await.unwrap().is_none() {
                    return false;
                }
            }
        }
        true
    }
}

#[tokio::test]
async fn deleting_every_fold_changes_no_value_and_they_come_back() {
    let (kept, lost) = (Story::told(Tz::UTC).await, Story::told(Tz::UTC).await);
    for hours in [1, 1, 9, 1, 26] {
        lost.forget().await;
        assert!(!lost.are_whole().await);
        for story in [&kept, &lost] {
            story.hours(hours).await;
        }
        assert_eq!(lost.agrees().await, kept.agrees().await);
        assert!(lost.are_whole().await, "after {hours} hours");
        assert_eq!(lost.keys().await.len(), kept.keys().await.len(), "as much is kept again");
    }
}

#[tokio::test]
async fn an_hourly_run_reads_a_fraction_of_what_it_reads_without_folds() {
    let world = World::start(Options { seed: 5, accounts: 40, visitors: 400, days: 180, ..Options::default() }).await;
    let print = |list| {
        let mut csv = Vec::new();
        let options = Options { seed: 5, accounts: 40, visitors: 400, days: 180, ..Options::default() };
        pendo_simulator::print_directory(&options, list, &mut csv).unwrap();
        String::from_utf8(csv).unwrap()
    };
    world.connect().await;
    world.upload("accounts", &print(pendo_simulator::DirectoryList::Accounts)).await;
    world.upload("contacts", &print(pendo_simulator::DirectoryList::Contacts)).await;
    world.match_both().await;
    let kinds = ["event", "page", "feature", "track", "guide"];
    let fields = kinds.map(|kind| field(kind, "account", kind, "count", &all_time()));
    world.fields(&fields).await;
    let story = Story { world, zone: Tz::UTC, contacts: String::new(), fields: Vec::new() };
    let mut reads = Vec::new();
    for is_without in [false, false, true] {
        if is_without {
            story.forget().await;
        }
        story.world.tick_after(1).await;
        let report = story.world.report().await;
        assert!(report.rows > 0 && report.value_writes > 0, "a run with late rows: {report:?}");
        reads.push(report.read_units);
    }
    let [_, with, without] = reads[..] else { panic!("{reads:?}") };
    assert!(with * 3.0 < without, "{with} units with folds, {without} without");
}

#[tokio::test]
async fn a_run_with_nothing_new_writes_no_fold() {
    let story = Story::told(Tz::UTC).await;
    story.world.tick_after(1).await;
    let before = story.items().await;
    for lost in [false, true] {
        if lost {
            story.forget().await;
        }
        story.world.tick_after(1).await;
        let report = story.world.report().await;
        assert_eq!((report.usage_writes, report.value_writes), (0, 0));
        assert_eq!(story.items().await, if lost { BTreeSet::new() } else { before.clone() });
    }
}

#[tokio::test]
async fn a_row_that_comes_late_or_goes_from_a_closed_day_is_seen_through_the_folds() {
    let story = Story::told(Tz::UTC).await;
    for days in [5, 40, 80] {
        story.world.pendo().inject(row_at(1, ms(NOW) - days * DAY_MS));
        story.world.pendo().inject(row_at(5, ms(NOW) - days * DAY_MS));
    }
    story.world.pendo().remove(|row| row.hour_ms == ms("2026-06-30T12:00:00Z") - HOUR_MS * 37);
    story.hours(1).await;
    // The daily pass finds what is a few days late, the weekly one the rest.
    for _ in 0..8 {
        story.hours(24).await;
        story.hours(1).await;
    }
    story.agrees().await;
}

#[tokio::test]
async fn windows_slide_over_kept_folds_at_every_midnight() {
    for zone in [Tz::America__New_York, Tz::Asia__Tokyo] {
        let story = Story::told(zone).await;
        for hours in [1, 2, 9, 1, 5, 1, 6, 24, 1, 49, 1] {
            story.hours(hours).await;
            story.agrees().await;
        }
    }
}

#[tokio::test]
async fn a_trends_window_moves_into_a_span_whose_fold_is_kept() {
    // 54 days ago a span begins: all of it is of the window today, and from tomorrow on less and less.
    let trend = field("trend", "account", "event", "trend", &json!({"rolling_days": 54}));
    let story = Story::told_of(Tz::UTC, vec![trend]).await;
    for hours in [12, 1, 24, 1] {
        story.hours(hours).await;
        story.agrees().await;
    }
}

#[tokio::test]
async fn no_fold_outlives_the_zone_that_cut_its_days() {
    let mut story = Story::told(Tz::UTC).await;
    for zone in [Tz::Asia__Tokyo, Tz::America__Los_Angeles, Tz::UTC] {
        story.zone = zone;
        story.world.patch("/v1/connection", &json!({"time_zone": zone.name()})).await.expect(200);
        story.world.idle().await;
        story.agrees().await;
    }
}

#[tokio::test]
async fn no_fold_outlives_the_definition_it_was_made_for() {
    let mut story = Story::told(Tz::UTC).await;
    let before = story.keys().await;
    let (store, workspace) = (&story.world.stack.context().store, story.world.workspace());
    let mut stands = store.fields_get(&workspace).await.unwrap();
    for (field, told) in stands.value.iter_mut().zip(&mut story.fields) {
        if told["function"] == "count" {
            told["usage"]["kind"] = json!("page");
            *field = field.edited(Definition::parse(told).unwrap(), 0, None).unwrap();
        }
    }
    store.fields_put(&workspace, &stands.value, stands.version).await.unwrap();
    story.world.tick_after(1).await;
    story.agrees().await;
    assert!(story.keys().await.is_disjoint(&before));
}

#[tokio::test]
async fn a_new_short_window_leaves_the_folds_of_older_spans_as_they_are() {
    let mut story = Story::told(Tz::UTC).await;
    let before = story.keys().await;
    let short = field("Five days", "contact", "event", "last_used", &json!({"rolling_days": 5}));
    story.world.field(&short).await;
    story.fields.push(short);
    story.agrees().await;
    let after = story.keys().await;
    assert!(!after.is_subset(&before) && after.intersection(&before).count() >= usize::from(SHARDS), "{after:?}");
}

#[tokio::test]
async fn no_fold_outlives_the_matching_and_the_contacts_it_was_made_with() {
    let mut story = Story::told(Tz::UTC).await;
    // A contact moves; another home's contact becomes a rival for the same visitor; one goes.
    for (contact, account, email) in
        [("C-0", "A-4", "v0@x"), ("C-10", "A-2", "v3@x"), ("C-11", "A-5", "v3@x"), ("C-7", "A-1", "nobody@x")]
    {
        let line = format!("{contact},{account},{email}");
        let others = story.contacts.lines().filter(|line| !line.starts_with(&format!("{contact},")));
        story.contacts = others.chain([line.as_str()]).map(|line| format!("{line}\n")).collect();
        story.world.upload("contacts", &format!("id,account_id,email\n{line}\n")).await;
        story.agrees().await;
    }
}

#[tokio::test]
async fn a_sweep_keeps_the_folds_that_a_head_names_and_takes_the_others() {
    let story = Story::told(Tz::UTC).await;
    let before = story.items().await;
    // What is gone is gone a week later.
    for hours in [24, 24, 6 * 24, 24] {
        story.hours(hours).await;
        story.agrees().await;
        assert!(story.are_whole().await);
    }
    let after = story.items().await;
    let (named, gone) = (story.keys().await.len(), before.difference(&after).count());
    assert!(gone > 0 && after.len() <= 3 * named, "{named} named, {} there, {gone} of before gone", after.len());
}

#[tokio::test]
async fn a_fold_of_an_unknown_format_is_refused_and_left_as_it_is() {
    let story = Story::told(Tz::UTC).await;
    let (store, workspace) = (&story.world.stack.context().store, story.world.workspace());
    let now_ms = story.world.stack.clock().now_ms();
    for shard in story.shards().await {
        let unknown = store.fold_put(&shard, vec![vec![9, 1, 2]], now_ms).await.unwrap();
        let folds: Folds = shard.folds().keys().map(|key| (*key, unknown.clone())).collect();
        let change = Change { folds: Some(folds), ..Change::default() };
        store.shard_move(&shard, change, Hour::of_ms(now_ms - 2 * DAY_MS), now_ms).await.unwrap();
    }
    let before = (story.items().await, story.world.lines().await);
    story.world.advance(1);
    story.world.pendo().inject(row_at(1, now_ms));
    let refused = shared::sync::run(story.world.stack.context(), &workspace, None).await;
    let Err(SyncError::Store(StoreError::Unreadable { key, detail })) = refused else { panic!("{refused:?}") };
    assert!(key.starts_with("fold#") && detail.contains("format 9 is unknown"), "{key}: {detail}");
    let values = |lines: Lines| lines.into_iter().map(|(key, line)| (key, line["value"].clone())).collect::<Vec<_>>();
    assert_eq!(story.items().await, before.0);
    assert_eq!(values(story.world.lines().await), values(before.1));
}
