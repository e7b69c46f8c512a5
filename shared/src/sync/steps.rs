//! The steps of a run: what happens after what.

use super::batch::Batch;
use super::checkpoint::{Checkpoint, KindState, PeopleState};
use super::evaluate::Moment;
use super::history::{self, Reach};
use super::probe::{Probe, Recent};
use super::recomputing::{self, Recomputing};
use super::rewrites::{Replaced, Taken};
use super::run::{Run, RunEnd, SyncError};
use super::tags::Edit;
use super::{compact, erase, points, reconcile};
use crate::context::Context;
use crate::id::Kind;
use crate::pendo::PendoError;
use crate::planted::planted;
use crate::turns::take_turn;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

impl Run<'_> {
    /// Does the work; answers whether all of it is done and right, and how the run ended.
    ///
    /// # Errors
    /// What stopped the whole run.
    pub(super) async fn steps(&mut self) -> Result<(bool, RunEnd), SyncError> {
        let checkpoint = self.store.checkpoint_get(self.workspace, &self.connection.id).await?.value;
        // Where Pendo does not give its people, usage is stored with those that are known.
        let (mut people, unread) = match self.people(&checkpoint).await {
            Ok(people) => (people, None),
            Err(SyncError::Pendo(error)) if !matches!(error, PendoError::Unauthorized { .. }) => {
                (PeopleState { error: Some(error.to_string()), ..checkpoint.people.clone() }, Some(error))
            }
            Err(error) => return Err(error),
        };
        let erased = erase::settle(self, &mut people).await?;
        let kinds: BTreeSet<Kind> = self.fields.iter().filter_map(|field| field.definition.kind()).collect();
        if kinds.is_empty() {
            if let Some(error) = unread {
                return Err(error.into());
            }
            people.erased_in = erased.unwrap_or(people.erased_in);
            self.store.checkpoint_change(self.workspace, &self.connection.id, |c| c.people = people.clone()).await?;
            if let Some(layout) = self.store.layout_get(self.workspace, &self.connection.id).await? {
                compact::keep_house(self, layout, &checkpoint).await?;
            }
            return Ok((true, RunEnd::Done));
        }

        // Plan: one probe per kind. A kind that fails keeps its place and stops nobody else.
        let mut probes: BTreeMap<Kind, Probe> = BTreeMap::new();
        let mut errors: BTreeMap<Kind, String> = BTreeMap::new();
        let mut edits: BTreeMap<Kind, Option<Edit>> = BTreeMap::new();
        let mut silence = None;
        let mut wanting: BTreeSet<Kind> = BTreeSet::new();
        // History that Pendo is recomputing can wait: what it shows meanwhile means nothing.
        let is_recomputing = recomputing::is_under_way(checkpoint.recomputing);
        // Names of track types are those of properties' kinds too.
        if kinds.iter().any(|kind| kind.is_properties()) && !kinds.contains(&Kind::Track) {
            self.catalogue(Kind::Track, &KindState::default()).await?;
        }
        for kind in &kinds {
            let state = checkpoint.kinds.get(kind).cloned().unwrap_or_default();
            let edit = self.catalogue(*kind, &state).await?;
            wanting.extend((self.wants_history(&state, edit.as_ref()) && !is_recomputing).then_some(*kind));
            edits.insert(*kind, edit);
        }
        // One run reads history; the others serve the trailing hours of what is covered already.
        let is_claimed = !wanting.is_empty() && self.claim_history().await?;
        for kind in &kinds {
            let state = checkpoint.kinds.get(kind).cloned().unwrap_or_default();
            let reads_history = is_claimed && wanting.contains(kind);
            if !reads_history && !self.may_trail(&state) {
                continue;
            }
            match self.probe(*kind, &state, reads_history).await {
                Ok(probe) => drop(probes.insert(*kind, probe)),
                Err(error @ PendoError::Unauthorized { .. }) => return Err(error.into()),
                Err(error) => {
                    silence = error.is_outage().then(|| error.to_string()).or(silence);
                    errors.insert(*kind, error.to_string());
                }
            }
        }
        self.outage = silence.filter(|_| probes.is_empty());
        if let (Some(error), Some(_)) = (unread, &self.outage) {
            return Err(error.into());
        }
        let newest: BTreeMap<Kind, i64> = probes.iter().map(|(kind, probe)| (*kind, probe.newest_ms())).collect();
        let mut is_left = is_recomputing || (!wanting.is_empty() && !is_claimed);
        let Some(layout) = self.layout(&probes).await? else {
            let failed = |checkpoint: &mut Checkpoint| {
                checkpoint.people = people.clone();
                for (kind, error) in &errors {
                    checkpoint.kinds.entry(*kind).or_default().error = Some(error.clone());
                }
            };
            self.store.checkpoint_change(self.workspace, &self.connection.id, failed).await?;
            return Ok((false, RunEnd::Done));
        };
        // Is everything gone at once? Then nothing that stands is given up, and history is left for a later run.
        let is_gone = self.is_all_gone(layout, &probes, &checkpoint).await?;
        let seen = Recomputing::after(checkpoint.recomputing, is_gone == Some(true), true, self.as_of);
        let is_recomputing = recomputing::is_under_way(seen);
        if is_recomputing {
            is_left = true;
            probes.retain(|_, probe| matches!(probe, Probe::Recent(_)));
        }
        // Fetch and prove the trailing hours of all kinds, then store and evaluate them in one move per shard.
        let mut batch = Batch::default();
        let mut recents: BTreeMap<Kind, Recent> = BTreeMap::new();
        let mut shards = self.sink(layout).heads().await?;
        for (kind, probe) in &probes {
            if let Probe::Recent(trailing) = probe {
                let state = checkpoint.kinds.get(kind).cloned().unwrap_or_default();
                match self.recent(*kind, trailing, layout, &mut shards, (&state, is_recomputing)).await {
                    Ok(mut recent) => {
                        batch.append(std::mem::take(&mut recent.batch));
                        self.source(layout).make_room(&mut batch).await?;
                        recents.insert(*kind, recent);
                    }
                    Err(SyncError::Pendo(error)) if !matches!(error, PendoError::Unauthorized { .. }) => {
                        errors.insert(*kind, error.to_string());
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        drop(shards);
        // A kind whose rows did not arrive is evaluated up to where it stands: its checkpoint says the same.
        let as_of = kinds.iter().filter_map(|kind| {
            let stands = checkpoint.kinds.get(kind).and_then(|state| state.as_of);
            Some((
                *kind,
                if probes.contains_key(kind) && !errors.contains_key(kind) { Some(self.as_of) } else { stands }?,
            ))
        });
        let moment = Moment::of(&self.connection, as_of.collect());
        let proofs: Vec<(Kind, i32, bool)> =
            batch.buckets.iter().map(|((kind, hour), bucket)| (*kind, hour.0, bucket.is_verified)).collect();
        if planted!(CheckpointFirst) {
            let (kinds, as_of) = (recents.keys(), self.as_of);
            let vouch = |checkpoint: &mut Checkpoint| {
                kinds.clone().for_each(|kind| checkpoint.kinds.entry(*kind).or_default().as_of = Some(as_of));
            };
            self.store.checkpoint_change(self.workspace, &self.connection.id, vouch).await?;
        }
        let step = Instant::now();
        let (taken, spoiled) = match self.sink(layout).store(&batch, Some(&moment)).await {
            Err(error) if error.is_of_one_item() => (Taken::default(), Some(error)),
            stored => (stored?, None),
        };
        drop(batch);
        self.spend("store", step);
        let step = Instant::now();
        // The homes that a spoiled item does not concern are served; nobody is told that all were.
        let evaluated = self.sink(layout).evaluate_due(&moment).await;
        spoiled.map_or(evaluated, Err)?;
        self.spend("evaluate", step);
        let (as_of, known) = (self.as_of, |kind: &Kind| checkpoint.kinds.get(kind));
        let nothing = KindState::default();
        let replaced = |(kind, recent): (&Kind, &Recent)| {
            (*kind, Replaced::of(&taken, *kind, known(kind).unwrap_or(&nothing), &recent.believed, None))
        };
        let replaced: BTreeMap<Kind, Replaced> = recents.iter().map(replaced).collect();
        let reached = self
            .store
            .checkpoint_change(self.workspace, &self.connection.id, |checkpoint| {
                checkpoint.people = people.clone();
                for (kind, edit) in &edits {
                    let before = known(kind).and_then(|state| state.edit.as_ref());
                    checkpoint.kinds.entry(*kind).or_default().follow(before, edit.as_ref());
                }
                for (kind, recent) in &recents {
                    checkpoint.kinds.entry(*kind).or_default().take(recent, &replaced[kind], as_of);
                }
                for (kind, newest_ms) in &newest {
                    let state = checkpoint.kinds.entry(*kind).or_default();
                    state.newest_ms = state.newest_ms.max(*newest_ms);
                }
                for (kind, hour, is_verified) in &proofs {
                    let unverified = &mut checkpoint.kinds.entry(*kind).or_default().unverified;
                    if *is_verified {
                        unverified.remove(hour)
                    } else {
                        unverified.insert(*hour)
                    };
                }
                for (kind, error) in &errors {
                    checkpoint.kinds.entry(*kind).or_default().error = Some(error.clone());
                }
                checkpoint.saw_gone(is_gone, &kinds, as_of);
            })
            .await?;

        // History: what a first mapping or the weekly pass asks for, newest first.
        let reads_history = probes.values().any(|probe| matches!(probe, Probe::History(_)));
        for (kind, probe) in probes {
            if let Probe::History(past) = probe {
                match Box::pin(history::read(self, layout, kind, &past, &moment)).await {
                    Ok(Reach::All) => {}
                    Ok(Reach::TimeUp) => return Ok((false, RunEnd::Continues)),
                    Ok(Reach::Stopped) => return Ok((false, RunEnd::Skipped)),
                    Err(SyncError::Pendo(error)) if !matches!(error, PendoError::Unauthorized { .. }) => {
                        let text = error.to_string();
                        self.store
                            .checkpoint_change(self.workspace, &self.connection.id, |checkpoint| {
                                checkpoint.kinds.entry(kind).or_default().error = Some(text.clone());
                            })
                            .await?;
                        errors.insert(kind, text);
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        // An earlier run may have compared history and died before it counted whose the rows are.
        let is_owed = kinds
            .iter()
            .filter_map(|kind| reached.kinds.get(kind))
            .any(|state| state.attributed_at != state.compared_at);
        if reads_history || is_owed || erased.is_some() {
            let step = Instant::now();
            reconcile::attribute(&self.sink(layout), &moment, erased).await?;
            self.spend("reconcile", step);
        }
        let step = Instant::now();
        Box::pin(points::keep_points(self, layout, &checkpoint)).await?;
        self.spend("points", step);
        let step = Instant::now();
        let context = Context { store: self.store.clone(), ..self.context.clone() };
        Box::pin(take_turn(&context, self.workspace)).await?;
        self.spend("signals", step);
        let step = Instant::now();
        compact::keep_house(self, layout, &checkpoint).await?;
        self.spend("compact", step);
        Ok((errors.is_empty() && people.error.is_none() && !is_left, RunEnd::Done))
    }
}
