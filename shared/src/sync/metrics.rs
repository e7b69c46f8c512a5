//! What a run tells CloudWatch: how it stands with the kinds that are mapped. No workspace and no connection is named, so that
//! an alarm watches the worst of all with one metric.

use super::checkpoint::{Checkpoint, RunRecord};
use crate::id::Kind;
use crate::pendo::Trouble;
use crate::telemetry::{Figure, Unit};
use std::collections::BTreeSet;

/// The figures of a run that has ended.
pub(super) fn figures(checkpoint: &Checkpoint, mapped: &BTreeSet<Kind>, run: &RunRecord) -> Vec<Figure> {
    let states = || checkpoint.kinds.iter().filter(|(kind, _)| mapped.contains(kind)).map(|(_, state)| state);
    // A run that was stopped as a whole has read no kind.
    let errors =
        if run.error.is_some() { mapped.len() } else { states().filter(|state| state.error.is_some()).count() };
    let mut figures = vec![
        Figure { name: "Rows", unit: Unit::Count, value: float(run.report.rows) },
        Figure {
            name: "DifferenceEvents",
            unit: Unit::Count,
            value: float(states().map(|state| state.unexplained_difference()).sum()),
        },
        Figure { name: "KindsWithErrors", unit: Unit::Count, value: float(errors as u64) },
        Figure { name: "Dollars", unit: Unit::None, value: run.report.dollars() },
    ];
    // Only what there was: a metric that is never said costs nothing.
    figures.extend(run.report.pendo_troubles.iter().map(|(trouble, count)| Figure {
        name: match trouble {
            Trouble::Refused => "PendoRefused",
            Trouble::RateLimited => "PendoRateLimited",
            Trouble::Unavailable => "PendoUnavailable",
            Trouble::Incomplete => "PendoIncomplete",
            Trouble::Unreadable => "PendoUnreadable",
        },
        unit: Unit::Count,
        value: float(*count),
    }));
    // How far the kind that is furthest behind is behind; a kind that was never read has no lag yet.
    if let Some(oldest) = states().filter_map(|state| state.as_of).min() {
        let minutes = (run.ended_at_ms - oldest.start_ms()).max(0) / 60_000;
        figures.push(Figure { name: "LagMinutes", unit: Unit::None, value: float(minutes.unsigned_abs()) });
    }
    figures
}

#[expect(clippy::cast_precision_loss, reason = "CloudWatch has floats only")]
fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::checkpoint::{KindState, Report};
    use crate::sync::differences::{DayEvents, Differences};
    use crate::time::Hour;

    #[test]
    fn the_worst_of_the_mapped_kinds_is_told_and_small_differences_that_wait_are_not() {
        let state = |as_of: i32, pendo: u64, waits: i64| KindState {
            as_of: Some(Hour(as_of)),
            differences: Differences::of([(1, DayEvents { pendo, stored: 100 })].into()),
            differing: [(30, waits)].into(),
            ..KindState::default()
        };
        let mut checkpoint = Checkpoint::default();
        checkpoint.kinds.insert(Kind::Page, state(99, 103, 3));
        checkpoint.kinds.insert(Kind::Event, KindState { error: Some("503".to_owned()), ..state(97, 90, 0) });
        checkpoint.kinds.insert(Kind::Track, state(1, 500, 0));
        let pendo_troubles = [(Trouble::RateLimited, 3)].into();
        let report = Report { rows: 7, write_units: 8.0, pendo_troubles, ..Report::default() };
        let run = RunRecord { ended_at_ms: Hour(100).start_ms() + 60_000, report, ..RunRecord::default() };
        let said = |run: &RunRecord| {
            let mapped = [Kind::Page, Kind::Event].into();
            figures(&checkpoint, &mapped, run).iter().map(|figure| (figure.name, figure.value)).collect::<Vec<_>>()
        };
        let mut expected = vec![
            ("Rows", 7.0),
            ("DifferenceEvents", 10.0),
            ("KindsWithErrors", 1.0),
            ("Dollars", 8.0 * 0.625e-6),
            ("PendoRateLimited", 3.0),
            ("LagMinutes", 181.0),
        ];
        assert_eq!(said(&run), expected);
        expected[2].1 = 2.0;
        assert_eq!(said(&RunRecord { error: Some("the table".to_owned()), ..run }), expected);
    }
}
