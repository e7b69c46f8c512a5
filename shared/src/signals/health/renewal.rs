//! Which renewals are due, how healthy those objects are, and which are at risk.

use super::Scored;
use super::answer::drivers_schema;
use crate::signals::event::{Band, Driver};
use crate::signals::facts::Known;
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::Serialize;

/// A renewal is near when it is so many days away or fewer.
pub const WITHIN_DAYS: i32 = 90;

/// An object with what the directory has in its column of the renewal's date.
#[derive(Clone, Debug, PartialEq)]
pub struct DueRow {
    /// Its id.
    pub object_id: String,
    /// What the column holds: a date, or what begins with one.
    pub date: Known,
    /// The band in which it stands.
    pub band: Option<Band>,
    /// Its health.
    pub scored: Scored,
}

/// A renewal.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Renewal {
    /// The object's id.
    pub object_id: String,
    /// The date, such as 2026-03-31; null where the column holds none.
    pub date: Option<String>,
    /// Days from today to it; below 0 where it is over.
    pub days_left: Option<i32>,
    /// The band; null where the object is not scored.
    pub band: Option<Band>,
    /// The score, 0 to 100.
    pub score: Option<f64>,
    /// The inputs that cost points or are missing, those that cost most first.
    #[schemars(schema_with = "drivers_schema")]
    pub drivers: Vec<Driver>,
    /// How much the renewal is at risk.
    pub risk: Risk,
}

/// How much a renewal is at risk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Poor, and due within 90 days or overdue.
    High,
    /// Fair and due within 90 days or overdue, or poor and due later.
    Medium,
    /// Any other that is scored.
    Low,
    /// It is not scored, or has no date.
    Unknown,
}

/// The renewals by date, the next first and those without a date last; on one day by the object's id. `today` is counted from
/// 1970.
#[must_use]
pub fn renewals(today: i32, rows: Vec<DueRow>) -> Vec<Renewal> {
    let mut all: Vec<(Option<NaiveDate>, Renewal)> = rows.into_iter().map(|row| row.renewal(today)).collect();
    all.sort_by(|(one, a), (other, b)| (one.is_none(), one, &a.object_id).cmp(&(other.is_none(), other, &b.object_id)));
    all.into_iter().map(|(_, renewal)| renewal).collect()
}

impl DueRow {
    fn renewal(self, today: i32) -> (Option<NaiveDate>, Renewal) {
        let date: Option<NaiveDate> = self.date.text().and_then(|text| text.get(..10)).and_then(|day| day.parse().ok());
        let days_left = date.and_then(|date| {
            let day = date.signed_duration_since(NaiveDate::default()).num_days();
            i32::try_from(day - i64::from(today)).ok()
        });
        // A band that is only remembered says nothing of an object that is not scored now.
        let band = self.band.filter(|_| self.scored.score.is_some());
        let renewal = Renewal {
            object_id: self.object_id,
            date: date.map(|date| date.to_string()),
            days_left,
            band,
            score: self.scored.score,
            drivers: self.scored.drivers,
            risk: risk(band, days_left),
        };
        (date, renewal)
    }
}

fn risk(band: Option<Band>, days_left: Option<i32>) -> Risk {
    let Some((band, days)) = band.zip(days_left) else { return Risk::Unknown };
    match (band, days <= WITHIN_DAYS) {
        (Band::Poor, true) => Risk::High,
        (Band::Fair, true) | (Band::Poor, false) => Risk::Medium,
        (Band::Fair, false) | (Band::Good, _) => Risk::Low,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::facts::Gap;

    /// 2026-01-01.
    const TODAY: i32 = 20_454;

    fn row(id: &str, date: &str, band: Option<Band>, score: Option<f64>) -> DueRow {
        let date = if date.is_empty() { Known::nothing(Gap::Empty) } else { Known::Text(date.to_owned()) };
        DueRow { object_id: id.to_owned(), date, band, scored: Scored { score, ..Scored::default() } }
    }

    #[test]
    fn they_come_by_date_and_those_without_one_last() {
        let rows = vec![
            row("none", "", Some(Band::Poor), Some(10.0)),
            row("far", "2027-01-01", Some(Band::Poor), Some(10.0)),
            row("b", "2026-01-31T00:00:00Z", Some(Band::Good), Some(90.0)),
            row("a", "2026-01-31", Some(Band::Good), Some(90.0)),
            row("over", "2025-12-31", Some(Band::Fair), Some(60.0)),
            row("no date", "next spring", Some(Band::Fair), Some(60.0)),
        ];
        let all = renewals(TODAY, rows);
        let told: Vec<(&str, Option<i32>)> =
            all.iter().map(|renewal| (renewal.object_id.as_str(), renewal.days_left)).collect();
        let expected = [
            ("over", Some(-1)),
            ("a", Some(30)),
            ("b", Some(30)),
            ("far", Some(365)),
            ("no date", None),
            ("none", None),
        ];
        assert_eq!(told, expected);
        assert_eq!(all[2].date.as_deref(), Some("2026-01-31"));
        assert_eq!(all[5].risk, Risk::Unknown, "who knows when");
    }

    #[test]
    fn the_risk_goes_by_band_and_by_90_days() {
        let risk = |date: &str, band, score| renewals(TODAY, vec![row("a", date, band, score)])[0].risk;
        let (day_90, day_91) = ("2026-04-01", "2026-04-02");
        assert_eq!(risk(day_90, Some(Band::Poor), Some(50.0)), Risk::High);
        assert_eq!(risk(day_91, Some(Band::Poor), Some(50.0)), Risk::Medium);
        assert_eq!(risk(day_90, Some(Band::Fair), Some(60.0)), Risk::Medium);
        assert_eq!(risk(day_91, Some(Band::Fair), Some(60.0)), Risk::Low);
        assert_eq!(risk(day_90, Some(Band::Good), Some(90.0)), Risk::Low);
        assert_eq!(risk("2025-06-01", Some(Band::Poor), Some(20.0)), Risk::High, "overdue is near");
        assert_eq!(risk(day_90, Some(Band::Poor), None), Risk::Unknown, "the band is only remembered");
    }
}
