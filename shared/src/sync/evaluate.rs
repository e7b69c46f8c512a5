//! Evaluates the objects at home in one shard: rows in, values out. What closed days came to is kept as folds.

use super::folds;
use super::moves::Sink;
use super::page::{ObjectValues, Values};
use super::reconcile;
use super::run::SyncError;
use super::seats::Seats;
use super::shards::{Blocks, Rows};
use super::world::World;
use crate::connection::Connection;
use crate::context::Context;
use crate::fields::{Accumulator, Field, Fold, Outcome, Plan, Takers};
use crate::id::{Kind, ObjectKind, WorkspaceId};
use crate::matching::Status;
use crate::store::{Folds, Shard, StoreError};
use crate::time::{Hour, HourRange, Zone};
use crate::turns::take_turn;
use crate::usage::row::UsageRow;
use std::collections::{BTreeMap, BTreeSet};

/// Up to when each kind is read, and in which zone windows are cut: with the rows and the world, all that values
/// depend on.
#[derive(Clone, Debug)]
pub struct Moment {
    /// The end of the last complete hour of each mapped kind.
    pub as_of: BTreeMap<Kind, Hour>,
    /// The zone.
    pub zone: Zone,
    /// Where the history that is read begins: all-time windows take everything from here.
    pub history_from: Hour,
    /// Whether what closed days came to is kept. Not while history is read: the next window would change it.
    pub keeps_folds: bool,
    /// The local day at whose end it is, if that is long ago: then all of that day has come and it still is today.
    pub end_of: Option<i32>,
}

impl Moment {
    /// The moment at which a connection's kinds are read so far.
    #[must_use]
    pub fn of(connection: &Connection, as_of: BTreeMap<Kind, Hour>) -> Self {
        let history_from = connection.history_from.unwrap_or_default();
        Self { as_of, zone: connection.time_zone, history_from, keeps_folds: true, end_of: None }
    }

    /// The plan of a field at this moment; `None` while its kind was never read, and of a formula.
    #[must_use]
    pub fn plan(&self, field: &Field) -> Option<Plan> {
        let as_of = *self.as_of.get(&field.definition.kind()?)?;
        match self.end_of {
            Some(day) => Plan::at_end_of(field, day, self.zone, self.history_from),
            None => Plan::new(field, as_of, self.zone, self.history_from),
        }
    }
}

/// All hours.
pub const ALWAYS: HourRange = HourRange { from: Hour(i32::MIN), to: Hour(i32::MAX) };

/// One home and what its values are made from beside rows.
pub(super) struct Home<'a> {
    pub(super) sink: &'a Sink<'a>,
    pub(super) world: &'a World,
    pub(super) zone: Zone,
    pub(super) keeps_folds: bool,
    pub(super) number: u16,
    /// The shards that hold usage of the objects at home here.
    pub(super) sources: BTreeSet<u16>,
    pub(super) accounts: Vec<Plan>,
    pub(super) contacts: Vec<Plan>,
    takers_accounts: Takers,
    takers_contacts: Takers,
}

impl<'a> Home<'a> {
    fn new(sink: &'a Sink<'a>, world: &'a World, moment: &Moment, number: u16) -> Self {
        let plans = |level: ObjectKind| -> Vec<Plan> {
            let fields = world.fields.value.iter().filter(|field| field.definition.object == level);
            fields.filter_map(|field| moment.plan(field)).collect()
        };
        let (accounts, contacts) = (plans(ObjectKind::Account), plans(ObjectKind::Contact));
        Self {
            sink,
            world,
            zone: moment.zone,
            keeps_folds: moment.keeps_folds,
            number,
            sources: world.sources_of(number, sink.shards),
            takers_accounts: Takers::of(&accounts),
            takers_contacts: Takers::of(&contacts),
            accounts,
            contacts,
        }
    }

    pub(super) fn plans(&self) -> impl Iterator<Item = &Plan> {
        self.accounts.iter().chain(&self.contacts)
    }

    /// The fold of no rows.
    pub(super) fn nothing(&self) -> Fold<'_> {
        Fold::new(&self.accounts, &self.contacts)
    }

    /// Adds the rows of some hours to a fold: of this home's shard those in `own` where a run holds new ones, and
    /// otherwise what the heads name. Each row that is read is shown to `see`, whosever it is.
    pub(super) async fn read(
        &self,
        hours: HourRange,
        shards: &mut [Shard],
        own: &Rows,
        blocks: &mut Blocks,
        fold: &mut Fold<'_>,
        see: &mut impl FnMut(&UsageRow<'_>),
    ) -> Result<(), StoreError> {
        let ranges = ranges_within(self.plans(), hours);
        let none = Rows::default();
        let mut seats = Seats::new(self.world, self.number);
        // Neighbours mostly are of one hour.
        let mut last_day: Option<(Hour, i32)> = None;
        for source in &self.sources {
            let Some(shard) = shards.get_mut(usize::from(*source)) else { continue };
            let overlay = if *source == self.number { own } else { &none };
            overlay
                .visit(self.sink.store, shard, &ranges, blocks, &mut |row| {
                    let day = match last_day {
                        Some((hour, day)) if hour == row.hour => day,
                        _ => self.zone.local_day(row.hour.start_ms()),
                    };
                    last_day = Some((row.hour, day));
                    self.add(row, day, &mut seats, fold);
                    see(row);
                })
                .await?;
        }
        Ok(())
    }

    fn add(&self, row: &UsageRow<'_>, local_day: i32, seats: &mut Seats<'a>, fold: &mut Fold<'_>) {
        if self.world.excludes(row) {
            return;
        }
        if !self.accounts.is_empty()
            && let Some(seat) = seats.account(row, fold)
        {
            let seated = fold.seated(ObjectKind::Account, seat);
            self.add_to(&self.accounts, &self.takers_accounts, seated, row, local_day);
        }
        if !self.contacts.is_empty()
            && let Some(seat) = seats.contact(row, fold)
        {
            let seated = fold.seated(ObjectKind::Contact, seat);
            self.add_to(&self.contacts, &self.takers_contacts, seated, row, local_day);
        }
    }

    fn add_to(
        &self,
        plans: &[Plan],
        takers: &Takers,
        accumulators: &mut [Accumulator],
        row: &UsageRow<'_>,
        local_day: i32,
    ) {
        for place in takers.places(row) {
            let (Some(plan), Some(accumulator)) = (plans.get(place), accumulators.get_mut(place)) else { continue };
            let is_excluded = || plan.has_exclusions() && self.world.excludes_from(plan, row);
            if plan.takes(row) && !is_excluded() {
                accumulator.add(plan, row, local_day);
            }
        }
    }

    fn values(&self, fold: &Fold<'_>) -> Values {
        let mut values = Values::new();
        for account in self.world.homes.iter().filter(|(_, at)| **at == self.number).map(|(account, _)| account) {
            self.insert(&mut values, ObjectKind::Account, account, self.world.links.account_status(account), fold);
        }
        for contact in self.world.directory.contacts.keys() {
            if self.world.home_of_contact(contact) == Some(self.number) {
                self.insert(&mut values, ObjectKind::Contact, contact, self.world.links.contact_status(contact), fold);
            }
        }
        values
    }

    fn insert(&self, values: &mut Values, kind: ObjectKind, id: &str, status: Status, fold: &Fold<'_>) {
        let plans = fold.plans(kind);
        let outcomes = match status {
            Status::Matched => {
                let found = fold.get(kind, id);
                let outcome = |(at, plan): (usize, &Plan)| {
                    let key = (plan.field().clone(), plan.version());
                    let excluded = || self.world.excluded.from_field(&key.0, key.1);
                    if kind == ObjectKind::Contact && excluded().has_contact(id) {
                        return (key, Outcome::Excluded);
                    }
                    let folded = found.and_then(|accumulators| accumulators.get(at));
                    (key, folded.map_or_else(|| plan.start().outcome(plan), |folded| folded.outcome(plan)))
                };
                plans.iter().enumerate().map(outcome).collect()
            }
            // Nobody's usage is theirs; a page without them says the same in fewer bytes.
            Status::Unmatched => return,
            Status::Ambiguous => BTreeMap::new(),
        };
        values.insert((kind, id.to_owned()), ObjectValues { status, outcomes });
    }
}

/// What has to be read of some hours: per kind, from where the first window begins to where the last one ends.
pub fn ranges_within<'p>(plans: impl Iterator<Item = &'p Plan>, hours: HourRange) -> BTreeMap<Kind, HourRange> {
    let mut ranges: BTreeMap<Kind, HourRange> = BTreeMap::new();
    for plan in plans {
        let window = plan.hours_within(hours);
        if !window.is_empty() {
            let range = ranges.entry(plan.kind()).or_insert(window);
            (range.from, range.to) = (range.from.min(window.from), range.to.max(window.to));
        }
    }
    ranges
}

/// Evaluates everything at home in `number`, and answers the folds that its head should name with the values. Rows are
/// those in `own` where a run holds new ones, and otherwise what the heads name.
///
/// # Errors
/// The table's; [`StoreError::Missing`] when a head has moved on meanwhile.
pub async fn evaluate(
    sink: &Sink<'_>,
    world: &World,
    moment: &Moment,
    number: u16,
    shards: &mut [Shard],
    own: &Rows,
    blocks: &mut Blocks,
) -> Result<(Values, Folds), StoreError> {
    let home = Home::new(sink, world, moment, number);
    let closed_to = sink.open_from();
    let (mut fold, folds) = folds::closed(&home, closed_to, shards, own, blocks).await?;
    let open = HourRange { from: closed_to, to: Hour(i32::MAX) };
    home.read(open, shards, own, blocks, &mut fold, &mut |_| {}).await?;
    Ok((home.values(&fold), folds))
}

/// Evaluates every object at once from what the heads name: each shard is read once, nothing is kept. `world` must have
/// everybody at one home ([`World::at_one_home`]). Each row of the windows' hours is shown to `see` too.
///
/// # Errors
/// The table's; [`StoreError::Missing`] when a head has moved on meanwhile.
pub async fn evaluate_all(
    sink: &Sink<'_>,
    world: &World,
    moment: &Moment,
    shards: &mut [Shard],
    see: &mut impl FnMut(&UsageRow<'_>),
) -> Result<Values, StoreError> {
    let home = Home { sources: (0..sink.shards).collect(), ..Home::new(sink, world, moment, 0) };
    let mut fold = home.nothing();
    home.read(ALWAYS, shards, &Rows::default(), &mut Blocks::default(), &mut fold, see).await?;
    Ok(home.values(&fold))
}

/// Evaluates every object at several moments at once, as [`evaluate_all`] does at one: each shard is read once for all of them.
///
/// # Errors
/// As [`evaluate_all`].
pub async fn evaluate_each(
    sink: &Sink<'_>,
    world: &World,
    moments: &[Moment],
    shards: &mut [Shard],
) -> Result<Vec<Values>, StoreError> {
    let homes: Vec<Home<'_>> = moments.iter().map(|moment| Home::new(sink, world, moment, 0)).collect();
    let ranges = ranges_within(homes.iter().flat_map(Home::plans), ALWAYS);
    let each = |home| (ranges_within(Home::plans(home), ALWAYS), Seats::new(world, 0), home.nothing());
    let mut each: Vec<_> = homes.iter().map(each).collect();
    let mut blocks = Blocks::default();
    let mut last_day: Option<(Hour, i32)> = None;
    for shard in shards {
        let mut add = |row: &UsageRow<'_>| {
            for (home, (of_home, seats, fold)) in homes.iter().zip(&mut each) {
                if of_home.get(&row.kind).is_some_and(|range| (range.from..range.to).contains(&row.hour)) {
                    let day = match last_day {
                        Some((hour, day)) if hour == row.hour => day,
                        _ => last_day.insert((row.hour, home.zone.local_day(row.hour.start_ms()))).1,
                    };
                    home.add(row, day, seats, fold);
                }
            }
        };
        Rows::default().visit(sink.store, shard, &ranges, &mut blocks, &mut add).await?;
    }
    Ok(homes.iter().zip(&each).map(|(home, (_, _, fold))| home.values(fold)).collect())
}

/// Evaluates again without Pendo: after a change of fields, matching, directory or zone.
///
/// # Errors
/// The table's.
pub async fn evaluate_only(context: &Context, workspace: &WorkspaceId) -> Result<(), SyncError> {
    let store = &context.store;
    let Some(connection) = store.connection_get(workspace).await? else { return Ok(()) };
    let connection = connection.value;
    let Some(layout) = store.layout_get(workspace, &connection.id).await? else { return Ok(()) };
    let checkpoint = store.checkpoint_get(workspace, &connection.id).await?.value;
    let now_ms = context.clock.now_ms();
    let fields = store.fields_get(workspace).await?.value;
    let mapped: BTreeSet<Kind> = fields.iter().filter_map(|field| field.definition.kind()).collect();
    let kinds = checkpoint.kinds.iter().filter(|(kind, _)| mapped.contains(kind));
    let as_of: BTreeMap<Kind, Hour> = kinds.filter_map(|(kind, state)| Some((*kind, state.as_of?))).collect();
    let Some(newest) = as_of.values().max().copied() else { return Ok(()) };
    let sink = Sink { store, workspace, connection: &connection, shards: layout.shards, as_of: newest, now_ms };
    let moment = Moment::of(&connection, as_of);
    sink.evaluate_due(&moment).await?;
    reconcile::attribute(&sink, &moment, None).await?;
    Box::pin(take_turn(context, workspace)).await?;
    Ok(())
}
