//! Whom the workspace excludes from everything, and whom single fields exclude besides.

use super::excluded::Excluded;
use super::found::Found;
use super::set::Exclusions;
use crate::directory::Directory;
use crate::fields::Field;
use crate::id::{FieldId, VisitorHash};
use crate::matching::Links;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{Hash, Hasher};

/// All that is excluded, by where it counts.
#[derive(Clone, Debug, Default)]
pub struct Scopes {
    everywhere: Excluded,
    /// Of each version of a field that has exclusions of its own: those and the workspace's together.
    fields: BTreeMap<FieldId, BTreeMap<u64, Excluded>>,
    /// For each shard a hash of all that decides which of its rows are excluded: when it stands still, so do they.
    marks: Vec<u64>,
}

impl Scopes {
    /// Finds everybody whom the workspace's and the fields' exclusions fit; of one field there may be several versions. `visitor_shards` says which shards hold rows of whom.
    #[must_use]
    pub fn resolve(
        workspace: &Exclusions,
        fields: &[Field],
        directory: &Directory,
        links: &Links,
        people: impl Iterator<Item = (String, Option<String>)>,
        (visitor_shards, shards): (&HashMap<VisitorHash, Vec<u16>>, u16),
    ) -> Self {
        let own: Vec<(&Field, &Exclusions)> = own(fields).collect();
        if workspace.is_empty() && own.is_empty() {
            return Self::default();
        }
        let all: Vec<&Exclusions> = own.iter().map(|(_, exclusions)| *exclusions).chain([workspace]).collect();
        let found = Found::among(&all, directory, links, people);
        let everywhere = found.by(workspace);
        let mut scopes = Self { everywhere, fields: BTreeMap::new(), marks: Vec::new() };
        for (field, own) in own {
            let versions = scopes.fields.entry(field.id.clone()).or_default();
            versions.insert(field.computes_since, found.by(&workspace.and(own)));
        }
        scopes.marks = scopes.hash_rows(directory, links, visitor_shards, shards);
        scopes
    }

    /// Who is excluded from everything.
    #[must_use]
    pub fn everywhere(&self) -> &Excluded {
        &self.everywhere
    }

    /// Who is excluded from a version of a field, by the workspace or by the field.
    #[must_use]
    pub fn from_field(&self, field: &FieldId, version: u64) -> &Excluded {
        let versions = self.fields.get(field);
        versions.and_then(|versions| versions.get(&version)).unwrap_or(&self.everywhere)
    }

    /// A hash of all that decides which rows of a shard are excluded.
    #[must_use]
    pub fn mark(&self, shard: u16) -> u64 {
        self.marks.get(usize::from(shard)).copied().unwrap_or_default()
    }

    /// Hashes from which fields a contact's usage is excluded altogether.
    pub fn hash_contact(&self, contact: &str, hasher: &mut impl Hasher) {
        for (scope, _) in self.each().filter(|(_, excluded)| excluded.has_contact(contact)) {
            (contact, scope).hash(hasher);
        }
    }

    fn each(&self) -> impl Iterator<Item = (Option<(&FieldId, u64)>, &Excluded)> {
        let fields = self.fields.iter();
        let fields =
            fields.flat_map(|(id, all)| all.iter().map(move |(version, excluded)| (Some((id, *version)), excluded)));
        std::iter::once((None, &self.everywhere)).chain(fields)
    }

    fn hash_rows(
        &self,
        directory: &Directory,
        links: &Links,
        visitor_shards: &HashMap<VisitorHash, Vec<u16>>,
        shards: u16,
    ) -> Vec<u64> {
        let mut hashers: Vec<_> = (0..shards).map(|_| twox_hash::XxHash3_64::default()).collect();
        for (scope, excluded) in self.each() {
            let theirs = excluded.contacts.iter().flat_map(|contact| links.visitors_of(contact));
            let visitors: BTreeSet<VisitorHash> = theirs.chain(&excluded.visitors).copied().collect();
            for visitor in visitors {
                for shard in visitor_shards.get(&visitor).into_iter().flatten() {
                    let Some(hasher) = hashers.get_mut(usize::from(*shard)) else { continue };
                    (scope, visitor, excluded.has_visitor(visitor)).hash(hasher);
                    // Of one who is not excluded altogether, it depends on whose each row is.
                    for contact in links.contacts_fitting(visitor).filter(|_| !excluded.has_visitor(visitor)) {
                        (directory.account_of_contact(contact), excluded.contacts.contains(contact)).hash(hasher);
                    }
                }
            }
        }
        hashers.into_iter().map(|hasher| hasher.finish()).collect()
    }
}

/// The fields with exclusions of their own.
fn own(fields: &[Field]) -> impl Iterator<Item = (&Field, &Exclusions)> {
    fields.iter().filter_map(|field| Some((field, field.definition.exclusions()?)))
}
