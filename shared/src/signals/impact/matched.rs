//! The effect by matched controls: what remains of the difference.
//!
//! Each unit that entered is compared with the nearest units of the same day, segment and stage that had not (with replacement). The
//! outcome is the change from the window before to the one after. What matching leaves of a difference in features is corrected by a
//! regression among the nearest controls (Abadie & Imbens 2011, *Bias-corrected matching estimators for average treatment effects*):
//!
//! ```text
//! τ̂ = 1/N Σ_i [ Y_i − 1/M Σ_{j∈M(i)} ( Y_j + β̂'(x_i − x_j) ) ]
//! ```
//!
//! As β̂ is linear in the controls' changes, so is all of τ̂: `N τ̂ = Σ_i Y_i − Σ_j ω_j Y_j`. The weights ω are what is kept here.
//!
//! Controls may enter later. A control that spent the share `f` of its window after inside has `f` of the effect in its change
//! (Robins 1994, *Correcting for non-compliance in randomized trials using structural nested mean models*, with a constant
//! effect), so τ̂ is divided by `1 − Σ_j ω_j f_j / N`.

use super::ground::{Ground, MOST_EXPOSURE, Point, grounds};
use super::linear::{Matrix, Triangle, Vector, add, add_square, dot, less, mean};
use super::sample::Sample;
use super::series::number;

/// What matching came to.
pub(super) struct Matched<'a> {
    pub(super) grounds: Vec<Ground<'a>>,
    /// So many that entered have matches.
    pub(super) treated: usize,
    /// The squares of the regression among the nearest controls.
    squares: Triangle,
    /// How changes go with whitened features.
    pub(super) slopes: Vector,
    /// The effect.
    pub(super) effect: f64,
    /// What of the effect the difference shows: 1 less the controls' share of it.
    pub(super) shown: f64,
}

/// Matches a sample. Nothing if nobody has a match, or if controls were in the playbook too before long.
pub(super) fn matched(sample: &Sample) -> Option<Matched<'_>> {
    let (mut grounds, treated) = grounds(sample);
    if treated == 0 {
        return None;
    }
    let squares = weigh(&mut grounds);
    grounds.iter_mut().for_each(Ground::look_around);
    Matched { grounds, treated, squares, slopes: Vector::default(), effect: 0.0, shown: 1.0 }.compared()
}

impl Matched<'_> {
    /// The same matches with the change into the window before; nothing if that is not known of all of them.
    pub(super) fn earlier(mut self) -> Option<Self> {
        for ground in &mut self.grounds {
            for point in ground.treated.iter_mut().chain(&mut ground.controls) {
                (point.change, point.exposure) = (point.seen.earlier?, 0.0);
            }
        }
        self.compared()
    }

    /// Compares the changes.
    fn compared(mut self) -> Option<Self> {
        let (mut gap, mut exposure, mut moment) = (0.0, 0.0, Vector::default());
        for ground in &self.grounds {
            for point in ground.treated.iter().filter(|point| point.weight > 0.0) {
                let (centre, change) = around(ground, point);
                for near in point.near.iter().map(|other| &ground.controls[*other]) {
                    add(&mut moment, &less(near.at, &centre), near.change - change);
                }
                gap += point.change;
            }
            gap -= ground.controls.iter().map(|point| point.weight * point.change).sum::<f64>();
            exposure += ground.controls.iter().map(|point| point.weight * point.exposure).sum::<f64>();
        }
        self.slopes = self.squares.solve(&moment);
        self.shown = 1.0 - exposure / number(self.treated);
        self.effect = gap / number(self.treated) / self.shown;
        (self.shown >= 1.0 - MOST_EXPOSURE && self.effect.is_finite()).then_some(self)
    }
}

/// The means of features and changes of a point's nearest controls.
fn around(ground: &Ground<'_>, point: &Point<'_>) -> (Vector, f64) {
    let near = || point.near.iter().map(|other| &ground.controls[*other]);
    let change = near().map(|near| near.change).sum::<f64>() / number(point.near.len().max(1));
    (mean(near().map(|near| &near.at)).unwrap_or_default(), change)
}

/// Sets every control's ω and gives the squares of the regression among the nearest controls, each around its own treated unit.
fn weigh(grounds: &mut [Ground<'_>]) -> Triangle {
    let (mut square, mut gap) = (Matrix::default(), Vector::default());
    for ground in grounds.iter() {
        for point in ground.treated.iter().filter(|point| point.weight > 0.0) {
            let (centre, _) = around(ground, point);
            point.near.iter().for_each(|other| add_square(&mut square, &less(ground.controls[*other].at, &centre)));
            add(&mut gap, &point.at, 1.0);
        }
        ground.controls.iter().for_each(|point| add(&mut gap, &point.at, -point.used));
    }
    let squares = Triangle::of(&square, 1e-6);
    let pull = squares.solve(&gap);
    for Ground { treated, controls } in grounds.iter_mut() {
        controls.iter_mut().for_each(|point| point.weight = point.used);
        for point in treated.iter().filter(|point| point.weight > 0.0) {
            let centre = mean(point.near.iter().map(|other| &controls[*other].at)).unwrap_or_default();
            for other in &point.near {
                controls[*other].weight += dot(&pull, &less(controls[*other].at, &centre));
            }
        }
    }
    squares
}
