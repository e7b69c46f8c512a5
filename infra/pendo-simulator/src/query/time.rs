//! Calendar arithmetic in the subscription's zone. Hours are plain UTC hours, for every zone that Pendo allows lies on whole hours.

use chrono::{DateTime, Datelike, Days, LocalResult, Months, NaiveDate, TimeZone};
use chrono_tz::Tz;

use crate::row::{HOUR_MS, Period};

impl Period {
    /// The period of a name such as `hourly`, `days` or `month`.
    pub(crate) fn of_name(name: &str) -> Option<Period> {
        Some(match name {
            "hourly" | "hour" | "hours" => Period::Hour,
            "daily" | "day" | "days" => Period::Day,
            "weekly" | "week" | "weeks" => Period::Week,
            "monthly" | "month" | "months" => Period::Month,
            _ => return None,
        })
    }
}

/// The start of the period that holds an instant. Weeks begin on Sunday.
pub(crate) fn start_of(period: Period, at_ms: i64, zone: Tz) -> i64 {
    if period == Period::Hour {
        return at_ms - at_ms.rem_euclid(HOUR_MS);
    }
    let Some(date) = local_date(at_ms, zone) else { return at_ms };
    let start = match period {
        Period::Hour | Period::Day => Some(date),
        Period::Week => date.checked_sub_days(Days::new(u64::from(date.weekday().num_days_from_sunday()))),
        Period::Month => date.with_day(1),
    };
    start.map_or(at_ms, |start| midnight(start, zone))
}

/// The instant some periods later (or earlier); days, weeks and months keep the local time of day.
pub(crate) fn add(period: Period, at_ms: i64, count: i64, zone: Tz) -> i64 {
    if period == Period::Hour {
        return at_ms + count * HOUR_MS;
    }
    let Some(local) = DateTime::from_timestamp_millis(at_ms).map(|at| at.with_timezone(&zone).naive_local()) else {
        return at_ms;
    };
    let steps = u32::try_from(count.unsigned_abs().min(1_000_000)).unwrap_or(0);
    let days = u64::from(steps) * if period == Period::Week { 7 } else { 1 };
    let moved = match (period, count < 0) {
        (Period::Month, false) => local.checked_add_months(Months::new(steps)),
        (Period::Month, true) => local.checked_sub_months(Months::new(steps)),
        (_, false) => local.checked_add_days(Days::new(days)),
        (_, true) => local.checked_sub_days(Days::new(days)),
    };
    moved.map_or(at_ms, |moved| instant(moved, zone))
}

/// Local midnight of a date.
pub(crate) fn midnight(date: NaiveDate, zone: Tz) -> i64 {
    date.and_hms_opt(0, 0, 0).map_or(0, |local| instant(local, zone))
}

fn local_date(at_ms: i64, zone: Tz) -> Option<NaiveDate> {
    DateTime::from_timestamp_millis(at_ms).map(|at| at.with_timezone(&zone).date_naive())
}

fn instant(local: chrono::NaiveDateTime, zone: Tz) -> i64 {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => at.timestamp_millis(),
        // A local time that the clocks skip: the first instant after the gap.
        LocalResult::None => instant(local + chrono::TimeDelta::hours(1), zone),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW_YORK: Tz = Tz::America__New_York;

    #[test]
    fn a_local_day_begins_at_five_utc_in_winter_and_at_four_in_summer() {
        let winter = start_of(Period::Day, 1_767_258_000_000, NEW_YORK);
        assert_eq!(winter % 86_400_000, 5 * HOUR_MS);
        let summer = start_of(Period::Day, 1_782_820_800_000, NEW_YORK);
        assert_eq!(summer % 86_400_000, 4 * HOUR_MS);
    }

    #[test]
    fn a_week_begins_on_sunday() {
        // 2026-01-01 is a Thursday.
        assert_eq!(start_of(Period::Week, 1_767_258_000_000, Tz::UTC), 1_766_880_000_000);
    }

    #[test]
    fn the_day_the_clocks_change_has_23_hours() {
        let before = start_of(Period::Day, 1_772_960_400_000, NEW_YORK);
        assert_eq!(add(Period::Day, before, 1, NEW_YORK) - before, 23 * HOUR_MS);
    }
}
