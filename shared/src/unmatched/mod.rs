//! The match report weighed by usage: how many events are nobody's, whose they would nearly be, and what would help.

mod help;
mod weights;

pub use help::Help;
pub use weights::Weighed;

use crate::connection::Connection;
use crate::context::Context;
use crate::exclusions::Exclusions;
use crate::explain::{ExplainError, REREADS_MAX};
use crate::id::{Kind, ObjectKind, VisitorHash, WorkspaceId};
use crate::matching::{KnownAccount, KnownVisitor, Link, Matching, Rule, Why, nearest};
use crate::store::{SeenIn, Store, noun};
use crate::sync::shards::{Blocks, Rows};
use crate::sync::world::{World, known};
use crate::time::{Hour, HourRange, to_the_second};
use crate::usage::row::UsageRow;
use crate::values::ValuesError;
use help::{People, Trial};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use weights::{Nobodys, Weights};

/// Objects that are named for each of the nobodies.
const NEAR_MAX: usize = 3;

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct UnmatchedQuery {
    /// Of which kind the events are; all activity if it is read, else the first kind that is.
    pub kind: Option<Kind>,
    /// How many times twenty-four hours back.
    pub days: u32,
    /// How many nobodies of each level are named.
    pub limit: usize,
    /// More rows are refused.
    pub rows_max: u64,
}

/// Usage by whose it is.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "Unmatched")]
pub struct Unmatched {
    /// The kind whose events are counted; null where none is read yet.
    pub kind: Option<Kind>,
    /// The first hour.
    pub from: Option<String>,
    /// The end of the last one.
    pub to: Option<String>,
    /// Visitors and contacts; null where they are not matched.
    pub contact: Option<LevelUnmatched>,
    /// Pendo's accounts and accounts; null where they are not matched.
    pub account: Option<LevelUnmatched>,
}

/// One level.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct LevelUnmatched {
    /// Events by whose they are: `matched`, `unmatched`, `ambiguous`, `without_id` and `excluded` add up to `total`.
    pub events: Weighed,
    /// Visitors or Pendo accounts with events that are nobody's.
    pub nobodies: usize,
    /// How many of them there are for each reason.
    pub reasons: BTreeMap<Why, usize>,
    /// Those with most events.
    pub top: Vec<Nobody>,
    /// What would match more, counted on these events.
    pub help: Vec<Help>,
}

/// A visitor or Pendo account with events that are nobody's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Nobody {
    /// Its id at Pendo; null where it was erased meanwhile.
    pub id: Option<String>,
    /// What it has in the field that the rule names; null where that is its id.
    pub value: Option<String>,
    /// Its events that are nobody's.
    pub events: u64,
    /// What stands between it and an object.
    pub why: Why,
    /// The objects that it nearly fits, at most three.
    pub near: Vec<String>,
    /// How many there are.
    pub near_count: usize,
    /// The column of the directory in which its key stands, of `other_column`.
    pub column: Option<String>,
}

/// Counts whose the events of the stored rows are.
///
/// # Errors
/// No connection; more rows than are counted while somebody waits; the table's.
pub async fn unmatched(
    context: &Context,
    workspace: &WorkspaceId,
    query: &UnmatchedQuery,
) -> Result<Unmatched, ExplainError> {
    let mut tries = 0;
    loop {
        match Box::pin(read(context, workspace, query)).await {
            Err(error) if error.is_overtaken() && tries < REREADS_MAX => tries += 1,
            outcome => return outcome,
        }
    }
}

async fn read(context: &Context, workspace: &WorkspaceId, query: &UnmatchedQuery) -> Result<Unmatched, ExplainError> {
    let store = context.store.metered();
    let connection = store.connection_get(workspace).await?.ok_or(ValuesError::NotConnected)?.value;
    let checkpoint = store.checkpoint_get(workspace, &connection.id).await?.value;
    let as_of = |kind: &Kind| checkpoint.kinds.get(kind).and_then(|state| state.as_of);
    let preferred = query.kind.map_or_else(|| [Kind::Event].into_iter().chain(Kind::ALL).collect(), |kind| vec![kind]);
    let found = preferred.into_iter().find_map(|kind| Some((kind, as_of(&kind)?)));
    let Some((kind, to)) = found else {
        return Ok(Unmatched { kind: None, from: None, to: None, contact: None, account: None });
    };
    let hours = i32::try_from(query.days.saturating_mul(24)).unwrap_or(i32::MAX);
    let range = HourRange { from: Hour(to.0.saturating_sub(hours)), to };

    let shards = store.layout_get(workspace, &connection.id).await?.map_or(1, |layout| layout.shards);
    let world = World::read(&store, workspace, &connection, shards).await?;
    let matching = store.matching_get(workspace).await?.map(|stands| stands.value).unwrap_or_default();
    let weights = weights(&store, workspace, &connection, shards, (kind, range), query.rows_max).await?;
    let people = people(&store, workspace, &connection).await?;
    let exclusions = store.exclusions_get(workspace).await?.value.exclusions;
    let told = Told {
        world: &world,
        matching: &matching,
        exclusions: &exclusions,
        weights: &weights,
        people: &people,
        limit: query.limit,
    };
    Ok(Unmatched {
        kind: Some(kind),
        from: Some(to_the_second(range.from.start_ms())),
        to: Some(to_the_second(range.to.start_ms())),
        contact: told.level(ObjectKind::Contact),
        account: told.level(ObjectKind::Account),
    })
}

/// One pass over all stored rows of a kind.
async fn weights(
    store: &Store,
    workspace: &WorkspaceId,
    connection: &Connection,
    shards: u16,
    (kind, range): (Kind, HourRange),
    rows_max: u64,
) -> Result<Weights, ExplainError> {
    let (mut weights, mut rows) = (Weights::default(), 0_u64);
    let ranges = BTreeMap::from([(kind, range)]);
    for number in 0..shards {
        let mut shard = store.shard_get(workspace, &connection.id, number).await?;
        store.shard_load(&mut shard, range).await?;
        rows = shard.entries(kind, range).fold(rows, |rows, (_, entry)| rows.saturating_add(entry.share.rows));
        if rows > rows_max {
            return Err(ExplainError::TooMuch { rows });
        }
        let mut blocks = Blocks::default();
        let mut see = |row: &UsageRow<'_>| weights.add(row);
        Rows::default().visit(store, &mut shard, &ranges, &mut blocks, &mut see).await?;
    }
    Ok(weights)
}

async fn people(store: &Store, workspace: &WorkspaceId, connection: &Connection) -> Result<People, ExplainError> {
    let visitors = store.people_get(workspace, &connection.id, noun::People::Visitors).await?.value;
    let seen_visitors = store.seen_get(workspace, &connection.id, SeenIn::Visitors).await?.value;
    let accounts = store.people_get(workspace, &connection.id, noun::People::Accounts).await?.value;
    let seen_accounts = store.seen_get(workspace, &connection.id, SeenIn::Accounts).await?.value;
    Ok(People {
        visitors: known(&visitors, &seen_visitors).map(|(id, value)| KnownVisitor { id, value }).collect(),
        accounts: known(&accounts, &seen_accounts).map(|(id, value)| KnownAccount { id, value }).collect(),
    })
}

/// All that a level is told from.
struct Told<'a> {
    world: &'a World,
    matching: &'a Matching,
    exclusions: &'a Exclusions,
    weights: &'a Weights,
    people: &'a People,
    limit: usize,
}

impl Told<'_> {
    fn level(&self, level: ObjectKind) -> Option<LevelUnmatched> {
        let rule = self.matching.rule(level)?;
        let Self { world, matching, exclusions, weights, people, limit } = *self;
        let (links, directory) = (&world.links, &world.directory);
        let nobodies = self.nobodies(level, rule);
        let now = weights.weighed(level, links, world.excluded.everywhere());
        let trial = Trial { level, matching, exclusions, directory, people, weights, links, now };
        let mut reasons = BTreeMap::new();
        nobodies.iter().for_each(|nobody| *reasons.entry(nobody.why).or_default() += 1);
        Some(LevelUnmatched {
            events: now,
            nobodies: nobodies.len(),
            reasons,
            help: trial.help(&nobodies),
            top: nobodies.into_iter().take(limit).collect(),
        })
    }

    /// Those with most events first.
    fn nobodies(&self, level: ObjectKind, rule: &Rule) -> Vec<Nobody> {
        let (links, excluded) = (&self.world.links, self.world.excluded.everywhere());
        let mut found: Vec<(Option<&str>, Option<&str>, Nobodys)> = match level {
            ObjectKind::Account => {
                let values: HashMap<&str, Option<&str>> =
                    self.people.accounts.iter().map(|known| (known.id.as_str(), known.value.as_deref())).collect();
                let of = |(id, what)| (Some(id), values.get(id).copied().flatten(), what);
                self.weights.pendo_accounts(links, excluded).into_iter().map(of).collect()
            }
            ObjectKind::Contact => {
                let known: HashMap<VisitorHash, &KnownVisitor> =
                    self.people.visitors.iter().map(|known| (VisitorHash::of(&known.id), known)).collect();
                let of = |(visitor, what)| {
                    let known = known.get(&visitor);
                    (known.map(|known| known.id.as_str()), known.and_then(|known| known.value.as_deref()), what)
                };
                self.weights.visitors(links, excluded).into_iter().map(of).collect()
            }
        };
        found.sort_by(|(one, _, first), (other, _, second)| (second.events, one).cmp(&(first.events, other)));
        let text = |(id, value, _): &(Option<_>, Option<_>, Nobodys)| if rule.pendo.is_id() { *id } else { *value };
        let is_open = |item: &&(_, _, Nobodys)| item.2.link == Link::Unmatched;
        let texts: BTreeSet<&str> = found.iter().filter(is_open).filter_map(text).collect();
        let near = nearest(rule, self.world.directory.objects(level), &texts);
        let told = found.iter().map(|item| {
            let (id, value, Nobodys { events, link }) = *item;
            let near = text(item).and_then(|text| near.get(text)).filter(|_| link == Link::Unmatched);
            let why = match link {
                Link::Ambiguous => Why::DuplicateKey,
                Link::WithoutId => Why::WithoutId,
                _ => near.map_or(Why::Unknown, |near| near.why),
            };
            Nobody {
                id: id.map(str::to_owned),
                value: value.map(str::to_owned),
                events,
                why,
                near: near.map(|near| near.objects.iter().take(NEAR_MAX).cloned().collect()).unwrap_or_default(),
                near_count: near.map_or(0, |near| near.objects.len()),
                column: near.and_then(|near| near.column.clone()),
            }
        });
        told.collect()
    }
}
