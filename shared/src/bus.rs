//! The bus of events that others may listen to. The only place that says `aws_sdk_eventbridge`.
#![expect(clippy::disallowed_types, reason = "the one room that publishes events")]

use aws_sdk_eventbridge::error::DisplayErrorContext;
use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use futures_util::future::join_all;
use serde_json::Value;
use std::ops::Range;

/// The source of every event, by which rules tell them from those of others.
pub const SOURCE: &str = "product-usage";

/// EventBridge takes so many events in one call.
const BATCH_MAX: usize = 10;
/// A call's events must have fewer bytes than this, and so must each. Many regions take more by now; all take this.
const BATCH_BYTES: usize = 256 * 1024;
/// What EventBridge counts for an event's time, however it is written.
const TIME_BYTES: usize = 14;
/// Calls under way at once.
const CALLS_MAX: usize = 4;

/// An event to publish. It names no resources: what it is about stands in its detail.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// What happened, as rules match it; EventBridge drops events with more than 128 characters here, and says that it took them.
    pub detail_type: &'static str,
    /// When it happened, ms since 1970. EventBridge keeps the second.
    pub time_ms: i64,
    /// All about it: an object.
    pub detail: Value,
}

impl Outgoing {
    /// Its size as EventBridge counts it.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size(self.detail_type, &self.detail.to_string())
    }

    /// Whether EventBridge takes an event of this size.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.bytes() < BATCH_BYTES
    }
}

/// Events could not be published.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// An event is larger than EventBridge takes. None was sent: it would never be taken, whatever is tried again.
    #[error("event {at} ({detail_type}) has {bytes} bytes; it must have fewer than {BATCH_BYTES}")]
    TooLarge {
        /// Its place among the events, from 0.
        at: usize,
        /// Its detail type.
        detail_type: &'static str,
        /// Its size as EventBridge counts it.
        bytes: usize,
    },
    /// No call was answered. Some events may have been taken all the same, by a call whose answer was lost.
    #[error("events could not be published")]
    Call(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Publishes events to one bus of EventBridge. An event arrives once or more often: who listens tells them apart by the detail.
#[derive(Clone)]
pub struct Bus {
    client: aws_sdk_eventbridge::Client,
    name: String,
}

impl Bus {
    /// Over the SDK's client and the bus's name.
    #[must_use]
    pub fn new(client: aws_sdk_eventbridge::Client, bus_name: String) -> Self {
        Self { client, name: bus_name }
    }

    /// Publishes events, at most ten in a call, and says of each whether EventBridge took it. A call is tried again by the SDK alone;
    /// an event that is refused in an answer is not sent again. Once a call fails no further ones are made, and its events and
    /// theirs count as not taken.
    ///
    /// # Errors
    /// An event is too large, or not a single call was answered.
    pub async fn publish(&self, events: &[Outgoing]) -> Result<Vec<bool>, BusError> {
        let mut entries = Vec::with_capacity(events.len());
        let mut sizes = Vec::with_capacity(events.len());
        for (at, event) in events.iter().enumerate() {
            let detail = event.detail.to_string();
            let bytes = size(event.detail_type, &detail);
            if bytes >= BATCH_BYTES {
                return Err(BusError::TooLarge { at, detail_type: event.detail_type, bytes });
            }
            sizes.push(bytes);
            entries.push(self.entry(event, detail));
        }
        let mut taken = vec![false; events.len()];
        let mut is_answered = false;
        for calls in batches(&sizes).chunks(CALLS_MAX) {
            let answers = join_all(calls.iter().map(|batch| self.put(&entries[batch.clone()]))).await;
            let mut failure = None;
            for (batch, answer) in calls.iter().zip(answers) {
                match answer {
                    Ok(of_batch) => {
                        taken[batch.clone()].copy_from_slice(&of_batch);
                        is_answered = true;
                    }
                    Err(error) => failure = Some(error),
                }
            }
            match failure {
                Some(error) if !is_answered => return Err(BusError::Call(Box::new(error))),
                Some(error) => {
                    let open = taken.iter().filter(|is_taken| !**is_taken).count();
                    tracing::warn!(error = %DisplayErrorContext(error), events = open, "events were not published");
                    break;
                }
                None => {}
            }
        }
        Ok(taken)
    }

    fn entry(&self, event: &Outgoing, detail: String) -> PutEventsRequestEntry {
        PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(SOURCE)
            .detail_type(event.detail_type)
            .time(DateTime::from_millis(event.time_ms))
            .detail(detail)
            .build()
    }

    /// One call, and of each of its events whether it was taken: the answers stand in the order of the events.
    async fn put(&self, entries: &[PutEventsRequestEntry]) -> Result<Vec<bool>, PutError> {
        let answer = self.client.put_events().set_entries(Some(entries.to_vec())).send().await?;
        // Only what has got an id is taken: an answer that leaves events out has not named them.
        let mut taken: Vec<bool> = answer.entries().iter().map(|entry| entry.event_id().is_some()).collect();
        taken.resize(entries.len(), false);
        let refused = taken.iter().filter(|is_taken| !**is_taken).count();
        if refused > 0 {
            let code = answer.entries().iter().find_map(|entry| entry.error_code());
            tracing::warn!(events = refused, code, "EventBridge did not take events");
        }
        Ok(taken)
    }
}

/// What a call fails with.
type PutError = aws_sdk_eventbridge::error::SdkError<aws_sdk_eventbridge::operation::put_events::PutEventsError>;

/// An event's size as EventBridge counts it.
fn size(detail_type: &str, detail: &str) -> usize {
    TIME_BYTES + SOURCE.len() + detail_type.len() + detail.len()
}

/// Cuts events of these sizes into calls, in their order. Each alone fits into one.
fn batches(sizes: &[usize]) -> Vec<Range<usize>> {
    let mut batches: Vec<Range<usize>> = Vec::new();
    let mut bytes = 0;
    for (at, size) in sizes.iter().enumerate() {
        match batches.last_mut() {
            Some(batch) if batch.len() < BATCH_MAX && bytes + size < BATCH_BYTES => {
                batch.end = at + 1;
                bytes += size;
            }
            _ => {
                batches.push(at..at + 1);
                bytes = *size;
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_batch_ends_at_ten_events_or_below_256_kilobytes() {
        let lengths = |sizes: &[usize]| batches(sizes).iter().map(ExactSizeIterator::len).collect::<Vec<_>>();
        assert_eq!(lengths(&[]), [0; 0]);
        assert_eq!(lengths(&[100]), [1]);
        assert_eq!(lengths(&[100; 10]), [10]);
        assert_eq!(lengths(&[100; 21]), [10, 10, 1]);
        let half = BATCH_BYTES / 2;
        assert_eq!(lengths(&[half, half]), [1, 1], "exactly the limit is too much");
        assert_eq!(lengths(&[half, half - 1, 1, 1]), [2, 2]);
        assert_eq!(lengths(&[BATCH_BYTES - 1, 1, BATCH_BYTES - 1]), [1, 1, 1]);
    }

    proptest! {
        #[test]
        fn batches_hold_each_event_once_and_none_is_too_much(sizes in proptest::collection::vec(1..BATCH_BYTES, 0..60)) {
            let mut next = 0;
            for batch in batches(&sizes) {
                prop_assert!(batch.start == next && !batch.is_empty() && batch.len() <= BATCH_MAX);
                prop_assert!(sizes[batch.clone()].iter().sum::<usize>() < BATCH_BYTES);
                next = batch.end;
            }
            prop_assert_eq!(next, sizes.len());
        }
    }

    #[test]
    fn an_events_size_is_that_of_its_texts_in_utf_8_and_fourteen_bytes_for_its_time() {
        let event = Outgoing { detail_type: "Größe", time_ms: 0, detail: json!({"é": 1}) };
        assert_eq!(event.bytes(), 14 + 13 + 7 + 8);
        let sized = |bytes: usize| Outgoing {
            detail_type: "t",
            time_ms: 0,
            detail: json!({"a": "x".repeat(bytes - 14 - 13 - 1 - 8)}),
        };
        assert_eq!(sized(1_000).bytes(), 1_000);
        assert!(sized(BATCH_BYTES - 1).fits());
        assert!(!sized(BATCH_BYTES).fits());
    }

    /// A bus that nobody serves.
    fn nowhere() -> Bus {
        let config = aws_sdk_eventbridge::Config::builder()
            .behavior_version(aws_sdk_eventbridge::config::BehaviorVersion::latest())
            .region(aws_sdk_eventbridge::config::Region::new("us-east-1"))
            .credentials_provider(aws_sdk_eventbridge::config::Credentials::new("a", "b", None, None, "tests"))
            .retry_config(aws_sdk_eventbridge::config::retry::RetryConfig::disabled())
            .endpoint_url("http://127.0.0.1:1")
            .build();
        Bus::new(aws_sdk_eventbridge::Client::from_conf(config), "bus".to_owned())
    }

    #[tokio::test]
    async fn an_event_that_is_too_large_is_named_before_anything_is_sent() {
        let small = Outgoing { detail_type: "small", time_ms: 0, detail: json!({}) };
        let large = Outgoing { detail_type: "large", detail: json!({"a": "x".repeat(BATCH_BYTES)}), ..small.clone() };
        let error = nowhere().publish(&[small.clone(), large, small]).await.unwrap_err();
        assert!(matches!(error, BusError::TooLarge { at: 1, detail_type: "large", .. }), "{error}");
        assert_eq!(error.to_string(), "event 1 (large) has 262184 bytes; it must have fewer than 262144");
    }

    #[tokio::test]
    async fn no_event_needs_no_call_and_a_bus_that_can_t_be_reached_is_an_error() {
        assert_eq!(nowhere().publish(&[]).await.unwrap(), [false; 0]);
        let event = Outgoing { detail_type: "t", time_ms: 0, detail: json!({}) };
        assert!(matches!(nowhere().publish(&[event]).await, Err(BusError::Call(_))));
    }
}
