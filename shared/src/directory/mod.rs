//! The workspace's accounts and contacts, and how uploads change them.

mod cell;
mod columns;
mod csv_rows;
mod json_lines;
mod merge;
mod remove;
mod upload;

pub use cell::{CELL_BYTES_MAX, COLUMNS_MAX, ID_CHARS_MAX};
pub use columns::{Columns, columns, number_in};
pub use merge::{Merged, merge};
pub use remove::{NotDeletable, deletable};
pub use upload::{Change, Format, ROWS_MAX, RowError, Upload, parse};

use crate::id::ObjectKind;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The columns of an account or contact other than its id; a contact's account stands in `account_id`.
pub type Object = BTreeMap<String, Value>;

/// The column that names a contact's account.
pub const ACCOUNT_ID: &str = "account_id";
/// The column that names the object itself.
pub const ID: &str = "id";

/// All accounts and contacts, by id.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Directory {
    /// Moves with every change.
    pub version: u64,
    /// The customers.
    pub accounts: BTreeMap<String, Object>,
    /// The people at them.
    pub contacts: BTreeMap<String, Object>,
}

impl Directory {
    /// The objects of a kind.
    #[must_use]
    pub fn objects(&self, kind: ObjectKind) -> &BTreeMap<String, Object> {
        match kind {
            ObjectKind::Account => &self.accounts,
            ObjectKind::Contact => &self.contacts,
        }
    }

    /// The account that a contact belongs to.
    #[must_use]
    pub fn account_of_contact(&self, contact: &str) -> Option<&str> {
        self.contacts.get(contact).and_then(account_id)
    }

    /// The contacts that belong to an account, by id.
    pub fn contacts_of<'a>(&'a self, account: &'a str) -> impl Iterator<Item = &'a str> {
        let of_account = move |(_, contact): &(&'a String, &'a Object)| account_id(contact) == Some(account);
        self.contacts.iter().filter(of_account).map(|(id, _)| id.as_str())
    }
}

/// The account that a contact's columns name.
#[must_use]
pub fn account_id(contact: &Object) -> Option<&str> {
    contact.get(ACCOUNT_ID).and_then(Value::as_str)
}
