//! What is logged on a test's thread, on which all of its tasks run.

use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tracing::Dispatch;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

static SECOND: OnceLock<Dispatch> = OnceLock::new();

/// Keeps what is written to it.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// What the functions log, and the crates named in `more`, until the guard goes.
    pub(crate) fn start(more: &[&str]) -> (Self, DefaultGuard) {
        let log = Self::default();
        let ours = ["shared", "sync", "authenticate", "mapping_config"];
        let names: Vec<String> = ours.iter().chain(more).map(|name| format!("{name}=trace")).collect();
        let lines = |filter: &str| shared::telemetry::lines(EnvFilter::new(filter), log.clone());
        // Where there is one subscriber alone, a line that another test's thread logs first is taken for one that nobody wants.
        SECOND.get_or_init(|| Dispatch::new(lines("off")));
        let lines = lines(&names.join(","));
        (log, tracing::subscriber::set_default(lines))
    }

    /// All that was written.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// What was written since this was last asked.
    pub(crate) fn taken(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
