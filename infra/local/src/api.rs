//! A caller of the API, with a token: what `curl` would do.

use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;

/// Calls the API of one workspace.
#[derive(Clone)]
pub struct Api {
    base_url: String,
    token: String,
    client: Client,
}

/// The API refused, or could not be reached.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// A problem, with its status and its own sentence.
    #[error("{detail} ({method} {path} answered {status})")]
    Refused {
        /// The method.
        method: Method,
        /// The path with its query.
        path: String,
        /// The HTTP status.
        status: u16,
        /// What the API says about it.
        detail: String,
    },
    /// No whole answer.
    #[error("the API could not be reached")]
    Unreachable(#[from] reqwest::Error),
}

impl Api {
    /// At a base URL.
    #[must_use]
    pub fn new(base_url: String, token: String) -> Self {
        Self { base_url, token, client: Client::new() }
    }

    /// Reads.
    ///
    /// # Errors
    /// The API's refusal.
    pub async fn get(&self, path: &str) -> Result<Value, ApiError> {
        self.call(Method::GET, path, |request| request).await
    }

    /// Sends JSON.
    ///
    /// # Errors
    /// The API's refusal.
    pub async fn send(&self, method: Method, path: &str, body: &Value) -> Result<Value, ApiError> {
        self.call(method, path, |request| request.json(body)).await
    }

    /// Uploads text of a type.
    ///
    /// # Errors
    /// The API's refusal.
    pub async fn put_text(&self, path: &str, content_type: &'static str, text: String) -> Result<Value, ApiError> {
        self.call(Method::PUT, path, |request| request.header("content-type", content_type).body(text)).await
    }

    /// Reads every page of a list.
    ///
    /// # Errors
    /// The API's refusal.
    pub async fn all_items(&self, path: &str) -> Result<Vec<Value>, ApiError> {
        let mut items = Vec::new();
        let mut page = self.get(path).await?;
        loop {
            if let Some(Value::Array(some)) = page.get_mut("items").map(Value::take) {
                items.extend(some);
            }
            let Some(cursor) = page.get("next").and_then(Value::as_str) else { return Ok(items) };
            let separator = if path.contains('?') { '&' } else { '?' };
            page = self.get(&format!("{path}{separator}cursor={cursor}")).await?;
        }
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        fill: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<Value, ApiError> {
        let request = self.client.request(method.clone(), format!("{}{path}", self.base_url)).bearer_auth(&self.token);
        let response = fill(request).send().await?;
        let status = response.status();
        let text = response.text().await?;
        let body: Value = serde_json::from_str(&text).unwrap_or_default();
        if status.is_success() {
            return Ok(body);
        }
        let said = ["detail", "title", "message"].into_iter().find_map(|member| body.get(member)?.as_str());
        let detail = said.unwrap_or("no reason was given").to_owned();
        Err(ApiError::Refused { method, path: path.to_owned(), status: status.as_u16(), detail })
    }
}
