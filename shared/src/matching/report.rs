//! The match report: per level how many match on both sides, examples, and a better pair when few do.

use super::key::is_anonymous;
use super::link::{KnownAccount, KnownVisitor, Link, Status};
use super::links::Links;
use super::rule::{Matching, Rule};
use super::suggestion::{Candidate, Candidates, Suggestion, suggest};
use crate::directory::{Directory, Object};
use crate::exclusions::Excluded;
use crate::id::VisitorHash;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

const EXAMPLES_MAX: usize = 10;

/// The report of both levels; a level that is not matched has none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "MatchingReport")]
pub struct Report {
    /// Contacts and visitors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<LevelReport>,
    /// Accounts and Pendo's accounts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<LevelReport>,
}

/// The report of one level. Pendo's examples name visitors.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct LevelReport {
    /// The directory's side.
    pub objects: ObjectCounts,
    /// Pendo's side.
    pub pendo: PendoCounts,
    /// The pair that would match more, when less than half of the objects are matched.
    pub suggestion: Option<Suggestion>,
}

/// Accounts or contacts by status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PendoCounts {
    /// They are an object's.
    pub matched: usize,
    /// They fit no object.
    pub unmatched: usize,
    /// They fit several objects and nothing decides.
    pub ambiguous: usize,
    /// They have no value to compare.
    pub without_id: usize,
    /// Visitors of whom no usage counts, whosever they would be.
    pub excluded: usize,
    /// Visitors that nobody identified.
    pub anonymous: usize,
    /// Ids of each.
    pub examples: Examples,
}

/// Up to ten ids of each class, the first in byte order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
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
    (links, excluded): (&Links, &Excluded),
) -> Report {
    let contact = matching.contact.as_ref().map(|rule| {
        let objects = object_counts(&directory.contacts, |id| links.contact_status(id));
        let (anonymous, identified): (Vec<&str>, Vec<&str>) =
            visitors.iter().map(|visitor| visitor.id.as_str()).partition(|id| is_anonymous(id));
        let (gone, counted): (Vec<&str>, Vec<&str>) =
            identified.into_iter().partition(|id| excluded.has_visitor(VisitorHash::of(id)));
        let mut pendo = pendo_counts(counted.into_iter(), |id| links.visitor_link(VisitorHash::of(id)));
        (pendo.anonymous, pendo.excluded) = (anonymous.len(), gone.len());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::PendoKey;
    use crate::matching::sample::{both_levels, directory, links, matching, world};
    use serde_json::json;

    fn sample() -> Report {
        sample_without([])
    }

    /// With these visitors excluded.
    fn sample_without<const N: usize>(own: [&str; N]) -> Report {
        let (directory, mut visitors, mut accounts) = world();
        visitors.reverse();
        accounts.rotate_left(2);
        let values = ["p-a", "p-c", "p-f", "A", "B", "C", "D"].map(str::to_owned).to_vec();
        let candidates =
            Candidates { visitor: Vec::new(), account: vec![Candidate { key: PendoKey::AccountId, values }] };
        let excluded = Excluded::of_visitors(own.map(VisitorHash::of));
        report(&both_levels(), &directory, &visitors, &accounts, &candidates, (&links(), &excluded))
    }

    #[test]
    fn both_sides_are_counted_with_examples() {
        let expected = json!({
            "matched": 3, "unmatched": 2, "ambiguous": 3,
            "examples": {"matched": ["ann-a", "ann-b", "cid"], "unmatched": ["dan", "eve"], "ambiguous": ["ann-f", "bert", "bob"]},
        });
        let contact = sample().contact.unwrap();
        assert_eq!(json!(contact.objects), expected);
        let expected = json!({
            "matched": 3, "unmatched": 1, "ambiguous": 1, "without_id": 1, "excluded": 0, "anonymous": 1,
            "examples": {"matched": [" cid@x", "ANN@x", "cid@x"], "unmatched": ["stranger"], "ambiguous": ["bob@x"]},
        });
        assert_eq!(json!(contact.pendo), expected);
        assert_eq!(contact.suggestion, None);
        let account = sample().account.unwrap();
        assert_eq!((account.objects.matched, account.objects.ambiguous, account.objects.unmatched), (2, 2, 2));
        assert_eq!((account.pendo.matched, account.pendo.ambiguous, account.pendo.unmatched), (3, 1, 2));
    }

    #[test]
    fn whoever_is_excluded_is_counted_apart_and_no_example() {
        let expected = json!({
            "matched": 3, "unmatched": 0, "ambiguous": 0, "without_id": 1, "excluded": 2, "anonymous": 1,
            "examples": {"matched": [" cid@x", "ANN@x", "cid@x"], "unmatched": [], "ambiguous": []},
        });
        assert_eq!(json!(sample_without(["bob@x", "stranger"]).contact.unwrap().pendo), expected);
    }

    #[test]
    fn under_half_a_better_pair_is_named() {
        let expected = json!({"pendo": "accountId", "object": "id", "ignore_case": false, "matched": 4});
        assert_eq!(json!(sample().account.unwrap().suggestion), expected);
    }

    #[test]
    fn half_is_enough() {
        let directory = directory(json!({"A": {}, "B": {}}), json!({}));
        let rules = matching(json!({"account": {"account": "accountId", "object": "id"}}));
        let accounts = crate::matching::sample::accounts(&["A"]);
        let key = PendoKey::Metadata { group: "custom".to_owned(), field: "id".to_owned() };
        let values = vec!["A".to_owned(), "B".to_owned()];
        let candidates = Candidates { visitor: Vec::new(), account: vec![Candidate { key, values }] };
        let links = Links::resolve(&rules, &directory, std::iter::empty::<KnownVisitor>(), &accounts);
        let report = report(&rules, &directory, &[], &accounts, &candidates, (&links, &Excluded::default()));
        assert_eq!(report.contact, None);
        assert_eq!(report.account.unwrap().suggestion, None);
    }

    #[test]
    fn ten_examples_are_the_first_whatever_the_order() {
        let ids: Vec<String> = (0..100).rev().map(|id| format!("{id:02}")).collect();
        let counts = pendo_counts(ids.iter().map(String::as_str), |_| Link::Unmatched);
        assert_eq!((counts.unmatched, counts.examples.unmatched.len()), (100, EXAMPLES_MAX));
        assert_eq!(counts.examples.unmatched[9], "09");
    }
}
