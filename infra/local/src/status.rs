//! What the command reads from `GET /v1/status`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::table::grouped;

/// How things stand. Members that are not needed here are left unread.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Status {
    /// The connection's.
    pub status: String,
    /// What to do.
    pub next_step: String,
    /// Up to when every kind was read.
    pub as_of: Option<String>,
    /// Whether all history of every mapped kind is read and equals Pendo's.
    pub is_complete: bool,
    /// By kind.
    pub kinds: BTreeMap<String, Kind>,
    /// Pendo's visitors and accounts.
    people: Option<People>,
    /// The last run.
    pub last_run: Option<Run>,
}

/// How far Pendo's people are read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct People {
    error: Option<String>,
}

/// How far a kind is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Kind {
    backfill: Option<Reading>,
    pendo_events: u64,
    stored_events: u64,
    anonymous_events: u64,
    compared_at: Option<String>,
    recent: Option<Recent>,
    error: Option<String>,
}

/// The trailing hours as the last run compared them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Recent {
    from: String,
    pendo_events: u64,
    stored_events: u64,
}

/// Progress of reading history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Reading {
    /// Days with usage to read.
    pub days_total: u64,
    /// Days read.
    pub days_done: u64,
    /// Rows read.
    pub rows_done: u64,
}

/// A run.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Run {
    /// When it ended.
    pub ended_at: String,
    /// Whether it reached all it was to.
    pub is_complete: bool,
    /// What stopped it.
    pub error: Option<String>,
    /// What it did and cost.
    pub report: Value,
}

impl Status {
    /// The progress of the kinds whose history is being read, under their names.
    #[must_use]
    pub fn reading(&self) -> (String, Reading) {
        let (mut names, mut sum) = (Vec::new(), Reading::default());
        for (name, kind) in &self.kinds {
            if let Some(one) = &kind.backfill {
                names.push(name.as_str());
                sum.days_total += one.days_total;
                sum.days_done += one.days_done;
                sum.rows_done += one.rows_done;
            }
        }
        (names.join(", "), sum)
    }

    /// Why the sync was not complete; `None` if it was.
    #[must_use]
    pub fn shortfall(&self) -> Option<String> {
        let Some(run) = &self.last_run else { return Some("no run has ended".to_owned()) };
        if let Some(error) = &run.error {
            return Some(error.clone());
        }
        let failed = self.kinds.iter().find_map(|(name, kind)| Some(format!("{name}: {}", kind.error.as_ref()?)));
        if failed.is_some() {
            return failed;
        }
        if let Some(error) = self.people.as_ref().and_then(|people| people.error.as_ref()) {
            return Some(format!("visitors and accounts: {error}"));
        }
        let is_reading = self.kinds.values().any(|kind| kind.backfill.is_some());
        if is_reading || !run.is_complete {
            return Some("not all of the history could be read".to_owned());
        }
        self.kinds
            .iter()
            .find(|(_, kind)| kind.pendo_events != kind.stored_events)
            .map(|(name, kind)| kind.sentence(name))
    }

    /// A line on the last run, if it is not the one that was known.
    #[must_use]
    pub fn news_since(&self, known: &Self) -> Option<String> {
        let run = self.last_run.as_ref()?;
        if known.last_run.as_ref().is_some_and(|known| known.ended_at == run.ended_at) {
            return None;
        }
        let Some(shortfall) = self.shortfall() else {
            let count = |member: &str| grouped(run.report.get(member).and_then(Value::as_u64).unwrap_or_default());
            let as_of = self.as_of.as_deref().unwrap_or("now");
            return Some(format!(
                "Synced up to {as_of}: {} rows read, {} items of values written.",
                count("rows"),
                count("value_writes")
            ));
        };
        Some(format!("The run that ended at {} was not complete: {shortfall}", run.ended_at))
    }

    /// One line a kind: is what was read what Pendo counts?
    #[must_use]
    pub fn comparison(&self) -> Vec<String> {
        self.kinds.iter().map(|(name, kind)| kind.sentence(name)).collect()
    }
}

impl Kind {
    fn sentence(&self, name: &str) -> String {
        let (read, pendo) = (self.stored_events, self.pendo_events);
        let anonymous = match self.anonymous_events {
            0 => String::new(),
            events => format!(" ({} more are of anonymous visitors and belong to nobody)", grouped(events)),
        };
        if read == pendo {
            let all = format!("{name}: {} events read equal Pendo's own total{anonymous}", grouped(read));
            // After the full comparison each run compares the trailing hours.
            return match (&self.recent, &self.compared_at) {
                (Some(recent), Some(at)) => format!(
                    "{all} at {at}; since {}: {} read, {} at Pendo",
                    recent.from,
                    grouped(recent.stored_events),
                    grouped(recent.pendo_events)
                ),
                _ => all,
            };
        }
        let difference = grouped(read.abs_diff(pendo));
        let direction = if read < pendo { "fewer" } else { "more" };
        format!(
            "{name}: {} events read, {difference} {direction} than Pendo's own total of {}{anonymous}",
            grouped(read),
            grouped(pendo)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn status(stored: u64) -> Status {
        let run = json!({"is_complete": true, "report": {"rows": 3}});
        serde_json::from_value(
            json!({"kinds": {"event": {"pendo_events": 1200, "stored_events": stored}}, "last_run": run}),
        )
        .unwrap()
    }

    #[test]
    fn equal_totals_are_said_to_be_equal() {
        assert_eq!(status(1200).comparison(), ["event: 1,200 events read equal Pendo's own total"]);
        assert_eq!(status(1200).shortfall(), None);
    }

    #[test]
    fn a_difference_is_told_and_counts_as_a_shortfall() {
        let sentence = "event: 1,150 events read, 50 fewer than Pendo's own total of 1,200";
        assert_eq!(status(1150).comparison(), [sentence]);
        assert_eq!(status(1150).shortfall().as_deref(), Some(sentence));
        assert!(Status::default().shortfall().is_some());
    }
}
