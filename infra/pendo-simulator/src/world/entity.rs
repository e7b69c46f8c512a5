//! Visitors and accounts as Pendo shows them: what was put in by hand, and what usage has taught it (`auto`).

use std::collections::HashMap;

use crate::random::mix_text;
use crate::row::{Kind, NONE, Row};
use crate::value::{Record, Value};
use crate::world::{Account, Visitor, World};

/// What usage has shown of one visitor or account by an instant.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sighting {
    first_ms: i64,
    last_ms: i64,
    accounts: Vec<u32>,
    account: u32,
    origin: u32,
    apps: Vec<(i64, i64, i64)>,
}

/// What usage has shown of everybody.
#[derive(Default)]
pub(crate) struct Sightings {
    pub(crate) visitors: HashMap<u32, Sighting>,
    pub(crate) accounts: HashMap<u32, Sighting>,
}

impl Sightings {
    /// Reads all activity that has arrived by an instant.
    pub(crate) fn by(world: &World, now_ms: i64) -> Sightings {
        let mut sightings = Sightings::default();
        for kind in Kind::ALL {
            let shown = world.rows(kind).iter().filter(|row| !world.is_hidden(row));
            for row in shown.filter_map(|row| row.seen_at(now_ms)) {
                sightings.visitors.entry(row.visitor).or_default().add(&row);
                if row.account != NONE && !world.texts.str(row.account).is_empty() {
                    sightings.accounts.entry(row.account).or_default().add(&row);
                }
            }
        }
        sightings
    }
}

impl Sighting {
    fn add(&mut self, row: &Row) {
        let (first, last) = (row.first, if row.kind.is_single() { row.first } else { row.last });
        let is_new = self.last_ms == 0;
        self.first_ms = if is_new { first } else { self.first_ms.min(first) };
        if is_new || last >= self.last_ms {
            self.last_ms = last;
            self.origin = row.origin;
            self.account = row.account;
        }
        if row.account != NONE && !self.accounts.contains(&row.account) {
            self.accounts.push(row.account);
        }
        match self.apps.iter_mut().find(|(app, _, _)| *app == row.app) {
            Some((_, from, to)) => (*from, *to) = ((*from).min(first), (*to).max(last)),
            None => self.apps.push((row.app, first, last)),
        }
    }
}

impl World {
    /// The rows of the `visitors` source.
    pub(crate) fn visitor_records(&self, sightings: &Sightings) -> Vec<Record> {
        self.visitors.iter().filter_map(|visitor| self.visitor_record(visitor, sightings)).collect()
    }

    /// One visitor, if Pendo knows it already.
    pub(crate) fn visitor_record(&self, visitor: &Visitor, sightings: &Sightings) -> Option<Record> {
        let seen = sightings.visitors.get(&visitor.id);
        if seen.is_none() && !visitor.by_hand {
            return None;
        }
        let id = self.texts.text(visitor.id);
        let mut metadata = Record::default();
        if visitor.do_not_process {
            // Pendo has stopped learning about them; what other visitors always have is missing.
            let mut auto = Record::default();
            auto.set("id", Value::Text(id.clone()));
            self.overlay(&mut metadata, auto, &visitor.metadata);
        } else {
            let mut auto = self.auto(&id, seen);
            let mut accounts: Vec<u32> = seen.map(|seen| seen.accounts.clone()).unwrap_or_default();
            accounts.extend(visitor.accounts.iter().filter(|id| seen.is_none_or(|seen| !seen.accounts.contains(id))));
            accounts.retain(|account| !self.texts.str(*account).is_empty());
            let latest = seen.map_or(NONE, |seen| seen.account);
            let latest = if latest == NONE { accounts.first().copied().unwrap_or(NONE) } else { latest };
            if latest != NONE {
                auto.set("accountid", Value::Text(self.texts.text(latest)));
            }
            auto.set(
                "accountids",
                Value::list(accounts.iter().map(|account| Value::Text(self.texts.text(*account))).collect()),
            );
            if let Some(origin) = seen.and_then(|seen| self.origins.get(seen.origin as usize)) {
                let agent = self.texts.text(origin.user_agent);
                let (browser, version, system) = crate::query::agent::read(&agent);
                auto.set("lastbrowsername", Value::text(browser));
                auto.set("lastbrowserversion", Value::text(version));
                auto.set("lastoperatingsystem", Value::text(system));
                auto.set("lastservername", Value::Text(self.texts.text(origin.server)));
                auto.set("lastuseragent", Value::Text(agent));
            }
            self.overlay(&mut metadata, auto, &visitor.metadata);
            for (app, first, last) in seen.into_iter().flat_map(|seen| &seen.apps) {
                let mut group = Record::default();
                group.set("firstvisit", Value::int(*first));
                group.set("lastvisit", Value::int(*last));
                group.set("id", Value::Text(id.clone()));
                metadata.set(&format!("auto_{}", app.to_string().replace('-', "_")), group.into());
            }
        }
        for (group, fields) in visitor.metadata.iter().filter(|(group, _)| &***group != "auto") {
            metadata.set(group, fields.clone());
        }
        let mut record = Record::default();
        record.set("visitorId", Value::Text(id));
        record.set("metadata", metadata.into());
        Some(record)
    }

    /// The rows of the `accounts` source.
    pub(crate) fn account_records(&self, sightings: &Sightings) -> Vec<Record> {
        self.accounts.iter().filter_map(|account| self.account_record(account, sightings)).collect()
    }

    /// One account, if Pendo knows it already.
    pub(crate) fn account_record(&self, account: &Account, sightings: &Sightings) -> Option<Record> {
        let seen = sightings.accounts.get(&account.id);
        if seen.is_none() && !account.by_hand {
            return None;
        }
        let id = self.texts.text(account.id);
        let mut metadata = Record::default();
        let auto = self.auto(&id, seen);
        self.overlay(&mut metadata, auto, &account.metadata);
        for (group, fields) in account.metadata.iter().filter(|(group, _)| &***group != "auto") {
            metadata.set(group, fields.clone());
        }
        let mut record = Record::default();
        record.set("accountId", Value::Text(id));
        record.set("metadata", metadata.into());
        Some(record)
    }

    fn auto(&self, id: &str, seen: Option<&Sighting>) -> Record {
        let mut auto = Record::default();
        auto.set("id", Value::text(id));
        let hash = mix_text(id) >> 32;
        auto.set("idhash", Value::int(hash.cast_signed()));
        auto.set("nid", Value::int((mix_text(id) >> 12).cast_signed()));
        let first = seen.map_or(self.begins_ms(), |seen| seen.first_ms);
        let last = seen.map_or(self.begins_ms(), |seen| seen.last_ms);
        auto.set("createdat", Value::int(first));
        auto.set("firstvisit", Value::int(first));
        auto.set("lastvisit", Value::int(last));
        auto.set("lastupdated", Value::int(last + 60_000));
        auto
    }

    /// Lays the fields of `auto` that were given by hand over those that were learnt.
    fn overlay(&self, metadata: &mut Record, mut auto: Record, by_hand: &Record) {
        if let Some(Value::Map(given)) = by_hand.get("auto") {
            for (name, value) in given.iter() {
                auto.set(name, value.clone());
            }
        }
        metadata.set("auto", auto.into());
    }
}
