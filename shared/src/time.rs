//! Hours, local days and zones: arithmetic only, no clock.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, Offset, SecondsFormat, TimeZone, Utc};
use serde::{Deserialize, Serialize};

/// Milliseconds in an hour.
pub const HOUR_MS: i64 = 3_600_000;
/// Milliseconds in a day of 24 hours.
pub const DAY_MS: i64 = 24 * HOUR_MS;

/// An hour in UTC, counted from 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hour(pub i32);

impl Hour {
    /// The hour that holds this instant (ms since 1970).
    #[must_use]
    pub fn of_ms(ms: i64) -> Self {
        Self(clamped(ms.div_euclid(HOUR_MS)))
    }

    /// Its first instant, in ms since 1970.
    #[must_use]
    pub fn start_ms(self) -> i64 {
        i64::from(self.0) * HOUR_MS
    }

    /// The UTC day that holds it, counted from 1970.
    #[must_use]
    pub fn utc_day(self) -> i32 {
        self.0.div_euclid(24)
    }

    /// The hour `n` later (earlier when negative).
    #[must_use]
    pub fn plus(self, n: i32) -> Self {
        Self(self.0.saturating_add(n))
    }
}

/// Hours from `from` up to, not including, `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HourRange {
    /// The first hour.
    pub from: Hour,
    /// The hour after the last.
    pub to: Hour,
}

impl HourRange {
    /// How many hours it holds; 0 when `to` is not after `from`.
    #[must_use]
    pub fn len(self) -> i32 {
        (self.to.0 - self.from.0).max(0)
    }

    /// Whether it holds no hour.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Whether it holds this hour.
    #[must_use]
    pub fn holds(self, hour: Hour) -> bool {
        self.from <= hour && hour < self.to
    }
}

/// An IANA time zone whose offsets are whole hours, as Pendo's are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Zone(chrono_tz::Tz);

/// Why a time zone was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ZoneError {
    /// Not an IANA name.
    #[error("\"{0}\" is not an IANA time zone; use a name such as Europe/Berlin")]
    Unknown(String),
    /// Its offset from UTC is not a whole number of hours.
    #[error("{0} is not on whole hours and Pendo has no such zone; use the zone of your Pendo subscription")]
    NotWholeHours(String),
}

impl Zone {
    /// UTC, the default.
    pub const UTC: Self = Self(chrono_tz::Tz::UTC);

    /// Parses an IANA name and looks at its offsets in each month of the years 2019 to 2039.
    ///
    /// # Errors
    /// An unknown name, or a zone that is off the whole hour at any of those times.
    pub fn parse(name: &str) -> Result<Self, ZoneError> {
        let zone: chrono_tz::Tz = name.parse().map_err(|_| ZoneError::Unknown(name.to_owned()))?;
        let months =
            (2019..2040).flat_map(|year| (1..=12).filter_map(move |month| NaiveDate::from_ymd_opt(year, month, 15)));
        for date in months {
            let offset_seconds = zone.offset_from_utc_date(&date).fix().local_minus_utc();
            if offset_seconds % 3600 != 0 {
                return Err(ZoneError::NotWholeHours(name.to_owned()));
            }
        }
        Ok(Self(zone))
    }

    /// The IANA name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// The local day (counted from 1970-01-01) that holds this instant; of one that the calendar does not have, a day near its end.
    #[must_use]
    pub fn local_day(self, ms: i64) -> i32 {
        // No zone is two days away from UTC, so the local time is in the calendar, too.
        let ends = [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC].map(|end| end.timestamp_millis());
        let ms = ms.clamp(ends[0] + 2 * DAY_MS, ends[1] - 2 * DAY_MS);
        let instant = DateTime::<Utc>::from_timestamp_millis(ms).unwrap_or_default();
        day_of(instant.with_timezone(&self.0).date_naive())
    }

    /// The first hour of a local day. Where a zone skips midnight, the first hour that exists; where midnight comes
    /// twice, the earlier; where a zone skips the whole day, the first hour of the next.
    #[must_use]
    pub fn midnight(self, local_day: i32) -> Hour {
        let first_hour_of = |day: i32| {
            let date = date_of(day)?;
            let locals = (0..24).filter_map(|hour| date.and_hms_opt(hour, 0, 0));
            let instants = locals.filter_map(|local| self.0.from_local_datetime(&local).earliest());
            instants.map(|instant| Hour::of_ms(instant.timestamp_millis())).next()
        };
        let next_day = || first_hour_of(local_day.saturating_add(1));
        first_hour_of(local_day).or_else(next_day).unwrap_or(Hour(local_day.saturating_mul(24)))
    }
}

/// The date of a day counted from 1970.
fn date_of(day: i32) -> Option<NaiveDate> {
    let days = Days::new(u64::from(day.unsigned_abs()));
    let epoch = NaiveDate::default();
    if day >= 0 { epoch.checked_add_days(days) } else { epoch.checked_sub_days(days) }
}

/// The day of a date, counted from 1970.
fn day_of(date: NaiveDate) -> i32 {
    clamped(date.signed_duration_since(NaiveDate::default()).num_days())
}

/// The same day of the month so many months before, or that month's last day where it has no such day.
#[must_use]
pub fn months_before(day: i32, months: u32) -> i32 {
    let date = date_of(day).and_then(|date| date.checked_sub_months(Months::new(months)));
    date.map_or(day, day_of)
}

/// The first day of the month that holds a day.
#[must_use]
pub fn month_start(day: i32) -> i32 {
    date_of(day).and_then(|date| date.with_day(1)).map_or(day, day_of)
}

/// The month that holds a day, counted from January 1970.
#[must_use]
pub fn months_of(day: i32) -> i32 {
    date_of(day).map_or(0, |date| (date.year() - 1970) * 12 + clamped(date.month0().into()))
}

/// The first day of the quarter that holds a day.
#[must_use]
pub fn quarter_start(day: i32) -> i32 {
    let months_in = date_of(day).map_or(0, |date| date.month0() % 3);
    months_before(month_start(day), months_in)
}

/// The Monday of the week that holds a day.
#[must_use]
pub fn week_start(day: i32) -> i32 {
    // 1970 began on a Thursday.
    day.saturating_sub(day.saturating_add(3).rem_euclid(7))
}

/// A day as a date: `2026-06-30`.
#[must_use]
pub fn date_text(day: i32) -> String {
    date_of(day).unwrap_or_default().to_string()
}

/// Parses a date written as `2026-06-30` to a day counted from 1970.
#[must_use]
pub fn parse_date(text: &str) -> Option<i32> {
    let date: NaiveDate = text.parse().ok()?;
    // Forms such as 2026-6-1 or +2026-06-01 would not be printed as they came.
    (date.to_string() == text).then(|| day_of(date))
}

/// The nearest number that fits: times outside the calendar stay at its ends.
fn clamped(number: i64) -> i32 {
    i32::try_from(number).unwrap_or(if number < 0 { i32::MIN } else { i32::MAX })
}

impl Serialize for Zone {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::parse(&name).map_err(serde::de::Error::custom)
    }
}

/// An instant to the second, RFC 3339 in UTC: windows and `as_of`.
#[must_use]
pub fn to_the_second(ms: i64) -> String {
    DateTime::<Utc>::from_timestamp_millis(ms).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// An instant to the millisecond, RFC 3339 in UTC: first used, last used.
#[must_use]
pub fn to_the_millisecond(ms: i64) -> String {
    DateTime::<Utc>::from_timestamp_millis(ms).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Parses an RFC 3339 instant, or a date (its midnight in UTC), to ms since 1970.
#[must_use]
pub fn parse_instant(text: &str) -> Option<i64> {
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Some(instant.timestamp_millis());
    }
    let date: NaiveDate = text.parse().ok()?;
    Some(date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(text: &str) -> Hour {
        Hour::of_ms(parse_instant(text).unwrap())
    }

    fn day(text: &str) -> i32 {
        hour(text).utc_day()
    }

    #[test]
    fn hours_before_1970_are_whole_too() {
        assert_eq!(Hour::of_ms(-1), Hour(-1));
        assert_eq!(Hour(-1).utc_day(), -1);
        assert_eq!(Hour::of_ms(i64::MIN), Hour(i32::MIN));
        assert_eq!(Hour::of_ms(i64::MAX), Hour(i32::MAX));
    }

    #[test]
    fn a_range_holds_its_first_hour_and_not_its_end() {
        let range = HourRange { from: Hour(5), to: Hour(7) };
        assert_eq!([4, 5, 6, 7].map(|hour| range.holds(Hour(hour))), [false, true, true, false]);
        assert!(HourRange { from: Hour(7), to: Hour(5) }.is_empty());
    }

    #[test]
    fn zones_off_the_whole_hour_are_refused() {
        for name in ["Asia/Kolkata", "Asia/Kathmandu", "Australia/Adelaide", "Australia/Lord_Howe"] {
            assert_eq!(Zone::parse(name), Err(ZoneError::NotWholeHours(name.to_owned())));
        }
        assert_eq!(Zone::parse("Berlin"), Err(ZoneError::Unknown("Berlin".to_owned())));
        for name in ["UTC", "America/New_York", "Europe/Berlin", "Asia/Tokyo", "Australia/Sydney"] {
            assert_eq!(Zone::parse(name).unwrap().name(), name);
        }
    }

    #[test]
    fn local_days_begin_at_local_midnight() {
        let new_york = Zone::parse("America/New_York").unwrap();
        let midnight = hour("2026-06-30T04:00:00Z");
        assert_eq!(new_york.midnight(day("2026-06-30")), midnight);
        assert_eq!(new_york.local_day(midnight.start_ms()), day("2026-06-30"));
        assert_eq!(new_york.local_day(midnight.start_ms() - 1), day("2026-06-29"));
    }

    #[test]
    fn a_day_has_23_or_25_hours_when_clocks_change() {
        let berlin = Zone::parse("Europe/Berlin").unwrap();
        let length = |date| berlin.midnight(day(date) + 1).0 - berlin.midnight(day(date)).0;
        assert_eq!(length("2026-03-29"), 23);
        assert_eq!(length("2026-10-25"), 25);
        assert_eq!(length("2026-06-30"), 24);
    }

    #[test]
    fn a_midnight_that_is_skipped_or_comes_twice_is_the_first_hour_of_its_day() {
        // Cairo springs from midnight to 01:00; Havana falls from 01:00 back to midnight.
        let cairo = Zone::parse("Africa/Cairo").unwrap();
        assert_eq!(cairo.midnight(day("2026-04-24")), hour("2026-04-23T22:00:00Z"));
        let havana = Zone::parse("America/Havana").unwrap();
        assert_eq!(havana.midnight(day("2026-11-01")), hour("2026-11-01T04:00:00Z"));
        // Samoa had no 30 December 2011.
        let apia = Zone::parse("Pacific/Apia").unwrap();
        assert_eq!(apia.midnight(day("2011-12-30")), apia.midnight(day("2011-12-31")));
    }

    #[test]
    fn every_hour_lies_between_the_midnights_of_its_local_day() {
        for name in
            ["Europe/Berlin", "America/Havana", "Africa/Cairo", "Asia/Beirut", "America/Santiago", "Africa/Casablanca"]
        {
            let zone = Zone::parse(name).unwrap();
            for hour in (hour("2026-01-01").0..hour("2027-01-01").0).map(Hour) {
                let day = zone.local_day(hour.start_ms());
                assert!(zone.midnight(day) <= hour && hour < zone.midnight(day + 1), "{name} {hour:?}");
            }
        }
    }

    #[test]
    fn a_month_before_is_the_same_day_or_the_months_last() {
        for (date, months, before) in [
            ("2026-03-31", 1, "2026-02-28"),
            ("2024-03-30", 1, "2024-02-29"),
            ("2024-02-29", 12, "2023-02-28"),
            ("2026-03-15", 1, "2026-02-15"),
            ("2026-01-31", 2, "2025-11-30"),
            ("2026-06-30", 84, "2019-06-30"),
        ] {
            assert_eq!(months_before(day(date), months), day(before), "{date}");
        }
    }

    #[test]
    fn periods_begin_on_mondays_and_on_the_first() {
        for (date, week, month, quarter) in [
            ("2026-06-30", "2026-06-29", "2026-06-01", "2026-04-01"),
            ("2026-06-29", "2026-06-29", "2026-06-01", "2026-04-01"),
            ("2026-06-28", "2026-06-22", "2026-06-01", "2026-04-01"),
            ("2026-01-01", "2025-12-29", "2026-01-01", "2026-01-01"),
            ("2024-02-29", "2024-02-26", "2024-02-01", "2024-01-01"),
            ("2026-12-31", "2026-12-28", "2026-12-01", "2026-10-01"),
        ] {
            let at = day(date);
            assert_eq!([week_start(at), month_start(at), quarter_start(at)], [week, month, quarter].map(day), "{date}");
        }
        assert_eq!(week_start(-4), -10, "Sunday, 28 December 1969");
    }

    #[test]
    fn a_date_prints_as_it_was_written() {
        for text in ["2026-01-01", "2024-02-29", "1969-12-31"] {
            assert_eq!(parse_date(text).map(date_text).as_deref(), Some(text));
        }
        for text in ["2026-02-29", "2026-1-1", "01.01.2026", "2026-01-01T00:00:00Z", "", "today", "+2026-01-01"] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }

    #[test]
    fn instants_print_to_the_second_and_to_the_millisecond() {
        let ms = parse_instant("2026-06-30T12:30:00.250+02:00").unwrap();
        assert_eq!(to_the_second(ms), "2026-06-30T10:30:00Z");
        assert_eq!(to_the_millisecond(ms), "2026-06-30T10:30:00.250Z");
        assert_eq!(parse_instant("2026-06-30"), parse_instant("2026-06-30T00:00:00Z"));
        assert_eq!(parse_instant("yesterday"), None);
    }
}
