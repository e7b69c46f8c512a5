//! Before and after of participants alone, and how much of it the mean would have brought.

use super::answer::{BeforeAndAfter, RegressionToTheMean};
use super::balance::Aspect;
use super::linear::{Matrix, Triangle, Vector, add, add_square, dot, less, mean};
use super::pool::{Pool, Seen};
use super::said::short;
use super::sample::Sample;
use super::series::number;

/// From so many standard deviations on participants stand out.
const STANDS_OUT: f64 = 0.5;

/// Means of participants on both sides of entry.
pub(super) fn before_and_after(pool: &Pool<'_>, sample: &Sample) -> Option<BeforeAndAfter> {
    let count = number(sample.treated().count());
    let before = sample.treated().map(|seen| seen.before).sum::<f64>() / count + pool.centre;
    let change = sample.treated().map(|seen| seen.change).sum::<f64>() / count;
    let percent = Some(change / before.abs() * 100.0).filter(|percent| percent.is_finite() && percent.abs() < 1e9);
    let said = "This compares participants with themselves and with nobody else. Whatever moved everybody is credited to the \
                playbook, and so is regression to the mean: who enters on a bad week looks better afterwards anyway.";
    let told =
        BeforeAndAfter { before, after: before + change, change, change_percent: percent, said: said.to_owned() };
    (before.is_finite() && change.is_finite()).then_some(told)
}

/// How far participants stood from units that had not entered on the same day, in the aspect in which it is most; and the
/// part of their change that the slopes of those units bring from there: `β̂'(x̄_participants − x̄_pool)`, β̂ by least squares within
/// day and segment (Galton 1886, *Regression towards mediocrity in hereditary stature*; Barnett et al. 2005, *Regression to the mean:
/// what it is and how to deal with it*).
pub(super) fn regression_to_the_mean(pool: &Pool<'_>, sample: &Sample) -> Option<RegressionToTheMean> {
    let (aspect, deviations) = Aspect::all(pool)
        .into_iter()
        .filter(|aspect| !pool.others.contains(&aspect.what))
        .filter_map(|aspect| deviations(sample, |seen| aspect.of(pool, seen)).map(|far| (aspect, far)))
        .max_by(|left, right| left.1.abs().total_cmp(&right.1.abs()))?;
    let explained = explained(pool, sample).filter(|explained| explained.is_finite())?;
    if deviations.abs() < STANDS_OUT {
        return None;
    }
    let side = if deviations < 0.0 { "below" } else { "above" };
    let said = format!(
        "On entry participants stood {} standard deviations {side} comparable units in: {}. Units that had not entered moved by \
         {} from such a place; so much of before and after is no achievement.",
        short(deviations.abs()),
        aspect.what,
        short(explained)
    );
    Some(RegressionToTheMean { what: aspect.what.to_owned(), deviations, explained, said })
}

/// The mean distance from the mean of the cell's controls, in standard deviations within cells.
fn deviations(sample: &Sample, of: impl Fn(&Seen) -> f64) -> Option<f64> {
    let (mut gap, mut count, mut squares, mut freedom) = (0.0, 0.0, 0.0, 0.0);
    for cell in sample.cells.iter().filter(|cell| cell.controls.len() > 1) {
        let mean = cell.controls.iter().map(&of).sum::<f64>() / number(cell.controls.len());
        squares += cell.controls.iter().map(|seen| (of(seen) - mean) * (of(seen) - mean)).sum::<f64>();
        freedom += number(cell.controls.len() - 1);
        gap += cell.treated.iter().map(|seen| of(seen) - mean).sum::<f64>();
        count += number(cell.treated.len());
    }
    Some(gap / count / (squares / freedom).sqrt()).filter(|far| far.is_finite())
}

/// What the slopes of those that had not entered say of the participants' change.
fn explained(pool: &Pool<'_>, sample: &Sample) -> Option<f64> {
    // Only the outcome's own past: size and tenure are no means to regress to.
    let own =
        |seen: &Seen| -> Vector { std::array::from_fn(|at| if at < pool.parts { seen.features[at] } else { 0.0 }) };
    let (mut square, mut moment, mut gap) = (Matrix::default(), Vector::default(), Vector::default());
    let mut count = 0.0;
    for cell in sample.cells.iter().filter(|cell| cell.controls.len() > 1) {
        let change = cell.controls.iter().map(|seen| seen.change).sum::<f64>() / number(cell.controls.len());
        let centre = mean(cell.controls.iter().map(own).collect::<Vec<_>>().iter())?;
        for seen in &cell.controls {
            let rest = less(own(seen), &centre);
            add_square(&mut square, &rest);
            add(&mut moment, &rest, seen.change - change);
        }
        for seen in &cell.treated {
            add(&mut gap, &less(own(seen), &centre), 1.0);
            count += 1.0;
        }
    }
    Some(dot(&Triangle::of(&square, 1e-6).solve(&moment), &gap) / count)
}
