//! What the closed days of a home came to, kept, so that a run reads only the open ones.
//!
//! There is a fold for each span of days, and one of them all. Each is named by a hash of everything it was made from;
//! when any of it has changed, the hash is another, the fold is not found, and rows are read instead. A fold is a cache:
//! without it the same values come from the same rows.

use super::evaluate::Home;
use super::shards::{Blocks, Rows};
use crate::fields::Fold;
use crate::store::{Folds, Shard, StoreError, span_hours, span_of};
use crate::time::{Hour, HourRange};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};

/// What a fold holds and how; another number makes all folds anew.
const FORM: u8 = 1;

/// Folds the rows of all hours before `to`, and answers the folds that the head should name from now on. Those that are
/// new are put.
///
/// # Errors
/// The table's; [`StoreError::Missing`] when a head has moved on meanwhile; [`StoreError::Unreadable`] for a fold of an
/// unknown format.
pub(super) async fn closed<'h>(
    home: &'h Home<'_>,
    to: Hour,
    shards: &mut [Shard],
    own: &Rows,
    blocks: &mut Blocks,
) -> Result<(Fold<'h>, Folds), StoreError> {
    let keys = keys(home, to, shards, own);
    let at = usize::from(home.number);
    let named = shards[at].folds().clone();
    let whole_key = whole_of(&keys);
    let stands = |key: &u64| Some((*key, named.get(key)?.clone()));
    if let Some(whole) = kept(home, &shards[at], whole_key).await? {
        return Ok((whole, keys.values().chain([&whole_key]).filter_map(stands).collect()));
    }
    let mut whole = home.nothing();
    let mut folds = Folds::new();
    for (span, key) in keys {
        if let Some(fold) = kept(home, &shards[at], key).await? {
            folds.extend(stands(&key));
            whole.merge(fold);
            continue;
        }
        let mut fold = home.nothing();
        home.read(hours(span, to), shards, own, blocks, &mut fold, &mut |_| {}).await?;
        // A window that begins or ends within a span cuts it elsewhere tomorrow, and nobody would find its fold again.
        if home.keeps_folds && home.plans().all(|plan| plan.takes_all_or_nothing(span_hours(span))) {
            folds.insert(key, keep(home, &shards[at], &fold).await?);
        }
        whole.merge(fold);
    }
    if home.keeps_folds && !folds.contains_key(&whole_key) {
        folds.insert(whole_key, keep(home, &shards[at], &whole).await?);
    }
    Ok((whole, folds))
}

async fn keep(home: &Home<'_>, at: &Shard, fold: &Fold<'_>) -> Result<Vec<String>, StoreError> {
    home.sink.store.fold_put(at, fold.pack(), home.sink.now_ms).await
}

/// The fold of a key, when the head names it and all its parts are there.
async fn kept<'h>(home: &'h Home<'_>, at: &Shard, key: u64) -> Result<Option<Fold<'h>>, StoreError> {
    let Some(sorts) = at.folds().get(&key) else { return Ok(None) };
    let Some(parts) = home.sink.store.fold_get(at, sorts).await? else { return Ok(None) };
    let mut fold = home.nothing();
    for (sort, part) in sorts.iter().zip(parts) {
        fold.add_packed(&part)
            .map_err(|error| StoreError::Unreadable { key: sort.clone(), detail: error.to_string() })?;
    }
    Ok(Some(fold))
}

fn hours(span: i32, to: Hour) -> HourRange {
    let hours = span_hours(span);
    HourRange { from: hours.from, to: hours.to.min(to) }
}

/// The key of each span that any window reaches and any source has rows of, with `own` already taken.
fn keys(home: &Home<'_>, to: Hour, shards: &[Shard], own: &Rows) -> BTreeMap<i32, u64> {
    let sources: Vec<&Shard> = home.sources.iter().filter_map(|at| shards.get(usize::from(*at))).collect();
    let new = own.entries.keys().filter(|(_, hour)| *hour < to).map(|(_, hour)| span_of(*hour));
    let spans: BTreeSet<i32> = sources.iter().flat_map(|shard| shard.spans(to)).chain(new).collect();
    spans.into_iter().filter_map(|span| Some((span, key_of(home, span, to, &sources, own)?))).collect()
}

fn key_of(home: &Home<'_>, span: i32, to: Hour, sources: &[&Shard], own: &Rows) -> Option<u64> {
    let hours = hours(span, to);
    let mut hasher = twox_hash::XxHash3_64::default();
    (FORM, span, home.number, home.world.links_hash(home.number)).hash(&mut hasher);
    let mut is_reached = false;
    for plan in home.plans().filter(|plan| !plan.hours_within(hours).is_empty()) {
        plan.hash_within(hours, &mut hasher);
        is_reached = true;
    }
    let none = Rows::default();
    for source in sources {
        let new = if source.number == home.number { own } else { &none };
        let excluded = home.world.excluded.mark(source.number);
        (source.number, source.mark(span, to, &new.entries), excluded).hash(&mut hasher);
    }
    is_reached.then(|| hasher.finish())
}

/// The key of the fold of them all. Of one span it is that span's: the two are the same.
fn whole_of(keys: &BTreeMap<i32, u64>) -> u64 {
    let mut only = keys.values();
    if let (Some(one), None) = (only.next(), only.next()) {
        return *one;
    }
    let mut hasher = twox_hash::XxHash3_64::default();
    keys.hash(&mut hasher);
    hasher.finish()
}
