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
use shared::store::Due;
use shared::sync::{self, Asked, Deadline, RunEnd};
use std::time::{Duration, Instant};
use tracing::Instrument;

/// A run stops this long before its time is up and continues in a new message.
const RESERVE: Duration = Duration::from_secs(120);
/// The longest that a run takes before it continues in a new message, whatever time it has.
const RUN_MAX: Duration = Duration::from_secs(10 * 60);
/// A run that waits for somebody who hangs is cut this long before its time is up, to write down how it ended.
const LAST_WORDS: Duration = Duration::from_secs(20);
/// The longest that a run takes before it is cut, whatever time it has.
const CUT_MAX: Duration = Duration::from_secs(13 * 60);
/// Continuations of one run at most: 500 runs of ten minutes read any history; more is a loop.
const HOPS_MAX: u32 = 500;
const MINUTE_MS: i64 = 60_000;
const HALF_HOUR_MS: i64 = 30 * MINUTE_MS;

/// Takes either event and answers what Lambda expects of it. `time_left` is how long this invocation may take.
///
/// # Errors
/// The tick could not list or queue, or the event is neither of the two.
pub async fn handle_within(context: &Context, event: Value, time_left: Option<Duration>) -> Result<Value, Error> {
    if event.get("Records").is_some() {
        let batch: SqsEvent = serde_json::from_value(event)?;
        let (now, left) = (Instant::now(), time_left.unwrap_or(Duration::MAX));
        let deadline = Deadline {
            stop_at: now + left.saturating_sub(RESERVE).min(RUN_MAX),
            cut_at: now + left.saturating_sub(LAST_WORDS).min(CUT_MAX),
        };
        return Ok(serde_json::to_value(jobs(context, batch, deadline).await)?);
    }
    if event.get("scheduled_time").is_some() || event.as_object().is_some_and(serde_json::Map::is_empty) {
        let asked = event.get("scheduled_time").and_then(Value::as_str).unwrap_or_default();
        return tick(context, scheduled(asked, context.clock.now_ms())).await;
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

/// The time that a tick is for, to its minute; `None` when the event says `now`, as an operator does by hand. Where the
/// schedule's own time did not arrive, the half hour stands for it.
fn scheduled(asked: &str, now_ms: i64) -> Option<i64> {
    let minute = |at_ms: i64| at_ms.div_euclid(MINUTE_MS) * MINUTE_MS;
    // A time that is still to come would make later ticks look done.
    let given = shared::time::parse_instant(asked).map(minute).filter(|at_ms| *at_ms <= now_ms + MINUTE_MS);
    (asked != "now").then(|| given.unwrap_or(now_ms.div_euclid(HALF_HOUR_MS) * HALF_HOUR_MS))
}

/// Queues one job for each active connection, and one for each workspace of which something is to be removed.
async fn tick(context: &Context, tick: Option<i64>) -> Result<Value, Error> {
    let mut jobs = Vec::new();
    for workspace in context.store.workspaces_due(Due::Connection).await? {
        let job = Job::Sync { workspace: workspace.to_string(), hop: 0, tick };
        jobs.push((workspace, job));
    }
    for workspace in context.store.workspaces_due(Due::Purge).await? {
        let job = Job::Purge { workspace: workspace.to_string(), hop: 0 };
        jobs.push((workspace, job));
    }
    context.queue.send_all(&jobs).await?;
    tracing::info!(jobs = jobs.len(), "the tick queued a job for each active connection and each purge");
    Ok(serde_json::json!({ "queued": jobs.len() }))
}

async fn jobs(context: &Context, batch: SqsEvent, deadline: Deadline) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for message in batch.records {
        let id = message.message_id.unwrap_or_default();
        let attempt = message.attributes.get("ApproximateReceiveCount").map(String::as_str);
        let span = tracing::info_span!("message", message.id = id, attempt);
        let done = Box::pin(job(context, message.body.as_deref().unwrap_or_default(), deadline));
        if let Err(error) = done.instrument(span.clone()).await {
            span.in_scope(|| tracing::error!(error = %error, "a job failed and will be tried again"));
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = id;
            response.batch_item_failures.push(failure);
        }
    }
    response
}

async fn job(context: &Context, body: &str, deadline: Deadline) -> Result<(), Error> {
    let job: Job = serde_json::from_str(body)?;
    let workspace = WorkspaceId::parse(job.workspace()).ok_or_else(|| Error::from("the job names no workspace"))?;
    let span =
        tracing::info_span!("job", job = job.name(), workspace = workspace.tag(), hop = job.hop(), tick = job.tick());
    Box::pin(act(context, &workspace, &job, deadline)).instrument(span).await
}

async fn act(context: &Context, workspace: &WorkspaceId, job: &Job, deadline: Deadline) -> Result<(), Error> {
    let end = match job {
        Job::Sync { hop, tick, .. } => {
            let asked = match tick {
                Some(tick) => Asked::Tick(*tick),
                None if *hop > 0 => Asked::Rest,
                None => Asked::ByHand,
            };
            Box::pin(sync::run_as(context, workspace, asked, Some(deadline))).await?
        }
        Job::Evaluate { .. } => {
            Box::pin(sync::evaluate_only(context, workspace)).await?;
            RunEnd::Done
        }
        Job::Purge { .. } => sync::purge::purge(context, workspace, deadline.stop_at).await?,
    };
    if end == RunEnd::Continues {
        context.queue.send(workspace, &job.rest(next(job.hop())?)).await?;
    }
    Ok(())
}

/// The number of the next continuation.
fn next(hop: u32) -> Result<u32, Error> {
    if hop < HOPS_MAX { Ok(hop + 1) } else { Err(Error::from("the job was continued too often")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_is_for_its_minute_and_for_the_half_hour_where_none_is_given() {
        let ms = |text: &str| shared::time::parse_instant(text).unwrap();
        let now_ms = ms("2026-06-30T12:47:31Z");
        let cases = [
            ("2026-06-30T12:20:41Z", Some("2026-06-30T12:20:00Z")),
            ("2026-06-29T08:20:00Z", Some("2026-06-29T08:20:00Z")),
            ("2026-06-30T12:48:00Z", Some("2026-06-30T12:48:00Z")),
            ("2026-06-30T13:20:00Z", Some("2026-06-30T12:30:00Z")),
            ("<aws.scheduler.scheduled-time>", Some("2026-06-30T12:30:00Z")),
            ("", Some("2026-06-30T12:30:00Z")),
            ("now", None),
        ];
        for (asked, tick) in cases {
            assert_eq!(scheduled(asked, now_ms), tick.map(ms), "{asked}");
        }
    }
}
