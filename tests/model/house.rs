//! Housekeeping of each shard: many blocks become one, then what nobody names is swept. Whatever lies there counts as older
//! than a day, so every pause is as long as it likes.

use super::invariants::Broken;
use super::rules::Without;
use super::source::{BUCKETS, NONE};
use super::table::{Item, Missing, Table};
use super::worker::{At, Surroundings, Worker};
use std::collections::BTreeSet;

impl Worker {
    /// Takes one step of housekeeping. A refusal leaves the shard to the next time.
    pub(crate) fn keep_house(&mut self, around: &mut Surroundings<'_>) -> Result<(), Broken> {
        let table = &mut *around.table;
        match self.at {
            At::CompactRead => {
                let head = table.heads[self.shard].clone();
                let blocks: BTreeSet<_> = head.entries.iter().flatten().filter_map(|entry| entry.block).collect();
                self.at = if blocks.len() > 1 { At::CompactPut } else { At::List };
                self.next = (blocks.len() > 1).then_some(head);
            }
            At::CompactPut => self.at = if self.compact(table).is_ok() { At::CompactMove } else { At::List },
            At::CompactMove => {
                self.swap(around)?;
                self.at = At::List;
            }
            At::List => {
                let held = table.items.range((self.shard, 0)..(self.shard + 1, 0));
                self.names_held = held.map(|((_, name), _)| *name).collect();
                self.at = At::SweepRead;
            }
            At::SweepRead => {
                let mut next = table.heads[self.shard].clone();
                self.names_held.retain(|held| next.names().all(|name| name != *held));
                next.swept += 1;
                if self.names_held.is_empty() {
                    self.shard_is_kept();
                } else if around.rules.has(Without::SweptCounter) {
                    (self.next, self.at) = (Some(next), At::SweepMove);
                } else {
                    self.at = At::Delete;
                }
            }
            At::SweepMove => match self.swap(around)? {
                true => self.at = At::Delete,
                false => self.shard_is_kept(),
            },
            _ => {
                table.items.retain(|(shard, name), _| *shard != self.shard || !self.names_held.contains(name));
                self.shard_is_kept();
            }
        }
        Ok(())
    }

    fn compact(&mut self, table: &mut Table) -> Result<(), Missing> {
        let Some(mut next) = self.next.take() else { return Err(Missing) };
        let mut rows = [NONE; BUCKETS];
        for (bucket, held) in rows.iter_mut().enumerate() {
            *held = table.rows(self.shard, &next, bucket)?;
        }
        let name = self.put_item(table, Item::Block(rows));
        next.entries.iter_mut().flatten().filter(|entry| entry.block.is_some()).for_each(|entry| {
            entry.block = Some(name);
        });
        self.next = Some(next);
        Ok(())
    }

    fn shard_is_kept(&mut self) {
        self.next_shard(At::CompactRead, At::Done);
    }
}
