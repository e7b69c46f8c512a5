//! The endpoints, through the real SDKs.

use super::*;
use crate::clients::Clients;
use crate::events::Fault;
use crate::stopping;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use shared::bus::{Bus, Outgoing};

async fn clients(file: Option<PathBuf>) -> (Clients, JobQueue, crate::worker::Jobs, stopping::Stop) {
    let (stop, stopping) = stopping::stop();
    let (queue, jobs) = JobQueue::new();
    let (address, _task) = start(file, queue.clone(), Events::default(), stopping).await.unwrap();
    (Clients::new(address, address), queue, jobs, stop)
}

fn code<E: ProvideErrorMetadata>(error: &E) -> &str {
    error.code().unwrap_or_default()
}

#[tokio::test]
async fn a_secret_lives_and_its_name_stays_blocked_after_deletion() {
    let (clients, _queue, _jobs, _stop) = clients(None).await;
    let secrets = &clients.secrets;
    let missing = secrets.get_secret_value().secret_id("a/key").send().await.unwrap_err();
    assert_eq!(code(&missing), "ResourceNotFoundException");
    secrets.create_secret().name("a/key").secret_string("one").send().await.unwrap();
    let twice = secrets.create_secret().name("a/key").secret_string("one").send().await.unwrap_err();
    assert!(twice.into_service_error().is_resource_exists_exception());

    secrets.put_secret_value().secret_id("a/key").secret_string("two").send().await.unwrap();
    let read = secrets.get_secret_value().secret_id("a/key").send().await.unwrap();
    assert_eq!(read.secret_string(), Some("two"));
    let before = secrets.get_secret_value().secret_id("a/key").version_stage("AWSPREVIOUS").send().await.unwrap();
    assert_eq!(before.secret_string(), Some("one"));

    secrets.delete_secret().secret_id("a/key").send().await.unwrap();
    let deleted = secrets.get_secret_value().secret_id("a/key").send().await.unwrap_err();
    assert!(deleted.into_service_error().is_invalid_request_exception());
    let blocked = secrets.create_secret().name("a/key").secret_string("three").send().await.unwrap_err();
    assert!(blocked.into_service_error().is_invalid_request_exception());
    assert!(secrets.describe_secret().secret_id("a/key").send().await.unwrap().deleted_date().is_some());
    assert!(secrets.list_secrets().send().await.unwrap().secret_list().is_empty());

    secrets.delete_secret().secret_id("a/key").force_delete_without_recovery(true).send().await.unwrap();
    secrets.create_secret().name("a/key").secret_string("three").send().await.unwrap();
    assert_eq!(secrets.list_secrets().send().await.unwrap().secret_list().len(), 1);
}

#[tokio::test]
async fn a_call_repeated_with_its_token_changes_nothing() {
    let (clients, _queue, _jobs, _stop) = clients(None).await;
    let token = "a-client-request-token-of-32-letters";
    for _ in 0..2 {
        clients
            .secrets
            .create_secret()
            .name("k")
            .secret_string("one")
            .client_request_token(token)
            .send()
            .await
            .unwrap();
    }
    let other =
        clients.secrets.put_secret_value().secret_id("k").secret_string("two").client_request_token(token).send().await;
    assert!(other.unwrap_err().into_service_error().is_resource_exists_exception());
}

#[tokio::test]
async fn secrets_in_a_file_outlive_the_endpoints() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("secrets.json");
    let (first, _queue, _jobs, stop) = clients(Some(file.clone())).await;
    first.secrets.create_secret().name("k").secret_string("one").send().await.unwrap();
    stop.now();
    let (second, _queue, _jobs, _stop) = clients(Some(file)).await;
    assert_eq!(second.secrets.get_secret_value().secret_id("k").send().await.unwrap().secret_string(), Some("one"));
}

#[tokio::test]
async fn a_message_reaches_the_queue_with_its_checksum() {
    let (clients, _queue, mut jobs, _stop) = clients(None).await;
    let url = format!("http://127.0.0.1/000000000000/{QUEUE}");
    let sent =
        clients.queue.send_message().queue_url(&url).message_group_id("w").message_body("{}").send().await.unwrap();
    assert_eq!(sent.md5_of_message_body(), Some("99914b932bd37a50b983c5e7c90ae93b"));
    let job = jobs.next().await.unwrap();
    assert_eq!((job.body.as_str(), job.group.as_str(), Some(job.message_id.as_str())), ("{}", "w", sent.message_id()));
    let elsewhere =
        clients.queue.send_message().queue_url("http://127.0.0.1/0/other").message_body("{}").send().await.unwrap_err();
    assert!(elsewhere.into_service_error().is_queue_does_not_exist());
}

#[tokio::test]
async fn what_is_refused_of_a_batch_is_sent_again_and_what_is_never_taken_is_an_error() {
    let (clients, queue, mut jobs, _stop) = clients(None).await;
    let url = format!("http://127.0.0.1/000000000000/{QUEUE}");
    let sender = shared::queue::Queue::new(clients.queue.clone(), url);
    let workspace = |n: usize| shared::id::WorkspaceId::parse(&format!("w-{n}")).unwrap();
    let wanted: Vec<_> = (0..25).map(|n| (workspace(n), shared::queue::Job::sync(&workspace(n)))).collect();
    queue.refuse(13);
    sender.send_all(&wanted).await.unwrap();
    let mut arrived = std::collections::BTreeSet::new();
    for _ in 0..25 {
        let job = jobs.next().await.unwrap();
        assert!(job.body.contains(&job.group) && arrived.insert(job.group), "{}", job.body);
    }
    queue.refuse(usize::MAX);
    assert!(sender.send_all(&wanted).await.is_err());
}

async fn bus() -> (Bus, Events, stopping::Stop) {
    let (stop, stopping) = stopping::stop();
    let events = Events::default();
    let (address, _task) = start(None, JobQueue::new().0, events.clone(), stopping).await.unwrap();
    (Bus::new(Clients::new(address, address).bus, BUS.to_owned()), events, stop)
}

fn outgoing(count: usize) -> Vec<Outgoing> {
    (0..count)
        .map(|n| Outgoing { detail_type: "a test", time_ms: 1_782_820_800_123, detail: json!({"n": n}) })
        .collect()
}

fn numbers(events: &Events) -> Vec<u64> {
    events.newest().iter().filter_map(|event| event.detail["n"].as_u64()).collect()
}

#[tokio::test]
async fn events_reach_the_bus_and_those_that_it_does_not_take_are_told() {
    let (bus, events, _stop) = bus().await;
    assert_eq!(bus.publish(&outgoing(25)).await.unwrap(), [true; 25]);
    let mut arrived = numbers(&events);
    arrived.sort_unstable();
    assert_eq!((arrived, events.total()), ((0..25).collect(), 25));
    let first = &events.newest()[0];
    let about = (first.source.as_str(), first.detail_type.as_str(), first.time_ms);
    assert_eq!(about, ("product-usage", "a test", Some(1_782_820_800_000)));

    events.misbehave(Fault::Throttles(1), 1);
    assert_eq!(bus.publish(&outgoing(3)).await.unwrap(), [true, false, true]);
    assert_eq!(numbers(&events)[25..], [0, 2]);
}

#[tokio::test]
async fn a_call_that_fails_is_tried_again_and_one_whose_answer_is_lost_publishes_twice() {
    let (bus, events, _stop) = bus().await;
    events.misbehave(Fault::Fails, 2);
    events.misbehave(Fault::LosesAnswer, 1);
    assert_eq!(bus.publish(&outgoing(2)).await.unwrap(), [true; 2]);
    assert_eq!(numbers(&events), [0, 1, 0, 1]);
    let ids: std::collections::BTreeSet<_> = events.newest().into_iter().map(|event| event.id).collect();
    assert_eq!(ids.len(), 4, "the bus does not see that they are the same");
}

#[tokio::test]
async fn once_a_call_fails_for_good_nothing_more_is_sent_and_what_was_taken_is_told() {
    let (bus, events, _stop) = bus().await;
    // Four calls are under way at once: they pass, since none has an event at that place, and the next four do not.
    events.misbehave(Fault::Throttles(10), 4);
    events.misbehave(Fault::Fails, 1_000);
    let taken = bus.publish(&outgoing(95)).await.unwrap();
    assert_eq!((&taken[..40], &taken[40..]), (&[true; 40][..], &[false; 55][..]));
    let calls = 1_000 - std::iter::from_fn(|| events.next_fault()).count();
    assert_eq!(calls, 4 * 8, "each of the four is tried eight times, and the two after them are not made");
}
