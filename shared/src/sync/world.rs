//! What evaluation sees beside rows: definitions, directory, matching and Pendo's people, all as they stand now.

use super::groups::{Groups, hash_named};
use crate::connection::Connection;
use crate::directory::Directory;
use crate::exclusions::Scopes;
use crate::fields::{Field, Plan};
use crate::id::{Kind, ObjectKind, VisitorHash, WorkspaceId};
use crate::matching::{KnownAccount, KnownVisitor, Links, Matching};
use crate::store::noun::People;
use crate::store::{SeenIn, Store, StoreError, Versioned};
use crate::usage::row::UsageRow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{Hash, Hasher};

/// Everything that values depend on beside rows and time.
pub struct World {
    /// The calculated fields, with the objects of the groups that they name.
    pub fields: Versioned<Vec<Field>>,
    /// What is in those groups.
    pub groups: Groups,
    /// Accounts and contacts.
    pub directory: Directory,
    /// The matching's version; 0 before it was saved.
    pub matching_version: u64,
    /// The matching, resolved.
    pub links: Links,
    /// Whose usage does not count.
    pub excluded: Scopes,
    /// For each home a hash of all that the links say of its objects, and which are excluded: when it stands still, so do
    /// their values, as far as links decide.
    links_hashes: Vec<u64>,
    /// Shards that hold rows of each visitor.
    pub visitor_shards: HashMap<VisitorHash, Vec<u16>>,
    /// The home of each account, and with it of its contacts.
    pub homes: HashMap<String, u16>,
}

/// The shard of a row: by its Pendo account, or by its visitor where it has none.
#[must_use]
pub fn shard_of(account: Option<&str>, visitor: VisitorHash, shards: u16) -> u16 {
    let hash = account.map_or(visitor, VisitorHash::of).0;
    u16::try_from(hash % u64::from(shards.max(1))).unwrap_or(0)
}

impl World {
    /// Reads it, strongly consistent. Heads must have been read before: a version that a head has seen never goes down.
    ///
    /// # Errors
    /// The table's.
    pub async fn read(
        store: &Store,
        workspace: &WorkspaceId,
        connection: &Connection,
        shards: u16,
    ) -> Result<Self, StoreError> {
        let fields = store.fields_get(workspace).await?;
        Self::with(store, workspace, connection, shards, fields).await
    }

    /// Reads all but the fields, in whose place others may be tried, or several versions of one.
    ///
    /// # Errors
    /// The table's.
    pub async fn with(
        store: &Store,
        workspace: &WorkspaceId,
        connection: &Connection,
        shards: u16,
        fields: Versioned<Vec<Field>>,
    ) -> Result<Self, StoreError> {
        let groups = Groups::read(store, workspace, &connection.id, &fields.value).await?;
        let named: Vec<Field> = fields.value.into_iter().map(|field| groups.named_in(field)).collect();
        let fields = Versioned { version: fields.version, value: named };
        let exclusions = store.exclusions_get(workspace).await?.value.exclusions;
        let matching = store.matching_get(workspace).await?;
        let (matching_version, matching) =
            matching.map_or((0, Matching { contact: None, account: None }), |found| (found.version, found.value));
        let directory = store.directory_get(workspace).await?;
        // Where visitors are neither matched nor excluded nobody asks who they are, and they are many.
        let visitors = match matching.contact {
            None => Default::default(),
            Some(_) => store.people_get(workspace, &connection.id, People::Visitors).await?.value,
        };
        let has_exclusions = !exclusions.is_empty() || fields.value.iter().any(Field::has_exclusions);
        let seen_visitors = match matching.contact.is_some() || has_exclusions {
            false => Default::default(),
            true => store.seen_get(workspace, &connection.id, SeenIn::Visitors).await?.value,
        };
        let accounts = store.people_get(workspace, &connection.id, People::Accounts).await?.value;
        let seen_accounts = store.seen_get(workspace, &connection.id, SeenIn::Accounts).await?.value;

        let links = Links::resolve(
            &matching,
            &directory,
            known(&visitors, &seen_visitors).map(|(id, value)| KnownVisitor { id, value }),
            known(&accounts, &seen_accounts).map(|(id, value)| KnownAccount { id, value }),
        );
        let visitor_shards: HashMap<_, _> = seen_visitors
            .iter()
            .map(|(id, shards)| {
                let shards = shards.as_array().into_iter().flatten();
                (VisitorHash::of(id), shards.filter_map(|n| n.as_u64().and_then(|n| u16::try_from(n).ok())).collect())
            })
            .collect();
        let homes = directory
            .accounts
            .keys()
            .map(|account| {
                let anchor = links.pendo_accounts_of(account).first().map_or(account.as_str(), String::as_str);
                (account.clone(), shard_of(Some(anchor), VisitorHash(0), shards))
            })
            .collect();
        let excluded = Scopes::resolve(
            &exclusions,
            &fields.value,
            &directory,
            &links,
            known(&visitors, &seen_visitors),
            (&visitor_shards, shards),
        );
        let links_hashes = Vec::new();
        let mut world =
            Self { fields, groups, directory, matching_version, links, excluded, links_hashes, visitor_shards, homes };
        world.links_hashes = world.hash_links(shards);
        Ok(world)
    }

    /// Whether a row's usage counts in no field.
    #[must_use]
    pub fn excludes(&self, row: &UsageRow<'_>) -> bool {
        self.excluded.everywhere().holds(row.visitor, row.account, &self.links)
    }

    /// Whether a row's usage does not count in a field, be it because it counts in none.
    #[must_use]
    pub fn excludes_from(&self, plan: &Plan, row: &UsageRow<'_>) -> bool {
        self.excluded.from_field(plan.field(), plan.version()).holds(row.visitor, row.account, &self.links)
    }

    /// A hash of all that the links say of the objects at home in `home`, and of whose usage in its sources does not count.
    #[must_use]
    pub fn whose_hash(&self, home: u16, sources: &BTreeSet<u16>) -> u64 {
        let mut hasher = twox_hash::XxHash3_64::default();
        self.links_hash(home).hash(&mut hasher);
        sources.iter().for_each(|source| self.excluded.mark(*source).hash(&mut hasher));
        hasher.finish()
    }

    /// A hash of all that the links say of the objects at home in `home`, and of the contacts among them that are excluded.
    #[must_use]
    pub fn links_hash(&self, home: u16) -> u64 {
        self.links_hashes.get(usize::from(home)).copied().unwrap_or_default()
    }

    /// The same with everybody at home in shard 0, so that they can be evaluated together. Nothing that is made so may be
    /// stored: it is nobody's page, and no head has seen it.
    #[must_use]
    pub fn at_one_home(mut self) -> Self {
        self.homes.values_mut().for_each(|home| *home = 0);
        self
    }

    /// The kinds that fields map.
    #[must_use]
    pub fn kinds(&self) -> BTreeSet<Kind> {
        self.fields.value.iter().filter_map(|field| field.definition.kind()).collect()
    }

    /// A hash of the definitions that are evaluated. Neither formulas nor names are: they change no page.
    #[must_use]
    pub fn definitions(&self) -> u64 {
        let mut hasher = twox_hash::XxHash3_64::default();
        let evaluated = self.fields.value.iter().filter(|field| field.definition.measured().is_some());
        evaluated.for_each(|field| {
            field.value_key().hash(&mut hasher);
            hash_named(field, &mut hasher);
        });
        hasher.finish()
    }

    /// The home of a contact: its account's.
    #[must_use]
    pub fn home_of_contact(&self, contact: &str) -> Option<u16> {
        let account = self.directory.contacts.get(contact)?.get("account_id")?.as_str()?;
        self.homes.get(account).copied()
    }

    fn hash_links(&self, shards: u16) -> Vec<u64> {
        let mut hashers: Vec<_> = (0..shards).map(|_| twox_hash::XxHash3_64::default()).collect();
        let account_of = |contact: &str| self.directory.contacts.get(contact)?.get("account_id")?.as_str();
        for account in self.directory.accounts.keys() {
            let home = self.homes.get(account).and_then(|home| hashers.get_mut(usize::from(*home)));
            let Some(hasher) = home else { continue };
            account.hash(hasher);
            (self.links.account_status(account) as u8).hash(hasher);
            self.links.pendo_accounts_of(account).hash(hasher);
        }
        for contact in self.directory.contacts.keys() {
            let home = self.home_of_contact(contact).and_then(|home| hashers.get_mut(usize::from(home)));
            let Some(hasher) = home else { continue };
            (contact, account_of(contact)).hash(hasher);
            (self.links.contact_status(contact) as u8).hash(hasher);
            self.excluded.hash_contact(contact, hasher);
            for visitor in self.links.visitors_of(contact) {
                visitor.hash(hasher);
                // Whoever else the visitor fits decides with it, wherever they are at home.
                self.links.contacts_fitting(*visitor).for_each(|rival| (rival, account_of(rival)).hash(hasher));
            }
        }
        hashers.into_iter().map(|hasher| hasher.finish()).collect()
    }

    /// The shards that hold usage of the objects at home in `home`, itself included.
    #[must_use]
    pub fn sources_of(&self, home: u16, shards: u16) -> BTreeSet<u16> {
        let mut sources = BTreeSet::from([home]);
        for account in self.homes.iter().filter(|(_, at)| **at == home).map(|(account, _)| account) {
            sources.extend(self.sources_of_object(ObjectKind::Account, account, shards));
        }
        for contact in self.directory.contacts.keys().filter(|contact| self.home_of_contact(contact) == Some(home)) {
            sources.extend(self.sources_of_object(ObjectKind::Contact, contact, shards));
        }
        sources
    }

    /// The shards that hold usage of one object.
    #[must_use]
    pub fn sources_of_object(&self, object: ObjectKind, id: &str, shards: u16) -> BTreeSet<u16> {
        match object {
            ObjectKind::Account => {
                let linked = self.links.pendo_accounts_of(id).iter();
                linked.map(|account| shard_of(Some(account), VisitorHash(0), shards)).collect()
            }
            ObjectKind::Contact => {
                let visitors = self.links.visitors_of(id).iter();
                visitors.filter_map(|visitor| self.visitor_shards.get(visitor)).flatten().copied().collect()
            }
        }
    }
}

/// Everybody whom Pendo lists or who stood on a stored row, with the value that the matching compares.
pub fn known<'a>(
    listed: &'a BTreeMap<String, serde_json::Value>,
    seen: &'a BTreeMap<String, serde_json::Value>,
) -> impl Iterator<Item = (String, Option<String>)> + 'a {
    let value = |entry: &serde_json::Value| entry.get("v").and_then(|v| v.as_str()).map(str::to_owned);
    let listed_only = listed.iter().map(move |(id, entry)| (id.clone(), value(entry)));
    listed_only.chain(seen.keys().filter(|id| !listed.contains_key(*id)).map(|id| (id.clone(), None)))
}
