//! The sync function: the hourly tick and the queue's jobs in, runs out.
//!
//! The tick asks Pendo nothing: it queues one job per active connection. A job answers per message, so that one that
//! fails comes back alone.

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use lambda_runtime::Error;
use serde_json::Value;
use shared::context::Context;
use shared::id::WorkspaceId;
use shared::queue::Job;
use shared::sync::{self, RunEnd};
use std::time::{Duration, Instant};

/// A run stops this long before its time is up and continues in a new message.
const RESERVE: Duration = Duration::from_secs(120);
/// The longest that a run takes before it continues in a new message, whatever time it has.
const RUN_MAX: Duration = Duration::from_secs(10 * 60);
/// Continuations of one run at most: 500 runs of ten minutes read any history; more is a loop.
const HOPS_MAX: u32 = 500;

/// Takes either event and answers what Lambda expects of it. `time_left` is how long this invocation may take.
///
/// # Errors
/// The tick could not list or queue, or the event is neither of the two.
pub async fn handle_within(context: &Context, event: Value, time_left: Option<Duration>) -> Result<Value, Error> {
    if event.get("Records").is_some() {
        let batch: SqsEvent = serde_json::from_value(event)?;
        let deadline = Instant::now() + time_left.map_or(RUN_MAX, |left| left.saturating_sub(RESERVE).min(RUN_MAX));
        return Ok(serde_json::to_value(jobs(context, batch, deadline).await)?);
    }
    if event.get("scheduled_time").is_some() {
        return tick(context).await;
    }
    Err(Error::from("the event is neither the schedule's nor the queue's"))
}

/// As [`handle_within`], with all the time a run may take.
///
/// # Errors
/// As [`handle_within`].
pub async fn handle(context: &Context, event: Value) -> Result<Value, Error> {
    handle_within(context, event, None).await
}

/// Queues one job for each active connection.
async fn tick(context: &Context) -> Result<Value, Error> {
    let due = context.store.workspaces_due().await?;
    for workspace in &due {
        context.queue.send(workspace, &Job::Sync { workspace: workspace.to_string(), hop: 0 }).await?;
    }
    tracing::info!(connections = due.len(), "the tick queued a job for each active connection");
    Ok(serde_json::json!({ "queued": due.len() }))
}

async fn jobs(context: &Context, batch: SqsEvent, deadline: Instant) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for message in batch.records {
        let id = message.message_id.unwrap_or_default();
        if let Err(error) = job(context, message.body.as_deref().unwrap_or_default(), deadline).await {
            tracing::error!(message.id = id, error = %error, "a job failed and will be tried again");
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = id;
            response.batch_item_failures.push(failure);
        }
    }
    response
}

async fn job(context: &Context, body: &str, deadline: Instant) -> Result<(), Error> {
    let job: Job = serde_json::from_str(body)?;
    let parse = |text: &str| WorkspaceId::parse(text).ok_or_else(|| Error::from("the job names no workspace"));
    match &job {
        Job::Sync { workspace, hop } => {
            let workspace = parse(workspace)?;
            if Box::pin(sync::run(context, &workspace, Some(deadline))).await? == RunEnd::Continues {
                if *hop >= HOPS_MAX {
                    return Err(Error::from("the run was continued too often"));
                }
                context.queue.send(&workspace, &Job::Sync { workspace: workspace.to_string(), hop: hop + 1 }).await?;
            }
        }
        Job::Evaluate { workspace } => Box::pin(sync::evaluate_only(context, &parse(workspace)?)).await?,
        Job::Purge { workspace, connection, secret, asked_at_ms } => {
            let items = sync::purge::purge(context, &parse(workspace)?, connection, secret, *asked_at_ms).await?;
            tracing::info!(items, "a disconnected connection was purged");
        }
    }
    Ok(())
}
