//! The trail's items. A line is written in one transaction with the change that it tells of, so that there is neither a change
//! without its line nor a line without its change.
#![expect(clippy::disallowed_types, reason = "the room that knows item shapes")]

use super::document::{IS_AS_READ, IS_NEW};
use super::item::{Item, key_of, n, number};
use super::meter::Holds;
use super::{Partition, Store, StoreError};
use crate::id::{WorkspaceId, random_hex};
use crate::time::DAY_MS;
use crate::trail::{Line, RETENTION_DAYS, kept_from_ms};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::builders::PutBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Put, ReturnConsumedCapacity, TransactWriteItem};
use std::sync::Arc;

/// How the sort keys of lines begin.
const PREFIX: &str = "line#";

/// Some lines, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lines {
    /// The lines.
    pub lines: Vec<Line>,
    /// After which key the next ones begin; `None` where there are no more.
    pub next: Option<String>,
}

impl Store {
    /// The same table for one change of a document: whatever document is written through this handle is written together
    /// with the line, or not at all.
    #[must_use]
    pub fn noting(&self, workspace: &WorkspaceId, line: Line) -> Self {
        Self { noted: Some(Arc::new((Partition::trail(workspace), line))), ..self.clone() }
    }

    /// Writes a line by itself, for what does not change in the table.
    ///
    /// # Errors
    /// The table's.
    pub async fn trail_note(&self, workspace: &WorkspaceId, line: &Line) -> Result<(), StoreError> {
        let sort = sort(line);
        self.item_send(self.item_put(&Partition::trail(workspace), &sort, item(line)?), &sort, Holds::Bookkeeping).await
    }

    /// The lines of a workspace before `after` (a key that was given out), newest first, at most `limit`. A page may hold
    /// fewer and go on all the same.
    ///
    /// # Errors
    /// The table's.
    pub async fn trail_get(
        &self,
        workspace: &WorkspaceId,
        after: Option<&str>,
        limit: usize,
        now_ms: i64,
    ) -> Result<Lines, StoreError> {
        // Lines that are too old may stand for a while: the table removes them when it finds the time.
        let from = format!("{PREFIX}{:013}", kept_from_ms(now_ms).max(0));
        let to = after.map_or_else(|| format!("{PREFIX}~"), |after| format!("{PREFIX}{after}"));
        if to < from {
            return Ok(Lines { lines: Vec::new(), next: None });
        }
        let answer = self
            .client
            .query()
            .table_name(&*self.table)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", text(Partition::trail(workspace).as_str()))
            .expression_attribute_values(":from", text(&from))
            .expression_attribute_values(":to", text(&to))
            .scan_index_forward(false)
            .consistent_read(true)
            // The one that `after` names comes again, and one more says whether there is a next page.
            .limit(i32::try_from(limit).unwrap_or(i32::MAX).saturating_add(2))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(StoreError::unavailable("list the trail"))?;
        self.meter.read("line", answer.consumed_capacity().and_then(|c| c.capacity_units()));
        let is_cut = answer.last_evaluated_key.is_some();
        let items = answer.items.unwrap_or_default();
        let mut found = items.iter().map(line_of).collect::<Result<Vec<_>, _>>()?;
        found.retain(|(key, _)| Some(key.as_str()) != after);
        let has_more = is_cut || found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| has_more).map(|(key, _)| key.clone());
        Ok(Lines { lines: found.into_iter().map(|(_, line)| line).collect(), next })
    }

    /// Removes what stands in the trail's partition since `at_ms` or longer.
    ///
    /// # Errors
    /// The table's.
    pub async fn trail_sweep(&self, workspace: &WorkspaceId, at_ms: i64) -> Result<(), StoreError> {
        let partition = Partition::trail(workspace);
        for sort in self.sorts_list(&partition, "").await? {
            let delete = self.client.delete_item().table_name(&*self.table);
            let deleted = delete
                .key("pk", text(partition.as_str()))
                .key("sk", text(&sort))
                .condition_expression("at_ms <= :at")
                .expression_attribute_values(":at", AttributeValue::N(at_ms.to_string()))
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
                .await;
            match deleted {
                Ok(answer) => {
                    let units = answer.consumed_capacity().and_then(|c| c.capacity_units());
                    self.meter.wrote("delete", units, Holds::Bookkeeping);
                }
                // It is younger: of a connection that came after.
                Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {}
                Err(error) => {
                    return Err(StoreError::Unavailable { action: "delete an item", source: Box::new(error) });
                }
            }
        }
        Ok(())
    }

    /// Sends puts of documents, each with the version that must still stand, and the line together. The table knows a resend
    /// by its token, so that one whose answer was lost is not taken for somebody else's change.
    pub(super) async fn noted_send(
        &self,
        documents: Vec<(Item, u64)>,
        name: &str,
        (trail, line): &(Partition, Line),
    ) -> Result<(), StoreError> {
        let sort = sort(line);
        let put = |item: Item| Put::builder().table_name(&*self.table).set_item(Some(item));
        let formed = |put: PutBuilder| {
            let put = put.build().map_err(StoreError::unavailable("form a write"))?;
            Ok::<_, StoreError>(TransactWriteItem::builder().put(put).build())
        };
        let mut transaction = self.client.transact_write_items();
        for (document, expected) in documents {
            let document = match expected {
                0 => put(document).condition_expression(IS_NEW),
                _ => {
                    put(document).condition_expression(IS_AS_READ).expression_attribute_values(":expected", n(expected))
                }
            };
            transaction = transaction.transact_items(formed(document)?);
        }
        let mut noted = item(line)?;
        noted.extend(key_of(trail, &sort));
        let sent = transaction
            .transact_items(formed(put(noted))?)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await;
        match sent {
            Ok(answer) => {
                let units = answer.consumed_capacity().first().and_then(|c| c.capacity_units());
                self.meter.wrote(name, units, Holds::Bookkeeping);
                Ok(())
            }
            Err(error) if error.as_service_error().is_some_and(was_faster) => {
                self.meter.wrote(name, Some(2.0), Holds::Bookkeeping);
                Err(StoreError::Conflict { key: name.to_owned() })
            }
            Err(error) => Err(StoreError::Unavailable { action: "write an item", source: Box::new(error) }),
        }
    }
}

/// Whether somebody else changed the document, or is just about to.
fn was_faster(error: &TransactWriteItemsError) -> bool {
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else { return false };
    let codes = cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code());
    codes.into_iter().any(|code| matches!(code, "ConditionalCheckFailed" | "TransactionConflict"))
}

fn sort(line: &Line) -> String {
    format!("{PREFIX}{:013}-{}", line.at_ms, random_hex())
}

fn item(line: &Line) -> Result<Item, StoreError> {
    let body = serde_json::to_string(line)
        .map_err(|error| StoreError::Unreadable { key: "line".to_owned(), detail: error.to_string() })?;
    Ok(Item::from([
        ("at_ms".to_owned(), AttributeValue::N(line.at_ms.to_string())),
        // In seconds, as the table's time to live has it.
        ("expires".to_owned(), AttributeValue::N(((line.at_ms + RETENTION_DAYS * DAY_MS) / 1000).to_string())),
        ("format".to_owned(), n(1)),
        ("body".to_owned(), text(&body)),
    ]))
}

/// A line with the part of its key that a cursor holds.
fn line_of(item: &Item) -> Result<(String, Line), StoreError> {
    let unreadable = |detail: &str| StoreError::Unreadable { key: "line".to_owned(), detail: detail.to_owned() };
    let part = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
    let key = part("sk").and_then(|sort| sort.strip_prefix(PREFIX)).ok_or_else(|| unreadable("it has no key"))?;
    if number(item, "format") != Some(1) {
        return Err(unreadable("its format is unknown, this version reads 1"));
    }
    let body = part("body").ok_or_else(|| unreadable("it has no body"))?;
    let line: Line = serde_json::from_str(body).map_err(|error| unreadable(&error.to_string()))?;
    let at_ms = key.get(..13).and_then(|at| at.parse().ok()).ok_or_else(|| unreadable("its key has no time"))?;
    Ok((key.to_owned(), Line { at_ms, ..line }))
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}
