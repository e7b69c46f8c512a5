//! Where ours differs from Pendo's own totals, by UTC day: a number for the status and for an alarm, and days to look at.

use crate::time::HourRange;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Days that are kept by name, the newest; what differs beyond them is added up.
const DAYS_MAX: usize = 100;

/// A day's events of identified visitors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DayEvents {
    /// As Pendo counts them.
    pub pendo: u64,
    /// As stored, those of erased visitors included.
    pub stored: u64,
}

/// The days that differ, as they were last compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Differences {
    /// By day counted from 1970.
    pub days: BTreeMap<i32, DayEvents>,
    /// Older days that differ too.
    pub more_days: u64,
    /// By how many events those differ.
    pub more_events: u64,
}

impl Differences {
    /// What differs of all history.
    #[must_use]
    pub fn of(days: BTreeMap<i32, DayEvents>) -> Self {
        let mut differences = Self::default();
        differences.take(days);
        differences
    }

    /// Puts a new comparison of some days in the place of what was known of them.
    pub fn renew(&mut self, range: HourRange, days: BTreeMap<i32, DayEvents>) {
        self.days.retain(|day, _| *day < range.from.utc_day() || *day > range.to.plus(-1).utc_day());
        self.take(days);
    }

    /// By how many events ours differs, over all days; a day with too many and one with too few don't cancel out.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.days.values().map(DayEvents::difference).sum::<u64>() + self.more_events
    }

    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.days.is_empty() && self.more_days == 0
    }

    fn take(&mut self, days: BTreeMap<i32, DayEvents>) {
        self.days.extend(days.into_iter().filter(|(_, day)| day.difference() > 0));
        while self.days.len() > DAYS_MAX {
            let oldest = self.days.pop_first().map_or(0, |(_, day)| day.difference());
            (self.more_days, self.more_events) = (self.more_days + 1, self.more_events + oldest);
        }
    }
}

impl DayEvents {
    fn difference(&self) -> u64 {
        self.pendo.abs_diff(self.stored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Hour;

    fn day(pendo: u64, stored: u64) -> DayEvents {
        DayEvents { pendo, stored }
    }

    #[test]
    fn days_with_too_many_and_too_few_events_do_not_cancel_out() {
        let found = Differences::of([(1, day(10, 7)), (2, day(7, 10)), (3, day(5, 5))].into());
        assert_eq!((found.events(), found.days.len()), (6, 2));
    }

    #[test]
    fn what_is_compared_anew_replaces_what_was_known_of_those_days_only() {
        let mut found = Differences::of([(1, day(10, 7)), (4, day(7, 10)), (5, day(1, 0))].into());
        found.renew(HourRange { from: Hour(4 * 24), to: Hour(5 * 24 + 3) }, [(4, day(7, 7)), (5, day(2, 0))].into());
        assert_eq!(found.days, [(1, day(10, 7)), (5, day(2, 0))].into());
    }

    #[test]
    fn the_oldest_of_very_many_days_are_only_added_up() {
        let found = Differences::of((0..103).map(|at| (at, day(2, 0))).collect());
        assert_eq!((found.days.len(), found.more_days, found.more_events, found.events()), (100, 3, 6, 206));
        assert_eq!(found.days.keys().next(), Some(&3));
    }
}
