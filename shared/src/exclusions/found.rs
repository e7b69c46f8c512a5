//! Finds whom exclusions fit: one pass over everybody whom Pendo knows and one over the contacts, however many exclusions there are.

use super::excluded::Excluded;
use super::set::Exclusions;
use crate::directory::{Directory, EMAIL, Object};
use crate::id::VisitorHash;
use crate::matching::Links;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};

/// Everybody whom any of some exclusions fits.
pub struct Found<'a> {
    links: &'a Links,
    /// Visitors that are named and that Pendo knows.
    visitors: BTreeSet<&'a str>,
    /// Contacts that are named, or have an address in a domain that is.
    contacts: BTreeSet<&'a str>,
    /// Visitors with an address in a domain that is named.
    visitors_at: HashMap<&'a str, Vec<VisitorHash>>,
    /// Contacts with an address there.
    contacts_at: HashMap<&'a str, Vec<&'a str>>,
    /// The visitors that fit one of those contacts.
    fitting: HashMap<&'a str, Vec<VisitorHash>>,
}

impl<'a> Found<'a> {
    /// Looks for those whom `all` of them name. `people` are the visitors that Pendo knows, each with what it has in the field
    /// that matching compares.
    #[must_use]
    pub fn among(
        all: &[&'a Exclusions],
        directory: &'a Directory,
        links: &'a Links,
        people: impl Iterator<Item = (String, Option<String>)>,
    ) -> Self {
        let visitors: BTreeSet<&'a str> = all.iter().flat_map(|some| &some.visitors).map(String::as_str).collect();
        let domains: BTreeSet<&'a str> = all.iter().flat_map(|some| &some.domains).map(String::as_str).collect();
        let contacts: BTreeSet<&'a str> = all.iter().flat_map(|some| &some.contacts).map(String::as_str).collect();
        let at = |text: &str| domains.get(domain_of(text)?.as_str()).copied();
        let mut found = Self {
            links,
            visitors: BTreeSet::new(),
            contacts: BTreeSet::new(),
            visitors_at: HashMap::new(),
            contacts_at: HashMap::new(),
            fitting: HashMap::new(),
        };
        for (contact, columns) in &directory.contacts {
            let at = address(columns).and_then(at);
            at.into_iter().for_each(|at| found.contacts_at.entry(at).or_default().push(contact));
            if at.is_some() || contacts.contains(contact.as_str()) {
                found.contacts.insert(contact);
            }
        }
        for (id, value) in people {
            let visitor = VisitorHash::of(&id);
            let texts = [Some(id.as_str()), value.as_deref()].into_iter().flatten();
            let at: BTreeSet<&'a str> = texts.filter_map(at).collect();
            at.into_iter().for_each(|at| found.visitors_at.entry(at).or_default().push(visitor));
            for contact in links.contacts_fitting(visitor).filter_map(|contact| found.contacts.get(contact).copied()) {
                found.fitting.entry(contact).or_default().push(visitor);
            }
            found.visitors.extend(visitors.get(id.as_str()));
        }
        found
    }

    /// Whom one of them comes to, or several of them together.
    #[must_use]
    pub fn by(&self, exclusions: &Exclusions) -> Excluded {
        let at = exclusions.domains.iter().filter_map(|name| self.contacts_at.get(name.as_str())).flatten();
        let named = exclusions.contacts.iter().filter_map(|id| self.contacts.get(id.as_str()));
        let contacts: BTreeSet<String> = at.chain(named).map(|id| (*id).to_owned()).collect();
        let at = exclusions.domains.iter().filter_map(|name| self.visitors_at.get(name.as_str())).flatten();
        let named = exclusions.visitors.iter().map(|id| VisitorHash::of(id));
        // Where everybody whom a visitor fits is excluded, it does not matter whose it is.
        let is_only_theirs =
            |visitor: &VisitorHash| self.links.contacts_fitting(*visitor).all(|id| contacts.contains(id));
        let fitting = contacts.iter().filter_map(|id| self.fitting.get(id.as_str())).flatten().copied();
        let visitors = named.chain(at.copied()).chain(fitting.filter(is_only_theirs)).collect();
        let mut excluded = Excluded { visitors, silent: contacts.clone(), contacts };
        for (contact, all) in self.links.matched_contacts() {
            if all.iter().all(|visitor| excluded.visitors.contains(visitor)) {
                excluded.silent.insert(contact.to_owned());
            }
        }
        excluded
    }

    /// What fits nobody: visitors that Pendo does not know, domains in which nobody is, and contacts without a visitor.
    #[must_use]
    pub fn unused(&self, exclusions: &Exclusions) -> Exclusions {
        let is_unknown = |id: &&String| !self.visitors.contains(id.as_str());
        let is_empty = |name: &&String| {
            !self.visitors_at.contains_key(name.as_str()) && !self.contacts_at.contains_key(name.as_str())
        };
        let has_no_visitor = |id: &&String| !self.fitting.contains_key(id.as_str());
        Exclusions {
            visitors: exclusions.visitors.iter().filter(is_unknown).cloned().collect(),
            domains: exclusions.domains.iter().filter(is_empty).cloned().collect(),
            contacts: exclusions.contacts.iter().filter(has_no_visitor).cloned().collect(),
        }
    }
}

/// The contact's address.
fn address(columns: &Object) -> Option<&str> {
    columns.get(EMAIL).and_then(Value::as_str)
}

/// What stands behind the last @ of an address, in small letters.
fn domain_of(text: &str) -> Option<String> {
    let (_, domain) = text.trim().rsplit_once('@')?;
    (!domain.is_empty()).then(|| domain.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::{KnownAccount, KnownVisitor, Matching};
    use serde_json::json;

    /// Ann is a contact of two accounts, Bob stands there twice, Cid is known by another address.
    fn directory() -> Directory {
        let contacts = json!({
            "ann-a": {"account_id": "A", "key": "ann", "email": "ann@x.test"},
            "ann-b": {"account_id": "B", "key": "ann", "email": "ann@b.test"},
            "bob": {"account_id": "A", "key": "bob", "email": "Bob@OWN.test "},
            "bert": {"account_id": "A", "key": "bob", "email": "bob@own.test"},
            "cid": {"account_id": "A", "key": "cid@own.test", "email": null},
            "dan": {"account_id": "A", "key": "dan"},
        });
        Directory {
            version: 0,
            accounts: serde_json::from_value(json!({"A": {}, "B": {}})).unwrap(),
            contacts: serde_json::from_value(contacts).unwrap(),
        }
    }

    const PEOPLE: [(&str, Option<&str>); 6] = [
        ("v-ann", Some("ann")),
        ("v-bob", Some("bob")),
        ("v-cid", Some("cid@own.test")),
        ("v-dan", Some("dan")),
        ("v-dan-2", Some("dan")),
        ("Guest@Sub.Own.test", None),
    ];

    /// Which of these visitors is excluded in Pendo account A, in B, and which contacts have no value; and what fits nobody.
    fn told(exclusions: Value) -> (Vec<&'static str>, Vec<&'static str>, Vec<String>, Value) {
        let matching = Matching::parse(&json!({"contact": {"visitor": "metadata.agent.key", "object": "key"},
                                               "account": {"account": "accountId", "object": "id"}}))
        .unwrap();
        let people = || PEOPLE.into_iter().map(|(id, value)| (id.to_owned(), value.map(str::to_owned)));
        let accounts = ["A", "B"].map(|id| KnownAccount { id: id.to_owned(), value: None });
        let directory = directory();
        let links =
            Links::resolve(&matching, &directory, people().map(|(id, value)| KnownVisitor { id, value }), accounts);
        let exclusions = Exclusions::parse(&exclusions, "").unwrap();
        let found = Found::among(&[&exclusions], &directory, &links, people());
        let excluded = found.by(&exclusions);
        let there = |account: &'static str| {
            let is_excluded = |id: &&str| excluded.holds(VisitorHash::of(id), Some(account), &links);
            PEOPLE.into_iter().map(|(id, _)| id).filter(is_excluded).collect()
        };
        let silent = directory.contacts.keys().filter(|id| excluded.has_contact(id)).cloned().collect();
        (there("A"), there("B"), silent, json!(found.unused(&exclusions)))
    }

    #[test]
    fn a_visitor_is_excluded_by_its_id_to_the_letter() {
        let (all, none) = (vec!["v-dan"], vec![]);
        let unused = json!({"visitors": ["V-dan", "stranger"]});
        let found = told(json!({"visitors": ["v-dan", "V-dan", "stranger"]}));
        assert_eq!(found, (all.clone(), all, none, unused), "Dan has another visitor, and so values");
        let (.., silent, _) = told(json!({"visitors": ["v-dan", "v-dan-2"]}));
        assert_eq!(silent, ["dan"]);
    }

    #[test]
    fn a_domain_is_that_of_ids_of_what_is_compared_and_of_contacts_and_no_part_of_it() {
        let own = vec!["v-bob", "v-cid"];
        let silent = ["bert", "bob", "cid"].map(str::to_owned).to_vec();
        let unused = json!({"domains": ["test"]});
        assert_eq!(told(json!({"domains": ["own.TEST", "test"]})), (own.clone(), own, silent, unused));
        let (guest, ..) = told(json!({"domains": ["sub.own.test"]}));
        assert_eq!(guest, ["Guest@Sub.Own.test"]);
    }

    #[test]
    fn a_contact_takes_its_rows_along_and_no_others() {
        let found = told(json!({"contacts": ["ann-a", "nobody"]}));
        let expected = (vec!["v-ann"], vec![], vec!["ann-a".to_owned()], json!({"contacts": ["nobody"]}));
        assert_eq!(found, expected, "in account B Ann is another contact");
        let (at_a, at_b, silent, _) = told(json!({"contacts": ["ann-a", "ann-b"]}));
        assert_eq!((at_a, at_b, silent.len()), (vec!["v-ann"], vec!["v-ann"], 2));
    }

    #[test]
    fn whoever_fits_only_excluded_contacts_is_excluded_though_nobody_knows_whose_it_is() {
        assert_eq!(told(json!({"contacts": ["bob", "bert"]})).0, ["v-bob"]);
        assert_eq!(told(json!({"contacts": ["bob"]})).0, [""; 0], "it might be the other's");
    }

    #[test]
    fn several_together_find_what_their_parts_find_and_what_only_both_do() {
        let directory = directory();
        let rule = json!({"contact": {"visitor": "metadata.agent.key", "object": "key"}});
        let people = || PEOPLE.into_iter().map(|(id, value)| (id.to_owned(), value.map(str::to_owned)));
        let known = people().map(|(id, value)| KnownVisitor { id, value });
        let links =
            Links::resolve(&Matching::parse(&rule).unwrap(), &directory, known, std::iter::empty::<KnownAccount>());
        let parts = [json!({"contacts": ["bob"]}), json!({"contacts": ["bert"]})];
        let [one, other] = parts.map(|part| Exclusions::parse(&part, "").unwrap());
        let found = Found::among(&[&one, &other], &directory, &links, people());
        let bob = VisitorHash::of("v-bob");
        let holds = |exclusions: &Exclusions| found.by(exclusions).has_visitor(bob);
        assert_eq!([holds(&one), holds(&other), holds(&one.and(&other))], [false, false, true]);
    }
}
