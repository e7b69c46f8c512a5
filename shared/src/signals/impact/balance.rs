//! How far the groups are apart after matching.
//!
//! The standardised mean difference (Rosenbaum & Rubin 1985, *Constructing a control group*; Stuart 2010, *Matching methods for causal
//! inference*): the difference of the means over `√((s²_treated + s²_pool)/2)`, both variances those before matching and within
//! segments. Below 0.1 nobody sees it; up to 0.25 the regression corrects it well (Imbens & Rubin 2015, *Causal inference*, chapter
//! 14); beyond that the answer would be the regression's and not the data's.

use super::answer::Balance;
use super::matched::Matched;
use super::pool::{Pool, Seen};
use super::series::number;

/// The largest difference that is corrected rather than declined, in standard deviations.
const LARGEST: f64 = 0.25;
/// What a difference is said to be where nothing varies and the groups differ all the same.
const BEYOND: f64 = 99.0;

/// One thing that is compared.
pub(super) struct Aspect {
    /// Its name.
    pub(super) what: &'static str,
    of: Of,
    /// It is measured in the outcome's unit from the pool's centre.
    is_level: bool,
}

enum Of {
    Before,
    Last,
    Trend,
    Other(usize),
}

impl Aspect {
    /// All that units are compared by.
    pub(super) fn all(pool: &Pool<'_>) -> Vec<Self> {
        let mut all = vec![Self { what: "level before", of: Of::Before, is_level: true }];
        if pool.parts > 1 {
            all.push(Self { what: "last week before", of: Of::Last, is_level: true });
            all.push(Self { what: "trend before", of: Of::Trend, is_level: false });
        }
        for (at, (_, _, what)) in pool.pasts().iter().enumerate() {
            all.push(Self { what, of: Of::Other(pool.parts + pool.others.len() + at), is_level: true });
        }
        let others = pool.others.iter().enumerate();
        all.extend(others.map(|(at, what)| Self { what, of: Of::Other(pool.parts + at), is_level: false }));
        all
    }

    /// What a unit has of it.
    pub(super) fn of(&self, pool: &Pool<'_>, seen: &Seen) -> f64 {
        let feature = |at: usize| seen.features.get(at).copied().unwrap_or_default();
        match self.of {
            Of::Before => seen.before,
            Of::Last => feature(0),
            Of::Trend => feature(0) - feature(pool.parts.saturating_sub(1)),
            Of::Other(at) => feature(at),
        }
    }
}

/// The mean, and the squares around it, of numbers with weights.
fn moments(numbers: impl Iterator<Item = (f64, f64)> + Clone) -> (f64, f64) {
    let weight: f64 = numbers.clone().map(|(_, weight)| weight).sum();
    let mean = numbers.clone().map(|(value, weight)| value * weight).sum::<f64>() / weight;
    (mean, numbers.map(|(value, weight)| weight * (value - mean) * (value - mean)).sum())
}

/// Every aspect after matching.
pub(super) fn balance(pool: &Pool<'_>, matched: &Matched<'_>) -> Vec<Balance> {
    let rows = Aspect::all(pool).into_iter().map(|aspect| {
        let (mut squares, mut freedom) = ([0.0, 0.0], [0.0, 0.0]);
        let mut means = [0.0, 0.0];
        for ground in &matched.grounds {
            for (which, points) in [&ground.treated, &ground.controls].into_iter().enumerate() {
                let values = points.iter().map(|point| (aspect.of(pool, point.seen), 1.0));
                squares[which] += if points.is_empty() { 0.0 } else { moments(values).1 };
                freedom[which] += number(points.len().saturating_sub(1));
                let used = points.iter().map(|point| if which == 0 { point.weight } else { point.used });
                means[which] +=
                    points.iter().zip(used).map(|(point, used)| used * aspect.of(pool, point.seen)).sum::<f64>();
            }
        }
        let variance = |which: usize| squares[which] / f64::max(freedom[which], 1.0);
        let deviation = if freedom[0] < 1.0 { variance(1) } else { f64::midpoint(variance(0), variance(1)) }.sqrt();
        let [treated, controls] = means.map(|sum| sum / number(matched.treated));
        let gap = treated - controls;
        let tiny = 1e-9 * (1.0 + treated.abs().max(controls.abs()));
        let difference = if gap.abs() <= tiny { 0.0 } else { (gap / deviation).clamp(-BEYOND, BEYOND) };
        let shift = if aspect.is_level { pool.centre } else { 0.0 };
        Balance { what: aspect.what.to_owned(), treated: treated + shift, controls: controls + shift, difference }
    });
    rows.collect()
}

/// The aspect that differs beyond what is corrected.
pub(super) fn worst(balance: &[Balance]) -> Option<&Balance> {
    let worst = balance.iter().max_by(|left, right| left.difference.abs().total_cmp(&right.difference.abs()))?;
    Some(worst).filter(|worst| worst.difference.abs() > LARGEST)
}
