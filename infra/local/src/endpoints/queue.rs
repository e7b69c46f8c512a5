//! SQS `SendMessage` onto the in-process queue.

use std::time::Duration;

use serde_json::{Value, json};

use super::{QUEUE, Refusal, text, unknown_operation, uuid};
use crate::worker::{Job, JobQueue};

/// Messages may not be larger.
const BODY_MAX: usize = 1024 * 1024;
/// The kind of refusal that SQS gives for another queue's URL.
pub(super) const NO_QUEUE: &str = "com.amazonaws.sqs#QueueDoesNotExist";

pub(super) fn call(queue: &JobQueue, operation: &str, input: &Value) -> Result<Value, Refusal> {
    match operation {
        "SendMessage" => send_message(queue, input),
        _ => Err(unknown_operation(operation)),
    }
}

fn send_message(queue: &JobQueue, input: &Value) -> Result<Value, Refusal> {
    let url = text(input, "QueueUrl")?;
    if url.rsplit('/').next() != Some(QUEUE) {
        return Err(Refusal::bad_request(NO_QUEUE, "The specified queue does not exist."));
    }
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
