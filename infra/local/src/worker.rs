//! The queue of jobs and the worker that hands them to `sync`, one record at a time, as SQS and Lambda do.
//!
//! Jobs of one workspace run one after the other. A job equal to one that still waits is not queued again: whatever it
//! was sent for will be seen by the one that waits. A job that fails comes again, three times in all, and then lies among
//! the dead letters. Nothing survives a restart: the functions compare what stands with what should stand, and the next
//! tick queues again what is missing.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::functions::Functions;
use crate::stopping::Stopping;

const RECEIVES_MAX: u32 = 3;
const BACK_OFF: Duration = Duration::from_millis(200);

/// A message on its way.
#[derive(Clone, Debug)]
pub struct Job {
    /// The queue's id of it.
    pub message_id: String,
    /// What was sent.
    pub body: String,
    /// The message group: the workspace.
    pub group: String,
    /// How long it is held back.
    pub delay: Duration,
}

/// The end that takes jobs; clones share the queue.
#[derive(Clone)]
pub struct JobQueue(Arc<State>);

struct State {
    sender: mpsc::UnboundedSender<Job>,
    unfinished: watch::Sender<usize>,
    held: watch::Sender<bool>,
    waiting: Mutex<HashSet<(String, String)>>,
    dead_letters: Mutex<Vec<Job>>,
    to_refuse: Mutex<usize>,
}

/// The end that gives jobs out.
pub struct Jobs(mpsc::UnboundedReceiver<Job>);

impl JobQueue {
    /// An empty queue and its other end.
    #[must_use]
    pub fn new() -> (Self, Jobs) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let state = State {
            sender,
            unfinished: watch::Sender::new(0),
            held: watch::Sender::new(false),
            waiting: Mutex::default(),
            dead_letters: Mutex::default(),
            to_refuse: Mutex::default(),
        };
        (Self(Arc::new(state)), Jobs(receiver))
    }

    /// Takes a job.
    pub fn send(&self, job: Job) {
        if !self.waiting().insert((job.group.clone(), job.body.clone())) {
            return;
        }
        self.0.unfinished.send_modify(|unfinished| *unfinished += 1);
        if self.0.sender.send(job).is_err() {
            self.finished();
        }
    }

    /// Returns once no job waits or runs.
    pub async fn idle(&self) {
        // The sender lives as long as this queue, so waiting can't fail.
        self.0.unfinished.subscribe().wait_for(|unfinished| *unfinished == 0).await.ok();
    }

    /// The jobs that failed for good.
    #[must_use]
    pub fn dead_letters(&self) -> Vec<Job> {
        self.0.dead_letters.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Refuses so many of the next messages that come in batches, as SQS does when it has trouble of its own.
    pub fn refuse(&self, count: usize) {
        *self.0.to_refuse.lock().unwrap_or_else(PoisonError::into_inner) = count;
    }

    /// Whether the next message is to be refused.
    pub(crate) fn refuses(&self) -> bool {
        let mut left = self.0.to_refuse.lock().unwrap_or_else(PoisonError::into_inner);
        let is_refused = *left > 0;
        *left = left.saturating_sub(1);
        is_refused
    }

    /// Lets no further job begin, or lets them begin again.
    pub fn hold(&self, is_held: bool) {
        self.0.held.send_replace(is_held);
    }

    /// Waits for the time to begin a job; from then on an equal one may be queued.
    async fn begin(&self, job: &Job) {
        self.0.held.subscribe().wait_for(|is_held| !is_held).await.ok();
        self.waiting().remove(&(job.group.clone(), job.body.clone()));
    }

    fn waiting(&self) -> MutexGuard<'_, HashSet<(String, String)>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finished(&self) {
        self.0.unfinished.send_modify(|unfinished| *unfinished = unfinished.saturating_sub(1));
    }

    fn give_up(&self, job: Job) {
        tracing::error!(
            message.id = job.message_id,
            message.body = job.body,
            "a job failed {RECEIVES_MAX} times and is a dead letter"
        );
        self.0.dead_letters.lock().unwrap_or_else(PoisonError::into_inner).push(job);
    }
}

impl Jobs {
    /// The next job, in the order of sending.
    pub async fn next(&mut self) -> Option<Job> {
        self.0.recv().await
    }
}

/// Runs jobs until it is told to stop; what runs then breaks off, as after a power cut.
pub async fn run(queue: JobQueue, mut jobs: Jobs, functions: Functions, mut stopping: Stopping) {
    let mut running = JoinSet::new();
    let mut turns: HashMap<String, Arc<tokio::sync::Mutex<()>>> = HashMap::new();
    loop {
        let job = tokio::select! {
            () = stopping.wait() => return,
            job = jobs.next() => job,
        };
        let Some(job) = job else { return };
        let turn = Arc::clone(turns.entry(job.group.clone()).or_default());
        let (queue, functions) = (queue.clone(), functions.clone());
        running.spawn(async move {
            if !is_done(&job, &queue, &functions, &turn).await {
                queue.give_up(job);
            }
            queue.finished();
        });
        while running.try_join_next().is_some() {}
    }
}

/// Hands the job over until it succeeds or has come too often.
async fn is_done(job: &Job, queue: &JobQueue, functions: &Functions, turn: &tokio::sync::Mutex<()>) -> bool {
    tokio::time::sleep(job.delay).await;
    for receive in 1..=RECEIVES_MAX {
        let succeeded = {
            let _turn = turn.lock().await;
            queue.begin(job).await;
            invoke(job, functions.clone(), receive).await
        };
        if succeeded {
            return true;
        }
        tokio::time::sleep(BACK_OFF * receive).await;
    }
    false
}

/// In a task of its own, so that a function that panics is a failed job and not the end of the worker.
async fn invoke(job: &Job, functions: Functions, receive: u32) -> bool {
    let event = match serde_json::to_value(event(job, receive)) {
        Ok(event) => event,
        Err(error) => {
            tracing::error!(%error, "a job did not become an event");
            return false;
        }
    };
    let mut invocation = JoinSet::new();
    invocation.spawn(async move { functions.sync(event).await });
    match invocation.join_next().await {
        Some(Ok(Ok(answer))) => !reports_failure(&answer),
        Some(Ok(Err(error))) => {
            tracing::warn!(message.id = job.message_id, error, "a job failed");
            false
        }
        Some(Err(error)) => {
            tracing::error!(message.id = job.message_id, %error, "a job broke off");
            false
        }
        None => false,
    }
}

fn event(job: &Job, receive: u32) -> SqsEvent {
    let mut message = SqsMessage::default();
    message.message_id = Some(job.message_id.clone());
    message.receipt_handle = Some(job.message_id.clone());
    message.md5_of_body = Some(format!("{:x}", md5::compute(&job.body)));
    message.body = Some(job.body.clone());
    message.attributes = HashMap::from([
        ("ApproximateReceiveCount".to_owned(), receive.to_string()),
        ("MessageGroupId".to_owned(), job.group.clone()),
    ]);
    message.event_source = Some("aws:sqs".to_owned());
    message.event_source_arn = Some(format!("arn:aws:sqs:us-east-1:000000000000:{}", crate::endpoints::QUEUE));
    message.aws_region = Some("us-east-1".to_owned());
    let mut event = SqsEvent::default();
    event.records = vec![message];
    event
}

/// A batch of one: any failure named is this job's.
fn reports_failure(answer: &Value) -> bool {
    answer.get("batchItemFailures").and_then(Value::as_array).is_some_and(|failures| !failures.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_job_becomes_an_event_of_one_record() {
        let job = Job { message_id: "m".into(), body: "{}".into(), group: "w".into(), delay: Duration::ZERO };
        let event = serde_json::to_value(event(&job, 2)).unwrap();
        assert_eq!(event["Records"][0]["messageId"], "m");
        assert_eq!(event["Records"][0]["body"], "{}");
        assert_eq!(event["Records"][0]["attributes"]["ApproximateReceiveCount"], "2");
    }

    #[tokio::test]
    async fn a_job_equal_to_one_that_waits_is_not_queued_again() {
        let (queue, mut jobs) = JobQueue::new();
        let job =
            |body: &str| Job { message_id: "m".into(), body: body.into(), group: "w".into(), delay: Duration::ZERO };
        for body in ["a", "b", "a"] {
            queue.send(job(body));
        }
        assert_eq!(jobs.next().await.unwrap().body, "a");
        queue.begin(&job("a")).await;
        queue.send(job("a"));
        assert_eq!(jobs.next().await.unwrap().body, "b");
        assert_eq!(jobs.next().await.unwrap().body, "a");
    }

    #[test]
    fn only_a_named_failure_is_one() {
        assert!(reports_failure(&json!({"batchItemFailures": [{"itemIdentifier": "m"}]})));
        assert!(!reports_failure(&json!({"batchItemFailures": []})));
        assert!(!reports_failure(&Value::Null));
    }
}
