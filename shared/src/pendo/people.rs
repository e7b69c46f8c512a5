//! Pendo's visitors and accounts with the one value that matching compares, read as a stream.

use super::{Client, PendoError};
use crate::matching::PendoKey;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// How the ids of anonymous visitors begin.
const ANONYMOUS: &str = "_PENDO_T_";
/// The column of the mark that a visitor is not to be processed.
const MARK: &str = "donotprocess";

/// Which of Pendo's lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The people in the product.
    Visitors,
    /// The customers, as Pendo knows them.
    Accounts,
}

impl Level {
    const fn source(self) -> &'static str {
        match self {
            Self::Visitors => "visitors",
            Self::Accounts => "accounts",
        }
    }

    /// The member that holds the id, which matching may name like a path.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Visitors => "visitorId",
            Self::Accounts => "accountId",
        }
    }
}

/// A visitor or an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Pendo's id.
    pub id: String,
    /// The value for the key; `None` where there is none.
    pub value: Option<String>,
    /// Whether the visitor is marked as one that is not to be processed.
    pub is_erased: bool,
}

/// Reads every identified visitor, or every account, with its value for `key`, and hands each to `on_person`. With
/// `since_ms` only those that Pendo updated at or after it.
///
/// # Errors
/// Pendo's.
pub async fn read(
    client: &Client,
    level: Level,
    key: &PendoKey,
    since_ms: Option<i64>,
    mut on_person: impl FnMut(Person),
) -> Result<u64, PendoError> {
    let filter = since_ms.map(|since_ms| json!({"filter": format!("metadata.auto.lastupdated >= {since_ms}")}));
    rows(client, level, std::slice::from_ref(key), filter, |id, mut values, is_erased| {
        on_person(Person { id, value: values.pop().flatten(), is_erased });
    })
    .await
}

/// Reads the list of visitors that are not to be processed, of all apps.
///
/// # Errors
/// Pendo's; a subscription without such a list refuses the request.
pub async fn erased(client: &Client) -> Result<BTreeSet<String>, PendoError> {
    let mut found = BTreeSet::new();
    let source = json!([{"source": {"doNotProcessVisitors": {"appId": "expandAppIds(\"*\")"}}}]);
    client
        .aggregate(&source, |row| {
            // The shape of these rows is not documented; both names of an id have been seen elsewhere.
            let row: Value = serde_json::from_slice(row).map_err(|error| error.to_string())?;
            let id = ["visitorId", "id"].into_iter().find_map(|name| row.get(name).and_then(text));
            found.extend(id.filter(|id| !id.is_empty()));
            Ok(())
        })
        .await?;
    Ok(found)
}

/// Reads up to `most` visitors or accounts with their values for several keys at once: what else could be matched by.
/// Those that are not to be processed are left out.
///
/// # Errors
/// Pendo's.
pub async fn sample(
    client: &Client,
    level: Level,
    keys: &[PendoKey],
    most: usize,
    mut on_person: impl FnMut(String, Vec<Option<String>>),
) -> Result<u64, PendoError> {
    rows(client, level, keys, Some(json!({"limit": most})), |id, values, is_erased| {
        if !is_erased {
            on_person(id, values);
        }
    })
    .await
}

async fn rows(
    client: &Client,
    level: Level,
    keys: &[PendoKey],
    narrow: Option<Value>,
    mut on_person: impl FnMut(String, Vec<Option<String>>, bool),
) -> Result<u64, PendoError> {
    let columns: Vec<(String, &PendoKey)> =
        keys.iter().enumerate().map(|(index, key)| (format!("value{index}"), key)).collect();
    let mut select = Map::from_iter([("id".to_owned(), Value::from(level.id()))]);
    select.extend(columns.iter().map(|(column, key)| (column.clone(), Value::from(place(key).0))));
    // Without an app id Pendo lists the visitors of the default app only; accounts belong to no app.
    let parameters = match level {
        Level::Visitors => json!({"appId": "expandAppIds(\"*\")"}),
        Level::Accounts => Value::Null,
    };
    let mut stages = vec![json!({"source": {level.source(): parameters}})];
    if level == Level::Visitors {
        stages.push(json!({"identified": level.id()}));
        select.insert(MARK.to_owned(), Value::from("metadata.pendo.donotprocess"));
    }
    stages.extend(narrow);
    stages.push(json!({"select": select}));
    client
        .aggregate(&Value::Array(stages), |row| {
            let row: Value = serde_json::from_slice(row).map_err(|error| error.to_string())?;
            let id = row.get("id").and_then(text).filter(|id| !id.is_empty() && !id.starts_with(ANONYMOUS));
            let Some(id) = id else { return Ok(()) };
            let value = |(column, key): &(String, &PendoKey)| {
                let below = place(key).1.into_iter().try_fold(row.get(column)?, |value, name| value.get(name));
                below.and_then(text).filter(|value| !value.trim().is_empty())
            };
            let values = columns.iter().map(value).collect();
            let is_erased = row.get(MARK).and_then(text).is_some_and(|mark| mark == "true");
            on_person(id, values, is_erased);
            Ok(())
        })
        .await
}

/// The expression that selects a key, and the members to follow below what it selects. A name with a hyphen would be
/// read as a subtraction, so it is followed here and not in the expression.
fn place(key: &PendoKey) -> (String, Vec<&str>) {
    match key {
        PendoKey::VisitorId | PendoKey::AccountId => (key.to_string(), Vec::new()),
        PendoKey::Metadata { group, field } if group.contains('-') => ("metadata".to_owned(), vec![group, field]),
        PendoKey::Metadata { group, field } if field.contains('-') => (format!("metadata.{group}"), vec![field]),
        PendoKey::Metadata { .. } => (key.to_string(), Vec::new()),
    }
}

/// A value as matching compares it: text as it stands, numbers and truth values as they are written; lists and objects
/// are no keys.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number_text(number)),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A number as a directory writes it: Pendo keeps all numbers as floats, so 1000 may arrive as 1000.0.
fn number_text(number: &serde_json::Number) -> String {
    let text = number.to_string();
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hyphen_never_reaches_an_expression() {
        let key = |group: &str, field: &str| PendoKey::Metadata { group: group.to_owned(), field: field.to_owned() };
        assert_eq!(place(&PendoKey::VisitorId), ("visitorId".to_owned(), vec![]));
        assert_eq!(place(&key("agent", "email")), ("metadata.agent.email".to_owned(), vec![]));
        assert_eq!(place(&key("agent", "e-mail")), ("metadata.agent".to_owned(), vec!["e-mail"]));
        assert_eq!(place(&key("a-b", "email")), ("metadata".to_owned(), vec!["a-b", "email"]));
    }

    #[test]
    fn numbers_and_truths_are_keys_and_lists_are_not() {
        assert_eq!(text(&json!(12)), Some("12".to_owned()));
        assert_eq!(text(&json!(true)), Some("true".to_owned()));
        assert_eq!(text(&json!(["a"])), None);
    }
}
