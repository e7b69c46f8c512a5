//! Pendo's visitors and accounts with the one value that matching compares, read as a stream.

use super::{Client, PendoError};
use crate::store::noun::People;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How the ids of anonymous visitors begin.
const ANONYMOUS: &str = "_PENDO_T_";

/// Reads every identified visitor, or every account, with the value at `path` (`visitorId`, `accountId` or a metadata
/// path): id → value, `None` where it has none.
///
/// # Errors
/// Pendo's.
pub async fn list(client: &Client, people: People, path: &str) -> Result<BTreeMap<String, Option<String>>, PendoError> {
    let (id, pipeline) = match people {
        People::Visitors => (
            "visitorId",
            json!([{"source": {"visitors": null}}, {"identified": "visitorId"}, {"select": {"id": "visitorId", "value": path}}]),
        ),
        People::Accounts => {
            ("accountId", json!([{"source": {"accounts": null}}, {"select": {"id": "accountId", "value": path}}]))
        }
    };
    let mut found = BTreeMap::new();
    client
        .aggregate(&pipeline, |row| {
            let row: Value = serde_json::from_slice(row).map_err(|error| error.to_string())?;
            let Some(key) = row.get("id").and_then(text).filter(|key| !key.is_empty() && !key.starts_with(ANONYMOUS))
            else {
                return Ok(());
            };
            let value = if path == id { Some(key.clone()) } else { row.get("value").and_then(text) };
            found.insert(key, value.filter(|value| !value.trim().is_empty()));
            Ok(())
        })
        .await?;
    Ok(found)
}

/// Whether a path is one that a pipeline may name: letters, digits, `_` and dots, so that nothing else of Pendo's
/// expression language can come in.
#[must_use]
pub fn is_plain_path(path: &str) -> bool {
    path.len() <= 200
        && path.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
}

/// A value as matching compares it: text as it stands, numbers and truth values as they are written; lists and objects
/// are no keys.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_paths_reach_a_pipeline() {
        for path in ["visitorId", "metadata.agent.email", "metadata.auto__323232.lastvisit"] {
            assert!(is_plain_path(path), "{path}");
        }
        for path in ["", "metadata..email", "a b", "metadata.agent.\"x\"", "now()", "a+b", "metadata.agent."] {
            assert!(!is_plain_path(path), "{path}");
        }
    }

    #[test]
    fn numbers_and_truths_are_keys_and_lists_are_not() {
        assert_eq!(text(&json!(12)), Some("12".to_owned()));
        assert_eq!(text(&json!(true)), Some("true".to_owned()));
        assert_eq!(text(&json!(["a"])), None);
    }
}
