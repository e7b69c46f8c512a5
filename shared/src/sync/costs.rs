//! What a connection costs: the requests of its runs to the table by UTC day, and its key's secret.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Days that are kept.
const DAYS_KEPT: usize = 31;
/// Whole days that a month is reckoned from, at most.
const DAYS_RECKONED: usize = 7;
/// Dollars of a secret a month.
const SECRET_DOLLARS: f64 = 0.40;
/// Days of a month.
const MONTH_DAYS: f64 = 30.0;

/// Dollars by UTC day, counted from 1970.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Costs(BTreeMap<i32, f64>);

/// What a connection costs, for people.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub struct CostReport {
    /// What the runs of the last thirty days, and today's, have asked of the table, in dollars.
    pub last_30_days: f64,
    /// Dollars a month at the rate of the last whole days, at most seven, with the key's secret. The first day is left out, since
    /// history was read then; null before there is another one.
    pub a_month: Option<f64>,
    /// What is in it.
    pub counts: &'static str,
}

impl Costs {
    /// Takes in what a run has cost.
    pub(super) fn add(&mut self, day: i32, dollars: f64) {
        *self.0.entry(day).or_default() += dollars;
        while self.0.len() > DAYS_KEPT {
            self.0.pop_first();
        }
    }

    /// What is told of it on a day; `None` before the first run.
    #[must_use]
    pub fn report(&self, today: i32) -> Option<CostReport> {
        let first = *self.0.keys().next()?;
        let whole: Vec<f64> =
            (first + 1..today).rev().take(DAYS_RECKONED).map(|day| self.0.get(&day).copied().unwrap_or(0.0)).collect();
        #[expect(clippy::cast_precision_loss, reason = "at most seven")]
        let a_day = (!whole.is_empty()).then(|| whole.iter().sum::<f64>() / whole.len() as f64);
        let recent = self.0.range(today - 30..).map(|(_, dollars)| dollars).sum();
        Some(CostReport {
            last_30_days: rounded(recent),
            a_month: a_day.map(|dollars| rounded(dollars * MONTH_DAYS + SECRET_DOLLARS)),
            counts: "the runs' requests to the table at public on-demand prices, and the key's secret; not storage, Lambda, logs or the API",
        })
    }
}

/// To a hundredth of a cent.
fn rounded(dollars: f64) -> f64 {
    (dollars * 1e4).round() / 1e4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_reckoned_from_whole_days_after_the_first() {
        let mut costs = Costs::default();
        assert_eq!(costs.report(100), None);
        costs.add(100, 5.0);
        let told = |costs: &Costs, today| costs.report(today).map(|told| (told.last_30_days, told.a_month)).unwrap();
        assert_eq!(told(&costs, 100), (5.0, None));
        assert_eq!(told(&costs, 101), (5.0, None), "the first day read history");
        (0..24).for_each(|_| costs.add(101, 0.001));
        assert_eq!(told(&costs, 102), (5.024, Some(1.12)));
        costs.add(102, 0.024);
        assert_eq!(told(&costs, 104), (5.048, Some(0.88)), "a day without runs cost nothing");
        (105..200).for_each(|day| costs.add(day, 0.01));
        assert_eq!(costs.0.len(), DAYS_KEPT);
        assert_eq!(told(&costs, 200), (0.3, Some(0.7)));
    }
}
