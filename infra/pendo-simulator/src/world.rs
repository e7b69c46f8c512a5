//! A subscription: who is in it, what is tagged, and every row of usage that has happened.
//!
//! It grows day by day as its clock moves; a day that was made once is never made again, and never differs between runs.

mod account;
mod activity;
mod catalogue;
mod change;
pub(crate) mod directory;
mod entity;
mod erased;
mod guide;
mod hour;
mod late;
mod origin;
mod raw;
mod shown;
mod tags;
mod visitor;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono_tz::Tz;

use crate::options::{Late, Options};
use crate::row::{DAY_MS, Kind, NONE, Row};
use crate::texts::Texts;
use crate::value::Record;

pub(crate) use account::{Account, Course};
pub(crate) use catalogue::{Item, ItemKind};
pub(crate) use change::Edit;
pub(crate) use entity::Sightings;
pub(crate) use origin::Origin;
pub(crate) use visitor::Visitor;

/// The default app of an old subscription.
pub const DEFAULT_APP: i64 = -323_232;
/// Its second app.
pub const SECOND_APP: i64 = 5_629_499_534_213_120;
/// When a world begins that is not told otherwise: 2024-07-01T00:00:00Z.
pub(crate) const BEGINNING_MS: i64 = 1_719_792_000_000;

/// One subscription.
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) zone: Tz,
    /// The subscription's apps, the default one first, with their names.
    pub(crate) apps: Vec<(i64, String)>,
    pub(crate) texts: Texts,
    pub(crate) origins: Vec<Origin>,
    pub(crate) extras: Vec<Arc<Record>>,
    pub(crate) items: Vec<Item>,
    pub(crate) visitors: Vec<Visitor>,
    pub(crate) accounts: Vec<Account>,
    pub(crate) edits: Vec<Edit>,
    /// Until when a change of the time zone hides all usage.
    pub(crate) hidden_until_ms: i64,
    visitor_places: HashMap<u32, usize>,
    account_places: HashMap<u32, usize>,
    excluded: HashSet<u32>,
    hidden: HashSet<u32>,
    rows: [Vec<Row>; 6],
    plan: Option<activity::Plan>,
    begins_ms: i64,
    made_until_ms: i64,
    late: Late,
    raw_types: bool,
}

impl World {
    /// The world of some options as its clock starts; `foreign` is the other subscription's.
    pub(crate) fn new(options: &Options, start_ms: i64, foreign: bool) -> World {
        let seed = if foreign { options.seed ^ 0x00F0_4E16_4E00 } else { options.seed };
        let apps = if foreign { [-818_181, 6_192_449_487_634_432] } else { [DEFAULT_APP, SECOND_APP] };
        let begins_ms = match options.days {
            0 => BEGINNING_MS,
            days => start_ms - start_ms.rem_euclid(DAY_MS) - i64::from(days) * DAY_MS,
        };
        let mut world = World {
            seed,
            zone: options.time_zone,
            apps: apps.into_iter().zip(["Web".to_owned(), "Mobile".to_owned()]).collect(),
            texts: Texts::default(),
            origins: Vec::new(),
            extras: Vec::new(),
            items: Vec::new(),
            visitors: Vec::new(),
            accounts: Vec::new(),
            edits: Vec::new(),
            hidden_until_ms: i64::MIN,
            visitor_places: HashMap::new(),
            account_places: HashMap::new(),
            excluded: HashSet::new(),
            hidden: HashSet::new(),
            rows: Default::default(),
            plan: None,
            begins_ms,
            made_until_ms: begins_ms,
            late: options.late,
            raw_types: options.raw_types,
        };
        if !options.is_empty() {
            activity::make_origins(&mut world);
            catalogue::fill(&mut world);
            account::fill(&mut world, options.accounts);
            visitor::fill(&mut world, options.visitors);
            world.plan = Some(activity::Plan::of(&mut world));
        }
        world
    }

    /// Makes the days up to an instant that are not made yet.
    pub(crate) fn grow(&mut self, now_ms: i64) {
        let Some(plan) = self.plan.take() else { return };
        while self.made_until_ms <= now_ms {
            let day_ms = self.made_until_ms;
            plan.make_day(self, day_ms);
            self.made_until_ms = day_ms + DAY_MS;
        }
        self.plan = Some(plan);
    }

    /// Whether `grow` would add something.
    pub(crate) fn is_behind(&self, now_ms: i64) -> bool {
        self.plan.is_some() && self.made_until_ms <= now_ms
    }

    /// When the history begins.
    pub(crate) fn begins_ms(&self) -> i64 {
        self.begins_ms
    }

    /// All rows of a kind, arrived or not, by hour.
    pub(crate) fn rows(&self, kind: Kind) -> &[Row] {
        &self.rows[kind as usize]
    }

    /// The rows of a kind whose hour lies in [from, to).
    pub(crate) fn rows_between(&self, kind: Kind, from_ms: i64, to_ms: i64) -> &[Row] {
        let rows = self.rows(kind);
        let start = rows.partition_point(|row| row.hour < from_ms);
        let end = rows.partition_point(|row| row.hour < to_ms);
        rows.get(start..end).unwrap_or(&[])
    }

    /// Adds rows in their places.
    pub(crate) fn add_rows(&mut self, mut fresh: Vec<Row>) {
        fresh.sort_by_key(|row| row.hour);
        for row in fresh {
            let rows = &mut self.rows[row.kind as usize];
            let place = rows.partition_point(|known| known.hour <= row.hour);
            rows.insert(place, row);
        }
    }

    /// Removes the rows that a test picks; says how many.
    pub(crate) fn remove_rows(&mut self, mut unwanted: impl FnMut(&World, &Row) -> bool) -> usize {
        let mut removed = 0;
        for kind in Kind::ALL {
            let mut rows = std::mem::take(&mut self.rows[kind as usize]);
            let before = rows.len();
            rows.retain(|row| !unwanted(self, row));
            removed += before - rows.len();
            self.rows[kind as usize] = rows;
        }
        removed
    }

    /// Whether a row's visitor or account is on the exclude list.
    pub(crate) fn is_excluded(&self, row: &Row) -> bool {
        self.excluded.contains(&row.visitor) || (row.account != NONE && self.excluded.contains(&row.account))
    }

    /// Puts a visitor or account id on the exclude list.
    pub(crate) fn exclude(&mut self, id: &str) {
        let number = self.texts.number(id);
        self.excluded.insert(number);
    }

    /// The visitor of a row.
    pub(crate) fn visitor_of(&self, row: &Row) -> Option<&Visitor> {
        self.visitors.get(*self.visitor_places.get(&row.visitor)?)
    }

    /// The visitor of an id.
    pub(crate) fn visitor(&self, id: &str) -> Option<&Visitor> {
        let place = self.visitor_places.get(&self.texts.find(id)?)?;
        self.visitors.get(*place)
    }

    /// The account of an id.
    pub(crate) fn account(&self, id: &str) -> Option<&Account> {
        let place = self.account_places.get(&self.texts.find(id)?)?;
        self.accounts.get(*place)
    }

    /// Adds a visitor, or takes the place of the one with its id.
    pub(crate) fn put_visitor(&mut self, visitor: Visitor) {
        match self.visitor_places.get(&visitor.id) {
            Some(place) => self.visitors[*place] = visitor,
            None => {
                self.visitor_places.insert(visitor.id, self.visitors.len());
                self.visitors.push(visitor);
            }
        }
    }

    /// Adds an account, or takes the place of the one with its id.
    pub(crate) fn put_account(&mut self, account: Account) {
        match self.account_places.get(&account.id) {
            Some(place) => self.accounts[*place] = account,
            None => {
                self.account_places.insert(account.id, self.accounts.len());
                self.accounts.push(account);
            }
        }
    }
}
