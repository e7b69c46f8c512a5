//! Visitors whom Pendo is told not to process, and to process again.

use std::sync::Arc;

use serde_json::json;

use crate::row::Row;
use crate::value::Record;
use crate::world::{Visitor, World};

impl World {
    /// Puts a visitor on the do-not-process list: of their metadata the mark and the time of the change are left. Their usage,
    /// past and to come, goes on being shown only if `keeps_usage`.
    pub(crate) fn erase(&mut self, id: &str, now_ms: i64, keeps_usage: bool) {
        let metadata = json!({"auto": {"lastupdated": now_ms}, "pendo": {"donotprocess": true}});
        self.mark(id, &metadata, true);
        let number = self.texts.number(id);
        if keeps_usage {
            self.hidden.remove(&number)
        } else {
            self.hidden.insert(number)
        };
    }

    /// Takes a visitor off the list: usage that was hidden is shown again.
    pub(crate) fn release(&mut self, id: &str, now_ms: i64) {
        self.mark(id, &json!({"auto": {"lastupdated": now_ms}}), false);
        let number = self.texts.number(id);
        self.hidden.remove(&number);
    }

    /// Whether a row's visitor was erased with all usage.
    pub(crate) fn is_hidden(&self, row: &Row) -> bool {
        self.hidden.contains(&row.visitor)
    }

    fn mark(&mut self, id: &str, metadata: &serde_json::Value, do_not_process: bool) {
        let accounts = self.visitor(id).map(|visitor| visitor.accounts.clone()).unwrap_or_default();
        let id = self.texts.number(id);
        let metadata = Arc::new(metadata.as_object().map(Record::from_json).unwrap_or_default());
        self.put_visitor(Visitor { id, metadata, by_hand: true, do_not_process, accounts });
    }
}
