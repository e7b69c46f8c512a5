//! Whom exclusions come to: asked for each row that is added up.

use crate::id::VisitorHash;
use crate::matching::{Link, Links};
use std::collections::{BTreeSet, HashSet};

/// The visitors and contacts that are excluded. Made by [`super::Found::by`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Excluded {
    /// Visitors of whom no row counts.
    pub(super) visitors: HashSet<VisitorHash>,
    /// Contacts that are excluded themselves: no row that is theirs counts, whoever else their visitors fit.
    pub(super) contacts: BTreeSet<String>,
    /// Contacts without any usage that could count: those, and those of whose visitors no row counts.
    pub(super) silent: BTreeSet<String>,
}

impl Excluded {
    /// Whether the rows of a visitor in a Pendo account do not count.
    #[must_use]
    pub fn holds(&self, visitor: VisitorHash, pendo_account: Option<&str>, links: &Links) -> bool {
        if self.visitors.contains(&visitor) {
            return true;
        }
        let is_excluded = |link| matches!(link, Link::Matched(contact) if self.contacts.contains(contact));
        !self.contacts.is_empty() && is_excluded(links.contact_of(visitor, pendo_account))
    }

    /// Whether no row of the visitor counts, in whatever Pendo account.
    #[must_use]
    pub fn has_visitor(&self, visitor: VisitorHash) -> bool {
        self.visitors.contains(&visitor)
    }

    /// Whether a contact has no value: nothing of its usage counts.
    #[must_use]
    pub fn has_contact(&self, contact: &str) -> bool {
        self.silent.contains(contact)
    }

    /// These visitors, whoever they are.
    #[cfg(test)]
    pub(crate) fn of_visitors(visitors: impl IntoIterator<Item = VisitorHash>) -> Self {
        Self { visitors: visitors.into_iter().collect(), ..Self::default() }
    }

    /// How many contacts have no value.
    #[must_use]
    pub fn contacts_count(&self) -> usize {
        self.silent.len()
    }

    /// Whether nobody is excluded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.visitors.is_empty() && self.silent.is_empty()
    }
}
