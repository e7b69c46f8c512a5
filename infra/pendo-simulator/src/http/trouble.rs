//! How the troubles look on the wire.

use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use futures_util::{StreamExt, stream};

use crate::http::answer;
use crate::trouble::Trouble;

/// Pieces of a bomb, and the size of each.
const BOMB_PIECES: usize = 4_096;
const BOMB_PIECE_BYTES: usize = 64 << 10;
/// The pause between two pieces of a body that drips.
const DRIP: Duration = Duration::from_millis(15);

/// The answer of a trouble that looks at nothing.
pub(super) fn refusal(trouble: Trouble, number: u64) -> Option<Response> {
    let html = |status: StatusCode| {
        let mut response = answer::typed("text/html; charset=utf-8", "<!doctype html><title>error</title>");
        *response.status_mut() = status;
        response
    };
    Some(match trouble {
        Trouble::TooMany | Trouble::TooManyNow | Trouble::TooManyAbsurd => {
            let mut response = answer::text(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests");
            if let Some(text) = trouble.retry_after(number) {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(text));
            }
            response
        }
        Trouble::Error500 => html(StatusCode::INTERNAL_SERVER_ERROR),
        Trouble::Error502 => html(StatusCode::BAD_GATEWAY),
        Trouble::Error503 => answer::empty(StatusCode::SERVICE_UNAVAILABLE),
        Trouble::Timeout => answer::empty(StatusCode::GATEWAY_TIMEOUT),
        Trouble::BadRequest => answer::text(StatusCode::BAD_REQUEST, "could not parse the filter"),
        Trouble::Html => html(StatusCode::OK),
        Trouble::Bomb => bomb(),
        _ => return None,
    })
}

/// A good answer, spoiled.
pub(super) async fn spoiled(trouble: Trouble, response: Response) -> Response {
    let (head, body) = response.into_parts();
    let whole = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let half = whole.len() / 2;
    match trouble {
        Trouble::Reset => answer::cut(&whole, 0, false),
        Trouble::Cut => answer::cut(&whole, half, false),
        Trouble::CutCleanly => answer::cut(&whole, half, true),
        Trouble::TooShort => claimed(whole.slice(..half), whole.len()),
        Trouble::TooLong => claimed(whole.clone(), half),
        Trouble::Drip => drip(&whole),
        garbled if garbled.garbles() => Response::from_parts(head, Body::from(garbled.garble(&whole))),
        _ => Response::from_parts(head, Body::from(whole)),
    }
}

/// A body under another length than its own. It says that it is not compressed, or the length would not stay.
fn claimed(body: Bytes, length: usize) -> Response {
    let mut response = answer::typed("application/json", "");
    *response.body_mut() = Body::from_stream(stream::iter([Ok::<_, std::io::Error>(body)]));
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("identity"));
    response
}

fn drip(body: &Bytes) -> Response {
    let size = body.len().div_ceil(8).max(1);
    let pieces: Vec<Bytes> =
        (0..body.len()).step_by(size).map(|at| body.slice(at..body.len().min(at + size))).collect();
    let pieces = stream::iter(pieces).then(|piece| async move {
        tokio::time::sleep(DRIP).await;
        Ok::<_, std::io::Error>(piece)
    });
    let mut response = answer::typed("application/json", "");
    *response.body_mut() = Body::from_stream(Box::pin(pieces));
    response
}

fn bomb() -> Response {
    let piece = Bytes::from(vec![b'a'; BOMB_PIECE_BYTES]);
    let head = stream::iter([Bytes::from_static(b"{\"results\":[{\"visitorId\":\"")]);
    let tail = stream::iter([Bytes::from_static(b"\"}]}")]);
    let body = head.chain(stream::repeat(piece).take(BOMB_PIECES)).chain(tail).map(Ok::<_, std::io::Error>);
    let mut response = answer::typed("application/json", "");
    *response.body_mut() = Body::from_stream(body);
    response
}
