//! Tells what each account's fields came to at the end of each local day: once a day, with the first run after midnight.
//!
//! Like every step it compares: of each of the newest days the book knows a hash of all that its points were made from. Where
//! that is another now, the day is evaluated again over the rows that stand, by the fields as they were when it was told, and
//! what comes to something else is told behind what was told before. The book is read before all else and moved by
//! compare-and-swap; whoever is overtaken leaves it to the next run.

use super::checkpoint::{Checkpoint, KindState};
use super::evaluate::{Moment, evaluate};
use super::groups::hash_named;
use super::moves::Sink;
use super::page::Values;
use super::rewrites::Rewrite;
use super::run::{Run, SyncError};
use super::shards::{Blocks, Rows};
use super::told::{Account, accounts, changes};
use super::world::World;
use crate::connection::Connection;
use crate::fields::{Field, Plan, Window};
use crate::id::{FieldId, Kind, ObjectKind};
use crate::matching::Status;
use crate::points::{DAYS_RESTATED, MONTHS_KEPT, Points, Said, Told, Why, not_told, pack, part_of, tell};
use crate::store::points::{Book, Series};
use crate::store::{Layout, Shard, StoreError, Versioned};
use crate::time::{Hour, HourRange, month_start, months_before};
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

/// Another number makes all days be compared anew.
const FORM: u8 = 1;
/// Days that are evaluated before what they come to is kept.
const DAYS_AT_ONCE: usize = 8;
/// About how many bytes a part is made for.
const PART_BYTES: usize = 60_000;
/// Bytes of a part at most: well under what an item may hold.
const PART_BYTES_MAX: usize = 300_000;
/// Into no more parts than this.
const PARTS_MAX: usize = 4_096;

/// A day whose points are made from something else than what was told, or were never told.
struct Due {
    /// The fields, each as it was when the day was told, and why their usage may come to something else.
    fields: Vec<(Field, Why)>,
    /// The hash of what its points are made from.
    key: u64,
}

/// All that is read before anything is told.
struct Teller<'a> {
    run: &'a Run<'a>,
    sink: Sink<'a>,
    connection: Connection,
    kinds: BTreeMap<Kind, KindState>,
    /// The last day that is over.
    yesterday: i32,
    /// Every version that a day is told under.
    definitions: BTreeMap<(FieldId, u64), Field>,
    accounts: BTreeMap<String, Account>,
    erased: u64,
    excluded: u64,
    before: Book,
}

/// Tells what is over and was not told yet, or comes to something else now, with the first run of a local day. What could not
/// be told is left to the next run.
///
/// # Errors
/// The table's.
pub(super) async fn keep_points(run: &Run<'_>, layout: Layout, checkpoint: &Checkpoint) -> Result<(), SyncError> {
    let yesterday = run.connection.time_zone.local_day(run.as_of.start_ms()) - 1;
    if checkpoint.told_day.is_some_and(|told| yesterday <= told) {
        return Ok(());
    }
    match told(run, layout, yesterday).await {
        Ok(true) => {
            let keep = |checkpoint: &mut Checkpoint| checkpoint.told_day = checkpoint.told_day.max(Some(yesterday));
            run.store.checkpoint_change(run.workspace, &run.connection.id, keep).await?;
            Ok(())
        }
        Ok(false) | Err(StoreError::Conflict { .. } | StoreError::Missing { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Answers whether all is told.
async fn told(run: &Run<'_>, layout: Layout, yesterday: i32) -> Result<bool, StoreError> {
    let (store, workspace, id) = (&run.store, run.workspace, &run.connection.id);
    // What a worker that slept writes here must not be older than what it replaces: so the book is read first.
    let stands = store.book_get(workspace, id).await?;
    let connection = match store.connection_get(workspace).await? {
        Some(found) if found.value.id == *id => found.value,
        _ => return Ok(false),
    };
    let kinds = store.checkpoint_get(workspace, id).await?.value.kinds;
    let sink = run.sink(layout);
    let mut shards = sink.heads().await?;
    let excluded = store.exclusions_get(workspace).await?.version;
    let known = store.told_get(workspace, id).await?;
    let erased = store.erased_get(workspace, &connection).await?.version;
    let zone = connection.time_zone;
    let oldest = yesterday - (DAYS_RESTATED - 1);
    let standing = store.fields_get(workspace).await?;
    let definitions = definitions(run, &stands.value, &standing.value, oldest).await?;
    // Each day is told by the fields as they were, so whom those versions exclude is found too.
    let of_contacts = |field: &&Field| field.definition.object == ObjectKind::Contact;
    let others: Vec<Field> = standing.value.iter().filter(of_contacts).cloned().collect();
    let fields = Versioned { version: standing.version, value: definitions.values().chain(&others).cloned().collect() };
    let mut world = World::with(store, workspace, &connection, layout.shards, fields).await?;
    let grouped = |field: Field| world.groups.named_in(field);
    let definitions = definitions.into_iter().map(|(key, field)| (key, grouped(field))).collect();
    let told_hours = HourRange { from: zone.midnight(oldest), to: zone.midnight(yesterday + 1) };
    for shard in &mut shards {
        store.shard_load(shard, told_hours).await?;
    }
    let teller = Teller {
        run,
        sink,
        connection,
        kinds,
        yesterday,
        definitions,
        accounts: accounts(&world, &known.value, yesterday),
        erased,
        excluded,
        before: stands.value.clone(),
    };
    let none = Rows::default();
    let (mut book, mut version) = (stands.value, stands.version);
    let mut due: BTreeMap<i32, Due> = BTreeMap::new();
    for day in oldest..=yesterday {
        let fields = teller.fields_on(&standing.value, day);
        if fields.is_empty() {
            continue;
        }
        let key = teller.key(day, &fields, &shards, &world);
        if teller.before.made_from.get(&day) != Some(&key) {
            let fields = fields.into_iter().map(|field| (teller.why(&field, day), field));
            due.insert(day, Due { fields: fields.map(|(why, field)| (field, why)).collect(), key });
        }
    }
    let is_all_read = teller.is_all_read(&standing.value);
    let days: Vec<i32> = due.keys().copied().collect();
    let months = days.chunk_by(|one, other| month_start(*one) == month_start(*other));
    let chunks: Vec<&[i32]> = months.flat_map(|month| month.chunks(DAYS_AT_ONCE)).collect();
    for (at, chunk) in chunks.iter().enumerate() {
        let mut found: BTreeMap<i32, Values> = BTreeMap::new();
        for number in 0..teller.sink.shards {
            let mut blocks = Blocks::default();
            for day in *chunk {
                if run.deadline.is_some_and(|deadline| deadline.is_over()) {
                    return Ok(false);
                }
                // With the contacts' fields among them, what closed days came to is found as it is kept for the values of now.
                let of_accounts = due[day].fields.iter().map(|(field, _)| field);
                world.fields.value = of_accounts.chain(&others).cloned().collect();
                let moment = teller.moment(*day);
                let home = evaluate(&teller.sink, &world, &moment, number, &mut shards, &none, &mut blocks);
                let values = Box::pin(home).await?.0.into_iter();
                let of_accounts = values.filter(|((level, _), _)| *level == ObjectKind::Account);
                found.entry(*day).or_default().extend(of_accounts);
            }
        }
        let month = chunk.first().map_or(yesterday, |day| month_start(*day));
        let names = teller.settle(book.months.get(&month).cloned().unwrap_or_default(), &due, &found).await?;
        book.months.insert(month, names);
        for day in *chunk {
            book.made_from.insert(*day, due[day].key);
            for (field, _) in &due[day].fields {
                let of_field = || Series { to: *day, versions: BTreeMap::new() };
                book.series.entry(field.id.clone()).or_insert_with(of_field).note(*day, field.computes_since);
            }
        }
        if at + 1 == chunks.len() {
            teller.close(&mut book);
        }
        version = store.book_put(workspace, id, &book, version).await?;
    }
    let compared = |book: &Book| (book.erased, book.excluded, book.zone.clone());
    if due.is_empty() && version > 0 && compared(&book) != (erased, excluded, zone.name().to_owned()) {
        teller.close(&mut book);
        store.book_put(workspace, id, &book, version).await?;
    }
    let changes = changes(&teller.accounts);
    // Before anything was told nobody is told of.
    if !changes.is_empty() && !book.series.is_empty() {
        store.told_put(workspace, id, &changes, known.version, teller.sink.now_ms).await?;
    }
    Ok(is_all_read)
}

/// The fields of accounts that stand, and those of their versions that a day since `oldest` was told under.
async fn definitions(
    run: &Run<'_>,
    before: &Book,
    standing: &[Field],
    oldest: i32,
) -> Result<BTreeMap<(FieldId, u64), Field>, StoreError> {
    let mut definitions = BTreeMap::new();
    for field in standing.iter().filter(|field| field.definition.object == ObjectKind::Account) {
        let series = before.series.get(&field.id).filter(|series| oldest <= series.to);
        let told = series.into_iter().flat_map(|series| series.versions.values().copied());
        let replaced: Vec<u64> = told.filter(|version| *version != field.computes_since).collect();
        let kept = run.store.versions_get(run.workspace, &field.id, replaced).await?;
        definitions.extend(kept.into_iter().chain([field.clone()]).map(|field| (field.value_key(), field)));
    }
    Ok(definitions)
}

impl Teller<'_> {
    /// The fields of accounts that are told of a day, each under the version that it was told under, or that stands.
    fn fields_on(&self, standing: &[Field], day: i32) -> Vec<Field> {
        let on_day = |field: &Field| {
            let version = match self.before.series.get(&field.id) {
                None => (day == self.yesterday).then_some(field.computes_since),
                Some(series) if series.to < day => Some(field.computes_since),
                Some(series) => series.version_on(day),
            };
            let field = self.definitions.get(&(field.id.clone(), version?))?;
            self.can_be_told(field, day).then(|| field.clone())
        };
        standing.iter().filter_map(on_day).collect()
    }

    fn plan(&self, field: &Field, day: i32) -> Option<Plan> {
        let beginning = self.connection.history_from.unwrap_or_default();
        Plan::at_end_of(field, day, self.connection.time_zone, beginning)
    }

    fn end_of(&self, day: i32) -> Hour {
        self.connection.time_zone.midnight(day + 1)
    }

    /// Whether a day can be told; never of a formula, which is calculated when it is read.
    fn can_be_told(&self, field: &Field, day: i32) -> bool {
        let Some((measured, plan)) = field.definition.measured().zip(self.plan(field, day)) else { return false };
        let is_all_time = matches!(measured.window, Window::AllTime);
        let state = self.kinds.get(&measured.kind());
        not_told(&self.connection, state, &plan, is_all_time, self.end_of(day)).is_none()
    }

    /// Whether each kind that accounts have fields of is read up to the end of the last day.
    fn is_all_read(&self, standing: &[Field]) -> bool {
        let end = self.end_of(self.yesterday);
        let of_accounts = standing.iter().filter(|field| field.definition.object == ObjectKind::Account);
        let mut states = of_accounts.filter_map(|field| field.definition.kind()).map(|kind| self.kinds.get(&kind));
        states.all(|state| state.and_then(|state| state.as_of).is_some_and(|as_of| end <= as_of))
    }

    /// A hash of all that a day's points are made from. Accounts that came later are no part of it.
    fn key(&self, day: i32, fields: &[Field], shards: &[Shard], world: &World) -> u64 {
        let mut hasher = twox_hash::XxHash3_64::default();
        (FORM, self.connection.time_zone).hash(&mut hasher);
        let end = self.end_of(day);
        let mut from = end;
        for field in fields {
            field.value_key().hash(&mut hasher);
            hash_named(field, &mut hasher);
            from = self.plan(field, day).map_or(from, |plan| from.min(plan.reach().from));
        }
        for shard in shards {
            (shard.number, shard.mark_of(from, end), world.excluded.mark(shard.number)).hash(&mut hasher);
        }
        let told = self.accounts.values().filter(|account| account.first <= day);
        told.fold(0_u64, |sum, account| sum.wrapping_add(account.links)).hash(&mut hasher);
        hasher.finish()
    }

    fn moment(&self, day: i32) -> Moment {
        let as_of = self.kinds.keys().map(|kind| (*kind, self.end_of(day))).collect();
        Moment { keeps_folds: false, end_of: Some(day), ..Moment::of(&self.connection, as_of) }
    }

    /// Tells what days of one month come to, and answers the names of its parts; one without news keeps its name.
    async fn settle(
        &self,
        mut names: Vec<Option<String>>,
        due: &BTreeMap<i32, Due>,
        found: &BTreeMap<i32, Values>,
    ) -> Result<Vec<Option<String>>, StoreError> {
        let Run { store, workspace, connection, .. } = self.run;
        if names.is_empty() {
            let fields = due.values().map(|due| due.fields.len()).max().unwrap_or_default();
            let bytes = self.accounts.len().saturating_mul(fields).saturating_mul(31 * 2);
            names = vec![None; bytes.div_ceil(PART_BYTES).next_power_of_two().min(PARTS_MAX)];
        }
        'parts: loop {
            for at in 0..names.len() {
                let mut points = match &names[at] {
                    None => Points::new(),
                    Some(sort) => store.points_get(workspace, &connection.id, sort).await?,
                };
                let is_of_part = |id: &str| part_of(id, names.len()) == at;
                let is_defined = |id: &FieldId| self.definitions.keys().any(|(defined, _)| defined == id);
                points.retain(|(account, field), _| is_of_part(account) && is_defined(field));
                let mut is_news = false;
                for (id, account) in self.accounts.iter().filter(|(id, _)| is_of_part(id)) {
                    is_news |= self.tell_of(id, account, due, found, &mut points);
                }
                if !is_news {
                    continue;
                }
                points.retain(|_, days| {
                    days.retain(|_, told| !told.is_empty());
                    !days.is_empty()
                });
                let body = pack(&points);
                if body.len() > PART_BYTES_MAX && names.len() < PARTS_MAX {
                    // Each part splits in two, which until one of them is written are the same.
                    names.extend_from_within(..);
                    continue 'parts;
                }
                names[at] = Some(store.points_put(workspace, &connection.id, body, self.sink.now_ms).await?);
            }
            return Ok(names);
        }
    }

    /// Tells of one account; answers whether anything is news.
    fn tell_of(
        &self,
        id: &str,
        account: &Account,
        due: &BTreeMap<i32, Due>,
        found: &BTreeMap<i32, Values>,
        points: &mut Points,
    ) -> bool {
        let key = (ObjectKind::Account, id.to_owned());
        let mut is_news = false;
        let is_told = |day: i32| account.since.is_some_and(|since| since <= day);
        for (day, values) in found.iter().filter(|(day, _)| is_told(**day)) {
            let values = values.get(&key);
            let status = values.map_or(Status::Unmatched, |values| values.status);
            for (field, why) in due.get(day).into_iter().flat_map(|due| &due.fields) {
                let outcome = values.and_then(|values| values.outcomes.get(&field.value_key()).cloned());
                let is_first = self.before.series.get(&field.id).is_none_or(|series| series.to < *day);
                let now = Told {
                    at_s: self.sink.now_ms.div_euclid(1_000),
                    why: (!is_first && account.is_known()).then(|| match account.is_relinked() {
                        _ if self.before.zone != self.connection.time_zone.name() => Why::NewZone,
                        true => Why::NewMatching,
                        false => *why,
                    }),
                    version: field.computes_since,
                    said: Said::of(status, outcome),
                };
                let told = points.entry((id.to_owned(), field.id.clone())).or_default().entry(*day).or_default();
                is_news |= tell(told, now, !is_first && self.before.erased != self.erased);
            }
        }
        is_news
    }

    /// Why the usage of a day may come to something else than was told.
    fn why(&self, field: &Field, day: i32) -> Why {
        if self.before.erased != self.erased {
            return Why::Erasure;
        }
        if self.before.excluded != self.excluded {
            return Why::Exclusions;
        }
        let Some((measured, plan)) = field.definition.measured().zip(self.plan(field, day)) else {
            return Why::LateData;
        };
        // Below the line of an adoption rate stand those who used any other object, too.
        let ids = measured.usage.ids.as_ref().filter(|_| measured.of.is_none());
        let reach = plan.reach();
        let rewrites = self.kinds.get(&measured.kind()).into_iter().flat_map(|state| &state.rewrites);
        let moves = |rewrite: &&Rewrite| self.before.told_at < rewrite.at && rewrite.may_move(reach, ids);
        let newest = rewrites.filter(moves).max_by_key(|rewrite| rewrite.at);
        newest.map_or(Why::LateData, |rewrite| rewrite.cause.into())
    }

    /// Notes that every day was compared, and lets go what is no longer kept.
    fn close(&self, book: &mut Book) {
        book.zone = self.connection.time_zone.name().to_owned();
        book.told_at = self.sink.as_of;
        book.erased = self.erased;
        book.excluded = self.excluded;
        let oldest = self.yesterday - (DAYS_RESTATED - 1);
        book.made_from.retain(|day, _| oldest <= *day);
        let first = months_before(month_start(self.yesterday), MONTHS_KEPT);
        book.months.retain(|month, _| first <= *month);
        // Of a field that was deleted nothing can be asked any more.
        book.series.retain(|id, _| self.definitions.keys().any(|(defined, _)| defined == id));
    }
}
