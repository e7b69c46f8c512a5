//! What changes the past: an edited tag, whose history is cleared and comes back newest day first, and a new time zone, behind which all is zero for a while.

use chrono_tz::Tz;

use crate::random::mix;
use crate::row::Row;
use crate::world::{ItemKind, World};

/// One edit of a tag.
#[derive(Clone, Debug)]
pub(crate) struct Edit {
    pub(crate) kind: ItemKind,
    pub(crate) object: u32,
    pub(crate) at_ms: i64,
    pub(crate) takes_ms: i64,
    /// The share of the old matches that the new rule still finds, in percent.
    pub(crate) keeps_percent: u64,
}

impl World {
    /// Edits a tag; says whether it exists.
    pub(crate) fn edit(&mut self, kind: ItemKind, id: &str, now_ms: i64, takes_ms: i64, keeps_percent: u64) -> bool {
        let Some(item) = self.items.iter_mut().find(|item| item.kind == kind && item.id == id) else { return false };
        item.json.insert("lastUpdatedAt".to_owned(), now_ms.into());
        let object = self.texts.number(id);
        self.edits.push(Edit { kind, object, at_ms: now_ms, takes_ms, keeps_percent });
        true
    }

    /// Puts an object into another group; says whether it exists.
    pub(crate) fn group(&mut self, kind: ItemKind, id: &str, name: &str) -> bool {
        let Some(item) = self.items.iter_mut().find(|item| item.kind == kind && item.id == id) else { return false };
        item.json.insert("group".to_owned(), serde_json::json!({"id": name.to_lowercase(), "name": name, "items": []}));
        true
    }

    /// Moves the subscription to another zone; usage reads as nothing meanwhile.
    pub(crate) fn change_zone(&mut self, zone: Tz, now_ms: i64, takes_ms: i64) {
        self.zone = zone;
        self.hidden_until_ms = now_ms + takes_ms;
    }

    /// Whether a row can be asked for while edits are processed.
    pub(crate) fn is_processed(&self, row: &Row, now_ms: i64) -> bool {
        now_ms >= self.hidden_until_ms && self.edits.iter().all(|edit| edit.lets(self, row, now_ms))
    }

    /// Whether the newest rules match a row at all.
    pub(crate) fn is_matched(&self, row: &Row) -> bool {
        self.edits.iter().all(|edit| !edit.is_about(row) || edit.matches(row))
    }

    /// Until when an object is processed: whether it is dirty, and the last complete instant.
    pub(crate) fn processing(&self, kind: ItemKind, id: &str, now_ms: i64) -> bool {
        let Some(object) = self.texts.find(id) else { return false };
        self.edits.iter().any(|edit| edit.kind == kind && edit.object == object && now_ms < edit.at_ms + edit.takes_ms)
    }
}

impl Edit {
    fn is_about(&self, row: &Row) -> bool {
        row.object == self.object && self.kind.usage() == Some(row.kind)
    }

    fn matches(&self, row: &Row) -> bool {
        mix(&[u64::from(row.visitor), u64::from(row.object), row.first.cast_unsigned()]) % 100 < self.keeps_percent
    }

    fn lets(&self, world: &World, row: &Row, now_ms: i64) -> bool {
        if !self.is_about(row) {
            return true;
        }
        let spent_ms = now_ms - self.at_ms;
        let is_reached = if spent_ms >= self.takes_ms || row.hour >= self.at_ms {
            true
        } else {
            let history_ms = self.at_ms - world.begins_ms();
            let done_ms = i128::from(history_ms) * i128::from(spent_ms) / i128::from(self.takes_ms.max(1));
            i128::from(row.hour) >= i128::from(self.at_ms) - done_ms
        };
        is_reached && self.matches(row)
    }
}
