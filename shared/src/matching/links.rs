//! The resolved matching: answers whose a row is and what belongs to an object, from what Pendo is known to have.

use super::link::{Link, Status};
use crate::id::{ObjectKind, VisitorHash};
use std::collections::HashMap;

/// The matching resolved over a directory and what Pendo knows. A visitor or Pendo account that it was not given when it
/// was resolved fits nobody until it is resolved again.
#[derive(Clone, Debug, Default)]
pub struct Links {
    pub(super) accounts: Option<AccountLevel>,
    pub(super) contacts: Option<ContactLevel>,
}

/// Positions of objects are those of their ids in byte order.
#[derive(Clone, Debug, Default)]
pub(super) struct AccountLevel {
    pub(super) ids: Vec<String>,
    pub(super) status: Vec<Status>,
    pub(super) pendo_accounts: Vec<Vec<String>>,
    pub(super) fits: HashMap<String, Fit>,
    pub(super) unknown: Fit,
    pub(super) groups: Vec<Vec<u32>>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct ContactLevel {
    pub(super) ids: Vec<String>,
    /// The contact's account as a position on the account level, where both exist.
    pub(super) accounts: Vec<Option<u32>>,
    pub(super) status: Vec<Status>,
    pub(super) visitors: Vec<Vec<VisitorHash>>,
    pub(super) fits: HashMap<VisitorHash, Fit>,
    pub(super) unknown: Fit,
    pub(super) groups: Vec<Vec<u32>>,
}

/// What the key of a visitor or Pendo account comes to. Of a thing given twice the smaller stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    /// The objects of this group.
    Group(u32),
    /// No object.
    #[default]
    Nobody,
    /// There is no key.
    NoKey,
}

impl Links {
    /// Whether a level is matched at all.
    #[must_use]
    pub fn is_matched(&self, level: ObjectKind) -> bool {
        match level {
            ObjectKind::Account => self.accounts.is_some(),
            ObjectKind::Contact => self.contacts.is_some(),
        }
    }

    /// Whose a row is on the account level.
    #[must_use]
    pub fn account_of(&self, pendo_account: Option<&str>) -> Link<'_> {
        let Some(level) = &self.accounts else { return Link::NotMatchedLevel };
        level.link_of(pendo_account)
    }

    /// Whose a row is on the contact level. The Pendo account decides only between contacts that the visitor fits alike.
    #[must_use]
    pub fn contact_of(&self, visitor: VisitorHash, pendo_account: Option<&str>) -> Link<'_> {
        let Some(level) = &self.contacts else { return Link::NotMatchedLevel };
        match level.group_of(visitor) {
            Err(nobody) => nobody,
            Ok([only]) => Link::Matched(&level.ids[*only as usize]),
            Ok(several) => {
                let account = self.accounts.as_ref().and_then(|accounts| accounts.position_of(pendo_account));
                level
                    .one_at(several, account)
                    .map_or(Link::Ambiguous, |contact| Link::Matched(&level.ids[contact as usize]))
            }
        }
    }

    /// Whose a visitor is wherever it acts: ambiguous only if no row of it can be anybody's.
    #[must_use]
    pub fn visitor_link(&self, visitor: VisitorHash) -> Link<'_> {
        let Some(level) = &self.contacts else { return Link::NotMatchedLevel };
        match level.group_of(visitor) {
            Err(nobody) => nobody,
            Ok(group) => {
                let has_visitor = |contact: &&u32| level.visitors[**contact as usize].binary_search(&visitor).is_ok();
                let first = group.iter().find(has_visitor);
                first.map_or(Link::Ambiguous, |contact| Link::Matched(&level.ids[*contact as usize]))
            }
        }
    }

    /// Whether an account has usage to show.
    #[must_use]
    pub fn account_status(&self, account: &str) -> Status {
        let status = |level: &AccountLevel| Some(level.status[position(&level.ids, account)?]);
        self.accounts.as_ref().and_then(status).unwrap_or(Status::Unmatched)
    }

    /// Whether a contact has usage to show.
    #[must_use]
    pub fn contact_status(&self, contact: &str) -> Status {
        let status = |level: &ContactLevel| Some(level.status[position(&level.ids, contact)?]);
        self.contacts.as_ref().and_then(status).unwrap_or(Status::Unmatched)
    }

    /// The Pendo accounts linked to an account, in byte order.
    #[must_use]
    pub fn pendo_accounts_of(&self, account: &str) -> &[String] {
        let linked = |level: &'_ AccountLevel| position(&level.ids, account);
        match &self.accounts {
            Some(level) => linked(level).map_or(&[], |at| level.pendo_accounts[at].as_slice()),
            None => &[],
        }
    }

    /// The visitors whose rows can be a contact's, sorted.
    #[must_use]
    pub fn visitors_of(&self, contact: &str) -> &[VisitorHash] {
        match &self.contacts {
            Some(level) => position(&level.ids, contact).map_or(&[], |at| level.visitors[at].as_slice()),
            None => &[],
        }
    }

    /// Every contact that the visitor fits, in byte order.
    pub fn contacts_fitting(&self, visitor: VisitorHash) -> impl Iterator<Item = &str> {
        self.contacts.iter().flat_map(move |level| {
            let group = level.group_of(visitor).unwrap_or_default();
            group.iter().map(|contact| level.ids[*contact as usize].as_str())
        })
    }

    /// The accounts that are matched, in byte order, each with its Pendo accounts.
    pub fn matched_accounts(&self) -> impl Iterator<Item = (&str, &[String])> {
        let levels = self.accounts.iter();
        let all = levels.flat_map(|level| level.ids.iter().zip(&level.pendo_accounts));
        all.filter(|(_, linked)| !linked.is_empty()).map(|(id, linked)| (id.as_str(), linked.as_slice()))
    }

    /// The contacts that are matched, in byte order, each with its visitors.
    pub fn matched_contacts(&self) -> impl Iterator<Item = (&str, &[VisitorHash])> {
        let levels = self.contacts.iter();
        let all = levels.flat_map(|level| level.ids.iter().zip(&level.visitors));
        all.filter(|(_, visitors)| !visitors.is_empty()).map(|(id, visitors)| (id.as_str(), visitors.as_slice()))
    }
}

impl AccountLevel {
    fn fit_of(&self, pendo_account: Option<&str>) -> Fit {
        match pendo_account.filter(|id| !id.trim().is_empty()) {
            Some(id) => self.fits.get(id).copied().unwrap_or(self.unknown),
            None => Fit::NoKey,
        }
    }

    fn link_of(&self, pendo_account: Option<&str>) -> Link<'_> {
        match self.fit_of(pendo_account) {
            Fit::Group(group) => match self.groups[group as usize].as_slice() {
                [only] => Link::Matched(&self.ids[*only as usize]),
                _ => Link::Ambiguous,
            },
            Fit::Nobody => Link::Unmatched,
            Fit::NoKey => Link::WithoutId,
        }
    }

    fn position_of(&self, pendo_account: Option<&str>) -> Option<u32> {
        let Fit::Group(group) = self.fit_of(pendo_account) else { return None };
        match self.groups[group as usize].as_slice() {
            [only] => Some(*only),
            _ => None,
        }
    }
}

impl ContactLevel {
    fn group_of(&self, visitor: VisitorHash) -> Result<&[u32], Link<'static>> {
        match self.fits.get(&visitor).copied().unwrap_or(self.unknown) {
            Fit::Group(group) => Ok(&self.groups[group as usize]),
            Fit::Nobody => Err(Link::Unmatched),
            Fit::NoKey => Err(Link::WithoutId),
        }
    }

    /// The one contact among `several` that belongs to the account.
    pub(super) fn one_at(&self, several: &[u32], account: Option<u32>) -> Option<u32> {
        let account = account?;
        let mut at_account = several.iter().filter(|contact| self.accounts[**contact as usize] == Some(account));
        match (at_account.next(), at_account.next()) {
            (Some(one), None) => Some(*one),
            _ => None,
        }
    }
}

fn position(ids: &[String], id: &str) -> Option<usize> {
    ids.binary_search_by(|other| other.as_str().cmp(id)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::sample::{directory, links, matching, visitors};
    use serde_json::json;

    fn visitor(id: &str) -> VisitorHash {
        VisitorHash::of(id)
    }

    #[test]
    fn the_pendo_account_of_a_row_decides_on_the_account_level() {
        let links = links();
        assert_eq!(links.account_of(Some("p-a")), Link::Matched("A"));
        assert_eq!(links.account_of(Some(" p-a")), Link::Matched("A"), "keys are trimmed");
        assert_eq!(links.account_of(Some("7")), Link::Matched("B"), "numbers compare by their text");
        assert_eq!(links.account_of(Some("P-A")), Link::Unmatched, "case counts on this level");
        assert_eq!(links.account_of(Some("p-c")), Link::Ambiguous);
        assert_eq!(links.account_of(Some("p-x")), Link::Unmatched);
        assert_eq!(links.account_of(Some("p-f")), Link::Unmatched, "Pendo does not know it");
        assert_eq!([links.account_of(None), links.account_of(Some("  "))], [Link::WithoutId; 2]);
    }

    #[test]
    fn several_pendo_accounts_that_fit_one_account_are_united() {
        assert_eq!(links().pendo_accounts_of("A"), [" p-a", "p-a"]);
        assert_eq!(links().pendo_accounts_of("C"), [""; 0]);
        assert_eq!(links().pendo_accounts_of("nobody"), [""; 0]);
        let all: Vec<(String, usize)> =
            links().matched_accounts().map(|(id, linked)| (id.to_owned(), linked.len())).collect();
        assert_eq!(all, [("A".to_owned(), 2), ("B".to_owned(), 1)]);
    }

    #[test]
    fn the_status_of_an_account_follows_what_fits_it() {
        let status = ["A", "B", "C", "D", "E", "F", "nobody"].map(|id| links().account_status(id));
        let (matched, ambiguous, unmatched) = (Status::Matched, Status::Ambiguous, Status::Unmatched);
        assert_eq!(status, [matched, matched, ambiguous, ambiguous, unmatched, unmatched, unmatched]);
    }

    #[test]
    fn a_visitor_of_several_contacts_belongs_to_the_one_of_the_rows_account() {
        let links = links();
        let ann = visitor("ANN@x");
        assert_eq!(links.contact_of(ann, Some("p-a")), Link::Matched("ann-a"));
        assert_eq!(links.contact_of(ann, Some("7")), Link::Matched("ann-b"));
        for elsewhere in [None, Some("p-x"), Some("p-c"), Some("p-f")] {
            assert_eq!(links.contact_of(ann, elsewhere), Link::Ambiguous);
        }
        assert_eq!(links.visitor_link(ann), Link::Matched("ann-a"));
    }

    #[test]
    fn two_contacts_of_one_account_cannot_be_told_apart() {
        let links = links();
        assert_eq!(links.contact_of(visitor("bob@x"), Some("p-a")), Link::Ambiguous);
        assert_eq!(links.visitor_link(visitor("bob@x")), Link::Ambiguous);
        assert_eq!([links.contact_status("bob"), links.contact_status("bert")], [Status::Ambiguous; 2]);
    }

    #[test]
    fn a_contact_is_its_visitor_in_whatever_account() {
        let links = links();
        for account in [None, Some("p-a"), Some("p-c"), Some("unheard of")] {
            assert_eq!(links.contact_of(visitor("cid@x"), account), Link::Matched("cid"));
        }
        let mut united = [visitor(" cid@x"), visitor("cid@x")];
        united.sort_unstable();
        assert_eq!(links.visitors_of("cid"), united);
    }

    #[test]
    fn the_status_of_a_contact_follows_what_can_be_its_own() {
        let links = links();
        assert_eq!(["ann-a", "ann-b", "cid"].map(|id| links.contact_status(id)), [Status::Matched; 3]);
        assert_eq!(links.contact_status("ann-f"), Status::Ambiguous, "its account has no Pendo account");
        assert_eq!(["dan", "eve", "nobody"].map(|id| links.contact_status(id)), [Status::Unmatched; 3]);
        assert_eq!(links.visitors_of("ann-f"), []);
        assert_eq!(
            links.matched_contacts().map(|(id, _)| id.to_owned()).collect::<Vec<_>>(),
            ["ann-a", "ann-b", "cid"]
        );
    }

    #[test]
    fn strangers_the_anonymous_and_the_empty_are_nobody() {
        let links = links();
        assert_eq!(links.contact_of(visitor("stranger"), Some("p-a")), Link::Unmatched);
        assert_eq!(links.contact_of(visitor("_PENDO_T_eve@x"), Some("7")), Link::Unmatched);
        assert_eq!(links.contact_of(visitor("eve@x"), Some("7")), Link::Unmatched, "Pendo does not know her");
        assert_eq!(links.contact_of(visitor("  "), Some("p-a")), Link::WithoutId);
    }

    #[test]
    fn a_level_without_a_rule_is_not_matched() {
        let directory = directory(json!({"A": {}}), json!({"x": {"account_id": "A"}, "y": {"account_id": "A"}}));
        let none = std::iter::empty::<crate::matching::KnownAccount>;
        let by_id = matching(json!({"contact": {"visitor": "visitorId", "object": "id"}}));
        let links = Links::resolve(&by_id, &directory, visitors(&["x"]), none());
        assert_eq!(links.account_of(Some("A")), Link::NotMatchedLevel);
        assert_eq!(links.account_status("A"), Status::Unmatched);
        assert_eq!(links.contact_of(visitor("x"), None), Link::Matched("x"));
        let shared = matching(json!({"contact": {"visitor": "visitorId", "object": "account_id"}}));
        let links = Links::resolve(&shared, &directory, visitors(&["A"]), none());
        assert_eq!(links.contact_of(visitor("A"), Some("A")), Link::Ambiguous, "no account level to decide");
        assert_eq!(links.contact_status("x"), Status::Ambiguous);
    }
}
