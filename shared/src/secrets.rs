//! Integration keys in Secrets Manager. The only place that says `aws_sdk_secretsmanager`, and, with one header line of
//! the Pendo client, the only one that looks at a key's text.
//!
//! Every connection has a secret under a fresh random name: a deleted name can stay blocked for days, and names are
//! visible to operators, so they tell nothing.
#![expect(clippy::disallowed_types, reason = "the one room that holds keys")]

use crate::id::random_hex;
use aws_sdk_secretsmanager::error::SdkError;
use secrecy::ExposeSecret;
pub use secrecy::SecretString;

/// The longest key that is taken.
const KEY_CHARS_MAX: usize = 256;

/// The integration keys.
#[derive(Clone)]
pub struct Secrets {
    client: aws_sdk_secretsmanager::Client,
    prefix: String,
    kms_key: Option<String>,
}

/// Why a key could not be kept or read. No variant carries the key.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// There is no such secret, or it is being deleted: the connection has moved on.
    #[error("the secret {name} is not there")]
    Missing {
        /// Its name.
        name: String,
    },
    /// Secrets Manager did not do it, after the SDK's own retries.
    #[error("secrets manager did not {action}")]
    Unavailable {
        /// What was being done.
        action: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Why a text can't be an integration key; nothing was sent anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Nothing is left when its ends are trimmed.
    #[error("the key is empty")]
    Empty,
    /// There is white space inside.
    #[error("the key has white space inside")]
    Space,
    /// Control characters or characters outside ASCII.
    #[error("the key has characters that no key has")]
    Character,
    /// Longer than any key.
    #[error("the key has more than 256 characters")]
    Long,
}

/// Takes a key as it was pasted: its ends are trimmed, no shape such as a UUID is demanded.
///
/// # Errors
/// A text that can't be a key.
pub fn parse_key(text: &str) -> Result<SecretString, KeyError> {
    let key = text.trim();
    if key.is_empty() {
        return Err(KeyError::Empty);
    }
    if key.chars().count() > KEY_CHARS_MAX {
        return Err(KeyError::Long);
    }
    if key.chars().any(|c| !c.is_ascii() || (c.is_control() && !c.is_ascii_whitespace())) {
        return Err(KeyError::Character);
    }
    if key.contains(|c: char| c.is_ascii_whitespace()) {
        return Err(KeyError::Space);
    }
    Ok(SecretString::from(key))
}

/// Whether two keys are the same.
#[must_use]
pub fn is_same_key(one: &SecretString, other: &SecretString) -> bool {
    one.expose_secret() == other.expose_secret()
}

impl Secrets {
    /// Over the SDK's client; `prefix` begins every secret's name, `kms_key` encrypts them instead of AWS's own key.
    #[must_use]
    pub fn new(client: aws_sdk_secretsmanager::Client, prefix: String, kms_key: Option<String>) -> Self {
        Self { client, prefix, kms_key }
    }

    /// A fresh random name.
    #[must_use]
    pub fn fresh_name(&self) -> String {
        format!("{}{}", self.prefix, random_hex())
    }

    /// Keeps a key under a fresh name.
    ///
    /// # Errors
    /// Secrets Manager's.
    pub async fn create(&self, name: &str, key: &SecretString) -> Result<(), SecretsError> {
        self.client
            .create_secret()
            .name(name)
            .description("Pendo integration key")
            .set_kms_key_id(self.kms_key.clone())
            .secret_string(key.expose_secret())
            .send()
            .await
            .map_err(|error| unavailable("keep a key", error))?;
        Ok(())
    }

    /// Reads a key.
    ///
    /// # Errors
    /// [`SecretsError::Missing`]; Secrets Manager's.
    pub async fn get(&self, name: &str) -> Result<SecretString, SecretsError> {
        let missing = || SecretsError::Missing { name: name.to_owned() };
        match self.client.get_secret_value().secret_id(name).send().await {
            Ok(answer) => answer.secret_string.map(SecretString::from).ok_or_else(missing),
            // A secret that is marked for deletion answers an invalid request.
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|e| e.is_resource_not_found_exception() || e.is_invalid_request_exception()) =>
            {
                Err(missing())
            }
            Err(error) => Err(unavailable("read a key", error)),
        }
    }

    /// Replaces the key of a secret. Idempotent by the key.
    ///
    /// # Errors
    /// [`SecretsError::Missing`]; Secrets Manager's.
    pub async fn put(&self, name: &str, key: &SecretString) -> Result<(), SecretsError> {
        match self.client.put_secret_value().secret_id(name).secret_string(key.expose_secret()).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => {
                Err(SecretsError::Missing { name: name.to_owned() })
            }
            Err(error) => Err(unavailable("replace a key", error)),
        }
    }

    /// Deletes a secret at once and for good. Deleting what is not there is fine.
    ///
    /// # Errors
    /// Secrets Manager's.
    pub async fn delete(&self, name: &str) -> Result<(), SecretsError> {
        match self.client.delete_secret().secret_id(name).force_delete_without_recovery(true).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => Ok(()),
            Err(error) => Err(unavailable("delete a key", error)),
        }
    }
}

/// Keeps the service's code and message, which never hold the key. The request itself does, so it does not come along.
fn unavailable<E, R>(action: &'static str, error: SdkError<E, R>) -> SecretsError
where
    E: std::error::Error + Send + Sync + 'static,
{
    let source = match error {
        SdkError::ServiceError(context) => context.into_err().into(),
        other => describe(&other).into(),
    };
    SecretsError::Unavailable { action, source }
}

const fn describe<E, R>(error: &SdkError<E, R>) -> &'static str {
    match error {
        SdkError::ConstructionFailure(_) => "the request could not be formed",
        SdkError::TimeoutError(_) => "it took too long",
        SdkError::DispatchFailure(_) => "it could not be reached",
        _ => "its answer could not be read",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_key_is_refused_and_its_ends_are_trimmed() {
        for (text, error) in [
            ("", KeyError::Empty),
            (" \n\t ", KeyError::Empty),
            ("abc def", KeyError::Space),
            ("abc\ndef", KeyError::Space),
            ("abc\u{0}def", KeyError::Character),
            ("abc\u{7f}", KeyError::Character),
            ("schlüssel", KeyError::Character),
            ("abc\u{a0}def", KeyError::Character),
        ] {
            assert_eq!(parse_key(text).unwrap_err(), error, "{text:?}");
        }
        assert_eq!(parse_key(&"k".repeat(257)).unwrap_err(), KeyError::Long);
        assert!(parse_key(&"k".repeat(256)).is_ok());
        let pasted = parse_key("  not-a-uuid.eu \r\n").unwrap();
        assert!(is_same_key(&pasted, &SecretString::from("not-a-uuid.eu")));
    }

    #[test]
    fn a_key_does_not_show_when_printed() {
        assert!(!format!("{:?}", parse_key("my-key").unwrap()).contains("my-key"));
    }
}
