//! Means of an outcome over windows of days.

use std::collections::BTreeMap;

/// Values larger than this are taken as unknown: their squares would not be numbers.
const LARGEST: f64 = 1e60;

/// An outcome's days with running sums, so that any window's mean costs two searches.
pub(super) struct Series {
    days: Vec<i64>,
    sums: Vec<f64>,
}

/// The mean of all known values of all units; sums are kept relative to it so that little is lost to rounding.
pub(super) fn centre<'a>(outcomes: impl Iterator<Item = &'a BTreeMap<i32, f64>>) -> f64 {
    let (mut mean, mut count) = (0.0, 0.0);
    for value in outcomes.flat_map(BTreeMap::values).filter(|value| is_known(**value)) {
        count += 1.0;
        mean += (value - mean) / count;
    }
    mean
}

fn is_known(value: f64) -> bool {
    value.is_finite() && value.abs() <= LARGEST
}

impl Series {
    /// The series of an outcome, less `centre`.
    pub(super) fn new(outcome: &BTreeMap<i32, f64>, centre: f64) -> Self {
        let mut series = Self { days: Vec::with_capacity(outcome.len()), sums: vec![0.0] };
        let mut sum = 0.0;
        for (day, value) in outcome.iter().filter(|(_, value)| is_known(**value)) {
            sum += value - centre;
            series.days.push(i64::from(*day));
            series.sums.push(sum);
        }
        series
    }

    /// The mean of the days after `from` up to and with `to`, if at least `least` of them are known (and one).
    pub(super) fn mean(&self, from: i64, to: i64, least: usize) -> Option<f64> {
        let (first, end) = (self.place(from), self.place(to));
        let count = end.checked_sub(first).filter(|count| *count >= least.max(1))?;
        Some((self.sums.get(end)? - self.sums.get(first)?) / number(count))
    }

    /// How many days after `from` up to and with `to` are known.
    pub(super) fn count(&self, from: i64, to: i64) -> usize {
        self.place(to).saturating_sub(self.place(from))
    }

    /// How many days up to and with `day` are known.
    fn place(&self, day: i64) -> usize {
        self.days.partition_point(|known| *known <= day)
    }
}

/// A count as a number to calculate with; nobody has so many units that it would be rounded.
pub(super) fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}
