//! SQS `SendMessage` and `SendMessageBatch` onto the in-process queue.

use std::time::Duration;

use serde_json::{Value, json};

use super::{QUEUE, Refusal, text, unknown_operation, uuid};
use crate::worker::{Job, JobQueue};

/// Messages may not be larger.
const BODY_MAX: usize = 1024 * 1024;
/// Nor may a batch have more of them.
const BATCH_MAX: usize = 10;
/// The kind of refusal that SQS gives for another queue's URL.
pub(super) const NO_QUEUE: &str = "com.amazonaws.sqs#QueueDoesNotExist";

pub(super) fn call(queue: &JobQueue, operation: &str, input: &Value) -> Result<Value, Refusal> {
    match operation {
        "SendMessage" => {
            check_url(input)?;
            send_message(queue, input)
        }
        "SendMessageBatch" => send_batch(queue, input),
        _ => Err(unknown_operation(operation)),
    }
}

fn check_url(input: &Value) -> Result<(), Refusal> {
    if text(input, "QueueUrl")?.rsplit('/').next() == Some(QUEUE) {
        return Ok(());
    }
    Err(Refusal::bad_request(NO_QUEUE, "The specified queue does not exist."))
}

fn send_message(queue: &JobQueue, input: &Value) -> Result<Value, Refusal> {
    let body = text(input, "MessageBody")?;
    if body.is_empty() || body.len() > BODY_MAX {
        let message = format!("the message body must have 1 to {BODY_MAX} bytes");
        return Err(Refusal::bad_request("com.amazonaws.sqs#InvalidParameterValue", message));
    }
    let delay_seconds = input.get("DelaySeconds").and_then(Value::as_u64).unwrap_or_default();
    let job = Job {
        message_id: uuid(),
        body: body.to_owned(),
        group: input.get("MessageGroupId").and_then(Value::as_str).unwrap_or_default().to_owned(),
        delay: Duration::from_secs(delay_seconds),
    };
    let answer = json!({"MessageId": job.message_id, "MD5OfMessageBody": format!("{:x}", md5::compute(body))});
    queue.send(job);
    Ok(answer)
}

/// Each message for itself: some may be taken and others not, in one answer with status 200.
fn send_batch(queue: &JobQueue, input: &Value) -> Result<Value, Refusal> {
    check_url(input)?;
    let entries = input.get("Entries").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if entries.is_empty() {
        return Err(Refusal::bad_request(
            "com.amazonaws.sqs#EmptyBatchRequest",
            "There should be at least one message.",
        ));
    }
    if entries.len() > BATCH_MAX {
        let message = format!("Maximum number of entries per request are {BATCH_MAX}.");
        return Err(Refusal::bad_request("com.amazonaws.sqs#TooManyEntriesInBatchRequest", message));
    }
    let (mut taken, mut failed) = (Vec::new(), Vec::new());
    for entry in entries {
        let id = text(entry, "Id")?;
        if queue.refuses() {
            failed.push(json!({"Id": id, "SenderFault": false, "Code": "InternalError", "Message": "Try again."}));
            continue;
        }
        match send_message(queue, entry) {
            Ok(mut answer) => {
                answer["Id"] = id.into();
                taken.push(answer);
            }
            Err(refusal) => {
                failed.push(json!({"Id": id, "SenderFault": true, "Code": refusal.kind, "Message": refusal.message}));
            }
        }
    }
    Ok(json!({"Successful": taken, "Failed": failed}))
}
