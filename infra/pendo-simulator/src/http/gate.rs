//! What every request to the API passes: the log, the key, the faults.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State as Shared};
use axum::http::{HeaderValue, StatusCode, header, request::Parts};
use axum::middleware::Next;
use axum::response::Response;

use crate::faults::Fate;
use crate::http::{BODY_BYTES_MAX, answer, key, trouble};
use crate::state::{LoggedRequest, State};

/// Lets a request through, or not, and writes it down.
pub(super) async fn pass(Shared(state): Shared<Arc<State>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let number = state.numbered.fetch_add(1, Ordering::SeqCst) + 1;
    let in_flight = state.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
    let at_ms = state.clock.now_ms();
    let (parts, body) = request.into_parts();
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("").to_owned();
    let (method, path, query) =
        (parts.method.to_string(), parts.uri.path().to_owned(), parts.uri.query().unwrap_or("").to_owned());
    let body = to_bytes(body, BODY_BYTES_MAX).await.unwrap_or_default();
    let kept = if state.options.log_bodies { String::from_utf8_lossy(&body).into_owned() } else { String::new() };

    let response = judge(&state, parts, body, next).await;
    let status = response.status().as_u16();
    let (head, body) = response.into_parts();
    let answer_bytes = http_body_size(&body);
    state.in_flight.fetch_sub(1, Ordering::SeqCst);
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    state.log(LoggedRequest {
        number,
        at_ms,
        method,
        path,
        query,
        host,
        body: kept,
        status,
        answer_bytes,
        took_ms,
        in_flight,
    });
    Response::from_parts(head, body)
}

fn http_body_size(body: &Body) -> usize {
    let size = axum::body::HttpBody::size_hint(body).lower();
    usize::try_from(size).unwrap_or(usize::MAX)
}

async fn judge(state: &Arc<State>, parts: Parts, body: Bytes, next: Next) -> Response {
    let Some(access) = key::access(&state.options, &parts.headers) else { return answer::empty(StatusCode::FORBIDDEN) };
    let faults = state.faults();
    let (fate, delay_ms) = state.draw(parts.uri.path(), &body);
    if delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
    }
    match fate {
        Fate::Status(403) => return answer::empty(StatusCode::FORBIDDEN),
        Fate::Status(status) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
            return answer::text(status, status.canonical_reason().unwrap_or("error"));
        }
        Fate::TooMany => {
            let mut response = answer::text(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests");
            if let Some(seconds) = faults.retry_after_seconds {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            }
            return response;
        }
        Fate::Html => {
            return answer::typed(
                "text/html; charset=utf-8",
                "<!doctype html><title>Pendo</title><p>We will be right back.",
            );
        }
        Fate::Trouble(trouble) => {
            if let Some(response) = trouble::refusal(trouble, state.numbered.load(Ordering::SeqCst)) {
                return response;
            }
        }
        Fate::Fine | Fate::Cut | Fate::Shrink | Fate::Empty => {}
    }
    let mut request = Request::from_parts(parts, Body::from(body));
    request.extensions_mut().insert(access);
    request.extensions_mut().insert(fate);
    let response = next.run(request).await;
    if response.status() != StatusCode::OK {
        return response;
    }
    if let Fate::Trouble(trouble) = fate {
        return trouble::spoiled(trouble, response).await;
    }
    let too_big = |size: usize| faults.max_bytes > 0 && size as u64 > faults.max_bytes;
    if fate != Fate::Cut && !too_big(http_body_size(response.body())) {
        return response;
    }
    let whole = to_bytes(response.into_body(), usize::MAX).await.unwrap_or_default();
    let keep =
        if fate == Fate::Cut { whole.len() / 2 } else { usize::try_from(faults.max_bytes).unwrap_or(usize::MAX) };
    answer::cut(&whole, keep, faults.cut_cleanly)
}
