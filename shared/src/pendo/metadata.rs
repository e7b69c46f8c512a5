//! The metadata fields that a subscription has on visitors and accounts: what matching can use.

use super::people::Level;
use super::{Client, PendoError};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// One field that matching can name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MetadataField {
    /// `visitorId`, `accountId`, or a path such as `metadata.agent.email`.
    pub path: String,
    /// Pendo's type: string, integer, float, boolean, time, list, or empty.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its name in Pendo's pages.
    pub name: String,
    /// Whether an admin has hidden it there.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
}

/// Reads the fields of visitors or of accounts: the id first, then by path. Deleted fields are left out.
///
/// # Errors
/// Pendo's.
pub async fn fields(client: &Client, level: Level) -> Result<Vec<MetadataField>, PendoError> {
    let (path, name) = match level {
        Level::Visitors => ("/api/v1/metadata/schema/visitor", "Visitor ID"),
        Level::Accounts => ("/api/v1/metadata/schema/account", "Account ID"),
    };
    let schema = client.get_json(path).await?;
    let Value::Object(groups) = &schema else {
        return Err(PendoError::Unreadable { place: path.to_owned(), detail: "it is not an object".to_owned() });
    };
    let mut fields: Vec<MetadataField> = groups
        .iter()
        .filter_map(|(group, members)| Some((group, members.as_object()?)))
        .flat_map(|(group, members)| members.iter().filter_map(move |(member, about)| field(group, member, about)))
        .collect();
    fields.sort_by(|a, b| a.path.cmp(&b.path));
    fields.insert(
        0,
        MetadataField { path: level.id().to_owned(), kind: "string".to_owned(), name: name.to_owned(), hidden: false },
    );
    Ok(fields)
}

/// Up to three known paths that are close to one that does not exist: same last part, or few letters off.
#[must_use]
pub fn near<'a>(fields: &'a [MetadataField], path: &str) -> Vec<&'a str> {
    let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_lowercase();
    let mut ranked: Vec<(usize, &str)> = fields
        .iter()
        .map(|field| {
            let whole = distance(&field.path.to_lowercase(), &path.to_lowercase());
            (whole.min(distance(&last(&field.path), &last(path))), field.path.as_str())
        })
        .collect();
    ranked.sort_unstable();
    ranked.into_iter().filter(|(distance, _)| *distance <= 3).take(3).map(|(_, path)| path).collect()
}

fn field(group: &str, member: &str, about: &Value) -> Option<MetadataField> {
    let flag = |name: &str| about.get(name).and_then(Value::as_bool).unwrap_or(false);
    if flag("isDeleted") {
        return None;
    }
    let text = |name: &str| about.get(name).and_then(Value::as_str).unwrap_or_default();
    let name = text("DisplayName");
    Some(MetadataField {
        path: format!("metadata.{group}.{member}"),
        kind: text("Type").to_owned(),
        name: if name.is_empty() { member.to_owned() } else { name.to_owned() },
        hidden: flag("isHidden"),
    })
}

/// How many letters have to be changed, put in or taken out.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn known() -> Vec<MetadataField> {
        [
            "visitorId",
            "metadata.agent.email",
            "metadata.agent.role",
            "metadata.custom.email_address",
            "metadata.auto.lastvisit",
        ]
        .map(|path| MetadataField {
            path: path.to_owned(),
            kind: "string".to_owned(),
            name: String::new(),
            hidden: false,
        })
        .into()
    }

    #[test]
    fn a_misspelt_path_is_answered_with_near_ones() {
        assert_eq!(near(&known(), "metadata.agent.emial"), ["metadata.agent.email"]);
        assert_eq!(near(&known(), "metadata.custom.email"), ["metadata.agent.email"]);
        assert_eq!(near(&known(), "visitorid"), ["visitorId"]);
        assert!(near(&known(), "metadata.salesforce.industry").is_empty());
    }

    #[test]
    fn deleted_fields_are_left_out_and_names_fall_back() {
        assert_eq!(field("agent", "old", &json!({"Type": "string", "isDeleted": true})), None);
        let field = field("agent", "email", &json!({"Type": "string", "DisplayName": "", "isHidden": true})).unwrap();
        assert_eq!((field.path.as_str(), field.name.as_str(), field.hidden), ("metadata.agent.email", "email", true));
    }
}
