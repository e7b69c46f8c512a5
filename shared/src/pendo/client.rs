//! The client: one base URL, one key, one retry loop. The key appears on one line of this file.

use super::pace::{PER_SECOND, Pace};
use super::{PendoError, Trouble};
use crate::id::PropertiesId;
use crate::planted::planted;
use crate::usage::properties::Properties;
use rand::RngExt;
use reqwest::{StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How often a request is sent before its failure is believed.
const ATTEMPTS_MAX: u32 = 4;
/// How often a key is refused before a run believes it: now and then Pendo refuses a good one.
const REFUSALS_BELIEVED: u32 = 3;
/// The longest pause that Pendo may ask for and get.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);
/// For the small lists.
const GET_TIMEOUT: Duration = Duration::from_secs(60);
/// The longest list, which is held whole.
const LIST_BYTES_MAX: usize = 128 << 20;
/// How much of an error's body is read.
const REFUSAL_BYTES_MAX: usize = 16 << 10;
/// How much of an error's body is kept for people.
const DETAIL_CHARS_MAX: usize = 200;

/// What went over the wire through a client and its clones.
#[derive(Default)]
pub struct Traffic {
    requests: AtomicU64,
    troubles: [AtomicU64; Trouble::ALL.len()],
    pub(super) usage_requests: AtomicU64,
    pub(super) bytes: AtomicU64,
}

/// What `token/verify` said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Whether the key is valid; `None` where the endpoint does not exist.
    pub valid: Option<bool>,
    /// Whether the key may write, when Pendo says so.
    pub write_access: Option<bool>,
}

/// Speaks to one Pendo subscription.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base_url: String,
    key: header::HeaderValue,
    pub(super) traffic: Arc<Traffic>,
    pub(super) pace: Arc<Pace>,
    refusals_believed: u32,
    /// What the kinds of track events with properties stand for.
    pub(super) named: BTreeMap<PropertiesId, Properties>,
}

impl Client {
    /// For a base URL such as `https://app.pendo.io`. Redirects are never followed: the key would travel along.
    ///
    /// # Errors
    /// A key that can't stand in a header, or no TLS on this machine.
    pub fn new(base_url: &str, key: &SecretString) -> Result<Self, PendoError> {
        let mut value = header::HeaderValue::from_str(key.expose_secret()).map_err(|_| PendoError::BadRequest {
            status: 0,
            detail: "the key has characters that no header may hold".to_owned(),
        })?;
        value.set_sensitive(true);
        let never = reqwest::redirect::Policy::none();
        let policy = if planted!(RedirectFollowed) { reqwest::redirect::Policy::default() } else { never };
        let http = reqwest::Client::builder()
            .redirect(policy)
            .https_only(!base_url.starts_with("http://"))
            .no_proxy()
            .connect_timeout(Duration::from_secs(10))
            .build()
            .map_err(|error| PendoError::Unavailable { detail: error.to_string() })?;
        let base_url = base_url.trim_end_matches('/').to_owned();
        Ok(Self {
            http,
            base_url,
            key: value,
            traffic: Arc::default(),
            pace: Arc::new(Pace::new(PER_SECOND)),
            refusals_believed: 1,
            named: BTreeMap::new(),
        })
    }

    /// The same with another number of requests a second.
    #[must_use]
    pub fn paced(self, per_second: u32) -> Self {
        Self { pace: Arc::new(Pace::new(per_second)), ..self }
    }

    /// The same, but a refused key is asked with again before it is believed to be refused.
    #[must_use]
    pub fn doubting_refusals(self) -> Self {
        Self { refusals_believed: REFUSALS_BELIEVED, ..self }
    }

    /// All requests sent so far, retries included.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.traffic.requests.load(Ordering::Relaxed)
    }

    /// Aggregations over usage sent so far: probes and fetches.
    #[must_use]
    pub fn usage_requests(&self) -> u64 {
        self.traffic.usage_requests.load(Ordering::Relaxed)
    }

    /// Bytes of answers so far, after decompression.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.traffic.bytes.load(Ordering::Relaxed)
    }

    /// Answers in trouble so far, by what is wrong with them; those that were asked for again count too.
    #[must_use]
    pub fn troubles(&self) -> BTreeMap<Trouble, u64> {
        let counted = Trouble::ALL.into_iter().zip(&self.traffic.troubles);
        counted
            .map(|(trouble, count)| (trouble, count.load(Ordering::Relaxed)))
            .filter(|(_, count)| *count > 0)
            .collect()
    }

    /// Counts an answer in trouble.
    pub(super) fn note(&self, error: &PendoError) {
        let counted =
            Trouble::ALL.into_iter().zip(&self.traffic.troubles).find(|(trouble, _)| *trouble == error.trouble());
        counted.inspect(|(_, count)| _ = count.fetch_add(1, Ordering::Relaxed));
    }

    /// Asks whether the key is good.
    ///
    /// # Errors
    /// Pendo's.
    pub async fn verify(&self) -> Result<Verified, PendoError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer {
            valid: Option<bool>,
            write_access: Option<bool>,
        }
        match self.get_json("/api/v1/token/verify").await {
            Ok(value) => {
                let answer: Answer = serde_json::from_value(value).map_err(|error| PendoError::Unreadable {
                    place: "token/verify".to_owned(),
                    detail: error.to_string(),
                })?;
                Ok(Verified { valid: answer.valid.or(Some(true)), write_access: answer.write_access })
            }
            Err(PendoError::NotFound { .. }) => Ok(Verified { valid: None, write_access: None }),
            Err(error) => Err(error),
        }
    }

    /// Reads one of the lists, such as `/api/v1/feature?expand=*`.
    ///
    /// # Errors
    /// Pendo's.
    pub async fn get_json(&self, path: &str) -> Result<serde_json::Value, PendoError> {
        let mut attempt = 1;
        loop {
            match self.get_once(path).await {
                // A page of HTML or half an answer with status 200 may pass as a 503 does.
                Err(PendoError::Incomplete { .. } | PendoError::Unreadable { .. }) if attempt < ATTEMPTS_MAX => {
                    tokio::time::sleep(jitter(attempt)).await;
                    attempt += 1;
                }
                other => return other,
            }
        }
    }

    async fn get_once(&self, path: &str) -> Result<serde_json::Value, PendoError> {
        let _room = self.pace.room().await;
        let mut response = self.send(path, GET_TIMEOUT, None).await?;
        let body = body(&mut response, LIST_BYTES_MAX).await.map_err(|error| incomplete(&error));
        let read = body.and_then(|body| {
            self.traffic.bytes.fetch_add(body.len() as u64, Ordering::Relaxed);
            serde_json::from_slice(&body)
                .map_err(|error| PendoError::Unreadable { place: path.to_owned(), detail: error.to_string() })
        });
        read.inspect_err(|error| self.note(error))
    }

    /// Sends a request until it is answered, with full-jitter pauses for what may pass.
    pub(super) async fn send(
        &self,
        path: &str,
        timeout: Duration,
        body: Option<&serde_json::Value>,
    ) -> Result<reqwest::Response, PendoError> {
        let url = format!("{}{path}", self.base_url);
        let mut attempt = 0;
        loop {
            attempt += 1;
            self.pace.turn().await;
            self.traffic.requests.fetch_add(1, Ordering::Relaxed);
            let request = match body {
                None => self.http.get(&url),
                Some(body) => self.http.post(&url).json(body),
            };
            let sent = request.header("x-pendo-integration-key", self.key.clone()).timeout(timeout).send().await;
            let mut asked = None;
            let error = match sent {
                Ok(response) if response.status().is_success() => return Ok(response),
                Ok(response) => {
                    asked = retry_after(&response);
                    refusal(path, response).await
                }
                Err(error) if error.is_timeout() && !error.is_connect() => incomplete(&error),
                Err(error) => PendoError::Unavailable { detail: error.without_url().to_string() },
            };
            self.note(&error);
            let attempts_max = match error {
                PendoError::RateLimited { .. } | PendoError::Unavailable { .. } => ATTEMPTS_MAX,
                PendoError::Unauthorized { .. } => self.refusals_believed,
                _ => 1,
            };
            if attempt >= attempts_max {
                return Err(error);
            }
            let pause = asked.map_or_else(|| jitter(attempt), |asked| asked.min(RETRY_AFTER_MAX));
            tracing::debug!(pendo.path = path, attempt, pause_ms = pause.as_millis(), "pendo will be asked again");
            tokio::time::sleep(pause).await;
        }
    }
}

/// How long Pendo asks to wait, if it does, in seconds.
fn retry_after(response: &reqwest::Response) -> Option<Duration> {
    let asked = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    asked.trim().parse().ok().map(Duration::from_secs)
}

/// Turns a status into the reaction it asks for. Bodies may be empty, text or HTML.
async fn refusal(path: &str, mut response: reqwest::Response) -> PendoError {
    let status = response.status();
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => PendoError::Unauthorized { status: status.as_u16() },
        StatusCode::PAYMENT_REQUIRED => PendoError::PaymentRequired,
        StatusCode::NOT_FOUND => PendoError::NotFound { what: path.to_owned() },
        StatusCode::TOO_MANY_REQUESTS => PendoError::RateLimited { retry_after: retry_after(&response) },
        StatusCode::REQUEST_TIMEOUT | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::GATEWAY_TIMEOUT => {
            PendoError::Incomplete { detail: format!("status {}", status.as_u16()) }
        }
        _ if status.is_server_error() => PendoError::Unavailable { detail: format!("status {}", status.as_u16()) },
        _ => {
            let bytes = body(&mut response, REFUSAL_BYTES_MAX).await.unwrap_or_default();
            let detail = String::from_utf8_lossy(&bytes).chars().take(DETAIL_CHARS_MAX).collect();
            PendoError::BadRequest { status: status.as_u16(), detail }
        }
    }
}

/// A body, up to so many bytes: what a small answer unpacks to is not ours to decide.
async fn body(response: &mut reqwest::Response, bytes_max: usize) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() > bytes_max {
            body.truncate(bytes_max);
            break;
        }
    }
    Ok(body)
}

pub(super) fn incomplete(error: &reqwest::Error) -> PendoError {
    let detail = if error.is_timeout() { "it took too long" } else { "the connection broke" };
    PendoError::Incomplete { detail: detail.to_owned() }
}

/// Full jitter: anything up to 0.5 s doubled with each attempt.
fn jitter(attempt: u32) -> Duration {
    let most_ms = 500u64 << attempt.min(6);
    Duration::from_millis(rand::rng().random_range(0..most_ms))
}

/// The traffic of a run, for its report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Requests {
    /// All requests, retries included.
    pub pendo_requests: u64,
    /// Aggregations over usage.
    pub usage_requests: u64,
    /// Bytes of answers after decompression.
    pub pendo_bytes: u64,
    /// Answers in trouble, those included that were asked for again.
    pub pendo_troubles: BTreeMap<Trouble, u64>,
}

impl From<&Client> for Requests {
    fn from(client: &Client) -> Self {
        Self {
            pendo_requests: client.requests(),
            usage_requests: client.usage_requests(),
            pendo_bytes: client.bytes(),
            pendo_troubles: client.troubles(),
        }
    }
}
