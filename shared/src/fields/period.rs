//! The lengths by which windows are cut: days, weeks that begin on Monday, months and quarters.

use crate::time::{month_start, months_before, quarter_start, week_start};

/// The longest rolling window in days: the 84 months for which Pendo keeps usage.
pub const ROLLING_DAYS_MAX: u32 = 2_555;

/// A length of time that begins at a midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Period {
    /// A local day.
    Day,
    /// Seven days; in the calendar from Monday on, as in ISO 8601.
    Week,
    /// A month.
    Month,
    /// Three months; in the calendar from January, April, July or October on.
    Quarter,
}

impl Period {
    /// Every period, the shortest first.
    pub const ALL: [Self; 4] = [Self::Day, Self::Week, Self::Month, Self::Quarter];
    /// Those of which a rolling window can have a number.
    pub const ROLLING: [Self; 3] = [Self::Day, Self::Week, Self::Month];

    /// The name as it stands in a calendar window.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
        }
    }

    /// Several of them, as messages say it.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Day => "days",
            Self::Week => "weeks",
            Self::Month => "months",
            Self::Quarter => "quarters",
        }
    }

    /// How many there are at most in the 84 months for which Pendo keeps usage.
    #[must_use]
    pub const fn max(self) -> u32 {
        match self {
            Self::Day => ROLLING_DAYS_MAX,
            Self::Week => ROLLING_DAYS_MAX / 7,
            Self::Month => 84,
            Self::Quarter => 28,
        }
    }

    /// The most days that one of them can have.
    #[must_use]
    pub const fn days_max(self) -> u32 {
        match self {
            Self::Day => 1,
            Self::Week => 7,
            Self::Month => 31,
            Self::Quarter => 92,
        }
    }

    /// The first day of the one in the calendar that holds a day; days are counted from 1970.
    #[must_use]
    pub fn start(self, day: i32) -> i32 {
        match self {
            Self::Day => day,
            Self::Week => week_start(day),
            Self::Month => month_start(day),
            Self::Quarter => quarter_start(day),
        }
    }

    /// The day so many of them before a day; of months the same day, or the month's last where it has no such day.
    #[must_use]
    pub fn before(self, day: i32, count: u32) -> i32 {
        let days = |each: u32| day.saturating_sub_unsigned(count.saturating_mul(each));
        match self {
            Self::Day => days(1),
            Self::Week => days(7),
            Self::Month => months_before(day, count),
            Self::Quarter => months_before(day, count.saturating_mul(3)),
        }
    }
}
