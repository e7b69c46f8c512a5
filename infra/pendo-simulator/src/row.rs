//! A raw usage row, outside and inside: [`RawRow`] for tests and the truth, `Row` packed for speed.

use serde::{Deserialize, Serialize};

/// What a row tells about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// All activity, guides aside; overlaps with the next three.
    Event,
    /// Views of a tagged page.
    Page,
    /// Clicks on a tagged feature.
    Feature,
    /// Events that the product sends itself.
    Track,
    /// What happened to a guide, one row an event.
    Guide,
    /// Answers to a guide's poll, one row an answer.
    Poll,
}

impl Kind {
    /// All kinds, in the order in which rows are kept.
    pub const ALL: [Kind; 6] = [Kind::Event, Kind::Page, Kind::Feature, Kind::Track, Kind::Guide, Kind::Poll];

    /// Whether each row is one event with its own times instead of a bucket.
    pub fn is_single(self) -> bool {
        matches!(self, Kind::Guide | Kind::Poll)
    }
}

/// One row of usage as Pendo holds it, before any grouping.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RawRow {
    /// What it tells about.
    pub kind: Kind,
    /// The page, feature, track type or guide; on `event` rows a page or a pseudo id such as `allevents`.
    pub object_id: String,
    /// The app in which it happened.
    pub app_id: i64,
    /// Who did it.
    pub visitor_id: String,
    /// For which Pendo account: absent, empty or an id.
    pub account_id: Option<String>,
    /// The start of its UTC hour (for guides and polls the hour of the server's time).
    pub hour_ms: i64,
    /// The first event in it (for guides and polls the server's time).
    pub first_ms: i64,
    /// The last event in it that has arrived.
    pub last_ms: i64,
    /// How many events have arrived.
    pub events: u32,
    /// In how many minutes.
    pub minutes: u32,
    /// The client's own time; guides and polls only.
    pub browser_ms: Option<i64>,
    /// The type of a guide's event, such as `guideSeen`.
    pub event_type: Option<String>,
    /// The server name that was used.
    pub server: String,
    /// The network address.
    pub remote_ip: String,
    /// The browser.
    pub user_agent: String,
    /// URL parameters; page rows only.
    pub parameters: Option<serde_json::Value>,
    /// Event properties.
    pub properties: Option<serde_json::Value>,
    /// The further fields of guide and poll rows, by Pendo's names.
    #[serde(default)]
    pub details: serde_json::Map<String, serde_json::Value>,
    /// Whether the visitor or account is on the exclude list.
    #[serde(default)]
    pub excluded: bool,
    /// Whether the visitor is on the do-not-process list.
    #[serde(default)]
    pub do_not_process: bool,
    /// When the row is complete in the API; 0 is "always".
    #[serde(default)]
    pub arrives_at_ms: i64,
}

impl RawRow {
    /// A row of one event in the first minute of an hour, in the default app, always visible; change what matters.
    pub fn new(kind: Kind, object_id: &str, visitor_id: &str, account_id: Option<&str>, hour_ms: i64) -> RawRow {
        let single = kind.is_single();
        RawRow {
            kind,
            object_id: object_id.to_owned(),
            app_id: crate::world::DEFAULT_APP,
            visitor_id: visitor_id.to_owned(),
            account_id: account_id.map(str::to_owned),
            hour_ms: hour_ms - hour_ms.rem_euclid(HOUR_MS),
            first_ms: hour_ms,
            last_ms: hour_ms,
            events: 1,
            minutes: u32::from(!single),
            browser_ms: single.then_some(hour_ms),
            event_type: (kind == Kind::Guide).then(|| "guideSeen".to_owned()),
            server: "app.example.test".to_owned(),
            remote_ip: "203.0.113.7".to_owned(),
            user_agent: "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0".to_owned(),
            parameters: None,
            properties: None,
            details: serde_json::Map::new(),
            excluded: false,
            do_not_process: false,
            arrives_at_ms: 0,
        }
    }
}

/// An hour in milliseconds.
pub(crate) const HOUR_MS: i64 = 3_600_000;
/// A day of 24 hours in milliseconds.
pub(crate) const DAY_MS: i64 = 24 * HOUR_MS;
/// The index that stands for "absent".
pub(crate) const NONE: u32 = u32::MAX;

/// A packed row: texts, origins and details by index.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) kind: Kind,
    pub(crate) period: Period,
    pub(crate) object: u32,
    pub(crate) visitor: u32,
    pub(crate) account: u32,
    pub(crate) origin: u32,
    pub(crate) extra: u32,
    pub(crate) events: u32,
    pub(crate) minutes: u32,
    pub(crate) app: i64,
    /// The bucket's start.
    pub(crate) hour: i64,
    pub(crate) first: i64,
    /// The last event; on guide and poll rows the client's own time.
    pub(crate) last: i64,
    pub(crate) arrives: i64,
    /// How many of the events arrive earlier than the rest, and when.
    pub(crate) early_events: u32,
    pub(crate) early_at: i64,
}

/// The width of a row's bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Period {
    Hour,
    Day,
    Week,
    Month,
}

impl Row {
    /// The row as it can be seen at an instant, or nothing.
    pub(crate) fn seen_at(&self, now_ms: i64) -> Option<Row> {
        if self.arrives <= now_ms {
            return Some(*self);
        }
        if self.early_events == 0 || self.early_at > now_ms {
            return None;
        }
        let minutes = self.minutes.min(self.early_events).max(1);
        Some(Row { events: self.early_events, minutes, last: self.early_last(), ..*self })
    }

    /// When the last of the early events happened.
    pub(crate) fn early_last(&self) -> i64 {
        self.first + (self.last - self.first) * i64::from(self.early_events) / i64::from(self.events.max(1))
    }
}
