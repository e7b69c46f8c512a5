//! Hours, local days and zones: arithmetic only, no clock.

use chrono::{DateTime, Days, NaiveDate, Offset, SecondsFormat, TimeZone, Utc};
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
        Self(i32::try_from(ms.div_euclid(HOUR_MS)).unwrap_or(i32::MAX))
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
        Self(self.0 + n)
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
        let months = (2019..2040).flat_map(|year| (1..=12).filter_map(move |month| NaiveDate::from_ymd_opt(year, month, 15)));
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

    /// The local day (counted from 1970-01-01) that holds this instant.
    #[must_use]
    pub fn local_day(self, ms: i64) -> i32 {
        let instant = DateTime::<Utc>::from_timestamp_millis(ms).unwrap_or_default();
        let date = instant.with_timezone(&self.0).date_naive();
        i32::try_from(date.signed_duration_since(NaiveDate::default()).num_days()).unwrap_or(i32::MAX)
    }

    /// The first hour of a local day. Where a zone skips midnight, the first hour that exists; where midnight comes
    /// twice, the earlier.
    #[must_use]
    pub fn midnight(self, local_day: i32) -> Hour {
        let epoch = NaiveDate::default();
        let date = if local_day >= 0 {
            epoch.checked_add_days(Days::new(u64::from(local_day.unsigned_abs())))
        } else {
            epoch.checked_sub_days(Days::new(u64::from(local_day.unsigned_abs())))
        };
        let Some(date) = date else { return Hour(i32::MIN / 2) };
        (0..24)
            .filter_map(|hour| date.and_hms_opt(hour, 0, 0))
            .find_map(|local| self.0.from_local_datetime(&local).earliest())
            .map_or(Hour(0), |instant| Hour::of_ms(instant.timestamp_millis()))
    }
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
