//! The queue of jobs. The only place that says `aws_sdk_sqs`.
#![expect(clippy::disallowed_types, reason = "the one room that sends jobs")]

use crate::id::WorkspaceId;
use serde::{Deserialize, Serialize};

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
    },
    /// Evaluation again after a change of fields, matching, directory or zone. No call to Pendo.
    Evaluate {
        /// Whose.
        workspace: String,
    },
    /// Removes what a disconnected connection left, in the background.
    Purge {
        /// Whose.
        workspace: String,
        /// Which life of the connection.
        connection: crate::id::ConnectionId,
        /// The secret to delete.
        secret: String,
        /// When it was asked for, ms since 1970: what is newer belongs to somebody else.
        asked_at_ms: i64,
    },
}

/// The job could not be queued.
#[derive(Debug, thiserror::Error)]
#[error("the job could not be queued")]
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
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_group_id(workspace.as_str())
            .message_body(body)
            .send()
            .await
            .map_err(|e| QueueError(Box::new(e)))?;
        Ok(())
    }
}
