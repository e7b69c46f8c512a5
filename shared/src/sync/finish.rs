//! The end of a run: what it did and cost, and what the next one should know.

use super::checkpoint::{Checkpoint, RunRecord};
use super::metrics::figures;
use super::outage::{Heard, Outage};
use super::run::{Asked, Run};
use crate::pendo::client::Requests;
use crate::store::StoreError;
use crate::telemetry;
use crate::time::Hour;
use std::time::Instant;

impl Run<'_> {
    /// Writes the checkpoint that ends the run: its record, its tick, whether Pendo was there, and the claim that it lets go;
    /// then says its figures.
    ///
    /// # Errors
    /// The table's.
    pub(super) async fn finish(
        &mut self,
        record: RunRecord,
        started: Instant,
        asked: Asked,
        is_served: bool,
        heard: &Heard,
    ) -> Result<Checkpoint, StoreError> {
        let requests = Requests::from(&self.client);
        self.report.pendo_requests = requests.pendo_requests;
        self.report.usage_requests = requests.usage_requests;
        self.report.pendo_bytes = requests.pendo_bytes;
        self.report.pendo_troubles = requests.pendo_troubles;
        self.spend("total", started);
        let spent = self.store.meter().spent();
        self.report.usage_writes = spent.usage_writes;
        self.report.value_writes = spent.value_writes;
        self.report.write_units = spent.write_units;
        self.report.read_units = spent.read_units;
        self.report.write_units_by = spent.write_units_by;
        self.report.read_units_by = spent.read_units_by;
        let ended_at_ms = self.context.clock.now_ms();
        self.stop_counting();
        let record = RunRecord { ended_at_ms, report: self.report.clone(), ..record };
        let checkpoint = self
            .store
            .checkpoint_change(self.workspace, &self.connection.id, |checkpoint| {
                checkpoint.costs.add(Hour::of_ms(ended_at_ms).utc_day(), record.report.dollars());
                let earlier = checkpoint.last_run.take().filter(|last| asked == Asked::Rest && last.continues);
                checkpoint.last_run = Some(record.clone().after(earlier));
                if let (Asked::Tick(tick), true) = (asked, is_served) {
                    checkpoint.ticked_ms = checkpoint.ticked_ms.max(tick);
                }
                checkpoint.outage = Outage::after(checkpoint.outage.as_ref(), heard, ended_at_ms);
                self.release_history(checkpoint);
            })
            .await?;
        tracing::info!(
            rows = record.report.rows,
            pendo_requests = record.report.pendo_requests,
            usage_writes = record.report.usage_writes,
            value_writes = record.report.value_writes,
            seconds = record.report.seconds.get("total"),
            is_complete = record.is_complete,
            error = record.error,
            "a run ended"
        );
        if let Some(function) = &self.context.config.function {
            let mapped = self.fields.iter().filter_map(|field| field.definition.kind()).collect();
            telemetry::say(function, ended_at_ms, &figures(&checkpoint, &mapped, &record));
        }
        Ok(checkpoint)
    }
}
