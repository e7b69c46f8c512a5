//! Conservation: per level, kind and UTC day, every event that was read is in exactly one class.

use super::link::Link;
use super::links::Links;
use crate::id::{Kind, ObjectKind};
use crate::time::Hour;
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
    /// Of visitors who are excluded from everything, whosever they would be.
    pub excluded: u64,
    /// Of nobody's: the visitor is erased, and the rows were dropped.
    pub erased: u64,
}

impl TallyCounts {
    /// All events.
    #[must_use]
    pub fn total(&self) -> u64 {
        [self.matched, self.unmatched, self.ambiguous, self.without_id, self.excluded, self.erased]
            .into_iter()
            .fold(0, u64::saturating_add)
    }

    fn merge(&mut self, other: &Self) {
        self.matched = self.matched.saturating_add(other.matched);
        self.unmatched = self.unmatched.saturating_add(other.unmatched);
        self.ambiguous = self.ambiguous.saturating_add(other.ambiguous);
        self.without_id = self.without_id.saturating_add(other.without_id);
        self.excluded = self.excluded.saturating_add(other.excluded);
        self.erased = self.erased.saturating_add(other.erased);
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
    pub fn add(&mut self, row: &UsageRow<'_>, links: &Links, is_excluded: bool) {
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
                _ if is_excluded => &mut counts.excluded,
                Link::Matched(_) => &mut counts.matched,
                Link::Ambiguous => &mut counts.ambiguous,
                Link::WithoutId => &mut counts.without_id,
                Link::Unmatched | Link::NotMatchedLevel => &mut counts.unmatched,
            };
            *class = class.saturating_add(row.events);
        }
    }

    /// Adds the events of a bucket's dropped rows on every matched level.
    pub fn add_erased(&mut self, kind: Kind, hour: Hour, events: u64, links: &Links) {
        for level in [ObjectKind::Account, ObjectKind::Contact] {
            if events > 0 && links.is_matched(level) {
                let counts = self.0.entry((level, kind, hour.utc_day())).or_default();
                counts.erased = counts.erased.saturating_add(events);
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::VisitorHash;
    use crate::matching::sample::{directory, links, matching, visitors};
    use proptest::prelude::*;
    use serde_json::json;

    const VISITORS: [&str; 6] = ["ANN@x", "bob@x", "cid@x", "stranger", "  ", "unheard of"];
    const ACCOUNTS: [Option<&str>; 6] = [Some("p-a"), Some("7"), Some("p-c"), Some("p-x"), Some(" "), None];

    fn row(kind: Kind, hour: i32, visitor: &str, account: Option<&'static str>, events: u64) -> UsageRow<'static> {
        let (hour, visitor) = (Hour(hour), VisitorHash::of(visitor));
        let (first_ms, last_ms) = (hour.start_ms(), hour.start_ms());
        UsageRow {
            kind,
            hour,
            account,
            visitor,
            app: 1,
            object: "x",
            event_type: "",
            events,
            minutes: 0,
            first_ms,
            last_ms,
        }
    }

    #[test]
    fn each_level_has_its_own_classes() {
        let links = links();
        let mut tally = Tally::default();
        tally.add(&row(Kind::Page, 25, "ANN@x", Some("p-a"), 5), &links, false);
        tally.add(&row(Kind::Page, 47, "ANN@x", None, 7), &links, false);
        tally.add(&row(Kind::Page, 48, "stranger", Some("p-c"), 1), &links, false);
        tally.add(&row(Kind::Page, 49, "ANN@x", Some("p-a"), 4), &links, true);
        tally.add_erased(Kind::Page, Hour(49), 9, &links);
        let counts = |[matched, unmatched, ambiguous, without_id, excluded, erased]: [u64; 6]| TallyCounts {
            matched,
            unmatched,
            ambiguous,
            without_id,
            excluded,
            erased,
        };
        assert_eq!(tally.get(ObjectKind::Account, Kind::Page, 1), counts([5, 0, 0, 7, 0, 0]));
        assert_eq!(tally.get(ObjectKind::Contact, Kind::Page, 1), counts([5, 0, 7, 0, 0, 0]));
        assert_eq!(tally.get(ObjectKind::Account, Kind::Page, 2), counts([0, 0, 1, 0, 4, 9]));
        assert_eq!(tally.get(ObjectKind::Contact, Kind::Page, 2), counts([0, 1, 0, 0, 4, 9]));
        assert_eq!(tally.lines().count(), 4);
    }

    #[test]
    fn a_level_that_is_not_matched_is_not_counted() {
        let rules = matching(json!({"contact": {"visitor": "visitorId", "object": "id"}}));
        let none = std::iter::empty::<crate::matching::KnownAccount>();
        let links = Links::resolve(&rules, &directory(json!({}), json!({"x": {}})), visitors(&["x"]), none);
        let mut tally = Tally::default();
        tally.add(&row(Kind::Event, 0, "x", None, 1), &links, false);
        tally.add_erased(Kind::Event, Hour(1), 2, &links);
        let expected = json!([{"level": "contact", "kind": "event", "day": 0,
                               "matched": 1, "unmatched": 0, "ambiguous": 0, "without_id": 0, "excluded": 0, "erased": 2}]);
        assert_eq!(serde_json::to_value(&tally).unwrap(), expected);
    }

    fn rows() -> impl Strategy<Value = Vec<UsageRow<'static>>> {
        let kinds = prop::sample::select(&Kind::ALL[..]);
        let (who, place) = (prop::sample::select(&VISITORS[..]), prop::sample::select(&ACCOUNTS[..]));
        let some = (kinds, 0..72_i32, who, place, 0..1_000_u64);
        let row = some.prop_map(|(kind, hour, visitor, account, events)| row(kind, hour, visitor, account, events));
        prop::collection::vec(row, 0..40)
    }

    proptest! {
        #[test]
        fn every_event_is_in_exactly_one_class_of_each_level(rows in rows(), cut in any::<prop::sample::Index>()) {
            let links = links();
            let tally_of = |rows: &[UsageRow<'_>]| {
                let mut tally = Tally::default();
                rows.iter().for_each(|row| tally.add(row, &links, row.events % 3 == 0));
                tally
            };
            let whole = tally_of(&rows);
            for level in [ObjectKind::Account, ObjectKind::Contact] {
                for (kind, day) in Kind::ALL.into_iter().flat_map(|kind| (0..3).map(move |day| (kind, day))) {
                    let of_bucket = rows.iter().filter(|row| row.kind == kind && row.hour.utc_day() == day);
                    let events: u64 = of_bucket.map(|row| row.events).sum();
                    prop_assert_eq!(whole.get(level, kind, day).total(), events);
                }
            }
            let (front, back) = rows.split_at(cut.index(rows.len() + 1));
            let mut merged = tally_of(back);
            merged.merge(&tally_of(front));
            prop_assert_eq!(&merged, &whole);
            let stored = serde_json::to_string(&whole).unwrap();
            prop_assert_eq!(serde_json::from_str::<Tally>(&stored).unwrap(), whole);
        }
    }
}
