//! What the rows tell beside values: how many there are, whose they are, and when the named objects were last used.

use super::everybody::{Everybody, excluded};
use crate::fields::{Plan, Usage};
use crate::id::{Kind, ObjectKind, VisitorHash};
use crate::matching::Link;
use crate::store::{StoreError, span_hours};
use crate::sync::shards::{Blocks, Rows, rows_in};
use crate::sync::world::World;
use crate::time::{Hour, HourRange};
use crate::usage::property;
use crate::usage::row::UsageRow;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The rows that a definition looks at, all objects together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "PreviewUsage")]
pub struct FoundUsage {
    /// Stored rows that count.
    pub rows: u64,
    /// Their events.
    pub events: u64,
    /// Those of them that are an object's of this level.
    pub events_matched: u64,
    /// Of accounts: visitors with events on their rows. Null for contacts, and where contacts are not matched.
    pub visitors: Option<usize>,
    /// Those of them who are no contact.
    pub visitors_not_contacts: Option<usize>,
    /// Events beside those above that do not count, because somebody is excluded.
    pub events_excluded: u64,
    /// Where numbers of a property are looked at: events without one, which count as nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events_without_number: Option<u64>,
}

/// The same while rows are seen.
pub(super) struct Found {
    plan: Plan,
    usage: Usage,
    rows: u64,
    events: u64,
    events_matched: u64,
    events_excluded: u64,
    events_without_number: u64,
    /// Those of the properties that no event has had so far.
    pub(super) unseen: BTreeSet<String>,
    /// Whether each of the accounts' visitors is a contact.
    visitors: HashMap<VisitorHash, bool>,
    /// When each named object was last used, ms since 1970.
    pub(super) last: BTreeMap<String, i64>,
}

impl Found {
    pub(super) fn new(plan: Plan, usage: Usage) -> Self {
        let (visitors, last) = (HashMap::new(), BTreeMap::new());
        let unseen = plan.properties().iter().chain(plan.of_property()).cloned().collect();
        Self {
            plan,
            usage,
            rows: 0,
            events: 0,
            events_matched: 0,
            events_excluded: 0,
            events_without_number: 0,
            unseen,
            visitors,
            last,
        }
    }

    pub(super) fn see(&mut self, world: &World, row: &UsageRow<'_>) {
        if !self.unseen.is_empty() && row.kind == self.plan.kind() && self.plan.reach().holds(row.hour) {
            let values = property::read(row.event_type);
            let seen = self.plan.properties().iter().zip(&values).filter(|(_, value)| property::text(value).is_some());
            seen.for_each(|(name, _)| _ = self.unseen.remove(name));
            if let Some(name) = self.plan.of_property().filter(|_| self.plan.leaves_adding_to_pendo()) {
                self.unseen.remove(name);
            }
        }
        if !self.plan.takes(row) {
            return;
        }
        if world.excludes_from(&self.plan, row) {
            self.events_excluded = self.events_excluded.saturating_add(row.events);
            return;
        }
        self.rows += 1;
        self.events = self.events.saturating_add(row.events);
        let is_number = || self.plan.amount(row).is_some();
        if self.plan.function().is_of_numbers() && !is_number() {
            self.events_without_number = self.events_without_number.saturating_add(row.events);
        }
        let level = self.plan.object();
        let link = match level {
            ObjectKind::Account => world.links.account_of(row.account),
            ObjectKind::Contact => world.links.contact_of(row.visitor, row.account),
        };
        if matches!(link, Link::Matched(_)) && row.events > 0 {
            self.events_matched = self.events_matched.saturating_add(row.events);
            if level == ObjectKind::Account && world.links.is_matched(ObjectKind::Contact) {
                let is_contact = || !matches!(world.links.visitor_link(row.visitor), Link::Unmatched | Link::WithoutId);
                self.visitors.entry(row.visitor).or_insert_with(is_contact);
            }
        }
        see_use(&self.usage, row, &mut self.last);
    }

    pub(super) fn shown(&self, world: &World) -> FoundUsage {
        let has_visitors = self.plan.object() == ObjectKind::Account && world.links.is_matched(ObjectKind::Contact);
        let is_told = self.plan.function().is_of_numbers() && !self.plan.leaves_adding_to_pendo();
        let strangers = self.visitors.values().filter(|is_contact| !**is_contact).count();
        FoundUsage {
            rows: self.rows,
            events: self.events,
            events_matched: self.events_matched,
            events_excluded: self.events_excluded,
            events_without_number: is_told.then_some(self.events_without_number),
            visitors: has_visitors.then_some(self.visitors.len()),
            visitors_not_contacts: has_visitors.then_some(strangers),
        }
    }
}

/// The objects whose last use matters; without names all of them together, as "".
pub(super) fn named(usage: &Usage) -> BTreeSet<String> {
    usage.ids.clone().unwrap_or_else(|| BTreeSet::from([String::new()]))
}

fn see_use(usage: &Usage, row: &UsageRow<'_>, last: &mut BTreeMap<String, i64>) {
    if row.kind.listed() != usage.kind || row.events == 0 || !usage.has_app(row.app) || !usage.has_type(row.event_type)
    {
        return;
    }
    let object = match &usage.ids {
        None => "",
        Some(ids) if ids.contains(row.object) => row.object,
        Some(_) => return,
    };
    match last.get_mut(object) {
        Some(last) => *last = (*last).max(row.last_ms),
        None => drop(last.insert(object.to_owned(), row.last_ms)),
    }
}

/// When an object was last used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LastUse {
    /// At this instant, ms since 1970.
    At(i64),
    /// Before this hour, if ever: no more rows were read for it.
    Before(Hour),
    /// Never, in all that was read.
    Never,
}

impl Everybody<'_> {
    /// When objects were last used of which the hours in `reach` show nothing: what came after those is read, then what came
    /// before, newest month first, as long as it is no more than `rows_max` rows.
    pub(super) async fn last_uses(
        &mut self,
        (kind, usage): (Kind, &Usage),
        reach: HourRange,
        mut missing: BTreeSet<String>,
        rows_max: u64,
    ) -> Result<BTreeMap<String, LastUse>, StoreError> {
        let mut uses = BTreeMap::new();
        let Some(as_of) = self.moment.as_of.get(&kind).copied() else { return Ok(uses) };
        let after = HourRange { from: reach.to, to: as_of };
        let before = HourRange { from: self.moment.history_from, to: reach.from };
        let excluded = excluded(&self.world);
        let (mut blocks, mut rows) = (Blocks::default(), 0);
        for part in [after, before] {
            let spans: BTreeSet<i32> = self.shards.iter().flat_map(|shard| shard.spans(part.to)).collect();
            for span in spans.into_iter().rev() {
                let hours = span_hours(span);
                let hours = HourRange { from: hours.from.max(part.from), to: hours.to.min(part.to) };
                if hours.is_empty() || missing.is_empty() {
                    continue;
                }
                let ranges = BTreeMap::from([(kind, hours)]);
                rows += rows_in(&self.store, &mut self.shards, &ranges).await?;
                if rows > rows_max {
                    uses.extend(std::mem::take(&mut missing).into_iter().map(|id| (id, LastUse::Before(hours.to))));
                    continue;
                }
                let mut last = BTreeMap::new();
                for shard in &mut self.shards {
                    let mut see = |row: &UsageRow<'_>| {
                        if !excluded.holds(row.visitor, row.account, &self.world.links) {
                            see_use(usage, row, &mut last);
                        }
                    };
                    Rows::default().visit(&self.store, shard, &ranges, &mut blocks, &mut see).await?;
                }
                let found: Vec<(String, i64)> = last.into_iter().filter(|(id, _)| missing.remove(id)).collect();
                uses.extend(found.into_iter().map(|(id, last_ms)| (id, LastUse::At(last_ms))));
            }
        }
        uses.extend(missing.into_iter().map(|id| (id, LastUse::Never)));
        Ok(uses)
    }
}
