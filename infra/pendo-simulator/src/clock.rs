//! The simulator's own time: a shared handle that stands still, ticks, or follows the machine, and that anybody can push forward.
//!
//! It never goes back: `set_ms` to an earlier instant is refused, because a world that has been seen cannot be unseen.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

/// A clock in milliseconds since 1970; clones share the same time.
#[derive(Clone, Debug)]
pub struct Clock {
    base_ms: Arc<AtomicI64>,
    ticking_since: Option<Instant>,
}

impl Clock {
    /// A clock that stands still until it is advanced.
    pub fn fixed(now_ms: i64) -> Clock {
        Clock { base_ms: Arc::new(AtomicI64::new(now_ms)), ticking_since: None }
    }

    /// A clock that starts at an instant and runs on from there.
    pub fn ticking(start_ms: i64) -> Clock {
        Clock { base_ms: Arc::new(AtomicI64::new(start_ms)), ticking_since: Some(Instant::now()) }
    }

    /// A clock that starts at the machine's time and runs on.
    #[expect(clippy::disallowed_methods, reason = "the one place where the simulator reads the machine's time")]
    pub fn system() -> Clock {
        Clock::ticking(chrono::Utc::now().timestamp_millis())
    }

    /// The present instant.
    pub fn now_ms(&self) -> i64 {
        self.base_ms.load(Ordering::SeqCst) + self.ticked_ms()
    }

    /// Moves the time forward; negative steps are ignored.
    pub fn advance_ms(&self, step_ms: i64) {
        self.base_ms.fetch_add(step_ms.max(0), Ordering::SeqCst);
    }

    /// Moves the time to an instant; says whether it was not in the past.
    pub fn set_ms(&self, now_ms: i64) -> bool {
        let base_ms = now_ms - self.ticked_ms();
        self.base_ms.fetch_max(base_ms, Ordering::SeqCst) <= base_ms
    }

    fn ticked_ms(&self) -> i64 {
        let elapsed = self.ticking_since.map_or(0, |since| since.elapsed().as_millis());
        i64::try_from(elapsed).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_clock_stands_until_it_is_pushed() {
        let clock = Clock::fixed(1_000);
        let same = clock.clone();
        clock.advance_ms(500);
        assert_eq!(same.now_ms(), 1_500);
        assert!(!clock.set_ms(1_000));
        assert_eq!(clock.now_ms(), 1_500);
    }
}
