//! What must hold: at every move, in every state, and after a run in peace.

use super::rules::{Rules, Without};
use super::source::{BUCKETS, NONE, Rows, SHARDS, State};
use super::table::{Head, Missing, Name, Page, Seen, Table, fold, sources};
use super::worker::{At, Surroundings, Task, Worker};
use std::collections::{BTreeMap, BTreeSet};

/// A sentence that should have been impossible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broken(pub(crate) String);

fn broken<T>(sentence: String) -> Result<T, Broken> {
    Err(Broken(sentence))
}

/// Runs in peace until nothing moves any more: one that mends, and one that finds nothing to do.
const RUNS_MAX: usize = 3;
/// Steps of one run alone; a run has about forty.
const STEPS_MAX: usize = 200;

/// What one move may do to a head.
pub(crate) fn check_move(before: &Head, next: &Head, published: &BTreeSet<Name>) -> Result<(), Broken> {
    for bucket in 0..BUCKETS {
        if next.asked[bucket] < before.begun[bucket] {
            return broken(format!(
                "hour {bucket}: rows asked for at time {} replaced those of a fetch that began at {}",
                next.asked[bucket], before.begun[bucket]
            ));
        }
        if let (Some(before), Some(next)) = (&before.entries[bucket], &next.entries[bucket])
            && next.reading < before.reading
        {
            return broken(format!("hour {bucket}: reading {} replaced {}", next.reading, before.reading));
        }
    }
    let (was, is) = (&before.seen, &next.seen);
    let mut pairs = was.sources.iter().zip(&is.sources);
    if is.definitions < was.definitions || pairs.any(|(was, is)| is.is_some() && is < was) {
        return broken(format!("a version that a head has seen went down: from {was:?} to {is:?}"));
    }
    match before.outbox.iter().find(|name| !next.outbox.contains(name) && !published.contains(name)) {
        Some(event) => broken(format!("event {event:#x} left the outbox and was never published")),
        None => Ok(()),
    }
}

/// What a head names must be there.
pub(crate) fn check_named(table: &Table) -> Result<(), Broken> {
    for (shard, head) in table.heads.iter().enumerate() {
        if let Some(name) = head.names().find(|name| !table.items.contains_key(&(shard, *name))) {
            return broken(format!("item {name:#x}, which head {shard} names, is missing"));
        }
    }
    Ok(())
}

/// What every state must be, for whoever reads it: an hour called clean is one that Pendo was, and a home that is not due
/// has the values of all that is stored.
pub(crate) fn check_state(table: &Table, source: &[State], rules: Rules) -> Result<(), Broken> {
    let stored = stored(table)?;
    for bucket in 0..BUCKETS {
        let has_been = source[..=table.time].iter().any(|state| state[bucket] == stored[bucket]);
        if !has_been && table.is_clean(bucket, &source[table.time], rules.has(Without::ReadingsAgree)) {
            return broken(format!("hour {bucket} is called clean with {:?}, which Pendo never was", stored[bucket]));
        }
    }
    for (home, head) in table.heads.iter().enumerate() {
        let page = table.page(home, head).unwrap_or_default();
        let truth = values(table, &stored, home);
        if head.seen == wanted(table, home) && page.as_ref() != Some(&truth) {
            return broken(format!("home {home} is not due and has {page:?} instead of {truth:?}"));
        }
    }
    Ok(())
}

/// Whatever stands: once Pendo and people rest, runs in peace must end with exactly what Pendo has, and then do nothing.
pub(crate) fn check_end(table: &Table, source: &'static [State], rules: Rules, definitions: u8) -> Result<(), Broken> {
    let mut table = table.clone();
    (table.time, table.definitions) = (source.len() - 1, definitions);
    for run in 0.. {
        let before: Vec<u8> = table.heads.iter().map(|head| head.version).collect();
        alone(&mut table, source, rules, Worker::new(0xf0 + run, Task::Run(u8::MAX)))?;
        if table.heads.iter().map(|head| head.version).eq(before) {
            break;
        }
        if usize::from(run) == RUNS_MAX {
            return broken("runs in peace never come to rest".to_owned());
        }
    }
    alone(&mut table, source, rules, Worker::new(0xff, Task::House))?;
    check_named(&table)?;
    let stored = stored(&table)?;
    if stored != source[table.time] {
        return broken(format!("in the end {stored:?} is stored, and Pendo has {:?}", source[table.time]));
    }
    let by_reading = rules.has(Without::ReadingsAgree);
    if let Some(bucket) = (0..BUCKETS).find(|bucket| !table.is_clean(*bucket, &source[table.time], by_reading)) {
        return broken(format!("hour {bucket} is fetched in every run, for ever"));
    }
    for (home, head) in table.heads.iter().enumerate() {
        let (page, truth) = (table.page(home, head).unwrap_or_default(), truth(&table, source, home));
        if page.as_ref() != Some(&truth) {
            return broken(format!("in the end home {home} has {page:?} instead of {truth:?}"));
        }
        if !head.outbox.is_empty() {
            return broken(format!("in the end the events {:x?} are not published", head.outbox));
        }
    }
    let named: usize = table.heads.iter().map(|head| head.names().collect::<BTreeSet<_>>().len()).sum();
    if named == table.items.len() { Ok(()) } else { broken("in the end something that nobody names stays".to_owned()) }
}

/// Lets a worker take all its steps.
pub(crate) fn alone(
    table: &mut Table,
    source: &'static [State],
    rules: Rules,
    mut worker: Worker,
) -> Result<usize, Broken> {
    for step in 0..STEPS_MAX {
        if worker.at == At::Done {
            return Ok(step);
        }
        worker.step(&mut Surroundings { table, source, rules, is_lost: false })?;
    }
    broken("a run in peace does not end".to_owned())
}

fn stored(table: &Table) -> Result<State, Broken> {
    let mut stored = [[NONE; SHARDS]; BUCKETS];
    for (shard, head) in table.heads.iter().enumerate() {
        for (bucket, rows) in stored.iter_mut().enumerate() {
            rows[shard] = table.rows(shard, head, bucket).map_err(|Missing| Broken("a block is missing".to_owned()))?;
        }
    }
    Ok(stored)
}

fn wanted(table: &Table, home: usize) -> Seen {
    let mut seen = Seen { definitions: table.definitions, sources: [None; SHARDS] };
    sources(home, &table.index).for_each(|shard| seen.sources[shard] = Some(table.heads[shard].rows_version));
    seen
}

/// The values of a home over every shard, index or not.
fn values(table: &Table, state: &State, home: usize) -> Page {
    let by_shard = |shard: usize| -> [Rows; BUCKETS] { std::array::from_fn(|bucket| state[bucket][shard]) };
    let rows: BTreeMap<usize, [Rows; BUCKETS]> = (0..SHARDS).map(|shard| (shard, by_shard(shard))).collect();
    fold(home, table.definitions, &rows)
}

fn truth(table: &Table, source: &[State], home: usize) -> Page {
    values(table, &source[table.time], home)
}
