//! Conservation: per level, kind and UTC day, every stored event is in exactly one class.

use super::link::Link;
use super::links::Links;
use crate::id::{Kind, ObjectKind};
use crate::usage::row::UsageRow;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Events by class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TallyCounts {
    /// Of an object's.
    pub matched: u64,
    /// Of nobody's: the key fits no object.
    pub unmatched: u64,
    /// Of nobody's: the key fits several objects.
    pub ambiguous: u64,
    /// Of nobody's: there is nothing to compare.
    pub without_id: u64,
}

impl TallyCounts {
    /// All events.
    #[must_use]
    pub fn total(&self) -> u64 {
        [self.matched, self.unmatched, self.ambiguous, self.without_id].into_iter().fold(0, u64::saturating_add)
    }

    fn merge(&mut self, other: &Self) {
        self.matched = self.matched.saturating_add(other.matched);
        self.unmatched = self.unmatched.saturating_add(other.unmatched);
        self.ambiguous = self.ambiguous.saturating_add(other.ambiguous);
        self.without_id = self.without_id.saturating_add(other.without_id);
    }
}

/// The counts of one level, kind and UTC day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TallyLine {
    /// Account or contact.
    pub level: ObjectKind,
    /// The kind of usage.
    pub kind: Kind,
    /// The UTC day, counted from 1970.
    pub day: i32,
    /// The events.
    #[serde(flatten)]
    pub counts: TallyCounts,
}

/// Events by level, kind, day and class. Levels that are not matched have no lines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<TallyLine>", into = "Vec<TallyLine>")]
pub struct Tally(BTreeMap<(ObjectKind, Kind, i32), TallyCounts>);

impl Tally {
    /// Adds a row on every matched level.
    pub fn add(&mut self, row: &UsageRow<'_>, links: &Links) {
        let by_level = [
            (ObjectKind::Account, links.account_of(row.account)),
            (ObjectKind::Contact, links.contact_of(row.visitor, row.account)),
        ];
        for (level, link) in by_level {
            if link == Link::NotMatchedLevel {
                continue;
            }
            let counts = self.0.entry((level, row.kind, row.hour.utc_day())).or_default();
            let class = match link {
                Link::Matched(_) => &mut counts.matched,
                Link::Ambiguous => &mut counts.ambiguous,
                Link::WithoutId => &mut counts.without_id,
                Link::Unmatched | Link::NotMatchedLevel => &mut counts.unmatched,
            };
            *class = class.saturating_add(row.events);
        }
    }

    /// Adds what another tally holds.
    pub fn merge(&mut self, other: &Self) {
        for (key, counts) in &other.0 {
            self.0.entry(*key).or_default().merge(counts);
        }
    }

    /// The lines by level, kind and day.
    pub fn lines(&self) -> impl Iterator<Item = TallyLine> {
        self.0.iter().map(|(&(level, kind, day), &counts)| TallyLine { level, kind, day, counts })
    }

    /// The counts of a level, kind and UTC day.
    #[must_use]
    pub fn get(&self, level: ObjectKind, kind: Kind, day: i32) -> TallyCounts {
        self.0.get(&(level, kind, day)).copied().unwrap_or_default()
    }
}

impl From<Vec<TallyLine>> for Tally {
    fn from(lines: Vec<TallyLine>) -> Self {
        let mut tally = Self::default();
        for line in lines {
            tally.0.entry((line.level, line.kind, line.day)).or_default().merge(&line.counts);
        }
        tally
    }
}

impl From<Tally> for Vec<TallyLine> {
    fn from(tally: Tally) -> Self {
        tally.lines().collect()
    }
}
