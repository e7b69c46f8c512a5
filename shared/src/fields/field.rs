//! A definition that was accepted: it has an id and a version.

use super::definition::Definition;
use crate::id::FieldId;
use serde::{Deserialize, Serialize};

/// A calculated field as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its id, fresh for every created field.
    pub id: FieldId,
    /// The version of its definition; a changed definition has a higher one.
    pub version: u64,
    /// When it was created, ms since 1970.
    pub created_at_ms: i64,
    /// What it computes.
    pub definition: Definition,
}
