//! The queue of jobs. The only place that says `aws_sdk_sqs`.
#![expect(clippy::disallowed_types, reason = "the one room that sends jobs")]

use crate::id::WorkspaceId;
use crate::time::to_the_second;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use futures_util::stream::{self, StreamExt};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// SQS takes so many messages in one call.
const BATCH_MAX: usize = 10;
/// Calls under way at once: ten thousand jobs are a thousand calls.
const CALLS_MAX: usize = 8;
/// How often a message is sent before it is given up; what SQS refuses of a batch goes out again without the rest.
const ATTEMPTS_MAX: u32 = 6;

/// A unit of queued work. It holds ids only: everything else is read when it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case", deny_unknown_fields)]
pub enum Job {
    /// One run of a workspace's connection.
    Sync {
        /// Whose.
        workspace: String,
        /// How many continuations came before this message.
        #[serde(default)]
        hop: u32,
        /// The schedule's time that it was queued for, ms since 1970: its run is done once, however often the message comes.
        /// None for what was asked for by hand, which always runs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tick: Option<i64>,
    },
    /// Evaluation again after a change of fields, matching, directory or zone. No call to Pendo.
    Evaluate {
        /// Whose.
        workspace: String,
    },
    /// Goes on with removing what disconnected connections left. What that is stands in the table.
    Purge {
        /// Whose.
        workspace: String,
        /// How many continuations came before this message.
        #[serde(default)]
        hop: u32,
    },
}

impl Job {
    /// What follows a change of fields: a run where a kind is to be read that no field used before, and otherwise what is
    /// stored is enough.
    #[must_use]
    pub fn after_fields(workspace: &WorkspaceId, begins_a_kind: bool) -> Self {
        if begins_a_kind { Self::sync(workspace) } else { Self::Evaluate { workspace: workspace.to_string() } }
    }

    /// Whose it is.
    #[must_use]
    pub fn workspace(&self) -> &str {
        match self {
            Self::Sync { workspace, .. } | Self::Evaluate { workspace } | Self::Purge { workspace, .. } => workspace,
        }
    }

    /// How many continuations came before it.
    #[must_use]
    pub const fn hop(&self) -> u32 {
        match self {
            Self::Sync { hop, .. } | Self::Purge { hop, .. } => *hop,
            Self::Evaluate { .. } => 0,
        }
    }

    /// The schedule's time that it was queued for, as the log has it.
    #[must_use]
    pub fn tick(&self) -> Option<String> {
        match self {
            Self::Sync { tick, .. } => tick.map(to_the_second),
            Self::Evaluate { .. } | Self::Purge { .. } => None,
        }
    }

    /// The job that goes on with what this one has left, as the continuation number `hop`. It has no tick: the hour of that one is
    /// served, and what is left would look done.
    #[must_use]
    pub fn rest(&self, hop: u32) -> Self {
        let workspace = self.workspace().to_owned();
        match self {
            Self::Sync { .. } => Self::Sync { workspace, hop, tick: None },
            Self::Evaluate { .. } => Self::Evaluate { workspace },
            Self::Purge { .. } => Self::Purge { workspace, hop },
        }
    }

    /// The name as it stands in messages and logs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Sync { .. } => "sync",
            Self::Evaluate { .. } => "evaluate",
            Self::Purge { .. } => "purge",
        }
    }

    /// A run that was asked for by hand or by a change.
    #[must_use]
    pub fn sync(workspace: &WorkspaceId) -> Self {
        Self::Sync { workspace: workspace.to_string(), hop: 0, tick: None }
    }
}

/// Jobs could not be queued.
#[derive(Debug, thiserror::Error)]
#[error("jobs could not be queued")]
pub struct QueueError(#[source] Box<dyn std::error::Error + Send + Sync>);

/// Sends jobs to SQS, with the workspace as message group so that no workspace starves another (fair queue).
#[derive(Clone)]
pub struct Queue {
    client: aws_sdk_sqs::Client,
    url: String,
}

impl Queue {
    /// Over the SDK's client and the queue's URL.
    #[must_use]
    pub fn new(client: aws_sdk_sqs::Client, url: String) -> Self {
        Self { client, url }
    }

    /// Queues one job of a workspace.
    ///
    /// # Errors
    /// SQS did not take it.
    pub async fn send(&self, workspace: &WorkspaceId, job: &Job) -> Result<(), QueueError> {
        let body = serde_json::to_string(job).map_err(|e| QueueError(e.into()))?;
        let sent = self
            .client
            .send_message()
            .queue_url(&self.url)
            .message_group_id(workspace.as_str())
            .message_body(body)
            .send()
            .await
            .map_err(|e| QueueError(Box::new(e)))?;
        // The job's own lines name the same message, and this one lies within the request that set it off.
        tracing::info!(
            message.id = sent.message_id(),
            workspace = workspace.tag(),
            job = job.name(),
            "a job was queued"
        );
        Ok(())
    }

    /// Queues many jobs, ten in a call. A batch may be taken in part: what SQS did not take is sent again, and what it never
    /// takes is an error, after all others were sent.
    ///
    /// # Errors
    /// SQS did not take some of them.
    pub async fn send_all(&self, jobs: &[(WorkspaceId, Job)]) -> Result<(), QueueError> {
        let calls: Vec<_> = jobs.chunks(BATCH_MAX).map(|batch| self.send_batch(batch)).collect();
        let sent: Vec<Result<(), QueueError>> = stream::iter(calls).buffer_unordered(CALLS_MAX).collect().await;
        sent.into_iter().collect()
    }

    async fn send_batch(&self, jobs: &[(WorkspaceId, Job)]) -> Result<(), QueueError> {
        let mut open = Vec::with_capacity(jobs.len());
        for (id, (workspace, job)) in jobs.iter().enumerate() {
            let body = serde_json::to_string(job).map_err(|error| QueueError(error.into()))?;
            let entry = SendMessageBatchRequestEntry::builder().id(id.to_string()).message_body(body);
            let entry = entry.message_group_id(workspace.as_str()).build().map_err(|error| QueueError(error.into()))?;
            open.push(entry);
        }
        let mut attempt = 1;
        loop {
            let call = self.client.send_message_batch().queue_url(&self.url).set_entries(Some(open.clone()));
            let refused = match call.send().await {
                Ok(answer) => {
                    // Only what is named as taken is taken.
                    open.retain(|entry| !answer.successful().iter().any(|taken| taken.id() == entry.id()));
                    let why = answer.failed().first().map(|failed| failed.code().to_owned());
                    QueueError(why.unwrap_or_else(|| "the answer leaves messages out".to_owned()).into())
                }
                Err(error) => QueueError(Box::new(error)),
            };
            if open.is_empty() {
                return Ok(());
            }
            if attempt >= ATTEMPTS_MAX {
                return Err(refused);
            }
            tracing::debug!(messages = open.len(), attempt, "messages that SQS did not take are sent again");
            let pause_ms = rand::rng().random_range(0..100u64 << attempt);
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            attempt += 1;
        }
    }
}
