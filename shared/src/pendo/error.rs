//! What can go wrong with Pendo: one variant per reaction.

use std::time::Duration;

/// Why Pendo gave no usable answer. No variant carries the key or a body of data.
#[derive(Debug, thiserror::Error)]
pub enum PendoError {
    /// 401 or 403. Wrong key, revoked key, another region's key and a plan without API look the same.
    #[error("pendo answered {status}: the key is wrong, revoked, of another region, or the plan has no API access")]
    Unauthorized {
        /// The status.
        status: u16,
    },
    /// 402: the plan does not cover the request.
    #[error("pendo answered 402: the subscription's plan does not cover this request")]
    PaymentRequired,
    /// 429, after the retries.
    #[error("pendo asks to slow down")]
    RateLimited {
        /// What Pendo asked for, if it did.
        retry_after: Option<Duration>,
    },
    /// 404: the endpoint or object does not exist, or is not visible to the key.
    #[error("pendo does not know {what}")]
    NotFound {
        /// The path asked for.
        what: String,
    },
    /// 400 or 422: our own request is at fault.
    #[error("pendo refused the request with {status}: {detail}")]
    BadRequest {
        /// The status.
        status: u16,
        /// The first characters of Pendo's text.
        detail: String,
    },
    /// 5xx or no connection, after the retries.
    #[error("pendo is not available: {detail}")]
    Unavailable {
        /// What happened.
        detail: String,
    },
    /// The answer took too long or was cut: a smaller window may succeed.
    #[error("pendo's answer did not arrive whole: {detail}")]
    Incomplete {
        /// What happened.
        detail: String,
    },
    /// The answer is not what the API documents.
    #[error("pendo's answer is unreadable at {place}: {detail}")]
    Unreadable {
        /// Where in the answer.
        place: String,
        /// What was wrong.
        detail: String,
    },
}

impl PendoError {
    /// Whether Pendo is out of reach or overloaded, so that asking less is all that helps.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::RateLimited { .. } | Self::Unavailable { .. } | Self::Incomplete { .. })
    }
}
