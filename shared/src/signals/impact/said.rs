//! What is said in words.

use super::answer::Estimate;

/// A number with three digits that count.
pub(super) fn short(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let size = value.abs();
    if !(1e-4..1e9).contains(&size) {
        return format!("{value:.2e}");
    }
    let digits = [100.0, 10.0, 1.0, 0.1, 0.01, 0.001].iter().take_while(|limit| size < **limit).count();
    format!("{value:.digits$}")
}

/// An effect in one sentence.
pub(super) fn effect(estimate: &Estimate) -> String {
    let percent = (estimate.confidence * 1_000.0).round() / 10.0;
    let (low, high) = (short(estimate.low), short(estimate.high));
    if estimate.low <= 0.0 && estimate.high >= 0.0 {
        return format!("No effect that could be told from chance ({percent} % interval from {low} to {high}).");
    }
    let what = if estimate.effect > 0.0 { "raised" } else { "lowered" };
    let by = short(estimate.effect.abs());
    format!("The playbook {what} the outcome by {by} ({percent} % interval of the effect from {low} to {high}).")
}
