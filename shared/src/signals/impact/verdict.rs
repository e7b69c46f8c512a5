//! What can be concluded, and when nothing can.

use super::answer::{Balance, Estimate, Verdict};
use super::ask::Question;
use super::balance::{balance, worst};
use super::matched::{Matched, matched};
use super::placebo::placebo;
use super::pool::Pool;
use super::said;
use super::sample::Sample;
use super::series::number;
use super::variance::spread;
use std::collections::BTreeSet;

/// At least this share of those that entered must have matches; else the effect would be that on others.
const LEAST_MATCHED: f64 = 0.8;

/// Judges a sample.
pub(super) fn verdict(question: &Question, pool: &Pool<'_>, sample: &Sample) -> Verdict {
    let (measured, needed) = (sample.treated().count(), question.needed());
    if measured < needed {
        return Verdict::NotEnoughData { measured, needed };
    }
    let (matched, balance) = match comparable(question, pool, sample) {
        Ok(found) => found,
        Err((why, balance)) => return Verdict::NoComparableControls { why, balance },
    };
    let (estimate, controls) = (estimate(question, &matched), different(&matched));
    let placebo = placebo(sample, matched, needed);
    if let Some(failed) = placebo.filter(|placebo| !placebo.passed) {
        let moved = said::short(failed.effect);
        let why = format!(
            "The groups did not move in parallel before: they drew apart by {moved} when nothing had happened yet."
        );
        return Verdict::NoComparableControls { why, balance };
    }
    let Some(Estimate { effect, low, high, confidence, treated }) = estimate else {
        let why = "The controls are too few, or too seldom different ones, to say how sure an effect is.".to_owned();
        return Verdict::NoComparableControls { why, balance };
    };
    let said = said::effect(&Estimate { effect, low, high, confidence, treated });
    Verdict::Measured { effect, low, high, confidence, treated, controls, balance, placebo, said }
}

/// The effect without participants that were in other playbooks, by the same rules.
pub(super) fn without_others(question: &Question, pool: &Pool<'_>, sample: &Sample) -> Option<Estimate> {
    let alone = sample.alone();
    let (matched, _) = comparable(question, pool, &alone).ok()?;
    estimate(question, &matched)
}

/// The matches, if they are enough and alike; else why not.
fn comparable<'a>(
    question: &Question,
    pool: &Pool<'_>,
    sample: &'a Sample,
) -> Result<(Matched<'a>, Vec<Balance>), (String, Vec<Balance>)> {
    let (all, needed) = (sample.treated().count(), question.needed());
    let Some(matched) = matched(sample) else {
        return Err((
            "No unit that had not entered resembles those that did on the day they did.".to_owned(),
            Vec::new(),
        ));
    };
    let balance = balance(pool, &matched);
    let treated = matched.treated;
    if treated < needed || number(treated) < LEAST_MATCHED * number(all) {
        let why =
            format!("Only {treated} of {all} participants resemble units that had not entered on the day they did.");
        return Err((why, balance));
    }
    let controls = different(&matched);
    if controls < needed {
        return Err((
            format!("Only {controls} different units are left to compare with; {needed} are needed."),
            balance,
        ));
    }
    if let Some(worst) = worst(&balance) {
        let (far, what) = (said::short(worst.difference.abs()), &worst.what);
        let why = format!("The groups remain {far} standard deviations apart after matching in: {what}.");
        return Err((why, balance));
    }
    Ok((matched, balance))
}

fn estimate(question: &Question, matched: &Matched<'_>) -> Option<Estimate> {
    let (effect, confidence) = (matched.effect, question.sure());
    let (low, high) = spread(matched)?.around(effect, confidence)?;
    Some(Estimate { effect, low, high, confidence, treated: matched.treated })
}

/// How many different units are matches.
fn different(matched: &Matched<'_>) -> usize {
    let controls = matched.grounds.iter().flat_map(|ground| &ground.controls);
    controls.filter(|point| point.used > 0.0).map(|point| point.seen.unit).collect::<BTreeSet<_>>().len()
}
