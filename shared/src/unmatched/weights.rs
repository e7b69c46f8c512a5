//! Events by visitor and Pendo account: enough to say what any matching would make of them.

use crate::exclusions::Excluded;
use crate::id::{ObjectKind, VisitorHash};
use crate::matching::{Link, Links};
use crate::usage::row::UsageRow;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::HashMap;

/// Events of rows by their visitor and their Pendo account.
#[derive(Default)]
pub(super) struct Weights {
    accounts: Vec<Option<String>>,
    positions: HashMap<Option<String>, u32>,
    events: HashMap<(VisitorHash, u32), u64>,
}

/// Events of one level by whose they are; together all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Weighed {
    /// An object's.
    pub matched: u64,
    /// Nobody's: the key fits no object.
    pub unmatched: u64,
    /// Nobody's: the key fits several objects.
    pub ambiguous: u64,
    /// Nobody's: there is nothing to compare.
    pub without_id: u64,
    /// Of visitors who are excluded from everything, whosever they would be.
    pub excluded: u64,
    /// All of them.
    pub total: u64,
}

/// A visitor, or a Pendo account, with events that are nobody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Nobodys {
    pub(super) events: u64,
    pub(super) link: Link<'static>,
}

impl Weights {
    pub(super) fn add(&mut self, row: &UsageRow<'_>) {
        let account = row.account.map(str::to_owned);
        let fresh = u32::try_from(self.accounts.len()).unwrap_or(u32::MAX);
        let position = *self.positions.entry(account).or_insert_with_key(|account| {
            self.accounts.push(account.clone());
            fresh
        });
        let sum = self.events.entry((row.visitor, position)).or_default();
        *sum = sum.saturating_add(row.events);
    }

    /// Whose they are on a level.
    pub(super) fn weighed(&self, level: ObjectKind, links: &Links, excluded: &Excluded) -> Weighed {
        let mut weighed = Weighed::default();
        for (visitor, account, events) in self.each() {
            let class = match link(level, links, visitor, account) {
                _ if excluded.holds(visitor, account, links) => &mut weighed.excluded,
                Link::Matched(_) => &mut weighed.matched,
                Link::Ambiguous => &mut weighed.ambiguous,
                Link::WithoutId => &mut weighed.without_id,
                Link::Unmatched | Link::NotMatchedLevel => &mut weighed.unmatched,
            };
            *class = class.saturating_add(events);
            weighed.total = weighed.total.saturating_add(events);
        }
        weighed
    }

    /// The visitors whose events, or some of them, are no contact's.
    pub(super) fn visitors(&self, links: &Links, excluded: &Excluded) -> HashMap<VisitorHash, Nobodys> {
        self.nobodys(ObjectKind::Contact, links, excluded, |visitor, _| Some(visitor))
    }

    /// The Pendo accounts whose events are no account's.
    pub(super) fn pendo_accounts(&self, links: &Links, excluded: &Excluded) -> HashMap<&str, Nobodys> {
        self.nobodys(ObjectKind::Account, links, excluded, |_, account| account)
    }

    fn nobodys<'a, K: std::hash::Hash + Eq>(
        &'a self,
        level: ObjectKind,
        links: &Links,
        excluded: &Excluded,
        key: impl Fn(VisitorHash, Option<&'a str>) -> Option<K>,
    ) -> HashMap<K, Nobodys> {
        let mut found: HashMap<K, Nobodys> = HashMap::new();
        for (visitor, account, more) in self.each().filter(|(_, _, events)| *events > 0) {
            let link = match link(level, links, visitor, account) {
                _ if excluded.holds(visitor, account, links) => continue,
                Link::Matched(_) => continue,
                Link::Ambiguous => Link::Ambiguous,
                Link::WithoutId => Link::WithoutId,
                Link::Unmatched | Link::NotMatchedLevel => Link::Unmatched,
            };
            let Some(key) = key(visitor, account) else { continue };
            let sum = found.entry(key).or_insert(Nobodys { events: 0, link });
            sum.events = sum.events.saturating_add(more);
        }
        found
    }

    fn each(&self) -> impl Iterator<Item = (VisitorHash, Option<&str>, u64)> {
        self.events.iter().map(|((visitor, account), events)| {
            let account = self.accounts.get(*account as usize).and_then(Option::as_deref);
            (*visitor, account, *events)
        })
    }
}

fn link<'l>(level: ObjectKind, links: &'l Links, visitor: VisitorHash, account: Option<&str>) -> Link<'l> {
    match level {
        ObjectKind::Account => links.account_of(account),
        ObjectKind::Contact => links.contact_of(visitor, account),
    }
}
