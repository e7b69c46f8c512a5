//! Asking for work that the schedule would do as well, only later.

use crate::context::Context;
use crate::id::WorkspaceId;
use crate::queue::Job;

/// Queues a job after a change that is stored already. If it can't be queued the change stands all the same: the next
/// scheduled run compares what stands with what should and does the work.
pub async fn nudge(context: &Context, workspace: &WorkspaceId, job: Job) {
    if let Err(error) = context.queue.send(workspace, &job).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "the schedule will do it instead");
    }
}
