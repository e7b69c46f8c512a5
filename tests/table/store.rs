//! The contract of the store: what a shard's move, a sweep and a tree promise, on a real DynamoDB-compatible server, also
//! while it refuses, loses answers and leaves batches unprocessed. With `TABLE_URL` it is another server than the embedded one.

use crate::harness::{NOW, World, ms};
use crate::proxy::{Chance, Plan, Proxy};
use crate::scene::setting;
use local::clients::Clients;
use serde_json::json;
use shared::id::{ConnectionId, Kind, ObjectKind, VisitorHash, WorkspaceId};
use shared::store::{Change, Seen, Store, StoreError};
use shared::sync::batch::{Batch, Fetched};
use shared::time::{DAY_MS, Hour};
use shared::usage::block;
use shared::usage::entry::{Dropped, Entry};
use shared::usage::fingerprint::Fingerprint;
use shared::usage::row::Row;
use std::collections::{BTreeMap, BTreeSet};

pub(crate) const HOUR: Hour = Hour(495_000);
pub(crate) const KEY: (Kind, Hour) = (Kind::Feature, HOUR);

fn row(events: u64) -> Row<'static> {
    Row {
        kind: KEY.0,
        hour: HOUR,
        account: Some("A-1".into()),
        visitor: "v".into(),
        app: 1,
        object: "f".into(),
        event_type: "".into(),
        events,
        minutes: 1,
        first_ms: HOUR.start_ms(),
        last_ms: HOUR.start_ms() + 1,
    }
}

fn batch_of(events: u64) -> Batch {
    let mut batch = Batch::default();
    batch.push(&row(events), 1);
    batch
}

fn totals(events: u64) -> Fingerprint {
    let mut totals = Fingerprint::default();
    totals.add(&row(events));
    totals
}

pub(crate) fn entry(reading: u64, events: u64, blocks: Vec<std::sync::Arc<str>>) -> Entry {
    Entry {
        reading,
        whole: totals(events),
        share: totals(events),
        erased: Dropped::default(),
        is_verified: true,
        read_at: HOUR,
        blocks,
    }
}

pub(crate) struct Place {
    /// Keeps the embedded server running.
    _world: World,
    pub(crate) proxy: Proxy,
    pub(crate) table: String,
    store: Store,
    pub(crate) workspace: WorkspaceId,
    pub(crate) connection: ConnectionId,
}

impl Place {
    /// A table of its own, reached through a proxy that does not disturb yet.
    pub(crate) async fn new() -> Self {
        let world = World::empty().await;
        let url = setting("TABLE_URL").unwrap_or_else(|| world.stack.database_url());
        let address = url.trim_start_matches("http://").trim_end_matches('/').parse().unwrap();
        let table = format!("contract-{}", shared::id::random_hex());
        local::database::create_table_named(&Clients::new(address, address).dynamodb, &table).await.unwrap();
        let proxy = Proxy::start(url, 20_260_630).await;
        let store = Store::new(Clients::new(proxy.address, proxy.address).dynamodb, table.clone());
        Self { workspace: world.workspace(), connection: ConnectionId::random(), _world: world, proxy, table, store }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Reads shard 0, puts a block of one row and moves the head to it.
    pub(crate) async fn put(&self, reading: u64, events: u64, now_ms: i64, open_from: Hour) {
        let shard = self.store().shard_get(&self.workspace, &self.connection, 0).await.unwrap();
        let body = block::pack(&batch_of(events).rows[&0]).remove(0).body;
        let name = self.store().block_put(&shard, body, now_ms).await.unwrap();
        let change = Change { entries: [(KEY, entry(reading, events, vec![name]))].into(), ..Change::default() };
        self.store().shard_move(&shard, change, open_from, now_ms).await.unwrap();
    }
}

#[tokio::test]
async fn a_head_that_moved_meanwhile_refuses_the_slower_worker() {
    let place = Place::new().await;
    let slow = place.store().shard_get(&place.workspace, &place.connection, 0).await.unwrap();
    place.put(2, 20, ms(NOW), HOUR).await;
    let change = Change { entries: [(KEY, entry(1, 10, Vec::new()))].into(), ..Change::default() };
    let refused = place.store().shard_move(&slow, change, HOUR, ms(NOW)).await;
    assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
    let stands = place.store().shard_get(&place.workspace, &place.connection, 0).await.unwrap();
    assert_eq!(stands.entry(KEY.0, HOUR).map(|entry| (entry.reading, entry.share.events)), Some((2, 20)));
}

#[tokio::test]
async fn an_older_reading_takes_nothing_from_a_newer_one() {
    let place = Place::new().await;
    place.put(5, 20, ms(NOW), HOUR).await;
    let stands = place.store().shard_get(&place.workspace, &place.connection, 0).await.unwrap();
    for (reading, takes) in [(4, false), (5, false), (6, true)] {
        let mut batch = batch_of(30);
        batch.buckets.insert(KEY, Fetched { reading, whole: totals(30), is_verified: true });
        let taken = batch.for_shard(&stands, &BTreeSet::new());
        assert_eq!(
            (taken.entries.contains_key(&KEY), taken.rows.len()),
            (takes, usize::from(takes)),
            "reading {reading}"
        );
    }
}

#[tokio::test]
async fn a_bucket_that_became_empty_keeps_its_reading_so_old_rows_stay_away() {
    let place = Place::new().await;
    place.put(1, 10, ms(NOW), HOUR).await;
    let stands = place.store().shard_get(&place.workspace, &place.connection, 0).await.unwrap();
    let mut empty = Batch::default();
    empty.buckets.insert(KEY, Fetched { reading: 2, whole: Fingerprint::default(), is_verified: true });
    let taken = empty.for_shard(&stands, &BTreeSet::new());
    assert_eq!(
        taken.entries.get(&KEY).map(|entry| (entry.reading, entry.share.rows, entry.blocks.len())),
        Some((2, 0, 0))
    );
    place
        .store()
        .shard_move(&stands, Change { entries: taken.entries, ..Change::default() }, HOUR, ms(NOW))
        .await
        .unwrap();
    let stands = place.store().shard_get(&place.workspace, &place.connection, 0).await.unwrap();
    let mut old = batch_of(10);
    old.buckets.insert(KEY, Fetched { reading: 1, whole: totals(10), is_verified: true });
    assert!(old.for_shard(&stands, &BTreeSet::new()).entries.is_empty());
}

#[tokio::test]
async fn entries_of_closed_days_move_to_an_index_and_come_back_from_it() {
    let place = Place::new().await;
    let open_from = HOUR.plus(24 * 5);
    place.put(1, 10, ms(NOW), open_from).await;
    let mut shard = place.store().shard_get(&place.workspace, &place.connection, 0).await.unwrap();
    assert!(shard.entry(KEY.0, HOUR).is_none(), "it does not stand in the head");
    place.store().shard_load_all(&mut shard).await.unwrap();
    assert_eq!(shard.entry(KEY.0, HOUR).map(|entry| entry.share.events), Some(10));
    place.put(2, 11, ms(NOW), open_from).await;
    let mut shard = place.store().shard_get(&place.workspace, &place.connection, 0).await.unwrap();
    place.store().shard_load_all(&mut shard).await.unwrap();
    assert_eq!(shard.all_entries().map(|(_, entry)| entry.share.events).collect::<Vec<_>>(), [11]);
    assert_eq!(shard.rows_version(), 2);
}

#[tokio::test]
async fn a_sweep_takes_what_no_head_names_and_tells_the_worker_that_still_holds_it() {
    let place = Place::new().await;
    let now = ms(NOW);
    place.put(1, 10, now - 2 * DAY_MS, HOUR).await;
    let slow = place.store().shard_get(&place.workspace, &place.connection, 0).await.unwrap();
    let unnamed = place.store().block_put(&slow, vec![1], now - 2 * DAY_MS).await.unwrap();
    let young = place.store().block_put(&slow, vec![1], now).await.unwrap();
    let swept = place.store().shard_sweep(&place.workspace, &place.connection, 0, now - DAY_MS).await.unwrap();
    assert_eq!(swept, 1);
    let gone = place.store().blocks_get(&slow, &[unnamed]).await;
    assert!(matches!(gone, Err(StoreError::Missing { .. })), "{gone:?}");
    place.store().blocks_get(&slow, &[young]).await.unwrap();
    let named = slow.entry(KEY.0, HOUR).unwrap().blocks.clone();
    place.store().blocks_get(&slow, &named).await.unwrap();
    let change = Change { entries: [(KEY, entry(2, 11, Vec::new()))].into(), ..Change::default() };
    let refused = place.store().shard_move(&slow, change, HOUR, now).await;
    assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
}

#[tokio::test]
async fn evaluation_and_compaction_do_not_make_other_shards_due() {
    let place = Place::new().await;
    place.put(1, 10, ms(NOW), HOUR).await;
    let shard = place.store().shard_get(&place.workspace, &place.connection, 0).await.unwrap();
    let pages = Change { pages: Some((Vec::new(), Seen::default())), ..Change::default() };
    place.store().shard_move(&shard, pages, HOUR, ms(NOW)).await.unwrap();
    let shard = place.store().shard_get(&place.workspace, &place.connection, 0).await.unwrap();
    let stands = shard.entry(KEY.0, HOUR).cloned().unwrap();
    let repacked = Change { repacked: [(KEY, stands)].into(), ..Change::default() };
    place.store().shard_move(&shard, repacked, HOUR, ms(NOW)).await.unwrap();
    let shard = place.store().shard_get(&place.workspace, &place.connection, 0).await.unwrap();
    assert_eq!(shard.rows_version(), 1);
}

#[tokio::test]
async fn a_tree_is_the_map_that_its_changes_make() {
    let place = Place::new().await;
    let (mut version, mut model) = (0, BTreeMap::new());
    for round in 0..4u32 {
        let changes: BTreeMap<String, Option<serde_json::Value>> = (0..400u32)
            .map(|i| {
                let id = format!("object-{:016x}", VisitorHash::of(&format!("{}", (i * 7 + round) % 900)).0);
                let value = json!({"name": format!("{:032x}", u128::from(i) << round), "round": round});
                (id, (!(i + round).is_multiple_of(5)).then_some(value))
            })
            .collect();
        for (id, value) in &changes {
            match value {
                Some(value) => model.insert(id.clone(), value.clone()),
                None => model.remove(id),
            };
        }
        let put =
            |expected| place.store().objects_put(&place.workspace, ObjectKind::Account, &changes, expected, ms(NOW));
        version = put(version).await.unwrap();
        let late = put(version - 1).await;
        assert!(matches!(late, Err(StoreError::Conflict { .. })), "{late:?}");
        let stands = place.store().objects_get(&place.workspace, ObjectKind::Account).await.unwrap();
        assert_eq!((stands.version, &*stands.value), (version, &model));
    }
    place.store().directory_sweep(&place.workspace, ms(NOW) + 1).await.unwrap();
    assert_eq!(place.store().objects_get(&place.workspace, ObjectKind::Account).await.unwrap().value.as_ref(), &model);
}

#[tokio::test]
async fn a_run_sees_what_others_change_of_a_tree_and_reads_no_page_of_it_twice() {
    let place = Place::new().await;
    let run = place.store().metered();
    let (mut version, mut model) = (0, BTreeMap::new());
    for round in 0..12u32 {
        let is_small = round > 3;
        let changes: BTreeMap<String, Option<serde_json::Value>> = (0..if is_small { 3 } else { 2_000u32 })
            .map(|i| {
                let id = format!("object-{}", i * 13 + round % 3);
                let value = json!({"name": format!("{:032x}", VisitorHash::of(&format!("{i}-{round}")).0)});
                (id, (!(i + round).is_multiple_of(3)).then_some(value))
            })
            .collect();
        for (id, value) in &changes {
            match value {
                Some(value) => model.insert(id.clone(), value.clone()),
                None => model.remove(id),
            };
        }
        // In turn the run itself and others.
        let writer = if round % 3 == 0 { &run } else { place.store() };
        let put = writer.objects_put(&place.workspace, ObjectKind::Account, &changes, version, ms(NOW)).await;
        version = put.unwrap();
        let spent = run.meter().spent().read_units;
        let stands = run.objects_get(&place.workspace, ObjectKind::Account).await.unwrap();
        assert_eq!((stands.version, &*stands.value), (version, &model));
        let spent = run.meter().spent().read_units - spent;
        assert!(!is_small || spent <= 7.0, "{spent} units for the root and three pages at most");
    }
    let late = run.objects_put(&place.workspace, ObjectKind::Account, &BTreeMap::new(), version - 1, ms(NOW)).await;
    assert!(matches!(late, Err(StoreError::Conflict { .. })), "{late:?}");
    let stands = run.objects_get(&place.workspace, ObjectKind::Account).await.unwrap();
    assert_eq!((stands.version, &*stands.value), (version, &model), "after a refusal");
}

#[tokio::test]
async fn readings_only_rise_also_side_by_side() {
    let place = Place::new().await;
    let mut taken: Vec<u64> = Vec::new();
    let next = || place.store().reading_next(&place.workspace, &place.connection);
    for _ in 0..5 {
        let (a, b, c) = tokio::join!(next(), next(), next());
        let mut three = [a.unwrap(), b.unwrap(), c.unwrap()];
        three.sort_unstable();
        assert!(taken.last().is_none_or(|last| *last < three[0]));
        taken.extend(three);
    }
    taken.dedup();
    assert_eq!(taken.len(), 15);
}

/// What can be asked again is asked again; what was done and not answered is not done twice.
#[tokio::test]
async fn the_contract_holds_while_the_table_throttles_loses_answers_and_leaves_batches_unprocessed() {
    let place = Place::new().await;
    let chance = Chance { refused: 20, reason: None, lost: 20, unprocessed: 40, delay_ms: 2 };
    let (mut version, mut model, mut last) = (0, BTreeMap::new(), 0);
    for round in 1..=6u64 {
        // A conflict of transactions is not asked again by the SDK: there are none here, so it only ends the call.
        for reason in 0..4 {
            place.proxy.plan(Plan::Chance(Chance { reason: Some(reason), ..chance.clone() }));
            let reading = place.store().reading_next(&place.workspace, &place.connection).await.unwrap();
            assert!(reading > last);
            last = reading;
            place.put(reading, round, ms(NOW), HOUR).await;
            let shard = place.store().shard_get(&place.workspace, &place.connection, 0).await.unwrap();
            let entry = shard.entry(KEY.0, HOUR).unwrap();
            assert_eq!((entry.reading, entry.share.events), (reading, round));
            assert_eq!(place.store().blocks_get(&shard, &entry.blocks).await.unwrap().len(), 1);
        }
        let id = format!("A-{round}");
        let changes: BTreeMap<_, _> = (0..200).map(|n| (format!("{id}-{n}"), Some(json!({"n": n})))).collect();
        model.extend(changes.iter().map(|(id, value)| (id.clone(), value.clone().unwrap())));
        match place.store().objects_put(&place.workspace, ObjectKind::Account, &changes, version, ms(NOW)).await {
            // The answer was lost and the resend refused: whoever reads again finds it done.
            Ok(_) | Err(StoreError::Conflict { .. }) => version += 1,
            Err(error) => panic!("{error}"),
        }
        let stands = place.store().objects_get(&place.workspace, ObjectKind::Account).await.unwrap();
        assert_eq!((stands.version, &*stands.value), (version, &model));
    }
    let shard = place.store().shard_get(&place.workspace, &place.connection, 0).await.unwrap();
    assert_eq!(shard.rows_version(), 24, "each move counts once");
}

#[tokio::test]
async fn a_conflict_of_transactions_is_an_error_that_changed_nothing() {
    let place = Place::new().await;
    place.put(1, 10, ms(NOW), HOUR).await;
    let shard = place.store().shard_get(&place.workspace, &place.connection, 0).await.unwrap();
    place.proxy.plan(Plan::Chance(Chance { refused: 100, reason: Some(4), ..Chance::default() }));
    let change = || Change { entries: [(KEY, entry(2, 11, Vec::new()))].into(), ..Change::default() };
    let refused = place.store().shard_move(&shard, change(), HOUR, ms(NOW)).await;
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
    assert_eq!(place.proxy.sites().len(), 1);
    place.proxy.plan(Plan::Calm);
    place.store().shard_move(&shard, change(), HOUR, ms(NOW)).await.unwrap();
}

#[tokio::test]
async fn a_batch_that_stays_unprocessed_and_a_table_that_stays_throttled_are_given_up() {
    let place = Place::new().await;
    place.put(1, 10, ms(NOW), HOUR).await;
    let shard = place.store().shard_get(&place.workspace, &place.connection, 0).await.unwrap();
    let names = shard.entry(KEY.0, HOUR).unwrap().blocks.clone();
    for chance in [
        Chance { unprocessed: 100, ..Chance::default() },
        Chance { refused: 100, reason: Some(0), ..Chance::default() },
        Chance { lost: 100, ..Chance::default() },
    ] {
        place.proxy.plan(Plan::Chance(chance.clone()));
        let given_up = place.store().blocks_get(&shard, &names).await;
        assert!(matches!(given_up, Err(StoreError::Unavailable { .. })), "{chance:?}: {given_up:?}");
        assert_eq!(place.proxy.sites().len(), 8, "{chance:?}");
    }
    place.proxy.plan(Plan::Calm);
    assert_eq!(place.store().blocks_get(&shard, &names).await.unwrap().len(), 1);
}
