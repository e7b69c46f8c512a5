//! What goes wrong on purpose. Each fault counts requests to the API: "every 3" spoils the 3rd, 6th, 9th … request, so a run can be repeated.

use serde::{Deserialize, Serialize};

use crate::random;
use crate::trouble::Trouble;

/// The faults that are switched on; zero, false and absent are off.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Every n-th request is answered 429.
    pub too_many_every: u32,
    /// With this `Retry-After`, in seconds; without one if absent.
    pub retry_after_seconds: Option<u32>,
    /// Every n-th request fails with `error_status`.
    pub error_every: u32,
    /// The status of those failures; 503 if absent.
    pub error_status: Option<u16>,
    /// Every n-th answer breaks off in the middle of its JSON with the connection.
    pub cut_every: u32,
    /// A cut answer ends cleanly, as behind a careless proxy, instead of breaking the connection.
    pub cut_cleanly: bool,
    /// Every n-th answer is an HTML page with status 200.
    pub html_every: u32,
    /// This share of the requests, in percent, is answered 403; drawn from the seed and the request's number.
    pub forbidden_percent: u32,
    /// Every n-th answer is slow.
    pub slow_every: u32,
    /// How slow, in milliseconds.
    pub slow_ms: u64,
    /// Every n-th aggregation loses half of its rows without a word.
    pub shrink_every: u32,
    /// Every n-th aggregation answers no rows at all.
    pub empty_every: u32,
    /// An empty answer has `"results": null` instead of `[]`.
    pub null_results: bool,
    /// An aggregation that touches more raw rows than this times out with 504; 0 is no cap.
    pub max_rows: u64,
    /// An aggregation over more buckets than this is refused with 400; 0 is no cap.
    pub max_buckets: u64,
    /// An aggregation that answers more bytes than this is cut off; 0 is no cap.
    pub max_bytes: u64,
    /// `token/verify` does not exist.
    pub verify_missing: bool,
    /// A key without write access may not aggregate.
    pub aggregation_needs_write: bool,
    /// The source `doNotProcessVisitors` is refused with this status.
    pub list_refused: Option<u16>,
    /// Only requests whose path holds this text are spoiled; all if absent.
    pub only_path: Option<String>,
    /// Only requests whose body holds this text are spoiled; all if absent.
    pub only_body: Option<String>,
    /// At most this many requests are spoiled; 0 is no limit.
    pub at_most: u64,
    /// This share of the requests, in percent, meets one of `troubles`; drawn from the seed, `salt` and the request's number.
    pub trouble_percent: u32,
    /// What those requests can meet.
    pub troubles: Vec<Trouble>,
    /// Another salt draws other requests.
    pub salt: u64,
}

/// What happens to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Fine,
    Status(u16),
    TooMany,
    Html,
    Cut,
    Shrink,
    Empty,
    Trouble(Trouble),
}

impl Faults {
    /// The fate of the request with this number, counted from 1.
    pub(crate) fn fate(&self, seed: u64, number: u64) -> Fate {
        let draw = random::mix(&[seed, 0xF0, number]) % 100;
        if draw < u64::from(self.forbidden_percent) {
            return Fate::Status(403);
        }
        if !self.troubles.is_empty() {
            let draw = random::mix(&[seed, self.salt, 0xF1, number]);
            if draw % 100 < u64::from(self.trouble_percent) {
                let which = usize::try_from(draw / 100).unwrap_or_default() % self.troubles.len();
                return Fate::Trouble(self.troubles[which]);
            }
        }
        let rules = [
            (self.too_many_every, Fate::TooMany),
            (self.error_every, Fate::Status(self.error_status.unwrap_or(503))),
            (self.html_every, Fate::Html),
            (self.cut_every, Fate::Cut),
            (self.empty_every, Fate::Empty),
            (self.shrink_every, Fate::Shrink),
        ];
        let met = rules.into_iter().find(|(every, _)| is_nth(*every, number));
        met.map_or(Fate::Fine, |(_, fate)| fate)
    }

    /// How long the request with this number is held back.
    pub(crate) fn delay_ms(&self, number: u64) -> u64 {
        if is_nth(self.slow_every, number) { self.slow_ms } else { 0 }
    }
}

fn is_nth(every: u32, number: u64) -> bool {
    every > 0 && number.is_multiple_of(u64::from(every))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_third_request_is_spoiled_and_no_other() {
        let faults = Faults { too_many_every: 3, ..Faults::default() };
        let spoiled: Vec<u64> = (1..=9).filter(|number| faults.fate(1, *number) == Fate::TooMany).collect();
        assert_eq!(spoiled, [3, 6, 9]);
    }

    #[test]
    fn a_share_of_forbidden_requests_is_near_its_percentage() {
        let faults = Faults { forbidden_percent: 10, ..Faults::default() };
        let met = (1..=10_000).filter(|number| faults.fate(1, *number) == Fate::Status(403)).count();
        assert!((800..1200).contains(&met), "{met}");
    }
}
