//! The tokens a caller shows to the gateway: RS256, signed with a key that never leaves this machine.
//!
//! In AWS an identity provider does this; the functions only ever see verified claims.

use std::sync::OnceLock;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::data_dir::{DataDir, write_private};

/// Who signs.
pub const ISSUER: &str = "https://local.invalid/";
/// For whom.
pub const AUDIENCE: &str = "pendo-usage";
/// The one workspace of the command.
pub const WORKSPACE: &str = "local";

const LIFETIME_SECONDS: u64 = 30 * 24 * 3600;

/// The two levels that the command hands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessLevel {
    /// May configure.
    High,
    /// May read.
    Standard,
}

impl AccessLevel {
    /// As the claim says it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Standard => "standard",
        }
    }
}

/// The signing key could not be made, read, kept or used.
#[derive(Debug, thiserror::Error)]
#[error("the key that signs tokens {0}")]
pub struct TokenError(String);

/// Signs tokens.
pub struct Tokens {
    key: RsaKeyPair,
}

impl Tokens {
    /// With a key that lives as long as the process: making one takes longer than starting everything else.
    ///
    /// # Errors
    /// No key could be made.
    pub fn of_this_process() -> Result<Self, TokenError> {
        static PKCS8: OnceLock<Vec<u8>> = OnceLock::new();
        let pkcs8 = match PKCS8.get() {
            Some(known) => known,
            None => {
                let fresh = generated()?;
                PKCS8.get_or_init(|| fresh)
            }
        };
        Self::from_pkcs8(pkcs8)
    }

    /// With the key that a data directory keeps, made there if it is new: tokens work again after a restart.
    ///
    /// # Errors
    /// The key could not be read, made or written.
    pub fn kept_in(dir: &DataDir) -> Result<Self, TokenError> {
        let path = dir.file("token-key.der");
        let pkcs8 = match std::fs::read(&path) {
            Ok(known) => known,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let fresh = generated()?;
                write_private(&path, &fresh).map_err(|error| TokenError(format!("could not be kept: {error}")))?;
                fresh
            }
            Err(error) => return Err(TokenError(format!("could not be read: {error}"))),
        };
        Self::from_pkcs8(&pkcs8)
    }

    fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, TokenError> {
        let key = RsaKeyPair::from_pkcs8(pkcs8).map_err(|error| TokenError(format!("is unreadable: {error}")))?;
        Ok(Self { key })
    }

    /// The claims of a token that the gateway takes, good for thirty days.
    #[must_use]
    pub fn claims(workspace: &str, access_level: &str) -> Value {
        let now = jsonwebtoken::get_current_timestamp();
        json!({
            "sub": format!("{access_level}@{workspace}"),
            "iss": ISSUER,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + LIFETIME_SECONDS,
            "workspace": workspace,
            "access_level": access_level,
        })
    }

    /// Signs any claims, wrong ones too.
    ///
    /// # Errors
    /// The signature failed.
    pub fn sign(&self, claims: &Value) -> Result<String, TokenError> {
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"JWT"}"#);
        let payload = URL_SAFE_NO_PAD.encode(claims.to_string());
        let message = format!("{header}.{payload}");
        let mut signature = vec![0; self.key.public_modulus_len()];
        let signed = self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature);
        signed.map_err(|_| TokenError("could not sign".to_owned()))?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// The public key, as DER (PKCS #1).
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        self.key.public_key().as_ref()
    }
}

fn generated() -> Result<Vec<u8>, TokenError> {
    let made = RsaKeyPair::generate(KeySize::Rsa2048)
        .and_then(|key| key.as_der().map(|der: Pkcs8V1Der<'_>| der.as_ref().to_vec()));
    made.map_err(|_| TokenError("could not be made".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_key_signs_the_same_after_a_restart() {
        let root = tempfile::tempdir().unwrap();
        let dir = DataDir::open(root.path()).unwrap();
        let claims = Tokens::claims("local", "high");
        let first = Tokens::kept_in(&dir).unwrap().sign(&claims).unwrap();
        let second = Tokens::kept_in(&dir).unwrap().sign(&claims).unwrap();
        assert_eq!(first, second);
    }
}
