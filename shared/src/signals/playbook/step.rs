//! One look at one object: who leaves, who enters, who met the objective.

use super::memory::Eligible;
use super::{Enrolment, Memory, Playbook};
use crate::id::SignalId;
use crate::signals::condition::{Because, Condition, Truth, Verdict};
use crate::signals::event::{By, Change, What};
use crate::signals::sight::{Edge, Owed, Sight, Turn};

/// An entry that comes to its end by the calendar: nothing was compared.
const NO_COMPARISON: Vec<Because> = Vec::new();

impl Playbook {
    /// Whether a step would enrol the object, or hold it out by lot: what a run counts before it knows whether it goes over the
    /// cap.
    #[must_use]
    pub fn wants(&self, memory: &Memory, sight: &Sight<'_>) -> bool {
        let mut after = memory.clone();
        self.advance(&mut after, sight, false, true);
        after.next_number() > memory.next_number()
    }

    /// Looks at one object again: exit before entry, and each at most once. Where it `may_enter` not, because the run went over
    /// the cap, an entry is noted for release. A step that is repeated changes nothing.
    pub fn step(
        &self,
        id: &SignalId,
        object_id: &str,
        memory: &mut Memory,
        sight: &Sight<'_>,
        may_enter: bool,
    ) -> Vec<Change> {
        self.advance(memory, sight, self.is_held_out(id, object_id), may_enter)
    }

    fn advance(&self, memory: &mut Memory, sight: &Sight<'_>, is_held_out: bool, may_enter: bool) -> Vec<Change> {
        let mut changes = Vec::new();
        let entered = self.look_at_entry(memory, sight);
        let has_open = memory.open().is_some();
        let left = rise(self.exit.as_ref(), &mut memory.exit, sight, has_open);
        let awaits = memory.awaiting(sight.day).next().is_some();
        rise(self.objective.as_ref(), &mut memory.objective, sight, awaits);
        if !sight.is_rebased {
            if memory.objective.owed.is_none() {
                changes.extend(self.meet(memory, sight));
            }
            if let Some(because) = left.or_else(|| self.is_over(memory, sight).then_some(NO_COMPARISON)) {
                changes.extend(leave(memory, sight, By::Behaviour, because));
            }
            self.enter(memory, sight, entered, is_held_out, may_enter, &mut changes);
        }
        memory.settle(self, sight.day);
        changes
    }

    /// Why it came to meet segment and entry, if it did so by behaviour.
    fn look_at_entry(&self, memory: &mut Memory, sight: &Sight<'_>) -> Option<Vec<Because>> {
        let Some(verdict) = self.entering(sight) else {
            memory.entry = Edge::default();
            memory.pending = None;
            return None;
        };
        let rose = rise_of(verdict, &mut memory.entry, sight, self.takes_standing);
        if memory.entry.known == Some(false) {
            memory.pending = None;
        }
        rose
    }

    /// What segment and entry come to together; nothing where people enrol by hand only.
    pub(super) fn entering(&self, sight: &Sight<'_>) -> Option<Verdict> {
        let entry = sight.of(self.entry.as_ref()?);
        let Some(segment) = &self.segment else { return Some(entry) };
        let segment = sight.of(segment);
        Some(match (segment.truth, entry.truth) {
            (Truth::True, _) if entry.truth != Truth::True => entry,
            (Truth::True, _) => {
                Verdict { truth: Truth::True, because: segment.because.into_iter().chain(entry.because).collect() }
            }
            (_, Truth::False) => entry,
            _ => segment,
        })
    }

    fn enter(
        &self,
        memory: &mut Memory,
        sight: &Sight<'_>,
        rose: Option<Vec<Because>>,
        is_held_out: bool,
        may_enter: bool,
        changes: &mut Vec<Change>,
    ) {
        let eligible = memory.eligible(self, sight.day);
        let because = match (eligible, rose) {
            (Eligible::No, _) | (Eligible::Later, None) => return,
            (Eligible::Later, Some(_)) => {
                memory.pending = Some(sight.day);
                return;
            }
            (Eligible::Yes, Some(because)) => because,
            // It came to meet the entry while it cooled down, and must still do so.
            (Eligible::Yes, None) if memory.pending.is_some() => match self.entering(sight) {
                Some(Verdict { truth: Truth::True, because }) => because,
                _ => return,
            },
            (Eligible::Yes, None) => return,
        };
        if may_enter {
            changes.extend(self.begin(memory, sight, By::Behaviour, is_held_out, because));
        } else {
            memory.pending = None;
            memory.entry.owed = Some(Owed { rose: true, day: sight.day });
        }
    }

    /// Begins an entry. What of exit and objective already holds is where it starts from: such an exit must come to hold
    /// anew, such an objective is met at once.
    pub(super) fn begin(
        &self,
        memory: &mut Memory,
        sight: &Sight<'_>,
        by: By,
        is_held_out: bool,
        because: Vec<Because>,
    ) -> Vec<Change> {
        let entry = memory.next_number();
        memory.pending = None;
        memory.entry.owed = None;
        let exit = self.exit.as_ref().map(|exit| sight.of(exit).truth);
        let known = exit.filter(|truth| *truth != Truth::Unknown).map(|truth| truth == Truth::True);
        let known = known.or(memory.exit.known).or(exit.map(|_| false));
        memory.exit = Edge { known, owed: None };
        let objective = self.objective.as_ref().map(|objective| sight.of(objective));
        if objective.as_ref().is_some_and(|objective| objective.truth != Truth::True) {
            memory.objective.known.get_or_insert(false);
        }
        let met = objective.filter(|objective| objective.truth == Truth::True);
        memory.add(Enrolment {
            entry,
            on: sight.day,
            at_ms: sight.at_ms,
            by,
            is_held_out,
            exited: None,
            met: met.as_ref().map(|_| sight.day),
        });
        if is_held_out {
            return vec![Change { what: What::PlaybookHeldOut { entry }, because }];
        }
        let entered = Change { what: What::PlaybookEntered { entry, by }, because };
        let met = met.map(|met| Change { what: What::PlaybookMetObjective { entry }, because: met.because });
        [entered].into_iter().chain(met).collect()
    }

    /// Notes that the objective was met, for every entry that waits for it, if it holds.
    pub(super) fn meet(&self, memory: &mut Memory, sight: &Sight<'_>) -> Vec<Change> {
        let objective = self.objective.as_ref().map(|objective| sight.of(objective));
        let Some(Verdict { truth: Truth::True, because }) = objective else { return Vec::new() };
        let mut changes = Vec::new();
        for entry in memory.awaiting(sight.day) {
            entry.met = Some(sight.day);
            if !entry.is_held_out {
                let what = What::PlaybookMetObjective { entry: entry.entry };
                changes.push(Change { what, because: because.clone() });
            }
        }
        changes
    }

    fn is_over(&self, memory: &Memory, sight: &Sight<'_>) -> bool {
        let days = memory.open().map(|open| i64::from(sight.day) - i64::from(open.on));
        days.zip(self.exit_after_days).is_some_and(|(days, most)| days >= i64::from(most))
    }
}

/// Ends the open entry.
pub(super) fn leave(memory: &mut Memory, sight: &Sight<'_>, by: By, because: Vec<Because>) -> Option<Change> {
    let open = memory.open_mut()?;
    open.exited = Some(sight.day);
    let what = What::PlaybookExited { entry: open.entry, by };
    (!open.is_held_out).then_some(Change { what, because })
}

/// Why a condition came to hold, if it did so by behaviour. Where an entry waits for it, one that was never known before is
/// taken for one that did not hold, so that it is not lost.
fn rise(
    condition: Option<&Condition>,
    edge: &mut Edge,
    sight: &Sight<'_>,
    is_waited_for: bool,
) -> Option<Vec<Because>> {
    let Some(condition) = condition else {
        *edge = Edge::default();
        return None;
    };
    rise_of(sight.of(condition), edge, sight, is_waited_for)
}

fn rise_of(verdict: Verdict, edge: &mut Edge, sight: &Sight<'_>, takes_first: bool) -> Option<Vec<Because>> {
    if takes_first {
        edge.known.get_or_insert(false);
    }
    let turn = edge.look(verdict, sight);
    // Nothing follows when these conditions cease to hold, so nothing is owed for that; and when they come to hold again by
    // behaviour, that counts.
    edge.owed = edge.owed.filter(|owed| owed.rose);
    match turn {
        Turn::Rose(because) => Some(because),
        Turn::None | Turn::Fell => None,
    }
}
