//! Fetches windows and proves them: the reading first, then the rows, then the comparison with what Pendo says.

use super::batch::Batch;
use super::halving::may_be_too_long;
use super::moves::open_from;
use super::plan::SETTLING_HOURS;
use super::run::SyncError;
use crate::connection::Connection;
use crate::id::{Kind, WorkspaceId};
use crate::pendo::{Client, PendoError};
use crate::store::{Store, StoreError};
use crate::time::{Hour, HourRange};
use crate::usage::fingerprint::Fingerprint;
use std::collections::BTreeMap;

/// What fetching and proving need to know.
pub struct Source<'a> {
    /// Pendo.
    pub client: &'a Client,
    /// The table, for readings.
    pub store: &'a Store,
    /// Whose.
    pub workspace: &'a WorkspaceId,
    /// Which life of the connection.
    pub connection: &'a Connection,
    /// Number of shards.
    pub shards: u16,
    /// The end of the last complete hour.
    pub as_of: Hour,
    /// Now, for fresh keys.
    pub now_ms: i64,
    /// Rows that are held before blocks are put.
    pub rows_held: usize,
}

/// Why a window could not be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Pendo's.
    #[error(transparent)]
    Pendo(#[from] PendoError),
    /// The table's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<FetchError> for SyncError {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Pendo(error) => Self::Pendo(error),
            FetchError::Store(error) => Self::Store(error),
        }
    }
}

impl Source<'_> {
    /// Fetches one window of a kind and proves each of its hours. `expected` is the probe taken before, by hour or by
    /// day; `stands` is what the shards hold of each hour now. An answer that does not arrive whole is asked again in
    /// halves, and a single hour in parts.
    ///
    /// # Errors
    /// Pendo's and the table's. Nothing of a failed window is kept.
    pub async fn window(
        &self,
        kind: Kind,
        range: HourRange,
        expected: &Expected,
        stands: &BTreeMap<Hour, Fingerprint>,
    ) -> Result<Batch, FetchError> {
        let mut open = vec![range];
        let mut batch = Batch::default();
        while let Some(part) = open.pop() {
            match Box::pin(self.part(kind, part, expected, stands)).await {
                Ok(fetched) => batch.append(fetched),
                Err(FetchError::Pendo(error)) if part.len() > 1 && may_be_too_long(&error, part) => {
                    tracing::debug!(kind = kind.name(), hours = part.len(), %error, "the window is halved");
                    let middle = part.from.plus(part.len() / 2);
                    open.push(HourRange { from: part.from, to: middle });
                    open.push(HourRange { from: middle, to: part.to });
                }
                Err(error) => return Err(error),
            }
        }
        Ok(batch)
    }

    async fn part(
        &self,
        kind: Kind,
        range: HourRange,
        expected: &Expected,
        stands: &BTreeMap<Hour, Fingerprint>,
    ) -> Result<Batch, FetchError> {
        let mut batch = self.read(kind, range).await?;
        let differs = |batch: &Batch, expected: &Expected| expected.differing(kind, range, batch);
        let suspects = differs(&batch, expected);
        if suspects.is_empty() {
            return Ok(batch);
        }
        // Pendo moved between the probe and the fetch, or the answer is not what it says: ask once more afterwards.
        let after = Expected::ByHour(self.probe_again(kind, range).await?);
        let mut unproven = differs(&batch, &after);
        for _ in 1..READS_OF_OLD_HOURS {
            let is_old = |hour: &Hour| self.is_old(*hour);
            if !unproven.iter().any(is_old) {
                break;
            }
            batch = self.read(kind, range).await?;
            let before = Expected::ByHour(self.probe_again(kind, range).await?);
            unproven =
                differs(&batch, &before).into_iter().filter(|hour| differs(&batch, &after).contains(hour)).collect();
        }
        for hour in unproven {
            let Some(bucket) = batch.buckets.get_mut(&(kind, hour)) else { continue };
            bucket.is_verified = false;
            let events = bucket.whole.events;
            let stored = stands.get(&hour).copied().unwrap_or_default();
            let probed = [expected.of_hour(hour), after.of_hour(hour)];
            let is_short = probed.iter().flatten().all(|totals| events < totals.events) && events < stored.events;
            // More than Pendo says before and after, and than what stands: rows came twice.
            let is_long = probed.iter().flatten().all(|totals| events > totals.events) && events > stored.events;
            let is_refused = if self.is_old(hour) { !stored.is_empty() } else { is_short || is_long };
            if is_refused {
                batch.buckets.remove(&(kind, hour));
            }
        }
        Ok(batch)
    }

    /// Puts blocks of a batch that holds too many rows.
    ///
    /// # Errors
    /// The table's.
    pub(super) async fn make_room(&self, batch: &mut Batch) -> Result<(), StoreError> {
        if batch.held() <= self.rows_held {
            return Ok(());
        }
        let whose = (self.workspace, self.connection);
        batch.put_early(self.store, whose, open_from(self.as_of), self.now_ms).await
    }

    fn is_old(&self, hour: Hour) -> bool {
        hour.plus(SETTLING_HOURS) < self.as_of
    }
}

/// An hour older than ten days that no probe agrees with is read this often before it is taken as it is.
const READS_OF_OLD_HOURS: u32 = 3;

/// What a probe said before the fetch.
pub enum Expected {
    /// Fingerprints of hours; an absent hour is empty.
    ByHour(BTreeMap<Hour, Fingerprint>),
    /// Fingerprints of whole UTC days.
    ByDay(BTreeMap<Hour, Fingerprint>),
}

impl Expected {
    /// What it said of an hour; `None` when it only knows days.
    fn of_hour(&self, hour: Hour) -> Option<Fingerprint> {
        match self {
            Self::ByHour(hours) => Some(hours.get(&hour).copied().unwrap_or_default()),
            Self::ByDay(_) => None,
        }
    }

    /// The hours of a range that were not read as the probe says. By day, all hours of a day that differs.
    fn differing(&self, kind: Kind, range: HourRange, batch: &Batch) -> Vec<Hour> {
        let read = |hour: Hour| batch.buckets.get(&(kind, hour)).map(|bucket| bucket.whole).unwrap_or_default();
        let hours = (range.from.0..range.to.0).map(Hour);
        match self {
            Self::ByHour(_) => hours.filter(|hour| Some(read(*hour)) != self.of_hour(*hour)).collect(),
            Self::ByDay(days) => {
                let mut sums: BTreeMap<Hour, Fingerprint> = BTreeMap::new();
                hours.clone().for_each(|hour| sums.entry(Hour(hour.utc_day() * 24)).or_default().merge(&read(hour)));
                let differs = |hour: &Hour| {
                    let day = Hour(hour.utc_day() * 24);
                    sums.get(&day).copied().unwrap_or_default() != days.get(&day).copied().unwrap_or_default()
                };
                hours.filter(differs).collect()
            }
        }
    }
}
