//! The circuit breaker: a connection whose Pendo does not answer rests, longer each time, and is not asked by the schedule.

use crate::time::HOUR_MS;
use serde::{Deserialize, Serialize};

/// Runs in a row that end without an answer before the connection rests.
const RUNS_BEFORE_REST: u32 = 3;
/// The longest rest, in hours.
const REST_HOURS_MAX: i64 = 6;

/// What a run learned of whether Pendo is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It answered.
    Answer,
    /// It did not, and why.
    Silence(String),
    /// It was not asked, or the run ended for another reason.
    Nothing,
}

/// Runs in a row that ended because Pendo was not available.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Outage {
    /// How many.
    pub runs: u32,
    /// When the first of them ended, ms since 1970.
    pub since_ms: i64,
    /// Until when the schedule's ticks are skipped, ms since 1970; `None` while it is too early for that.
    pub until_ms: Option<i64>,
    /// What the last of them met.
    pub detail: String,
}

impl Outage {
    /// What stands after a run.
    #[must_use]
    pub fn after(before: Option<&Self>, heard: &Heard, now_ms: i64) -> Option<Self> {
        let detail = match heard {
            Heard::Answer => return None,
            Heard::Nothing => return before.cloned(),
            Heard::Silence(detail) => detail.clone(),
        };
        let runs = before.map_or(0, |before| before.runs).saturating_add(1);
        let since_ms = before.map_or(now_ms, |before| before.since_ms);
        let hours = |rests: u32| (1i64 << rests.min(10)).min(REST_HOURS_MAX);
        let until_ms = runs.checked_sub(RUNS_BEFORE_REST).map(|rests| now_ms + hours(rests) * HOUR_MS);
        Some(Self { runs, since_ms, until_ms, detail })
    }

    /// Whether a tick for this time is skipped.
    #[must_use]
    pub fn rests(&self, tick_ms: i64) -> bool {
        self.until_ms.is_some_and(|until_ms| tick_ms < until_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_third_silent_run_rests_an_hour_and_each_further_one_longer_up_to_six() {
        let silence = Heard::Silence("503".to_owned());
        let (mut stands, mut rests) = (None, Vec::new());
        for now_ms in 0..7 {
            stands = Outage::after(stands.as_ref(), &silence, now_ms);
            let outage = stands.clone().unwrap();
            assert_eq!(outage.since_ms, 0);
            rests.push(outage.until_ms.map(|until_ms| (until_ms - now_ms) / HOUR_MS));
        }
        assert_eq!(rests, [None, None, Some(1), Some(2), Some(4), Some(6), Some(6)]);
        assert_eq!(Outage::after(stands.as_ref(), &Heard::Nothing, 9), stands);
        assert_eq!(Outage::after(stands.as_ref(), &Heard::Answer, 9), None);
    }
}
