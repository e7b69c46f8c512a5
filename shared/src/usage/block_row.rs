//! Rows on their way into blocks, which share their texts.

use super::row::UsageRow;
use crate::id::{Kind, VisitorHash};
use crate::time::Hour;
use std::collections::HashSet;
use std::sync::Arc;

/// Rows on their way into blocks: what a block needs of a row, with the visitor already hashed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlockRow {
    /// Bucket.
    pub kind: Kind,
    /// Bucket.
    pub hour: Hour,
    /// Pendo's account id.
    pub account: Option<Arc<str>>,
    /// Who.
    pub visitor: VisitorHash,
    /// Pendo's app id.
    pub app: i64,
    /// The feature, page, guide or track type.
    pub object: Arc<str>,
    /// The type of a guide event.
    pub event_type: Arc<str>,
    /// Number of events.
    pub events: u64,
    /// Sum of minutes.
    pub minutes: u64,
    /// First event, ms since 1970.
    pub first_ms: i64,
    /// Last event, ms since 1970.
    pub last_ms: i64,
}

impl BlockRow {
    /// The row as evaluation sees it.
    #[must_use]
    pub fn as_row(&self) -> UsageRow<'_> {
        UsageRow {
            kind: self.kind,
            hour: self.hour,
            account: self.account.as_deref(),
            visitor: self.visitor,
            app: self.app,
            object: &self.object,
            event_type: &self.event_type,
            events: self.events,
            minutes: self.minutes,
            first_ms: self.first_ms,
            last_ms: self.last_ms,
        }
    }
}

/// Texts that many rows share, each kept once.
#[derive(Debug, Default)]
pub struct Texts(HashSet<Arc<str>>);

impl Texts {
    /// The one that is kept of a text.
    pub fn of(&mut self, text: &str) -> Arc<str> {
        if let Some(kept) = self.0.get(text) {
            return Arc::clone(kept);
        }
        let kept: Arc<str> = text.into();
        self.0.insert(Arc::clone(&kept));
        kept
    }

    /// A row on its way into another block.
    pub fn row(&mut self, row: &UsageRow<'_>) -> BlockRow {
        BlockRow {
            kind: row.kind,
            hour: row.hour,
            visitor: row.visitor,
            account: row.account.map(|account| self.of(account)),
            app: row.app,
            object: self.of(row.object),
            event_type: self.of(row.event_type),
            events: row.events,
            minutes: row.minutes,
            first_ms: row.first_ms,
            last_ms: row.last_ms,
        }
    }
}
