//! Compares what equal totals hide, once a week: the totals per Pendo account and per object, by thirty days and, where
//! those differ, by day. So merged accounts and moved objects are found.

use super::halving;
use super::run::{Run, SyncError};
use super::shards::{Blocks, Rows};
use crate::id::Kind;
use crate::pendo::PendoError;
use crate::pendo::parts::{Part, checksums};
use crate::store::Layout;
use crate::time::{Hour, HourRange};
use crate::usage::checksum::Checksums;
use std::collections::{BTreeMap, BTreeSet};

/// Hours of the spans that are compared first.
const SPAN_HOURS: i32 = 30 * 24;

/// The days in which a Pendo account or an object has other totals at Pendo than here, with the rows that stand in them.
///
/// # Errors
/// Pendo's and the table's.
pub async fn moved_days(
    run: &Run<'_>,
    layout: Layout,
    kind: Kind,
    range: HourRange,
    probed: &BTreeMap<Hour, u64>,
) -> Result<BTreeMap<Hour, u64>, SyncError> {
    let mut days = BTreeSet::new();
    for span in differing(run, layout, kind, range, SPAN_HOURS).await? {
        let span = HourRange { from: span.max(range.from), to: span.plus(SPAN_HOURS).min(range.to) };
        days.extend(differing(run, layout, kind, span, 24).await?);
    }
    Ok(days.into_iter().map(|day| (day, probed.get(&day).copied().unwrap_or_default())).collect())
}

async fn differing(
    run: &Run<'_>,
    layout: Layout,
    kind: Kind,
    range: HourRange,
    span_hours: i32,
) -> Result<BTreeSet<Hour>, SyncError> {
    let span_of = |hour: Hour| Hour(hour.0.div_euclid(span_hours) * span_hours);
    let (mut by_account, mut by_object) = (Checksums::default(), Checksums::default());
    let mut shards = run.sink(layout).heads().await?;
    let (ranges, mut blocks) = (BTreeMap::from([(kind, range)]), Blocks::default());
    for shard in &mut shards {
        Rows::default()
            .visit(&run.store, shard, &ranges, &mut blocks, &mut |row| {
                by_account.add(span_of(row.hour), row.account.unwrap_or_default(), &row.totals());
                by_object.add(span_of(row.hour), row.object, &row.totals());
            })
            .await?;
        for (hour, entry) in shard.entries(kind, range) {
            by_account.add_sum(span_of(hour), entry.erased.by_account);
            by_object.add_sum(span_of(hour), entry.erased.by_object);
        }
    }
    let mut spans = BTreeSet::new();
    for part in Part::of(kind) {
        let ours = if *part == Part::Account { &by_account } else { &by_object };
        spans.extend(ours.differing(&ask(run, kind, range, *part, span_hours).await?));
    }
    Ok(spans)
}

/// Asks Pendo, in as many parts (of whole spans) as it answers.
async fn ask(
    run: &Run<'_>,
    kind: Kind,
    range: HourRange,
    part: Part,
    span_hours: i32,
) -> Result<Checksums, PendoError> {
    let mut found = Checksums::default();
    let ask = |range| checksums(&run.client, kind, range, part, span_hours);
    halving::ask(range, span_hours, ask, |answer| found.merge(&answer)).await?;
    Ok(found)
}
