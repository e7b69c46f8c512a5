//! Many workspaces in one stack, hour by hour: how long usage waits until it is readable, with and without faults; what workspaces cost the
//! others whose every run fails; and a tick at which all are due, one of them a hundred times as large as the rest.

use crate::harness::{HOUR_MS, World, all_time, both_levels, field, ms, used};
use crate::size::{Random, Time, first_seed, is_full, minutes, pick, report};
use local::tokens::Tokens;
use pendo_simulator::{Clock, Faults, Kind, Options as Subscription, RawRow, Simulator, Trouble};
use reqwest::Method;
use serde_json::json;
use shared::id::WorkspaceId;
use std::collections::BTreeSet;

/// What is claimed of rows up to 48 h late whose hour they change by 1 % or more, at hourly runs.
const WAITS_MAX_MS: i64 = 65 * 60_000;
const PROMPT_EVENTS: u32 = 100;
/// Units that a partition takes in a second. A run's writes go to many of them.
const PARTITION_UNITS: f64 = 1_000.0;

/// Workspaces that see the same Pendo, each with one account and one field.
struct Fleet {
    world: World,
    tokens: Vec<String>,
    /// Rows that no run can have missed yet: when each could be known, and its events.
    rows: Vec<(i64, u64)>,
}

impl Fleet {
    async fn of(size: usize) -> Self {
        let world = World::kept_in(Subscription::empty(), None, "2026-06-01T12:20:00Z").await;
        world.pendo().inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-06-01T08:00:00Z", 1));
        let mut fleet = Self { world, tokens: Vec::new(), rows: vec![(0, 1)] };
        for number in 0..size {
            let name = format!("w-{number}");
            fleet.tokens.push(fleet.world.stack.tokens().sign(&Tokens::claims(&name, "high")).unwrap());
            let key = json!({"region": "us", "integration_key": fleet.world.pendo().key()});
            fleet.call(number, Method::POST, "/v1/connection", &key, 201).await;
            let accounts = "/v1/directory/accounts";
            let token = &fleet.tokens[number];
            fleet.world.call_as(token, Method::PUT, accounts, Some("text/csv"), "id\nA-1\n").await.expect(200);
            fleet.call(number, Method::PUT, "/v1/matching", &both_levels(), 200).await;
            let events = field("Events", "account", "event", "count", &all_time());
            fleet.call(number, Method::POST, "/v1/fields", &events, 201).await;
            fleet.world.idle().await;
        }
        fleet
    }

    async fn call(&self, number: usize, method: Method, path: &str, body: &serde_json::Value, status: u16) {
        let token = &self.tokens[number];
        self.world.call_as(token, method, path, Some("application/json"), body.to_string()).await.expect(status);
    }

    fn now_ms(&self) -> i64 {
        self.world.stack.clock().now_ms()
    }

    /// Rows of the hour that runs: a prompt one, and now and then one that comes up to 48 hours later.
    fn use_it(&mut self, random: &mut Random) {
        let hour_ms = self.now_ms().div_euclid(HOUR_MS) * HOUR_MS;
        let mut add = |visitor: &str, events: u32, late_ms: i64| {
            let row = RawRow::new(Kind::Event, "some-event", visitor, Some("A-1"), hour_ms);
            let arrives_at_ms = hour_ms + HOUR_MS + late_ms;
            self.world.pendo().inject(RawRow { events, arrives_at_ms, ..row });
            self.rows.push((arrives_at_ms, u64::from(events)));
        };
        add("ann@x.test", PROMPT_EVENTS, 0);
        if random.is(20) {
            let late_ms = i64::try_from(random.below(48 * 60)).unwrap() * 60_000;
            add("late@x.test", 10, late_ms);
        }
    }

    /// An hour later, at twenty past.
    async fn hour(&self) {
        self.world.advance(1);
        self.world.stack.tick_at(self.now_ms()).await.unwrap();
        self.world.stack.run_job_queue_idle().await;
    }

    async fn value(&self, number: usize) -> u64 {
        let page = self.world.call_as(&self.tokens[number], Method::GET, "/v1/values?object=account", None, "").await;
        page.expect(200)["items"][0]["value"].as_u64().unwrap_or_default()
    }

    /// What everybody should see now.
    fn wanted(&self) -> u64 {
        self.rows.iter().filter(|(available_ms, _)| *available_ms <= self.now_ms()).map(|(_, events)| events).sum()
    }
}

/// How long rows waited, for each workspace that sees all of them again: an upper bound where a run has seen some and not others.
#[derive(Default)]
struct Waits {
    /// For each workspace the first row, by arrival, that it may not have seen.
    seen_to_ms: Vec<i64>,
    waits_ms: Vec<i64>,
    behind: u64,
}

impl Waits {
    async fn look(&mut self, fleet: &Fleet) {
        let (now_ms, wanted) = (fleet.now_ms(), fleet.wanted());
        self.seen_to_ms.resize(fleet.tokens.len(), 0);
        for number in 0..fleet.tokens.len() {
            if fleet.value(number).await != wanted {
                self.behind += 1;
                continue;
            }
            let since_ms = std::mem::replace(&mut self.seen_to_ms[number], now_ms);
            let new =
                fleet.rows.iter().map(|(at_ms, _)| *at_ms).filter(|at_ms| (since_ms + 1..=now_ms).contains(at_ms));
            self.waits_ms.extend(new.filter(|at_ms| *at_ms > 0).map(|at_ms| now_ms - at_ms));
        }
    }

    /// Median, p95, p99 and all, in minutes.
    fn shares(&mut self) -> [i64; 4] {
        self.waits_ms.sort_unstable();
        let last = self.waits_ms.len().saturating_sub(1);
        [50, 95, 99, 100].map(|percent| self.waits_ms[last * percent / 100] / 60_000)
    }
}

#[tokio::test]
async fn what_is_used_is_readable_within_an_hour_of_being_known_and_soon_after_any_trouble() {
    let seed = first_seed();
    for (percent, size, hours, share) in
        [(0, pick(3, 100), pick(6, 720), 14), (5, pick(2, 20), pick(4, 240), 4), (30, 20, 240, 4)]
    {
        if percent == 30 && !is_full() {
            continue;
        }
        let (mut fleet, mut random, mut waits) = (Fleet::of(size).await, Random::new(seed), Waits::default());
        let troubles = vec![Trouble::Error503, Trouble::TooManyNow, Trouble::Cut];
        fleet.world.pendo().set_faults(Faults { trouble_percent: percent, troubles, ..Faults::default() });
        let (time, mut done) = (Time::share(share), 0);
        while done < hours && time.is_left() {
            fleet.use_it(&mut random);
            fleet.hour().await;
            waits.look(&fleet).await;
            done += 1;
        }
        fleet.world.pendo().set_faults(Faults::default());
        // What comes in these hours waits no longer than what came before: it is looked at as often.
        for _ in 0..8 {
            fleet.hour().await;
            waits.look(&fleet).await;
        }
        let [median, p95, p99, max] = waits.shares();
        println!(
            "freshness, {percent} % of Pendo's answers fail: {size} connections, {done} hours, {} rows seen; minutes from available to readable: median {median}, p95 {p95}, p99 {p99}, p100 {max}; {} of {} looks behind",
            waits.waits_ms.len(),
            waits.behind,
            size * (done + 8),
        );
        assert!(waits.seen_to_ms.iter().all(|seen_ms| *seen_ms == fleet.now_ms()), "all is seen in the end");
        if percent == 0 {
            let late = waits.waits_ms.iter().filter(|wait_ms| **wait_ms > WAITS_MAX_MS).count();
            report("freshness without faults", seed, waits.waits_ms.len() as u64, late);
            assert_eq!((late, waits.behind), (0, 0));
        }
        fleet.world.stack.stop().await;
    }
}

/// Ways in which a workspace's every run fails: its secret is gone, its Pendo refuses connections, answers 503, or 429 with a long pause.
async fn poison(fleet: &Fleet, number: usize, away: &Simulator, busy: &Simulator) {
    let context = fleet.world.stack.context();
    let workspace = WorkspaceId::parse(&format!("w-{number}")).unwrap();
    let stands = context.store.connection_get(&workspace).await.unwrap().unwrap();
    let mut connection = stands.value;
    match number % 4 {
        0 => context.secrets.delete(&connection.secret).await.unwrap(),
        1 => connection.base_url = "http://127.0.0.1:1".to_owned(),
        2 => connection.base_url = away.url(),
        _ => connection.base_url = busy.url(),
    }
    context.store.connection_put(&workspace, &connection, stands.version).await.unwrap();
}

#[tokio::test]
async fn workspaces_whose_every_run_fails_cost_the_others_nothing_and_their_pendo_little() {
    // A thousand take half an hour on two cores.
    let (size, hours) = (pick(6, if minutes().is_some() { 200 } else { 1_000 }), pick(6, 12));
    let mut fleet = Fleet::of(size).await;
    let mut random = Random::new(first_seed());
    let other = async |faults: Faults| {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let clock = Clock::fixed(ms("2026-06-01T12:20:00Z"));
        let other = Simulator::start(Subscription::empty(), clock, listener).await.unwrap();
        other.set_faults(faults);
        other
    };
    let away = other(Faults { error_every: 1, error_status: Some(503), ..Faults::default() }).await;
    let busy = other(Faults { too_many_every: 1, retry_after_seconds: Some(0), ..Faults::default() }).await;
    let mut bad = 0;
    for wanted in if is_full() { vec![1, 10, 100] } else { vec![4] } {
        for number in bad..wanted {
            poison(&fleet, number, &away, &busy).await;
        }
        bad = wanted;
        away.clear_requests();
        busy.clear_requests();
        let mut behind = BTreeSet::new();
        for _ in 0..hours {
            fleet.use_it(&mut random);
            fleet.hour().await;
            let wanted = fleet.wanted();
            for number in bad..size {
                if fleet.value(number).await != wanted {
                    behind.insert(number);
                }
            }
        }
        let asked = away.requests().len() + busy.requests().len();
        let silent = (0..bad).filter(|number| number % 4 >= 2).count();
        println!(
            "{bad} of {size} workspaces fail, {hours} hours: {} healthy ones behind; the {silent} whose Pendo answers 503 or 429 asked {asked} times",
            behind.len()
        );
        report("healthy beside failing workspaces", first_seed(), (size - bad) as u64, behind.len());
        assert!(behind.is_empty(), "{behind:?}");
        // Eight requests, tries again included, for each of three runs in a row, and then for one in one, two, four and six hours: six
        // runs in six hours would make 64, twelve in twelve 112.
        assert!(asked <= silent * pick(48, 64), "{asked} requests");
    }
    let dead: BTreeSet<String> = fleet.world.stack.dead_letters().into_iter().map(|job| job.group).collect();
    assert!(dead.iter().all(|group| group.trim_start_matches("w-").parse::<usize>().unwrap() < bad), "{dead:?}");
    fleet.world.stack.stop().await;
}

#[tokio::test]
async fn all_are_served_at_one_tick_also_beside_one_that_is_a_hundred_times_as_large() {
    let size = pick(4, 100);
    let mut fleet = Fleet::of(size).await;
    let (mut random, store) = (Random::new(first_seed()), fleet.world.stack.context().store.clone());
    // The last one's Pendo has the same row and, every hour, a hundred times as many beside it.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let large = Simulator::start(Subscription::empty(), Clock::fixed(fleet.now_ms()), listener).await.unwrap();
    large.inject(used(Kind::Event, "ann@x.test", Some("A-1"), "2026-06-01T08:00:00Z", 1));
    let whose = |number: usize| WorkspaceId::parse(&format!("w-{number}")).unwrap();
    let stands = store.connection_get(&whose(size - 1)).await.unwrap().unwrap();
    let mut connection = stands.value;
    connection.base_url = large.url();
    store.connection_put(&whose(size - 1), &connection, stands.version).await.unwrap();
    let (hours, rows) = (pick(2, 24), 100);
    let (mut behind, mut requests, mut units, mut most) = (0, 0, 0.0, 0.0_f64);
    for hour in 1..=hours {
        let hour_ms = fleet.now_ms().div_euclid(HOUR_MS) * HOUR_MS;
        for n in 0..rows {
            let row =
                RawRow::new(Kind::Event, "some-event", &format!("v-{n}"), Some(&format!("P-{}", n % 40)), hour_ms);
            large.inject(RawRow { events: 3, ..row });
        }
        large.inject(RawRow {
            events: PROMPT_EVENTS,
            ..RawRow::new(Kind::Event, "some-event", "ann@x.test", Some("A-1"), hour_ms)
        });
        fleet.use_it(&mut random);
        large.clock().advance_ms(HOUR_MS);
        fleet.world.pendo().clear_requests();
        fleet.hour().await;
        for number in 0..size {
            let wanted = if number == size - 1 { 1 + u64::from(PROMPT_EVENTS) * hour } else { fleet.wanted() };
            behind += usize::from(fleet.value(number).await != wanted);
            let connection = store.connection_get(&whose(number)).await.unwrap().unwrap().value;
            let report =
                store.checkpoint_get(&whose(number), &connection.id).await.unwrap().value.last_run.unwrap().report;
            most = most.max(report.write_units);
            if number < size - 1 {
                requests += report.pendo_requests;
                units += report.write_units;
            }
        }
    }
    let runs = hours * (size as u64 - 1);
    let (requests, units) = (requests.div_ceil(runs), units / runs as f64);
    println!(
        "a herd: {size} connections at one tick, {hours} ticks: {behind} behind; a small run asks {requests} times and writes {units:.0} units, the largest writes {most:.0}"
    );
    for fleet in [1_000, 10_000] {
        println!(
            "counted: {fleet} connections at one tick ask {} times, each its own Pendo, and write {:.0} units, no partition more than {most:.0}",
            fleet * requests,
            fleet as f64 * units,
        );
    }
    report("a herd", first_seed(), hours * size as u64, behind);
    assert_eq!(behind, 0);
    assert!(most < PARTITION_UNITS, "{most} units of one run could wait for a partition");
    fleet.world.stack.stop().await;
}
