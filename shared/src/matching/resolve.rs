//! Resolving: one pass over the directory for its keys, one over what Pendo knows.

use super::key::{is_anonymous, key_of, text_of};
use super::link::{KnownAccount, KnownVisitor, Status};
use super::links::{AccountLevel, ContactLevel, Fit, Links};
use super::rule::{Matching, Rule};
use crate::directory::{Directory, Object, account_id};
use crate::id::VisitorHash;
use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap};

impl Links {
    /// Resolves the matching. The visitors and accounts may come in any order; each is given once, with the value that the
    /// level's rule names.
    pub fn resolve<V: Borrow<KnownVisitor>, A: Borrow<KnownAccount>>(
        matching: &Matching,
        directory: &Directory,
        visitors: impl IntoIterator<Item = V>,
        accounts: impl IntoIterator<Item = A>,
    ) -> Self {
        let accounts = matching.account.as_ref().map(|rule| account_level(rule, directory, accounts));
        let contacts =
            matching.contact.as_ref().map(|rule| contact_level(rule, directory, visitors, accounts.as_ref()));
        Self { accounts, contacts }
    }
}

fn account_level<A: Borrow<KnownAccount>>(
    rule: &Rule,
    directory: &Directory,
    known: impl IntoIterator<Item = A>,
) -> AccountLevel {
    let keys = Keys::of(rule, &directory.accounts);
    let mut fits: HashMap<String, Fit> = HashMap::new();
    for account in known {
        let account = account.borrow();
        let fit = keys.fit(rule, &account.id, account.value.as_deref());
        match fits.get_mut(&account.id) {
            Some(stands) => *stands = fit.min(*stands),
            None => _ = fits.insert(account.id.clone(), fit),
        }
    }
    let count = directory.accounts.len();
    let mut level = AccountLevel {
        ids: directory.accounts.keys().cloned().collect(),
        status: vec![Status::Unmatched; count],
        pendo_accounts: vec![Vec::new(); count],
        fits: HashMap::new(),
        unknown: unknown(rule),
        groups: keys.groups,
    };
    for (pendo_account, fit) in &fits {
        let Fit::Group(group) = fit else { continue };
        match level.groups[*group as usize].as_slice() {
            [only] => {
                level.status[*only as usize] = Status::Matched;
                level.pendo_accounts[*only as usize].push(pendo_account.clone());
            }
            several => several.iter().for_each(|account| level.status[*account as usize] = Status::Ambiguous),
        }
    }
    level.pendo_accounts.iter_mut().for_each(|linked| linked.sort_unstable());
    level.fits = fits;
    level
}

fn contact_level<V: Borrow<KnownVisitor>>(
    rule: &Rule,
    directory: &Directory,
    known: impl IntoIterator<Item = V>,
    accounts: Option<&AccountLevel>,
) -> ContactLevel {
    let keys = Keys::of(rule, &directory.contacts);
    let mut fits: HashMap<VisitorHash, Fit> = HashMap::new();
    for visitor in known {
        let visitor = visitor.borrow();
        let is_nobody = is_anonymous(&visitor.id);
        let fit = if is_nobody { Fit::Nobody } else { keys.fit(rule, &visitor.id, visitor.value.as_deref()) };
        fits.entry(VisitorHash::of(&visitor.id)).and_modify(|stands| *stands = fit.min(*stands)).or_insert(fit);
    }
    let positions: HashMap<&str, u32> =
        (0..).zip(directory.accounts.keys()).map(|(at, id)| (id.as_str(), at)).collect();
    let position = |contact: &Object| positions.get(account_id(contact)?).copied();
    let count = directory.contacts.len();
    let mut level = ContactLevel {
        ids: directory.contacts.keys().cloned().collect(),
        accounts: directory.contacts.values().map(position).collect(),
        status: vec![Status::Unmatched; count],
        visitors: vec![Vec::new(); count],
        fits: HashMap::new(),
        unknown: unknown(rule),
        groups: keys.groups,
    };
    for (visitor, fit) in &fits {
        let Fit::Group(group) = fit else { continue };
        let group = &level.groups[*group as usize];
        for contact in group {
            let at = *contact as usize;
            let is_linked =
                |account: u32| accounts.is_some_and(|level| !level.pendo_accounts[account as usize].is_empty());
            let account = level.accounts[at].filter(|account| is_linked(*account));
            let can_resolve = group.len() == 1 || level.one_at(group, account) == Some(*contact);
            if can_resolve {
                level.status[at] = Status::Matched;
                level.visitors[at].push(*visitor);
            } else {
                level.status[at] = level.status[at].min(Status::Ambiguous);
            }
        }
    }
    level.visitors.iter_mut().for_each(|visitors| visitors.sort_unstable());
    level.fits = fits;
    level
}

/// What a visitor or Pendo account fits that was not given: without its metadata there is no key.
fn unknown(rule: &Rule) -> Fit {
    if rule.pendo.is_id() { Fit::Nobody } else { Fit::NoKey }
}

/// The keys of a level's objects, each with the objects that have it.
struct Keys {
    group_of: HashMap<String, u32>,
    groups: Vec<Vec<u32>>,
}

impl Keys {
    fn of(rule: &Rule, objects: &BTreeMap<String, Object>) -> Self {
        let mut keys = Self { group_of: HashMap::new(), groups: Vec::new() };
        for (position, (id, object)) in (0..).zip(objects) {
            let Some(text) = text_of(id, object, &rule.object) else { continue };
            let Some(key) = key_of(&text, rule.ignore_case) else { continue };
            let fresh = u32::try_from(keys.groups.len()).unwrap_or(u32::MAX);
            let group = *keys.group_of.entry(key.into_owned()).or_insert(fresh);
            match keys.groups.get_mut(group as usize) {
                Some(members) => members.push(position),
                None => keys.groups.push(vec![position]),
            }
        }
        keys
    }

    fn fit(&self, rule: &Rule, id: &str, value: Option<&str>) -> Fit {
        let text = if rule.pendo.is_id() { Some(id) } else { value };
        match text.and_then(|text| key_of(text, rule.ignore_case)) {
            Some(key) => self.group_of.get(key.as_ref()).map_or(Fit::Nobody, |group| Fit::Group(*group)),
            None => Fit::NoKey,
        }
    }
}
