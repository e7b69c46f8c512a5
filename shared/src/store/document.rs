//! Versioned documents: small JSON items, changed only by compare-and-swap.
#![expect(clippy::disallowed_types, reason = "the room that knows item shapes")]

use super::item::{BODY_BYTES_MAX, Item, key_of, n, number};
use super::meter::Holds;
use super::run::Due;
use super::{Partition, Store, StoreError};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The form of documents that this version writes, and the only one it reads.
const FORMAT: u64 = 1;
/// A longer document is compressed: writing it costs by the kilobyte.
const TEXT_BYTES_MAX: usize = 1_000;
/// The condition of a document's first write.
pub(super) const IS_NEW: &str = "attribute_not_exists(pk)";
/// The condition of each later one.
pub(super) const IS_AS_READ: &str = "version = :expected";

/// A value with the version of its item. 0 stands for "not there yet".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned<T> {
    /// Counts the changes.
    pub version: u64,
    /// What the item holds.
    pub value: T,
}

impl Store {
    pub(super) async fn document_get<T: DeserializeOwned>(
        &self,
        partition: &Partition,
        name: &str,
    ) -> Result<Option<Versioned<T>>, StoreError> {
        let Some(item) = self.item_get(partition, name).await? else { return Ok(None) };
        let unreadable = |detail: String| StoreError::Unreadable { key: name.to_owned(), detail };
        match number(&item, "format") {
            Some(FORMAT) => {}
            other => return Err(unreadable(format!("format {other:?} is unknown, this version reads {FORMAT}"))),
        }
        let version = number(&item, "version").ok_or_else(|| unreadable("it has no version".to_owned()))?;
        let value = match item.get("body") {
            Some(AttributeValue::S(body)) => {
                serde_json::from_str(body).map_err(|error| unreadable(error.to_string()))?
            }
            Some(AttributeValue::B(body)) => {
                let json = zstd::stream::decode_all(body.as_ref()).map_err(|error| unreadable(error.to_string()))?;
                serde_json::from_slice(&json).map_err(|error| unreadable(error.to_string()))?
            }
            _ => return Err(unreadable("it has no body".to_owned())),
        };
        Ok(Some(Versioned { version, value }))
    }

    /// Writes a document if its version still is `expected` (0: if it is not there yet); answers the new version.
    pub(super) async fn document_put<T: Serialize>(
        &self,
        partition: &Partition,
        name: &str,
        value: &T,
        expected: u64,
        due: Option<Due>,
    ) -> Result<u64, StoreError> {
        let mut item = document_item(name, value, expected + 1, due)?;
        if let Some(noted) = &self.noted {
            item.extend(key_of(partition, name));
            self.noted_send(vec![(item, expected)], name, noted).await?;
            return Ok(expected + 1);
        }
        let put = self.item_put(partition, name, item);
        let put = match expected {
            0 => put.condition_expression(IS_NEW),
            _ => put.condition_expression(IS_AS_READ).expression_attribute_values(":expected", n(expected)),
        };
        self.item_send(put, name, Holds::Bookkeeping).await?;
        Ok(expected + 1)
    }

    /// Changes a list by compare-and-swap, reading it anew when it moved. An empty one is no document.
    pub(super) async fn list_change<T: Serialize + DeserializeOwned>(
        &self,
        partition: &Partition,
        name: &str,
        due: Option<Due>,
        change: impl Fn(&mut Vec<T>),
    ) -> Result<(), StoreError> {
        loop {
            let found = self.document_get(partition, name).await?;
            let Versioned { version, mut value } = found.unwrap_or(Versioned { version: 0, value: Vec::new() });
            change(&mut value);
            let changed = if value.is_empty() {
                self.document_delete(partition, name, version).await
            } else {
                self.document_put(partition, name, &value, version, due).await.map(|_| ())
            };
            match changed {
                Err(StoreError::Conflict { .. }) => {}
                end => return end,
            }
        }
    }

    /// Deletes a document if its version still is `expected`; at 0 there is none.
    pub(super) async fn document_delete(
        &self,
        partition: &Partition,
        name: &str,
        expected: u64,
    ) -> Result<(), StoreError> {
        if expected == 0 {
            return Ok(());
        }
        let delete = self.client.delete_item().table_name(&*self.table);
        let delete = delete
            .key("pk", AttributeValue::S(partition.as_str().to_owned()))
            .key("sk", AttributeValue::S(name.to_owned()))
            .condition_expression(IS_AS_READ)
            .expression_attribute_values(":expected", n(expected))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        match delete.send().await {
            Ok(answer) => {
                let units = answer.consumed_capacity().and_then(|c| c.capacity_units());
                self.meter.wrote(name, units, Holds::Bookkeeping);
                Ok(())
            }
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                Err(StoreError::Conflict { key: name.to_owned() })
            }
            Err(error) => Err(StoreError::Unavailable { action: "delete an item", source: Box::new(error) }),
        }
    }
}

/// The item of a document at a version, without its key.
pub(super) fn document_item<T: Serialize + ?Sized>(
    name: &str,
    value: &T,
    version: u64,
    due: Option<Due>,
) -> Result<Item, StoreError> {
    let unwritable = |detail: String| StoreError::Unreadable { key: name.to_owned(), detail };
    let text = serde_json::to_string(value).map_err(|error| unwritable(error.to_string()))?;
    let body = if text.len() <= TEXT_BYTES_MAX {
        AttributeValue::S(text)
    } else {
        let packed = zstd::bulk::compress(text.as_bytes(), 6).map_err(|error| unwritable(error.to_string()))?;
        if packed.len() > BODY_BYTES_MAX {
            return Err(StoreError::TooLarge { key: name.to_owned(), bytes: packed.len() });
        }
        AttributeValue::B(Blob::new(packed))
    };
    let mut item =
        Item::from([("format".to_owned(), n(FORMAT)), ("version".to_owned(), n(version)), ("body".to_owned(), body)]);
    if let Some(due) = due {
        item.insert("due".to_owned(), AttributeValue::S(due.name().to_owned()));
    }
    Ok(item)
}
