//! What was asked: method, path, query, claims and body, taken from the gateway's event (payload 2.0).
//!
//! Customers' ids stand in the query, never in the path. Each query name is taken once, and unknown names are refused.

use super::Problem;
use super::locate::explain;
use super::operation::Parameter;
use crate::trail::Asker;
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use base64::Engine;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, HashMap};

/// The largest body of a configuration call.
pub const CONFIGURATION_BYTES_MAX: usize = 64 * 1024;
/// The largest file that holds a whole configuration.
pub const FILE_BYTES_MAX: usize = 1024 * 1024;
/// The largest upload of a directory.
pub const UPLOAD_BYTES_MAX: usize = 4 * 1024 * 1024;

/// One request. It has no `Debug`: its body can hold a key.
pub struct Request {
    /// `GET`, `POST` …
    pub method: String,
    /// The path without the stage's name.
    pub path: String,
    /// The gateway's id of this request.
    pub id: String,
    query: Vec<(String, String)>,
    takes: &'static [Parameter],
    claims: HashMap<String, String>,
    content_type: Option<String>,
    idempotency_key: Option<String>,
    if_match: Option<String>,
    body: String,
    is_base64: bool,
}

impl Request {
    /// Takes the event apart.
    #[must_use]
    pub fn of(event: ApiGatewayV2httpRequest) -> Self {
        let context = event.request_context;
        let path = event.raw_path.unwrap_or_default();
        let stage = context.stage.unwrap_or_default();
        let path = match path.strip_prefix(&format!("/{stage}/")) {
            Some(rest) if !stage.is_empty() => format!("/{rest}"),
            _ => path,
        };
        let query = match event.raw_query_string {
            Some(raw) => pairs(&raw),
            None => {
                event.query_string_parameters.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
            }
        };
        let header =
            |name: &str| event.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let (content_type, idempotency_key) =
            (header("content-type").as_deref().map(media_type), header("idempotency-key"));
        Self {
            method: context.http.method.as_str().to_owned(),
            path,
            id: context.request_id.unwrap_or_default(),
            query,
            takes: &[],
            claims: context.authorizer.and_then(|authorizer| authorizer.jwt).map(|jwt| jwt.claims).unwrap_or_default(),
            content_type,
            idempotency_key,
            if_match: header("if-match"),
            body: event.body.unwrap_or_default(),
            is_base64: event.is_base64_encoded,
        }
    }

    /// A verified claim of the token.
    #[must_use]
    pub fn claim(&self, name: &str) -> Option<&str> {
        self.claims.get(name).map(String::as_str)
    }

    /// Who asks, for the trail.
    #[must_use]
    pub fn asker(&self, now_ms: i64) -> Asker {
        Asker::new(self.claim("sub"), &self.id, now_ms)
    }

    /// The same, as an operation takes it.
    #[must_use]
    pub fn taking(mut self, takes: &'static [Parameter]) -> Self {
        self.takes = takes;
        self
    }

    /// The query as a map.
    ///
    /// # Errors
    /// 422 for a name that the operation does not take, and for one that stands twice.
    pub fn query(&self) -> Result<BTreeMap<&str, &str>, Problem> {
        let known: Vec<&str> = self.takes.iter().map(|parameter| parameter.name).collect();
        let mut query = BTreeMap::new();
        for (name, value) in &self.query {
            if !known.contains(&name.as_str()) {
                let takes = if known.is_empty() { "nothing".to_owned() } else { known.join(", ") };
                return Err(Problem::invalid(
                    "unknown-parameter",
                    format!("?{name}"),
                    format!("\"{name}\" is unknown here: the query takes {takes}."),
                ));
            }
            if query.insert(name.as_str(), value.as_str()).is_some() {
                return Err(Problem::invalid(
                    "repeated-parameter",
                    format!("?{name}"),
                    format!("\"{name}\" stands twice in the query: give it once."),
                ));
            }
        }
        Ok(query)
    }

    /// The key under which the answer is to be given again.
    #[must_use]
    pub fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    /// The tags of which one must stand for the request to change anything.
    #[must_use]
    pub fn if_match(&self) -> Option<&str> {
        self.if_match.as_deref()
    }

    /// All that makes this request another one than the next.
    pub(super) fn asked(&self) -> impl Serialize {
        (&self.method, &self.path, &self.query, &self.content_type, &self.body)
    }

    /// The media type of the body, lower case and without parameters.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// The body of a configuration call.
    ///
    /// # Errors
    /// 413 over 64 KB, 415 for another type, 400 if it is not JSON, 422 with a pointer if its members are not those known.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        self.json_up_to(CONFIGURATION_BYTES_MAX)
    }

    /// A whole configuration.
    ///
    /// # Errors
    /// 413 over 1 MB; otherwise those of [`Request::json`].
    pub fn file(&self) -> Result<serde_json::Value, Problem> {
        self.json_up_to(FILE_BYTES_MAX)
    }

    fn json_up_to<T: DeserializeOwned>(&self, most: usize) -> Result<T, Problem> {
        if self.content_type().is_some_and(|found| found != "application/json") {
            return Err(Problem::media_type("Send the body as application/json."));
        }
        let body = self.bytes(most)?;
        if let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(&body) {
            let detail = format!("The body is not JSON: see line {}, column {}.", error.line(), error.column());
            return Err(Problem::bad_request("not-json", detail));
        }
        // A list would be taken for the members in their order.
        if body.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
            return Err(Problem::invalid("not-an-object", "", "The body must be a JSON object: {…}."));
        }
        serde_json::from_slice(&body).map_err(|error| explain(&body, &error))
    }

    /// The body of a directory upload.
    ///
    /// # Errors
    /// 413 over 4 MB.
    pub fn upload(&self) -> Result<Vec<u8>, Problem> {
        self.bytes(UPLOAD_BYTES_MAX)
    }

    fn bytes(&self, most: usize) -> Result<Vec<u8>, Problem> {
        let too_large =
            || Problem::too_large(format!("The body is over the limit of {} KB: send less at once.", most / 1024));
        if !self.is_base64 {
            return if self.body.len() > most { Err(too_large()) } else { Ok(self.body.clone().into_bytes()) };
        }
        if self.body.len() / 4 * 3 > most + 3 {
            return Err(too_large());
        }
        let body = base64::engine::general_purpose::STANDARD
            .decode(&self.body)
            .map_err(|_| Problem::bad_request("not-base64", "The body is marked as base64 and is not."))?;
        if body.len() > most { Err(too_large()) } else { Ok(body) }
    }
}

fn pairs(raw: &str) -> Vec<(String, String)> {
    let Ok(url) = reqwest::Url::parse(&format!("http://query/?{raw}")) else { return Vec::new() };
    url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

fn media_type(header: &str) -> String {
    header.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::api::operation::Takes;
    use aws_lambda_events::apigw::{ApiGatewayRequestAuthorizer, ApiGatewayRequestAuthorizerJwtDescription};

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        #[expect(dead_code, reason = "only its presence matters")]
        region: String,
    }

    pub(in crate::api) fn event(method: &str, path: &str) -> ApiGatewayV2httpRequest {
        let mut event = ApiGatewayV2httpRequest::default();
        event.request_context.http.method = method.parse().unwrap();
        event.raw_path = Some(path.to_owned());
        event
    }

    pub(in crate::api) fn authorizer(claims: &[(&str, &str)]) -> ApiGatewayRequestAuthorizer {
        let mut jwt = ApiGatewayRequestAuthorizerJwtDescription::default();
        jwt.claims = claims.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut authorizer = ApiGatewayRequestAuthorizer::default();
        authorizer.jwt = Some(jwt);
        authorizer
    }

    pub(in crate::api) fn config() -> crate::config::Config {
        crate::config::Config {
            table: String::new(),
            queue_url: String::new(),
            event_bus: String::new(),
            secret_prefix: String::new(),
            secret_kms_key: None,
            pendo_base_url: None,
            workspace_claim: "workspace".to_owned(),
            access_level_claim: "access_level".to_owned(),
            provisional_hours: 8,
            rows_held: crate::config::ROWS_HELD,
            pendo_requests_per_second: 10,
            passes: crate::config::Passes::default(),
            function: None,
        }
    }

    const fn parameter(name: &'static str) -> Parameter {
        Parameter { name, takes: Takes::Text, is_required: false, about: "", example: "" }
    }

    static TAKES: [Parameter; 2] = [parameter("object"), parameter("id")];

    fn with_body(body: &str) -> Request {
        let mut event = event("POST", "/v1/connection");
        event.body = Some(body.to_owned());
        Request::of(event)
    }

    #[test]
    fn a_named_stage_is_no_part_of_the_path() {
        let mut event = event("GET", "/live/v1/fields/7");
        event.request_context.stage = Some("live".to_owned());
        assert_eq!(Request::of(event).path, "/v1/fields/7");
    }

    #[test]
    fn the_query_is_decoded_once_and_keeps_commas() {
        let mut event = event("GET", "/v1/values");
        event.raw_query_string = Some("object=account&id=A%2C1%20%252F%26".to_owned());
        let request = Request::of(event).taking(&TAKES);
        assert_eq!(request.query().unwrap()["id"], "A,1 %2F&");
        let request = request.taking(&TAKES[..1]);
        assert_eq!(request.query().unwrap_err().pointer.as_deref(), Some("?id"));
    }

    #[test]
    fn a_name_that_stands_twice_is_refused() {
        let mut event = event("GET", "/v1/values");
        event.raw_query_string = Some("id=a&id=b".to_owned());
        assert_eq!(Request::of(event).taking(&TAKES).query().unwrap_err().status, 422);
    }

    #[test]
    fn bodies_are_refused_with_the_status_of_their_fault() {
        let large = format!("{{\"region\":\"{}\"}}", "x".repeat(CONFIGURATION_BYTES_MAX));
        for (body, status) in [
            ("", 400),
            ("{", 400),
            ("not json", 400),
            ("[]", 422),
            ("{}", 422),
            ("{\"region\":1}", 422),
            (large.as_str(), 413),
        ] {
            assert_eq!(
                with_body(body).json::<Body>().unwrap_err().status,
                status,
                "{}",
                body.chars().take(20).collect::<String>()
            );
        }
        assert!(with_body("{\"region\":\"us\"}").json::<Body>().is_ok());
        assert_eq!(with_body(&"[".repeat(10_000)).json::<Body>().unwrap_err().status, 400);
    }

    #[test]
    fn a_body_of_exactly_the_limit_passes_also_in_base64() {
        let exact = format!("{{\"region\":\"{}\"}}", "x".repeat(CONFIGURATION_BYTES_MAX - 13));
        assert_eq!(exact.len(), CONFIGURATION_BYTES_MAX);
        assert!(with_body(&exact).json::<Body>().is_ok());
        let mut event = event("POST", "/v1/connection");
        event.body = Some(base64::engine::general_purpose::STANDARD.encode(&exact));
        event.is_base64_encoded = true;
        assert!(Request::of(event).json::<Body>().is_ok());
    }

    #[test]
    fn a_form_is_not_taken_for_json() {
        let mut event = event("POST", "/v1/connection");
        event.headers.insert("content-type", "application/x-www-form-urlencoded".parse().unwrap());
        assert_eq!(Request::of(event).json::<Body>().unwrap_err().status, 415);
    }
}
