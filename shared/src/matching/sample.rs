//! Small worlds for the tests of matching.

use super::{KnownAccount, KnownVisitor, Links, Matching};
use crate::directory::Directory;
use serde_json::{Value, json};

/// A directory of accounts and of contacts with their account and email.
pub(super) fn directory(accounts: Value, contacts: Value) -> Directory {
    serde_json::from_value(json!({"version": 1, "accounts": accounts, "contacts": contacts})).unwrap()
}

pub(super) fn visitors(ids: &[&str]) -> Vec<KnownVisitor> {
    ids.iter().map(|id| KnownVisitor { id: (*id).to_owned(), value: None }).collect()
}

pub(super) fn accounts(ids: &[&str]) -> Vec<KnownAccount> {
    ids.iter().map(|id| KnownAccount { id: (*id).to_owned(), value: None }).collect()
}

pub(super) fn matching(body: Value) -> Matching {
    Matching::parse(&body).unwrap()
}

/// Visitors by email and accounts by the column `crm`, case ignored for contacts only.
pub(super) fn both_levels() -> Matching {
    matching(json!({"contact": {"visitor": "visitorId", "object": "email", "ignore_case": true},
                    "account": {"account": "accountId", "object": "crm"}}))
}

/// Accounts A and B; C and D share a key; E has none. Ann is at A and at B; Bob and Bert of A share an address.
pub(super) fn world() -> (Directory, Vec<KnownVisitor>, Vec<KnownAccount>) {
    let directory = directory(
        json!({"A": {"crm": "p-a"}, "B": {"crm": 7}, "C": {"crm": "p-c"}, "D": {"crm": " p-c "}, "E": {"crm": "  "},
               "F": {"crm": "p-f"}}),
        json!({"ann-a": {"account_id": "A", "email": "Ann@x"}, "ann-b": {"account_id": "B", "email": "ann@X "},
               "ann-f": {"account_id": "F", "email": "ann@x"},
               "bert": {"account_id": "A", "email": "bob@x"}, "bob": {"account_id": "A", "email": "bob@x"},
               "cid": {"account_id": "E", "email": "cid@x"}, "dan": {"account_id": "A"},
               "eve": {"account_id": "B", "email": "eve@x"}}),
    );
    let visitors = visitors(&["ANN@x", "bob@x", " cid@x", "cid@x", "stranger", "_PENDO_T_eve@x", "  "]);
    (directory, visitors, accounts(&["p-a", " p-a", "7", "p-c", "P-A", "p-x"]))
}

pub(super) fn links() -> Links {
    let (directory, visitors, accounts) = world();
    Links::resolve(&both_levels(), &directory, &visitors, &accounts)
}
