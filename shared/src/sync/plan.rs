//! Plans a run: compares Pendo's fingerprints with the heads and says which hours to fetch.

use crate::connection::Connection;
use crate::id::Kind;
use crate::store::Shard;
use crate::time::{Hour, HourRange};
use crate::usage::fingerprint::Fingerprint;
use std::collections::BTreeMap;

/// For so many hours Pendo may still change an hour without an edit: Pendo itself calls a day final after seven to nine days.
pub const SETTLING_HOURS: i32 = 240;
/// Ages, in hours, at which an hour that differs only a little is read again.
const AGES: [i32; 5] = [1, 2, 4, 8, 24];
/// A difference below one in this many of an hour's events waits for the next age.
const SMALL_DIFFERENCE: u64 = 100;
/// Pendo's retention: usage older than 84 months is gone.
pub const RETENTION_DAYS: i32 = 84 * 31;

/// A bucket as the shards hold it together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Stored {
    /// The whole bucket's totals, when all entries agree.
    pub whole: Fingerprint,
    /// Whether every shard's entry has the same reading and their shares add up to the whole.
    pub is_consistent: bool,
    /// Whether a probe agreed with it.
    pub is_verified: bool,
    /// The newest hour of the clock at which it was read; `None` when no shard has an entry.
    pub read_at: Option<Hour>,
}

/// What the shards hold of a kind's buckets in a range. A bucket that no shard has an entry of is absent: it is empty.
#[must_use]
pub fn stored(shards: &[Shard], kind: Kind, range: HourRange) -> BTreeMap<Hour, Stored> {
    struct Sum {
        reading: u64,
        whole: Fingerprint,
        shares: Fingerprint,
        agrees: bool,
        is_verified: bool,
        read_at: Hour,
    }
    let mut sums: BTreeMap<Hour, Sum> = BTreeMap::new();
    for (hour, entry) in shards.iter().flat_map(|shard| shard.entries(kind, range)) {
        let sum = sums.entry(hour).or_insert(Sum {
            reading: entry.reading,
            whole: entry.whole,
            shares: Fingerprint::default(),
            agrees: true,
            is_verified: true,
            read_at: entry.read_at,
        });
        sum.shares.merge(&entry.share);
        sum.agrees &= (sum.reading, sum.whole) == (entry.reading, entry.whole);
        sum.is_verified &= entry.is_verified;
        sum.read_at = sum.read_at.max(entry.read_at);
    }
    sums.into_iter()
        .map(|(hour, sum)| {
            let is_consistent = sum.agrees && sum.shares == sum.whole;
            (hour, Stored { whole: sum.whole, is_consistent, is_verified: sum.is_verified, read_at: Some(sum.read_at) })
        })
        .collect()
}

/// What is to be done about an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Equal to Pendo's, and proven.
    Clean,
    /// Fetch it in this run.
    Fetch,
    /// It differs by this many events, too little to be read before its next age.
    Wait(i64),
}

/// Judges one hour. `is_pass` is true in the daily and weekly passes, when every difference is read.
#[must_use]
pub fn judge(hour: Hour, pendo: Fingerprint, stored: Option<Stored>, as_of: Hour, is_pass: bool) -> Verdict {
    let Some(stored) = stored else {
        return if pendo.is_empty() { Verdict::Clean } else { Verdict::Fetch };
    };
    if stored.is_consistent && stored.whole == pendo && stored.is_verified {
        return Verdict::Clean;
    }
    let difference = pendo.events.abs_diff(stored.whole.events);
    let is_small = stored.is_consistent && difference.saturating_mul(SMALL_DIFFERENCE) < pendo.events.max(1);
    if !is_small || is_pass || age_is_due(hour, stored.read_at, as_of) {
        return Verdict::Fetch;
    }
    Verdict::Wait(
        i64::try_from(pendo.events).unwrap_or(i64::MAX) - i64::try_from(stored.whole.events).unwrap_or(i64::MAX),
    )
}

/// Where a connection's history begins: where it was chosen, or as far back as Pendo keeps anything.
#[must_use]
pub fn history_start(connection: &Connection, as_of: Hour) -> Hour {
    connection.history_from.unwrap_or(Hour((as_of.utc_day() - RETENTION_DAYS) * 24))
}

/// Whether one of the ages lies between the last reading and now. An hour's age counts from its end.
fn age_is_due(hour: Hour, read_at: Option<Hour>, as_of: Hour) -> bool {
    let end = hour.plus(1);
    let age = as_of.0 - end.0;
    read_at.is_none_or(|at| AGES.iter().any(|due| at.0 - end.0 < *due && *due <= age))
}

/// Where the history begins that Pendo still has: its oldest day with usage, if that is older than what it may still
/// change. Days before it that we hold have aged out, and are kept.
#[must_use]
pub fn oldest_at_pendo(probed: &BTreeMap<Hour, Fingerprint>, range: HourRange) -> Hour {
    let settled = Hour(range.to.plus(-SETTLING_HOURS).utc_day() * 24);
    probed.keys().next().copied().unwrap_or(settled).min(settled)
}

/// The days (first hours) of a day probe that the shards do not hold as Pendo has them, newest first, with Pendo's rows.
#[must_use]
pub fn dirty_days(
    shards: &[Shard],
    kind: Kind,
    range: HourRange,
    probed: &BTreeMap<Hour, Fingerprint>,
) -> Vec<(Hour, u64)> {
    let mut days: BTreeMap<Hour, Stored> = BTreeMap::new();
    for (hour, bucket) in stored(shards, kind, range) {
        let day = days.entry(Hour(hour.utc_day() * 24)).or_insert(Stored {
            is_consistent: true,
            is_verified: true,
            ..Stored::default()
        });
        day.whole.merge(&bucket.whole);
        day.is_consistent &= bucket.is_consistent;
        day.is_verified &= bucket.is_verified;
    }
    let mut dirty: BTreeMap<Hour, u64> = BTreeMap::new();
    for (day, pendo) in probed {
        let stands = days.remove(day).unwrap_or(Stored { is_consistent: true, is_verified: true, ..Stored::default() });
        if !(stands.is_consistent && stands.is_verified && stands.whole == *pendo) {
            dirty.insert(*day, pendo.rows);
        }
    }
    // Days that we hold and Pendo no longer shows.
    let oldest = oldest_at_pendo(probed, range);
    for (day, stands) in days {
        if !stands.whole.is_empty() && day >= oldest {
            dirty.insert(day, 0);
        }
    }
    dirty.into_iter().rev().collect()
}

/// The halves of a range, cut where a span of `span_hours` (counted from 1970) begins; `None` when it holds one span only.
#[must_use]
pub fn halves(range: HourRange, span_hours: i32) -> Option<[HourRange; 2]> {
    let middle = Hour((range.from.0 + range.len() / 2).div_euclid(span_hours) * span_hours);
    let middle = if middle <= range.from { middle.plus(span_hours) } else { middle };
    (middle < range.to)
        .then_some([HourRange { from: range.from, to: middle }, HourRange { from: middle, to: range.to }])
}

/// Joins hours (or days, of `hours_each` hours) to windows that one answer can hold: neighbours, up to `rows_max` rows by
/// the probe's count. What `is_empty` says has no rows anywhere may lie between two, since reading it costs nothing.
/// Newest first.
#[must_use]
pub fn windows(
    hours: &BTreeMap<Hour, u64>,
    hours_each: i32,
    rows_max: u64,
    is_empty: impl Fn(Hour) -> bool,
) -> Vec<HourRange> {
    let are_neighbours = |earlier: Hour, later: Hour| {
        let step = usize::try_from(hours_each).unwrap_or(1);
        (earlier.0 + hours_each..later.0).step_by(step).all(|between| is_empty(Hour(between)))
    };
    let mut windows: Vec<(HourRange, u64)> = Vec::new();
    for (hour, rows) in hours.iter().rev() {
        match windows.last_mut() {
            Some((window, held)) if *held + rows <= rows_max && are_neighbours(*hour, window.from) => {
                window.from = *hour;
                *held += rows;
            }
            _ => windows.push((HourRange { from: *hour, to: hour.plus(hours_each) }, *rows)),
        }
    }
    windows.into_iter().map(|(window, _)| window).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(events: u64) -> Fingerprint {
        Fingerprint { rows: 10, events, minutes: 5, squares: events, newest_ms: 9, amount: 0 }
    }

    fn stands(events: u64, read_at: i32) -> Option<Stored> {
        Some(Stored {
            whole: fingerprint(events),
            is_consistent: true,
            is_verified: true,
            read_at: Some(Hour(read_at)),
        })
    }

    #[test]
    fn a_large_difference_is_read_at_once_and_a_small_one_at_the_next_age() {
        let judged =
            |pendo, read_at, as_of| judge(Hour(100), fingerprint(pendo), stands(1_000, read_at), Hour(as_of), false);
        assert_eq!(judged(1_000, 101, 102), Verdict::Clean);
        assert_eq!(judged(1_010, 103, 104), Verdict::Wait(10));
        assert_eq!(judged(1_011, 103, 104), Verdict::Fetch, "1 % or more of the hour's events");
        assert_eq!(judged(1_005, 101, 102), Verdict::Fetch, "age 1 is due");
        assert_eq!(judged(1_005, 103, 104), Verdict::Wait(5), "ages 3: next is 4");
        assert_eq!(judged(1_005, 103, 105), Verdict::Fetch, "age 4 is due");
        assert_eq!(judged(1_005, 110, 124), Verdict::Wait(5));
        assert_eq!(judged(1_005, 110, 125), Verdict::Fetch, "age 24 is due");
    }

    #[test]
    fn every_difference_is_read_in_a_pass() {
        assert_eq!(judge(Hour(100), fingerprint(1_001), stands(1_000, 140), Hour(145), true), Verdict::Fetch);
    }

    #[test]
    fn what_nobody_holds_is_empty() {
        assert_eq!(judge(Hour(1), Fingerprint::default(), None, Hour(9), false), Verdict::Clean);
        assert_eq!(judge(Hour(1), fingerprint(1), None, Hour(9), false), Verdict::Fetch);
    }

    #[test]
    fn halves_meet_where_a_span_begins() {
        let range = |from, to| HourRange { from: Hour(from), to: Hour(to) };
        assert_eq!(halves(range(10, 100), 24), Some([range(10, 48), range(48, 100)]));
        assert_eq!(halves(range(20, 30), 24), Some([range(20, 24), range(24, 30)]));
        assert_eq!(halves(range(24, 48), 24), None);
        assert_eq!(halves(range(30, 40), 24), None);
    }

    #[test]
    fn windows_hold_neighbours_up_to_their_rows_newest_first() {
        let hours = BTreeMap::from([(Hour(1), 5), (Hour(2), 5), (Hour(3), 5), (Hour(9), 1)]);
        let range = |from, to| HourRange { from: Hour(from), to: Hour(to) };
        assert_eq!(windows(&hours, 1, 10, |_| false), [range(9, 10), range(2, 4), range(1, 2)]);
        assert_eq!(windows(&hours, 1, 1, |_| false), [range(9, 10), range(3, 4), range(2, 3), range(1, 2)]);
        assert_eq!(windows(&hours, 1, 100, |_| true), [range(1, 10)], "nothing lies between");
        assert_eq!(windows(&hours, 1, 100, |hour| hour != Hour(5)), [range(9, 10), range(1, 4)]);
    }
}
