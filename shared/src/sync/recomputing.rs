//! When all usage of every kind is gone at once: Pendo recomputes its history, as it does for hours after a change of the
//! subscription's time zone. Hours are UTC hours in every zone, so the same rows come back. Nothing is overwritten until three
//! readings agree, and what comes back later is read again.

use super::checkpoint::Checkpoint;
use super::plan;
use super::probe::{Past, Probe, Trailing};
use super::quarantine::READS_THAT_AGREE;
use super::run::Run;
use super::tags::TAGGED;
use crate::id::Kind;
use crate::store::{Layout, StoreError};
use crate::time::{Hour, HourRange, to_the_second};
use crate::usage::fingerprint::Fingerprint;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Pendo says hours. What happened longer ago than this is not called by this name any more.
const HOURS_MAX: i32 = 72;
/// Runs, in hours that follow each other, that must have seen it before it is called by its name: one could be a bad answer.
const RUNS_MIN: u32 = 2;

/// A time in which Pendo shows nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recomputing {
    /// The run that saw it first.
    pub seen_at: Hour,
    /// The last run that saw nothing.
    pub last_seen_at: Hour,
    /// How many hours' runs saw nothing.
    pub runs: u32,
    /// Whether the last run saw some of it again, while days were still held back. From then on each day is held and believed as
    /// always: what does not come back may be gone for good.
    pub is_partly_back: bool,
    /// The run that found everything back, with the same hours.
    pub back_at: Option<Hour>,
}

impl Recomputing {
    /// What stands after a run that saw everything gone or not; `is_held` while days are held back.
    #[must_use]
    pub fn after(before: Option<Self>, is_gone: bool, is_held: bool, as_of: Hour) -> Option<Self> {
        match before {
            Some(open) if open.back_at.is_none() => match (is_gone, is_held) {
                (true, _) => {
                    let runs = open.runs + u32::from(as_of > open.last_seen_at);
                    Some(Self { runs, last_seen_at: as_of.max(open.last_seen_at), is_partly_back: false, ..open })
                }
                (false, true) => Some(Self { is_partly_back: true, ..open }),
                (false, false) => {
                    let came_back = open.is_recognised() && open.is_recent(as_of);
                    came_back.then_some(Self { back_at: Some(as_of), ..open })
                }
            },
            _ if is_gone => {
                Some(Self { seen_at: as_of, last_seen_at: as_of, runs: 1, is_partly_back: false, back_at: None })
            }
            over => over,
        }
    }

    /// Whether what stands is kept, whatever Pendo shows.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        self.back_at.is_none() && !self.is_partly_back && !self.is_believed()
    }

    /// Whether so many runs saw nothing that nothing is what stands now.
    fn is_believed(&self) -> bool {
        self.runs >= READS_THAT_AGREE
    }

    fn is_recent(&self, as_of: Hour) -> bool {
        as_of.0 - self.seen_at.0 < HOURS_MAX
    }

    /// Whether it is called by its name.
    #[must_use]
    pub fn is_recognised(&self) -> bool {
        self.runs >= RUNS_MIN
    }

    /// What it means, for people.
    #[must_use]
    pub fn meaning(&self) -> String {
        let since = to_the_second(self.seen_at.start_ms());
        if let Some(back_at) = self.back_at {
            let back_at = to_the_second(back_at.start_ms());
            let kept = if self.is_believed() {
                "Its trailing days were read anew"
            } else {
                "Nothing was overwritten meanwhile"
            };
            return format!(
                "From {since} to {back_at} Pendo showed no usage at all, then the same hours again: its time zone was changed, or it \
                 recomputed its history for another reason. {kept}"
            );
        }
        let looks_like = format!(
            "Since {since} all usage is gone from Pendo at once: that is what a change of the subscription's time zone looks like \
             while Pendo recomputes its history, which takes hours"
        );
        if self.is_partly_back {
            return format!(
                "{looks_like}. Some of it is back; of the rest what was read before is served until {READS_THAT_AGREE} readings at least an \
                 hour apart agree"
            );
        }
        if self.is_believed() {
            return format!(
                "{looks_like}. {READS_THAT_AGREE} readings at least an hour apart agreed, so the trailing days are shown as Pendo has \
                 them; what comes back is read again by itself"
            );
        }
        format!(
            "{looks_like}. What was read before is served and nothing of it is overwritten until {READS_THAT_AGREE} readings at \
             least an hour apart agree"
        )
    }
}

/// Whether what stands is kept now.
#[must_use]
pub fn is_under_way(recomputing: Option<Recomputing>) -> bool {
    recomputing.is_some_and(|recomputing| recomputing.is_under_way())
}

/// Whether the kinds whose usage is gone are all that something stood of: several, or one that no tag changes.
fn is_telling(gone: &[Kind]) -> bool {
    gone.len() > 1 || gone.iter().any(|kind| !TAGGED.contains(kind))
}

impl Checkpoint {
    /// Notes whether a run saw everything gone; `None` when no kind was heard of.
    pub(super) fn saw_gone(&mut self, is_gone: Option<bool>, kinds: &BTreeSet<Kind>, as_of: Hour) {
        let Some(is_gone) = is_gone else { return };
        let is_held = kinds.iter().filter_map(|kind| self.kinds.get(kind)).any(|state| !state.quarantine.is_empty());
        self.recomputing = Recomputing::after(self.recomputing, is_gone, is_held, as_of);
    }
}

impl Run<'_> {
    /// Looks whether all that stood in the trailing days is gone from Pendo; `None` when no kind was heard of.
    ///
    /// # Errors
    /// The table's.
    pub(super) async fn is_all_gone(
        &self,
        layout: Layout,
        probes: &BTreeMap<Kind, Probe>,
        checkpoint: &Checkpoint,
    ) -> Result<Option<bool>, StoreError> {
        if probes.is_empty() {
            return Ok(None);
        }
        let from = self.trailing_from();
        let read_until = |kind: &Kind| checkpoint.kinds.get(kind).and_then(|state| state.as_of).unwrap_or(from);
        let shows_any = |(kind, probe): (&Kind, &Probe)| match probe {
            Probe::Recent(Trailing { found, .. }) => has_events(found, from..read_until(kind).max(from)),
            Probe::History(Past { found, .. }) => has_events(found, from..self.as_of),
        };
        if probes.iter().any(shows_any) {
            return Ok(Some(false));
        }
        let mut shards = self.sink(layout).heads().await?;
        let mut gone = Vec::new();
        for kind in probes.keys() {
            let range = HourRange { from, to: read_until(kind) };
            for shard in &mut shards {
                self.store.shard_load(shard, range).await?;
            }
            let stood = plan::stored(&shards, *kind, range);
            gone.extend(stood.values().any(|bucket| !bucket.whole.is_empty()).then_some(*kind));
        }
        // Once nothing is what stands, it is still gone.
        let stays_gone = checkpoint.recomputing.is_some_and(|open| open.back_at.is_none() && open.is_believed());
        Ok(Some(stays_gone || is_telling(&gone)))
    }
}

fn has_events(found: &BTreeMap<Hour, Fingerprint>, range: Range<Hour>) -> bool {
    found.range(range).any(|(_, totals)| totals.events > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_kinds_at_once_or_one_that_no_tag_changes() {
        assert!(is_telling(&[Kind::Page, Kind::Feature]) && is_telling(&[Kind::Event]));
        assert!(!is_telling(&[Kind::Page]), "its tags may have been edited");
        assert!(!is_telling(&[]), "nothing stood");
    }

    #[test]
    fn it_ends_when_everything_is_back() {
        let first = Recomputing::after(None, true, true, Hour(10)).unwrap();
        assert!(first.is_under_way() && !first.is_recognised());
        assert_eq!(Recomputing::after(Some(first), false, false, Hour(11)), None, "one bad answer");
        let again = Recomputing::after(Some(first), true, true, Hour(10)).unwrap();
        assert_eq!(again.runs, 1, "the same hour");
        let second = Recomputing::after(Some(first), true, true, Hour(11)).unwrap();
        assert!(second.is_recognised() && second.is_under_way());
        let partly = Recomputing::after(Some(second), false, true, Hour(12)).unwrap();
        assert!(
            !partly.is_under_way() && partly.meaning().contains("Some of it is back"),
            "the rest may be gone for good"
        );
        assert!(!Recomputing::after(Some(partly), true, true, Hour(13)).unwrap().is_partly_back);
        let back = Recomputing::after(Some(partly), false, false, Hour(13)).unwrap();
        assert_eq!((back.back_at, back.is_under_way()), (Some(Hour(13)), false));
        assert_eq!(Recomputing::after(Some(back), false, false, Hour(99)), Some(back), "the last one is remembered");
        assert_eq!(Recomputing::after(Some(back), true, true, Hour(99)).unwrap().seen_at, Hour(99));
        assert_eq!(Recomputing::after(Some(partly), false, false, Hour(90)), None, "it did not come back");
    }

    #[test]
    fn three_hours_runs_that_saw_nothing_are_believed() {
        let seen = (10..13).fold(None, |before, hour| Recomputing::after(before, true, true, Hour(hour))).unwrap();
        assert!(seen.is_recognised() && !seen.is_under_way() && seen.meaning().contains("agreed"));
        let back = Recomputing::after(Some(seen), false, false, Hour(13)).unwrap();
        assert!(back.back_at == Some(Hour(13)) && back.meaning().contains("read anew"));
    }
}
