//! Answers: from a reply or a problem to what the gateway sends.

use super::Problem;
use crate::store::once::Answered;
use aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use aws_lambda_events::encodings::Body;
use aws_lambda_events::http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::Serialize;

/// What a handler answers when all went well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    status: u16,
    content_type: &'static str,
    body: String,
    more: Vec<(HeaderName, HeaderValue)>,
}

impl Reply {
    /// A JSON answer.
    ///
    /// # Errors
    /// 500 when the value can't be written.
    pub fn json(status: u16, value: &impl Serialize) -> Result<Self, Problem> {
        let body = serde_json::to_string(value).map_err(Problem::internal)?;
        Ok(Self { status, content_type: "application/json", body, more: Vec::new() })
    }

    /// A CSV answer. `next` is the cursor of the next page, which a table has no other place for.
    #[must_use]
    pub fn csv(body: String, next: Option<&str>) -> Self {
        let next = next.and_then(|next| HeaderValue::from_str(next).ok());
        let more = next.map(|next| (HeaderName::from_static("x-next-cursor"), next)).into_iter().collect();
        Self { status: 200, content_type: "text/csv; charset=utf-8", body, more }
    }

    /// The same with the tag of what stands.
    #[must_use]
    pub fn tagged(mut self, etag: &str) -> Self {
        self.more.extend(HeaderValue::from_str(etag).ok().map(|tag| (header::ETAG, tag)));
        self
    }

    /// What is kept of an answer to be given again.
    pub(super) fn kept(&self) -> Answered {
        let etag = self.more.iter().find(|(name, _)| *name == header::ETAG);
        let etag = etag.and_then(|(_, tag)| tag.to_str().ok()).map(str::to_owned);
        Answered { status: self.status, body: self.body.clone(), etag }
    }

    /// An answer that was kept; all that are kept are JSON.
    pub(super) fn again(kept: Answered) -> Self {
        let reply = Self { status: kept.status, content_type: "application/json", body: kept.body, more: Vec::new() };
        match kept.etag {
            Some(etag) => reply.tagged(&etag),
            None => reply,
        }
    }

    /// 204 without a body.
    #[must_use]
    pub const fn empty() -> Self {
        Self { status: 204, content_type: "", body: String::new(), more: Vec::new() }
    }
}

/// Turns the outcome into the gateway's response; the inner error of a problem is logged here, once.
#[must_use]
pub fn answer(request_id: &str, outcome: Result<Reply, Problem>) -> ApiGatewayV2httpResponse {
    let reply = outcome.unwrap_or_else(|problem| refuse(request_id, &problem));
    let mut headers = HeaderMap::new();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
    headers.extend(reply.more);
    let mut response = ApiGatewayV2httpResponse::default();
    response.status_code = i64::from(reply.status);
    if !reply.content_type.is_empty() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(reply.content_type));
        response.body = Some(Body::Text(reply.body));
    }
    response.headers = headers;
    response
}

fn refuse(request_id: &str, problem: &Problem) -> Reply {
    #[derive(Serialize)]
    struct Shown<'a> {
        #[serde(flatten)]
        problem: &'a Problem,
        title: &'static str,
        request_id: &'a str,
    }
    let (status, slug) = (problem.status, problem.slug);
    match problem.cause() {
        Some(cause) if status >= 500 => {
            tracing::error!(request.id = request_id, status, problem.kind = slug, cause, "refused")
        }
        cause => tracing::info!(request.id = request_id, status, problem.kind = slug, cause, "refused"),
    }
    let mut more = Vec::new();
    let allow = problem.extra.get("allow").and_then(|allow| HeaderValue::from_str(allow.as_str()?).ok());
    more.extend(allow.map(|allow| (header::ALLOW, allow)));
    more.extend(problem.retry_after.map(|seconds| (header::RETRY_AFTER, HeaderValue::from(seconds.get()))));
    let body = serde_json::to_string(&Shown { problem, title: problem.title(), request_id }).unwrap_or_default();
    Reply { status, content_type: "application/problem+json", body, more }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_answered_with_its_media_type_and_the_request_id() {
        let response = answer("r-1", Err(Problem::method("GET, POST")));
        assert_eq!(response.status_code, 405);
        assert_eq!(response.headers[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(response.headers[header::ALLOW], "GET, POST");
        let Some(Body::Text(body)) = response.body else { panic!("a body") };
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["request_id"], "r-1");
        assert_eq!(body["type"], "/problems/method-not-allowed");
    }

    #[test]
    fn an_empty_reply_has_no_body() {
        let response = answer("r-1", Ok(Reply::empty()));
        assert_eq!((response.status_code, response.body), (204, None));
    }
}
