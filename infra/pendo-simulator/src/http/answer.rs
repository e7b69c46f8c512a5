//! The shapes of answers: JSON, plain text as Go writes it, nothing at all, and bodies that break off.

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use futures_util::{StreamExt, stream};

/// A body of JSON.
pub(super) fn json(body: impl Into<Bytes>) -> Response {
    with_type(StatusCode::OK, "application/json", Body::from(body.into()))
}

/// A JSON value.
pub(super) fn value(value: &impl serde::Serialize) -> Response {
    serde_json::to_vec(value).map_or_else(|_| empty(StatusCode::INTERNAL_SERVER_ERROR), json)
}

/// Plain text.
pub(super) fn text(status: StatusCode, text: impl Into<String>) -> Response {
    with_type(status, "text/plain; charset=utf-8", Body::from(text.into()))
}

/// A body of some other type.
pub(super) fn typed(kind: &'static str, body: impl Into<Bytes>) -> Response {
    with_type(StatusCode::OK, kind, Body::from(body.into()))
}

/// No body.
pub(super) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// The first part of a body, and then a broken connection, or, if `cleanly`, an ordinary end.
pub(super) fn cut(body: &Bytes, keep: usize, cleanly: bool) -> Response {
    let part = body.slice(..keep.min(body.len()));
    let end = if cleanly { None } else { Some(Err(std::io::Error::other("cut by the simulator"))) };
    let pieces = [Some(Ok::<Bytes, std::io::Error>(part)), end];
    // The first piece must leave before the connection breaks, or the client sees no answer at all.
    let pieces = stream::unfold(pieces.into_iter().flatten(), |mut rest| async move {
        let next = rest.next()?;
        if next.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        Some((next, rest))
    });
    with_type(StatusCode::OK, "application/json", Body::from_stream(Box::pin(pieces.fuse())))
}

fn with_type(status: StatusCode, kind: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
