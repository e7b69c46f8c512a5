//! The functions' log: JSON lines on stdout. Panics leave a fixed text, since a payload could hold anything.

use tracing_subscriber::EnvFilter;

/// Starts the log and replaces the panic message. A second call changes nothing.
pub fn start() {
    let filter = EnvFilter::builder().with_default_directive(tracing::Level::INFO.into()).from_env_lossy();
    let started = tracing_subscriber::fmt().json().with_env_filter(filter).with_current_span(false).try_init();
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(|place| format!("{}:{}", place.file(), place.line()));
        tracing::error!(place, "the function panicked");
    }));
    if started.is_err() {
        tracing::debug!("the log was started before");
    }
}
