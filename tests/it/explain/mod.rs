//! What stands behind a number, over random worlds: an explanation's parts add up to the value, the usage browser shows the rows
//! that count and no others, and the question that is shown gives the same at Pendo.

mod asked;
mod drawn;
mod shown;

pub(crate) use drawn::{Drawn, definition, definitions, row, rows};
pub(crate) use shown::{is_within, list, pages};

use crate::harness::{HOUR_MS, World, ms, pick};
use crate::reference::{Owner, Reference, kind_name};
use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;
use pendo_simulator::{Kind, RawRow};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use serde_json::{Value, json};
use shown::adds_to;
use std::collections::{BTreeMap, BTreeSet};

const SEED: u64 = 5;
const VISITORS: [&str; 7] = ["ann@x", "bob@x", "cid@x", "dan@x", "eve@x", "=fay\"\\@x", "stranger"];
const PENDO_ACCOUNTS: [&str; 6] = ["p-1", "p-2", " p-1", "p-3", "p\"\\4", "elsewhere"];
/// `p-1` and ` p-1` are one account's; `p-3` fits two.
const ACCOUNTS: &str = "id,code\nA-1,p-1\nA-2,p-2\nA-3,p-3\nA-4,p-3\nA-5,nobody\n";
/// Ann is at two accounts; of Bob there are two at one; C-8 fits nobody.
const CONTACTS: &str = "id,account_id,email\nC-1,A-1,ann@x\nC-2,A-2,ann@x\nC-3,A-1,bob@x\nC-4,A-1,bob@x\nC-5,A-2,cid@x\n\
                        C-6,A-3,dan@x\nC-7,A-5,eve@x\nC-8,A-1,nobody@x\n";

/// Whose usage may not count: by id, by whose it is in one account and in another, by domain, and several together.
pub(crate) const EXCLUDED: [&str; 7] = [
    r#"{"visitors":["=fay\"\\@x","ANN@x","bob@x","nobody@x"]}"#,
    r#"{"contacts":["C-1"]}"#,
    r#"{"contacts":["C-3","C-4"]}"#,
    r#"{"contacts":["C-3","C-5"]}"#,
    r#"{"domains":["x"]}"#,
    r#"{"visitors":["stranger"],"contacts":["C-6","C-8"]}"#,
    r#"{"visitors":["eve@x"],"domains":["elsewhere.test"]}"#,
];

/// Accounts by a code, contacts by the visitor's id.
pub(crate) fn matching() -> Value {
    json!({"contact": {"visitor": "visitorId", "object": "email"}, "account": {"account": "accountId", "object": "code"}})
}

/// Contacts by what Pendo knows of the visitor; `stranger` is Eve's second one.
fn matching_by_metadata() -> (Value, Vec<(&'static str, Value)>) {
    let rule = json!({"visitor": "metadata.agent.email", "object": "email", "ignore_case": true});
    let emails = [" ANN@x", "bob@x", "Cid@x", "dan@X", "eve@x", "fay@x", "eve@x"];
    let known = VISITORS.into_iter().zip(emails);
    let visitors = known.map(|(visitor, email)| (visitor, json!({"agent": {"email": email}}))).collect();
    (json!({"contact": rule, "account": matching()["account"]}), visitors)
}

/// A world of its own, with the rows that Pendo has.
pub(crate) struct Story {
    pub(crate) world: World,
    pub(crate) zone: Tz,
    history_from_ms: Option<i64>,
    pub(crate) fields: Vec<Value>,
    matching: Value,
    exclusions: Value,
    visitors: Vec<(&'static str, Value)>,
    pendo: reqwest::Client,
}

impl Story {
    pub(crate) async fn told(runner: &mut TestRunner) -> Self {
        let zones = [Tz::UTC, Tz::America__New_York, Tz::Asia__Tokyo, Tz::Europe__Berlin];
        let excluded = 0..2 * EXCLUDED.len();
        let drawn = (rows(), definitions(pick(7, 14)), 0..4_usize, 0..4_usize, 0..3_usize, any::<bool>(), excluded);
        let (rows, definitions, zone, history, now, is_by_metadata, excluded) =
            drawn.new_tree(runner).unwrap().current();
        // Sometimes a clock changes within the windows.
        let now = ["2026-06-30T12:30:00Z", "2026-03-31T07:30:00Z", "2026-11-05T03:30:00Z"][now];
        let world = World::kept_in(pendo_simulator::Options::empty(), None, now).await;
        for kind in ["page", "feature", "track", "guide"] {
            for n in 0..3 {
                let id = format!("{kind}-{n}");
                match kind {
                    "page" => world.pendo().add_page(&id, &id),
                    "feature" => world.pendo().add_feature(&id, &id),
                    "track" => world.pendo().add_track_type(&id, &id),
                    _ => world.pendo().add_guide(&id, &id),
                }
            }
        }
        rows.iter().for_each(|drawn| world.pendo().inject(row(drawn, ms(now))));
        let mut connection = json!({"time_zone": zones[zone].name()});
        let history_from_ms = (history == 0).then(|| ms(now) / HOUR_MS * HOUR_MS - 24 * 20 * HOUR_MS);
        if let Some(from_ms) = history_from_ms {
            connection["history_from"] = json!(instant(from_ms).to_rfc3339());
        }
        world.connect_with(&connection).await;
        world.upload("accounts", ACCOUNTS).await;
        world.upload("contacts", CONTACTS).await;
        let (matching, visitors) = if is_by_metadata { matching_by_metadata() } else { (matching(), Vec::new()) };
        visitors.iter().for_each(|(id, metadata)| world.pendo().add_visitor(id, metadata));
        world.matching(&matching).await;
        let fields: Vec<Value> = definitions.into_iter().enumerate().map(|(at, drawn)| definition(drawn, at)).collect();
        world.fields(&fields).await;
        // From the second hour on, values come from folds.
        world.tick_after(1).await;
        let mut story = Self {
            world,
            zone: zones[zone],
            history_from_ms,
            fields,
            matching,
            exclusions: Value::Null,
            visitors,
            pendo: reqwest::Client::new(),
        };
        if let Some(excluded) = EXCLUDED.get(excluded) {
            story.exclude(&serde_json::from_str(excluded).unwrap()).await;
        }
        story.world.tick_after(1).await;
        story.agrees().await;
        story
    }

    /// Excludes others than before, from everything.
    pub(crate) async fn exclude(&mut self, exclusions: &Value) {
        self.world.put("/v1/exclusions", exclusions).await.expect(200);
        self.world.idle().await;
        self.exclusions = exclusions.clone();
    }

    /// Every value is what the brute force says; answers how many there were.
    pub(crate) async fn agrees(&self) -> usize {
        let (lines, reference) = (self.world.lines().await, self.reference());
        for definition in &self.fields {
            for (id, expected) in reference.expected(definition) {
                let part = |name: &str| definition[name].as_str().unwrap().to_owned();
                let line = &lines[&(part("object"), id, part("name"))];
                let said = (&line["value"], line["reason"].as_str());
                assert_eq!(
                    said,
                    (&expected.value, expected.reason),
                    "{line} of {definition} without {}",
                    self.exclusions
                );
            }
        }
        lines.len()
    }

    pub(crate) fn reference(&self) -> Reference {
        let now_ms = self.world.stack.clock().now_ms();
        let reference = Reference::new(self.world.pendo().truth(), &self.matching, self.zone, now_ms)
            .with_directory(ACCOUNTS, CONTACTS)
            .with_people(&self.visitors, &[])
            .with_exclusions(&self.exclusions);
        match self.history_from_ms {
            Some(from_ms) => reference.with_history_from(from_ms),
            None => reference,
        }
    }

    /// Every value is taken apart and put together again; answers how many there were, and how many of rows.
    async fn adds_up(&self) -> (usize, usize) {
        let lines = self.world.lines().await;
        let mut of_rows = 0;
        for ((object, id, name), line) in &lines {
            let path = format!("/v1/values/explain?object={object}&id={id}&field={}", name.replace(' ', "%20"));
            let (explanation, people) = pages(&self.world, &path, 3).await;
            let definition = self.fields.iter().find(|field| field["name"] == **name).unwrap();
            assert_eq!(explanation["is_current"], true, "{explanation:#}");
            for member in ["value", "reason", "from", "to", "as_of", "coverage", "final"] {
                assert_eq!(explanation[member], line[member], "{member} of {explanation:#}");
            }
            for member in ["usage", "function", "window"] {
                assert!(is_within(&definition[member], &explanation["definition"][member]), "{explanation:#}");
            }
            let can_be_told = line["reason"].is_null()
                || ["never_used", "undefined", "new"].contains(&line["reason"].as_str().unwrap());
            assert_eq!(explanation["total"].is_null(), !can_be_told, "{explanation:#}");
            assert_eq!(explanation["advice"].is_null(), line["reason"].is_null(), "{explanation:#}");
            if can_be_told {
                let function = definition["function"].as_str().unwrap();
                let added = self.added(function, &explanation, &people);
                assert_eq!(added, line["value"], "{definition} of {explanation:#}\n{people:#?}");
                self.agrees_with_pendo(function, &explanation, &line["value"]).await;
                of_rows += usize::from(!people.is_empty());
            }
        }
        (lines.len(), of_rows)
    }

    /// The value, from the lowest level up; each level must add up to the one above it.
    fn added(&self, function: &str, explanation: &Value, people: &[Value]) -> Value {
        let mut dates: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
        let mut objects: BTreeMap<Option<&str>, Vec<&Value>> = BTreeMap::new();
        let mut hours: Vec<&Value> = Vec::new();
        for person in people {
            for day in list(person, "days") {
                let inner = list(day, "hours");
                adds_to(&inner.iter().collect::<Vec<_>>(), day);
                for hour in inner {
                    let date = instant(ms(hour["hour"].as_str().unwrap())).with_timezone(&self.zone).date_naive();
                    assert_eq!(day["date"], date.to_string());
                }
                dates.entry(day["date"].as_str().unwrap()).or_default().push(day);
                hours.extend(inner);
            }
            for part in ["days", "objects", "pendo_accounts"] {
                adds_to(&list(person, part).iter().collect::<Vec<_>>(), person);
            }
            for object in list(person, "objects") {
                objects.entry(object["id"].as_str()).or_default().push(object);
            }
        }
        let total = &explanation["total"];
        adds_to(&people.iter().collect::<Vec<_>>(), total);
        for (day, of_people) in list(explanation, "days").iter().zip(dates.values()) {
            adds_to(of_people, day);
        }
        for (object, of_people) in list(explanation, "objects").iter().zip(objects.values()) {
            adds_to(of_people, object);
        }
        let shown: Vec<&str> = list(explanation, "days").iter().map(|day| day["date"].as_str().unwrap()).collect();
        assert_eq!(shown, dates.keys().copied().collect::<Vec<_>>(), "the days are the people's");
        let shown: Vec<Option<&str>> =
            list(explanation, "objects").iter().map(|object| object["id"].as_str()).collect();
        assert_eq!(shown, objects.keys().copied().collect::<Vec<_>>(), "the objects are the people's");
        let ids: BTreeSet<&str> = people.iter().map(|person| person["visitor"].as_str().unwrap()).collect();
        assert_eq!((ids.len(), json!(people.len())), (people.len(), explanation["people"].clone()));

        let used = hours.iter().filter(|hour| hour["events"] != 0);
        let last = used.clone().map(|hour| hour["last"].as_str().unwrap()).max();
        let events = |of: &Value| of["events"].as_u64().unwrap();
        let over = |numerator: u64, denominator: usize| {
            if denominator == 0 { Value::Null } else { json!(numerator as f64 / denominator as f64) }
        };
        match function {
            "average_per_active_day" => over(events(total), dates.len()),
            "average_per_active_user" => over(events(total), people.len()),
            "feature_breadth" => json!(objects.len()),
            "power_user_concentration" => {
                let most = people.iter().map(events).max().unwrap_or_default();
                over(most, usize::try_from(events(total)).unwrap())
            }
            "adoption_rate" => {
                let ids = list(&explanation["definition"]["usage"], "ids");
                let uses = |person: &&Value| list(person, "objects").iter().any(|object| ids.contains(&object["id"]));
                over(people.iter().filter(uses).count() as u64, people.len())
            }
            "stickiness" => {
                let date = |at: &str| instant(ms(at)).with_timezone(&self.zone).date_naive();
                let [from, to] = ["from", "to"].map(|end| date(explanation[end].as_str().unwrap()));
                let days = usize::try_from((to - from).num_days()).unwrap();
                let active: usize = people.iter().map(|person| list(person, "days").len()).sum();
                over(active as u64, days * people.len())
            }
            "trend" => {
                let from = instant(ms(explanation["from"].as_str().unwrap())).with_timezone(&self.zone).date_naive();
                let (now, before): (Vec<&Value>, Vec<&Value>) = list(explanation, "days")
                    .iter()
                    .partition(|day| day["date"].as_str().unwrap() >= from.to_string().as_str());
                let sum = |days: Vec<&Value>| days.into_iter().map(events).sum::<u64>();
                match (sum(now), sum(before)) {
                    (0, 0) => json!(0.0),
                    (_, 0) => Value::Null,
                    (now, before) => json!((now as f64 - before as f64) / before as f64),
                }
            }
            "count" => json!(hours.iter().map(|hour| hour["events"].as_u64().unwrap()).sum::<u64>()),
            "minutes" => json!(hours.iter().map(|hour| hour["minutes"].as_u64().unwrap()).sum::<u64>()),
            "distinct_visitors" => json!(ids.len()),
            "active_days" => json!(dates.len()),
            "first_used" => json!(used.map(|hour| hour["first"].as_str().unwrap()).min()),
            "last_used" => json!(last),
            "days_since_last_used" => json!(last.map(|last| self.days_since(ms(last), explanation))),
            other => panic!("no function {other}"),
        }
    }

    fn days_since(&self, last_ms: i64, explanation: &Value) -> i64 {
        let date = |at_ms: i64| instant(at_ms).with_timezone(&self.zone).date_naive();
        (date(ms(explanation["as_of"].as_str().unwrap())) - date(last_ms)).num_days()
    }

    /// The browser shows the rows that count, each once, and no others; answers how many there were.
    async fn shows_what_counts(&self) -> usize {
        let reference = self.reference();
        let as_of_ms = self.world.stack.clock().now_ms() / HOUR_MS * HOUR_MS;
        let mapped: BTreeSet<&str> = self.fields.iter().map(|field| field["usage"]["kind"].as_str().unwrap()).collect();
        let mut owned: BTreeMap<(&str, String), BTreeMap<String, [u64; 2]>> = BTreeMap::new();
        for row in self.world.pendo().truth() {
            let is_read = row.hour_ms < as_of_ms && self.history_from_ms.is_none_or(|from_ms| row.hour_ms >= from_ms);
            if !is_read || !mapped.contains(kind_name(row.kind)) {
                continue;
            }
            for object in ["account", "contact"] {
                if let Owner::Object(id) = reference.owner(object, &row) {
                    let sums = owned.entry((object, id)).or_default().entry(grouped(&row)).or_default();
                    *sums = [sums[0] + u64::from(row.events), sums[1] + u64::from(row.minutes)];
                }
            }
        }
        let mut shown = 0;
        for (object, list) in [("account", ACCOUNTS), ("contact", CONTACTS)] {
            for id in list.lines().skip(1).filter_map(|line| line.split(',').next()) {
                let (_, rows) = pages(&self.world, &format!("/v1/usage?object={object}&id={id}"), 7).await;
                let hours: Vec<&str> = rows.iter().map(|row| row["hour"].as_str().unwrap()).collect();
                assert!(hours.is_sorted_by(|one, next| one >= next), "{hours:?}");
                let mut found: BTreeMap<String, [u64; 2]> = BTreeMap::new();
                for row in &rows {
                    let key = ["hour", "kind", "usage_object", "event_type", "app", "visitor", "pendo_account"];
                    let sums = ["events", "minutes"].map(|name| row[name].as_u64().unwrap());
                    let key: Vec<&Value> = key.iter().map(|name| &row[name]).collect();
                    let before = found.insert(json!(key).to_string(), sums);
                    assert_eq!(before, None, "{row} stands twice");
                }
                assert_eq!(found, owned.remove(&(object, id.to_owned())).unwrap_or_default(), "{object} {id}");
                shown += rows.len();
            }
        }
        assert_eq!(owned.len(), 0, "{owned:?}");
        shown
    }
}

/// A row as Pendo groups it for us.
fn grouped(row: &RawRow) -> String {
    let event_type = row.event_type.as_deref().map(|name| name.rsplit(':').next().unwrap());
    let object = if row.kind == Kind::Event { None } else { Some(row.object_id.as_str()) };
    let hour = instant(row.hour_ms).to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let (kind, app, visitor, account) = (kind_name(row.kind), row.app_id, &row.visitor_id, &row.account_id);
    json!([hour, kind, object, event_type, app, visitor, account]).to_string()
}

fn instant(at_ms: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Duration::milliseconds(at_ms)
}

#[tokio::test]
async fn every_value_of_random_worlds_adds_up_from_its_explanation_and_equals_pendos_answer_to_its_question() {
    let mut runner =
        TestRunner::new(Config { rng_seed: RngSeed::Fixed(SEED), failure_persistence: None, ..Config::default() });
    let (worlds, mut values, mut of_rows, mut rows) = (pick(2, 110), 0, 0, 0);
    for _ in 0..worlds {
        let story = Story::told(&mut runner).await;
        let (all, some) = story.adds_up().await;
        (values, of_rows, rows) = (values + all, of_rows + some, rows + story.shows_what_counts().await);
    }
    println!(
        "explanations: seed {SEED}, {worlds} worlds, {values} values, {of_rows} of rows, {rows} rows browsed, failures 0"
    );
    assert!(of_rows * 5 > values && rows > worlds * 50, "most worlds have something to explain");
}
