//! The claim on history: while one run reads a connection's history, the others serve the trailing hours only.
//!
//! It is advice and never a lock: two runs that read the same days all the same end in the same state. No clock is
//! believed, since clocks differ and may stand. Whoever holds history counts for as long as it lives; whoever finds it held
//! looks for a few seconds, and where nobody counts the holder is dead.

use super::checkpoint::Checkpoint;
use super::run::Run;
use crate::connection::ConnectionStatus;
use crate::id::{ConnectionId, WorkspaceId, random_hex};
use crate::store::{Store, StoreError};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

/// How often the holder counts.
const BEAT_EVERY: Duration = Duration::from_secs(2);
/// The pause before each look at a holder.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Looks without a beat after which a holder counts as dead: long enough for one that unpacks a great deal between two.
const LOOKS: u32 = 10;

/// Who reads history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Claim {
    /// The run.
    pub token: String,
    /// Counts while the run lives.
    pub beats: u64,
    /// Whether it still reads.
    pub is_held: bool,
    /// Whether another run would have read history: the holder then looks once more before it rests.
    pub is_wanted: bool,
}

impl Claim {
    fn is_of(&self, token: &str) -> bool {
        self.is_held && self.token == token
    }
}

/// A claim that this run holds. It counts until this is dropped, by whatever ends the run.
pub(super) struct Held {
    token: String,
    is_lost: Arc<AtomicBool>,
    beating: JoinSet<()>,
}

impl Held {
    fn new(token: String, store: Store, workspace: WorkspaceId, connection: ConnectionId) -> Self {
        let is_lost = Arc::new(AtomicBool::new(false));
        let mut beating = JoinSet::new();
        let (beats_for, loses) = (token.clone(), Arc::clone(&is_lost));
        beating.spawn(async move {
            while beat(&store, &workspace, &connection, &beats_for).await {}
            loses.store(true, Ordering::Relaxed);
        });
        Self { token, is_lost, beating }
    }
}

/// Counts once; answers false when the claim is somebody else's by now.
async fn beat(store: &Store, workspace: &WorkspaceId, connection: &ConnectionId, token: &str) -> bool {
    tokio::time::sleep(BEAT_EVERY).await;
    // Read first: a checkpoint that was purged meanwhile must not come back.
    match store.checkpoint_get(workspace, connection).await {
        Ok(stands) if !stands.value.claim.as_ref().is_some_and(|claim| claim.is_of(token)) => return false,
        Ok(_) => {}
        Err(_) => return true,
    }
    let count = |checkpoint: &mut Checkpoint| {
        let mine = checkpoint.claim.iter_mut().filter(|claim| claim.is_of(token));
        mine.for_each(|claim| claim.beats += 1);
    };
    // A beat that fails is one beat less.
    store.checkpoint_change(workspace, connection, count).await.ok();
    true
}

impl Run<'_> {
    /// Claims history for this run; answers false when another run holds it.
    ///
    /// # Errors
    /// The table's.
    pub(super) async fn claim_history(&mut self) -> Result<bool, StoreError> {
        let token = random_hex();
        let claim = |checkpoint: &mut Checkpoint| match &mut checkpoint.claim {
            Some(claim) if claim.is_held && claim.token != token => claim.is_wanted = true,
            claim => *claim = Some(Claim { token: token.clone(), is_held: true, ..Claim::default() }),
        };
        let stands = self.store.checkpoint_change(self.workspace, &self.connection.id, claim).await?;
        let stands = stands.claim.unwrap_or_default();
        if stands.token != token {
            self.holder = Some(stands);
            return Ok(false);
        }
        self.held = Some(Held::new(token, self.store.clone(), self.workspace.clone(), self.connection.id.clone()));
        Ok(true)
    }

    /// Ends counting: what is written from now on ends the run.
    pub(super) fn stop_counting(&mut self) {
        if let Some(held) = &mut self.held {
            held.beating.abort_all();
        }
    }

    /// Lets history go, in the checkpoint that ends the run.
    pub(super) fn release_history(&self, checkpoint: &mut Checkpoint) {
        let Some(held) = &self.held else { return };
        let mine = checkpoint.claim.iter_mut().filter(|claim| claim.is_of(&held.token));
        mine.for_each(|claim| claim.is_held = false);
    }

    /// Whether history still is this run's. One that slept so long that it was taken for dead has read less than others since.
    pub(super) fn holds_history(&self, checkpoint: &Checkpoint) -> bool {
        let held = self.held.as_ref().zip(checkpoint.claim.as_ref());
        held.is_some_and(|(held, claim)| claim.is_of(&held.token))
    }

    /// Whether another run wanted the history that this one held.
    pub(super) fn is_wanted(&self, checkpoint: &Checkpoint) -> bool {
        let mine = checkpoint.claim.as_ref().filter(|claim| self.held.as_ref().is_some_and(|h| h.token == claim.token));
        mine.is_some_and(|claim| claim.is_wanted)
    }

    /// Whether the run that held history when this one wanted it is dead: then its claim is gone, and this run's
    /// continuation reads. Answers as soon as the holder counts or ends.
    ///
    /// # Errors
    /// The table's.
    pub(super) async fn outlives_holder(&self) -> Result<bool, StoreError> {
        let Some(found) = &self.holder else { return Ok(false) };
        let is_still = |claim: Option<&Claim>| {
            claim.is_some_and(|claim| claim.is_held && (&claim.token, claim.beats) == (&found.token, found.beats))
        };
        for _ in 0..LOOKS {
            tokio::time::sleep(LOOK_EVERY).await;
            let stands = self.store.checkpoint_get(self.workspace, &self.connection.id).await?.value;
            if !is_still(stands.claim.as_ref()) {
                return Ok(false);
            }
        }
        tracing::info!("the run that read history is gone: its claim goes too");
        let free = |checkpoint: &mut Checkpoint| {
            if is_still(checkpoint.claim.as_ref()) {
                checkpoint.claim = None;
            }
        };
        let stands = self.store.checkpoint_change(self.workspace, &self.connection.id, free).await?;
        Ok(stands.claim.is_none())
    }

    /// Whether this run is to go on with history: pausing and disconnecting stop it between two windows, and so does
    /// another run that took it for dead.
    ///
    /// # Errors
    /// The table's.
    pub(super) async fn may_read_on(&self) -> Result<bool, StoreError> {
        if self.held.as_ref().is_some_and(|held| held.is_lost.load(Ordering::Relaxed)) {
            tracing::info!("another run has taken history over");
            return Ok(false);
        }
        let stands = self.store.connection_get(self.workspace).await?.map(|stands| stands.value);
        Ok(stands.is_some_and(|stands| stands.id == self.connection.id && stands.status == ConnectionStatus::Active))
    }
}
