//! The question that an explanation shows, asked of Pendo: its answer is the value.

use super::{Story, instant};
use chrono::NaiveDate;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What is one number over another, so that the last digits of Pendo's doubles may differ.
const QUOTIENTS: [&str; 6] = [
    "average_per_active_day",
    "average_per_active_user",
    "power_user_concentration",
    "stickiness",
    "trend",
    "adoption_rate",
];

impl Story {
    /// Pendo says the same; a question is missing only where there are no hours, or where days can't be cut in Pendo's language.
    pub(super) async fn agrees_with_pendo(&self, function: &str, explanation: &Value, value: &Value) {
        if explanation["pendo"].is_null() {
            // An all-time window before anything was used has no hours.
            let is_nothing = explanation["total"]["rows"] == 0;
            assert!(is_nothing || (function == "stickiness" && self.zone != chrono_tz::UTC), "{explanation:#}");
            return;
        }
        let asked = self.at_pendo(function, explanation).await;
        if !QUOTIENTS.contains(&function) {
            assert_eq!(asked, *value, "{}", explanation["pendo"]);
            return;
        }
        let is_same = match (asked.as_f64(), value.as_f64()) {
            (Some(asked), Some(value)) => (asked - value).abs() <= 1e-9 * (1.0 + value.abs()),
            // Nothing after nothing is no change.
            (None, Some(value)) => function == "trend" && value == 0.0,
            (asked, None) => asked.is_none(),
        };
        assert!(is_same, "{asked} at Pendo, {value} here: {}", explanation["pendo"]);
    }

    /// The value as Pendo answers the question that is shown.
    async fn at_pendo(&self, function: &str, explanation: &Value) -> Value {
        let question = &explanation["pendo"];
        let url = format!("{}/api/v1/aggregation", self.world.pendo().url());
        let request = self.pendo.post(url).header("x-pendo-integration-key", self.world.pendo().key());
        let answer = request.header("content-type", "application/json").body(question["body"].to_string());
        let answer: Value = serde_json::from_str(&answer.send().await.unwrap().text().await.unwrap()).unwrap();
        let rows = answer["results"].as_array().unwrap_or_else(|| panic!("{answer} to {question}"));
        let value = rows.first().map_or(&Value::Null, |row| &row["value"]);
        let is_distance = explanation["definition"]["function"] == "days_since_last_used";
        match question["gives"].as_str().unwrap() {
            "value" if QUOTIENTS.contains(&function) => value.clone(),
            "value" => json!(value.as_f64().unwrap_or_default().round() as u64),
            "instant" if value.is_null() => Value::Null,
            "instant" => {
                let at_ms = value.as_f64().unwrap().round() as i64;
                let text = instant(at_ms).to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
                if is_distance { json!(self.days_since(at_ms, explanation)) } else { json!(text) }
            }
            "hours" => {
                let date =
                    |row: &Value| instant(row["hour"].as_f64().unwrap() as i64).with_timezone(&self.zone).date_naive();
                let dates = rows.iter().map(date).collect::<BTreeSet<NaiveDate>>().len();
                let events: f64 = rows.iter().map(|row| row["events"].as_f64().unwrap()).sum();
                if QUOTIENTS.contains(&function) { json!(events / dates as f64) } else { json!(dates) }
            }
            other => panic!("{other}"),
        }
    }
}
