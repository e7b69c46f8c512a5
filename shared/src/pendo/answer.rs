//! Aggregations: one question, whose answer is taken piece by piece, so that whoever takes it can make room in between.

use super::client::incomplete;
use super::decode::{FrameError, Splitter};
use super::{Client, PendoError};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::SemaphorePermit;

/// Pendo ends an aggregation after 5 minutes; a little longer, so that its own answer arrives.
const AGGREGATION_TIMEOUT: Duration = Duration::from_secs(310);
/// The longest answer of an aggregation, unpacked: several times an hour of a million rows.
const ANSWER_BYTES_MAX: u64 = 2 << 30;

/// An answer on its way.
pub struct Answer<'a> {
    client: &'a Client,
    response: reqwest::Response,
    splitter: Splitter,
    received: u64,
    _room: Option<SemaphorePermit<'a>>,
}

impl Client {
    /// Sends an aggregation; its rows are taken with [`Answer::more`].
    ///
    /// # Errors
    /// Pendo's.
    pub async fn ask(&self, pipeline: &serde_json::Value) -> Result<Answer<'_>, PendoError> {
        let body = serde_json::json!({
            "response": {"mimeType": "application/json"},
            "request": {"requestId": "usage-sync", "pipeline": pipeline},
        });
        let is_usage = pipeline.pointer("/0/source").and_then(|source| source.get("timeSeries")).is_some();
        if is_usage {
            self.traffic.usage_requests.fetch_add(1, Ordering::Relaxed);
        }
        let room = self.pace.room().await;
        let response = self.send("/api/v1/aggregation", AGGREGATION_TIMEOUT, Some(&body)).await?;
        Ok(Answer { client: self, response, splitter: Splitter::default(), received: 0, _room: room })
    }

    /// Runs an aggregation and hands each row's JSON to `on_row` as it arrives; answers the number of rows.
    ///
    /// # Errors
    /// Pendo's; [`PendoError::Incomplete`] when the answer broke off after it began: nothing of it may be used.
    pub async fn aggregate(
        &self,
        pipeline: &serde_json::Value,
        mut on_row: impl FnMut(&[u8]) -> Result<(), String>,
    ) -> Result<u64, PendoError> {
        let mut answer = self.ask(pipeline).await?;
        while answer.more(&mut on_row).await? {}
        Ok(answer.splitter.rows())
    }
}

impl Answer<'_> {
    /// Hands the JSON of the rows that arrive next to `on_row`; answers whether there may be more of them. Only when it has
    /// answered `false` was the answer whole.
    ///
    /// # Errors
    /// [`PendoError::Incomplete`] when the answer broke off: nothing of it may be used.
    pub async fn more(&mut self, on_row: &mut impl FnMut(&[u8]) -> Result<(), String>) -> Result<bool, PendoError> {
        self.next(on_row).await.inspect_err(|error| self.client.note(error))
    }

    async fn next(&mut self, on_row: &mut impl FnMut(&[u8]) -> Result<(), String>) -> Result<bool, PendoError> {
        let Some(chunk) = self.response.chunk().await.map_err(|error| incomplete(&error))? else {
            return self.splitter.finish().map(|()| false).map_err(unreadable);
        };
        self.received += chunk.len() as u64;
        if self.received > ANSWER_BYTES_MAX {
            return Err(PendoError::Incomplete { detail: "the answer is too long".to_owned() });
        }
        self.client.traffic.bytes.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        self.splitter.feed(&chunk, on_row).map_err(unreadable)?;
        Ok(true)
    }
}

fn unreadable(error: FrameError) -> PendoError {
    match error {
        FrameError::Truncated => PendoError::Incomplete { detail: error.to_string() },
        FrameError::Malformed { .. } | FrameError::Row { .. } => {
            PendoError::Unreadable { place: "aggregation".to_owned(), detail: error.to_string() }
        }
    }
}
