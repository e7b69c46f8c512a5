//! One reading of a range: in one answer, or, when a single hour is too large for one, by app and then by object.
//!
//! All parts share one reading, taken before the first; their sums are the bucket's totals, and the probe after the last
//! proves them.

use super::batch::{Batch, Fetched};
use super::fetch::{FetchError, Source};
use crate::id::Kind;
use crate::pendo::parts::{apps, objects};
use crate::pendo::usage::{By, Scope, fetch, probe};
use crate::pendo::{PendoError, catalog};
use crate::time::{Hour, HourRange};
use crate::usage::fingerprint::Fingerprint;
use std::collections::BTreeMap;

type Totals = BTreeMap<Hour, Fingerprint>;

impl Source<'_> {
    /// One reading, one state. Every hour of the range gets a bucket: an hour without rows was read as empty.
    ///
    /// # Errors
    /// Pendo's, [`PendoError::Incomplete`] among them for more than one hour, and for an hour whose parts do not arrive
    /// either; the table's.
    pub(super) async fn read(&self, kind: Kind, range: HourRange) -> Result<Batch, FetchError> {
        let reading = self.store.reading_next(self.workspace, &self.connection.id).await?;
        let mut batch = match self.take(kind, range, &Scope::All).await {
            Err(FetchError::Pendo(PendoError::Incomplete { .. })) if range.len() == 1 => {
                self.take_parts(kind, range).await?
            }
            whole => whole?,
        };
        let totals = batch.totals();
        for key in (range.from.0..range.to.0).map(|hour| (kind, Hour(hour))) {
            let whole = totals.get(&key).copied().unwrap_or_default();
            batch.buckets.insert(key, Fetched { reading, whole, is_verified: true });
        }
        Ok(batch)
    }

    /// Pendo's fingerprints of a range by hour; of an hour that is too large for one answer the sum over the apps.
    ///
    /// # Errors
    /// Pendo's.
    pub(super) async fn probe_again(&self, kind: Kind, range: HourRange) -> Result<Totals, PendoError> {
        match probe(self.client, kind, range, By::Hour, &Scope::All).await {
            Err(PendoError::Incomplete { .. }) if range.len() == 1 => {
                let mut sums = Totals::new();
                for app in self.apps(kind, range).await? {
                    for (hour, part) in probe(self.client, kind, range, By::Hour, &Scope::App(app)).await? {
                        sums.entry(hour).or_default().merge(&part);
                    }
                }
                Ok(sums)
            }
            answer => answer,
        }
    }

    /// Takes one answer. What arrived of an answer that broke off is forgotten.
    async fn take(&self, kind: Kind, range: HourRange, scope: &Scope) -> Result<Batch, FetchError> {
        let mut batch = Batch::default();
        let mut rows = fetch(self.client, kind, range, scope).await?;
        while rows.more(|row| batch.push(row, self.shards)).await? {
            self.make_room(&mut batch).await?;
        }
        Ok(batch)
    }

    async fn take_parts(&self, kind: Kind, range: HourRange) -> Result<Batch, FetchError> {
        let mut batch = Batch::default();
        let mut open: Vec<Scope> = self.apps(kind, range).await?.into_iter().map(Scope::App).collect();
        tracing::info!(kind = kind.name(), apps = open.len(), "an hour too large for one answer is read in parts");
        while let Some(scope) = open.pop() {
            match self.take(kind, range, &scope).await {
                Ok(part) => {
                    batch.append(part);
                    self.make_room(&mut batch).await?;
                }
                Err(FetchError::Pendo(error @ PendoError::Incomplete { .. })) => {
                    match self.narrower(kind, range, scope).await? {
                        Some(halves) => open.extend(halves),
                        None => return Err(error.into()),
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(batch)
    }

    /// The apps in which an hour was used: those that usage itself names, or, where that does not arrive either, those of the
    /// catalogue. The catalogue alone would miss an app that has nothing listed any more.
    async fn apps(&self, kind: Kind, range: HourRange) -> Result<Vec<i64>, PendoError> {
        match apps(self.client, kind, range).await {
            Err(PendoError::Incomplete { .. }) => catalog::apps(self.client).await,
            found => found,
        }
    }

    /// The halves of a scope; `None` when it can't be cut any more.
    async fn narrower(&self, kind: Kind, range: HourRange, scope: Scope) -> Result<Option<[Scope; 2]>, PendoError> {
        let (app, mut ids) = match scope {
            Scope::All => return Ok(None),
            Scope::App(app) => (app, objects(self.client, kind, range, app).await?),
            Scope::Objects(app, ids) => (app, ids),
        };
        if ids.len() < 2 {
            return Ok(None);
        }
        let rest = ids.split_off(ids.len() / 2);
        Ok(Some([Scope::Objects(app, ids), Scope::Objects(app, rest)]))
    }
}
