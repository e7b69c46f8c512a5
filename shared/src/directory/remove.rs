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
