//! A small world at an instant, to which the table can be set back; and all of it that must come out the same.

use crate::harness::{HOUR_MS, Lines, NOW, World, all_time, both_levels, field, ms, used};
use crate::proxy::{Plan, Proxy};
use crate::reference::{Reference, kind_name};
use chrono_tz::Tz;
use local::clients::Clients;
use pendo_simulator::{Kind, RawRow};
use serde_json::{Value, json};
use shared::context::Context;
use shared::store::Store;
use shared::sync::checkpoint::Checkpoint;
use shared::sync::claim::Claim;
use shared::sync::{RunEnd, SyncError};
use shared::usage::block::Block;
use std::collections::BTreeMap;

const ACCOUNTS: &str = "id\nA-1\nA-2\n";
const CONTACTS: &str = "id,account_id,email\nC-1,A-1,ann@x\nC-2,A-2,bob@x\n";

/// Which work lies before the run that is disturbed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// All of it: nothing was read yet.
    First,
    /// An hour has passed, and a row came late.
    Late,
    /// A week has passed, rows came late: a daily and weekly pass, compaction, and items to sweep.
    House,
}

/// A world whose table can be set back.
pub(crate) struct Scene {
    pub(crate) world: World,
    table: Table,
    before: Vec<Value>,
}

/// Everything that must be equal, whatever happened on the way.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) lines: Lines,
    pub(crate) conservation: BTreeMap<String, Value>,
    pub(crate) judged: BTreeMap<(u16, &'static str, i32), String>,
}

#[expect(clippy::disallowed_methods, reason = "how large a test is to be is said by whoever runs it")]
pub(crate) fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

fn row(kind: Kind, visitor: &str, account: Option<&str>, hours_ago: i64, now_ms: i64) -> RawRow {
    let mut row = used(kind, visitor, account, NOW, 3);
    row.hour_ms = (now_ms - hours_ago * HOUR_MS).div_euclid(HOUR_MS) * HOUR_MS;
    (row.first_ms, row.last_ms) = (row.hour_ms + 1_000, row.hour_ms + 2_000);
    row
}

fn definitions() -> Vec<Value> {
    let week = json!({"rolling_days": 7});
    let mut fields = Vec::new();
    for kind in ["page", "guide"] {
        fields.push(field(&format!("{kind} ever"), "account", kind, "count", &all_time()));
        fields.push(field(&format!("{kind} visitors"), "account", kind, "distinct_visitors", &week));
        fields.push(field(&format!("{kind} last"), "contact", kind, "last_used", &all_time()));
    }
    fields
}

impl Outcome {
    /// Ends the test with what differs, if anything does.
    pub(crate) fn must_be(&self, wanted: &Self, what: &str) {
        let mut differs = Vec::new();
        for (key, line) in &wanted.lines {
            if self.lines.get(key) != Some(line) {
                differs.push(format!("{:?} instead of {line}", self.lines.get(key)));
            }
        }
        for (kind, told) in &wanted.conservation {
            if self.conservation.get(kind) != Some(told) {
                differs.push(format!("{kind}: {:?} instead of {told}", self.conservation.get(kind)));
            }
        }
        for (bucket, judged) in &wanted.judged {
            if self.judged.get(bucket) != Some(judged) {
                differs.push(format!("{bucket:?}: {:?} instead of {judged}", self.judged.get(bucket)));
            }
        }
        assert!(self == wanted, "{what}:\n{}", differs.join("\n"));
    }
}

impl Scene {
    pub(crate) async fn new(stage: Stage) -> Self {
        let world = World::empty().await;
        let now_ms = ms(NOW);
        for (kind, visitor, account, ago) in [
            (Kind::Page, "ann@x", Some("A-1"), 2),
            (Kind::Page, "bob@x", Some("A-2"), 2),
            (Kind::Page, "ann@x", Some("A-2"), 3),
            (Kind::Guide, "bob@x", Some("A-2"), 3),
            (Kind::Guide, "eve@x", Some("A-1"), 3),
            (Kind::Page, "_PENDO_T_1", Some("A-1"), 3),
            (Kind::Page, "bob@x", None, 24 * 5),
            (Kind::Guide, "ann@x", Some("A-1"), 24 * 5),
        ] {
            world.pendo().inject(row(kind, visitor, account, ago, now_ms));
        }
        world.connect().await;
        world.upload("accounts", ACCOUNTS).await;
        world.upload("contacts", CONTACTS).await;
        world.match_both().await;
        world.patch("/v1/connection", &json!({"paused": true})).await.expect(200);
        for definition in definitions() {
            world.post("/v1/fields", &definition).await.expect(201);
        }
        world.idle().await;
        unpause_in_the_table(&world).await;
        let table = Table { url: world.stack.database_url(), http: reqwest::Client::new() };
        let mut scene = Self { world, table, before: Vec::new() };
        let steps: &[i64] = match stage {
            Stage::First => &[],
            Stage::Late => &[1],
            Stage::House => &[1, 24 * 8],
        };
        for hours in steps {
            scene.run().await.unwrap();
            scene.world.advance(*hours);
            scene.late_rows();
        }
        scene.keep().await;
        scene
    }

    /// Rows of the last hour, of one that was read, and of the day before.
    pub(crate) fn late_rows(&self) {
        let now_ms = self.world.stack.clock().now_ms();
        self.world.pendo().inject(row(Kind::Page, "ann@x", Some("A-1"), 1, now_ms));
        self.world.pendo().inject(row(Kind::Guide, "bob@x", Some("A-1"), 4, now_ms));
        self.world.pendo().inject(row(Kind::Page, "eve@x", Some("A-2"), 30, now_ms));
    }

    pub(crate) fn table(&self) -> &Table {
        &self.table
    }

    /// Remembers the table as it stands.
    pub(crate) async fn keep(&mut self) {
        self.before = self.table.items().await;
    }

    /// Remembers the table as it stands, unless the stage begins with nothing read.
    pub(crate) async fn keep_unless_first(&mut self, stage: Stage) {
        if stage != Stage::First {
            self.keep().await;
        }
    }

    /// Sets the table back.
    pub(crate) async fn reset(&self) {
        self.table.set(&self.before).await;
    }

    /// A run that nothing disturbs. What something dead had claimed is free at once, without the seconds in which it is found
    /// dead.
    pub(crate) async fn run(&self) -> Result<RunEnd, SyncError> {
        self.claim(None).await;
        shared::sync::run(self.world.stack.context(), &self.world.workspace(), None).await
    }

    /// Says whose history is.
    pub(crate) async fn claim(&self, claim: Option<Claim>) {
        let (store, workspace) = (&self.world.stack.context().store, self.world.workspace());
        if let Some(connection) = store.connection_get(&workspace).await.unwrap() {
            let set = |checkpoint: &mut Checkpoint| checkpoint.claim.clone_from(&claim);
            // A spoiled one holds no claim that anybody could read.
            match store.checkpoint_change(&workspace, &connection.value.id, set).await {
                Err(error) if error.is_of_one_item() => {}
                claimed => drop(claimed.unwrap()),
            }
        }
    }

    /// A proxy of this world's table, and the context of a worker that knows only it.
    pub(crate) async fn worker(&self, seed: u64) -> (Proxy, Context) {
        let proxy = Proxy::start(self.world.stack.database_url(), seed).await;
        let context = worker_of(&proxy, &self.world);
        (proxy, context)
    }

    /// Everything as it stands.
    pub(crate) async fn outcome(&self) -> Outcome {
        let kinds = self.world.status().await["kinds"].as_object().unwrap().clone();
        let conservation = kinds.into_iter().map(|(kind, report)| {
            assert_eq!(report["equals_pendo"], true, "{kind}: {report}");
            let told = [
                "events_by",
                "as_of",
                "stored_events",
                "pendo_events",
                "anonymous_events",
                "hours_unverified",
                "compared_at",
            ];
            (kind, told.iter().map(|name| report[*name].clone()).collect())
        });
        Outcome { lines: self.world.lines().await, conservation: conservation.collect(), judged: self.judged().await }
    }

    /// Every bucket that a head names, but for the number of its reading and its blocks' names: what was judged, and rows.
    async fn judged(&self) -> BTreeMap<(u16, &'static str, i32), String> {
        let (store, workspace) = (&self.world.stack.context().store, self.world.workspace());
        let connection = store.connection_get(&workspace).await.unwrap().unwrap().value.id;
        let shards = store.layout_get(&workspace, &connection).await.unwrap().unwrap().shards;
        let mut judged = BTreeMap::new();
        for number in 0..shards {
            let mut shard = store.shard_get(&workspace, &connection, number).await.unwrap();
            store.shard_load_all(&mut shard).await.unwrap();
            for ((kind, hour), entry) in shard.all_entries() {
                let mut rows = Vec::new();
                for body in store.blocks_get(&shard, &entry.blocks).await.unwrap() {
                    let block = Block::decode(&body).unwrap();
                    rows.extend(block.rows(|k, h| (k, h) == (*kind, *hour)).map(|row| format!("{row:?}")));
                }
                rows.sort();
                let bucket = format!("{:?} {:?} {} {rows:?}", entry.whole, entry.share, entry.is_verified);
                if entry.share.rows > 0 {
                    judged.insert((number, kind.name(), hour.0), bucket);
                }
            }
        }
        judged
    }

    /// What the values should be, over every row that Pendo holds.
    pub(crate) fn reference(&self) -> Reference {
        let now_ms = self.world.stack.clock().now_ms();
        let truth = self.world.pendo().truth();
        Reference::new(truth, &both_levels(), Tz::UTC, now_ms).with_directory(ACCOUNTS, CONTACTS)
    }

    /// The outcome of an undisturbed run, checked against the reference.
    pub(crate) async fn wanted(&self) -> Outcome {
        self.run().await.unwrap();
        let outcome = self.outcome().await;
        let reference = self.reference();
        for definition in definitions() {
            for (id, expected) in reference.expected(&definition) {
                let part = |name: &str| definition[name].as_str().unwrap().to_owned();
                let line = &outcome.lines[&(part("object"), id, part("name"))];
                assert_eq!((&line["value"], line["reason"].as_str()), (&expected.value, expected.reason), "{line}");
            }
        }
        // Whose the rows are is counted when history is compared.
        for (kind, told) in outcome.conservation.iter().filter(|(_, told)| told[1] == told[6]) {
            for object in ["account", "contact"] {
                for (class, events) in reference.classes(object, kind) {
                    assert_eq!(told[0][object][class], json!(events), "{kind} {object} {class}");
                }
            }
        }
        let rows = self.world.pendo().truth().into_iter().filter(|row| !row.visitor_id.starts_with("_PENDO"));
        let hours = rows.map(|row| (kind_name(row.kind), i32::try_from(row.hour_ms / HOUR_MS).unwrap()));
        let stored = outcome.judged.keys().map(|(_, kind, hour)| (*kind, *hour));
        assert_eq!(stored.collect::<std::collections::BTreeSet<_>>(), hours.collect::<std::collections::BTreeSet<_>>());
        outcome
    }

    /// Whatever is vouched for stands: a line that says it is of this hour has the value of this hour.
    pub(crate) async fn nothing_vouched_is_missing(&self, wanted: &Outcome, what: &str) {
        let missing = self.vouched_and_missing(wanted).await;
        assert!(missing.is_empty(), "{what}: {missing:#?}");
    }

    /// The lines that say they are of this hour and have another value than that hour's.
    pub(crate) async fn vouched_and_missing(&self, wanted: &Outcome) -> Lines {
        let mut lines = self.world.lines().await;
        lines.retain(|key, line| {
            let expected = &wanted.lines[key];
            let is_vouched = line["as_of"] == expected["as_of"] && !line["value"].is_null();
            is_vouched && line["value"] != expected["value"]
        });
        lines
    }
}

/// The functions' surroundings with the table behind a proxy.
pub(crate) fn worker_of(proxy: &Proxy, world: &World) -> Context {
    let dynamodb = Clients::new(proxy.address, proxy.address).dynamodb;
    Context { store: Store::new(dynamodb, local::database::TABLE.to_owned()), ..world.stack.context().clone() }
}

/// Runs a worker until the planned request, and drops it there; says whether it ended before.
pub(crate) async fn crash(scene: &Scene, proxy: &Proxy, context: &Context, at: usize, is_done: bool) -> bool {
    proxy.plan(Plan::Crash { at, is_done });
    let workspace = scene.world.workspace();
    tokio::select! {
        end = shared::sync::run(context, &workspace, None) => { drop(end); true }
        () = proxy.reached() => false,
    }
}

pub(crate) async fn unpause_in_the_table(world: &World) {
    let store = &world.stack.context().store;
    let stands = store.connection_get(&world.workspace()).await.unwrap().unwrap();
    let mut connection = stands.value;
    connection.status = shared::connection::ConnectionStatus::Active;
    store.connection_put(&world.workspace(), &connection, stands.version).await.unwrap();
}

/// The table's items as the wire has them.
pub(crate) struct Table {
    pub(crate) url: String,
    pub(crate) http: reqwest::Client,
}

impl Table {
    pub(crate) async fn call(&self, operation: &str, body: &Value) -> Value {
        let request = self.http.post(&self.url).header("x-amz-target", format!("DynamoDB_20120810.{operation}"));
        let request = request.header("content-type", "application/x-amz-json-1.0").header("x-amz-date", "20260630T123000Z").header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=local/20260630/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
        );
        let answer = request.body(body.to_string()).send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{operation}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    pub(crate) async fn items(&self) -> Vec<Value> {
        let (mut items, mut start) = (Vec::new(), Value::Null);
        loop {
            let mut scan = json!({"TableName": local::database::TABLE, "ConsistentRead": true});
            if !start.is_null() {
                scan["ExclusiveStartKey"] = start;
            }
            let mut answer = self.call("Scan", &scan).await;
            items.append(answer["Items"].as_array_mut().unwrap());
            start = answer["LastEvaluatedKey"].take();
            if start.is_null() {
                return items;
            }
        }
    }

    pub(crate) async fn put(&self, item: &Value) {
        self.call("PutItem", &json!({"TableName": local::database::TABLE, "Item": item})).await;
    }

    /// Makes the table hold just these items.
    async fn set(&self, items: &[Value]) {
        let key = |item: &Value| json!({"pk": item["pk"], "sk": item["sk"]});
        let stands: BTreeMap<String, Value> =
            self.items().await.into_iter().map(|item| (key(&item).to_string(), item)).collect();
        let wanted: BTreeMap<String, &Value> = items.iter().map(|item| (key(item).to_string(), item)).collect();
        let gone = stands.iter().filter(|(at, _)| !wanted.contains_key(*at));
        let gone = gone.map(|(_, item)| json!({"DeleteRequest": {"Key": key(item)}}));
        let new = wanted.iter().filter(|(at, item)| stands.get(*at) != Some(**item));
        let new = new.map(|(_, item)| json!({"PutRequest": {"Item": item}}));
        for part in gone.chain(new).collect::<Vec<_>>().chunks(25) {
            let answer = self.call("BatchWriteItem", &json!({"RequestItems": {local::database::TABLE: part}})).await;
            assert!(answer["UnprocessedItems"].as_object().is_none_or(serde_json::Map::is_empty));
        }
    }
}
