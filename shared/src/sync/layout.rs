//! The layout: how many shards a connection has. Decided once, by the busiest day of the history that is there when its first
//! kind is mapped. Usage may outgrow that: everything of a shard splits, so it stays right, and the status says how far it is.

use super::checkpoint::Checkpoint;
use super::probe::{Past, Probe};
use super::run::Run;
use crate::id::Kind;
use crate::store::{Layout, StoreError};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// Most kinds are small; a day of a shard stays near 100 KB at about this many rows.
const ROWS_PER_SHARD_DAY: u64 = 12_500;
/// So many shards at least, so that a run's writes spread.
const SHARDS_MIN: u64 = 4;
/// So many at most.
pub(super) const SHARDS_MAX: u16 = 256;

/// How a connection lies in the table, for people.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LayoutReport {
    /// Number of shards.
    pub shards: u16,
    /// Grouped rows of the busiest day of each kind, added up, as the last comparison of all history saw them.
    pub busiest_day_rows: u64,
    /// Rows a day that so many shards are meant for. More are right all the same.
    pub meant_for_rows: u64,
}

impl LayoutReport {
    /// What is told of a layout.
    #[must_use]
    pub fn of(layout: Layout, checkpoint: &Checkpoint) -> Self {
        Self {
            shards: layout.shards,
            busiest_day_rows: checkpoint.kinds.values().map(|state| state.busiest_day_rows).sum(),
            meant_for_rows: u64::from(layout.shards) * ROWS_PER_SHARD_DAY,
        }
    }
}

impl Past {
    /// Rows of the busiest day.
    pub(super) fn busiest_day_rows(&self) -> u64 {
        self.found.values().map(|day| day.rows).max().unwrap_or_default()
    }
}

impl Run<'_> {
    /// Decides the number of shards when the first kind is mapped; `None` while no probe says how much there is.
    ///
    /// # Errors
    /// The table's.
    pub async fn layout(&self, probes: &BTreeMap<Kind, Probe>) -> Result<Option<Layout>, StoreError> {
        let stands = self.store.layout_get(self.workspace, &self.connection.id).await?;
        if stands.is_some() || probes.is_empty() {
            return Ok(stands);
        }
        let rows = |probe: &Probe| if let Probe::History(past) = probe { past.busiest_day_rows() } else { 0 };
        let busiest: u64 = probes.values().map(rows).sum();
        let shards = busiest.div_ceil(ROWS_PER_SHARD_DAY).next_power_of_two().max(SHARDS_MIN);
        let layout = Layout { shards: u16::try_from(shards).unwrap_or(SHARDS_MAX).min(SHARDS_MAX) };
        self.store.layout_put(self.workspace, &self.connection.id, layout).await.map(Some)
    }
}
