//! Look-back windows, cut at local midnights.

use super::period::Period;
use crate::time::{Hour, HourRange, Zone};

/// The span of time a field looks back over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Window {
    /// So many days, weeks or months up to now.
    Rolling {
        /// Of what; never quarters.
        period: Period,
        /// How many.
        count: u32,
        /// `true`: up to today's midnight. `false`: the one that is complete at the next midnight, as far as it has come.
        complete_days: bool,
    },
    /// One day, week, month or quarter of the calendar.
    Calendar {
        /// Which.
        period: Period,
        /// How many of them back: 0 is the running one up to now, 1 the last that is over.
        offset: u32,
    },
    /// From the midnight of a local day, counted from 1970, up to now.
    Since(i32),
    /// Everything that was read.
    AllTime,
}

impl Window {
    /// The hours of the window. `as_of` is the end of the last complete hour, and today is the local day it lies in;
    /// `first_hour` is where all time begins. Any other window may begin before `first_hour`.
    #[must_use]
    pub fn range(&self, as_of: Hour, zone: Zone, first_hour: Hour) -> HourRange {
        self.range_on(zone.local_day(as_of.start_ms()), as_of, zone, first_hour)
    }

    /// The same with another day as today: at the midnight that ends a day, today still is that day.
    #[must_use]
    pub fn range_on(&self, today: i32, as_of: Hour, zone: Zone, first_hour: Hour) -> HourRange {
        let to_now = |from: Hour| HourRange { from: from.min(as_of), to: as_of };
        match *self {
            Self::Rolling { period, count, complete_days: false } => {
                to_now(zone.midnight(period.before(today.saturating_add(1), count)))
            }
            Self::Calendar { period, offset: 0 } => to_now(zone.midnight(period.start(today))),
            Self::Since(day) => to_now(zone.midnight(day)),
            Self::AllTime => to_now(first_hour),
            Self::Rolling { complete_days: true, .. } | Self::Calendar { .. } => self.whole(today, zone, 0),
        }
    }

    /// The hours of the equal window before it; `None` where it is not of whole periods that are over.
    #[must_use]
    pub fn previous(&self, as_of: Hour, zone: Zone) -> Option<HourRange> {
        self.previous_on(zone.local_day(as_of.start_ms()), zone)
    }

    /// The same with another day as today.
    #[must_use]
    pub fn previous_on(&self, today: i32, zone: Zone) -> Option<HourRange> {
        self.is_whole().then(|| self.whole(today, zone, 1))
    }

    /// Whether it ends at a midnight that is over, so that it stands still all day.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        matches!(self, Self::Rolling { complete_days: true, .. } | Self::Calendar { offset: 1.., .. })
    }

    /// The most days that it can have; `None` where it grows without end.
    #[must_use]
    pub fn days_max(&self) -> Option<u32> {
        match self {
            Self::Rolling { period, count, .. } => Some(period.days_max().saturating_mul(*count)),
            Self::Calendar { period, .. } => Some(period.days_max()),
            Self::Since(_) | Self::AllTime => None,
        }
    }

    /// A window that is over, or the one so many of its own lengths earlier.
    fn whole(&self, today: i32, zone: Zone, earlier: u32) -> HourRange {
        let (period, end, count) = match *self {
            Self::Rolling { period, count, .. } => (period, today, count),
            Self::Calendar { period, offset } => {
                (period, period.before(period.start(today), offset.saturating_sub(1)), 1)
            }
            Self::Since(_) | Self::AllTime => (Period::Day, today, 0),
        };
        // Both ends from today's date: from a day that was cut to its month's end, months would go astray.
        let back = |times: u32| zone.midnight(period.before(end, count.saturating_mul(times)));
        HourRange { from: back(earlier.saturating_add(1)), to: back(earlier) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{parse_date, parse_instant, to_the_second};

    fn hour(text: &str) -> Hour {
        Hour::of_ms(parse_instant(text).unwrap())
    }

    fn said(range: HourRange) -> [String; 2] {
        [range.from, range.to].map(|hour| to_the_second(hour.start_ms()))
    }

    fn cut(window: Window, as_of: &str, zone: &str) -> [String; 2] {
        said(window.range(hour(as_of), Zone::parse(zone).unwrap(), hour("2020-01-01")))
    }

    fn range(days: u32, complete_days: bool, as_of: &str, zone: &str) -> [String; 2] {
        cut(Window::Rolling { period: Period::Day, count: days, complete_days }, as_of, zone)
    }

    const NOW: &str = "2026-06-30T12:30:00Z";

    #[test]
    fn complete_days_are_the_days_before_today() {
        assert_eq!(range(7, true, NOW, "UTC"), ["2026-06-23T00:00:00Z", "2026-06-30T00:00:00Z"]);
        assert_eq!(range(7, true, NOW, "America/New_York"), ["2026-06-23T04:00:00Z", "2026-06-30T04:00:00Z"]);
    }

    #[test]
    fn other_days_are_today_so_far_and_those_before_it() {
        assert_eq!(range(7, false, NOW, "UTC"), ["2026-06-24T00:00:00Z", "2026-06-30T12:00:00Z"]);
        assert_eq!(range(7, false, NOW, "America/New_York"), ["2026-06-24T04:00:00Z", "2026-06-30T12:00:00Z"]);
        assert_eq!(range(1, false, NOW, "UTC"), ["2026-06-30T00:00:00Z", "2026-06-30T12:00:00Z"]);
    }

    #[test]
    fn today_begins_at_midnight_with_nothing_in_it() {
        let midnight = "2026-06-30T00:10:00Z";
        assert_eq!(range(1, false, midnight, "UTC"), ["2026-06-30T00:00:00Z", "2026-06-30T00:00:00Z"]);
        assert_eq!(range(1, true, midnight, "UTC"), ["2026-06-29T00:00:00Z", "2026-06-30T00:00:00Z"]);
        // In New York it is still the evening of the 29th.
        assert_eq!(range(1, true, midnight, "America/New_York"), ["2026-06-28T04:00:00Z", "2026-06-29T04:00:00Z"]);
    }

    #[test]
    fn at_its_end_a_day_still_is_today_and_all_of_it_has_come() {
        let end = hour("2026-06-30");
        let today = Zone::UTC.local_day(end.start_ms()) - 1;
        let at_end = |window: Window| said(window.range_on(today, end, Zone::UTC, hour("2020-01-01")));
        let rolling = |complete_days| Window::Rolling { period: Period::Day, count: 7, complete_days };
        assert_eq!(at_end(rolling(false)), ["2026-06-23T00:00:00Z", "2026-06-30T00:00:00Z"]);
        assert_eq!(at_end(rolling(true)), ["2026-06-22T00:00:00Z", "2026-06-29T00:00:00Z"], "as all day long");
        let month = Window::Calendar { period: Period::Month, offset: 0 };
        assert_eq!(at_end(month), ["2026-06-01T00:00:00Z", "2026-06-30T00:00:00Z"]);
        assert_eq!(at_end(Window::Since(today + 1)), ["2026-06-30T00:00:00Z", "2026-06-30T00:00:00Z"]);
    }

    #[test]
    fn a_day_is_a_day_when_clocks_change() {
        assert_eq!(
            range(1, true, "2026-03-30T12:00:00Z", "Europe/Berlin"),
            ["2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"]
        );
        assert_eq!(
            range(1, true, "2026-10-26T12:00:00Z", "Europe/Berlin"),
            ["2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"]
        );
    }

    #[test]
    fn weeks_are_of_seven_days_and_months_end_on_the_same_day_or_the_last() {
        let rolling = |period, count, complete_days, as_of| {
            let [from, to] = cut(Window::Rolling { period, count, complete_days }, as_of, "UTC");
            [from[..13].to_owned(), to[..13].to_owned()]
        };
        assert_eq!(rolling(Period::Week, 2, true, NOW), ["2026-06-16T00", "2026-06-30T00"]);
        assert_eq!(rolling(Period::Week, 2, false, NOW), ["2026-06-17T00", "2026-06-30T12"]);
        assert_eq!(rolling(Period::Month, 1, true, NOW), ["2026-05-30T00", "2026-06-30T00"]);
        assert_eq!(rolling(Period::Month, 1, true, "2026-03-31T05:00:00Z"), ["2026-02-28T00", "2026-03-31T00"]);
        assert_eq!(rolling(Period::Month, 1, true, "2024-03-30T05:00:00Z"), ["2024-02-29T00", "2024-03-30T00"]);
        assert_eq!(rolling(Period::Month, 12, true, "2024-02-29T05:00:00Z"), ["2023-02-28T00", "2024-02-29T00"]);
        // What is complete at the next midnight, so far.
        assert_eq!(rolling(Period::Month, 1, false, NOW), ["2026-06-01T00", "2026-06-30T12"]);
        assert_eq!(rolling(Period::Month, 1, false, "2026-03-30T05:00:00Z"), ["2026-02-28T00", "2026-03-30T05"]);
    }

    #[test]
    fn the_calendar_is_cut_where_its_periods_begin() {
        let calendar = |period, offset, as_of, zone| cut(Window::Calendar { period, offset }, as_of, zone);
        for (period, offset, from, to) in [
            (Period::Day, 0, "2026-06-30T00:00:00Z", "2026-06-30T12:00:00Z"),
            (Period::Day, 2, "2026-06-28T00:00:00Z", "2026-06-29T00:00:00Z"),
            (Period::Week, 0, "2026-06-29T00:00:00Z", "2026-06-30T12:00:00Z"),
            (Period::Week, 1, "2026-06-22T00:00:00Z", "2026-06-29T00:00:00Z"),
            (Period::Month, 0, "2026-06-01T00:00:00Z", "2026-06-30T12:00:00Z"),
            (Period::Month, 4, "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"),
            (Period::Quarter, 0, "2026-04-01T00:00:00Z", "2026-06-30T12:00:00Z"),
            (Period::Quarter, 2, "2025-10-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ] {
            assert_eq!(calendar(period, offset, NOW, "UTC"), [from, to], "{period:?} {offset}");
        }
        let new_year = "2026-01-01T02:00:00Z";
        assert_eq!(
            calendar(Period::Month, 1, new_year, "America/New_York"),
            ["2025-11-01T04:00:00Z", "2025-12-01T05:00:00Z"],
            "there it is still December"
        );
        assert_eq!(calendar(Period::Week, 0, new_year, "UTC"), ["2025-12-29T00:00:00Z", "2026-01-01T02:00:00Z"]);
    }

    #[test]
    fn since_a_date_is_up_to_now_and_nothing_before_that_date() {
        let since = |date| cut(Window::Since(parse_date(date).unwrap()), NOW, "Europe/Berlin");
        assert_eq!(since("2026-01-01"), ["2025-12-31T23:00:00Z", "2026-06-30T12:00:00Z"]);
        assert_eq!(since("2027-01-01"), ["2026-06-30T12:00:00Z", "2026-06-30T12:00:00Z"]);
    }

    #[test]
    fn the_previous_window_ends_where_the_window_begins() {
        let previous = |window: Window, as_of| window.previous(hour(as_of), Zone::UTC).map(said);
        let rolling = |period, count, complete_days| Window::Rolling { period, count, complete_days };
        for (window, as_of, from, to) in [
            (rolling(Period::Day, 7, true), NOW, "2026-06-16T00:00:00Z", "2026-06-23T00:00:00Z"),
            (rolling(Period::Week, 4, true), NOW, "2026-05-05T00:00:00Z", "2026-06-02T00:00:00Z"),
            (rolling(Period::Month, 1, true), "2026-03-31T05:00:00Z", "2026-01-31T00:00:00Z", "2026-02-28T00:00:00Z"),
            (
                Window::Calendar { period: Period::Month, offset: 1 },
                NOW,
                "2026-04-01T00:00:00Z",
                "2026-05-01T00:00:00Z",
            ),
            (
                Window::Calendar { period: Period::Quarter, offset: 3 },
                NOW,
                "2025-04-01T00:00:00Z",
                "2025-07-01T00:00:00Z",
            ),
        ] {
            assert_eq!(previous(window, as_of), Some([from, to].map(str::to_owned)), "{window:?}");
            assert_eq!(window.range(hour(as_of), Zone::UTC, Hour(0)).from, hour(to), "{window:?}");
        }
        for running in [
            rolling(Period::Day, 7, false),
            Window::Calendar { period: Period::Day, offset: 0 },
            Window::Since(0),
            Window::AllTime,
        ] {
            assert_eq!(previous(running, NOW), None, "{running:?}");
        }
    }

    #[test]
    fn all_time_begins_with_the_first_hour_read() {
        let all = Window::AllTime.range(hour(NOW), Zone::UTC, hour("2026-06-01"));
        assert_eq!(all, HourRange { from: hour("2026-06-01"), to: hour("2026-06-30T12:00:00Z") });
        assert!(Window::AllTime.range(hour(NOW), Zone::UTC, hour("2026-07-01")).is_empty());
    }
}
