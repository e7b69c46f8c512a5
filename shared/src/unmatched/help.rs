//! What would match more: another rule, or aliases by hand, each with its effect counted on real usage.

use super::Nobody;
use super::weights::{Weighed, Weights};
use crate::directory::Directory;
use crate::exclusions::{Exclusions, Found};
use crate::id::ObjectKind;
use crate::matching::{ALIASES_MAX, KnownAccount, KnownVisitor, Links, Matching, Status, Why};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// A change of the matching, and what it would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "MatchingHelp")]
pub struct Help {
    /// What to do, in a sentence.
    pub advice: String,
    /// The body for `PUT /v1/matching` that does it.
    pub matching: Matching,
    /// Objects that would be matched; fewer than now if it takes more than it gives.
    pub matched_objects: usize,
    /// How many there are now.
    pub matched_objects_now: usize,
    /// Events that would be an object's, of the total above.
    pub matched_events: u64,
}

/// Whom Pendo knows, as the matching compares them.
pub(super) struct People {
    pub(super) visitors: Vec<KnownVisitor>,
    pub(super) accounts: Vec<KnownAccount>,
}

/// What a level's changes are tried on.
pub(super) struct Trial<'a> {
    pub(super) level: ObjectKind,
    pub(super) matching: &'a Matching,
    pub(super) exclusions: &'a Exclusions,
    pub(super) directory: &'a Directory,
    pub(super) people: &'a People,
    pub(super) weights: &'a Weights,
    pub(super) links: &'a Links,
    pub(super) now: Weighed,
}

impl Trial<'_> {
    /// The changes that would give an object more events, those that give most first.
    pub(super) fn help(&self, nobodies: &[Nobody]) -> Vec<Help> {
        let tried = [self.without_case(nobodies), self.other_column(nobodies), self.aliases(nobodies)];
        let mut help: Vec<Help> =
            tried.into_iter().flatten().filter(|help| help.matched_events > self.now.matched).collect();
        help.sort_by_key(|help| std::cmp::Reverse(help.matched_events));
        help
    }

    fn without_case(&self, nobodies: &[Nobody]) -> Option<Help> {
        let is_ignored = self.matching.rule(self.level)?.ignore_case;
        let is_case = |nobody: &Nobody| nobody.why == Why::Case;
        (!is_ignored && nobodies.iter().any(is_case)).then_some(())?;
        let advice = "Capital and small letters keep some apart: set ignore_case.".to_owned();
        self.tried(advice, |rule| rule.ignore_case = true)
    }

    /// The column in which most of the events' keys stand.
    fn other_column(&self, nobodies: &[Nobody]) -> Option<Help> {
        let mut by_column: BTreeMap<&str, u64> = BTreeMap::new();
        for nobody in nobodies.iter().filter(|nobody| nobody.why == Why::OtherColumn) {
            if let Some(column) = &nobody.column {
                *by_column.entry(column).or_default() += nobody.events;
            }
        }
        let (column, _) = by_column.into_iter().max_by_key(|(_, events)| *events)?;
        let advice = format!("Some stand in another column of the directory: match by \"{column}\".");
        self.tried(advice, |rule| column.clone_into(&mut rule.object))
    }

    /// Aliases for all whose object can be told without doubt; a domain says too little for that.
    fn aliases(&self, nobodies: &[Nobody]) -> Option<Help> {
        let stand = self.matching.rule(self.level)?.aliases.len();
        let is_sure = |nobody: &&Nobody| {
            matches!(nobody.why, Why::Case | Why::Spaces | Why::PlusTag | Why::OtherColumn) && nobody.near_count == 1
        };
        let alias = |nobody: &Nobody| Some((nobody.id.clone()?, nobody.near.first()?.clone()));
        let room = ALIASES_MAX.saturating_sub(stand);
        let aliases: BTreeMap<String, String> = nobodies.iter().filter(is_sure).filter_map(alias).take(room).collect();
        (!aliases.is_empty()).then_some(())?;
        let advice = format!("{} of them can be said by hand, without another rule: see aliases.", aliases.len());
        self.tried(advice, |rule| rule.aliases.extend(aliases))
    }

    fn tried(&self, advice: String, change: impl FnOnce(&mut crate::matching::Rule)) -> Option<Help> {
        let mut matching = self.matching.clone();
        let rule = match self.level {
            ObjectKind::Account => matching.account.as_mut(),
            ObjectKind::Contact => matching.contact.as_mut(),
        };
        change(rule?);
        let links = Links::resolve(&matching, self.directory, &self.people.visitors, &self.people.accounts);
        let people = self.people.visitors.iter().map(|known| (known.id.clone(), known.value.clone()));
        let excluded = Found::among(&[self.exclusions], self.directory, &links, people).by(self.exclusions);
        Some(Help {
            advice,
            matched_objects: self.objects(&links),
            matched_objects_now: self.objects(self.links),
            matched_events: self.weights.weighed(self.level, &links, &excluded).matched,
            matching,
        })
    }

    fn objects(&self, links: &Links) -> usize {
        let status = |id: &&String| match self.level {
            ObjectKind::Account => links.account_status(id) == Status::Matched,
            ObjectKind::Contact => links.contact_status(id) == Status::Matched,
        };
        self.directory.objects(self.level).keys().filter(status).count()
    }
}
