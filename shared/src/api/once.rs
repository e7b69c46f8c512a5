//! `Idempotency-Key`: a request that creates something has one effect, however often it is sent with one key.
//!
//! Only what succeeded is kept: a refusal changed nothing, so the key is free again and the request can be mended.

use super::{Problem, Reply, Request};
use crate::context::Context;
use crate::id::{WorkspaceId, random_hex};
use crate::store::once::{Asked, Standing};
use aws_lc_rs::{digest, hmac};
use std::fmt::Write;
use std::time::Duration;

/// The longest key.
const KEY_MAX: usize = 255;
/// The pauses of a request that waits for another one with its key, ms: five seconds in all.
const WAITS_MS: [u64; 7] = [50, 100, 200, 400, 800, 1_600, 1_850];

/// Does `work` unless it was done under the request's key; then the answer of then is given again.
///
/// # Errors
/// 400 for a key that is none, 409 for one that belongs to another request or to one that is still being worked at; those of `work`.
pub async fn once(
    context: &Context,
    workspace: &WorkspaceId,
    request: &Request,
    work: impl Future<Output = Result<Reply, Problem>>,
) -> Result<Reply, Problem> {
    let Some(key) = request.idempotency_key() else { return work.await };
    if !(1..=KEY_MAX).contains(&key.len()) || !key.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        let detail = format!("\"Idempotency-Key\" must have 1 to {KEY_MAX} printable ASCII characters.");
        return Err(Problem::bad_request("idempotency-key", detail));
    }
    let asked = Asked {
        key: hex(digest::digest(&digest::SHA256, key.as_bytes()).as_ref()),
        fingerprint: fingerprint(request, key)?,
        token: random_hex(),
    };
    for wait_ms in WAITS_MS {
        match context.store.once_begin(workspace, &asked, context.clock.now_ms()).await? {
            Standing::Mine => return finish(context, workspace, &asked, work.await).await,
            Standing::Answered(answered) => return Ok(Reply::again(answered)),
            Standing::Running => tokio::time::sleep(Duration::from_millis(wait_ms)).await,
            Standing::Other => {
                return Err(Problem::conflict(
                    "idempotency-key-reused",
                    "This \"Idempotency-Key\" belongs to another request: send each new request with a key of its own.",
                ));
            }
        }
    }
    Err(Problem::conflict(
        "still-running",
        "A request with this \"Idempotency-Key\" is still being worked at, or broke off less than a minute ago: send it again in a moment.",
    ))
}

/// Keeps the answer. If that fails the work stands all the same, and asking again finds it done or does it again.
async fn finish(
    context: &Context,
    workspace: &WorkspaceId,
    asked: &Asked,
    outcome: Result<Reply, Problem>,
) -> Result<Reply, Problem> {
    let answered = outcome.as_ref().ok().map(Reply::kept);
    let ended = context.store.once_end(workspace, asked, answered.as_ref(), context.clock.now_ms()).await;
    if let Err(error) = ended {
        tracing::warn!(error = &error as &dyn std::error::Error, "the answer is not kept under its key");
    }
    outcome
}

/// What was asked, as a hash under the caller's own key, which is not stored: nobody who reads the table can try out what an
/// integration key in the body might have been.
fn fingerprint(request: &Request, key: &str) -> Result<String, Problem> {
    let asked = serde_json::to_vec(&request.asked()).map_err(Problem::internal)?;
    Ok(hex(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), &asked).as_ref()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a text can't fail.
        _ = write!(text, "{byte:02x}");
        text
    })
}
