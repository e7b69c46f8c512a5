//! What can go wrong with Pendo: one variant per reaction.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
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

/// What is wrong with an answer of Pendo's, in the few words that an operator counts by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// 401, 402, 403: the key or the plan.
    Refused,
    /// 429.
    RateLimited,
    /// 5xx, or no connection.
    Unavailable,
    /// Cut short, or too slow.
    Incomplete,
    /// Not what the API documents, or a request that it does not take.
    Unreadable,
}

impl Trouble {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Refused, Self::RateLimited, Self::Unavailable, Self::Incomplete, Self::Unreadable];
}

impl PendoError {
    /// What is wrong, to be counted.
    #[must_use]
    pub const fn trouble(&self) -> Trouble {
        match self {
            Self::Unauthorized { .. } | Self::PaymentRequired => Trouble::Refused,
            Self::RateLimited { .. } => Trouble::RateLimited,
            Self::Unavailable { .. } => Trouble::Unavailable,
            Self::Incomplete { .. } => Trouble::Incomplete,
            Self::NotFound { .. } | Self::BadRequest { .. } | Self::Unreadable { .. } => Trouble::Unreadable,
        }
    }

    /// Whether Pendo is out of reach or overloaded, so that asking less is all that helps.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::RateLimited { .. } | Self::Unavailable { .. } | Self::Incomplete { .. })
    }
}
