//! Matching, exclusions and fields as they stood at one moment.

use shared::api::{Problem, etag};
use shared::context::Context;
use shared::exclusions::{Exclusions, Standing};
use shared::fields::Field;
use shared::id::WorkspaceId;
use shared::matching::{KeptMatching, Matching};
use shared::store::Versioned;

/// What stands.
pub(super) struct State {
    /// `None` before it was first saved.
    pub(super) matching: Option<Versioned<KeptMatching>>,
    pub(super) exclusions: Versioned<Standing>,
    pub(super) fields: Versioned<Vec<Field>>,
}

impl State {
    /// Reads all: a matching and exclusions that are the same before and after the fields were read stood together with them.
    pub(super) async fn read(context: &Context, workspace: &WorkspaceId) -> Result<Self, Problem> {
        let store = &context.store;
        let mut before = (store.matching_kept_get(workspace).await?, store.exclusions_get(workspace).await?);
        loop {
            let fields = store.fields_get(workspace).await?;
            let again = (store.matching_kept_get(workspace).await?, store.exclusions_get(workspace).await?);
            if again == before {
                let (matching, exclusions) = before;
                return Ok(Self { matching, exclusions, fields });
            }
            before = again;
        }
    }

    pub(super) fn matching(&self) -> Option<&Matching> {
        self.matching.as_ref().map(|kept| &kept.value.stands)
    }

    /// Whose usage counts in no field; `None` before it was first saved.
    pub(super) fn exclusions(&self) -> Option<&Exclusions> {
        (self.exclusions.version > 0).then_some(&self.exclusions.value.exclusions)
    }

    /// The tag of all.
    pub(super) fn tag(&self) -> Result<String, Problem> {
        let version = self.matching.as_ref().map_or(0, |stands| stands.version);
        let version = version + self.exclusions.version + self.fields.version;
        etag(version, &(self.matching(), &self.exclusions.value, &self.fields.value))
    }
}
