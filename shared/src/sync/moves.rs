//! Stores and evaluates, shard by shard: new things under fresh keys, then one move of the head that names all of them.

use super::batch::{Batch, name_blocks, put_rows};
use super::evaluate::{Moment, evaluate};
use super::page;
use super::rewrites::Taken;
use super::shards::{Blocks, Rows};
use super::world::World;
use crate::connection::Connection;
use crate::id::{VisitorHash, WorkspaceId};
use crate::store::{Change, Folds, PageRef, Seen, SeenIn, Shard, Store, StoreError};
use crate::time::Hour;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use std::collections::{BTreeMap, BTreeSet};

/// How often a head that moved meanwhile is read again before the run gives the shard up to the next one.
const REDOS_MAX: u32 = 8;
/// Heads that are read side by side.
const HEADS_AT_ONCE: usize = 16;
/// UTC days whose entries stand in the head itself: enough for the probe of every run.
const OPEN_DAYS: i32 = 2;

/// The hour from which entries stand in the heads themselves, and rows in blocks of open days: each run reads those back.
#[must_use]
pub fn open_from(as_of: Hour) -> Hour {
    Hour((as_of.utc_day() - OPEN_DAYS) * 24)
}

/// Where things are stored.
pub struct Sink<'a> {
    /// The table.
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
}

impl Sink<'_> {
    /// Reads every head, some side by side.
    ///
    /// # Errors
    /// The table's.
    pub async fn heads(&self) -> Result<Vec<Shard>, StoreError> {
        let read = |number| self.store.shard_get(self.workspace, &self.connection.id, number);
        let reads: Vec<_> = (0..self.shards).map(read).collect();
        stream::iter(reads).buffered(HEADS_AT_ONCE).try_collect().await
    }

    /// Reads what evaluation sees beside rows. Call it after [`Sink::heads`].
    ///
    /// # Errors
    /// The table's.
    pub async fn world(&self) -> Result<World, StoreError> {
        World::read(self.store, self.workspace, self.connection, self.shards).await
    }

    /// The hour from which entries stand in the heads themselves.
    #[must_use]
    pub fn open_from(&self) -> Hour {
        open_from(self.as_of)
    }

    /// Reads every head, then who of a batch's visitors is erased, and adds the others and the Pendo accounts to the
    /// index, before any head names their rows. In this order a head that was moved because of an erasure is never moved
    /// on by a writer who has not heard of it.
    async fn prepare(&self, batch: &Batch) -> Result<(Vec<Shard>, BTreeSet<VisitorHash>), StoreError> {
        let shards = self.heads().await?;
        let erased = self.store.erased_get(self.workspace, self.connection).await?;
        batch.check(&shards, erased.version)?;
        let erased = erased.value;
        let (gone, stays): (Vec<_>, Vec<_>) = batch.visitors.iter().partition(|(id, _)| erased.holds(id.as_str()));
        let visitors = stays.into_iter().map(|(id, shards)| (id.as_str(), shards.clone())).collect();
        self.index_add(SeenIn::Visitors, &visitors).await?;
        let accounts = batch.accounts.keys().map(|id| (id.as_ref(), BTreeSet::new())).collect();
        self.index_add(SeenIn::Accounts, &accounts).await?;
        Ok((shards, gone.into_iter().map(|(id, _)| VisitorHash::of(id)).collect()))
    }

    async fn index_add(&self, seen: SeenIn, found: &BTreeMap<&str, BTreeSet<u16>>) -> Result<(), StoreError> {
        loop {
            let stands = self.store.seen_get(self.workspace, &self.connection.id, seen).await?;
            let mut changes = BTreeMap::new();
            for (id, shards) in found {
                let known: Option<BTreeSet<u16>> = stands.value.get(*id).map(|value| {
                    value.as_array().into_iter().flatten().filter_map(|n| u16::try_from(n.as_u64()?).ok()).collect()
                });
                if !known.as_ref().is_some_and(|known| shards.is_subset(known)) {
                    let all: BTreeSet<u16> = known.into_iter().flatten().chain(shards.iter().copied()).collect();
                    changes.insert((*id).to_owned(), Some(serde_json::json!(all)));
                }
            }
            if changes.is_empty() {
                return Ok(());
            }
            let version = stands.version;
            drop(stands);
            match self.store.seen_put(self.workspace, &self.connection.id, seen, &changes, version, self.now_ms).await {
                Ok(_) => return Ok(()),
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Stores a batch: each shard's head moves once, to its new rows and, when `moment` is given, to the values of its
    /// objects at the same time. Without `moment` (history whose windows nobody reads yet) the values follow later.
    ///
    /// A shard of which an item can't be read is passed over; the others are stored before that is told. Answers what was
    /// taken, and what stood instead.
    ///
    /// # Errors
    /// The table's. What is stored stays stored; the next run mends the rest.
    pub async fn store(&self, batch: &Batch, moment: Option<&Moment>) -> Result<Taken, StoreError> {
        let mut taken = Taken::default();
        let Some(range) = batch.range() else { return Ok(taken) };
        let mut blocks = Blocks::default();
        let (mut shards, mut erased) = self.prepare(batch).await?;
        let mut world = None;
        let (mut redos, mut number, mut spoiled) = (0, 0, None);
        while number < self.shards {
            let Some(own) = shards.get_mut(usize::from(number)) else { break };
            let moved = match self.store.shard_load(own, range).await {
                Ok(()) => {
                    self.store_shard(number, &mut shards, (batch, &erased), moment, &mut world, &mut blocks).await
                }
                Err(error) => Err(error),
            };
            match moved {
                Ok((takes, has_moved)) => {
                    taken.add(takes);
                    if has_moved {
                        shards[usize::from(number)] =
                            self.store.shard_get(self.workspace, &self.connection.id, number).await?;
                    }
                    number += 1;
                }
                // Somebody else moved the head: compute everything anew from what stands, with the same rows and reading.
                Err(StoreError::Conflict { .. } | StoreError::Missing { .. }) if redos < REDOS_MAX => {
                    redos += 1;
                    (shards, erased) = self.prepare(batch).await?;
                    world = None;
                }
                Err(error) if error.is_of_one_item() => {
                    spoiled.get_or_insert(error);
                    number += 1;
                }
                Err(error) => return Err(error),
            }
        }
        spoiled.map_or(Ok(taken), Err)
    }

    /// Moves one head to its part of a batch; answers what it took, and whether there was any.
    async fn store_shard(
        &self,
        number: u16,
        shards: &mut [Shard],
        (batch, erased): (&Batch, &BTreeSet<VisitorHash>),
        moment: Option<&Moment>,
        world: &mut Option<World>,
        blocks: &mut Blocks,
    ) -> Result<(Taken, bool), StoreError> {
        let mut rows = batch.for_shard(&shards[usize::from(number)], erased);
        let taken = Taken::of(batch, &shards[usize::from(number)], &rows.entries);
        if rows.entries.is_empty() {
            return Ok((taken, false));
        }
        rows.entries.values_mut().for_each(|entry| entry.read_at = self.as_of);
        let mut change = match moment {
            None => Change::default(),
            Some(moment) => {
                let world = match world {
                    Some(world) => world,
                    None => world.insert(self.world().await?),
                };
                self.values(world, moment, number, shards, &rows, blocks).await?
            }
        };
        let shard = &shards[usize::from(number)];
        let put = put_rows(self.store, shard, rows.rows, self.open_from(), self.now_ms).await?;
        name_blocks(&mut rows.entries, &put);
        change.entries = rows.entries;
        self.store.shard_move(shard, change, self.open_from(), self.now_ms).await?;
        Ok((taken, true))
    }

    /// Evaluates every home whose pages were made from something else than what stands, until none is left. Answers how
    /// many heads moved. A home of which an item can't be read is passed over; the others are evaluated before that is told.
    ///
    /// # Errors
    /// The table's.
    pub async fn evaluate_due(&self, moment: &Moment) -> Result<u64, StoreError> {
        let mut moved = 0;
        let mut blocks = Blocks::default();
        let mut redos = 0;
        'again: loop {
            let mut shards = self.heads().await?;
            let world = self.world().await?;
            let mut spoiled = None;
            for number in 0..self.shards {
                let moment = &Self::moment_of(moment, &shards[usize::from(number)]);
                let wanted = self.seen(&world, moment, number, &shards);
                if !is_due(shards[usize::from(number)].seen(), &wanted) {
                    continue;
                }
                let evaluated = self.values(&world, moment, number, &mut shards, &Rows::default(), &mut blocks).await;
                let result = match evaluated {
                    Ok(change) => {
                        self.store.shard_move(&shards[usize::from(number)], change, self.open_from(), self.now_ms).await
                    }
                    Err(error) => Err(error),
                };
                match result {
                    Ok(()) => moved += 1,
                    Err(StoreError::Conflict { .. } | StoreError::Missing { .. }) if redos < REDOS_MAX => {
                        redos += 1;
                        continue 'again;
                    }
                    Err(error) if error.is_of_one_item() => drop(spoiled.get_or_insert(error)),
                    Err(error) => return Err(error),
                }
            }
            return spoiled.map_or(Ok(moved), Err);
        }
    }

    /// The moment of a home: no kind is evaluated up to an earlier hour than its head has seen.
    fn moment_of(moment: &Moment, shard: &Shard) -> Moment {
        let mut own = moment.clone();
        for (kind, as_of) in &mut own.as_of {
            *as_of = shard.seen().as_of.get(kind).map_or(*as_of, |seen| *seen.max(as_of));
        }
        own
    }

    fn seen(&self, world: &World, moment: &Moment, number: u16, shards: &[Shard]) -> Seen {
        let sources = world.sources_of(number, self.shards);
        Seen {
            definitions: world.definitions(),
            directory: world.directory.version,
            matching: world.matching_version,
            links: world.links_hash(number),
            zone: moment.zone.name().to_owned(),
            as_of: moment.as_of.clone(),
            days: moment.as_of.iter().map(|(kind, as_of)| (*kind, moment.zone.local_day(as_of.start_ms()))).collect(),
            sources: sources
                .into_iter()
                .filter_map(|at| Some((at, shards.get(usize::from(at))?.rows_version())))
                .collect(),
        }
    }

    /// Evaluates a home and puts the pages that differ and the folds that are new.
    async fn values(
        &self,
        world: &World,
        moment: &Moment,
        number: u16,
        shards: &mut [Shard],
        rows: &Rows,
        blocks: &mut Blocks,
    ) -> Result<Change, StoreError> {
        let moment = &Self::moment_of(moment, &shards[usize::from(number)]);
        let seen = self.seen(world, moment, number, shards);
        // The heads were read one after another: another run may have evaluated this home from newer rows than we see.
        // What a head has seen never goes down.
        let is_behind = |(at, version): (&u16, &u64)| seen.sources.get(at).is_some_and(|read| read < version);
        if shards[usize::from(number)].seen().sources.iter().any(is_behind) {
            return Err(StoreError::Conflict { key: "head".to_owned() });
        }
        let (values, folds): (_, Folds) = evaluate(self, world, moment, number, shards, rows, blocks).await?;
        let shard = &shards[usize::from(number)];
        let packed = page::pack(&values, shard.pages().len());
        let count = packed.len();
        let mut pages = Vec::with_capacity(count);
        for (at, packed) in packed.into_iter().enumerate() {
            let stands = shard.pages().get(at).filter(|_| shard.pages().len() == count).and_then(Option::as_ref);
            pages.push(match packed {
                None => None,
                Some((_, content)) if stands.is_some_and(|page| page.content == content) => stands.cloned(),
                Some((body, content)) => {
                    Some(PageRef { sort: self.store.page_put(shard, body, self.now_ms).await?, content })
                }
            });
        }
        Ok(Change { pages: Some((pages, seen)), folds: Some(folds), ..Change::default() })
    }
}

/// Whether pages made from `seen` could differ from pages made from `wanted`. The directory's and matching's versions
/// are left to what they come to: the links.
fn is_due(seen: &Seen, wanted: &Seen) -> bool {
    (seen.definitions, seen.links, &seen.zone, &seen.days, &seen.sources)
        != (wanted.definitions, wanted.links, &wanted.zone, &wanted.days, &wanted.sources)
}
