//! The stored rows of one object, as evaluation reads them: the same heads, blocks and links.

use super::ExplainError;
use crate::connection::Connection;
use crate::context::Context;
use crate::fields::Plan;
use crate::id::{Kind, ObjectKind, VisitorHash, WorkspaceId};
use crate::matching::{Link, Matching};
use crate::store::noun::People;
use crate::store::{SeenIn, Shard, Store};
use crate::sync::checkpoint::Checkpoint;
use crate::sync::shards::{Blocks, Rows, rows_in};
use crate::sync::world::World;
use crate::time::{Hour, HourRange};
use crate::usage::row::UsageRow;
use crate::values::ValuesError;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Whose a row is, seen from one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// The object's.
    Own,
    /// The object's, but for whoever excludes the person.
    Excluded(By),
    /// It might be the object's, but fits another one alike.
    Contested,
    /// Somebody else's, or nobody's.
    Other,
}

/// Who excludes somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// The workspace, from every field.
    Workspace,
    /// One field.
    Field,
}

/// One object and the shards that hold its rows.
pub(crate) struct Source<'a> {
    store: Store,
    workspace: &'a WorkspaceId,
    pub(crate) connection: Connection,
    /// As it stood before the heads were read: what it vouches for is in them.
    pub(crate) checkpoint: Checkpoint,
    pub(crate) world: World,
    pub(crate) matching: Matching,
    pub(crate) object: ObjectKind,
    pub(crate) id: &'a str,
    shards: Vec<Shard>,
    blocks: Blocks,
}

impl<'a> Source<'a> {
    /// Reads what tells whose rows are, and the heads of the shards that can hold the object's.
    pub(crate) async fn open(
        context: &'a Context,
        workspace: &'a WorkspaceId,
        object: ObjectKind,
        id: &'a str,
    ) -> Result<Self, ExplainError> {
        // People are asked for several times, and read once.
        let store = context.store.metered();
        let connection = store.connection_get(workspace).await?.ok_or(ValuesError::NotConnected)?.value;
        let checkpoint = store.checkpoint_get(workspace, &connection.id).await?.value;
        let count = store.layout_get(workspace, &connection.id).await?.map_or(1, |layout| layout.shards);
        let world = World::read(&store, workspace, &connection, count).await?;
        if !world.directory.objects(object).contains_key(id) {
            return Err(ValuesError::UnknownObject { object: Some(object), id: id.to_owned() }.into());
        }
        let matching = store.matching_get(workspace).await?.map(|stands| stands.value).unwrap_or_default();
        let mut shards = Vec::new();
        for number in world.sources_of_object(object, id, count) {
            shards.push(store.shard_get(workspace, &connection.id, number).await?);
        }
        let blocks = Blocks::default();
        Ok(Self { store, workspace, connection, checkpoint, world, matching, object, id, shards, blocks })
    }

    /// Shows every row of the ranges that lies in those shards, and answers how many there were. Excluded is who counts in no
    /// field, or not in this one.
    pub(crate) async fn visit(
        &mut self,
        ranges: &BTreeMap<Kind, HourRange>,
        plan: Option<&Plan>,
        see: &mut impl FnMut(&UsageRow<'_>, Whose),
    ) -> Result<u64, ExplainError> {
        let Self { store, world, object, id, shards, blocks, .. } = self;
        let mut rows = 0;
        for shard in shards {
            let mut seen = |row: &UsageRow<'_>| {
                rows += 1;
                see(row, whose(world, *object, id, row, plan));
            };
            Rows::default().visit(store, shard, ranges, blocks, &mut seen).await?;
        }
        Ok(rows)
    }

    /// How many rows [`Source::visit`] would read.
    pub(crate) async fn rows_in(&mut self, ranges: &BTreeMap<Kind, HourRange>) -> Result<u64, ExplainError> {
        Ok(rows_in(&self.store, &mut self.shards, ranges).await?)
    }

    /// The spans in which those shards have rows before `to`.
    pub(crate) fn spans(&self, to: Hour) -> BTreeSet<i32> {
        self.shards.iter().flat_map(|shard| shard.spans(to)).collect()
    }

    /// The ids of visitors, of which blocks hold hashes. One that was erased meanwhile has none.
    pub(crate) async fn names(
        &self,
        wanted: &BTreeSet<VisitorHash>,
    ) -> Result<HashMap<VisitorHash, String>, ExplainError> {
        let seen = self.store.seen_get(self.workspace, &self.connection.id, SeenIn::Visitors).await?.value;
        let listed = self.store.people_get(self.workspace, &self.connection.id, People::Visitors).await?.value;
        let mut names = HashMap::new();
        for id in listed.keys().chain(seen.keys()) {
            let hash = VisitorHash::of(id);
            if wanted.contains(&hash) {
                names.insert(hash, id.clone());
            }
        }
        Ok(names)
    }

    /// What Pendo's people have in the metadata field that the rule names.
    pub(crate) async fn values_of(
        &self,
        people: People,
        ids: &[Option<String>],
    ) -> Result<Vec<Option<String>>, ExplainError> {
        let known = self.store.people_get(self.workspace, &self.connection.id, people).await?.value;
        let value = |id: &Option<String>| Some(known.get(id.as_ref()?)?.get("v")?.as_str()?.to_owned());
        Ok(ids.iter().map(value).collect())
    }
}

/// As evaluation has it (`sync/evaluate.rs`): by the Pendo account on the row, or by its visitor; an object without a home
/// has no value.
fn whose(world: &World, object: ObjectKind, id: &str, row: &UsageRow<'_>, plan: Option<&Plan>) -> Whose {
    let own = || match plan {
        _ if world.excludes(row) => Whose::Excluded(By::Workspace),
        Some(plan) if world.excludes_from(plan, row) => Whose::Excluded(By::Field),
        _ => Whose::Own,
    };
    match object {
        ObjectKind::Account => match world.links.account_of(row.account) {
            Link::Matched(account) if account == id && world.homes.contains_key(account) => own(),
            _ => Whose::Other,
        },
        ObjectKind::Contact if world.links.visitors_of(id).binary_search(&row.visitor).is_err() => Whose::Other,
        ObjectKind::Contact => match world.links.contact_of(row.visitor, row.account) {
            Link::Matched(contact) if contact == id && world.home_of_contact(contact).is_some() => own(),
            Link::Ambiguous if own() == Whose::Own => Whose::Contested,
            _ => Whose::Other,
        },
    }
}
