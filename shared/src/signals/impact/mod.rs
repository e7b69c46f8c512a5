//! The impact of a playbook: what it did to an outcome of those that entered.
//!
//! Who enters a playbook is chosen, most often for being low, and who is low recovers. So participants are compared with units
//! that looked the same on the same day and had not entered ([`measure`]); where there are none, that is the answer. How it is done, with
//! sources and with how often its intervals hold the truth, stands in `docs/impact.md`.

mod answer;
mod ask;
mod balance;
mod ground;
mod hold_out;
mod linear;
mod matched;
mod placebo;
mod pool;
mod prepost;
mod said;
mod sample;
mod series;
mod variance;
mod verdict;

#[cfg(test)]
mod exact;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod world;
#[cfg(test)]
mod worlds;

pub use answer::{
    Balance, BeforeAndAfter, Contamination, Estimate, HoldOut, Impact, Placebo, RegressionToTheMean, Verdict,
};
pub use ask::{Entry, Question, Unit};

use pool::Pool;
use sample::Sample;
use series::number;

/// So many days after its exit a participant may still meet the objective.
const MET_AFTER_EXIT_DAYS: i64 = 30;

/// Measures what a playbook did.
///
/// Entries of units that are not there are passed over. Only a unit's first entry is compared: what it was before a later one is
/// already the playbook's doing.
#[must_use]
pub fn measure(question: &Question, units: &[Unit], entries: &[Entry]) -> Impact {
    let pool = Pool::new(question, units, entries);
    let sample = Sample::of(question, &pool);
    let participants: Vec<&Entry> =
        entries.iter().filter(|entry| entry.unit < units.len() && !entry.is_held_out).collect();
    let met = participants.iter().filter(|entry| is_met(entry)).count();
    let verdict = verdict::verdict(question, &pool, &sample);
    let others = sample.treated().filter(|seen| seen.in_others).count();
    let is_measured = matches!(verdict, Verdict::Measured { .. });
    let without = (is_measured && others > 0).then(|| verdict::without_others(question, &pool, &sample)).flatten();
    Impact {
        participants: participants.len(),
        measured: sample.treated().count(),
        met_objective: (question.has_objective && !participants.is_empty())
            .then(|| number(met) / number(participants.len())),
        before_and_after: prepost::before_and_after(&pool, &sample),
        regression_to_the_mean: prepost::regression_to_the_mean(&pool, &sample),
        contamination: Contamination { participants: others, without },
        hold_out: hold_out::hold_out(question, &sample),
        verdict,
    }
}

/// The objective was met between entry and 30 days after exit.
fn is_met(entry: &Entry) -> bool {
    entry.met.is_some_and(|met| {
        let last = entry.exited.map_or(i64::MAX, |exited| i64::from(exited) + MET_AFTER_EXIT_DAYS);
        met >= entry.entered && i64::from(met) <= last
    })
}
