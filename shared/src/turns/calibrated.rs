//! How well an indicator foretold the expansions that the directory knows of.

use super::look::Look;
use super::replay::ReplayError;
use crate::context::Context;
use crate::id::WorkspaceId;
use crate::signals::Signal;
use crate::signals::event::What;
use crate::signals::indicator::{Calibration, History, Question, calibrate};
use crate::time::parse_date;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

impl Look {
    /// Replays an indicator over the last `days` days and holds what it would have fired on against the dates that a column of
    /// the directory has: one, or several with commas or semicolons between them.
    ///
    /// # Errors
    /// Too much to add up at once; the table's.
    pub async fn calibrated(
        &self,
        context: &Context,
        workspace: &WorkspaceId,
        signal: &Signal,
        (column, days, horizon_days): (&str, u32, u32),
    ) -> Result<Calibration, ReplayError> {
        let replay = self.replay(context, workspace, signal, days, None).await?;
        let zone = self.connection.time_zone;
        let mut objects: BTreeMap<String, History> = BTreeMap::new();
        for (id, columns) in self.world.directory.objects(signal.draft.object) {
            let expanded = columns.get(column).map(dates).unwrap_or_default();
            objects.insert(id.clone(), History { fired: BTreeSet::new(), expanded });
        }
        for event in &replay.events {
            if let (What::IndicatorFired { .. }, Some(history)) = (&event.what, objects.get_mut(&event.object_id)) {
                history.fired.insert(zone.local_day(event.at_ms));
            }
        }
        Ok(calibrate(&Question { from: replay.first, to: self.day, horizon_days }, &objects))
    }
}

/// The dates of a cell. What is no date is left out.
fn dates(cell: &Value) -> BTreeSet<i32> {
    let texts = cell.as_str().into_iter().flat_map(|text| text.split([',', ';']));
    texts.filter_map(|text| parse_date(text.trim().get(..10)?)).collect()
}
