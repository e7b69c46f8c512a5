//! The hourly tick: at twenty past each hour of the clock, `sync` gets the schedule's event.
//!
//! The clock may be pushed by hand, so it is looked at a few times a second; a jump over several hours gives one tick,
//! which is enough, because a run mends whatever it finds.

use std::time::Duration;

use pendo_simulator::Clock;
use serde_json::json;
use shared::time::{HOUR_MS, to_the_second};

use crate::functions::Functions;
use crate::stopping::Stopping;

const LOOK_EVERY: Duration = Duration::from_millis(250);
const MINUTE_MS: i64 = 60_000;

/// Ticks until it is told to stop. What the clock passed before the start is not made up for, nor what it passes up to
/// `after_ms`.
pub async fn run(clock: Clock, after_ms: i64, functions: Functions, mut stopping: Stopping) {
    let mut last_ms = last_tick_ms(clock.now_ms().max(after_ms));
    loop {
        tokio::select! {
            () = stopping.wait() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        let tick_ms = last_tick_ms(clock.now_ms());
        if tick_ms > last_ms {
            last_ms = tick_ms;
            if let Err(error) = tick(&functions, tick_ms).await {
                tracing::error!(error, "the scheduled run could not begin; the next hour tries again");
            }
        }
    }
}

/// Hands over the event of one tick.
///
/// # Errors
/// What `sync` answers with.
pub async fn tick(functions: &Functions, at_ms: i64) -> Result<(), lambda_runtime::Error> {
    functions.sync(json!({"scheduled_time": to_the_second(at_ms)})).await.map(drop)
}

/// The latest twenty-past that is not after this instant.
fn last_tick_ms(now_ms: i64) -> i64 {
    let past = 20 * MINUTE_MS;
    (now_ms - past).div_euclid(HOUR_MS) * HOUR_MS + past
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_at_twenty_past() {
        let cases = [
            ("2026-06-30T12:19:59Z", "2026-06-30T11:20:00Z"),
            ("2026-06-30T12:20:00Z", "2026-06-30T12:20:00Z"),
            ("2026-06-30T13:05:00Z", "2026-06-30T12:20:00Z"),
        ];
        for (now, tick) in cases {
            let now_ms = shared::time::parse_instant(now).unwrap();
            assert_eq!(to_the_second(last_tick_ms(now_ms)), tick, "{now}");
        }
    }
}
