//! Integration keys in Secrets Manager. The only place that says `aws_sdk_secretsmanager`.
#![expect(clippy::disallowed_types, reason = "the one room that holds keys")]

/// The integration keys.
#[derive(Clone)]
pub struct Secrets {
    client: aws_sdk_secretsmanager::Client,
    prefix: String,
}

impl Secrets {
    /// Over the SDK's client; `prefix` begins every secret's name.
    #[must_use]
    pub fn new(client: aws_sdk_secretsmanager::Client, prefix: String) -> Self {
        Self { client, prefix }
    }
}
