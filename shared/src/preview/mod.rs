//! A definition tried before it is saved: what it comes to for every object over the rows that stand, how those values are
//! spread, and what should be known of them. Nothing is written, and Pendo is not asked.

mod comparison;
mod distribution;
mod everybody;
mod formula;
mod found;
mod query;
mod warnings;

pub use comparison::{ComparedObjects, ComparedVersion, Comparison, MovedObject, SaidValue, compare};
pub use distribution::{Distribution, Part};
pub use everybody::Everybody;
pub use found::FoundUsage;
pub use query::{OBJECTS_MAX, PreviewQuery, SAMPLE_DEFAULT};

use crate::context::Context;
use crate::fields::{Definition, Field, Measured, Reason};
use crate::id::{FieldId, WorkspaceId};
use crate::matching::Status;
use crate::store::StoreError;
use crate::sync::world::World;
use crate::usage::row::UsageRow;
use crate::values::Line;
use found::{Found, LastUse};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use warnings::Facts;

/// How often heads are read again because they have moved on meanwhile.
const REREADS_MAX: u32 = 3;
/// Rows that are read at most to find out when objects were last used.
const LAST_USE_ROWS_MAX: u64 = 1_000_000;
/// A window that ends so many hours ago at most runs, or has just ended.
const RUNNING_HOURS: i32 = 48;

/// What a definition comes to.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Preview {
    /// What is computed, with all that the definition leaves to the function.
    pub definition: Definition,
    /// Whether its kind has been read, be it in part; of a formula, those of all that it stands upon. Nothing can be told before.
    pub is_read: bool,
    /// How the values of all objects of the level are spread.
    pub distribution: Distribution,
    /// The objects without a value, by the reason.
    pub nulls: BTreeMap<Reason, Part>,
    /// The objects that are matched with somebody at Pendo.
    pub matched: Part,
    /// The rows that it looks at; null of a formula, which looks at values.
    pub usage: Option<FoundUsage>,
    /// What should be known of it, in sentences; what matters most comes first.
    pub warnings: Vec<String>,
    /// The objects that were asked for, in their order, or a sample from the highest value to the lowest: each as
    /// `GET /v1/values` will have it.
    pub items: Vec<Line>,
}

/// Why there is no preview.
#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    /// Nothing was ever connected.
    #[error("the workspace is not connected")]
    NotConnected,
    /// The directory has no object of this level by this id.
    #[error("object {at} of the list is not in the directory")]
    UnknownObject {
        /// Its place in the list.
        at: usize,
    },
    /// More rows than can be added up while somebody waits.
    #[error("the window holds {rows} rows")]
    TooMuch {
        /// All rows of the kind in the window.
        rows: u64,
    },
    /// The table's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Tries a definition over at most `rows_max` rows.
///
/// # Errors
/// Nothing was ever connected; an object that is not there; [`PreviewError::TooMuch`] to add up at once; the table's.
pub async fn preview(
    context: &Context,
    workspace: &WorkspaceId,
    query: &PreviewQuery,
    rows_max: u64,
) -> Result<Preview, PreviewError> {
    let mut rereads = 0;
    loop {
        let outcome = match query.definition.measured() {
            Some(measured) => tried(context, workspace, query, measured, rows_max).await,
            None => formula::tried(context, workspace, query).await,
        };
        match outcome {
            // A newer head stands: read again.
            Err(PreviewError::Store(StoreError::Missing { .. })) if rereads < REREADS_MAX => rereads += 1,
            outcome => return outcome,
        }
    }
}

async fn tried(
    context: &Context,
    workspace: &WorkspaceId,
    query: &PreviewQuery,
    measured: &Measured,
    rows_max: u64,
) -> Result<Preview, PreviewError> {
    let (definition, usage) = (&query.definition, &measured.usage);
    let field = Field::new(FieldId::random(), definition.clone(), context.clock.now_ms(), None);
    let mut everybody = Everybody::open(context, workspace, vec![field.clone()]).await?;
    let known = everybody.world.directory.objects(definition.object);
    let wanted = query.objects.as_deref().unwrap_or_default();
    if let Some(at) = wanted.iter().position(|id| !known.contains_key(id)) {
        return Err(PreviewError::UnknownObject { at });
    }
    let rows = everybody.rows().await?;
    if rows > rows_max {
        return Err(PreviewError::TooMuch { rows });
    }
    let grouped = everybody.world.groups.named_in(field.clone());
    let usage = grouped.definition.measured().map_or(usage, |measured| &measured.usage);
    let plan = everybody.plan(&field);
    let reach = plan.as_ref().map(|plan| plan.reach());
    let mut found = plan.map(|plan| Found::new(plan, usage.clone()));
    let mut see = |world: &World, row: &UsageRow<'_>| found.iter_mut().for_each(|found| found.see(world, row));
    let values = everybody.values(&mut see).await?;
    let lines = everybody.lines(&field, &values);
    let is_matched = |line: &&Line| {
        values.get(&(line.object, line.id.clone())).is_some_and(|values| values.status == Status::Matched)
    };
    let matched = Part::of(lines.iter().filter(is_matched).count(), lines.len());
    let mut uses = BTreeMap::new();
    if let (Some(found), Some(reach)) = (&found, reach) {
        let mut missing = found::named(usage);
        missing.retain(|id| !found.last.contains_key(id));
        uses = everybody.last_uses((measured.kind(), usage), reach, missing, LAST_USE_ROWS_MAX).await?;
        // Since the end of a window that is over for long, objects may have been used again.
        let is_running = reach.to.plus(RUNNING_HOURS) >= everybody.now;
        uses.extend(found.last.iter().filter(|_| is_running).map(|(id, ms)| (id.clone(), LastUse::At(*ms))));
    }
    let unseen = found.as_ref().map(|found| found.unseen.clone()).unwrap_or_default();
    let found = found.map(|found| found.shown(&everybody.world)).unwrap_or_default();
    let (distribution, nulls) = (Distribution::of(&lines), distribution::nulls(&lines));
    let listed = everybody.store.tags_get(workspace, &everybody.connection.id, usage.kind).await?.value;
    let facts = Facts {
        standing: &everybody.standing,
        connection: &everybody.connection,
        now: everybody.now,
        state: everybody.checkpoint.kinds.get(&measured.kind()),
        definition,
        is_read: reach.is_some(),
        reach,
        coverage: lines.first().map_or(0.0, |line| line.coverage),
        distribution: &distribution,
        nulls: &nulls,
        matched,
        usage: Some(&found),
        unseen: &unseen,
        excludes_more: everybody::excluded(&everybody.world) != everybody.world.excluded.everywhere(),
        uses: &uses,
        listed: &listed,
    };
    let warnings = facts.warnings();
    let (definition, is_read, usage) = (definition.clone(), reach.is_some(), Some(found));
    Ok(Preview { definition, is_read, distribution, nulls, matched, usage, warnings, items: shown(lines, query) })
}

/// The lines that are asked for, of those of all objects.
fn shown(lines: Vec<Line>, query: &PreviewQuery) -> Vec<Line> {
    match &query.objects {
        Some(ids) => ids.iter().filter_map(|id| lines.iter().find(|line| line.id == *id).cloned()).collect(),
        None => distribution::sample(lines, query.sample.unwrap_or(SAMPLE_DEFAULT)),
    }
}
