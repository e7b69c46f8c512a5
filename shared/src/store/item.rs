//! Reading and writing single items, with consumed capacity counted on every request.
#![expect(clippy::disallowed_types, reason = "the room that knows item shapes")]

use super::meter::Holds;
use super::{Partition, Store, StoreError};
use crate::planted::planted;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, ReturnConsumedCapacity};
use std::collections::HashMap;
use std::time::Duration;

/// How often in a row the table may process nothing of a batch before it counts as unavailable.
const IDLE_ANSWERS_MAX: u32 = 8;
/// The pause after the first such answer; each next one is twice as long.
const IDLE_PAUSE: Duration = Duration::from_millis(25);

pub(super) type Item = HashMap<String, AttributeValue>;

/// The largest body that is written: DynamoDB allows 400 KB for an item with its keys.
pub(super) const BODY_BYTES_MAX: usize = 390_000;

pub(super) fn number(item: &Item, name: &str) -> Option<u64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

pub(super) fn n(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// The two attributes of an item's key.
pub(super) fn key_of(partition: &Partition, sort: &str) -> [(String, AttributeValue); 2] {
    [
        ("pk".to_owned(), AttributeValue::S(partition.as_str().to_owned())),
        ("sk".to_owned(), AttributeValue::S(sort.to_owned())),
    ]
}

impl Store {
    pub(super) async fn item_get(&self, partition: &Partition, sort: &str) -> Result<Option<Item>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&*self.table)
            .key("pk", AttributeValue::S(partition.as_str().to_owned()))
            .key("sk", AttributeValue::S(sort.to_owned()))
            .consistent_read(true)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(StoreError::unavailable("read an item"))?;
        self.meter.read(sort, answer.consumed_capacity().and_then(|c| c.capacity_units()));
        Ok(answer.item)
    }

    pub(super) fn item_put(&self, partition: &Partition, sort: &str, item: Item) -> PutItemFluentBuilder {
        self.client
            .put_item()
            .table_name(&*self.table)
            .set_item(Some(item))
            .item("pk", AttributeValue::S(partition.as_str().to_owned()))
            .item("sk", AttributeValue::S(sort.to_owned()))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
    }

    /// Sends a put. A condition that does not hold is a [`StoreError::Conflict`].
    pub(super) async fn item_send(&self, put: PutItemFluentBuilder, key: &str, holds: Holds) -> Result<(), StoreError> {
        match put.send().await {
            Ok(answer) => {
                self.meter.wrote(key, answer.consumed_capacity().and_then(|c| c.capacity_units()), holds);
                Ok(())
            }
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                // A refused conditional write costs a unit too; the answer does not say how many.
                self.meter.wrote(key, Some(1.0), Holds::Bookkeeping);
                Err(StoreError::Conflict { key: key.to_owned() })
            }
            Err(error) => Err(StoreError::Unavailable { action: "write an item", source: Box::new(error) }),
        }
    }

    /// Writes an immutable item under a fresh key.
    pub(crate) async fn blob_put(
        &self,
        partition: &Partition,
        sort: &str,
        body: Vec<u8>,
        holds: Holds,
    ) -> Result<(), StoreError> {
        if body.len() > BODY_BYTES_MAX {
            return Err(StoreError::TooLarge { key: sort.to_owned(), bytes: body.len() });
        }
        let item = Item::from([("body".to_owned(), AttributeValue::B(Blob::new(body)))]);
        self.item_send(self.item_put(partition, sort, item), sort, holds).await
    }

    /// Reads immutable items, strongly consistent, in the order asked.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when one is not there: whoever named it has been replaced. [`StoreError::Unavailable`] when
    /// the table goes on leaving all of it unprocessed.
    pub(crate) async fn blobs_get(&self, partition: &Partition, sorts: &[String]) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut found: HashMap<String, Vec<u8>> = HashMap::with_capacity(sorts.len());
        for chunk in sorts.chunks(50) {
            let mut keys: Vec<Item> = chunk
                .iter()
                .map(|sort| {
                    Item::from([
                        ("pk".to_owned(), AttributeValue::S(partition.as_str().to_owned())),
                        ("sk".to_owned(), AttributeValue::S(sort.clone())),
                    ])
                })
                .collect();
            let mut idle = 0;
            while !keys.is_empty() {
                let asked = keys.len();
                let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
                let answer = self
                    .client
                    .batch_get_item()
                    .request_items(&*self.table, wanted.map_err(StoreError::unavailable("form a read"))?)
                    .return_consumed_capacity(ReturnConsumedCapacity::Total)
                    .send()
                    .await
                    .map_err(StoreError::unavailable("read items"))?;
                let units = answer.consumed_capacity().first().and_then(|c| c.capacity_units());
                self.meter.read(&chunk[0], units);
                for mut item in answer.responses.into_iter().flatten().flat_map(|(_, items)| items) {
                    if let (Some(AttributeValue::S(sort)), Some(AttributeValue::B(body))) =
                        (item.remove("sk"), item.remove("body"))
                    {
                        found.insert(sort, body.into_inner());
                    }
                }
                // What the table left unprocessed is asked again, never taken for absent.
                keys = answer.unprocessed_keys.into_iter().flatten().flat_map(|(_, left)| left.keys).collect();
                keys.retain(|_| !planted!(UnprocessedIgnored));
                if keys.len() < asked {
                    idle = 0;
                    continue;
                }
                // A throttled table answers at once: without a pause this would be a storm, without an end a hang.
                idle += 1;
                if idle == IDLE_ANSWERS_MAX {
                    return Err(StoreError::unavailable("read items")(std::io::Error::other("all were unprocessed")));
                }
                tokio::time::sleep(IDLE_PAUSE * (1 << idle)).await;
            }
        }
        sorts.iter().map(|sort| found.remove(sort).ok_or_else(|| StoreError::Missing { key: sort.clone() })).collect()
    }

    /// The sort keys of a partition that begin with `prefix`; all of them when it is empty.
    pub(crate) async fn sorts_list(&self, partition: &Partition, prefix: &str) -> Result<Vec<String>, StoreError> {
        let mut sorts = Vec::new();
        let mut start = None;
        loop {
            let query = self.client.query().table_name(&*self.table);
            // DynamoDB refuses an empty text in a key condition.
            let query = if prefix.is_empty() {
                query.key_condition_expression("pk = :pk")
            } else {
                query
                    .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
                    .expression_attribute_values(":prefix", AttributeValue::S(prefix.to_owned()))
            };
            let answer = query
                .expression_attribute_values(":pk", AttributeValue::S(partition.as_str().to_owned()))
                .projection_expression("sk")
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
                .await
                .map_err(StoreError::unavailable("list items"))?;
            self.meter.read("list", answer.consumed_capacity().and_then(|c| c.capacity_units()));
            for item in answer.items.into_iter().flatten() {
                if let Some(AttributeValue::S(sort)) = item.get("sk") {
                    sorts.push(sort.clone());
                }
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(sorts);
            }
        }
    }

    /// Deletes one item; deleting what is not there is fine.
    pub(crate) async fn item_delete(&self, partition: &Partition, sort: &str) -> Result<(), StoreError> {
        let answer = self
            .client
            .delete_item()
            .table_name(&*self.table)
            .key("pk", AttributeValue::S(partition.as_str().to_owned()))
            .key("sk", AttributeValue::S(sort.to_owned()))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(StoreError::unavailable("delete an item"))?;
        let units = answer.consumed_capacity().and_then(|c| c.capacity_units());
        self.meter.wrote("delete", units, Holds::Bookkeeping);
        Ok(())
    }
}
