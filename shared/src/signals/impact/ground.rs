//! Where units stand to each other: coordinates in which distances count, and who is near whom.
//!
//! Distances are Mahalanobis': every feature counts in its standard deviations among controls of a day and segment, and what goes
//! together counts once. Along the line on which those that entered differ from the others (Fisher 1936, *The use of multiple
//! measurements in taxonomic problems*) a difference counts [`STRETCH`] times and is limited by a caliper: that is matching by
//! Mahalanobis' distance within calipers of the propensity score (Rosenbaum & Rubin 1985, *Constructing a control group*).

use super::linear::{Matrix, Triangle, Vector, add, add_square, distance, dot, less, mean};
use super::pool::Seen;
use super::sample::{Cell, Sample};
use super::series::number;

/// So many controls are compared with each unit that entered.
const NEIGHBOURS: usize = 4;
/// So many of the nearest controls say how changes go with features, and how much they vary.
const NEAR: usize = 16;
/// So much more a difference counts along the line on which those that entered differ.
const STRETCH: f64 = 3.0;
/// The largest distance of a match along that line, in standard deviations.
const CALIPER: f64 = 0.4;
/// The largest distance of a match at all, in standard deviations and per root of the number of features.
const WIDE_CALIPER: f64 = 1.5;
/// Where not-yet entered units spend more than this share of the window after inside, on average, nobody is compared.
pub(super) const MOST_EXPOSURE: f64 = 0.5;

/// A cell with its units in coordinates in which distances count.
pub(super) struct Ground<'a> {
    pub(super) treated: Vec<Point<'a>>,
    pub(super) controls: Vec<Point<'a>>,
}

/// A unit on a day.
pub(super) struct Point<'a> {
    pub(super) seen: &'a Seen,
    /// Whitened features.
    pub(super) at: Vector,
    /// The place along the line on which those that entered differ.
    score: f64,
    /// The change that is compared.
    pub(super) change: f64,
    /// The share of the effect that a control's change holds.
    pub(super) exposure: f64,
    /// For a treated one 1 if it has matches; for a control its ω.
    pub(super) weight: f64,
    /// How often a control is a match, in parts of a treated unit.
    pub(super) used: f64,
    /// Its nearest controls; for a treated one the nearest first.
    pub(super) near: Vec<usize>,
}

impl Point<'_> {
    fn distance(&self, other: &Self) -> f64 {
        distance(&self.at, &other.at) + (STRETCH * (self.score - other.score)).powi(2)
    }
}

/// The cells of a sample with matches set, and how many of those that entered have some.
pub(super) fn grounds(sample: &Sample) -> (Vec<Ground<'_>>, usize) {
    let scale = scale(sample);
    let mut grounds: Vec<Ground<'_>> = sample.cells.iter().map(|cell| Ground::of(cell, &scale)).collect();
    score(&mut grounds);
    let features = sample.treated().next().map_or(1, |seen| seen.count);
    let paired = grounds.iter_mut().map(|ground| ground.pair(features)).sum();
    (grounds, paired)
}

/// How features vary and go together among controls of a cell; where controls do not vary, among all.
fn scale(sample: &Sample) -> Triangle {
    let mut matrices = [Matrix::default(); 2];
    let mut freedom = [0.0, 0.0];
    for cell in &sample.cells {
        for (which, treated) in [&[], cell.treated.as_slice()].into_iter().enumerate() {
            let all = || cell.controls.iter().chain(treated).map(|seen| &seen.features);
            let Some(mean) = mean(all()) else { continue };
            all().for_each(|features| add_square(&mut matrices[which], &less(*features, &mean)));
            freedom[which] += number(all().count() - 1);
        }
    }
    let [mut among, whole] = matrices;
    for (at, row) in among.iter_mut().enumerate() {
        row.iter_mut().for_each(|value| *value /= f64::max(freedom[0], 1.0));
        if row[at] <= 0.0 {
            row[at] = whole[at][at] / f64::max(freedom[1], 1.0);
        }
    }
    Triangle::of(&among, 1e-3)
}

/// Sets every point's place along the line on which those that entered differ.
fn score(grounds: &mut [Ground<'_>]) {
    let mut line = Vector::default();
    for ground in grounds.iter() {
        let Some(centre) = mean(ground.controls.iter().map(|point| &point.at)) else { continue };
        ground.treated.iter().for_each(|point| add(&mut line, &less(point.at, &centre), 1.0));
    }
    let length = dot(&line, &line).sqrt();
    for point in grounds.iter_mut().flat_map(|ground| ground.treated.iter_mut().chain(&mut ground.controls)) {
        point.score = if length > 0.0 { dot(&line, &point.at) / length } else { 0.0 };
    }
}

impl<'a> Ground<'a> {
    fn of(cell: &'a Cell, scale: &Triangle) -> Self {
        let point = |seen: &'a Seen| Point {
            seen,
            at: scale.whiten(&seen.features),
            score: 0.0,
            change: seen.change,
            exposure: seen.exposure,
            weight: 0.0,
            used: 0.0,
            near: Vec::new(),
        };
        Self { treated: cell.treated.iter().map(point).collect(), controls: cell.controls.iter().map(point).collect() }
    }

    /// The nearest controls to a point, with the squares of their distances, without the one that is the point.
    fn nearest<'n>(
        &self,
        to: &Point<'_>,
        without: Option<usize>,
        far: &'n mut Vec<(f64, usize)>,
    ) -> &'n mut [(f64, usize)] {
        far.clear();
        for (other, point) in self.controls.iter().enumerate() {
            if Some(other) != without {
                far.push((point.distance(to), other));
            }
        }
        if far.len() > NEAR {
            far.select_nth_unstable_by(NEAR - 1, order);
        }
        let count = far.len().min(NEAR);
        &mut far[..count]
    }

    /// Gives each treated unit its matches, and says how many have some.
    fn pair(&mut self, features: usize) -> usize {
        let exposure: f64 = self.controls.iter().map(|point| point.exposure).sum();
        if self.controls.len() < NEIGHBOURS || exposure > MOST_EXPOSURE * number(self.controls.len()) {
            return 0;
        }
        let (mut paired, mut far) = (0, Vec::with_capacity(self.controls.len()));
        for at in 0..self.treated.len() {
            let near = self.nearest(&self.treated[at], None, &mut far);
            near.sort_unstable_by(order);
            let point = &mut self.treated[at];
            let is_close = |other: &usize| {
                let other = &self.controls[*other];
                let wide = WIDE_CALIPER * WIDE_CALIPER * number(features);
                (other.score - point.score).abs() <= CALIPER && distance(&other.at, &point.at) <= wide
            };
            let matches: Vec<usize> = near.iter().map(|(_, other)| *other).filter(is_close).take(NEIGHBOURS).collect();
            if matches.is_empty() {
                continue;
            }
            point.near = near.iter().map(|(_, other)| *other).collect();
            (point.weight, paired) = (1.0, paired + 1);
            for other in &matches {
                self.controls[*other].used += 1.0 / number(matches.len());
            }
        }
        paired
    }

    /// Finds the nearest controls of every control that has a weight.
    pub(super) fn look_around(&mut self) {
        let mut far = Vec::with_capacity(self.controls.len());
        for at in 0..self.controls.len() {
            if self.controls[at].weight.abs() > 1e-9 {
                let near = self.nearest(&self.controls[at], Some(at), &mut far);
                self.controls[at].near = near.iter().map(|(_, other)| *other).collect();
            }
        }
    }
}

fn order(left: &(f64, usize), right: &(f64, usize)) -> std::cmp::Ordering {
    left.0.total_cmp(&right.0).then(left.1.cmp(&right.1))
}
