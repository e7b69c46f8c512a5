//! Logs: JSON lines on standard output, and a panic that says nothing of what it held.

use tracing_subscriber::EnvFilter;

/// Starts logging; `RUST_LOG` sets the level (default `info`). A panic's text could hold data, so only its place is
/// logged.
pub fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().json().with_env_filter(filter).with_current_span(false).without_time().init();
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "the function panicked");
    }));
}
