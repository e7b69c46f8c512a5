//! Pendo's catalogue: features, pages, guides and track types of all apps.

use super::{Client, PendoError};
use crate::id::Kind;
use crate::time::to_the_second;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// The kinds that have objects. `event` is all activity and has none.
pub const KINDS: [Kind; 4] = [Kind::Feature, Kind::Guide, Kind::Page, Kind::Track];

/// One feature, page, guide or track type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Entry {
    /// Pendo's id, as a definition's `ids` takes it.
    pub id: String,
    /// What it is.
    pub kind: Kind,
    /// Its name in Pendo.
    pub name: String,
    /// The app it belongs to.
    pub app: Option<i64>,
    /// Its product area in Pendo.
    pub group: Option<String>,
    /// A guide's state: draft, staged, public or disabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// When it was last changed in Pendo, RFC 3339.
    pub updated: Option<String>,
    /// The same in ms since 1970.
    #[serde(skip)]
    pub updated_ms: Option<i64>,
    /// Whether Pendo is still applying the last change to history.
    #[serde(skip)]
    pub is_dirty: bool,
    /// Whether Pendo lists it no longer. Its usage stays.
    #[serde(rename = "deleted", skip_serializing_if = "std::ops::Not::not")]
    pub is_deleted: bool,
    #[serde(skip)]
    apps: Vec<i64>,
}

/// Reads the objects of one kind over all apps, sorted by id; `event` has none, nor has a kind whose list is not there.
///
/// # Errors
/// Pendo's.
pub async fn list(client: &Client, kind: Kind) -> Result<Vec<Entry>, PendoError> {
    let path = match kind {
        Kind::Event | Kind::Properties(_) => return Ok(Vec::new()),
        Kind::Feature => "/api/v1/feature?expand=*",
        Kind::Guide => "/api/v1/guide?expand=*",
        Kind::Page => "/api/v1/page?expand=*",
        Kind::Track => "/api/v1/tracktype?expand=*",
    };
    let answer = match client.get_json(path).await {
        Err(PendoError::NotFound { .. }) => return Ok(Vec::new()),
        answer => answer?,
    };
    let items = match &answer {
        Value::Array(items) => items.as_slice(),
        Value::Null => &[],
        _ => return Err(PendoError::Unreadable { place: path.to_owned(), detail: "it is not a list".to_owned() }),
    };
    let mut entries: Vec<Entry> = items.iter().filter_map(|item| entry(kind, item)).collect();
    entries.sort_by(|a, b| a.id.cmp(&b.id));
    entries.dedup_by(|a, b| a.id == b.id);
    Ok(entries)
}

/// The app ids of a subscription as its catalogue shows them, sorted. A list that this subscription does not have is
/// passed over.
///
/// # Errors
/// Pendo's, when it does not answer or does not allow.
pub async fn apps(client: &Client) -> Result<Vec<i64>, PendoError> {
    let mut apps = BTreeSet::new();
    for kind in KINDS {
        match list(client, kind).await {
            Ok(entries) => apps.extend(entries.iter().flat_map(|entry| entry.app.iter().chain(&entry.apps).copied())),
            Err(PendoError::BadRequest { .. } | PendoError::Unreadable { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(apps.into_iter().collect())
}

impl Entry {
    /// An object of which no more is known than this.
    #[must_use]
    pub fn named(kind: Kind, id: &str, name: String, app: Option<i64>, updated_ms: Option<i64>) -> Self {
        Self {
            id: id.to_owned(),
            kind,
            name,
            app,
            group: None,
            state: None,
            updated: updated_ms.map(to_the_second),
            updated_ms,
            is_dirty: false,
            is_deleted: false,
            apps: Vec::new(),
        }
    }

    /// Whether name or id holds the text, ignoring case. `lower` is in lower case already.
    #[must_use]
    pub fn holds(&self, lower: &str) -> bool {
        self.name.to_lowercase().contains(lower) || self.id.to_lowercase().contains(lower)
    }
}

fn entry(kind: Kind, item: &Value) -> Option<Entry> {
    let text = |name: &str| item.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    let id = text("id")?;
    let name = text("name").or_else(|| text("trackTypeName")).unwrap_or_else(|| id.clone());
    let updated_ms = item.get("lastUpdatedAt").and_then(integer);
    let apps = item.get("appIds").and_then(Value::as_array).into_iter().flatten().filter_map(integer).collect();
    Some(Entry {
        group: item.pointer("/group/name").and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned),
        state: (kind == Kind::Guide).then(|| text("state")).flatten(),
        is_dirty: item.get("dirty").and_then(Value::as_bool).unwrap_or_default(),
        apps,
        ..Entry::named(kind, &id, name, item.get("appId").and_then(integer), updated_ms)
    })
}

/// A number, also where Pendo sends it as text.
fn integer(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_entry_needs_an_id_and_nothing_else() {
        assert_eq!(entry(Kind::Page, &json!({"name": "Home"})), None);
        let bare = entry(Kind::Page, &json!({"id": "p1"})).unwrap();
        assert_eq!((bare.name.as_str(), bare.app, bare.group, bare.updated), ("p1", None, None, None));
    }

    #[test]
    fn a_whole_entry_is_read_with_its_app_and_group() {
        let whole = json!({"id": "f1", "name": "Export", "appId": "-323232", "appIds": [-323232, 5], "group": {"id": "g", "name": "Reports"},
            "lastUpdatedAt": 1_767_258_000_000_i64, "createdByUser": {"id": ""}});
        let entry = entry(Kind::Feature, &whole).unwrap();
        assert_eq!(entry.app, Some(-323_232));
        assert_eq!(entry.apps, [-323_232, 5]);
        assert_eq!(entry.group.as_deref(), Some("Reports"));
        assert_eq!(entry.updated.as_deref(), Some("2026-01-01T09:00:00Z"));
        assert!(entry.holds("xpor") && entry.holds("f1") && !entry.holds("import"));
    }
}
