//! Reconciles: what is stored against Pendo's own totals, and whose usage it is. Every event belongs to just one class.

use super::checkpoint::{AgedOut, KindState};
use super::differences::{DayEvents, Differences};
use super::evaluate::Moment;
use super::halving;
use super::moves::Sink;
use super::plan;
use super::run::{Run, SyncError};
use super::shards::{Blocks, Rows};
use crate::id::{Kind, ObjectKind};
use crate::matching::Tally;
use crate::pendo::{PendoError, totals as asked};
use crate::store::Layout;
use crate::time::{Hour, HourRange};
use crate::usage::fingerprint::Fingerprint;
use crate::usage::row::UsageRow;
use std::collections::{BTreeMap, BTreeSet};

/// What was gone by age at one comparison and still is so much later is gone for good.
const AGED_OUT_HOURS: i32 = 6 * 24;

/// Compares the stored events of a kind with Pendo's probe, and asks for the anonymous ones when something was fetched.
///
/// # Errors
/// Pendo's and the table's.
pub async fn totals(
    run: &Run<'_>,
    layout: Layout,
    kind: Kind,
    range: HourRange,
    probed: &BTreeMap<Hour, Fingerprint>,
    is_changed: bool,
) -> Result<(), SyncError> {
    let mut shards = run.sink(layout).heads().await?;
    for shard in &mut shards {
        run.store.shard_load_all(shard).await?;
    }
    let stored = plan::stored(&shards, kind, range);
    // What has aged out at Pendo is kept here and left out of the comparison.
    let oldest = plan::oldest_at_pendo(probed, range);
    let has_aged_out = stored.range(..oldest).any(|(_, bucket)| !bucket.whole.is_empty());
    let stored_events = stored.range(oldest..).map(|(_, bucket)| bucket.whole.events).sum::<u64>();
    let unverified: BTreeSet<i32> =
        stored.iter().filter(|(_, bucket)| !bucket.is_verified).map(|(hour, _)| hour.0).collect();
    let first_hour = stored.iter().find(|(_, bucket)| !bucket.whole.is_empty()).map(|(hour, _)| *hour);
    // A day whose hours were all read and proven in this run, after the probe, is the newer word of Pendo's.
    let mut ours: BTreeMap<Hour, (u64, bool)> = BTreeMap::new();
    for (hour, bucket) in stored.range(oldest..) {
        let day = ours.entry(Hour(hour.utc_day() * 24)).or_insert((0, true));
        let is_proven = bucket.is_verified && bucket.is_consistent && bucket.read_at >= Some(run.as_of);
        *day = (day.0 + bucket.whole.events, day.1 && is_proven);
    }
    let all_days: BTreeSet<Hour> = ours.keys().chain(probed.keys()).copied().collect();
    let days: BTreeMap<i32, DayEvents> = all_days
        .into_iter()
        .map(|day| {
            let pendo = probed.get(&day).map_or(0, |totals| totals.events);
            let (stored, is_proven) = ours.get(&day).copied().unwrap_or_default();
            (day.utc_day(), DayEvents { pendo: if is_proven { stored } else { pendo }, stored })
        })
        .collect();
    let pendo_events = days.values().map(|day| day.pendo).sum::<u64>();
    let first_hour = run.connection.history_from.or(first_hour);
    let others = if is_changed && !range.is_empty() {
        let begin = HourRange { from: first_hour.unwrap_or(range.from).min(range.to.plus(-1)), to: range.to };
        let mut all = 0;
        let ask = |part| asked::totals(&run.client, kind, part);
        halving::ask(begin, 24, ask, |days| all += days.values().sum::<u64>()).await?;
        let mut kept_out = 0;
        let ask = |part| asked::excluded(&run.client, kind, part);
        let excluded = match halving::ask(begin, 24, ask, |events| kept_out += events).await {
            Ok(()) => Some(kept_out),
            Err(error @ PendoError::Unauthorized { .. }) => return Err(error.into()),
            // It is in none of our totals: a figure to look at, and no reason to fail.
            Err(_) => None,
        };
        Some((all, excluded))
    } else {
        None
    };
    run.store
        .checkpoint_change(run.workspace, &run.connection.id, |checkpoint| {
            let state = checkpoint.kinds.entry(kind).or_default();
            // A run that slept meanwhile would put its old probe beside what others have stored since.
            if state.compared_at.is_some() && state.as_of > Some(run.as_of) {
                return;
            }
            (state.pendo_events, state.stored_events) = (pendo_events, stored_events);
            (state.compared_at, state.recent) = (Some(range.to), None);
            // Of hours that were not asked for nothing new is known.
            let before: Vec<i32> = state.unverified.range(..range.from.0).copied().collect();
            state.unverified = unverified.iter().copied().chain(before).collect();
            state.first_hour = state.first_hour.into_iter().chain(first_hour).min();
            state.differences = Differences::of(days.clone());
            state.age_out(has_aged_out.then_some(oldest), !probed.is_empty(), range.to);
            if let Some((all, excluded)) = others {
                state.anonymous_events = all.saturating_sub(pendo_events);
                state.excluded_events = excluded;
            }
        })
        .await?;
    Ok(())
}

impl KindState {
    /// Notes before which hour Pendo shows nothing any more of what is kept. What it has not shown for days is gone for good.
    /// Where it shows nothing at all, age is not the reason.
    fn age_out(&mut self, before: Option<Hour>, shows_any: bool, now: Hour) {
        self.aged_out_before = before.or(self.gone_before);
        self.aged_out = match (self.aged_out, before.filter(|_| shows_any)) {
            (_, None) => None,
            (None, Some(before)) => Some(AgedOut { before, seen_at: now }),
            (Some(mark), Some(oldest)) if now.0 - mark.seen_at.0 < AGED_OUT_HOURS => {
                Some(AgedOut { before: mark.before.min(oldest), ..mark })
            }
            (Some(mark), Some(oldest)) => {
                self.gone_before = self.gone_before.max(Some(mark.before.min(oldest)));
                Some(AgedOut { before: oldest, seen_at: now })
            }
        };
    }
}

/// Adds up whose usage it is that was read, per level and kind; `erased` is kept with it as what was settled before.
///
/// # Errors
/// The table's.
pub async fn attribute(sink: &Sink<'_>, moment: &Moment, erased: Option<[u64; 3]>) -> Result<(), SyncError> {
    let before = sink.store.checkpoint_get(sink.workspace, &sink.connection.id).await?.value;
    let mut shards = sink.heads().await?;
    let world = sink.world().await?;
    let ranges: BTreeMap<Kind, HourRange> =
        moment.as_of.iter().map(|(kind, as_of)| (*kind, HourRange { from: moment.history_from, to: *as_of })).collect();
    let mut tally = Tally::default();
    let mut stored: BTreeMap<(Kind, i32), u64> = BTreeMap::new();
    let mut blocks = Blocks::default();
    for shard in &mut shards {
        let mut see = |row: &UsageRow<'_>| tally.add(row, &world.links, world.excludes(row));
        Rows::default().visit(sink.store, shard, &ranges, &mut blocks, &mut see).await?;
        for (kind, range) in &ranges {
            for (hour, entry) in shard.entries(*kind, *range) {
                tally.add_erased(*kind, hour, entry.erased.totals.events, &world.links);
                *stored.entry((*kind, hour.utc_day())).or_default() += entry.share.events;
            }
        }
    }
    // Each event that is stored must be in just one class of each level, day by day.
    let mut unaccounted: BTreeMap<Kind, BTreeMap<String, u64>> = BTreeMap::new();
    for level in [ObjectKind::Account, ObjectKind::Contact].into_iter().filter(|level| world.links.is_matched(*level)) {
        for ((kind, day), events) in &stored {
            let missed = events.abs_diff(tally.get(level, *kind, *day).total());
            *unaccounted.entry(*kind).or_default().entry(level.name().to_owned()).or_default() += missed;
        }
    }
    let mut conservation: BTreeMap<Kind, BTreeMap<String, BTreeMap<String, u64>>> = BTreeMap::new();
    for line in tally.lines() {
        let level = conservation.entry(line.kind).or_default().entry(line.level.name().to_owned()).or_default();
        let counts = line.counts;
        for (class, events) in [
            ("matched", counts.matched),
            ("unmatched", counts.unmatched),
            ("ambiguous", counts.ambiguous),
            ("without_id", counts.without_id),
            ("excluded", counts.excluded),
            ("erased", counts.erased),
        ] {
            *level.entry(class.to_owned()).or_default() += events;
        }
    }
    sink.store
        .checkpoint_change(sink.workspace, &sink.connection.id, |checkpoint| {
            for (kind, as_of) in &moment.as_of {
                let compared_at = before.kinds.get(kind).and_then(|state| state.compared_at);
                // Another run may have compared more than was counted here: that stays owed.
                let Some(state) = checkpoint.kinds.get_mut(kind).filter(|_| compared_at.is_none_or(|at| at <= *as_of))
                else {
                    continue;
                };
                state.conservation = conservation.get(kind).cloned().unwrap_or_default();
                state.unaccounted = unaccounted.get(kind).cloned().unwrap_or_default();
                state.attributed_at = compared_at;
            }
            checkpoint.people.erased_in = erased.unwrap_or(checkpoint.people.erased_in);
        })
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_at_two_comparisons_days_apart_is_gone_for_good() {
        let mut state = KindState::default();
        let mut compared = |before: Option<i32>, at: i32| {
            state.age_out(before.map(Hour), true, Hour(at));
            (state.aged_out_before.map(|hour| hour.0), state.gone_before.map(|hour| hour.0))
        };
        assert_eq!(compared(None, 0), (None, None));
        assert_eq!(compared(Some(240), 1_000), (Some(240), None));
        assert_eq!(compared(Some(264), 1_001), (Some(264), None), "too soon");
        assert_eq!(compared(Some(408), 1_168), (Some(408), Some(240)));
        assert_eq!(compared(None, 1_336), (Some(240), Some(240)), "what is gone for good stays so");
    }

    #[test]
    fn history_that_came_back_or_of_which_pendo_shows_nothing_at_all_is_not_gone_for_good() {
        let mut state = KindState::default();
        state.age_out(Some(Hour(240)), true, Hour(0));
        state.age_out(None, true, Hour(168));
        state.age_out(Some(Hour(240)), true, Hour(336));
        assert_eq!(state.gone_before, None, "it was back in between");
        state.age_out(Some(Hour(900)), false, Hour(504));
        assert_eq!((state.gone_before, state.aged_out_before), (None, Some(Hour(900))));
    }
}
