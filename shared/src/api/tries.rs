//! Tries of keys, workspace by workspace: whoever lets Pendo refuse one key after the other has to wait.
//!
//! Counted in the memory of a warm process, so that a refused key still changes nothing that is stored. Of several processes
//! each counts by itself; how many there can be is bounded by the rate that the gateway gives the route.

use super::Problem;
use crate::id::WorkspaceId;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Tries of a workspace in a minute that Pendo has not taken yet.
pub const TRIES_MAX: usize = 10;
const MINUTE_MS: i64 = 60_000;
/// Workspaces at which those are forgotten that have not tried for a minute.
const WORKSPACES_MAX: usize = 10_000;

/// The times of tries that are under way or were refused, ms since 1970, of each workspace.
#[derive(Debug, Default)]
pub struct Tries(Mutex<HashMap<WorkspaceId, Vec<i64>>>);

impl Tries {
    /// Notes that a workspace tries a key.
    ///
    /// # Errors
    /// 429 with `Retry-After` when it has tried too many within a minute.
    pub fn begin(&self, workspace: &WorkspaceId, now_ms: i64) -> Result<(), Problem> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A time that is still to come was noted by a clock that has gone back since.
        let is_recent = |at_ms: &i64| *at_ms > now_ms - MINUTE_MS && *at_ms <= now_ms;
        if all.len() >= WORKSPACES_MAX {
            all.retain(|_, times| times.iter().any(is_recent));
        }
        let times = all.entry(workspace.clone()).or_default();
        times.retain(is_recent);
        if let Some(first) = times.first().filter(|_| times.len() >= TRIES_MAX) {
            let seconds = u16::try_from((first + MINUTE_MS - now_ms).unsigned_abs().div_ceil(1000)).unwrap_or(u16::MAX);
            let detail = format!(
                "This workspace has tried {TRIES_MAX} keys within a minute: check the key at Pendo, and try again in {seconds} seconds."
            );
            return Err(Problem::too_many(detail, seconds));
        }
        times.push(now_ms);
        Ok(())
    }

    /// Takes back a try that Pendo has taken.
    pub fn succeeded(&self, workspace: &WorkspaceId, began_ms: i64) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(times) = all.get_mut(workspace) {
            if let Some(at) = times.iter().position(|time| *time == began_ms) {
                times.remove(at);
            }
            if times.is_empty() {
                all.remove(workspace);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU16;

    #[test]
    fn the_eleventh_try_of_a_minute_waits_and_nobody_else_does() {
        let (tries, one, other) = (Tries::default(), WorkspaceId::parse("one").unwrap(), WorkspaceId::parse("other"));
        (0..10).for_each(|n| tries.begin(&one, n).unwrap());
        let refused = tries.begin(&one, 20_000).unwrap_err();
        assert_eq!((refused.status, refused.retry_after.map(NonZeroU16::get)), (429, Some(40)), "{}", refused.detail);
        tries.begin(&other.unwrap(), 20_000).unwrap();
        tries.begin(&one, 60_000).unwrap();
        assert_eq!(tries.begin(&one, 60_000).unwrap_err().status, 429, "only the first one is a minute old");
        tries.begin(&one, -1).unwrap();
    }

    #[test]
    fn a_key_that_pendo_takes_is_no_try() {
        let (tries, one) = (Tries::default(), WorkspaceId::parse("one").unwrap());
        for n in 0..100 {
            tries.begin(&one, n).unwrap();
            tries.succeeded(&one, n);
        }
        assert!(tries.0.lock().unwrap().is_empty());
    }
}
