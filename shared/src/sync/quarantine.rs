//! Quarantine: a day that Pendo suddenly shows with half its events or fewer is held back.
//!
//! While Pendo reprocesses history (a tag was edited, the subscription's zone was changed) its numbers drop, often to
//! nothing, and come back hours later. So the old data is served on, and the new is taken only when three readings, at
//! least an hour apart, have agreed on it. While all usage is gone at once ([`super::recomputing`]) nothing is taken before
//! that many runs have seen it.

use super::batch::Batch;
use crate::id::Kind;
use crate::time::{HOUR_MS, Hour};
use crate::usage::fingerprint::Fingerprint;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Readings that must agree before a day may shrink.
pub const READS_THAT_AGREE: u32 = 3;
/// Readings closer than this count as one.
const APART_MS: i64 = HOUR_MS;

/// The days (UTC, counted from 1970) of a kind that are held back.
pub type Quarantine = BTreeMap<i32, Held>;

/// A day that is held back.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// What Pendo shows of its hours.
    pub shown: Fingerprint,
    /// How many readings have agreed on that.
    pub reads: u32,
    /// When the last of them was taken, ms since 1970.
    pub read_at_ms: i64,
}

/// What [`hold`] found of a batch's days.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judged {
    /// What is held now.
    pub held: Quarantine,
    /// Days that shrink and are taken, since enough readings agree.
    pub believed: BTreeSet<i32>,
}

/// Takes the hours out of a batch by which a day would shrink by half or more, unless enough readings agree.
/// `stands` is what is stored of all hours of the batch's days; `before` is what earlier runs held. While Pendo recomputes
/// everything (`is_recomputing`) a day that would shrink at all is held, and no number of readings is believed.
#[must_use]
pub fn hold(
    batch: &mut Batch,
    kind: Kind,
    stands: &BTreeMap<Hour, Fingerprint>,
    before: &Quarantine,
    is_recomputing: bool,
    now_ms: i64,
) -> Judged {
    let fetched = |hour: Hour, batch: &Batch| batch.buckets.get(&(kind, hour)).map(|bucket| bucket.whole);
    let days: BTreeSet<i32> =
        batch.buckets.keys().filter(|(of, _)| *of == kind).map(|(_, hour)| hour.utc_day()).collect();
    let mut judged = Judged::default();
    for day in days {
        let hours = Hour(day * 24)..Hour(day * 24 + 24);
        let standing = || stands.range(hours.clone()).filter(|(_, totals)| !totals.is_empty());
        // Hours that nothing stands of are new, and pass.
        let (mut old, mut new, mut shown) = (0u64, 0u64, Fingerprint::default());
        for (hour, totals) in standing() {
            let answer = fetched(*hour, batch);
            old = old.saturating_add(totals.events);
            new = new.saturating_add(answer.unwrap_or(*totals).events);
            if let Some(answer) = answer {
                shown.merge(&answer);
            }
        }
        let is_taken = if is_recomputing { new >= old } else { new.saturating_mul(2) > old };
        if old == 0 || is_taken {
            continue;
        }
        let now = match before.get(&day) {
            Some(held) if held.shown == shown && now_ms - held.read_at_ms < APART_MS => *held,
            Some(held) if held.shown == shown => Held { reads: held.reads + 1, read_at_ms: now_ms, ..*held },
            _ => Held { shown, reads: 1, read_at_ms: now_ms },
        };
        if now.reads >= READS_THAT_AGREE && !is_recomputing {
            tracing::warn!(
                kind = kind.name(),
                day,
                events = old,
                now = new,
                "a day that shrank is taken: three readings agree"
            );
            judged.believed.insert(day);
            continue;
        }
        tracing::warn!(
            kind = kind.name(),
            day,
            events = old,
            shown = new,
            reads = now.reads,
            "a day that shrank is held back"
        );
        for (hour, _) in standing() {
            batch.buckets.remove(&(kind, *hour));
        }
        judged.held.insert(day, now);
    }
    judged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::batch::Fetched;

    const DAY: i32 = 20_000;

    fn totals(events: u64) -> Fingerprint {
        if events == 0 {
            return Fingerprint::default();
        }
        Fingerprint { rows: 1, events, minutes: 0, squares: events * events, newest_ms: 5, amount: 0 }
    }

    fn batch(hours: &[(i32, u64)]) -> Batch {
        let mut batch = Batch::default();
        for (hour, events) in hours {
            let fetched = Fetched { reading: 1, whole: totals(*events), is_verified: true };
            batch.buckets.insert((Kind::Page, Hour(DAY * 24 + hour)), fetched);
        }
        batch
    }

    /// What of a batch is left after `before`, and what is held.
    fn left(answer: &[(i32, u64)], before: &Quarantine, now_ms: i64) -> (Vec<i32>, Quarantine) {
        let stands: BTreeMap<Hour, Fingerprint> =
            [(0, 60), (1, 40)].map(|(hour, events)| (Hour(DAY * 24 + hour), totals(events))).into();
        let mut batch = batch(answer);
        let held = hold(&mut batch, Kind::Page, &stands, before, false, now_ms).held;
        (batch.buckets.keys().map(|(_, hour)| hour.0 - DAY * 24).collect(), held)
    }

    #[test]
    fn a_day_that_keeps_more_than_half_is_taken() {
        let (hours, held) = left(&[(0, 11)], &Quarantine::new(), 0);
        assert_eq!((hours, held.len()), (vec![0], 0), "51 of 100");
    }

    #[test]
    fn a_day_that_shrinks_by_half_waits_and_its_new_hours_pass() {
        let (hours, held) = left(&[(0, 10), (7, 3)], &Quarantine::new(), 0);
        assert_eq!((hours, held.len()), (vec![7], 1), "50 of 100");
    }

    #[test]
    fn it_is_taken_when_three_readings_an_hour_apart_agree() {
        let (_, first) = left(&[(0, 0), (1, 0)], &Quarantine::new(), 0);
        let (_, soon) = left(&[(0, 0), (1, 0)], &first, APART_MS - 1);
        assert_eq!(soon[&DAY].reads, 1, "too soon to count");
        let (_, second) = left(&[(0, 0), (1, 0)], &soon, APART_MS);
        assert_eq!(second[&DAY].reads, 2);
        let (hours, third) = left(&[(0, 0), (1, 0)], &second, 2 * APART_MS);
        assert_eq!((hours, third.len()), (vec![0, 1], 0));
    }

    #[test]
    fn while_everything_is_recomputed_no_day_shrinks_however_many_readings_agree() {
        let stands = BTreeMap::from([(Hour(DAY * 24), totals(100))]);
        let before = Quarantine::from([(DAY, Held { shown: totals(99), reads: READS_THAT_AGREE, read_at_ms: 0 })]);
        let mut answer = batch(&[(0, 99)]);
        let judged = hold(&mut answer, Kind::Page, &stands, &before, true, APART_MS);
        assert_eq!((judged.held.len(), judged.believed.len(), answer.buckets.len()), (1, 0, 0));
        let mut answer = batch(&[(0, 100)]);
        assert_eq!(hold(&mut answer, Kind::Page, &stands, &before, true, APART_MS), Judged::default());
    }

    #[test]
    fn a_reading_that_says_something_else_starts_the_count_anew() {
        let (_, first) = left(&[(0, 0), (1, 0)], &Quarantine::new(), 0);
        let (_, second) = left(&[(0, 5), (1, 0)], &first, APART_MS);
        assert_eq!((second[&DAY].reads, second[&DAY].shown.events), (1, 5));
    }
}
