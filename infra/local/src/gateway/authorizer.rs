//! What API Gateway's JWT authorizer does: RS256 only, issuer, audience and times, and the claims as it hands them on.

use std::collections::BTreeMap;

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Map, Value};

use crate::tokens::{AUDIENCE, ISSUER};

/// Verifies tokens against one public key.
pub struct Authorizer {
    key: DecodingKey,
    validation: Validation,
}

impl Authorizer {
    /// Over a public key as DER (PKCS #1).
    #[must_use]
    pub fn new(public_key: &[u8]) -> Self {
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation.validate_nbf = true;
        validation.leeway = 0;
        Self { key: DecodingKey::from_rsa_der(public_key), validation }
    }

    /// The claims of an `Authorization` header, if it bears a good token.
    #[must_use]
    pub fn claims(&self, authorization: Option<&str>) -> Option<BTreeMap<String, String>> {
        let (scheme, token) = authorization?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let decoded = jsonwebtoken::decode::<Map<String, Value>>(token.trim(), &self.key, &self.validation).ok()?;
        let now = jsonwebtoken::get_current_timestamp();
        let is_from_the_future = decoded.claims.get("iat").is_some_and(|iat| iat.as_u64().is_none_or(|iat| iat > now));
        if is_from_the_future {
            return None;
        }
        Some(decoded.claims.iter().map(|(name, value)| (name.clone(), in_words(value))).collect())
    }
}

/// A claim as text: arrays as `[a b]`, objects as `map[a:1 b:2]`, which is how the real authorizer prints them.
fn in_words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(in_words).collect::<Vec<_>>().join(" ")),
        Value::Object(fields) => {
            let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{name}:{}", in_words(value))).collect();
            format!("map[{}]", pairs.join(" "))
        }
        Value::Null => "<nil>".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::Tokens;
    use jsonwebtoken::{EncodingKey, Header};
    use serde_json::json;

    fn bearer(tokens: &Tokens, claims: &Value) -> String {
        format!("Bearer {}", tokens.sign(claims).unwrap())
    }

    #[test]
    fn claims_arrive_as_text() {
        let tokens = Tokens::of_this_process().unwrap();
        let authorizer = Authorizer::new(tokens.public_key());
        let mut claims = Tokens::claims("w", "high");
        claims["groups"] = json!(["a", "b"]);
        claims["admin"] = json!(true);
        let seen = authorizer.claims(Some(&bearer(&tokens, &claims))).unwrap();
        assert_eq!(seen["workspace"], "w");
        assert_eq!(seen["groups"], "[a b]");
        assert_eq!(seen["admin"], "true");
        assert_eq!(seen["exp"], claims["exp"].to_string());
    }

    #[test]
    fn wrong_claims_are_refused() {
        let tokens = Tokens::of_this_process().unwrap();
        let authorizer = Authorizer::new(tokens.public_key());
        let now = jsonwebtoken::get_current_timestamp();
        let cases = [
            ("expired", "exp", json!(now - 5)),
            ("not yet valid", "nbf", json!(now + 60)),
            ("issued in the future", "iat", json!(now + 60)),
            ("another issuer", "iss", json!("https://elsewhere.invalid/")),
            ("another audience", "aud", json!("another-api")),
            ("without expiry", "exp", Value::Null),
        ];
        for (name, claim, value) in cases {
            let mut claims = Tokens::claims("w", "high");
            claims[claim] = value;
            assert_eq!(authorizer.claims(Some(&bearer(&tokens, &claims))), None, "{name}");
        }
        for claim in ["exp", "iss", "aud"] {
            let mut claims = Tokens::claims("w", "high");
            claims.as_object_mut().unwrap().remove(claim);
            assert_eq!(authorizer.claims(Some(&bearer(&tokens, &claims))), None, "without {claim}");
        }
    }

    #[test]
    fn other_algorithms_and_keys_are_refused() {
        let tokens = Tokens::of_this_process().unwrap();
        let authorizer = Authorizer::new(tokens.public_key());
        let claims = Tokens::claims("w", "high");
        let good = bearer(&tokens, &claims);
        let (_, payload_and_signature) = good.split_once('.').unwrap();
        let payload = payload_and_signature.split('.').next().unwrap();

        // {"alg":"none","typ":"JWT"}
        let unsigned = format!("Bearer eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{payload}.");
        let with_public_key_as_secret = jsonwebtoken::encode(
            &Header::new(Algorithm::HS256),
            &claims,
            &EncodingKey::from_secret(tokens.public_key()),
        )
        .unwrap();
        let of_another_key = {
            let root = tempfile::tempdir().unwrap();
            let dir = crate::data_dir::DataDir::open(root.path()).unwrap();
            bearer(&Tokens::kept_in(&dir).unwrap(), &claims)
        };
        let no_bearer = good.replace("Bearer ", "Basic ");
        for token in [
            unsigned.as_str(),
            &format!("Bearer {with_public_key_as_secret}"),
            &of_another_key,
            &no_bearer,
            "Bearer",
            "Bearer x.y.z",
        ] {
            assert_eq!(authorizer.claims(Some(token)), None, "{token}");
        }
        assert_eq!(authorizer.claims(None), None);
        assert!(authorizer.claims(Some(&good)).is_some());
    }
}
