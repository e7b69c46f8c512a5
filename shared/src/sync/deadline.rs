//! How long a run may take: when it stops by itself, and when it is cut.

use super::run::{Run, RunEnd, SyncError};
use crate::pendo::PendoError;
use std::time::{Duration, Instant};

/// How long after it should have stopped a run is cut.
const OVERTIME: Duration = Duration::from_secs(180);

/// How long a run may take, by the process's own clock.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    /// When it stops where it may, and goes on in a new job.
    pub stop_at: Instant,
    /// When it is cut wherever it is: somebody whom it waits for holds it up.
    pub cut_at: Instant,
}

impl Deadline {
    /// For a run that is to stop at this time.
    #[must_use]
    pub fn of(stop_at: Instant) -> Self {
        Self { stop_at, cut_at: stop_at + OVERTIME }
    }

    /// Whether it is time to stop.
    #[must_use]
    pub fn is_over(&self) -> bool {
        Instant::now() >= self.stop_at
    }
}

impl Run<'_> {
    /// All steps, but for as long as the run may take: a Pendo that hangs must not hold its place for ever. What was
    /// stored until then stays stored.
    ///
    /// # Errors
    /// What stopped the run; [`PendoError::Incomplete`] when it was cut and nothing had come.
    pub(super) async fn within_its_time(&mut self) -> Result<(bool, RunEnd), SyncError> {
        // In a box, since it holds the state of every step: on the stack of a thread it would be most of that.
        let Some(Deadline { cut_at, .. }) = self.deadline else { return Box::pin(self.steps()).await };
        match tokio::time::timeout_at(cut_at.into(), Box::pin(self.steps())).await {
            Ok(result) => result,
            Err(_) if self.report.rows > 0 => Ok((false, RunEnd::Continues)),
            Err(_) => {
                Err(PendoError::Incomplete { detail: "nothing of it came in all a run's time".to_owned() }.into())
            }
        }
    }
}
