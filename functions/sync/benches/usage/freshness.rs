//! How long a row waits: from the moment at which a run could have known it to the run that made it readable.
//!
//! Beside every run stand the hours that it read and the hours at which Pendo's totals were apart from ours before it. At
//! the end each raw row finds the first run after its arrival, and the first of those that read its hour.

use crate::world::{HOUR_MS, World, head, line, workspace};
use pendo_simulator::{Kind as RawKind, RawRow};
use shared::id::Kind;
use shared::store::Shard;
use shared::sync::plan::{Stored, stored};
use shared::time::{Hour, HourRange};
use std::collections::{BTreeMap, HashSet};

/// Hours before a run that are watched: the daily pass goes ten days back.
const WATCHED_HOURS: i32 = 252;
/// What "late" may mean for the claim.
const LATE_MS: i64 = 48 * HOUR_MS;

/// What is seen of the runs.
#[derive(Default)]
pub(crate) struct Watch {
    runs: Vec<i64>,
    /// Hours that were read, by run.
    read: Vec<HashSet<(Kind, Hour)>>,
    /// Hours that differed by one percent or more before a run, by run.
    large: Vec<HashSet<(Kind, Hour)>>,
}

impl Watch {
    /// Compares Pendo with what stands. Call it when the clock stands at the next run's time.
    pub(crate) async fn before_run(&mut self, world: &World) {
        let range = HourRange { from: world.as_of().plus(-WATCHED_HOURS), to: world.as_of() };
        let shards = shards(world, range).await;
        let mut large = HashSet::new();
        for kind in Kind::ALL {
            let stands = stored(&shards, kind, range);
            for (hour, pendo) in world.totals(kind, range).await {
                let known = stands.get(&hour).map(|stands| stands.whole).unwrap_or_default();
                if pendo.events.abs_diff(known.events) * 100 >= pendo.events.max(1) {
                    large.insert((kind, hour));
                }
            }
        }
        self.runs.push(world.stack.clock().now_ms());
        self.large.push(large);
    }

    /// Looks which hours the run has read.
    pub(crate) async fn after_run(&mut self, world: &World) {
        let as_of = world.as_of();
        let range = HourRange { from: as_of.plus(-WATCHED_HOURS), to: as_of };
        let shards = shards(world, range).await;
        let is_read = |stands: &Stored| stands.read_at == Some(as_of);
        let of_kind = |kind| {
            stored(&shards, kind, range).into_iter().filter(|(_, s)| is_read(s)).map(move |(hour, _)| (kind, hour))
        };
        self.read.push(Kind::ALL.into_iter().flat_map(of_kind).collect());
    }

    /// Prints how long rows waited whose wait began after the first run and a day before the last.
    pub(crate) fn print(&self, world: &World) {
        let mut waits: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
        let mut unseen = 0;
        for (raw, kind) in [
            (RawKind::Event, Kind::Event),
            (RawKind::Feature, Kind::Feature),
            (RawKind::Guide, Kind::Guide),
            (RawKind::Page, Kind::Page),
            (RawKind::Track, Kind::Track),
        ] {
            for row in world.pendo().truth_of(raw).iter().filter(|row| is_counted(row)) {
                let hour_end = row.hour_ms + HOUR_MS;
                let available = row.arrives_at_ms.max(hour_end);
                let (Some(begin), Some(end)) = (self.runs.first(), self.runs.last()) else { return };
                if available <= *begin || available > end - 25 * HOUR_MS {
                    continue;
                }
                let first = self.runs.partition_point(|at| *at < available);
                let bucket = (kind, Hour::of_ms(row.hour_ms));
                let class = match (row.arrives_at_ms - hour_end > LATE_MS, self.large[first].contains(&bucket)) {
                    (true, _) => "more than 48 h late",
                    (false, true) => "up to 48 h late, the hour differs by 1 % or more",
                    (false, false) => "up to 48 h late, a smaller trickle",
                };
                match (first..self.runs.len()).find(|run| self.read[*run].contains(&bucket)) {
                    Some(run) => waits.entry(class).or_default().push(self.runs[run] - available),
                    None => unseen += 1,
                }
            }
        }
        head(
            "Freshness: minutes from available to visible, hourly runs, the simulator's own lateness",
            &["rows", "how many", "median", "p99", "p100"],
        );
        for (class, mut waits) in waits {
            waits.sort_unstable();
            let minutes = |share: f64| {
                let place = ((waits.len() - 1) as f64 * share).round() as usize;
                format!("{:.0}", waits[place] as f64 / 60_000.0)
            };
            line(&[class.to_owned(), waits.len().to_string(), minutes(0.5), minutes(0.99), minutes(1.0)]);
        }
        line(&["never seen within a day".to_owned(), unseen.to_string(), String::new(), String::new(), String::new()]);
    }
}

/// Rows of identified visitors that are not excluded: Pendo gives no others.
fn is_counted(row: &RawRow) -> bool {
    !row.excluded && !row.visitor_id.is_empty() && !row.visitor_id.starts_with("_PENDO_T_")
}

async fn shards(world: &World, range: HourRange) -> Vec<Shard> {
    let store = &world.stack.context().store;
    let connection = store.connection_get(&workspace()).await.unwrap().unwrap().value;
    let layout = store.layout_get(&workspace(), &connection.id).await.unwrap().unwrap();
    let mut shards = Vec::new();
    for number in 0..layout.shards {
        let mut shard = store.shard_get(&workspace(), &connection.id, number).await.unwrap();
        store.shard_load(&mut shard, range).await.unwrap();
        shards.push(shard);
    }
    shards
}
