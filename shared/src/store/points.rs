//! The book of points: one document of a connection, changed by compare-and-swap, which names immutable parts under fresh
//! keys. A part that no book names is nothing, so what a worker left behind counts for nobody.

use super::meter::Holds;
use super::sweep::was_put_before;
use super::tree::Map;
use super::{Partition, Store, StoreError, Versioned};
use crate::id::{ConnectionId, FieldId, WorkspaceId, random_hex};
use crate::points::{Points, unpack};
use crate::time::Hour;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const BOOK: &str = "points";
const PREFIX: &str = "points#";
/// The tree of the accounts that are told of.
pub(super) const TREE: &str = "told";

/// What was told so far, and from what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Book {
    /// The zone in which days were cut.
    pub zone: String,
    /// Up to when Pendo was read when all days were last compared.
    pub told_at: Hour,
    /// The version of who is erased at that time.
    pub erased: u64,
    /// The version of who is excluded from everything at that time.
    pub excluded: u64,
    /// A hash of what each of the newest days was told from.
    pub made_from: BTreeMap<i32, u64>,
    /// What was told of each field.
    pub series: BTreeMap<FieldId, Series>,
    /// The sort keys of the parts of each month, which goes by its first day: by the low bits of the account's hash.
    pub months: BTreeMap<i32, Vec<Option<String>>>,
}

/// What was told of a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Series {
    /// The last day told.
    pub to: i32,
    /// From which day on under which version.
    pub versions: BTreeMap<i32, u64>,
}

impl Series {
    /// The version under which a day was told.
    #[must_use]
    pub fn version_on(&self, day: i32) -> Option<u64> {
        self.versions.range(..=day).next_back().filter(|_| day <= self.to).map(|(_, version)| *version)
    }

    /// Notes that a day was told under a version. Days come in their order.
    pub fn note(&mut self, day: i32, version: u64) {
        self.to = self.to.max(day);
        if self.version_on(day) != Some(version) {
            self.versions.insert(day, version);
        }
    }
}

impl Store {
    /// The book of points; empty at version 0 before the first.
    ///
    /// # Errors
    /// The table's.
    pub async fn book_get(
        &self,
        workspace: &WorkspaceId,
        connection: &ConnectionId,
    ) -> Result<Versioned<Book>, StoreError> {
        let found = self.document_get(&Partition::connection(workspace, connection), BOOK).await?;
        Ok(found.unwrap_or(Versioned { version: 0, value: Book::default() }))
    }

    /// Writes the book if its version still is `expected`, after the parts that it names.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it moved; the table's.
    pub async fn book_put(
        &self,
        workspace: &WorkspaceId,
        connection: &ConnectionId,
        book: &Book,
        expected: u64,
    ) -> Result<u64, StoreError> {
        self.document_put(&Partition::connection(workspace, connection), BOOK, book, expected, None).await
    }

    /// Puts a part under a fresh key.
    ///
    /// # Errors
    /// The table's.
    pub async fn points_put(
        &self,
        workspace: &WorkspaceId,
        connection: &ConnectionId,
        body: Vec<u8>,
        now_ms: i64,
    ) -> Result<String, StoreError> {
        let sort = format!("{PREFIX}{now_ms:013}-{}", random_hex());
        self.blob_put(&Partition::connection(workspace, connection), &sort, body, Holds::Values).await?;
        Ok(sort)
    }

    /// Reads a part.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when the book has moved on meanwhile; [`StoreError::Unreadable`] for an unknown format.
    pub async fn points_get(
        &self,
        workspace: &WorkspaceId,
        connection: &ConnectionId,
        sort: &str,
    ) -> Result<Points, StoreError> {
        let bodies = self.blobs_get(&Partition::connection(workspace, connection), &[sort.to_owned()]).await?;
        let body = bodies.first().map(Vec::as_slice).unwrap_or_default();
        unpack(body).map_err(|error| StoreError::Unreadable { key: sort.to_owned(), detail: error.to_string() })
    }

    /// The accounts that are told of: the first day, a hash of what they were linked to, and since when they are in the directory.
    ///
    /// # Errors
    /// The table's.
    pub async fn told_get(
        &self,
        workspace: &WorkspaceId,
        connection: &ConnectionId,
    ) -> Result<Versioned<Arc<Map>>, StoreError> {
        self.tree_get(&Partition::connection(workspace, connection), TREE).await
    }

    /// Changes who is told of if the version still is `expected`.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it moved; the table's.
    pub async fn told_put(
        &self,
        workspace: &WorkspaceId,
        connection: &ConnectionId,
        changes: &BTreeMap<String, Option<serde_json::Value>>,
        expected: u64,
        now_ms: i64,
    ) -> Result<u64, StoreError> {
        self.tree_put(&Partition::connection(workspace, connection), TREE, changes, expected, now_ms).await
    }

    /// Deletes parts that the book does not name and that were put before `before_ms`.
    ///
    /// # Errors
    /// The table's.
    pub(super) async fn points_sweep(
        &self,
        workspace: &WorkspaceId,
        connection: &ConnectionId,
        before_ms: i64,
    ) -> Result<(), StoreError> {
        let partition = Partition::connection(workspace, connection);
        let is_old = |sort: &String| sort.strip_prefix(PREFIX).is_some_and(|key| was_put_before(key, before_ms));
        let mut old: Vec<String> = self.sorts_list(&partition, PREFIX).await?.into_iter().filter(is_old).collect();
        if old.is_empty() {
            return Ok(());
        }
        let book = self.book_get(workspace, connection).await?.value;
        let named: BTreeSet<&String> = book.months.values().flatten().flatten().collect();
        old.retain(|sort| !named.contains(sort));
        self.items_delete(&partition, &old).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_knows_under_which_version_each_day_was_told() {
        let mut series = Series { to: 10, versions: BTreeMap::from([(10, 1)]) };
        for (day, version) in [(11, 1), (12, 3), (13, 3), (11, 1)] {
            series.note(day, version);
        }
        assert_eq!(series, Series { to: 13, versions: BTreeMap::from([(10, 1), (12, 3)]) });
        assert_eq!(
            [9, 10, 11, 12, 13, 14].map(|day| series.version_on(day)),
            [None, Some(1), Some(1), Some(3), Some(3), None]
        );
    }
}
