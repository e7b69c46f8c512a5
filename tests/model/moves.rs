//! How a worker moves a head: what it reads before, the swap, and what follows a refusal.

use super::invariants::{Broken, check_move};
use super::rules::{Rules, Without};
use super::source::{BUCKETS, NONE, SHARDS, VISITORS};
use super::worker::{At, Surroundings, Task, Worker};

/// What is read before a change.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Read {
    /// The head of the shard.
    Own,
    /// The other heads.
    Others,
    /// Definitions and the visitor index.
    Rest,
}

impl Worker {
    /// Moves the head of its shard to `next`, if it still is the version that `next` was made from.
    pub(crate) fn swap(&mut self, around: &mut Surroundings<'_>) -> Result<bool, Broken> {
        let Some(mut next) = self.next.clone() else { return Ok(true) };
        let stands = &mut around.table.heads[self.shard];
        let token = self.fresh();
        let is_applied = stands.version == next.version;
        if is_applied {
            next.version += 1;
            next.token = token;
            if !around.rules.has(Without::RowsVersion) && next.rows_version == stands.rows_version {
                next.rows_version += 1;
                if self.at == At::Move {
                    next.seen.sources[self.shard] = Some(next.rows_version);
                }
            }
            check_move(stands, &next, &around.table.published)?;
            *stands = next;
        }
        let is_told = is_applied && !around.is_lost;
        if is_told {
            self.put.clear();
        }
        self.refused = (!is_told && around.rules.has(Without::Token)).then_some(token);
        if !is_told && !around.rules.has(Without::LeaveItems) {
            around.table.items.retain(|(shard, name), _| *shard != self.shard || !self.put.contains(name));
            (self.put, self.block) = (Vec::new(), None);
        }
        Ok(is_told)
    }

    /// Rule 6: the own head first; the order of the rest does not matter, so each shard has its own.
    pub(crate) fn reads(&self, rules: Rules) -> [Read; 3] {
        if !rules.has(Without::OwnHeadFirst) {
            [Read::Rest, Read::Others, Read::Own]
        } else if self.shard == 0 {
            [Read::Own, Read::Rest, Read::Others]
        } else if !rules.has(Without::OwnHeadBeforeOthers) {
            [Read::Others, Read::Own, Read::Rest]
        } else {
            [Read::Own, Read::Others, Read::Rest]
        }
    }

    pub(crate) fn read(&mut self, step: usize, around: &mut Surroundings<'_>) {
        self.at = if step < 2 { At::Read(step + 1) } else { At::Put };
        match self.reads(around.rules)[step] {
            Read::Own => {
                let head = &around.table.heads[self.shard];
                if self.refused.take() == Some(head.token) && head.version > 0 {
                    return self.shard_is_done(around.rules);
                }
                self.heads[self.shard] = Some(head.clone());
            }
            Read::Rest => (self.index, self.definitions) = (around.table.index, around.table.definitions),
            Read::Others => {
                let others = (0..SHARDS).filter(|shard| *shard != self.shard);
                others.for_each(|shard| self.heads[shard] = Some(around.table.heads[shard].clone()));
            }
        }
    }

    /// Computes everything anew from what stands; the fetched rows, their reading and a block already put are kept.
    pub(crate) fn redo(&mut self) {
        self.forget();
        self.at = At::Read(0);
    }

    fn forget(&mut self) {
        (self.heads, self.index, self.definitions, self.next) = ([None, None], [0; VISITORS], 0, None);
        self.put.clear();
        self.names_held.clear();
    }

    /// Goes on with the next shard, or after the last with something else.
    pub(crate) fn next_shard(&mut self, with: At, after: At) {
        self.forget();
        (self.block, self.refused) = (None, None);
        self.shard = (self.shard + 1) % SHARDS;
        self.at = if self.shard == 0 { after } else { with };
    }

    /// A shard is stored, or evaluated.
    pub(crate) fn shard_is_done(&mut self, rules: Rules) {
        self.next_shard(At::Read(0), if self.task == Task::Evaluate { At::Done } else { At::Publish });
        match (self.shard, self.is_storing) {
            (0, true) if rules.has(Without::IndexFirst) => self.is_stored(),
            (0, true) => self.at = At::Index,
            _ => {}
        }
    }

    pub(crate) fn is_stored(&mut self) {
        (self.dirty, self.reading, self.asked, self.begun) = (0, 0, 0, 0);
        self.rows = [[NONE; SHARDS]; BUCKETS];
        self.is_storing = false;
        self.at = if matches!(self.task, Task::Store(_)) { At::Done } else { At::Read(0) };
    }

    pub(crate) fn shard_is_published(&mut self) {
        self.next_shard(At::Publish, At::Done);
    }
}
