//! Windows, found by walking from date to date.

use super::{DAY_HOURS, HOUR_MS, Reference, WHOLE_BY_DEFAULT, kind_name};
use chrono::{DateTime, Datelike, NaiveDate, SecondsFormat, Utc, Weekday};
use serde_json::{Value, json};

impl Reference {
    pub(super) fn window(&self, definition: &Value, kind: &str) -> (i64, i64) {
        let window = &definition["window"];
        if window["all_time"] == true {
            let first = self
                .rows
                .iter()
                .chain(&self.erased)
                .filter(|row| kind_name(row.kind) == kind)
                .map(|row| row.hour_ms)
                .min();
            return (self.history_from_ms.or(first).unwrap_or(self.as_of_ms), self.as_of_ms);
        }
        let today = self.today();
        if let Some(date) = window["since"].as_str() {
            return (self.begin_of(date.parse().unwrap()).min(self.as_of_ms), self.as_of_ms);
        }
        let is_whole_by_default = WHOLE_BY_DEFAULT.contains(&definition["function"].as_str().unwrap());
        if let Some(period) = window["calendar"].as_str() {
            let offset = window["offset"].as_u64().unwrap_or(u64::from(is_whole_by_default));
            let from = (0..offset).fold(first_of(period, today), |date, _| first_of(period, date.pred_opt().unwrap()));
            let mut next = from.succ_opt().unwrap();
            while first_of(period, next) == from {
                next = next.succ_opt().unwrap();
            }
            return (self.begin_of(from), if offset == 0 { self.as_of_ms } else { self.begin_of(next) });
        }
        let is_whole = window["complete_days"].as_bool().unwrap_or(is_whole_by_default);
        let end = if is_whole { today } else { today.succ_opt().unwrap() };
        let from = rolled_back(window, end);
        (self.begin_of(from), if is_whole { self.begin_of(today) } else { self.as_of_ms })
    }

    /// Where the equal window before begins, if its rows matter too.
    pub(super) fn previous_from(&self, definition: &Value) -> Option<i64> {
        if definition["function"] != "trend" {
            return None;
        }
        let mut twice = definition.clone();
        let window = twice["window"].as_object_mut().unwrap();
        if let Some(offset) = window.get("calendar").map(|_| window.get("offset").and_then(Value::as_u64).unwrap_or(1))
        {
            window.insert("offset".to_owned(), json!(offset + 1));
        }
        for member in ["rolling_days", "rolling_weeks", "rolling_months"] {
            if let Some(count) = window.get(member).and_then(Value::as_u64) {
                window.insert(member.to_owned(), json!(2 * count));
            }
        }
        Some(self.window(&twice, definition["usage"]["kind"].as_str().unwrap()).0)
    }

    pub(super) fn date(&self, at_ms: i64) -> NaiveDate {
        instant(at_ms).with_timezone(&self.zone).date_naive()
    }

    /// The first hour whose local date is this one: found by walking.
    pub(super) fn begin_of(&self, date: NaiveDate) -> i64 {
        let mut at_ms = date.and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp_millis() - 2 * DAY_HOURS * HOUR_MS;
        while self.date(at_ms) < date {
            at_ms += HOUR_MS;
        }
        at_ms
    }
}

/// The first date of the day, week, month or quarter that holds a date: found by walking.
fn first_of(period: &str, mut date: NaiveDate) -> NaiveDate {
    let is_first = |date: NaiveDate| match period {
        "day" => true,
        "week" => date.weekday() == Weekday::Mon,
        "month" => date.day() == 1,
        _ => date.day() == 1 && [1, 4, 7, 10].contains(&date.month()),
    };
    while !is_first(date) {
        date = date.pred_opt().unwrap();
    }
    date
}

/// The date a rolling window's length before another: a month before is the same day, or the last before it that there is.
fn rolled_back(window: &Value, end: NaiveDate) -> NaiveDate {
    let count = |member: &str| window[member].as_u64();
    if let Some(months) = count("rolling_months") {
        let month = i64::from(end.year()) * 12 + i64::from(end.month0()) - i64::try_from(months).unwrap();
        let (year, month) =
            (i32::try_from(month.div_euclid(12)).unwrap(), u32::try_from(month.rem_euclid(12)).unwrap());
        let there = (1..=end.day()).rev().find_map(|day| NaiveDate::from_ymd_opt(year, month + 1, day));
        return there.unwrap();
    }
    let days = count("rolling_days").or_else(|| Some(count("rolling_weeks")? * 7)).unwrap();
    end - chrono::Days::new(days)
}

fn instant(at_ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at_ms).unwrap()
}

pub(super) fn second(at_ms: i64) -> String {
    instant(at_ms).to_rfc3339_opts(SecondsFormat::Secs, true)
}

pub(super) fn millisecond(at_ms: i64) -> String {
    instant(at_ms).to_rfc3339_opts(SecondsFormat::Millis, true)
}
