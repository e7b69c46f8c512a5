//! Those that entered beside those that were held out by lot.
//!
//! The difference of the mean changes with Welch's interval (Welch 1947, *The generalization of "Student's" problem when several
//! different population variances are involved*): the error is `√(s₁²/n₁ + s₂²/n₂)`, Student's t has
//! `(s₁²/n₁ + s₂²/n₂)² / ( (s₁²/n₁)²/(n₁−1) + (s₂²/n₂)²/(n₂−1) )` degrees of freedom.

use super::answer::HoldOut;
use super::ask::Question;
use super::sample::Sample;
use super::series::number;
use super::variance::Spread;

/// The comparison; nothing if an arm has less than half of the participants that are asked for.
pub(super) fn hold_out(question: &Question, sample: &Sample) -> Option<HoldOut> {
    let enrolled: Vec<f64> = sample.treated().map(|seen| seen.change).collect();
    let held_out: Vec<f64> = sample.held_out.iter().map(|seen| seen.change).collect();
    let needed = question.needed().div_ceil(2).max(2);
    if enrolled.len() < needed || held_out.len() < needed {
        return None;
    }
    let (left, right) = (Arm::of(&enrolled), Arm::of(&held_out));
    let error = (left.square + right.square).sqrt();
    let parts = left.square * left.square / left.freedom + right.square * right.square / right.freedom;
    let freedom = if parts > 0.0 { error.powi(4) / parts } else { left.freedom + right.freedom };
    let (effect, confidence) = (left.mean - right.mean, question.sure());
    let (low, high) = Spread { error, freedom }.around(effect, confidence)?;
    Some(HoldOut { effect, low, high, confidence, enrolled: enrolled.len(), held_out: held_out.len() })
}

struct Arm {
    mean: f64,
    /// The square of the mean's error.
    square: f64,
    freedom: f64,
}

impl Arm {
    fn of(changes: &[f64]) -> Self {
        let (count, freedom) = (number(changes.len()), number(changes.len().saturating_sub(1)));
        let mean = changes.iter().sum::<f64>() / count;
        let squares: f64 = changes.iter().map(|change| (change - mean) * (change - mean)).sum();
        Self { mean, square: squares / freedom / count, freedom }
    }
}
