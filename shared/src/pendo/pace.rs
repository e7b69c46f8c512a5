//! How hard a client may press: so many requests at once, and so many a second.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Requests of one client that may be under way at once.
const AT_ONCE: usize = 4;
/// Requests a second of one client, unless a setting says otherwise.
pub const PER_SECOND: u32 = 10;

/// Shared by a client and its clones.
pub(super) struct Pace {
    rooms: Semaphore,
    every: Duration,
    next: Mutex<Option<Instant>>,
}

impl Pace {
    pub(super) fn new(per_second: u32) -> Self {
        let every = Duration::from_secs(1) / per_second.max(1);
        Self { rooms: Semaphore::new(AT_ONCE), every, next: Mutex::default() }
    }

    /// Waits for a room; it is kept until the answer is read.
    pub(super) async fn room(&self) -> Option<SemaphorePermit<'_>> {
        // The rooms are never closed, so there always comes one.
        self.rooms.acquire().await.ok()
    }

    /// Waits until the next request may be sent.
    pub(super) async fn turn(&self) {
        let wait = self.wait(Instant::now());
        tokio::time::sleep(wait).await;
    }

    fn wait(&self, now: Instant) -> Duration {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = next.map_or(now, |next| next.max(now));
        *next = Some(turn + self.every);
        turn.duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_spread_over_the_second_and_a_pause_saves_none_up() {
        let (pace, start) = (Pace::new(10), Instant::now());
        let at = |after_ms: u64| pace.wait(start + Duration::from_millis(after_ms)).as_millis();
        assert_eq!([at(0), at(0), at(0), at(150)], [0, 100, 200, 150]);
        assert_eq!([at(60_000), at(60_000)], [0, 100]);
    }
}
