//! The events that were published: what the bus of this machine took, and how it misbehaves when a test wants it to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

/// So many of the newest are kept; more of them would only grow.
const KEPT_MAX: usize = 1_000;

/// An event that was taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The bus's id of it: another one each time it is published.
    pub id: String,
    /// Who published it.
    pub source: String,
    /// What happened.
    pub detail_type: String,
    /// When it happened, ms since 1970, to the second as EventBridge has it; none for one that was published without.
    pub time_ms: Option<i64>,
    /// All about it.
    pub detail: Value,
}

/// What a call meets instead of an answer that all is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Status 500, and nothing is taken.
    Fails,
    /// The event at this place, from 0, is not taken: `ThrottlingException`. The others are.
    Throttles(usize),
    /// All is taken, and the answer is lost: a 500 comes instead, so whoever sent it sends it again.
    LosesAnswer,
}

/// What the bus has taken; clones share it.
#[derive(Clone, Default)]
pub struct Events(Arc<Mutex<Log>>);

#[derive(Default)]
struct Log {
    newest: VecDeque<Event>,
    total: u64,
    faults: VecDeque<Fault>,
}

impl Events {
    /// The newest thousand, in the order in which they were taken.
    #[must_use]
    pub fn newest(&self) -> Vec<Event> {
        self.locked().newest.iter().cloned().collect()
    }

    /// How many were taken in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.locked().total
    }

    /// So many calls meet this, after those that were asked for before. The SDK's own further tries are calls too: one that is
    /// to fail for good needs as many as it tries.
    pub fn misbehave(&self, fault: Fault, calls: usize) {
        self.locked().faults.extend(std::iter::repeat_n(fault, calls));
    }

    /// Forgets the faults that no call has met yet.
    pub fn behave(&self) {
        self.locked().faults.clear();
    }

    /// What the next call meets.
    pub(crate) fn next_fault(&self) -> Option<Fault> {
        self.locked().faults.pop_front()
    }

    /// Takes an event.
    pub(crate) fn take(&self, event: Event) {
        let mut log = self.locked();
        log.total += 1;
        log.newest.push_back(event);
        if log.newest.len() > KEPT_MAX {
            log.newest.pop_front();
        }
    }

    fn locked(&self) -> MutexGuard<'_, Log> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_thousand_are_kept_and_all_are_counted() {
        let events = Events::default();
        for n in 0..=KEPT_MAX {
            let (source, detail_type) = ("s".to_owned(), "t".to_owned());
            events.clone().take(Event { id: n.to_string(), source, detail_type, time_ms: None, detail: Value::Null });
        }
        let newest = events.newest();
        assert_eq!((newest.len(), newest[0].id.as_str(), events.total()), (KEPT_MAX, "1", KEPT_MAX as u64 + 1));
    }

    #[test]
    fn faults_are_met_in_the_order_in_which_they_were_asked_for() {
        let events = Events::default();
        events.misbehave(Fault::Fails, 2);
        events.misbehave(Fault::Throttles(3), 1);
        events.misbehave(Fault::LosesAnswer, 5);
        let met: Vec<_> = (0..4).filter_map(|_| events.next_fault()).collect();
        assert_eq!(met, [Fault::Fails, Fault::Fails, Fault::Throttles(3), Fault::LosesAnswer]);
        events.behave();
        assert_eq!(events.next_fault(), None);
    }
}
