//! How well an indicator foretold expansions: what it would have fired on, held against the expansions there were.
//!
//! A firing is followed by an expansion when there is one on a later day, `horizon_days` later at most; on the same day nothing
//! was foretold. Firings and days whose horizon reaches beyond the window are judged where an expansion followed already, and else
//! left open. That is done with firings as with days, so that the lift compares like with like.

use crate::signals::event::{Change, What};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Of how few firings or expansions nothing can be told.
pub const EXPANSIONS_MIN: u64 = 10;

/// Over which days is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// The first day of the stored history, counted from 1970.
    pub from: i32,
    /// Its last day. Firings and expansions outside of these are not looked at.
    pub to: i32,
    /// Within how many days after a firing an expansion must come.
    pub horizon_days: u32,
}

impl Question {
    /// Days of the horizon where nothing else is asked for.
    pub const HORIZON_DAYS: u32 = 90;
}

/// What is known of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The days on which the indicator would have begun to fire.
    pub fired: BTreeSet<i32>,
    /// The days on which it expanded.
    pub expanded: BTreeSet<i32>,
}

impl History {
    /// Of what [`super::Indicator::replay`] tells.
    #[must_use]
    pub fn of(replayed: &[(i32, Change)], expanded: BTreeSet<i32>) -> Self {
        let fired = replayed.iter().filter(|(_, change)| matches!(change.what, What::IndicatorFired { .. }));
        Self { fired: fired.map(|(day, _)| *day).collect(), expanded }
    }
}

/// A part of a whole.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Share {
    /// The part divided by the whole, 0 to 1; null where the whole is 0.
    pub share: Option<f64>,
    /// How many count.
    pub part: u64,
    /// Of how many.
    pub whole: u64,
}

impl Share {
    fn of(part: u64, whole: u64) -> Self {
        Self { share: (whole > 0).then(|| quotient(part, whole)), part, whole }
    }
}

/// Days between a firing and the expansion that it foretold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct LeadTime {
    /// A quarter of the foretold expansions came in so many days or fewer.
    pub lower_quartile: f64,
    /// Half of them.
    pub median: f64,
    /// Three quarters of them.
    pub upper_quartile: f64,
}

/// How well an indicator foretold expansions.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Calibration {
    /// Of the firings that can be judged, those that an expansion followed within the horizon.
    pub precision: Share,
    /// Firings whose horizon is not over, with no expansion so far.
    pub open: u64,
    /// Of the expansions in the window, those that followed a firing within the horizon.
    pub recall: Share,
    /// Days from the first firing within the horizon before an expansion to the expansion, over the expansions that followed one;
    /// null where none did.
    pub lead_days: Option<LeadTime>,
    /// Chance: of all days of all objects that can be judged, those that an expansion followed within the horizon. A rule that
    /// fires by lot has this precision.
    pub base_rate: Share,
    /// How many times better than chance: precision divided by base rate; null where one of them is null or the base rate is 0.
    pub lift: Option<f64>,
    /// What is to be known before the numbers are believed; null where nothing is.
    pub note: Option<String>,
}

/// Holds firings against expansions.
#[must_use]
pub fn calibrate(question: &Question, objects: &BTreeMap<String, History>) -> Calibration {
    let mut tally = Tally::default();
    for history in objects.values() {
        tally.add(question, history);
    }
    let precision = Share::of(tally.hits, tally.judged);
    let base_rate = Share::of(tally.days_followed, tally.days_judged);
    let chance = base_rate.share.filter(|chance| *chance > 0.0);
    let is_few = tally.judged < EXPANSIONS_MIN || tally.expansions < EXPANSIONS_MIN;
    tally.leads.sort_unstable();
    Calibration {
        precision,
        open: tally.open,
        recall: Share::of(count(tally.leads.len()), tally.expansions),
        lead_days: LeadTime::of(&tally.leads),
        base_rate,
        lift: precision.share.zip(chance).map(|(precision, chance)| precision / chance),
        note: is_few.then(|| {
            let Tally { judged, expansions, .. } = tally;
            format!(
                "Too few to tell: {judged} firings that can be judged and {expansions} expansions; \
                 {EXPANSIONS_MIN} of each are needed."
            )
        }),
    }
}

#[derive(Default)]
struct Tally {
    hits: u64,
    judged: u64,
    open: u64,
    expansions: u64,
    /// Of each expansion that was foretold.
    leads: Vec<i64>,
    days_followed: u64,
    days_judged: u64,
}

impl Tally {
    fn add(&mut self, question: &Question, history: &History) {
        let (from, to) = (i64::from(question.from), i64::from(question.to));
        let horizon = i64::from(question.horizon_days);
        let within = |days: &BTreeSet<i32>| -> Vec<i64> {
            days.iter().map(|day| i64::from(*day)).filter(|day| (from..=to).contains(day)).collect()
        };
        let (fired, expanded) = (within(&history.fired), within(&history.expanded));
        // The last day whose horizon is over.
        let over = to - horizon;
        let follows = |expansion: i64, day: i64| (day + 1..=day + horizon).contains(&expansion);
        for day in &fired {
            let is_hit = expanded.iter().any(|expansion| follows(*expansion, *day));
            self.hits += u64::from(is_hit);
            self.judged += u64::from(is_hit || *day <= over);
            self.open += u64::from(!is_hit && *day > over);
        }
        self.expansions += count(expanded.len());
        let first = |expansion: &i64| fired.iter().find(|day| follows(*expansion, **day));
        self.leads.extend(expanded.iter().filter_map(|expansion| Some(expansion - first(expansion)?)));
        self.days_judged += days(from, over);
        // A day before two expansions counts once.
        let mut begin = from;
        for expansion in expanded {
            begin = begin.max(expansion - horizon);
            self.days_followed += days(begin, expansion - 1);
            self.days_judged += days(begin.max(over + 1), expansion - 1);
            begin = expansion;
        }
    }
}

/// How many days there are from one to another, both among them.
fn days(from: i64, to: i64) -> u64 {
    u64::try_from(to - from + 1).unwrap_or(0)
}

fn count(of: usize) -> u64 {
    u64::try_from(of).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "the nearest double is what is promised")]
const fn quotient(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

impl LeadTime {
    /// Quantiles by linear interpolation between neighbours (type 7 of Hyndman and Fan, "Sample quantiles in statistical
    /// packages", 1996).
    fn of(sorted: &[i64]) -> Option<Self> {
        // At so many quarters of the way from the first to the last.
        let at = |quarters: usize| {
            let steps = quarters * sorted.len().checked_sub(1)?;
            let low = sorted.get(steps / 4)?;
            let high = sorted.get(steps / 4 + 1).unwrap_or(low);
            let rest = i64::try_from(steps % 4).ok()?;
            Some(quotient((low * 4 + (high - low) * rest).unsigned_abs(), 4))
        };
        Some(Self { lower_quartile: at(1)?, median: at(2)?, upper_quartile: at(3)? })
    }
}
