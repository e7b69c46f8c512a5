//! The functions' settings, from the environment, read once at cold start.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// Rows that a run holds, unless a setting says otherwise.
pub const ROWS_HELD: usize = 80_000;

/// Where things are and what claims are called.
#[derive(Clone, Debug)]
pub struct Config {
    /// `TABLE_NAME`: the DynamoDB table.
    pub table: String,
    /// `QUEUE_URL`: the SQS queue of jobs.
    pub queue_url: String,
    /// `EVENT_BUS`: the name of the EventBridge bus that events are published to.
    pub event_bus: String,
    /// `SECRET_PREFIX`: how the names of integration keys' secrets begin, such as `pendo-usage/`.
    pub secret_prefix: String,
    /// `SECRET_KMS_KEY`: the KMS key that secrets are encrypted with. Empty or absent: Secrets Manager's own.
    pub secret_kms_key: Option<String>,
    /// `PENDO_BASE_URL`: instead of the region's host. `http` only on loopback. Empty or absent: the region's hosts.
    pub pendo_base_url: Option<String>,
    /// `WORKSPACE_CLAIM`: the token claim that names the workspace (default `workspace`).
    pub workspace_claim: String,
    /// `ACCESS_LEVEL_CLAIM`: the token claim that must be exactly `high` to configure (default `access_level`).
    pub access_level_claim: String,
    /// `PROVISIONAL_HOURS`: an hour younger than this is provisional (default 8).
    pub provisional_hours: i32,
    /// `PENDO_REQUESTS_PER_SECOND`: the most that a run asks Pendo (default 10).
    pub pendo_requests_per_second: u32,
    /// `ROWS_HELD`: rows of Pendo's answers that a run holds before it puts them into blocks (default 80000): about 150
    /// bytes each.
    pub rows_held: usize,
    /// How far back runs compare with Pendo, and how often.
    pub passes: Passes,
    /// `AWS_LAMBDA_FUNCTION_NAME`, as Lambda sets it: the function that metrics are told of. Nobody collects them elsewhere.
    pub function: Option<String>,
}

/// How far back runs compare what is stored with Pendo, and how often they look how far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passes {
    /// `TRAILING_HOURS`: the hours that every run compares (default 48, from 1 to 240).
    pub trailing_hours: i32,
    /// `DAILY_PASS_DAYS`: the days that are compared once a day (default 10, from 2 to 60); at least one more than the
    /// trailing hours have, so that the pass also covers a day without a run.
    pub daily_days: i32,
    /// `HISTORY_PASS_DAYS`: all history is compared by day once in so many days (default 7, from 1 to 365).
    pub history_days: i32,
    /// `TOTALS_PASS_DAYS`: the totals per Pendo account and per object, by thirty days, are compared once in so many days
    /// (default 7, from 1 to 365; 0: never).
    pub totals_days: i32,
}

impl Default for Passes {
    fn default() -> Self {
        Self { trailing_hours: 48, daily_days: 10, history_days: 7, totals_days: 7 }
    }
}

impl Passes {
    /// Reads variables; what is absent has its default.
    fn read(variable: impl Fn(&'static str) -> Option<String>) -> Result<Self, ConfigError> {
        let standard = Self::default();
        let read = |name, range: RangeInclusive<i32>, standard| number(name, variable(name), range, standard);
        let passes = Self {
            trailing_hours: read("TRAILING_HOURS", 1..=240, standard.trailing_hours)?,
            daily_days: read("DAILY_PASS_DAYS", 2..=60, standard.daily_days)?,
            history_days: read("HISTORY_PASS_DAYS", 1..=365, standard.history_days)?,
            totals_days: read("TOTALS_PASS_DAYS", 0..=365, standard.totals_days)?,
        };
        if passes.daily_hours() < passes.trailing_hours + 24 {
            let what = "must be at least a day more than TRAILING_HOURS".to_owned();
            return Err(ConfigError { name: "DAILY_PASS_DAYS", what });
        }
        Ok(passes)
    }

    /// The hours of the daily pass.
    #[must_use]
    pub const fn daily_hours(self) -> i32 {
        self.daily_days * 24
    }
}

/// A setting that is missing or wrong.
#[derive(Debug, thiserror::Error)]
#[error("the environment variable {name} {what}")]
pub struct ConfigError {
    /// The variable.
    pub name: &'static str,
    /// What is wrong with it.
    pub what: String,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// A variable that is missing or can't be used, by name.
    pub fn from_env() -> Result<Self, ConfigError> {
        let pendo_base_url = optional("PENDO_BASE_URL");
        if let Some(url) = &pendo_base_url {
            check_base_url(url).map_err(|what| ConfigError { name: "PENDO_BASE_URL", what })?;
        }
        Ok(Self {
            table: required("TABLE_NAME")?,
            queue_url: required("QUEUE_URL")?,
            event_bus: required("EVENT_BUS")?,
            secret_prefix: optional("SECRET_PREFIX").unwrap_or_else(|| "pendo-usage/".to_owned()),
            secret_kms_key: optional("SECRET_KMS_KEY"),
            pendo_base_url,
            workspace_claim: optional("WORKSPACE_CLAIM").unwrap_or_else(|| "workspace".to_owned()),
            access_level_claim: optional("ACCESS_LEVEL_CLAIM").unwrap_or_else(|| "access_level".to_owned()),
            provisional_hours: number("PROVISIONAL_HOURS", optional("PROVISIONAL_HOURS"), 0..=240, 8)?,
            pendo_requests_per_second: number(
                "PENDO_REQUESTS_PER_SECOND",
                optional("PENDO_REQUESTS_PER_SECOND"),
                1..=1000,
                crate::pendo::pace::PER_SECOND,
            )?,
            rows_held: number("ROWS_HELD", optional("ROWS_HELD"), 100..=10_000_000, ROWS_HELD)?,
            passes: Passes::read(optional)?,
            function: optional("AWS_LAMBDA_FUNCTION_NAME"),
        })
    }
}

/// Checks a base URL for Pendo: https, or http to a loopback address only.
///
/// # Errors
/// What is wrong, as the rest of a sentence.
pub fn check_base_url(text: &str) -> Result<(), String> {
    let url = reqwest::Url::parse(text).map_err(|_| "is not a URL".to_owned())?;
    let is_loopback = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback => Ok(()),
        "http" => Err("may use http only on this machine (127.0.0.1); use https".to_owned()),
        _ => Err("must begin with https://".to_owned()),
    }
}

/// A whole number within a range, or its default.
fn number<N: FromStr + PartialOrd + Display>(
    name: &'static str,
    text: Option<String>,
    range: RangeInclusive<N>,
    standard: N,
) -> Result<N, ConfigError> {
    let Some(text) = text else { return Ok(standard) };
    text.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| ConfigError {
        name,
        what: format!("must be a whole number from {} to {}", range.start(), range.end()),
    })
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn optional(name: &str) -> Option<String> {
    std::env::var(name).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn required(name: &'static str) -> Result<String, ConfigError> {
    optional(name).ok_or_else(|| ConfigError { name, what: "is not set".to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(given: &'static [(&'static str, &'static str)]) -> Result<Passes, String> {
        let variable = |name: &str| given.iter().find(|(of, _)| *of == name).map(|(_, text)| (*text).to_owned());
        Passes::read(variable).map_err(|error| error.to_string())
    }

    #[test]
    fn passes_are_as_designed_unless_variables_say_otherwise() {
        assert_eq!(passes(&[]), Ok(Passes { trailing_hours: 48, daily_days: 10, history_days: 7, totals_days: 7 }));
        let all = passes(&[
            ("TRAILING_HOURS", "24"),
            ("DAILY_PASS_DAYS", "30"),
            ("HISTORY_PASS_DAYS", "1"),
            ("TOTALS_PASS_DAYS", "0"),
        ]);
        assert_eq!(all, Ok(Passes { trailing_hours: 24, daily_days: 30, history_days: 1, totals_days: 0 }));
    }

    #[test]
    fn a_pass_that_is_no_number_in_its_range_is_refused_by_its_name() {
        for (given, said) in [
            (("TRAILING_HOURS", "0"), "TRAILING_HOURS must be a whole number from 1 to 240"),
            (("DAILY_PASS_DAYS", "ten"), "DAILY_PASS_DAYS must be a whole number from 2 to 60"),
            (("HISTORY_PASS_DAYS", "0"), "HISTORY_PASS_DAYS must be a whole number from 1 to 365"),
            (("TOTALS_PASS_DAYS", "-1"), "TOTALS_PASS_DAYS must be a whole number from 0 to 365"),
        ] {
            let given: &'static [_] = Box::leak(Box::new([given]));
            assert_eq!(passes(given), Err(format!("the environment variable {said}")));
        }
        let refused = passes(&[("TRAILING_HOURS", "72"), ("DAILY_PASS_DAYS", "3")]);
        assert!(refused.is_err_and(|said| said.contains("at least a day more")));
    }
}
