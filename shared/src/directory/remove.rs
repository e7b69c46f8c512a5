//! What may be deleted: an account only once nobody belongs to it.

use super::Directory;
use crate::id::ObjectKind;

/// Why an object cannot be deleted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotDeletable {
    /// There is no such object.
    #[error("there is no {kind} \"{id}\" in the directory; look its id up with GET /v1/directory/{kind}s", kind = kind.name())]
    Unknown {
        /// Account or contact.
        kind: ObjectKind,
        /// The id asked for.
        id: String,
    },
    /// Contacts belong to the account.
    #[error("the account has {contacts} contact(s); delete them or move them to another account first")]
    HasContacts {
        /// How many.
        contacts: usize,
    },
}

/// Whether an object may be deleted. Contacts always may; their account's values do not change by it.
///
/// # Errors
/// The object is unknown, or it is an account that has contacts.
pub fn deletable(directory: &Directory, kind: ObjectKind, id: &str) -> Result<(), NotDeletable> {
    if !directory.objects(kind).contains_key(id) {
        return Err(NotDeletable::Unknown { kind, id: id.to_owned() });
    }
    let contacts = if kind == ObjectKind::Account { directory.contacts_of(id).count() } else { 0 };
    if contacts > 0 { Err(NotDeletable::HasContacts { contacts }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::Object;
    use serde_json::json;

    #[test]
    fn an_account_is_deletable_once_nobody_belongs_to_it() {
        let mut directory = Directory::default();
        directory.accounts.insert("A".to_owned(), Object::new());
        let contact = Object::from([("account_id".to_owned(), json!("A"))]);
        directory.contacts.insert("ann".to_owned(), contact);
        let refused = deletable(&directory, ObjectKind::Account, "A").unwrap_err();
        assert_eq!(refused, NotDeletable::HasContacts { contacts: 1 });
        assert_eq!(deletable(&directory, ObjectKind::Contact, "ann"), Ok(()));
        directory.contacts.clear();
        assert_eq!(deletable(&directory, ObjectKind::Account, "A"), Ok(()));
        let unknown = deletable(&directory, ObjectKind::Contact, "ann").unwrap_err();
        assert!(unknown.to_string().contains("GET /v1/directory/contacts"), "{unknown}");
    }
}
