//! Whose rows are, as seats in a fold: found once for a Pendo account or a contact, and not again for each row.

use super::world::World;
use crate::fields::Fold;
use crate::id::ObjectKind;
use crate::matching::Link;
use crate::usage::row::UsageRow;
use std::collections::HashMap;

/// The seats that were found so far, of one home in one fold.
pub(super) struct Seats<'a> {
    world: &'a World,
    home: u16,
    /// By Pendo account.
    accounts: HashMap<String, Option<usize>>,
    /// By contact.
    contacts: HashMap<&'a str, Option<usize>>,
    /// Of the row before: neighbours mostly are of one Pendo account.
    last: (String, Option<usize>),
}

impl<'a> Seats<'a> {
    pub(super) fn new(world: &'a World, home: u16) -> Self {
        // An empty id is nobody's.
        Self { world, home, accounts: HashMap::new(), contacts: HashMap::new(), last: (String::new(), None) }
    }

    /// The seat of the account whose a row is, if that is at home here.
    pub(super) fn account(&mut self, row: &UsageRow<'_>, fold: &mut Fold<'_>) -> Option<usize> {
        let pendo_account = row.account?;
        if self.last.0 != pendo_account {
            let seat = match self.accounts.get(pendo_account) {
                Some(seat) => *seat,
                None => {
                    let seat = self.find_account(pendo_account, fold);
                    self.accounts.insert(pendo_account.to_owned(), seat);
                    seat
                }
            };
            self.last.0.clear();
            self.last.0.push_str(pendo_account);
            self.last.1 = seat;
        }
        self.last.1
    }

    fn find_account(&self, pendo_account: &str, fold: &mut Fold<'_>) -> Option<usize> {
        let Link::Matched(account) = self.world.links.account_of(Some(pendo_account)) else { return None };
        let is_ours = self.world.homes.get(account) == Some(&self.home);
        is_ours.then(|| fold.seat(ObjectKind::Account, account))
    }

    /// The seat of the contact whose a row is, if that is at home here.
    pub(super) fn contact(&mut self, row: &UsageRow<'_>, fold: &mut Fold<'_>) -> Option<usize> {
        let (world, home) = (self.world, self.home);
        let Link::Matched(contact) = world.links.contact_of(row.visitor, row.account) else { return None };
        *self.contacts.entry(contact).or_insert_with(|| {
            let is_ours = world.home_of_contact(contact) == Some(home);
            is_ours.then(|| fold.seat(ObjectKind::Contact, contact))
        })
    }
}
