//! How sure an effect is.
//!
//! The plain bootstrap is not valid for matching with a fixed number of neighbours (Abadie & Imbens 2008, *On the failure of the
//! bootstrap for matching estimators*). What is taken is the variance of the linearised residuals (Abadie & Imbens 2006, *Large
//! sample properties of matching estimators*, theorem 7; the form by residuals as in Otsu & Rai 2017, *Bootstrap inference of
//! matching estimators*), added up by unit before they are squared, as a unit may be a control on many days and may enter after that
//! (Liang & Zeger 1986):
//!
//! ```text
//! ψ_u = Σ_{i of u} e_i − Σ_{j of u} ω_j e_j        V = N/(N−1) · Σ_u ψ_u² / (N · shown)²
//! e   = √(K/(K+1)) · [ Y − mean of the K nearest controls, moved by β̂ to the same features ]
//! ```
//!
//! where a treated unit's `Y` is less τ̂, and a control's less its share of it. The interval is by Student's t with the degrees of
//! freedom that weights of this kind leave (Satterthwaite 1946; for clusters Bell & McCaffrey 2002): `(Σ_u a_u)² / Σ_u a_u²`, where
//! `a_u` is the sum of the squares of the unit's weights.

use super::ground::{Ground, Point};
use super::linear::dot;
use super::matched::Matched;
use super::series::number;
use statrs::distribution::{ContinuousCDF, StudentsT};
use std::collections::BTreeMap;

/// How far an effect may be off.
#[derive(Clone, Copy)]
pub(super) struct Spread {
    /// The standard error, in the outcome's unit.
    pub(super) error: f64,
    /// Degrees of freedom.
    pub(super) freedom: f64,
}

impl Spread {
    /// The interval around an effect.
    pub(super) fn around(&self, effect: f64, confidence: f64) -> Option<(f64, f64)> {
        let student = StudentsT::new(0.0, 1.0, self.freedom).ok()?;
        let half =
            if self.error > 0.0 { student.inverse_cdf(f64::midpoint(1.0, confidence)) * self.error } else { 0.0 };
        (half.is_finite() && effect.is_finite()).then_some((effect - half, effect + half))
    }
}

/// The spread of a matched effect; nothing where too few units carry it.
pub(super) fn spread(matched: &Matched<'_>) -> Option<Spread> {
    let mut units: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
    let mut note = |point: &Point<'_>, weight: f64, residual: f64| {
        let unit = units.entry(point.seen.unit).or_default();
        unit.0 += weight * residual;
        unit.1 += weight * weight;
    };
    for ground in &matched.grounds {
        for point in ground.treated.iter().filter(|point| point.weight > 0.0) {
            note(point, 1.0, residual(matched, ground, point, point.change - matched.effect));
        }
        for point in ground.controls.iter().filter(|point| !point.near.is_empty()) {
            note(point, -point.weight, residual(matched, ground, point, bare(matched, point)));
        }
    }
    let treated = number(matched.treated);
    let squares: f64 = units.values().map(|(sum, _)| sum * sum).sum();
    let (all, each) =
        units.values().fold((0.0, 0.0), |(all, each), (_, weight)| (all + weight, each + weight * weight));
    let error = (squares * treated / (treated - 1.0)).sqrt() / (treated * matched.shown);
    let freedom = all * all / each - 1.0;
    (error.is_finite() && freedom.is_finite() && freedom > 1.0).then_some(Spread { error, freedom })
}

/// A control's change without what it spent in the playbook.
fn bare(matched: &Matched<'_>, point: &Point<'_>) -> f64 {
    point.change - matched.effect * point.exposure
}

/// What a change is beyond that of the nearest controls.
fn residual(matched: &Matched<'_>, ground: &Ground<'_>, point: &Point<'_>, own: f64) -> f64 {
    let place = dot(&matched.slopes, &point.at);
    let others = point.near.iter().map(|other| {
        let other = &ground.controls[*other];
        bare(matched, other) + place - dot(&matched.slopes, &other.at)
    });
    let count = number(point.near.len());
    if point.near.is_empty() { own } else { (own - others.sum::<f64>() / count) * (count / (count + 1.0)).sqrt() }
}
