//! Merging an upload into the directory: absent columns stay, empty ones clear, and contacts need an account.

use super::upload::{Change, RowError, Upload};
use super::{ACCOUNT_ID, Directory, Object, cell};
use crate::id::ObjectKind;
use serde_json::Value;
use std::collections::BTreeMap;

/// What an upload comes to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Merged {
    /// The objects that are new or differ, whole.
    pub changed: BTreeMap<String, Object>,
    /// The rows that were refused, by line.
    pub errors: Vec<RowError>,
    /// How many objects are new.
    pub created: usize,
    /// How many objects differ.
    pub updated: usize,
    /// How many rows say what stands already.
    pub unchanged: usize,
}

/// Merges an upload of objects of a kind into the directory, which itself is left as it is.
#[must_use]
pub fn merge(directory: &Directory, kind: ObjectKind, upload: Upload) -> Merged {
    let objects = directory.objects(kind);
    let mut merged = Merged { errors: upload.errors, ..Merged::default() };
    for change in upload.rows {
        let before = objects.get(&change.id);
        let after = match apply(directory, kind, before, &change) {
            Ok(after) => after,
            Err(reason) => {
                merged.errors.push(RowError { line: change.line, id: Some(change.id), reason });
                continue;
            }
        };
        match before {
            Some(before) if *before == after => merged.unchanged += 1,
            Some(_) => {
                merged.updated += 1;
                merged.changed.insert(change.id, after);
            }
            None => {
                merged.created += 1;
                merged.changed.insert(change.id, after);
            }
        }
    }
    merged.errors.sort();
    merged
}

fn apply(directory: &Directory, kind: ObjectKind, before: Option<&Object>, change: &Change) -> Result<Object, String> {
    let mut after = before.cloned().unwrap_or_default();
    for (name, value) in &change.fields {
        match value {
            Some(value) => _ = after.insert(name.clone(), value.clone()),
            None => _ = after.remove(name),
        }
    }
    if kind == ObjectKind::Contact {
        let account = account_of(directory, before, change)?;
        after.insert(ACCOUNT_ID.to_owned(), Value::from(account));
    }
    if after.len() >= cell::COLUMNS_MAX {
        let most = cell::COLUMNS_MAX;
        return Err(format!("the object would have more than {most} columns with its {}: clear some", super::ID));
    }
    Ok(after)
}

/// The account of a contact after the change.
fn account_of(directory: &Directory, before: Option<&Object>, change: &Change) -> Result<String, String> {
    let given = match change.fields.get(ACCOUNT_ID) {
        Some(Some(Value::String(text))) => text.trim(),
        Some(Some(_)) => return Err(format!("{ACCOUNT_ID} must be text: give the id of the account")),
        Some(None) if before.is_some() => {
            return Err(format!("{ACCOUNT_ID} cannot be cleared: give the id of another account or leave it out"));
        }
        None if before.is_some() => return Ok(before.and_then(super::account_id).unwrap_or_default().to_owned()),
        Some(None) | None => return Err(format!("{ACCOUNT_ID} is missing: a new contact needs the id of its account")),
    };
    if directory.accounts.contains_key(given) {
        return Ok(given.to_owned());
    }
    Err(format!("unknown account \"{}\": upload the account first", shortened(given)))
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= 80 {
        text.to_owned()
    } else {
        format!("{}…", text.chars().take(80).collect::<String>())
    }
}
