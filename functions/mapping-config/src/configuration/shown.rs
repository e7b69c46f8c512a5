//! What a file changes, as callers see it: before anything is saved, or afterwards.

use crate::estimate;
use schemars::JsonSchema;
use serde::Serialize;
use shared::configuration::Difference;
use shared::fields::{Definition, Field};
use shared::id::ObjectKind;
use shared::matching::Matching;

/// The answer of `PUT /v1/configuration`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ConfigurationChange {
    /// `saved`, `unchanged` or `dry_run`.
    pub(crate) status: &'static str,
    pub(crate) matching: MatchingChange,
    pub(crate) fields: FieldChanges,
    /// How many values are computed anew.
    pub(crate) values_to_recompute: usize,
    /// What reading history comes to, for each kind that no field has used before.
    pub(crate) backfills: Vec<estimate::Shown>,
}

/// The rules of before and after; null where there were none.
#[derive(Serialize, JsonSchema)]
pub(crate) struct MatchingChange {
    pub(crate) is_changed: bool,
    pub(crate) before: Option<Matching>,
    pub(crate) after: Option<Matching>,
}

/// The fields by what becomes of them.
#[derive(Serialize, JsonSchema)]
pub(crate) struct FieldChanges {
    created: Vec<Definition>,
    /// Those that get another version.
    changed: Vec<FieldChange>,
    deleted: Vec<Definition>,
    unchanged: Vec<FieldName>,
    /// Those that the file does not name; they stay unless `?prune=true` is asked for.
    not_in_file: Vec<FieldName>,
}

/// A field's definitions of before and after.
#[derive(Serialize, JsonSchema)]
pub(crate) struct FieldChange {
    before: Definition,
    after: Definition,
}

/// A field by level and name.
#[derive(Serialize, JsonSchema)]
pub(crate) struct FieldName {
    object: ObjectKind,
    name: String,
}

impl FieldChanges {
    /// `stands` are the fields as they stood before.
    pub(crate) fn of(difference: &Difference, stands: &[Field]) -> Self {
        let named = |fields: &[Field]| {
            let name =
                |field: &Field| FieldName { object: field.definition.object, name: field.definition.name.clone() };
            fields.iter().map(name).collect()
        };
        let changed = difference.changed.iter().map(|change| FieldChange {
            before: change.before.definition.named(stands),
            after: change.after.definition.named(&difference.fields),
        });
        let created = difference.created.iter().map(|(_, field)| field.definition.named(&difference.fields));
        Self {
            created: created.collect(),
            changed: changed.collect(),
            deleted: difference.deleted.iter().map(|field| field.definition.named(stands)).collect(),
            unchanged: named(&difference.unchanged),
            not_in_file: named(&difference.not_in_file),
        }
    }
}
