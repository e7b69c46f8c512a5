//! Evaluates the objects at home in one shard: rows in, values out.

use super::page::{ObjectValues, Values};
use super::shards::{Blocks, Rows};
use super::world::World;
use crate::fields::{Accumulator, Field, Plan};
use crate::id::{Kind, ObjectKind};
use crate::matching::{Link, Status};
use crate::store::{Shard, Store, StoreError};
use crate::time::{Hour, HourRange, Zone};
use std::collections::{BTreeMap, HashMap};

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
}

impl Moment {
    /// The plan of a field at this moment; `None` while its kind was never read.
    #[must_use]
    pub fn plan(&self, field: &Field) -> Option<Plan> {
        let kind = field.definition.usage.kind;
        let as_of = *self.as_of.get(&kind)?;
        Some(Plan::new(field, as_of, self.zone, self.history_from))
    }
}

struct LevelPlans<'w> {
    plans: Vec<(&'w Field, Plan)>,
}

impl<'w> LevelPlans<'w> {
    fn new(world: &'w World, level: ObjectKind, moment: &Moment) -> Self {
        let fields = world.fields.value.iter().filter(|field| field.definition.object == level);
        Self { plans: fields.filter_map(|field| Some((field, moment.plan(field)?))).collect() }
    }

    fn start(&self) -> Vec<Accumulator> {
        self.plans.iter().map(|(_, plan)| plan.start()).collect()
    }

    fn outcomes(&self, accumulators: Option<&Vec<Accumulator>>) -> ObjectValues {
        let empty = self.start();
        let accumulators = accumulators.unwrap_or(&empty);
        let outcomes = self.plans.iter().zip(accumulators);
        ObjectValues {
            status: Status::Matched,
            outcomes: outcomes
                .map(|((field, plan), accumulator)| (field.id.clone(), accumulator.outcome(plan)))
                .collect(),
        }
    }
}

/// Evaluates everything at home in `home`: its rows are `own` where a run holds new ones, and otherwise what the heads
/// name.
///
/// # Errors
/// The table's; [`StoreError::Missing`] when a head has moved on meanwhile.
pub async fn evaluate(
    store: &Store,
    world: &World,
    moment: &Moment,
    home: u16,
    shards: &mut [Shard],
    own: &Rows,
    blocks: &mut Blocks,
) -> Result<Values, StoreError> {
    let levels = [ObjectKind::Account, ObjectKind::Contact].map(|level| LevelPlans::new(world, level, moment));
    let [accounts, contacts] = &levels;
    let mut of_accounts: HashMap<&str, Vec<Accumulator>> = HashMap::new();
    let mut of_contacts: HashMap<&str, Vec<Accumulator>> = HashMap::new();
    let ranges = ranges(&levels);
    let count = u16::try_from(shards.len()).unwrap_or(u16::MAX);
    for source in world.sources_of(home, count) {
        let Some(shard) = shards.get_mut(usize::from(source)) else { continue };
        let mut days: HashMap<Hour, i32> = HashMap::new();
        let overlay = if source == home { own } else { &Rows::default() };
        overlay
            .visit(store, shard, &ranges, blocks, &mut |row| {
                let local_day = *days.entry(row.hour).or_insert_with(|| moment.zone.local_day(row.hour.start_ms()));
                if !accounts.plans.is_empty()
                    && let Link::Matched(account) = world.links.account_of(row.account)
                    && let Some((account, at)) = world.homes.get_key_value(account)
                    && *at == home
                {
                    let folded = of_accounts.entry(account).or_insert_with(|| accounts.start());
                    add(&accounts.plans, folded, row, local_day);
                }
                if !contacts.plans.is_empty()
                    && let Link::Matched(contact) = world.links.contact_of(row.visitor, row.account)
                    && let Some((contact, _)) = world.directory.contacts.get_key_value(contact)
                    && world.home_of_contact(contact) == Some(home)
                {
                    let folded = of_contacts.entry(contact).or_insert_with(|| contacts.start());
                    add(&contacts.plans, folded, row, local_day);
                }
            })
            .await?;
    }
    let mut values = Values::new();
    for (account, at) in &world.homes {
        if *at == home {
            let status = world.links.account_status(account);
            insert(&mut values, ObjectKind::Account, account, status, accounts, of_accounts.get(account.as_str()));
        }
    }
    for contact in world.directory.contacts.keys() {
        if world.home_of_contact(contact) == Some(home) {
            let status = world.links.contact_status(contact);
            insert(&mut values, ObjectKind::Contact, contact, status, contacts, of_contacts.get(contact.as_str()));
        }
    }
    Ok(values)
}

fn add(
    plans: &[(&Field, Plan)],
    accumulators: &mut [Accumulator],
    row: &crate::usage::row::UsageRow<'_>,
    local_day: i32,
) {
    for ((_, plan), accumulator) in plans.iter().zip(accumulators) {
        if plan.takes(row) {
            accumulator.add(row, local_day);
        }
    }
}

fn insert(
    values: &mut Values,
    kind: ObjectKind,
    id: &str,
    status: Status,
    plans: &LevelPlans<'_>,
    folded: Option<&Vec<Accumulator>>,
) {
    let object = match status {
        Status::Matched => plans.outcomes(folded),
        // Nobody's usage is theirs; a page without them says the same in fewer bytes.
        Status::Unmatched => return,
        Status::Ambiguous => ObjectValues { status, outcomes: BTreeMap::new() },
    };
    values.insert((kind, id.to_owned()), object);
}

/// What has to be read: per kind, from the earliest window's begin to the latest one's end.
fn ranges(levels: &[LevelPlans<'_>; 2]) -> BTreeMap<Kind, HourRange> {
    let mut ranges: BTreeMap<Kind, HourRange> = BTreeMap::new();
    for (_, plan) in levels.iter().flat_map(|level| &level.plans) {
        let window = plan.window();
        let range = ranges.entry(plan.kind()).or_insert(window);
        (range.from, range.to) = (range.from.min(window.from), range.to.max(window.to));
    }
    ranges
}
