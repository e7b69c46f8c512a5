//! Why a value may have moved though nobody used anything: what Pendo changed of the past, and who is excluded since.

use super::Reader;
use crate::fields::{Field, Measured, Reason};
use crate::sync::rewrites::{Cause, KEPT_HOURS, Rewrite};
use crate::time::{Hour, HourRange, to_the_second};
use schemars::JsonSchema;
use serde::Serialize;

/// A change of the past that a value's window holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MovedBy {
    /// The reason.
    pub cause: Cause,
    /// The last run that replaced hours because of it, or when others were excluded.
    pub at: String,
}

impl Reader {
    /// What of the past's changes may have moved a value; nothing where none is shown.
    pub(super) fn moved_by(
        &self,
        (field, measured): (&Field, &Measured),
        window: HourRange,
        reason: Option<Reason>,
    ) -> Vec<MovedBy> {
        let is_shown =
            |reason: Reason| reason.is_told_by_usage() || [Reason::Disconnected, Reason::Excluded].contains(&reason);
        let is_told = self.with_notes && reason.is_none_or(is_shown);
        let usage = &measured.usage;
        let rewrites = self.checkpoint.kinds.get(&measured.kind()).filter(|_| is_told).map(|state| &state.rewrites);
        // Below the line of an adoption rate stand those who used any other object, too.
        let ids = usage.ids.as_ref().filter(|_| measured.of.is_none());
        let moves = |rewrite: &&Rewrite| rewrite.is_remembered(self.now) && rewrite.may_move(window, ids);
        let told = rewrites.into_iter().flatten().filter(moves);
        let told = told.map(|rewrite| MovedBy { cause: rewrite.cause, at: to_the_second(rewrite.at.start_ms()) });
        told.chain(self.excluded_since(field).filter(|_| is_told)).collect()
    }

    /// When others were excluded than before, if the field was there already and that is not long ago. Which values that moved is
    /// not kept.
    fn excluded_since(&self, field: &Field) -> Option<MovedBy> {
        let at_ms = self.exclusions_changed_at_ms;
        let is_recent = at_ms > 0 && self.now.0 - Hour::of_ms(at_ms).0 < KEPT_HOURS;
        (is_recent && field.computes_since_ms() < at_ms)
            .then(|| MovedBy { cause: Cause::Exclusions, at: to_the_second(at_ms) })
    }
}
