//! A formula tried: calculated from the values that stand, as it will be whenever values are read. No row is read.

use super::distribution::{self, Distribution, Part};
use super::query::PreviewQuery;
use super::warnings::Facts;
use super::{Preview, PreviewError, shown};
use crate::context::Context;
use crate::id::WorkspaceId;
use crate::store::tree::Map;
use crate::time::Hour;
use crate::values::formulas::{self, Tried};
use std::collections::{BTreeMap, BTreeSet};

pub(super) async fn tried(
    context: &Context,
    workspace: &WorkspaceId,
    query: &PreviewQuery,
) -> Result<Preview, PreviewError> {
    let tried = formulas::tried(context, workspace, &query.definition).await?.ok_or(PreviewError::NotConnected)?;
    let Tried { connection, standing, lines, matched, is_read } = tried;
    let wanted = query.objects.as_deref().unwrap_or_default();
    if let Some(at) = wanted.iter().position(|id| !lines.iter().any(|line| line.id == *id)) {
        return Err(PreviewError::UnknownObject { at });
    }
    let definition = query.definition.identified(&standing);
    let (distribution, nulls) = (Distribution::of(&lines), distribution::nulls(&lines));
    let matched = Part::of(matched, lines.len());
    let facts = Facts {
        standing: &standing,
        connection: &connection,
        now: Hour::of_ms(context.clock.now_ms()),
        state: None,
        definition: &definition,
        is_read,
        reach: None,
        coverage: lines.iter().map(|line| line.coverage).fold(1.0, f64::min),
        distribution: &distribution,
        nulls: &nulls,
        matched,
        usage: None,
        unseen: &BTreeSet::new(),
        excludes_more: false,
        uses: &BTreeMap::new(),
        listed: &Map::new(),
    };
    let warnings = facts.warnings();
    let definition = definition.named(&standing);
    Ok(Preview { definition, is_read, distribution, nulls, matched, usage: None, warnings, items: shown(lines, query) })
}
