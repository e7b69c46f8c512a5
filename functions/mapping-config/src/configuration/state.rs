//! Matching and fields as they stood at one moment.

use shared::api::{Problem, etag};
use shared::context::Context;
use shared::fields::Field;
use shared::id::WorkspaceId;
use shared::matching::{KeptMatching, Matching};
use shared::store::Versioned;

/// What stands.
pub(super) struct State {
    /// `None` before it was first saved.
    pub(super) matching: Option<Versioned<KeptMatching>>,
    pub(super) fields: Versioned<Vec<Field>>,
}

impl State {
    /// Reads both: a matching that is the same before and after the fields were read stood together with them.
    pub(super) async fn read(context: &Context, workspace: &WorkspaceId) -> Result<Self, Problem> {
        let mut matching = context.store.matching_kept_get(workspace).await?;
        loop {
            let fields = context.store.fields_get(workspace).await?;
            let again = context.store.matching_kept_get(workspace).await?;
            if again == matching {
                return Ok(Self { matching, fields });
            }
            matching = again;
        }
    }

    pub(super) fn matching(&self) -> Option<&Matching> {
        self.matching.as_ref().map(|kept| &kept.value.stands)
    }

    /// The tag of both.
    pub(super) fn tag(&self) -> Result<String, Problem> {
        let version = self.matching.as_ref().map_or(0, |stands| stands.version);
        etag(version + self.fields.version, &(self.matching(), &self.fields.value))
    }
}
