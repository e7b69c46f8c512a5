//! The first part of a run: what to fetch, the reading, the rows, and whose they are.

use super::rules::Without;
use super::source::{BUCKETS, VISITORS};
use super::worker::{At, Surroundings, Task, Worker};

impl Worker {
    /// Takes one step towards the rows.
    pub(crate) fn gather(&mut self, around: &mut Surroundings<'_>) {
        let rules = around.rules;
        let late_reading = !rules.has(Without::ReadingBeforeFetch);
        let late_index = !rules.has(Without::IndexFirst);
        let pendo = &around.source[around.table.time];
        let now = around.table.time as u8;
        let then = if late_index { At::Read(0) } else { At::Index };
        match self.at {
            At::Plan => {
                let (Task::Run(scope) | Task::Store(scope)) = self.task else { return };
                let by_reading = rules.has(Without::ReadingsAgree);
                let dirty = (0..BUCKETS).filter(|bucket| !around.table.is_clean(*bucket, pendo, by_reading));
                self.dirty = dirty.fold(0, |dirty, bucket| dirty | 1 << bucket) & scope;
                self.at = if late_reading { At::Fetch } else { At::Reading };
                if self.dirty == 0 {
                    self.is_stored();
                }
            }
            At::Reading => {
                around.table.reading += 1;
                self.reading = around.table.reading;
                if late_reading {
                    self.at = then;
                } else {
                    (self.begun, self.at) = (now, At::Fetch);
                }
            }
            At::Fetch => {
                self.asked = now;
                for bucket in (0..BUCKETS).filter(|bucket| self.dirty & 1 << bucket != 0) {
                    self.rows[bucket] = pendo[bucket];
                }
                if late_reading {
                    (self.begun, self.at) = (now, At::Reading);
                } else {
                    self.at = then;
                }
            }
            _ => {
                for (shard, rows) in self.rows.iter().flat_map(|bucket| bucket.iter().enumerate()) {
                    for visitor in (0..VISITORS).filter(|visitor| rows[*visitor] > 0) {
                        around.table.index[visitor] |= 1 << shard;
                    }
                }
                self.at = At::Read(0);
                if late_index {
                    self.is_stored();
                }
            }
        }
    }
}
