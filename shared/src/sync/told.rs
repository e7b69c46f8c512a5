//! The accounts that are told of: since when, and what they were linked to when they were last told of.

use super::world::World;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

/// An account that is told of, or was.
#[derive(Clone, Copy)]
pub(super) struct Account {
    /// The first day that it was told of at all: it is part of what that day and later ones are told from.
    pub(super) first: i32,
    /// The first day that is told again where it comes to something else; nothing while the directory does not have it. One that
    /// comes back begins anew, and its days before stay as they were told.
    pub(super) since: Option<i32>,
    /// A hash of what it is linked to.
    pub(super) links: u64,
    /// The last two as they are kept; nothing of a new one.
    kept: Option<(Option<i32>, u64)>,
}

impl Account {
    /// Whether it was told of before.
    pub(super) const fn is_known(&self) -> bool {
        self.kept.is_some()
    }

    /// Whether it is linked to something else than when it was last told of.
    pub(super) fn is_relinked(&self) -> bool {
        self.kept.is_some_and(|(_, links)| links != self.links)
    }
}

/// The accounts of the directory, and those that were told of before.
pub(super) fn accounts(world: &World, known: &BTreeMap<String, Value>, yesterday: i32) -> BTreeMap<String, Account> {
    let day = |value: &Value| i32::try_from(value.as_i64()?).ok();
    let told = known.iter().filter_map(|(id, kept)| {
        let (first, links) = (day(kept.get(0)?)?, kept.get(1)?.as_u64()?);
        let since = kept.get(2).and_then(day);
        Some((id.clone(), Account { first, since: None, links, kept: Some((since, links)) }))
    });
    let mut accounts: BTreeMap<String, Account> = told.collect();
    for id in world.directory.accounts.keys() {
        let mut hasher = twox_hash::XxHash3_64::default();
        (id, world.links.account_status(id) as u8, world.links.pendo_accounts_of(id)).hash(&mut hasher);
        let links = hasher.finish();
        let new = Account { first: yesterday, since: None, links, kept: None };
        let account = accounts.entry(id.clone()).or_insert(new);
        account.since = account.kept.and_then(|(since, _)| since).or(Some(yesterday));
        account.links = links;
    }
    accounts
}

/// What is to be kept of those of which something else is kept.
pub(super) fn changes(accounts: &BTreeMap<String, Account>) -> BTreeMap<String, Option<Value>> {
    let is_other = |account: &Account| account.kept != Some((account.since, account.links));
    let others = accounts.iter().filter(|(_, account)| is_other(account));
    others.map(|(id, account)| (id.clone(), Some(json!([account.first, account.links, account.since])))).collect()
}
