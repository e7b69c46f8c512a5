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
    let mut keys = Keys::of(rule, &directory.accounts);
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
    let mut keys = Keys::of(rule, &directory.contacts);
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
struct Keys<'a> {
    group_of: HashMap<String, u32>,
    groups: Vec<Vec<u32>>,
    /// Positions of objects by their ids, for aliases.
    positions: HashMap<&'a str, u32>,
}

impl<'a> Keys<'a> {
    fn of(rule: &Rule, objects: &'a BTreeMap<String, Object>) -> Self {
        let mut keys = Self { group_of: HashMap::new(), groups: Vec::new(), positions: HashMap::new() };
        for (position, (id, object)) in (0..).zip(objects) {
            keys.positions.insert(id, position);
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

    fn fit(&mut self, rule: &Rule, id: &str, value: Option<&str>) -> Fit {
        if let Some(object) = rule.aliases.get(id) {
            // One that leads to no object any more leads nowhere: its key was said not to count.
            return self.positions.get(object.as_str()).map_or(Fit::Nobody, |position| {
                let group = u32::try_from(self.groups.len()).unwrap_or(u32::MAX);
                self.groups.push(vec![*position]);
                Fit::Group(group)
            });
        }
        let text = if rule.pendo.is_id() { Some(id) } else { value };
        match text.and_then(|text| key_of(text, rule.ignore_case)) {
            Some(key) => self.group_of.get(key.as_ref()).map_or(Fit::Nobody, |group| Fit::Group(*group)),
            None => Fit::NoKey,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::Link;
    use crate::matching::sample::{directory, matching};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    #[test]
    fn metadata_is_compared_when_the_rule_names_it() {
        let directory = directory(json!({"A": {"domain": "acme"}}), json!({"x": {"account_id": "A", "email": "É@x"}}));
        let rule =
            matching(json!({"contact": {"visitor": "metadata.agent.email", "object": "email", "ignore_case": true},
                                   "account": {"account": "metadata.custom.domain", "object": "domain"}}));
        let visitor =
            |id: &str, value: Option<&str>| KnownVisitor { id: id.to_owned(), value: value.map(str::to_owned) };
        let account =
            |id: &str, value: Option<&str>| KnownAccount { id: id.to_owned(), value: value.map(str::to_owned) };
        let visitors =
            [visitor("v1", Some(" é@X ")), visitor("v2", None), visitor("v3", Some("")), visitor("v4", Some("z"))];
        let links = Links::resolve(&rule, &directory, visitors, [account("p", Some("acme")), account("acme", None)]);
        let contacts = ["v1", "v2", "v3", "v4", "unheard of"].map(|id| links.contact_of(VisitorHash::of(id), None));
        let (without_id, unmatched) = (Link::WithoutId, Link::Unmatched);
        assert_eq!(contacts, [Link::Matched("x"), without_id, without_id, unmatched, without_id]);
        assert_eq!(links.account_of(Some("p")), Link::Matched("A"));
        assert_eq!(links.account_of(Some("acme")), Link::WithoutId);
    }

    #[test]
    fn a_thing_given_twice_keeps_the_value_that_fits() {
        let directory = directory(json!({}), json!({"x": {"email": "x@x"}}));
        let rule = matching(json!({"contact": {"visitor": "metadata.agent.email", "object": "email"}}));
        let bare = KnownVisitor { id: "v".to_owned(), value: None };
        let full = KnownVisitor { value: Some("x@x".to_owned()), ..bare.clone() };
        for order in [[&bare, &full], [&full, &bare]] {
            let links = Links::resolve(&rule, &directory, order, std::iter::empty::<KnownAccount>());
            assert_eq!(links.contact_of(VisitorHash::of("v"), None), Link::Matched("x"));
        }
    }

    /// What the rules say, written down a second time without any index.
    fn contact_by_hand(directory: &Directory, visitor: &str, account: Option<&str>) -> Option<Option<String>> {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().trim().to_lowercase();
        let fits: Vec<_> =
            directory.contacts.iter().filter(|(_, contact)| text(contact.get("email")) == visitor).collect();
        let linked: Vec<_> =
            directory.accounts.iter().filter(|(_, own)| Some(text(own.get("crm")).as_str()) == account).collect();
        let at_account =
            |contact: &&(&String, &Object)| linked.len() == 1 && account_id(contact.1) == Some(linked[0].0);
        match fits.as_slice() {
            [] => None,
            [(id, _)] => Some(Some((*id).clone())),
            several => match several.iter().filter(at_account).collect::<Vec<_>>().as_slice() {
                [(id, _)] => Some(Some((*id).clone())),
                _ => Some(None),
            },
        }
    }

    prop_compose! {
        /// Few keys and many objects, so that everything collides.
        fn worlds()(
            accounts in prop::collection::vec(0..4_u8, 1..6),
            contacts in prop::collection::vec((0..4_u8, 0..6_usize), 0..8),
        ) -> Directory {
            let accounts: serde_json::Map<String, Value> =
                accounts.iter().enumerate().map(|(id, key)| (format!("A{id}"), json!({"crm": format!("p{key}")}))).collect();
            let contacts: serde_json::Map<String, Value> = contacts.iter().enumerate()
                .map(|(id, (key, account))| (format!("c{id}"), json!({"email": format!(" V{key}"), "account_id": format!("A{account}")})))
                .collect();
            directory(Value::from(accounts), Value::from(contacts))
        }
    }

    const VISITORS: [&str; 4] = ["v0", "v1", "v2", "_PENDO_T_"];
    const ACCOUNTS: [&str; 4] = ["p0", "p1", "p2", "p9"];

    proptest! {
        #[test]
        fn links_say_what_the_rules_say_in_any_order(
            directory in worlds(),
            visitors in Just(VISITORS).prop_shuffle(),
            accounts in Just(ACCOUNTS).prop_shuffle(),
        ) {
            let rules = matching(json!({"contact": {"visitor": "visitorId", "object": "email", "ignore_case": true},
                                        "account": {"account": "accountId", "object": "crm"}}));
            let known = visitors.map(|id| KnownVisitor { id: id.to_owned(), value: None });
            let known_accounts = accounts.map(|id| KnownAccount { id: id.to_owned(), value: None });
            let links = Links::resolve(&rules, &directory, &known, &known_accounts);
            let mut reachable: BTreeMap<String, Vec<VisitorHash>> = BTreeMap::new();
            for visitor in VISITORS {
                let hash = VisitorHash::of(visitor);
                let places = ACCOUNTS.map(Some).into_iter().chain([None, Some("unheard of")]);
                for account in places {
                    let expected = contact_by_hand(&directory, visitor, account);
                    let link = links.contact_of(hash, account);
                    match &expected {
                        None => prop_assert_eq!(link, Link::Unmatched),
                        Some(None) => prop_assert_eq!(link, Link::Ambiguous),
                        Some(Some(contact)) => {
                            prop_assert_eq!(link, Link::Matched(contact.as_str()));
                            reachable.entry(contact.clone()).or_default().push(hash);
                        }
                    }
                }
            }
            for (contact, object) in &directory.contacts {
                let mut own = reachable.get(contact).cloned().unwrap_or_default();
                own.sort_unstable();
                own.dedup();
                let is_fitted = VISITORS.iter().any(|id| object["email"].as_str().unwrap().trim().to_lowercase() == *id);
                let status = if !own.is_empty() { Status::Matched } else if is_fitted { Status::Ambiguous } else { Status::Unmatched };
                prop_assert_eq!(links.visitors_of(contact), own);
                prop_assert_eq!(links.contact_status(contact), status);
            }
            for account in directory.accounts.keys() {
                let own: Vec<&str> = ACCOUNTS.into_iter().filter(|id| links.account_of(Some(id)) == Link::Matched(account)).collect();
                prop_assert_eq!(links.pendo_accounts_of(account), own);
            }
        }
    }
}
