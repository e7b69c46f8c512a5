//! From an HTTP request to the event of an HTTP API (payload format 2.0), and from a function's answer back to HTTP.

use std::collections::BTreeMap;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use aws_lambda_events::encodings::Body as EventBody;
use axum::body::Body;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, COOKIE, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde_json::json;

use super::routes::Route;

/// An answer of a function may not be larger.
const RESPONSE_MAX: usize = 6 * 1024 * 1024;

/// How long a request's first line and the values of its headers are together.
pub(super) fn head_bytes(parts: &Parts) -> usize {
    let line = format!("{} {} {:?}", parts.method, parts.uri, parts.version).len();
    line + parts.headers.values().map(HeaderValue::len).sum::<usize>()
}

/// What a function is handed.
///
/// # Errors
/// The event does not fit its own type, which would be a mistake here.
pub(super) fn request(
    parts: &Parts,
    body: &[u8],
    route: &Route,
    claims: &BTreeMap<String, String>,
    request_id: &str,
) -> Result<ApiGatewayV2httpRequest, serde_json::Error> {
    let path = parts.uri.path();
    let query = parts.uri.query().unwrap_or_default();
    let host = parts.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1");
    let now = machine_time();
    let mut event = json!({
        "version": "2.0",
        "routeKey": route.key(),
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers(&parts.headers),
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "authorizer": {"jwt": {"claims": claims, "scopes": null}},
            "domainName": host,
            "domainPrefix": host.split(['.', ':']).next(),
            "http": {
                "method": parts.method.as_str(),
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": parts.headers.get("user-agent").and_then(|agent| agent.to_str().ok()).unwrap_or_default(),
            },
            "requestId": request_id,
            "routeKey": route.key(),
            "stage": "$default",
            "time": now.format("%d/%b/%Y:%H:%M:%S %z").to_string(),
            "timeEpoch": now.timestamp_millis(),
        },
        "isBase64Encoded": false,
    });
    let cookies = cookies(&parts.headers);
    if !cookies.is_empty() {
        event["cookies"] = json!(cookies);
    }
    let parameters = query_parameters(query);
    if !parameters.is_empty() {
        event["queryStringParameters"] = json!(parameters);
    }
    if !route.path_parameters.is_empty() {
        event["pathParameters"] = json!(route.path_parameters);
    }
    if !body.is_empty() {
        match text_of(&parts.headers, body) {
            Some(text) => event["body"] = json!(text),
            None => {
                event["body"] = json!(STANDARD.encode(body));
                event["isBase64Encoded"] = json!(true);
            }
        }
    }
    serde_json::from_value(event)
}

/// What the caller gets. An answer that can't be sent becomes the gateway's own 500.
pub(super) fn response(answer: ApiGatewayV2httpResponse) -> Response<Body> {
    let body = match answer.body {
        None | Some(EventBody::Empty) => Vec::new(),
        Some(EventBody::Text(text)) if answer.is_base64_encoded => match STANDARD.decode(text) {
            Ok(bytes) => bytes,
            Err(_) => return message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
        },
        Some(EventBody::Text(text)) => text.into_bytes(),
        Some(EventBody::Binary(bytes)) => bytes,
        Some(_) => return message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
    };
    let status = u16::try_from(answer.status_code).ok().and_then(|code| StatusCode::from_u16(code).ok());
    let Some(status) = status.filter(|_| body.len() <= RESPONSE_MAX) else {
        return message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error");
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    *response.headers_mut() = answer.headers;
    for cookie in &answer.cookies {
        if let Ok(cookie) = HeaderValue::from_str(cookie) {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
    }
    response.headers_mut().entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// An answer of the gateway itself.
pub(super) fn message(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(json!({"message": text}).to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Lower-cased names (as HTTP types keep them), several values of one name joined with commas, cookies left out.
fn headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut joined: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in headers.iter().filter(|(name, _)| *name != COOKIE) {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        joined.entry(name.as_str().to_owned()).and_modify(|known| *known = format!("{known},{value}")).or_insert(value);
    }
    joined
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split("; ").map(str::to_owned)).collect()
}

/// Decoded, several values of one name joined with commas.
fn query_parameters(query: &str) -> BTreeMap<String, String> {
    let mut joined: BTreeMap<String, String> = BTreeMap::new();
    let Ok(url) = reqwest::Url::parse(&format!("http://local.invalid/?{query}")) else { return joined };
    for (name, value) in url.query_pairs() {
        joined
            .entry(name.into_owned())
            .and_modify(|known| *known = format!("{known},{value}"))
            .or_insert_with(|| value.into_owned());
    }
    joined
}

#[expect(clippy::disallowed_methods, reason = "an event bears the gateway's time, not the functions' clock")]
fn machine_time() -> DateTime<Utc> {
    Utc::now()
}

/// The body as text, unless its type or its bytes say that it is something else.
fn text_of<'a>(headers: &HeaderMap, body: &'a [u8]) -> Option<&'a str> {
    let content_type = headers.get(CONTENT_TYPE)?.to_str().ok()?.to_ascii_lowercase();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    let is_text = essence.starts_with("text/")
        || essence.ends_with("+json")
        || matches!(essence, "application/json" | "application/javascript" | "application/xml");
    if !is_text || headers.contains_key(CONTENT_ENCODING) {
        return None;
    }
    std::str::from_utf8(body).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::routes;
    use axum::http::Request;

    fn event(request: Request<()>, body: &[u8]) -> serde_json::Value {
        let (parts, ()) = request.into_parts();
        let route = routes::find(parts.uri.path()).unwrap();
        let claims = BTreeMap::from([("workspace".to_owned(), "w".to_owned())]);
        serde_json::to_value(super::request(&parts, body, &route, &claims, "id-1").unwrap()).unwrap()
    }

    #[test]
    fn a_request_becomes_an_event() {
        let request =
            Request::get("/v1/values?object=account&id=a%20b&id=c").header("X-Many", "1").header("X-Many", "2");
        let event = event(request.header("cookie", "a=1; b=2").body(()).unwrap(), b"");
        assert_eq!(event["rawQueryString"], "object=account&id=a%20b&id=c");
        assert_eq!(event["queryStringParameters"]["object"], "account");
        assert_eq!(event["headers"]["x-many"], "1,2");
        assert_eq!(event["cookies"], json!(["a=1", "b=2"]));
        assert_eq!(event["requestContext"]["authorizer"]["jwt"]["claims"]["workspace"], "w");
        assert_eq!(event["requestContext"]["http"]["method"], "GET");
        assert_eq!(event["requestContext"]["requestId"], "id-1");
    }

    #[test]
    fn a_body_is_text_only_if_its_type_and_its_bytes_are() {
        let cases: [(&str, &[u8], bool); 5] = [
            ("application/json; charset=utf-8", b"{}", false),
            ("text/csv", b"id,name", false),
            ("text/csv", b"\xff\xfe", true),
            ("application/x-ndjson", b"{}", true),
            ("application/octet-stream", b"{}", true),
        ];
        for (content_type, body, is_encoded) in cases {
            let request = Request::put("/v1/directory/accounts").header("content-type", content_type).body(()).unwrap();
            let event = event(request, body);
            assert_eq!(event["isBase64Encoded"], is_encoded, "{content_type}");
        }
    }
}
