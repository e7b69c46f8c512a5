//! The values of any definitions for every object, over the rows that stand: one pass, nothing is kept, Pendo is not asked.
//!
//! It is the evaluation of a run (`sync/evaluate.rs`), with everybody at one home and without folds.

use super::PreviewError;
use crate::connection::Connection;
use crate::context::Context;
use crate::exclusions::Excluded;
use crate::fields::{Field, Plan};
use crate::id::WorkspaceId;
use crate::store::{Shard, Store, StoreError, Versioned};
use crate::sync::checkpoint::Checkpoint;
use crate::sync::evaluate::{ALWAYS, Moment, evaluate_all, evaluate_each, ranges_within};
use crate::sync::moves::Sink;
use crate::sync::page::Values;
use crate::sync::shards::rows_in;
use crate::sync::world::World;
use crate::time::Hour;
use crate::usage::row::UsageRow;
use crate::values::{Line, Reader};
use std::collections::BTreeSet;

/// Everything that the values of some definitions are made from, as it stands.
pub struct Everybody<'a> {
    pub(super) store: Store,
    pub(super) workspace: &'a WorkspaceId,
    /// The connection.
    pub connection: Connection,
    /// As it stood before the heads were read: what it vouches for is in them.
    pub checkpoint: Checkpoint,
    /// Directory and matching, with the definitions in the place of the fields.
    pub world: World,
    /// The fields that stand.
    pub standing: Vec<Field>,
    /// The hour that runs.
    pub now: Hour,
    pub(super) moment: Moment,
    pub(super) shards: Vec<Shard>,
    count: u16,
    now_ms: i64,
    provisional_hours: i32,
}

impl<'a> Everybody<'a> {
    /// Reads all but the rows. Each definition needs an id of its own.
    ///
    /// # Errors
    /// Nothing was ever connected; the table's.
    pub async fn open(
        context: &Context,
        workspace: &'a WorkspaceId,
        definitions: Vec<Field>,
    ) -> Result<Self, PreviewError> {
        let store = context.store.metered();
        let connection = store.connection_get(workspace).await?.ok_or(PreviewError::NotConnected)?.value;
        let checkpoint = store.checkpoint_get(workspace, &connection.id).await?.value;
        let count = store.layout_get(workspace, &connection.id).await?.map_or(1, |layout| layout.shards);
        let now_ms = context.clock.now_ms();
        let sink = sink(&store, workspace, &connection, count, now_ms);
        let shards = sink.heads().await?;
        let Versioned { version, value: standing } = store.fields_get(workspace).await?;
        let tried = Versioned { version, value: definitions };
        let world = World::with(&store, workspace, &connection, count, tried).await?.at_one_home();
        // A frozen connection shows its values as of then.
        let frozen = |as_of: Hour| connection.frozen_as_of.map_or(as_of, |frozen| as_of.min(frozen));
        let as_of = checkpoint.kinds.iter().filter_map(|(kind, state)| Some((*kind, frozen(state.as_of?)))).collect();
        let moment = Moment::of(&connection, as_of);
        Ok(Self {
            store,
            workspace,
            connection,
            checkpoint,
            world,
            standing,
            now: Hour::of_ms(now_ms),
            moment,
            shards,
            count,
            now_ms,
            provisional_hours: context.config.provisional_hours,
        })
    }

    /// The plan of a definition; `None` while its kind was never read.
    #[must_use]
    pub fn plan(&self, definition: &Field) -> Option<Plan> {
        self.moment.plan(&self.world.groups.named_in(definition.clone()))
    }

    /// How many rows [`Everybody::values`] would read: all of the kinds, in the hours from the first window's begin to the last
    /// one's end.
    ///
    /// # Errors
    /// The table's; [`StoreError::Missing`] when a head has moved on meanwhile: open again.
    pub async fn rows(&mut self) -> Result<u64, StoreError> {
        let plans: Vec<Plan> = self.world.fields.value.iter().filter_map(|field| self.moment.plan(field)).collect();
        rows_in(&self.store, &mut self.shards, &ranges_within(plans.iter(), ALWAYS)).await
    }

    /// What the definitions come to, by object and definition; each row that is read is shown to `see`, whosever it is.
    ///
    /// # Errors
    /// As [`Everybody::rows`].
    pub async fn values(&mut self, see: &mut impl FnMut(&World, &UsageRow<'_>)) -> Result<Values, StoreError> {
        let sink = sink(&self.store, self.workspace, &self.connection, self.count, self.now_ms);
        let world = &self.world;
        evaluate_all(&sink, world, &self.moment, &mut self.shards, &mut |row| see(world, row)).await
    }

    /// How many rows [`Everybody::days`] would read for all of these days at once.
    ///
    /// # Errors
    /// As [`Everybody::rows`].
    pub async fn rows_of_days(&mut self, days: &[i32]) -> Result<u64, StoreError> {
        let moments: Vec<Moment> = days.iter().map(|day| self.moment_of(*day)).collect();
        let fields = &self.world.fields.value;
        let plans: Vec<Plan> =
            moments.iter().flat_map(|moment| fields.iter().filter_map(|field| moment.plan(field))).collect();
        rows_in(&self.store, &mut self.shards, &ranges_within(plans.iter(), ALWAYS)).await
    }

    /// What the definitions come to at the end of each of some local days, by object and definition; the rows are read once
    /// for all of them, and what is added up is held for all of them.
    ///
    /// # Errors
    /// As [`Everybody::rows`].
    pub async fn days(&mut self, days: &[i32]) -> Result<Vec<Values>, StoreError> {
        let moments: Vec<Moment> = days.iter().map(|day| self.moment_of(*day)).collect();
        let sink = sink(&self.store, self.workspace, &self.connection, self.count, self.now_ms);
        evaluate_each(&sink, &self.world, &moments, &mut self.shards).await
    }

    fn moment_of(&self, day: i32) -> Moment {
        Moment { keeps_folds: false, end_of: Some(day), ..self.moment.clone() }
    }

    /// The lines of a definition as `GET /v1/values` would have them, of every object of its level by id.
    #[must_use]
    pub fn lines(&self, definition: &Field, values: &Values) -> Vec<Line> {
        let level = definition.definition.object;
        let reader = Reader {
            connection: self.connection.clone(),
            checkpoint: self.checkpoint.clone(),
            fields: vec![definition.clone()],
            asked: BTreeSet::from([definition.id.clone()]),
            now: self.now,
            provisional_hours: self.provisional_hours,
            with_notes: true,
            exclusions_changed_at_ms: 0,
        };
        let mut lines = Vec::new();
        for (id, columns) in self.world.directory.objects(level) {
            reader.lines(level, id, values.get(&(level, id.clone())), Some(columns), &mut lines);
        }
        lines
    }
}

/// Whose usage does not count in the first of the definitions.
pub(super) fn excluded(world: &World) -> &Excluded {
    let first = world.fields.value.first();
    first
        .map_or_else(|| world.excluded.everywhere(), |field| world.excluded.from_field(&field.id, field.computes_since))
}

fn sink<'s>(
    store: &'s Store,
    workspace: &'s WorkspaceId,
    connection: &'s Connection,
    shards: u16,
    now_ms: i64,
) -> Sink<'s> {
    Sink { store, workspace, connection, shards, as_of: Hour::of_ms(now_ms), now_ms }
}
