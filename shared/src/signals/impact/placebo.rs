//! The same measurement one window earlier, where nothing can have happened.
//!
//! Matched as before, the groups are compared in the window before that of the match: a pseudo-outcome that the playbook cannot
//! have moved (Rosenbaum 1987, *The role of a second control group*; Imbens & Rubin 2015, chapter 21). It is matched on the same
//! window before entry, since those that were chosen for being low there would differ one window earlier however well they compare.

use super::answer::Placebo;
use super::matched::{Matched, matched};
use super::sample::Sample;
use super::variance::spread;

/// How sure it must be that the groups differed before they are called different. One sound measurement of twenty is lost by it;
/// at 99 % only one of a hundred would be, and twice as many unsound ones would pass.
const CONFIDENCE: f64 = 0.95;

/// The placebo of a sample; nothing if history does not reach back for enough of those that entered.
pub(super) fn placebo(sample: &Sample, matches: Matched<'_>, needed: usize) -> Option<Placebo> {
    let earlier = sample.earlier();
    let matched = matches.earlier().or_else(|| matched(&earlier)).filter(|matched| matched.treated >= needed)?;
    let (low, high) = spread(&matched)?.around(matched.effect, CONFIDENCE)?;
    Some(Placebo { effect: matched.effect, low, high, passed: low <= 0.0 && high >= 0.0 })
}
