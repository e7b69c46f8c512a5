//! The evaluation alone, in a process of its own: this benchmark calls itself with `calculate` and what to do, so that table and
//! simulator cost it nothing. One thread does everything, so its processor time is that of the evaluation.

use crate::bare::thread_cpu_seconds;
use crate::world::workspace;
use local::process::used;
use serde_json::{Value, json};
use shared::connection::Connection;
use shared::context::Context;
use shared::fields::{Definition, Field, Outcome};
use shared::id::{FieldId, Kind, ObjectKind, VisitorHash, WorkspaceId};
use shared::matching::Link;
use shared::preview::Everybody;
use shared::store::{SeenIn, Store};
use shared::sync::batch::{Batch, Fetched};
use shared::sync::evaluate::Moment;
use shared::sync::moves::Sink;
use shared::sync::page::Values;
use shared::sync::shards::{Blocks, Rows};
use shared::time::{Hour, HourRange};
use shared::usage::row::{Row, UsageRow};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{BufWriter, Write as _};

/// New hours that are evaluated one after another.
const HOURS: i32 = 5;

/// What the process is told to do, after `calculate`.
pub(crate) fn main(asked: &[String]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let said = runtime.block_on(async {
        let context = Context::from_env().await.unwrap();
        match asked {
            [what, definitions] if what == "scratch" => {
                scratch(&context, &serde_json::from_str::<Vec<Value>>(definitions).unwrap()).await
            }
            [what, rows] if what == "hour" => hours(&context, rows.parse().unwrap()).await,
            [what, file] if what == "export" => export(&context, file).await,
            _ => Value::Null,
        }
    });
    println!("{said}");
}

/// How far the connection is read.
pub(crate) struct Stand {
    pub(crate) store: Store,
    pub(crate) connection: Connection,
    pub(crate) shards: u16,
    pub(crate) as_of: BTreeMap<Kind, Hour>,
    workspace: WorkspaceId,
    now_ms: i64,
}

impl Stand {
    pub(crate) async fn of(context: &Context) -> Self {
        let (store, workspace) = (context.store.metered(), workspace());
        let connection = store.connection_get(&workspace).await.unwrap().unwrap().value;
        let checkpoint = store.checkpoint_get(&workspace, &connection.id).await.unwrap().value;
        let shards = store.layout_get(&workspace, &connection.id).await.unwrap().unwrap().shards;
        let as_of = checkpoint.kinds.iter().filter_map(|(kind, state)| Some((*kind, state.as_of?))).collect();
        Self { store, connection, shards, as_of, workspace, now_ms: context.clock.now_ms() }
    }

    pub(crate) fn sink(&self) -> Sink<'_> {
        let Self { store, workspace, connection, .. } = self;
        Sink { store, workspace, connection, shards: self.shards, as_of: self.end(), now_ms: self.now_ms }
    }

    /// The end of what is read of features.
    pub(crate) fn end(&self) -> Hour {
        self.as_of[&Kind::Feature]
    }

    /// Shows every row of features of some hours.
    pub(crate) async fn visit(&self, hours: HourRange, see: &mut impl FnMut(&UsageRow<'_>)) {
        let ranges = BTreeMap::from([(Kind::Feature, hours)]);
        for shard in &mut self.sink().heads().await.unwrap() {
            Rows::default().visit(&self.store, shard, &ranges, &mut Blocks::default(), see).await.unwrap();
        }
    }

    /// The visitors whose rows are stored, by their hashes.
    pub(crate) async fn visitors(&self) -> HashMap<VisitorHash, String> {
        let seen = self.store.seen_get(&self.workspace, &self.connection.id, SeenIn::Visitors).await.unwrap();
        seen.value.keys().map(|id| (VisitorHash::of(id), id.clone())).collect()
    }

    /// Stores a batch's rows as one fetch of their hours.
    pub(crate) async fn keep(&self, mut batch: Batch) {
        let reading = self.store.reading_next(&self.workspace, &self.connection.id).await.unwrap();
        let fetched = |(key, whole)| (key, Fetched { reading, whole, is_verified: true });
        batch.buckets = batch.totals().into_iter().map(fetched).collect();
        self.sink().store(&batch, None).await.unwrap();
    }
}

/// A row as Pendo would have answered it, in another hour.
pub(crate) fn moved<'r>(row: &UsageRow<'r>, visitor: &'r str, hour: Hour) -> Row<'r> {
    let by_ms = hour.start_ms() - row.hour.start_ms();
    Row {
        kind: row.kind,
        hour,
        account: row.account.map(Cow::from),
        visitor: visitor.into(),
        app: row.app,
        object: row.object.into(),
        event_type: row.event_type.into(),
        events: row.events,
        minutes: row.minutes,
        first_ms: row.first_ms + by_ms,
        last_ms: row.last_ms + by_ms,
    }
}

/// Evaluates definitions for everybody out of blocks, without folds, as a preview does; then reads and decodes the same blocks
/// once more and does nothing with them.
async fn scratch(context: &Context, definitions: &[Value]) -> Value {
    let field = |definition| Field::new(FieldId::random(), Definition::parse(definition).unwrap(), 0, None);
    let fields: Vec<Field> = definitions.iter().map(field).collect();
    let (workspace, began) = (workspace(), thread_cpu_seconds());
    let mut everybody = Everybody::open(context, &workspace, fields.clone()).await.unwrap();
    let rows = everybody.rows().await.unwrap();
    let opened = thread_cpu_seconds();
    let values = everybody.values(&mut |_, _| {}).await.unwrap();
    let evaluated = thread_cpu_seconds();
    let peak = used("self").unwrap().peak_memory_bytes;
    let stand = Stand::of(context).await;
    let (reading, mut read) = (thread_cpu_seconds(), 0_u64);
    stand.visit(HourRange { from: Hour(0), to: stand.end() }, &mut |_| read += 1).await;
    json!({"rows": rows, "open": opened - began, "evaluate": evaluated - opened, "peak": peak, "rows_read": read,
           "read": thread_cpu_seconds() - reading, "sums": sums(&fields, &values)})
}

/// What the values of all objects come to: sums, and of instants the last one.
fn sums(fields: &[Field], values: &Values) -> Vec<i64> {
    let sum = |field: &Field| {
        let outcomes = values.values().filter_map(|object| object.outcomes.get(&(field.id.clone(), 1)));
        outcomes.fold(0_i64, |sum, outcome| match *outcome {
            Outcome::Count(count) => sum + count as i64,
            Outcome::Instant(ms) => sum.max(ms),
            Outcome::Change { current, previous } => sum + (current + previous) as i64,
            Outcome::NeverUsed | Outcome::Excluded | Outcome::Ratio { .. } => sum,
        })
    };
    fields.iter().map(sum).collect()
}

/// Stores an hour with so many new rows and evaluates what that makes due, some hours one after another. The first one makes the
/// folds of closed days; the others are an hour as it comes.
async fn hours(context: &Context, count: usize) -> Value {
    let first = Stand::of(context).await;
    let (visitors, end) = (first.visitors().await, first.end());
    let mut known: HashSet<(Option<String>, VisitorHash, String)> = HashSet::new();
    let mut evaluated = Vec::new();
    for ago in 1..=HOURS {
        known.clear();
        let mut batch = Batch::default();
        let mut take = |row: &UsageRow<'_>| {
            // One row for each object of each visitor, as Pendo groups an hour.
            let key = (row.account.map(str::to_owned), row.visitor, row.object.to_owned());
            if let Some(visitor) = visitors.get(&row.visitor)
                && known.len() < count
                && known.insert(key)
            {
                batch.push(&moved(row, visitor, end.plus(-ago)), first.shards);
            }
        };
        let source = HourRange { from: end.plus(-24 * (5 + 3 * ago)), to: end.plus(-24 * (2 + 3 * ago)) };
        first.visit(source, &mut take).await;
        let stand = Stand::of(context).await;
        stand.keep(batch).await;
        let stand = Stand::of(context).await;
        let (began, sink) = (thread_cpu_seconds(), stand.sink());
        let homes = sink.evaluate_due(&Moment::of(&stand.connection, stand.as_of.clone())).await.unwrap();
        let due = thread_cpu_seconds() - began;
        let stand = Stand::of(context).await;
        let began = thread_cpu_seconds();
        let heads = stand.sink().heads().await.unwrap();
        let world = stand.sink().world().await.unwrap();
        let opened = thread_cpu_seconds() - began;
        std::hint::black_box((heads, world));
        let spent = sink.store.meter().spent();
        evaluated.push(json!({"rows": known.len(), "heads": homes, "evaluate": due, "open": opened,
                              "reads": spent.read_units, "writes": spent.write_units}));
    }
    json!({"hours": evaluated, "peak": used("self").unwrap().peak_memory_bytes})
}

/// Writes every row as a line for other engines, with the account and the contact that it is matched with.
async fn export(context: &Context, file: &str) -> Value {
    let all = json!({"name": "all", "object": "account", "usage": {"kind": "feature"}, "function": "count",
                     "window": {"all_time": true}});
    let field = Field::new(FieldId::random(), Definition::parse(&all).unwrap(), 0, None);
    let workspace = workspace();
    let mut everybody = Everybody::open(context, &workspace, vec![field]).await.unwrap();
    let mut out = BufWriter::new(File::create(file).unwrap());
    writeln!(out, "hour,account,contact,visitor,object,events,minutes,last_ms").unwrap();
    let mut rows = 0_u64;
    let see = &mut |world: &shared::sync::world::World, row: &UsageRow<'_>| {
        let named = |link| if let Link::Matched(id) = link { id } else { "" };
        let account = named(world.links.account_of(row.account));
        let contact = named(world.links.contact_of(row.visitor, row.account));
        let (hour, visitor, object) = (row.hour.0, row.visitor.0, row.object);
        let line = writeln!(
            out,
            "{hour},{account},{contact},{visitor},{object},{},{},{}",
            row.events, row.minutes, row.last_ms
        );
        line.unwrap();
        rows += 1;
    };
    everybody.values(see).await.unwrap();
    out.flush().unwrap();
    let objects = everybody.world.directory.objects(ObjectKind::Account).len();
    json!({"rows": rows, "accounts": objects, "end": Stand::of(context).await.end().0})
}
