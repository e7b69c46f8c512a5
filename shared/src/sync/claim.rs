//! The claim on history: while one run reads a connection's history, the others serve the trailing hours only.
//!
//! It is advice and never a lock. It runs out by itself, and two runs that read the same days all the same end in the same
//! state.

use super::checkpoint::Checkpoint;
use super::run::Run;
use crate::connection::ConnectionStatus;
use crate::id::random_hex;
use crate::store::StoreError;
use serde::{Deserialize, Serialize};

/// A little longer than an invocation may take, and shorter than the queue waits before it gives a job out again.
const LIVES_MS: i64 = 930_000;

/// Who reads history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Claim {
    /// The run.
    pub token: String,
    /// When it runs out, ms since 1970.
    pub until_ms: i64,
    /// Whether another run would have read history: the holder then looks once more before it rests.
    pub is_wanted: bool,
}

impl Claim {
    /// Whether it holds at this time. One that would hold for longer than any does was written by a clock that has gone back.
    fn lives(&self, now_ms: i64) -> bool {
        (now_ms + 1..=now_ms + LIVES_MS).contains(&self.until_ms)
    }
}

impl Run<'_> {
    /// Claims history for this run; answers false when another run's claim lives.
    ///
    /// # Errors
    /// The table's.
    pub(super) async fn claim_history(&mut self) -> Result<bool, StoreError> {
        let (token, now_ms) = (random_hex(), self.context.clock.now_ms());
        let claim = |checkpoint: &mut Checkpoint| match &mut checkpoint.claim {
            Some(claim) if claim.token != token && claim.lives(now_ms) => claim.is_wanted = true,
            claim => {
                *claim = Some(Claim { token: token.clone(), until_ms: now_ms + LIVES_MS, is_wanted: false });
            }
        };
        let stands = self.store.checkpoint_change(self.workspace, &self.connection.id, claim).await?;
        let is_mine = stands.claim.is_some_and(|claim| claim.token == token);
        self.claim = is_mine.then_some(token);
        Ok(is_mine)
    }

    /// Lets history go, in the checkpoint that ends the run.
    pub(super) fn release_history(&self, checkpoint: &mut Checkpoint) {
        if let Some(claim) = checkpoint.claim.as_mut().filter(|claim| self.claim.as_ref() == Some(&claim.token)) {
            claim.until_ms = 0;
        }
    }

    /// Whether another run wanted the history that this one held.
    pub(super) fn is_wanted(&self, checkpoint: &Checkpoint) -> bool {
        let mine = checkpoint.claim.as_ref().filter(|claim| self.claim.as_ref() == Some(&claim.token));
        mine.is_some_and(|claim| claim.is_wanted)
    }

    /// Whether the connection still is to be read: pausing and disconnecting stop a run between two windows.
    ///
    /// # Errors
    /// The table's.
    pub(super) async fn is_active(&self) -> Result<bool, StoreError> {
        let stands = self.store.connection_get(self.workspace).await?.map(|stands| stands.value);
        Ok(stands.is_some_and(|stands| stands.id == self.connection.id && stands.status == ConnectionStatus::Active))
    }
}
