//! What Pendo has changed of the past, and why: counted for the status, and remembered so that a value can say why it moved.
//!
//! Kept per kind in the checkpoint and joined when values are read. What a move replaced is said by the head that it
//! replaced, not by an earlier look: so a run that slept, or that others overtook, tells of nothing that it did not do. A run
//! that dies between storing hours and noting them leaves them out: what stands here is what was seen, at least.

use super::batch::Batch;
use super::checkpoint::KindState;
use super::plan::SETTLING_HOURS;
use crate::id::Kind;
use crate::store::Shard;
use crate::time::{Hour, HourRange};
use crate::usage::entry::Entries;
use crate::usage::fingerprint::Fingerprint;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A rewrite is remembered for thirty days, and told with the values that it may have moved.
pub(crate) const KEPT_HOURS: i32 = 30 * 24;
/// Rewrites that are kept of a kind at most, the newest.
const KEPT_MAX: usize = 12;
/// Days that are kept by name, the newest. Every window ends about now, so it holds a day that changed just if it holds one of
/// these.
const DAYS_KEPT: usize = 4;

/// Why hours that stood have other usage now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A page's or feature's tag was edited, and Pendo applied that to the past.
    TagEdit,
    /// Rows moved to another Pendo account or object while no total changed: accounts were merged, objects moved.
    RowsMoved,
    /// A day that shrank to half its events or fewer was believed after readings had agreed.
    DayShrank,
    /// Others are excluded than before: nothing of Pendo's was replaced, and some of it counts no more, or counts again.
    Exclusions,
    /// Pendo changed hours that were final and does not say why: very late rows, deletions, its exclude list.
    Unexplained,
}

/// Hours of a kind that were replaced for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rewrite {
    /// The reason.
    pub cause: Cause,
    /// The run that saw it first.
    pub since: Hour,
    /// The last run that replaced an hour because of it.
    pub at: Hour,
    /// Hours replaced; one that was replaced twice counts twice.
    pub hours: u64,
    /// The newest UTC days among them.
    pub days: BTreeSet<i32>,
    /// The objects whose usage it may have changed; all when empty.
    pub objects: BTreeSet<String>,
}

/// Hours that Pendo changed after they were final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AfterFinal {
    /// How many so far; one that changed twice counts twice.
    pub hours: u64,
    /// The run that replaced the first of them.
    pub first_at: Hour,
    /// The run that replaced the last of them.
    pub last_at: Hour,
}

/// The totals of the buckets that a batch's moves took: before and after. `None` where others had overtaken the batch.
///
/// The first shard that holds a bucket speaks for all of them, so of runs that overlap just one has replaced it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Taken(BTreeMap<(Kind, Hour), Option<[Fingerprint; 2]>>);

impl Taken {
    /// Of each bucket of a batch that a shard holds or takes: whether it takes it, and what stood.
    #[must_use]
    pub fn of(batch: &Batch, shard: &Shard, takes: &Entries) -> Self {
        let buckets = batch.buckets.iter().filter_map(|(key, bucket)| {
            let stands = shard.entry(key.0, key.1).map(|entry| entry.whole);
            let is_taken = takes.contains_key(key);
            let totals = is_taken.then(|| [stands.unwrap_or_default(), bucket.whole]);
            (is_taken || stands.is_some()).then_some((*key, totals))
        });
        Self(buckets.collect())
    }

    /// Adds what another shard took, after it moved. What an earlier shard said stays.
    pub fn add(&mut self, next: Self) {
        for (key, totals) in next.0 {
            self.0.entry(key).or_insert(totals);
        }
    }
}

/// Hours that a batch has replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replaced {
    /// By reason.
    hours: BTreeMap<Cause, BTreeSet<Hour>>,
    /// How many of all were final.
    final_hours: u64,
}

impl Replaced {
    /// Finds the hours that were read before and say something else now. `state` was read before they were taken, `believed`
    /// are the days that were held back until now, and `why` is the reason for which this was read again, if there is one.
    #[must_use]
    pub fn of(taken: &Taken, kind: Kind, state: &KindState, believed: &BTreeSet<i32>, why: Option<Cause>) -> Self {
        let mut replaced = Self::default();
        let of_kind = taken.0.iter().filter(|((of, hour), _)| *of == kind && state.was_read(*hour));
        for ((_, hour), [old, new]) in of_kind.filter_map(|(key, totals)| Some((key, totals.as_ref()?))) {
            // Where rows moved the totals are what they were; which of the day's hours it was is not known.
            let is_other = new != old || (why == Some(Cause::RowsMoved) && !old.is_empty());
            if !is_other {
                continue;
            }
            let was_final = state.was_final(*hour);
            replaced.final_hours += u64::from(was_final);
            let shrank = believed.contains(&hour.utc_day()).then_some(Cause::DayShrank);
            if let Some(cause) = shrank.or(why).or(was_final.then_some(Cause::Unexplained)) {
                replaced.hours.entry(cause).or_default().insert(*hour);
            }
        }
        replaced
    }

    /// Whether there is nothing to note.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hours.is_empty() && self.final_hours == 0
    }
}

impl KindState {
    /// Whether an hour lies in what was read and evaluated.
    fn was_read(&self, hour: Hour) -> bool {
        self.covered_from.is_some_and(|from| from <= hour) && self.as_of.is_some_and(|as_of| hour < as_of)
    }

    /// Whether an hour was final at the last run: proven, and older than Pendo still changes hours by itself.
    fn was_final(&self, hour: Hour) -> bool {
        self.as_of.is_some_and(|as_of| hour.plus(1 + SETTLING_HOURS) <= as_of) && !self.unverified.contains(&hour.0)
    }

    /// Notes what a run replaced, after it was stored.
    pub fn note(&mut self, replaced: &Replaced, at: Hour) {
        if replaced.final_hours > 0 {
            let so_far = self.after_final.unwrap_or(AfterFinal { hours: 0, first_at: at, last_at: at });
            self.after_final = Some(AfterFinal { hours: so_far.hours + replaced.final_hours, last_at: at, ..so_far });
        }
        for (cause, hours) in &replaced.hours {
            let edit = self.edit.as_ref().filter(|_| *cause == Cause::TagEdit);
            let since = edit.map_or(at, |edit| edit.seen_at);
            let objects = edit.map(|edit| edit.ids.clone()).unwrap_or_default();
            let mut days: BTreeSet<i32> = hours.iter().map(|hour| hour.utc_day()).collect();
            let mut count = hours.len() as u64;
            if let Some(known) = self.rewrites.iter().position(|known| (known.cause, known.since) == (*cause, since)) {
                let known = self.rewrites.remove(known);
                days.extend(known.days);
                count += known.hours;
            }
            while days.len() > DAYS_KEPT {
                days.pop_first();
            }
            self.rewrites.push(Rewrite { cause: *cause, since, at, hours: count, days, objects });
        }
        self.rewrites.retain(|rewrite| rewrite.is_remembered(at));
        let too_many = self.rewrites.len().saturating_sub(KEPT_MAX);
        self.rewrites.drain(..too_many);
    }
}

impl Rewrite {
    /// Whether it is young enough to be told.
    #[must_use]
    pub fn is_remembered(&self, now: Hour) -> bool {
        now.0 - self.at.0 < KEPT_HOURS
    }

    /// Whether a window over some objects (all when `None`) holds days that it changed.
    #[must_use]
    pub fn may_move(&self, window: HourRange, ids: Option<&BTreeSet<String>>) -> bool {
        let is_in = |day: &i32| Hour(day * 24) < window.to && window.from < Hour(day * 24 + 24);
        let is_about = |ids: &BTreeSet<String>| self.objects.is_empty() || !self.objects.is_disjoint(ids);
        self.days.iter().any(is_in) && ids.is_none_or(is_about)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::tags::Edit;

    const NOW: i32 = 1_000 * 24;

    fn totals(events: u64) -> Fingerprint {
        Fingerprint { rows: 1, events, minutes: 0, squares: events * events, newest_ms: 5, amount: 0 }
    }

    fn read() -> KindState {
        KindState { covered_from: Some(Hour(0)), as_of: Some(Hour(NOW)), ..KindState::default() }
    }

    /// What is noted of hours that had one event and have these now.
    fn noted(hours: &[(i32, u64)], state: &KindState, believed: &[i32], why: Option<Cause>) -> KindState {
        let taken = hours.iter().map(|(hour, events)| ((Kind::Page, Hour(*hour)), Some([totals(1), totals(*events)])));
        let believed = believed.iter().copied().collect();
        let mut state = state.clone();
        let replaced = Replaced::of(&Taken(taken.collect()), Kind::Page, &state, &believed, why);
        state.note(&replaced, Hour(NOW + 1));
        state
    }

    #[test]
    fn the_first_shard_that_holds_a_bucket_says_who_replaced_it() {
        let key = |hour| (Kind::Page, Hour(hour));
        let (old, new) = (totals(1), totals(2));
        let mut taken = Taken([(key(0), None), (key(1), Some([old, new]))].into());
        taken.add(Taken([(key(0), Some([old, new])), (key(1), Some([new, new])), (key(2), Some([old, new]))].into()));
        let replaced = Replaced::of(&taken, Kind::Page, &read(), &BTreeSet::new(), None);
        assert_eq!(replaced.hours[&Cause::Unexplained], [Hour(1), Hour(2)].into(), "others had overtaken the first");
    }

    #[test]
    fn an_hour_that_changes_after_ten_days_is_counted_and_a_younger_one_is_not() {
        let oldest_open = NOW - 240;
        let state = noted(&[(oldest_open - 1, 2), (oldest_open, 2), (7, 1), (NOW, 2)], &read(), &[], None);
        assert_eq!(
            state.after_final,
            Some(AfterFinal { hours: 1, first_at: Hour(NOW + 1), last_at: Hour(NOW + 1) }),
            "one was not final, one did not change, one was never read"
        );
        assert_eq!(state.rewrites.len(), 1);
        assert_eq!(state.rewrites[0].cause, Cause::Unexplained);
        let unproven = KindState { unverified: [7].into(), ..read() };
        assert_eq!(noted(&[(7, 2)], &unproven, &[], None).after_final, None);
    }

    #[test]
    fn what_is_replaced_for_one_edit_is_one_rewrite_and_names_its_objects() {
        let edit = Edit { seen_at: Hour(NOW - 2), objects: 1, ids: ["f".to_owned()].into(), is_dirty: true };
        let state = KindState { edit: Some(edit), ..read() };
        let first = noted(&[(24, 2), (48, 3), (72, 4), (96, 5), (120, 6)], &state, &[], Some(Cause::TagEdit));
        let both = noted(&[(NOW - 5, 2)], &first, &[], Some(Cause::TagEdit));
        let [rewrite] = both.rewrites.as_slice() else { panic!("{:?}", both.rewrites) };
        assert_eq!((rewrite.since, rewrite.hours), (Hour(NOW - 2), 6));
        assert_eq!(rewrite.days, [3, 4, 5, 999].into(), "the newest");
        let window = |from, to| HourRange { from: Hour(from), to: Hour(to) };
        let ids = |id: &str| BTreeSet::from([id.to_owned()]);
        assert!(rewrite.may_move(window(NOW - 24, NOW), None) && rewrite.may_move(window(0, NOW), Some(&ids("f"))));
        assert!(!rewrite.may_move(window(0, NOW), Some(&ids("g"))), "another feature");
        assert!(!rewrite.may_move(window(NOW, NOW + 9), None), "another day");
    }

    #[test]
    fn a_day_that_was_believed_and_rows_that_moved_are_told_apart() {
        let believed = noted(&[(NOW - 30, 0), (NOW - 60, 9)], &read(), &[998], None);
        assert_eq!(believed.rewrites.iter().map(|rewrite| rewrite.cause).collect::<Vec<_>>(), [Cause::DayShrank]);
        let moved = noted(&[(NOW - 30, 1)], &read(), &[], Some(Cause::RowsMoved));
        assert_eq!((moved.rewrites[0].cause, moved.rewrites[0].hours), (Cause::RowsMoved, 1), "with equal totals");
    }
}
