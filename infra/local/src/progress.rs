//! How far a backfill is: a bar on a terminal, a line now and then elsewhere.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::status::Reading;
use crate::table::grouped;

const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows readings as they come.
pub struct Progress {
    bar: Option<ProgressBar>,
    said_at: Instant,
}

impl Progress {
    /// On standard error, in the way that fits it.
    #[must_use]
    pub fn start() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(0);
            if let Ok(style) = ProgressStyle::with_template("{spinner} asking Pendo how much there is  {elapsed}") {
                bar.set_style(style);
            }
            bar
        });
        Self { bar, said_at: Instant::now() }
    }

    /// Shows one; answers a line to print where there is no bar and the last line is a while ago.
    pub fn show(&mut self, kinds: &str, reading: &Reading) -> Option<String> {
        let rows = format!("{} rows", grouped(reading.rows_done));
        match &self.bar {
            Some(bar) if reading.days_total == 0 => {
                bar.tick();
                None
            }
            Some(bar) => {
                if let Ok(style) = ProgressStyle::with_template("{bar:32} {pos}/{len} days  {msg}  {elapsed}") {
                    bar.set_style(style);
                }
                bar.set_length(reading.days_total);
                bar.set_position(reading.days_done);
                bar.set_message(format!("{kinds}, {rows}"));
                // Each of the above draws only where the last drawing is a while ago, and would leave a mixture of two readings.
                bar.force_draw();
                None
            }
            None if self.said_at.elapsed() >= LINE_EVERY && reading.days_total > 0 => {
                self.said_at = Instant::now();
                Some(format!("{kinds}: {} of {} days, {rows}", reading.days_done, reading.days_total))
            }
            None => None,
        }
    }

    /// Takes the bar away.
    pub fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
