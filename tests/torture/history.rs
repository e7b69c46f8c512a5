//! Random histories: whatever happens, once it is quiet all values are the brute force's, every event is in one class, the
//! status says so, and one more run writes nothing.

use crate::harness::{HOUR_MS, World, all_time, both_levels, field, ms};
use crate::operations::{APPS, KINDS, OBJECTS, Operation, draw, pendo_accounts, visitors};
use crate::reference::{Reference, kind_name};
use crate::size::{Time, first_seed, pick, report};
use chrono_tz::Tz;
use pendo_simulator::{Faults, Kind, Options, RawRow};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::task::Poll;

/// A world and what is known of it.
pub(crate) struct History {
    pub(crate) world: World,
    accounts: BTreeMap<String, Value>,
    contacts: BTreeMap<String, Value>,
    fields: BTreeMap<usize, (String, Value)>,
    matching: Value,
    exclusions: Value,
    zone: Tz,
    met: Vec<RawRow>,
    zones_of_pendo: usize,
}

/// The fields that come and go.
fn pool() -> Vec<Value> {
    let mut pool = Vec::new();
    for (kind, levels) in KINDS.map(kind_name).iter().zip([["account", "contact"]; 5]) {
        for (n, object) in levels.into_iter().enumerate() {
            let name = |what: &str| format!("{kind} {what} of {object}");
            pool.push(field(&name("count"), object, kind, "count", &all_time()));
            let (what, window) = match n {
                0 => ("distinct_visitors", json!({"rolling_days": 30})),
                _ => ("last_used", all_time()),
            };
            pool.push(field(&name(what), object, kind, what, &window));
        }
    }
    pool.push(field("days", "account", "page", "active_days", &json!({"rolling_days": 21})));
    pool.push(field("minutes", "contact", "event", "minutes", &json!({"rolling_days": 14})));
    pool.push(field("since", "account", "track", "days_since_last_used", &all_time()));
    let mut named = field("named", "account", "feature", "count", &all_time());
    named["usage"]["ids"] = json!([OBJECTS[2]]);
    pool.push(named);
    let mut without = field("without", "account", "event", "distinct_visitors", &json!({"rolling_days": 21}));
    without["usage"]["exclude"] = json!({"visitors": ["1", "a\"b", "v1@x"]});
    pool.push(without);
    pool
}

fn matchings() -> [Value; 3] {
    let exact = json!({"contact": {"visitor": "visitorId", "object": "email"},
                       "account": {"account": "accountId", "object": "id", "ignore_case": true}});
    let by_key = json!({"contact": {"visitor": "visitorId", "object": "email", "ignore_case": true},
                        "account": {"account": "accountId", "object": "key"}});
    [both_levels(), exact, by_key]
}

/// Whom the workspace may exclude; of the contacts those that are there.
fn exclusions(at: usize, contacts: &BTreeMap<String, Value>) -> Value {
    let some =
        |ids: &[&'static str]| ids.iter().filter(|id| contacts.contains_key(**id)).copied().collect::<Vec<&str>>();
    match at {
        0 => json!({}),
        1 => json!({"domains": ["x"]}),
        2 => json!({"visitors": ["V1@X", "v2@x", "_PENDO_T_one"]}),
        3 => json!({"contacts": some(&["C-0", "C-1", "C-2"])}),
        _ => json!({"visitors": ["\u{ff41}@x"], "contacts": some(&["C-3", "C-4"])}),
    }
}

impl History {
    /// Connected and matched, with four accounts, two contacts, an anchor of every kind and three fields.
    pub(crate) async fn begin(start: &str) -> Self {
        let world = World::kept_in(Options::empty(), None, start).await;
        for (at, object) in OBJECTS.iter().enumerate() {
            for kind in [Kind::Feature, Kind::Page, Kind::Track, Kind::Guide] {
                world.pendo().add_object(kind, object, object, APPS[at % 2]);
            }
        }
        let mut history = Self {
            world,
            accounts: BTreeMap::new(),
            contacts: BTreeMap::new(),
            fields: BTreeMap::new(),
            matching: both_levels(),
            exclusions: json!({}),
            zone: Tz::UTC,
            met: Vec::new(),
            zones_of_pendo: 0,
        };
        let anchor = |kind| RawRow::new(kind, "anchor", "anchor@x", Some("A-0"), ms(start) - 45 * 24 * HOUR_MS);
        history.rows(KINDS.map(anchor).to_vec());
        history.world.connect().await;
        for id in 0..4 {
            history.upload_account(id, id).await;
        }
        history.upload_contact(0, 0, 11).await;
        history.upload_contact(1, 1, 0).await;
        history.world.match_both().await;
        history
    }

    fn rows(&mut self, rows: Vec<RawRow>) {
        rows.iter().for_each(|row| self.world.pendo().inject(row.clone()));
        self.met.extend(rows);
    }

    /// Takes rows away. Pendo goes on knowing whose they were, of those that it has shown; the simulator has to be told.
    fn remove(&mut self, is_picked: impl Fn(&RawRow) -> bool) {
        let (pendo, now_ms) = (self.world.pendo(), self.world.stack.clock().now_ms());
        for row in self.met.iter().filter(|row| is_picked(row) && row.arrives_at_ms <= now_ms) {
            if !row.visitor_id.starts_with("_PENDO_T_") {
                pendo.add_visitor(&row.visitor_id, &json!({}));
            }
            row.account_id.iter().filter(|id| !id.is_empty()).for_each(|id| pendo.add_account(id, &json!({})));
        }
        pendo.remove(&is_picked);
        self.met.retain(|row| !is_picked(row) || row.arrives_at_ms <= now_ms);
    }

    async fn upload(&mut self, list: &str, object: &Value) {
        let body = object.to_string();
        let answer = self.world.upload_as(list, "application/x-ndjson", &body).await.expect(200);
        assert_eq!(answer["errors"], json!([]), "{body}");
        self.world.idle().await;
        let objects = if list == "accounts" { &mut self.accounts } else { &mut self.contacts };
        objects.insert(object["id"].as_str().unwrap().to_owned(), object.clone());
    }

    async fn upload_account(&mut self, id: usize, key: usize) {
        let keys: Vec<String> = pendo_accounts().into_iter().flatten().filter(|key| !key.trim().is_empty()).collect();
        let account = json!({"id": format!("A-{id}"), "key": keys[key % keys.len()]});
        self.upload("accounts", &account).await;
    }

    async fn upload_contact(&mut self, id: usize, account: usize, email: usize) {
        let email = &visitors()[email];
        let contact = json!({"id": format!("C-{id}"), "account_id": format!("A-{account}"), "email": email});
        self.upload("contacts", &contact).await;
    }

    /// Lets something happen.
    pub(crate) async fn apply(&mut self, operation: &Operation) {
        let (context, workspace) = (self.world.stack.context().clone(), self.world.workspace());
        let run = || shared::sync::run(&context, &workspace, None);
        match operation {
            Operation::Rows(rows) => self.rows(rows.clone()),
            Operation::Remove { percent, salt } => {
                let is_picked = |row: &RawRow| {
                    let mut draw =
                        crate::size::Random::new(salt ^ row.first_ms.cast_unsigned() ^ u64::from(row.events));
                    row.kind != Kind::Guide && row.object_id != "anchor" && draw.is(*percent)
                };
                self.remove(is_picked);
            }
            Operation::Edit { kind, object, hours, keeps } => {
                assert!(self.world.pendo().edit(*kind, object, hours * HOUR_MS, *keeps));
            }
            Operation::Reprocess { hours } => {
                self.zones_of_pendo += 1;
                let zone = [Tz::America__New_York, Tz::UTC][self.zones_of_pendo % 2];
                self.world.pendo().change_time_zone(zone, hours * HOUR_MS);
            }
            Operation::Advance(hours) => self.world.advance(*hours),
            Operation::Ticks(ticks) => {
                for _ in 0..*ticks {
                    self.world.stack.tick().await.unwrap();
                }
                self.world.idle().await;
            }
            // A run may give a shard up to another, or die; it must not spoil anything.
            Operation::Overlap(2) => drop(tokio::join!(run(), run())),
            Operation::Overlap(_) => drop(tokio::join!(run(), run(), run())),
            Operation::Cut(steps) => cut_after(*steps, run()).await,
            Operation::Faults { percent, troubles, salt } => {
                let (trouble_percent, troubles, salt) = (*percent, troubles.clone(), *salt);
                self.world.pendo().set_faults(Faults { trouble_percent, troubles, salt, ..Faults::default() });
                drop(run().await);
                self.world.pendo().set_faults(Faults::default());
            }
            Operation::Zone(name) => {
                self.zone = name.parse().unwrap();
                self.world.patch("/v1/connection", &json!({"time_zone": name})).await.expect(200);
                self.world.idle().await;
            }
            Operation::Field(at) => self.toggle_field(*at).await,
            Operation::Redefine { at, to } => self.redefine(*at, *to).await,
            Operation::Contact { id, account, email } => self.upload_contact(*id, *account, *email).await,
            Operation::DeleteContact(id) => {
                let id = format!("C-{id}");
                if self.contacts.remove(&id).is_some() {
                    self.world.delete(&format!("/v1/directory/contacts?id={id}")).await.expect(200);
                    self.world.idle().await;
                }
            }
            Operation::Account { id, key } => self.upload_account(*id, *key).await,
            Operation::Matching(at) => {
                self.matching = matchings()[*at].clone();
                self.world.matching(&self.matching).await;
            }
            Operation::Pause(paused) => {
                self.world.patch("/v1/connection", &json!({"paused": paused})).await.expect(200);
                self.world.idle().await;
            }
            Operation::Exclusions(at) => {
                self.exclusions = exclusions(*at, &self.contacts);
                self.world.put("/v1/exclusions", &self.exclusions).await.expect(200);
                self.world.idle().await;
            }
            Operation::Exclude(visitor) => self.world.pendo().exclude(&visitors()[*visitor]),
        }
    }

    pub(crate) async fn toggle_field(&mut self, at: usize) {
        if let Some((id, _)) = self.fields.remove(&at) {
            let path = format!("/v1/fields/{id}");
            self.world.delete(&path).await.expect(204);
            self.world.idle().await;
        } else {
            let definition = pool()[at].clone();
            let answer = self.world.field(&definition).await;
            self.fields.insert(at, (answer["id"].as_str().unwrap().to_owned(), definition));
        }
    }

    async fn redefine(&mut self, at: usize, to: usize) {
        let count = self.fields.len().max(1);
        let Some((id, definition)) = self.fields.values_mut().nth(at % count) else { return };
        let mut wanted = pool()[to].clone();
        if wanted["object"] == definition["object"] {
            wanted["name"] = definition["name"].clone();
            self.world.put(&format!("/v1/fields/{id}"), &wanted).await.expect(200);
            *definition = wanted;
            self.world.idle().await;
        }
    }

    /// Lets all that is late arrive and all passes go by: the hours after, the daily and the weekly comparison, and three
    /// readings of what is held back.
    pub(crate) async fn settle(&mut self) {
        self.world.patch("/v1/connection", &json!({"paused": false})).await.expect(200);
        for hours in [0, 1, 100, 1, 1, 24, 7 * 24, 1, 1, 1, 1] {
            self.world.tick_after(hours).await;
        }
    }

    fn reference(&self) -> Reference {
        let now_ms = self.world.stack.clock().now_ms();
        // Who once had a row stays known to Pendo.
        let visitors: Vec<(&str, Value)> = self.met.iter().map(|row| (row.visitor_id.as_str(), json!({}))).collect();
        let accounts = self.met.iter().filter_map(|row| row.account_id.as_deref()).filter(|id| !id.is_empty());
        let accounts: Vec<(&str, Value)> = accounts.map(|id| (id, json!({}))).collect();
        Reference::new(self.world.pendo().truth(), &self.matching, self.zone, now_ms)
            .with_objects(self.accounts.clone(), self.contacts.clone())
            .with_people(&visitors, &accounts)
            .with_exclusions(&self.exclusions)
    }

    /// What is not as it should be; empty when all is well.
    pub(crate) async fn faults(&self) -> Vec<String> {
        let reference = self.reference();
        let lines = self.world.lines().await;
        let mut faults = Vec::new();
        let mut wanted = 0;
        for (_, definition) in self.fields.values() {
            for (id, expected) in reference.expected(definition) {
                wanted += 1;
                let part = |name: &str| definition[name].as_str().unwrap().to_owned();
                let key = (part("object"), id, part("name"));
                let Some(line) = lines.get(&key) else {
                    faults.push(format!("{key:?} is missing"));
                    continue;
                };
                let shown = (&line["value"], line["reason"].as_str(), line["from"].as_str(), line["to"].as_str());
                if shown != (&expected.value, expected.reason, Some(&*expected.from), Some(&*expected.to)) {
                    faults.push(format!("{expected:?} expected: {line}"));
                }
            }
        }
        if lines.len() != wanted {
            faults.push(format!("{} lines instead of {wanted}", lines.len()));
        }
        let status = self.world.status().await;
        for (kind, report) in status["kinds"].as_object().unwrap() {
            let is_quiet = report["equals_pendo"] == true && report["error"].is_null() && report["held"].is_null();
            if !is_quiet || report["hours_unverified"] != 0 || report["hours_differing"] != 0 {
                faults.push(format!("{kind} is not settled: {report}"));
            }
            for level in ["account", "contact"] {
                let found = json!(reference.classes(level, kind));
                if report["events_by"][level] != found {
                    faults.push(format!("{kind}: {level}s have {found}, status says {}", report["events_by"][level]));
                }
            }
            let all: u64 = self.truth_of(kind).map(|row| u64::from(row.events)).sum();
            let said = report["stored_events"].as_u64().unwrap() + report["anonymous_events"].as_u64().unwrap();
            if said != all {
                faults.push(format!("{kind}: all events are {all}, stored and anonymous ones {said}: {report}"));
            }
        }
        if !self.fields.is_empty() && status["is_complete"] != true {
            faults.push(format!("status is not complete: {status}"));
        }
        self.world.tick().await;
        let report = self.world.report().await;
        if (report.usage_writes, report.value_writes, report.rows) != (0, 0, 0) {
            faults.push(format!(
                "one more run wrote {}, {} of {} rows",
                report.usage_writes, report.value_writes, report.rows
            ));
        }
        if self.world.lines().await != lines {
            faults.push("one more run changed a value".to_owned());
        }
        faults
    }

    fn truth_of(&self, kind: &str) -> impl Iterator<Item = RawRow> {
        let kind = KINDS.into_iter().find(|of| kind_name(*of) == kind).unwrap();
        let rows = self.world.pendo().truth_of(kind).into_iter();
        let now_ms = self.world.stack.clock().now_ms();
        rows.filter(move |row| !row.excluded && row.hour_ms + HOUR_MS <= now_ms)
    }
}

/// Lets a future take so many steps and then drops it where it stands.
async fn cut_after<F: Future>(steps: usize, future: F) {
    let mut future = pin!(future);
    let mut taken = 0;
    std::future::poll_fn(|context| {
        taken += 1;
        let is_over = future.as_mut().poll(context).is_ready() || taken >= steps;
        if is_over { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Plays a history to its end.
async fn play(start: &str, operations: &[Operation]) -> Vec<String> {
    let mut history = History::begin(start).await;
    for at in [0, 6, 9] {
        history.toggle_field(at).await;
    }
    for operation in operations {
        history.apply(operation).await;
    }
    history.settle().await;
    let faults = history.faults().await;
    history.world.stack.stop().await;
    faults
}

/// The history without what it fails without, as far as dropping single operations goes.
async fn shrink(start: &str, mut operations: Vec<Operation>) -> Vec<Operation> {
    let mut at = operations.len();
    while at > 0 {
        at -= 1;
        let mut fewer = operations.clone();
        fewer.remove(at);
        if !play(start, &fewer).await.is_empty() {
            operations = fewer;
        }
    }
    operations
}

#[tokio::test]
async fn whatever_happens_all_values_are_the_brute_forces_once_it_is_quiet() {
    let (histories, length) = pick((2, 14), (10_000, 40));
    let (first, time) = (first_seed(), Time::share(45));
    let (mut failed, mut played) = (Vec::new(), 0);
    for seed in first..first + histories {
        if !time.is_left() {
            break;
        }
        played += 1;
        let (start, operations) = draw(seed, length);
        let began = std::time::Instant::now();
        let faults = play(start, &operations).await;
        println!("history {seed}: {} operations, {:.1} s", operations.len(), began.elapsed().as_secs_f64());
        if !faults.is_empty() {
            let fewer = shrink(start, operations).await;
            println!("seed {seed} from {start}: {faults:#?}");
            println!("shrunk to {fewer:#?}");
            failed.push(seed);
        }
    }
    report("random histories", first, played, failed.len());
    assert!(failed.is_empty(), "seeds {failed:?}");
}
