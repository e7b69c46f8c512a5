//! The clock: read here and nowhere else.

use std::sync::Arc;

/// Gives the time. The system's in Lambda; on one machine it can be the simulator's.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> i64 + Send + Sync>);

impl Clock {
    /// The system's clock.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    pub fn system() -> Self {
        Self(Arc::new(|| chrono::Utc::now().timestamp_millis()))
    }

    /// A clock that asks `now_ms`.
    #[must_use]
    pub fn of(now_ms: Arc<dyn Fn() -> i64 + Send + Sync>) -> Self {
        Self(now_ms)
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        (self.0)()
    }
}
