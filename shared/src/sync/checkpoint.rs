//! The checkpoint: what the runs of a connection have reached. It is written last, after the data it vouches for.

use super::claim::Claim;
use super::costs::Costs;
use super::differences::Differences;
use super::outage::Outage;
use super::quarantine::Quarantine;
use super::recomputing::Recomputing;
use super::rewrites::{AfterFinal, Rewrite};
use super::tags::Edit;
use crate::id::Kind;
use crate::pendo::Trouble;
use crate::time::{Hour, HourRange};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What the runs have reached.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Checkpoint {
    /// Each kind that was ever mapped.
    pub kinds: BTreeMap<Kind, KindState>,
    /// Newest `lastupdated` up to which Pendo's people were read, and when the whole lists were last read.
    pub people: PeopleState,
    /// The last run that ended.
    pub last_run: Option<RunRecord>,
    /// The newest time of the schedule whose run is done, ms since 1970: its job may come again and is skipped.
    pub ticked_ms: i64,
    /// Runs in a row that ended because Pendo was not available; `None` after one that was answered.
    pub outage: Option<Outage>,
    /// The time in which all usage was gone at once, if there was one: the one under way, or the last.
    pub recomputing: Option<Recomputing>,
    /// The run that reads history, if one does.
    pub claim: Option<Claim>,
    /// What the runs cost.
    pub costs: Costs,
    /// The hour of the last run that packed the days that were over.
    pub housekept_at: Option<Hour>,
    /// The last local day that all accounts were told of.
    pub told_day: Option<i32>,
    /// The hour of the last sweep.
    pub swept_at: Option<Hour>,
    /// Until this hour every day is swept: somebody was erased.
    pub sweep_until: Option<Hour>,
}

/// How far a kind was read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KindState {
    /// The end of the last complete hour that was probed and evaluated.
    pub as_of: Option<Hour>,
    /// Every hour from here to `as_of` is read and evaluated.
    pub covered_from: Option<Hour>,
    /// The first hour that was read: where an all-time window begins.
    pub first_hour: Option<Hour>,
    /// Days before this hour are gone at Pendo by age: what was read of them is kept and not compared any more.
    pub aged_out_before: Option<Hour>,
    /// What was gone at an earlier comparison, and when that was: what still is gone days later is not asked for again.
    pub aged_out: Option<AgedOut>,
    /// Days before this hour are gone for good: no comparison asks for them.
    pub gone_before: Option<Hour>,
    /// The newest event that a probe has seen, ms since 1970.
    pub newest_ms: i64,
    /// Grouped rows of the busiest day, as the last comparison of all history saw them.
    pub busiest_day_rows: u64,
    /// Set while history is still being read.
    pub backfill: Option<Backfill>,
    /// When the last daily and weekly probes were taken.
    pub daily_at: Option<Hour>,
    /// When all history was last probed by day.
    pub history_at: Option<Hour>,
    /// When the totals per Pendo account and per object were last compared.
    pub parts_at: Option<Hour>,
    /// The last edit of a tag whose history may still move.
    pub edit: Option<Edit>,
    /// What Pendo changed of the past lately, and why.
    pub rewrites: Vec<Rewrite>,
    /// Hours that it changed after they were final, all that were ever seen.
    pub after_final: Option<AfterFinal>,
    /// Days that Pendo shows with half their events or fewer: what stands is served until readings agree.
    pub quarantine: Quarantine,
    /// The oldest hour that the last run read anew. Two bad answers of one run can agree, so the next one compares it once more.
    pub changed_from: Option<Hour>,
    /// Hours that still differ from Pendo, by their difference in events: they are read again when their age is due.
    pub differing: BTreeMap<i32, i64>,
    /// Hours that were stored without a probe that agrees.
    pub unverified: BTreeSet<i32>,
    /// Events of identified visitors as Pendo's last full probe counted them, and as stored at that time.
    pub pendo_events: u64,
    /// Events stored, and those of erased visitors.
    pub stored_events: u64,
    /// What the last run compared since then: Pendo's trailing hours and ours.
    pub recent: Option<Compared>,
    /// When all history was last compared.
    pub compared_at: Option<Hour>,
    /// The days in which ours differed from Pendo's when they were last compared.
    pub differences: Differences,
    /// Events of anonymous visitors, from the probe.
    pub anonymous_events: u64,
    /// Events that Pendo's exclude list keeps out of its own totals; `None` when Pendo does not say.
    pub excluded_events: Option<u64>,
    /// The comparison after which the events were last attributed. Another than the last one: a run died in between.
    pub attributed_at: Option<Hour>,
    /// Events by whose usage they are, per level.
    pub conservation: BTreeMap<String, BTreeMap<String, u64>>,
    /// Events by which the classes of a level miss what is stored, over all days. Anything but 0 is a fault of ours.
    pub unaccounted: BTreeMap<String, u64>,
    /// Why the last run could not read this kind.
    pub error: Option<String>,
}

impl KindState {
    /// By how many events ours differs from Pendo's, without the small differences that wait for their next reading.
    #[must_use]
    pub fn unexplained_difference(&self) -> u64 {
        self.differences.events().saturating_sub(self.waiting_difference())
    }

    /// By how many events hours differ that wait for their next reading.
    #[must_use]
    pub fn waiting_difference(&self) -> u64 {
        self.differing.values().map(|events| events.unsigned_abs()).sum()
    }

    /// Whether a window holds an hour that no probe agrees with, or a day that is held back.
    #[must_use]
    pub fn is_unproven(&self, window: HourRange) -> bool {
        let HourRange { from, to } = window;
        !window.is_empty()
            && (self.unverified.range(from.0..to.0).next().is_some()
                || self.quarantine.range(from.utc_day()..=to.plus(-1).utc_day()).next().is_some())
    }
}

/// Events of identified visitors in a span of hours, as Pendo counts them and as stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Compared {
    /// The first hour.
    pub from: Hour,
    /// The hour after the last.
    pub to: Hour,
    /// Pendo's.
    pub pendo_events: u64,
    /// Ours.
    pub stored_events: u64,
}

/// What was gone at Pendo by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgedOut {
    /// Days before this hour.
    pub before: Hour,
    /// The comparison that found it.
    pub seen_at: Hour,
}

/// Progress of reading history.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Backfill {
    /// Days with usage to read.
    pub days_total: u64,
    /// Days read.
    pub days_done: u64,
    /// Grouped rows to read.
    pub rows_total: u64,
    /// Rows read.
    pub rows_done: u64,
    /// When it began, ms since 1970.
    pub started_at_ms: i64,
    /// When it last moved, ms since 1970.
    pub moved_at_ms: i64,
}

/// How far Pendo's lists of people were read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PeopleState {
    /// When the lists were last read at all, ms since 1970: the next run asks for what moved since.
    pub read_at_ms: i64,
    /// When the whole lists were last read, ms since 1970.
    pub whole_at_ms: i64,
    /// The version of the matching that they were read for.
    pub matching: u64,
    /// Why the last run could not read them.
    pub error: Option<String>,
    /// When the list of erased visitors was last asked for, ms since 1970.
    pub erased_at_ms: i64,
    /// The versions at which nothing of an erased visitor stood: of who is erased, of the visitor index, of the visitors.
    pub erased_in: [u64; 3],
}

/// The record of one run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RunRecord {
    /// When it began, ms since 1970.
    pub started_at_ms: i64,
    /// When it ended, ms since 1970.
    pub ended_at_ms: i64,
    /// Whether every kind was read, and nothing differs that should not.
    pub is_complete: bool,
    /// Whether it ran out of time, so that the rest is still to come.
    pub continues: bool,
    /// What went wrong, in one sentence.
    pub error: Option<String>,
    /// What it did and cost.
    pub report: Report,
}

impl RunRecord {
    /// The record of this run together with what it is the rest of, priced.
    #[must_use]
    pub fn after(mut self, earlier: Option<Self>) -> Self {
        if let Some(earlier) = earlier {
            self.started_at_ms = earlier.started_at_ms;
            self.report.add(&earlier.report);
        }
        self.report.price();
        self
    }
}

/// What a run did and cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "RunReport")]
#[serde(default, deny_unknown_fields)]
pub struct Report {
    /// Grouped rows decoded in this run, re-reads included.
    pub rows: u64,
    /// All requests to Pendo.
    pub pendo_requests: u64,
    /// Probes and fetches.
    pub usage_requests: u64,
    /// Bytes of Pendo's answers, after decompression.
    pub pendo_bytes: u64,
    /// Pendo's answers in trouble by what was wrong, those included that came when they were asked for again.
    pub pendo_troubles: BTreeMap<Trouble, u64>,
    /// Items written that hold usage.
    pub usage_writes: u64,
    /// Items written that hold values.
    pub value_writes: u64,
    /// Write request units.
    pub write_units: f64,
    /// Read request units.
    pub read_units: f64,
    /// Write request units by what was written: `head`, `block`, `page`, a document's or a tree's name.
    pub write_units_by: BTreeMap<String, f64>,
    /// Read request units by what was read.
    pub read_units_by: BTreeMap<String, f64>,
    /// Public on-demand prices over the rows; null at 0 rows.
    pub dollars_per_million_rows: Option<f64>,
    /// Seconds by step, and `total`.
    pub seconds: BTreeMap<String, f64>,
}

/// Dollars per write request unit, on demand.
const WRITE_UNIT_DOLLARS: f64 = 0.625e-6;
/// Dollars per read request unit, on demand.
const READ_UNIT_DOLLARS: f64 = 0.125e-6;

impl Report {
    /// Adds what another part of the same run did.
    fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.pendo_requests += other.pendo_requests;
        self.usage_requests += other.usage_requests;
        self.pendo_bytes += other.pendo_bytes;
        self.usage_writes += other.usage_writes;
        self.value_writes += other.value_writes;
        self.write_units += other.write_units;
        self.read_units += other.read_units;
        for (sums, more) in [
            (&mut self.seconds, &other.seconds),
            (&mut self.write_units_by, &other.write_units_by),
            (&mut self.read_units_by, &other.read_units_by),
        ] {
            more.iter().for_each(|(name, number)| *sums.entry(name.clone()).or_default() += number);
        }
    }

    /// What the run cost at the table, at public on-demand prices.
    #[must_use]
    pub fn dollars(&self) -> f64 {
        self.write_units * WRITE_UNIT_DOLLARS + self.read_units * READ_UNIT_DOLLARS
    }

    /// Computes what a million rows would cost at this run's rate.
    #[expect(clippy::cast_precision_loss, reason = "a price, not a count")]
    fn price(&mut self) {
        self.dollars_per_million_rows = (self.rows > 0).then(|| self.dollars() / self.rows as f64 * 1e6);
    }
}
