//! What grows with a customer's usage, and that no item of the table grows with it.

use crate::harness::{NOW, ms};
use crate::store::{HOUR, KEY, Place, entry};
use local::clients::Clients;
use shared::id::VisitorHash;
use shared::store::Change;
use shared::sync::checkpoint::Checkpoint;
use shared::time::Hour;
use std::collections::BTreeMap;

/// What an item takes in the table, about: names and values.
async fn largest_item(place: &Place, address: &str) -> usize {
    let clients = Clients::new(address.parse().unwrap(), address.parse().unwrap());
    let pages = clients.dynamodb.scan().table_name(place.table.clone()).into_paginator().send();
    let pages = pages.try_collect().await.unwrap();
    let items = pages.iter().flat_map(|page| page.items()).map(|item| {
        let bytes = item.values().map(|value| value.as_b().map_or(0, |bytes| bytes.as_ref().len()));
        let texts = item.values().map(|value| value.as_s().map_or(0, String::len));
        let names = item.keys().map(|name| name.len() + 21);
        bytes.chain(texts).chain(names).sum()
    });
    items.max().unwrap_or_default()
}

#[tokio::test]
async fn a_shard_of_any_number_of_blocks_has_no_item_too_large_and_reads_back_as_it_was_stored() {
    let place = Place::new().await;
    let address = place.proxy.address.to_string();
    let open_from = HOUR.plus(-3);
    let blocks = |hour: Hour, count: usize| -> Vec<std::sync::Arc<str>> {
        (0..count)
            .map(|n| format!("block#{:013}-{:032x}", hour.0, VisitorHash::of(&format!("{hour:?} {n}")).0).into())
            .collect()
    };
    // Hours of a hundred million rows each: nine open ones, more than a head holds, and closed ones that name as many blocks as they can.
    let hours: BTreeMap<Hour, usize> = (-8..6).map(|at| (HOUR.plus(at), 4_000)).collect();
    let mut wanted = BTreeMap::new();
    for (reading, (hour, count)) in (1..).zip(hours) {
        let shard = place.store().shard_get(&place.workspace, &place.connection, 0).await.unwrap();
        let entry = entry(reading, 9, blocks(hour, count));
        wanted.insert((KEY.0, hour), entry.clone());
        let change = Change { entries: [((KEY.0, hour), entry)].into(), ..Change::default() };
        place.store().shard_move(&shard, change, open_from, ms(NOW)).await.unwrap();
    }
    // An hour that stands in an index, though it is open, is replaced like any other.
    let shard = place.store().shard_get(&place.workspace, &place.connection, 0).await.unwrap();
    let again = entry(99, 10, blocks(HOUR, 5));
    wanted.insert((KEY.0, HOUR), again.clone());
    let change = Change { entries: [((KEY.0, HOUR), again)].into(), ..Change::default() };
    place.store().shard_move(&shard, change, open_from, ms(NOW)).await.unwrap();

    let mut stands = place.store().shard_get(&place.workspace, &place.connection, 0).await.unwrap();
    place.store().shard_load_all(&mut stands).await.unwrap();
    let found: BTreeMap<_, _> = stands.all_entries().map(|(key, entry)| (*key, entry.clone())).collect();
    assert!(found == wanted, "{} of {}", found.len(), wanted.len());
    let largest = largest_item(&place, &address).await;
    assert!(largest < 400_000, "{largest}");
    place.store().shard_sweep(&place.workspace, &place.connection, 0, ms(NOW) + 1).await.unwrap();
    let mut stands = place.store().shard_get(&place.workspace, &place.connection, 0).await.unwrap();
    place.store().shard_load_all(&mut stands).await.unwrap();
    assert_eq!(stands.all_entries().count(), wanted.len(), "what a head names outlives the sweep, every part of it");
}

#[tokio::test]
async fn a_checkpoint_of_very_many_hours_is_stored_small_and_reads_back_as_it_was() {
    let place = Place::new().await;
    // More than ten years of hours that no probe agreed with: as text they would fill an item twice.
    let hours = HOUR.0 - 100_000..HOUR.0;
    let note =
        |checkpoint: &mut Checkpoint| checkpoint.kinds.entry(KEY.0).or_default().unverified = hours.clone().collect();
    let written = place.store().checkpoint_change(&place.workspace, &place.connection, note).await.unwrap();
    let found = place.store().checkpoint_get(&place.workspace, &place.connection).await.unwrap();
    assert!(found.value == written && found.value.kinds[&KEY.0].unverified.len() == 100_000);
    let largest = largest_item(&place, &place.proxy.address.to_string()).await;
    assert!(largest < 400_000, "{largest}");
}
