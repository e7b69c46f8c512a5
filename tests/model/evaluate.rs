//! The heart of a move: what a shard takes of a fetch, and the values over the mixture.

use super::rules::{Rules, Without};
use super::source::{BUCKETS, NONE, Rows, SHARDS, whole};
use super::table::{Entry, Head, Item, Missing, Seen, Table, fold, part, sources};
use super::worker::{At, Surroundings, Worker};
use std::collections::BTreeMap;

impl Worker {
    /// Computes the next head of a shard from what was read, and puts what it will name.
    pub(crate) fn change(&mut self, around: &mut Surroundings<'_>) {
        match self.computed(around) {
            Err(Missing) => self.redo(),
            Ok(None) => self.shard_is_done(around.rules),
            Ok(Some(next)) => (self.next, self.at) = (Some(next), At::Move),
        }
    }

    fn computed(&mut self, around: &mut Surroundings<'_>) -> Result<Option<Head>, Missing> {
        let (table, rules) = (&mut *around.table, around.rules);
        let Some(own) = self.heads[self.shard].clone() else { return Err(Missing) };
        let taken = if self.is_storing { self.taken(table, &own, rules)? } else { Vec::new() };
        let mut next = own.clone();
        next.rows_version += u8::from(!taken.is_empty());
        let seen = self.seen(next.rows_version);
        if taken.is_empty() && (self.is_storing || seen == own.seen) {
            return Ok(None);
        }
        let mut rows = BTreeMap::new();
        for shard in sources(self.shard, &self.index) {
            let Some(head) = &self.heads[shard] else { return Err(Missing) };
            rows.insert(shard, named_rows(table, shard, head, rules)?);
        }
        for bucket in &taken {
            rows.entry(self.shard).or_insert([NONE; BUCKETS])[*bucket] = self.fetched(*bucket);
        }
        let before = table.page(self.shard, &own)?;
        self.take(table, &mut next, &taken, rules);
        let page = fold(self.shard, self.definitions, &rows);
        if before != Some(page.clone()) {
            next.page = Some(self.put_item(table, Item::Page(page)));
            next.outbox.push(self.fresh());
        }
        next.seen = seen;
        Ok(Some(next))
    }

    /// What the values are made from.
    fn seen(&self, own_rows: u8) -> Seen {
        let mut seen = Seen { definitions: self.definitions, sources: [None; SHARDS] };
        for shard in sources(self.shard, &self.index) {
            seen.sources[shard] = self.heads[shard].as_ref().map(|head| head.rows_version);
        }
        seen.sources[self.shard] = Some(own_rows);
        seen
    }

    /// The buckets that a shard takes of the fetch.
    fn taken(&self, table: &Table, own: &Head, rules: Rules) -> Result<Vec<usize>, Missing> {
        let mut taken = Vec::new();
        let mut is_newer_anywhere = false;
        for bucket in (0..BUCKETS).filter(|bucket| self.dirty & 1 << bucket != 0) {
            let stands = own.entries[bucket].as_ref();
            let concerns = stands.is_some() || part(self.fetched(bucket)).is_some();
            let is_newer = stands.is_none_or(|entry| entry.reading < self.reading);
            let is_same = stands.is_some() && table.rows(self.shard, own, bucket)? == self.fetched(bucket);
            if is_same && !rules.has(Without::ReadingWithoutNewRows) {
                continue;
            }
            if concerns && (is_newer || !rules.has(Without::PartlyOvertaken)) {
                is_newer_anywhere |= is_newer;
                taken.push(bucket);
            }
        }
        if !is_newer_anywhere {
            taken.clear();
        }
        Ok(taken)
    }

    /// What it fetched of its shard.
    fn fetched(&self, bucket: usize) -> Rows {
        self.rows[bucket][self.shard]
    }

    /// Puts the block, or keeps the one that a refused move put, and writes the entries.
    fn take(&mut self, table: &mut Table, next: &mut Head, taken: &[usize], rules: Rules) {
        if taken.is_empty() {
            return;
        }
        let has_rows = taken.iter().any(|bucket| part(self.fetched(*bucket)).is_some());
        let kept = self.block.filter(|(_, swept)| *swept == next.swept || !rules.has(Without::PutAgain));
        let block = kept.map(|(name, _)| name).or_else(|| {
            let mut rows: [Rows; BUCKETS] = [NONE; BUCKETS];
            taken.iter().for_each(|bucket| rows[*bucket] = self.fetched(*bucket));
            has_rows.then(|| self.put_item(table, Item::Block(rows)))
        });
        self.block = block.map(|name| (name, next.swept));
        for bucket in taken {
            let share = part(self.fetched(*bucket));
            let entry = Entry {
                reading: self.reading,
                share: share.unwrap_or_default(),
                whole: whole(&self.rows[*bucket]),
                block: block.filter(|_| share.is_some()),
            };
            let stays = share.is_some() || rules.has(Without::EmptyEntries);
            next.entries[*bucket] = stays.then_some(entry);
            next.asked[*bucket] = self.asked;
            next.begun[*bucket] = next.begun[*bucket].max(self.begun);
        }
    }
}

fn named_rows(table: &Table, shard: usize, head: &Head, rules: Rules) -> Result<[Rows; BUCKETS], Missing> {
    let mut rows = [NONE; BUCKETS];
    for (bucket, held) in rows.iter_mut().enumerate() {
        *held = match table.rows(shard, head, bucket) {
            Err(Missing) if !rules.has(Without::MissingIsNotEmpty) => NONE,
            rows => rows?,
        };
    }
    Ok(rows)
}
