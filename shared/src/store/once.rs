//! What was answered to requests that bear a key of idempotency. A mark stands from before the work until the answer takes its
//! place; whoever finds one knows that somebody else is, or was, at it.
#![expect(clippy::disallowed_types, reason = "the room that knows item shapes")]

use super::item::{BODY_BYTES_MAX, Item, n, number};
use super::meter::Holds;
use super::{Partition, Store, StoreError};
use crate::id::WorkspaceId;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;

/// The form of these items that this version writes, and the only one it reads.
const FORMAT: u64 = 1;
/// How long an answer is kept: a day, and an hour for clocks that differ.
const KEPT_MS: i64 = 25 * 60 * 60 * 1000;
/// A mark that is older is of a worker that died: a function is stopped after 30 s.
pub const WORK_MS_MAX: i64 = 60_000;

/// One request with a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// A hash of the key.
    pub key: String,
    /// A keyed hash of everything that was asked.
    pub fingerprint: String,
    /// Who works at it: fresh and random for each try.
    pub token: String,
}

/// An answer as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
    /// The tag of what stood then, where the answer has one.
    pub etag: Option<String>,
}

/// What stands under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The mark of this very try: go on.
    Mine,
    /// Somebody else is at it.
    Running,
    /// It was answered.
    Answered(Answered),
    /// The key belongs to something else that was asked.
    Other,
}

impl Store {
    /// Sets the mark, unless something stands under the key.
    ///
    /// # Errors
    /// The table's.
    pub async fn once_begin(
        &self,
        workspace: &WorkspaceId,
        asked: &Asked,
        now_ms: i64,
    ) -> Result<Standing, StoreError> {
        let put = self
            .once_put(workspace, asked, now_ms, now_ms + KEPT_MS, None)
            .condition_expression(
                "attribute_not_exists(pk) OR expires <= :now \
                 OR (attribute_not_exists(body) AND at_ms <= :dead AND fingerprint = :fingerprint)",
            )
            .expression_attribute_values(":now", integer(now_ms / 1000))
            .expression_attribute_values(":dead", integer(now_ms - WORK_MS_MAX))
            .expression_attribute_values(":fingerprint", text(&asked.fingerprint));
        match self.item_send(put, "once", Holds::Bookkeeping).await {
            Ok(()) => Ok(Standing::Mine),
            Err(StoreError::Conflict { .. }) => self.once_get(workspace, asked).await,
            Err(error) => Err(error),
        }
    }

    async fn once_get(&self, workspace: &WorkspaceId, asked: &Asked) -> Result<Standing, StoreError> {
        let Some(item) = self.item_get(&Partition::trail(workspace), &sort(asked)).await? else {
            return Ok(Standing::Running);
        };
        if number(&item, "format") != Some(FORMAT) {
            let detail = format!("its format is unknown, this version reads {FORMAT}");
            return Err(StoreError::Unreadable { key: sort(asked), detail });
        }
        let part = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
        if part("fingerprint") != Some(&asked.fingerprint) {
            return Ok(Standing::Other);
        }
        // The first answer to the put was lost, and the resend was refused.
        if part("token") == Some(&asked.token) {
            return Ok(Standing::Mine);
        }
        let status = number(&item, "status").and_then(|status| u16::try_from(status).ok());
        let etag = part("etag").cloned();
        let answered = part("body").zip(status).map(|(body, status)| Answered { status, body: body.clone(), etag });
        Ok(answered.map_or(Standing::Running, Standing::Answered))
    }

    /// Puts the answer in the place of the mark; with `None` the key is free again.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when somebody else took the mark over; [`StoreError::TooLarge`] for an answer that no item can hold; the table's.
    pub async fn once_end(
        &self,
        workspace: &WorkspaceId,
        asked: &Asked,
        answered: Option<&Answered>,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        if let Some(answered) = answered.filter(|answered| answered.body.len() > BODY_BYTES_MAX) {
            return Err(StoreError::TooLarge { key: "once".to_owned(), bytes: answered.body.len() });
        }
        let until_ms = if answered.is_some() { now_ms + KEPT_MS } else { now_ms };
        let put = self
            .once_put(workspace, asked, now_ms, until_ms, answered)
            .condition_expression("#token = :token")
            .expression_attribute_names("#token", "token")
            .expression_attribute_values(":token", text(&asked.token));
        self.item_send(put, "once", Holds::Bookkeeping).await
    }

    fn once_put(
        &self,
        workspace: &WorkspaceId,
        asked: &Asked,
        now_ms: i64,
        until_ms: i64,
        answered: Option<&Answered>,
    ) -> PutItemFluentBuilder {
        let mut item = Item::from([
            ("format".to_owned(), n(FORMAT)),
            ("at_ms".to_owned(), integer(now_ms)),
            // In seconds, as the table's time to live has it.
            ("expires".to_owned(), integer(until_ms / 1000)),
            ("fingerprint".to_owned(), text(&asked.fingerprint)),
            ("token".to_owned(), text(&asked.token)),
        ]);
        if let Some(answered) = answered {
            item.insert("status".to_owned(), n(u64::from(answered.status)));
            item.insert("body".to_owned(), text(&answered.body));
            item.extend(answered.etag.as_ref().map(|etag| ("etag".to_owned(), text(etag))));
        }
        self.item_put(&Partition::trail(workspace), &sort(asked), item)
    }
}

fn sort(asked: &Asked) -> String {
    format!("once#{}", asked.key)
}

fn integer(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}
