//! A worker: a run of the real thing as explicit steps, each of which touches the table once.

use super::invariants::Broken;
use super::rules::{Rules, Without};
use super::source::{BUCKETS, NONE, SHARDS, State, VISITORS};
use super::table::{Head, Item, Name, Table};
use std::collections::BTreeSet;

/// What a worker is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Task {
    /// A whole run over some hours (a bit each): plan, fetch, store, evaluate what is due, publish.
    Run(u8),
    /// Its first half.
    Store(u8),
    /// What is left of a run that finds every hour clean, but for its last part.
    Evaluate,
    /// Its last part.
    Publish,
    /// Compacts and sweeps every shard.
    House,
}

/// The next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum At {
    Plan,
    Reading,
    Fetch,
    Index,
    /// The reads before a change, in the order of `Worker::reads`.
    Read(usize),
    Put,
    Move,
    /// Without rule 5: only the version is read again.
    Version,
    Publish,
    ClearRead,
    ClearMove,
    CompactRead,
    CompactPut,
    CompactMove,
    List,
    SweepRead,
    SweepMove,
    Delete,
    Done,
}

/// A worker, with all that it knows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Worker {
    id: u8,
    pub(crate) task: Task,
    pub(crate) at: At,
    pub(crate) shard: usize,
    /// Whether it stores what it fetched, or evaluates what is due.
    pub(crate) is_storing: bool,
    names: u8,
    pub(crate) dirty: u8,
    pub(crate) reading: u8,
    pub(crate) asked: u8,
    pub(crate) begun: u8,
    pub(crate) rows: State,
    pub(crate) heads: [Option<Head>; SHARDS],
    pub(crate) index: [u8; VISITORS],
    pub(crate) definitions: u8,
    /// A block that was put and not yet named, and how far the shard was swept then.
    pub(crate) block: Option<(Name, u8)>,
    pub(crate) next: Option<Head>,
    /// What it put for the change under way.
    pub(crate) put: Vec<Name>,
    /// The token of a move that was refused.
    pub(crate) refused: Option<Name>,
    /// Events that it published, or items that it will sweep.
    pub(crate) names_held: BTreeSet<Name>,
}

/// What one step needs beside the worker.
pub(crate) struct Surroundings<'a> {
    pub(crate) table: &'a mut Table,
    pub(crate) source: &'static [State],
    pub(crate) rules: Rules,
    /// The answer to a move gets lost: it is done, and looks refused.
    pub(crate) is_lost: bool,
}

impl Worker {
    /// A worker before its first step.
    pub(crate) fn new(id: u8, task: Task) -> Self {
        Self {
            id,
            task,
            at: match task {
                Task::Run(_) | Task::Store(_) => At::Plan,
                Task::Evaluate => At::Read(0),
                Task::Publish => At::Publish,
                Task::House => At::CompactRead,
            },
            shard: 0,
            is_storing: matches!(task, Task::Run(_) | Task::Store(_)),
            names: 0,
            dirty: 0,
            reading: 0,
            asked: 0,
            begun: 0,
            rows: [[NONE; SHARDS]; BUCKETS],
            heads: [None, None],
            index: [0; VISITORS],
            definitions: 0,
            block: None,
            next: None,
            put: Vec::new(),
            refused: None,
            names_held: BTreeSet::new(),
        }
    }

    /// Whether the next step moves a head.
    pub(crate) fn is_moving(&self) -> bool {
        matches!(self.at, At::Move | At::ClearMove | At::CompactMove | At::SweepMove)
    }

    /// A name that nobody else has.
    pub(crate) fn fresh(&mut self) -> Name {
        self.names += 1;
        Name::from(self.id) << 8 | Name::from(self.names)
    }

    /// Puts an item under a fresh key.
    pub(crate) fn put_item(&mut self, table: &mut Table, item: Item) -> Name {
        let name = self.fresh();
        table.items.insert((self.shard, name), item);
        self.put.push(name);
        name
    }

    /// The next step in words.
    pub(crate) fn tell(&self, rules: Rules) -> String {
        let (shard, what) = (self.shard, if self.is_storing { "storing" } else { "evaluating" });
        match self.at {
            At::Plan => "compares the heads with Pendo".to_owned(),
            At::Reading => "takes a reading".to_owned(),
            At::Fetch => format!("fetches hours {:#b}", self.dirty),
            At::Index => "indexes the visitors".to_owned(),
            At::Read(step) => format!("{what} shard {shard}: reads {:?}", self.reads(rules)[step]),
            At::Put => format!("{what} shard {shard}: computes and puts"),
            At::Move => format!("{what} shard {shard}: moves the head"),
            other => format!("{other:?} of shard {shard}"),
        }
    }

    /// Takes one step.
    pub(crate) fn step(&mut self, around: &mut Surroundings<'_>) -> Result<(), Broken> {
        let rules = around.rules;
        match self.at {
            At::Plan | At::Reading | At::Fetch | At::Index => self.gather(around),
            At::Read(step) => self.read(step, around),
            At::Put => self.change(around),
            At::Move => match self.swap(around)? {
                true => self.shard_is_done(rules),
                false if rules.has(Without::Redo) => self.redo(),
                false => self.at = At::Version,
            },
            At::Version => {
                let stands = around.table.heads[self.shard].version;
                self.next.iter_mut().for_each(|next| next.version = stands);
                self.at = At::Move;
            }
            At::Publish => {
                self.names_held = around.table.heads[self.shard].outbox.iter().copied().collect();
                around.table.published.extend(&self.names_held);
                if self.names_held.is_empty() { self.shard_is_published() } else { self.at = At::ClearRead }
            }
            At::ClearRead => {
                let mut next = around.table.heads[self.shard].clone();
                let stood = next.outbox.len();
                let names = &self.names_held;
                next.outbox.retain(|name| rules.has(Without::PublishedOnly) && !names.contains(name));
                if next.outbox.len() == stood {
                    self.shard_is_published();
                } else {
                    (self.next, self.at) = (Some(next), At::ClearMove);
                }
            }
            At::ClearMove => match self.swap(around)? {
                true => self.shard_is_published(),
                false => self.at = At::ClearRead,
            },
            At::Done => {}
            _ => self.keep_house(around)?,
        }
        Ok(())
    }
}
