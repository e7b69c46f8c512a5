//! The match report: per level how many match on both sides, examples, and a better pair when few do.

use super::key::is_anonymous;
use super::link::{KnownAccount, KnownVisitor, Link, Status};
use super::links::Links;
use super::rule::{Matching, Rule};
use super::suggestion::{Candidate, Candidates, Suggestion, suggest};
use crate::directory::{Directory, Object};
use crate::id::VisitorHash;
use serde::Serialize;
use std::collections::BTreeMap;

const EXAMPLES_MAX: usize = 10;

/// The report of both levels; a level that is not matched has none.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// Contacts and visitors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<LevelReport>,
    /// Accounts and Pendo's accounts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<LevelReport>,
}

/// The report of one level. Pendo's examples name visitors.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LevelReport {
    /// The directory's side.
    pub objects: ObjectCounts,
    /// Pendo's side.
    pub pendo: PendoCounts,
    /// The pair that would match more, when less than half of the objects are matched.
    pub suggestion: Option<Suggestion>,
}

/// Accounts or contacts by status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ObjectCounts {
    /// Their key fits something that Pendo knows.
    pub matched: usize,
    /// Their key fits nothing.
    pub unmatched: usize,
    /// Whatever fits them fits others too.
    pub ambiguous: usize,
    /// Ids of each.
    pub examples: Examples,
}

/// Visitors or Pendo accounts by what they fit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PendoCounts {
    /// They are an object's.
    pub matched: usize,
    /// They fit no object.
    pub unmatched: usize,
    /// They fit several objects and nothing decides.
    pub ambiguous: usize,
    /// They have no value to compare.
    pub without_id: usize,
    /// Visitors that nobody identified.
    pub anonymous: usize,
    /// Ids of each.
    pub examples: Examples,
}

/// Up to ten ids of each class, the first in byte order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Examples {
    /// Of the matched.
    pub matched: Vec<String>,
    /// Of the unmatched.
    pub unmatched: Vec<String>,
    /// Of the ambiguous.
    pub ambiguous: Vec<String>,
}

/// Reports on the matching that was resolved into `links` from the same directory, visitors and accounts.
#[must_use]
pub fn report(
    matching: &Matching,
    directory: &Directory,
    visitors: &[KnownVisitor],
    accounts: &[KnownAccount],
    candidates: &Candidates,
    links: &Links,
) -> Report {
    let contact = matching.contact.as_ref().map(|rule| {
        let objects = object_counts(&directory.contacts, |id| links.contact_status(id));
        let (anonymous, identified): (Vec<&str>, Vec<&str>) =
            visitors.iter().map(|visitor| visitor.id.as_str()).partition(|id| is_anonymous(id));
        let mut pendo = pendo_counts(identified.into_iter(), |id| links.visitor_link(VisitorHash::of(id)));
        pendo.anonymous = anonymous.len();
        level(rule, &directory.contacts, objects, pendo, &candidates.visitor)
    });
    let account = matching.account.as_ref().map(|rule| {
        let objects = object_counts(&directory.accounts, |id| links.account_status(id));
        let ids = accounts.iter().map(|account| account.id.as_str());
        let pendo = pendo_counts(ids, |id| links.account_of(Some(id)));
        level(rule, &directory.accounts, objects, pendo, &candidates.account)
    });
    Report { contact, account }
}

fn level(
    rule: &Rule,
    all: &BTreeMap<String, Object>,
    objects: ObjectCounts,
    pendo: PendoCounts,
    candidates: &[Candidate],
) -> LevelReport {
    let is_few = objects.matched * 2 < all.len();
    let suggestion = if is_few { suggest(all, candidates, rule, objects.matched) } else { None };
    LevelReport { objects, pendo, suggestion }
}

fn object_counts(objects: &BTreeMap<String, Object>, status_of: impl Fn(&str) -> Status) -> ObjectCounts {
    let mut counts = ObjectCounts::default();
    for id in objects.keys() {
        let (count, examples) = match status_of(id) {
            Status::Matched => (&mut counts.matched, &mut counts.examples.matched),
            Status::Unmatched => (&mut counts.unmatched, &mut counts.examples.unmatched),
            Status::Ambiguous => (&mut counts.ambiguous, &mut counts.examples.ambiguous),
        };
        *count += 1;
        if examples.len() < EXAMPLES_MAX {
            examples.push(id.clone());
        }
    }
    counts
}

fn pendo_counts<'a, 'l>(ids: impl Iterator<Item = &'a str>, link_of: impl Fn(&str) -> Link<'l>) -> PendoCounts {
    let mut counts = PendoCounts::default();
    let (mut matched, mut unmatched, mut ambiguous) = (First::default(), First::default(), First::default());
    for id in ids {
        let (count, examples) = match link_of(id) {
            Link::Matched(_) => (&mut counts.matched, &mut matched),
            Link::Ambiguous => (&mut counts.ambiguous, &mut ambiguous),
            Link::Unmatched | Link::NotMatchedLevel => (&mut counts.unmatched, &mut unmatched),
            Link::WithoutId => {
                counts.without_id += 1;
                continue;
            }
        };
        *count += 1;
        examples.offer(id);
    }
    counts.examples = Examples { matched: matched.owned(), unmatched: unmatched.owned(), ambiguous: ambiguous.owned() };
    counts
}

/// The first ids in byte order of those that were offered.
#[derive(Default)]
struct First<'a>(Vec<&'a str>);

impl<'a> First<'a> {
    fn offer(&mut self, id: &'a str) {
        let at = self.0.partition_point(|other| *other < id);
        if at < EXAMPLES_MAX {
            self.0.insert(at, id);
            self.0.truncate(EXAMPLES_MAX);
        }
    }

    fn owned(&self) -> Vec<String> {
        self.0.iter().map(|id| (*id).to_owned()).collect()
    }
}
