//! Rows: grouped usage records, as Pendo answers them and as blocks give them back.

use crate::id::{Kind, VisitorHash};
use crate::time::Hour;
use crate::usage::fingerprint::{Fingerprint, amount_of};
use std::borrow::Cow;

/// One grouped usage record as Pendo answered it. Its texts lie in the answer, unless they hold escapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// Which kind of usage.
    pub kind: Kind,
    /// The UTC hour it lies in; with the kind, its bucket.
    pub hour: Hour,
    /// Pendo's account id at the time of the event; `None` when absent or empty.
    pub account: Option<Cow<'a, str>>,
    /// Pendo's visitor id.
    pub visitor: Cow<'a, str>,
    /// Pendo's app id; the default app of old subscriptions is negative.
    pub app: i64,
    /// The feature, page, guide or track type; empty for kind `event`.
    pub object: Cow<'a, str>,
    /// The type of a guide event without prefix (`guideSeen`); of track events with properties the text of [`super::property`]; empty for
    /// other kinds.
    pub event_type: Cow<'a, str>,
    /// Number of events.
    pub events: u64,
    /// Sum of Pendo's minutes; 0 for guides.
    pub minutes: u64,
    /// First event, ms since 1970.
    pub first_ms: i64,
    /// Last event, ms since 1970.
    pub last_ms: i64,
}

/// One stored row as evaluation sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsageRow<'a> {
    /// Which kind of usage.
    pub kind: Kind,
    /// The UTC hour it lies in.
    pub hour: Hour,
    /// Pendo's account id on the row.
    pub account: Option<&'a str>,
    /// Who.
    pub visitor: VisitorHash,
    /// Pendo's app id.
    pub app: i64,
    /// The feature, page, guide or track type; empty for kind `event`.
    pub object: &'a str,
    /// As in [`Row`].
    pub event_type: &'a str,
    /// Number of events.
    pub events: u64,
    /// Sum of Pendo's minutes.
    pub minutes: u64,
    /// First event, ms since 1970.
    pub first_ms: i64,
    /// Last event, ms since 1970.
    pub last_ms: i64,
}

impl UsageRow<'_> {
    /// What the row adds to its bucket's totals.
    #[must_use]
    pub fn totals(&self) -> Fingerprint {
        Fingerprint {
            rows: 1,
            events: self.events,
            minutes: self.minutes,
            squares: self.events.saturating_mul(self.events),
            newest_ms: self.last_ms,
            amount: amount_of(self.kind, self.event_type),
        }
    }
}
