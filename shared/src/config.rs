//! The functions' settings, from the environment, read once at cold start.

/// Where things are and what claims are called.
#[derive(Clone, Debug)]
pub struct Config {
    /// `TABLE_NAME`: the DynamoDB table.
    pub table: String,
    /// `QUEUE_URL`: the SQS queue of jobs.
    pub queue_url: String,
    /// `SECRET_PREFIX`: how the names of integration keys' secrets begin, such as `pendo-usage/`.
    pub secret_prefix: String,
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
        let provisional_hours = match optional("PROVISIONAL_HOURS") {
            None => 8,
            Some(text) => text.parse().ok().filter(|hours| (0..=240).contains(hours)).ok_or_else(|| ConfigError {
                name: "PROVISIONAL_HOURS",
                what: "must be a whole number from 0 to 240".to_owned(),
            })?,
        };
        let pendo_requests_per_second = match optional("PENDO_REQUESTS_PER_SECOND") {
            None => crate::pendo::pace::PER_SECOND,
            Some(text) => text.parse().ok().filter(|rate| (1..=1000).contains(rate)).ok_or_else(|| ConfigError {
                name: "PENDO_REQUESTS_PER_SECOND",
                what: "must be a whole number from 1 to 1000".to_owned(),
            })?,
        };
        let pendo_base_url = optional("PENDO_BASE_URL");
        if let Some(url) = &pendo_base_url {
            check_base_url(url).map_err(|what| ConfigError { name: "PENDO_BASE_URL", what })?;
        }
        Ok(Self {
            table: required("TABLE_NAME")?,
            queue_url: required("QUEUE_URL")?,
            secret_prefix: optional("SECRET_PREFIX").unwrap_or_else(|| "pendo-usage/".to_owned()),
            pendo_base_url,
            workspace_claim: optional("WORKSPACE_CLAIM").unwrap_or_else(|| "workspace".to_owned()),
            access_level_claim: optional("ACCESS_LEVEL_CLAIM").unwrap_or_else(|| "access_level".to_owned()),
            provisional_hours,
            pendo_requests_per_second,
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

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn optional(name: &str) -> Option<String> {
    std::env::var(name).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn required(name: &'static str) -> Result<String, ConfigError> {
    optional(name).ok_or_else(|| ConfigError { name, what: "is not set".to_owned() })
}
