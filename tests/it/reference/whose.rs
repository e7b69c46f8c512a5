//! Whose a row is, and who is excluded.

use super::{Fit, Owner, Reference, is_anonymous};
use pendo_simulator::RawRow;
use serde_json::Value;
use std::collections::BTreeMap;

impl Reference {
    /// Whose a row is on a level.
    pub(crate) fn owner(&self, object: &str, row: &RawRow) -> Owner {
        let account = row.account_id.as_deref().filter(|id| !id.trim().is_empty());
        if object == "account" {
            return match account {
                None => Owner::WithoutId,
                Some(id) => owner_of(self.fitting_accounts(id)),
            };
        }
        let Some(several) = self.fitting_contacts(&row.visitor_id) else { return Owner::WithoutId };
        if several.len() < 2 {
            return owner_of(Some(several));
        }
        let linked = account.map_or(Owner::WithoutId, |id| owner_of(self.fitting_accounts(id)));
        let Owner::Object(linked) = linked else { return Owner::Ambiguous };
        let there = several.into_iter().filter(|contact| self.contacts[contact]["account_id"] == linked);
        match there.collect::<Vec<_>>().as_slice() {
            [one] => Owner::Object(one.clone()),
            _ => Owner::Ambiguous,
        }
    }

    /// Why an object has no usage to show; nothing when it is matched.
    pub(super) fn status(&self, object: &str, id: &str) -> Option<&'static str> {
        let key = (object.to_owned(), id.to_owned());
        if let Some(known) = self.statuses.borrow().get(&key) {
            return *known;
        }
        let status = self.found_status(object, id);
        self.statuses.borrow_mut().insert(key, status);
        status
    }

    fn found_status(&self, object: &str, id: &str) -> Option<&'static str> {
        let mut reason = Some("unmatched");
        if object == "account" {
            for pendo_account in self.pendo_accounts.keys() {
                let fitting = self.fitting_accounts(pendo_account).unwrap_or_default();
                match (fitting.contains(id), fitting.len()) {
                    (true, 1) => return None,
                    (true, _) => reason = Some("ambiguous"),
                    (false, _) => {}
                }
            }
            return reason;
        }
        for visitor in self.visitors.keys().filter(|id| !is_anonymous(id)) {
            if self.can_be(visitor, id) {
                return None;
            }
            if self.fitting_contacts(visitor).is_some_and(|fitting| fitting.contains(id)) {
                reason = Some("ambiguous");
            }
        }
        reason
    }

    /// Whether some row of a visitor would be the contact's.
    fn can_be(&self, visitor: &str, contact: &str) -> bool {
        let fitting = self.fitting_contacts(visitor).unwrap_or_default();
        let home = &self.contacts[contact]["account_id"];
        let is_linked = || home.as_str().is_some_and(|home| self.status("account", home).is_none());
        let alone_there = fitting.iter().filter(|contact| self.contacts[*contact]["account_id"] == *home).count();
        fitting.contains(contact) && (fitting.len() == 1 || (alone_there == 1 && is_linked()))
    }

    /// Whether a row does not count: its visitor is named, has an address that is, or the row is an excluded contact's.
    pub(super) fn is_excluded(&self, exclusions: [&Value; 2], row: &RawRow) -> bool {
        if name_nobody(exclusions) {
            return false;
        }
        let is_theirs = |contact: &String| self.is_named(exclusions, contact);
        self.is_visitor_excluded(exclusions, &row.visitor_id)
            || matches!(self.owner("contact", row), Owner::Object(contact) if is_theirs(&contact))
    }

    /// Whether nothing of a contact's usage counts.
    pub(super) fn is_silent(&self, exclusions: [&Value; 2], contact: &str) -> bool {
        if name_nobody(exclusions) {
            return false;
        }
        let mut own = self.visitors.keys().filter(|id| !is_anonymous(id) && self.can_be(id, contact)).peekable();
        self.is_named(exclusions, contact)
            || (own.peek().is_some() && own.all(|visitor| self.is_visitor_excluded(exclusions, visitor)))
    }

    fn is_visitor_excluded(&self, exclusions: [&Value; 2], visitor: &str) -> bool {
        let path = self.matching["contact"]["visitor"].as_str().and_then(|path| path.strip_prefix("metadata."));
        let value = path.and_then(|path| self.visitors.get(visitor)?.pointer(&format!("/{}", path.replace('.', "/"))));
        let fitting = self.fitting_contacts(visitor).unwrap_or_default();
        has(exclusions, "visitors", visitor)
            || is_at(exclusions, visitor)
            || value.and_then(Value::as_str).is_some_and(|value| is_at(exclusions, value))
            || (!fitting.is_empty() && fitting.iter().all(|contact| self.is_named(exclusions, contact)))
    }

    /// Whether a contact is excluded by itself.
    fn is_named(&self, exclusions: [&Value; 2], contact: &str) -> bool {
        let address = self.contacts[contact]["email"].as_str();
        has(exclusions, "contacts", contact) || address.is_some_and(|address| is_at(exclusions, address))
    }

    fn fitting_accounts(&self, pendo_account: &str) -> Fit {
        self.fitting("account", pendo_account)
    }

    fn fitting_contacts(&self, visitor: &str) -> Fit {
        self.fitting("contact", visitor)
    }

    /// The objects that fit; looked up once per id, since there are many rows.
    fn fitting(&self, object: &str, pendo_id: &str) -> Fit {
        let key = (object.to_owned(), pendo_id.to_owned());
        if let Some(known) = self.fits.borrow().get(&key) {
            return known.clone();
        }
        let rule = &self.matching[object];
        let fit = match object {
            "account" => fitting(rule, "account", pendo_id, &self.pendo_accounts, &self.accounts),
            _ => fitting(rule, "visitor", pendo_id, &self.visitors, &self.contacts),
        };
        self.fits.borrow_mut().insert(key, fit.clone());
        fit
    }
}

/// The objects whose column says the same as Pendo's key; nothing when there is no key to compare.
fn fitting(
    rule: &Value,
    pendo_member: &str,
    pendo_id: &str,
    people: &BTreeMap<String, Value>,
    objects: &BTreeMap<String, Value>,
) -> Fit {
    let path = rule[pendo_member].as_str()?;
    let key = |text: &str| {
        let text = text.trim();
        let text = if rule["ignore_case"] == true { text.to_lowercase() } else { text.to_owned() };
        Some(text).filter(|text| !text.is_empty())
    };
    let wanted = match path.strip_prefix("metadata.") {
        None => key(pendo_id)?,
        Some(path) => {
            let value = people.get(pendo_id)?.pointer(&format!("/{}", path.replace('.', "/")))?;
            key(&value.as_str().map_or_else(|| value.to_string(), str::to_owned))?
        }
    };
    let column = rule["object"].as_str()?;
    let has = |object: &Value| object[column].as_str().and_then(key).is_some_and(|found| found == wanted);
    Some(objects.iter().filter(|(_, object)| has(object)).map(|(id, _)| id.clone()).collect())
}

fn owner_of(fitting: Fit) -> Owner {
    let Some(fitting) = fitting else { return Owner::WithoutId };
    let mut fitting = fitting.into_iter();
    match (fitting.next(), fitting.next()) {
        (Some(one), None) => Owner::Object(one),
        (Some(_), Some(_)) => Owner::Ambiguous,
        (None, _) => Owner::Unmatched,
    }
}

fn name_nobody(exclusions: [&Value; 2]) -> bool {
    exclusions.iter().all(|some| some.as_object().is_none_or(serde_json::Map::is_empty))
}

fn has(exclusions: [&Value; 2], list: &str, name: &str) -> bool {
    exclusions.iter().any(|some| some[list].as_array().is_some_and(|list| list.iter().any(|item| item == name)))
}

/// Whether an address lies in a domain that is excluded.
fn is_at(exclusions: [&Value; 2], address: &str) -> bool {
    let (_, domain) = address.trim().rsplit_once('@').unwrap_or_default();
    exclusions.iter().any(|some| {
        let domains = some["domains"].as_array().map(Vec::as_slice).unwrap_or_default();
        domains.iter().any(|item| !domain.is_empty() && item.as_str().unwrap().to_lowercase() == domain.to_lowercase())
    })
}
