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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{Format, parse};
    use serde_json::json;

    fn directory() -> Directory {
        let mut directory = Directory::default();
        upload(&mut directory, ObjectKind::Account, "id,name,seats\nA,Acme,5\nB,Best,6\n");
        upload(&mut directory, ObjectKind::Contact, "id,account_id,email\nann,A,ann@acme\nbob,B,bob@best\n");
        directory
    }

    fn merged(directory: &Directory, kind: ObjectKind, csv: &str) -> Merged {
        merge(directory, kind, parse(kind, Format::Csv, csv.as_bytes()).unwrap())
    }

    fn upload(directory: &mut Directory, kind: ObjectKind, csv: &str) {
        let changed = merged(directory, kind, csv).changed;
        match kind {
            ObjectKind::Account => directory.accounts.extend(changed),
            ObjectKind::Contact => directory.contacts.extend(changed),
        }
    }

    #[test]
    fn absent_columns_stay_and_empty_ones_clear() {
        let merged = merged(&directory(), ObjectKind::Account, "id,seats,nps\nA,,9\nC,7,\n");
        assert_eq!((merged.created, merged.updated, merged.unchanged), (1, 1, 0));
        assert_eq!(json!(merged.changed), json!({"A": {"name": "Acme", "nps": 9}, "C": {"seats": 7}}));
    }

    #[test]
    fn the_same_upload_again_changes_nothing() {
        let again = merged(&directory(), ObjectKind::Contact, "id,account_id,email\nann,A,ann@acme\nbob,B,bob@best\n");
        assert_eq!(again, Merged { unchanged: 2, ..Merged::default() });
    }

    #[test]
    fn a_contact_needs_an_account_that_is_known() {
        let csv = "id,account_id,email\nann,,x\nbob,C,x\ncid,,x\ndan, A ,x\n";
        let merged = merged(&directory(), ObjectKind::Contact, csv);
        let reasons: Vec<&str> = merged.errors.iter().map(|error| error.reason.as_str()).collect();
        assert_eq!(
            reasons,
            [
                "account_id cannot be cleared: give the id of another account or leave it out",
                "unknown account \"C\": upload the account first",
                "account_id is missing: a new contact needs the id of its account",
            ]
        );
        assert_eq!(json!(merged.changed), json!({"dan": {"account_id": "A", "email": "x"}}));
    }

    #[test]
    fn a_contact_moves_and_keeps_its_columns() {
        let moved = merged(&directory(), ObjectKind::Contact, "id,account_id\nann,B\n");
        assert_eq!(json!(moved.changed), json!({"ann": {"account_id": "B", "email": "ann@acme"}}));
        let renamed = merged(&directory(), ObjectKind::Contact, "id,email\nann,new@acme\nnew,x\n");
        assert_eq!(json!(renamed.changed), json!({"ann": {"account_id": "A", "email": "new@acme"}}));
        assert_eq!(renamed.errors.len(), 1);
    }

    #[test]
    fn errors_of_reading_and_merging_stand_in_the_order_of_lines() {
        let merged = merged(&directory(), ObjectKind::Contact, "id,account_id\nann,X\n,A\nbob,Y\n");
        assert_eq!(merged.errors.iter().map(|error| error.line).collect::<Vec<_>>(), [2, 3, 4]);
    }

    #[test]
    fn uploads_together_cannot_exceed_the_columns() {
        let mut directory = directory();
        let columns = |from: usize, to: usize| {
            let names: Vec<String> = (from..to).map(|column| format!("c{column}")).collect();
            format!("id,{}\nA,{}\n", names.join(","), vec!["x"; names.len()].join(","))
        };
        upload(&mut directory, ObjectKind::Account, &columns(0, 60));
        assert_eq!(merged(&directory, ObjectKind::Account, &columns(60, 97)).errors, []);
        assert_eq!(merged(&directory, ObjectKind::Account, &columns(60, 98)).errors.len(), 1);
    }
}
