//! Logs and metrics: JSON lines on standard output, and a panic that says nothing of what it held.

use crate::config::Config;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::Write as _;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt;

/// The namespace of all metrics.
pub const NAMESPACE: &str = "PendoUsage";
/// Their one dimension: the function that says them. So two stacks of one account don't mix.
const DIMENSION: &str = "FunctionName";

/// Starts logging; `RUST_LOG` sets the level (default `info`). A panic's text could hold data, so only its place is
/// logged.
pub fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    lines(filter, std::io::stdout).init();
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "the function panicked");
    }));
}

/// Writes what is logged as JSON, a line each. Whatever a caller or Pendo names something, it stays inside its text.
pub fn lines<W>(filter: EnvFilter, to: W) -> impl tracing::Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    // With all the spans that a line lies in: the invocation, the request or job, and whose it is.
    let json = tracing_subscriber::fmt().json().with_env_filter(filter).with_current_span(false).with_span_list(true);
    let json = json.without_time();
    json.with_writer(Escaped(to)).finish()
}

/// JSON escapes the controls of ASCII alone. A terminal obeys others too, and some turn what is read around.
struct Escaped<W>(W);

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for Escaped<W> {
    type Writer = Escaped<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Escaped(self.0.make_writer())
    }
}

impl<W: std::io::Write> std::io::Write for Escaped<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match std::str::from_utf8(bytes) {
            Ok(line) if line.contains(is_obeyed) => self.0.write_all(escaped(line).as_bytes())?,
            _ => self.0.write_all(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

fn is_obeyed(c: char) -> bool {
    c.is_control() && c != '\n' || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// They stand in texts only, where JSON takes their number instead.
fn escaped(line: &str) -> String {
    line.chars().fold(String::with_capacity(line.len()), |mut text, c| {
        if is_obeyed(c) {
            // Writing to a text can't fail.
            _ = write!(text, "\\u{:04x}", u32::from(c));
        } else {
            text.push(c);
        }
        text
    })
}

/// In what a figure is counted, as CloudWatch names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Anything else.
    None,
}

/// A number under a name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    /// The metric's name.
    pub name: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// How much.
    pub value: f64,
}

/// Says figures to CloudWatch, which reads them out of the log: one line in its embedded metric format.
pub fn say(function: &str, at_ms: i64, figures: &[Figure]) {
    let line = format!("{}\n", embedded(function, at_ms, figures));
    if let Err(error) = std::io::stdout().lock().write_all(line.as_bytes()) {
        tracing::warn!(%error, "metrics could not be written");
    }
}

/// Says that a process begins to answer: how often that is, and so how often somebody waits for it.
pub fn say_cold_start(config: &Config, at_ms: i64) {
    if let Some(function) = &config.function {
        say(function, at_ms, &[Figure { name: "ColdStarts", unit: Unit::Count, value: 1.0 }]);
    }
}

/// The line: what it measures stands in `_aws`, the values beside it.
fn embedded(function: &str, at_ms: i64, figures: &[Figure]) -> Value {
    let metrics: Vec<Value> = figures
        .iter()
        .map(|figure| match figure.unit {
            Unit::Count => json!({"Name": figure.name, "Unit": "Count"}),
            Unit::None => json!({"Name": figure.name, "Unit": "None"}),
        })
        .collect();
    let measured = json!({"Namespace": NAMESPACE, "Dimensions": [[DIMENSION]], "Metrics": metrics});
    let mut line = json!({"_aws": {"Timestamp": at_ms, "CloudWatchMetrics": [measured]}, DIMENSION: function});
    for figure in figures {
        line[figure.name] = json!(figure.value);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_each_figure_once_and_holds_its_value() {
        let figures = [
            Figure { name: "Rows", unit: Unit::Count, value: 3.0 },
            Figure { name: "Dollars", unit: Unit::None, value: 0.5 },
        ];
        let expected = json!({
            "_aws": {"Timestamp": 7, "CloudWatchMetrics": [{
                "Namespace": "PendoUsage", "Dimensions": [["FunctionName"]],
                "Metrics": [{"Name": "Rows", "Unit": "Count"}, {"Name": "Dollars", "Unit": "None"}]}]},
            "FunctionName": "a\nb", "Rows": 3.0, "Dollars": 0.5});
        let line = embedded("a\nb", 7, &figures);
        assert_eq!(line, expected);
        assert_eq!(line.to_string().lines().count(), 1, "whatever a name holds");
    }
}
