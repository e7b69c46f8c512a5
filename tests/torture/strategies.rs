//! How much four ways of reading lose and double of the same late rows. Three are modelled strategies as they are common among
//! connectors, not anybody's product: they are given Pendo's rows as they can be seen at each hour, without any fault. The
//! fourth is the product itself, over HTTP.

use crate::harness::{HOUR_MS, NOW, World, all_time, both_levels, field, ms};
use crate::size::{Random, Time, first_seed, pick, report};
use pendo_simulator::{Kind, RawRow};
use std::collections::BTreeMap;

/// What a reader keeps of each user's hour, by the user's number, which no two hours share.
type Kept = BTreeMap<usize, u64>;

/// One hour of one user, as it can be seen at some time.
struct Seen {
    number: usize,
    hour_ms: i64,
    last_ms: i64,
    events: u64,
}

/// Reads what is newer than the newest that it has read, and writes it over.
#[derive(Default)]
struct Bookmark {
    kept: Kept,
    newest_ms: i64,
}

impl Bookmark {
    fn read(&mut self, seen: &[Seen]) {
        let from_ms = self.newest_ms;
        for row in seen.iter().filter(|row| row.last_ms > from_ms) {
            self.kept.insert(row.number, row.events);
            self.newest_ms = self.newest_ms.max(row.last_ms);
        }
    }
}

/// Reads every hour once, eight hours after it ended.
#[derive(Default)]
struct Horizon(Kept);

impl Horizon {
    fn read(&mut self, seen: &[Seen], from_ms: i64, now_ms: i64) {
        let is_due = |row: &&Seen| (from_ms..now_ms).contains(&(row.hour_ms + 9 * HOUR_MS));
        self.0.extend(seen.iter().filter(is_due).map(|row| (row.number, row.events)));
    }
}

/// Reads the last two days each time, and writes each row over the one with its key.
#[derive(Default)]
struct LookBack(Kept);

impl LookBack {
    fn read(&mut self, seen: &[Seen], now_ms: i64) {
        let is_young = |row: &&Seen| row.hour_ms >= now_ms - 48 * HOUR_MS;
        self.0.extend(seen.iter().filter(is_young).map(|row| (row.number, row.events)));
    }
}

/// Events that are missing, and events that Pendo does not have.
fn difference(kept: &Kept, truth: &Kept) -> (u64, u64) {
    let numbers = kept.keys().chain(truth.keys()).collect::<std::collections::BTreeSet<_>>();
    let of = |side: &Kept, number: &usize| side.get(number).copied().unwrap_or_default();
    numbers.into_iter().fold((0, 0), |(lost, more), number| {
        let (kept, truth) = (of(kept, number), of(truth, number));
        (lost + truth.saturating_sub(kept), more + kept.saturating_sub(truth))
    })
}

/// How many minutes after its hour a row can be seen: mostly soon, sometimes after a flight or a holiday.
fn delay_minutes(random: &mut Random) -> i64 {
    *random.of(&[5, 10, 15, 15, 15, 45, 240, 360, 480, 720, 1_440, 4_320, 7 * 1_440])
}

fn number_of(row: &RawRow) -> usize {
    row.account_id.as_deref().and_then(|id| id[2..].parse().ok()).unwrap()
}

fn seen(world: &World) -> (Vec<Seen>, Kept) {
    let (mut grouped, mut truth): (BTreeMap<usize, Seen>, Kept) = (BTreeMap::new(), Kept::new());
    let closed_ms = world.stack.clock().now_ms() / HOUR_MS * HOUR_MS;
    for row in world.pendo().truth().into_iter().filter(|row| row.hour_ms < closed_ms) {
        let (number, events) = (number_of(&row), u64::from(row.events));
        *truth.entry(number).or_default() += events;
        let new = Seen { number, hour_ms: row.hour_ms, last_ms: row.last_ms, events: 0 };
        let one = grouped.entry(number).or_insert(new);
        (one.events, one.last_ms) = (one.events + events, one.last_ms.max(row.last_ms));
    }
    (grouped.into_values().collect(), truth)
}

/// Lost, doubled and all events by strategy, after so many days of hourly reads and a week of rest.
async fn play(seed: u64, days: i64, users: usize) -> [(u64, u64, u64); 4] {
    let mut random = Random::new(seed);
    let world = World::empty().await;
    let start_ms = ms(NOW) / HOUR_MS * HOUR_MS;
    for number in 0..users {
        let hour_ms = start_ms + i64::try_from(random.below(days.unsigned_abs() * 24)).unwrap() * HOUR_MS;
        let account = format!("A-{number}");
        // An hour's second part comes on its own.
        for part in 0..1 + i64::try_from(random.below(2)).unwrap() {
            let mut row = RawRow::new(Kind::Page, "p", &format!("v{number}@x"), Some(&account), hour_ms);
            row.first_ms = hour_ms + i64::try_from(random.below(3_000)).unwrap() * 1_000;
            row.last_ms = row.first_ms + part;
            row.events = 1 + u32::try_from(random.below(20)).unwrap();
            row.arrives_at_ms = hour_ms + HOUR_MS + delay_minutes(&mut random) * 60_000;
            world.pendo().inject(row);
        }
    }
    world.connect().await;
    let accounts: String = (0..users).map(|number| format!("A-{number}\n")).collect();
    world.upload("accounts", &format!("id\n{accounts}")).await;
    world.upload("contacts", "id,account_id,email\nC-1,A-1,v1@x\n").await;
    world.matching(&both_levels()).await;
    world.field(&field("Uses", "account", "page", "count", &all_time())).await;
    let (mut bookmark, mut horizon, mut look_back) = (Bookmark::default(), Horizon::default(), LookBack::default());
    let mut before_ms = world.stack.clock().now_ms();
    for hour in 0..days * 24 + 9 {
        // Half-way Pendo takes some of what it showed away: a tag was edited.
        if hour == days * 12 {
            let salt = random.next();
            let is_gone = |row: &RawRow| Random::new(salt ^ number_of(row) as u64).is(4);
            world.pendo().remove(is_gone);
        }
        world.tick_after(1).await;
        let (now_ms, (rows, _)) = (world.stack.clock().now_ms(), seen(&world));
        bookmark.read(&rows);
        horizon.read(&rows, before_ms, now_ms);
        look_back.read(&rows, now_ms);
        before_ms = now_ms;
    }
    for _ in 0..9 {
        world.tick_after(24).await;
        let (rows, _) = seen(&world);
        bookmark.read(&rows);
        look_back.read(&rows, world.stack.clock().now_ms());
    }
    let (_, truth) = seen(&world);
    let lines = world.lines().await;
    let ours = (0..users).map(|number| {
        let line = &lines[&("account".to_owned(), format!("A-{number}"), "Uses".to_owned())];
        (number, line["value"].as_u64().unwrap_or_default())
    });
    let all = truth.values().sum();
    [bookmark.kept, horizon.0, look_back.0, ours.collect()].map(|kept| {
        let (lost, more) = difference(&kept, &truth);
        (lost, more, all)
    })
}

#[tokio::test]
async fn what_others_ways_of_reading_lose_or_double_of_the_same_late_rows_ours_does_not() {
    let (plays, days, users) = (pick(1, 20), pick(2, 14), pick(200, 1_000));
    let (first, time) = (first_seed(), Time::share(8));
    let (mut n, mut sums) = (0, [(0, 0, 0); 4]);
    for seed in first..first + plays {
        if !time.is_left() {
            break;
        }
        n += 1;
        for (sum, (lost, more, all)) in sums.iter_mut().zip(play(seed, days, users).await) {
            *sum = (sum.0 + lost, sum.1 + more, sum.2 + all);
        }
    }
    let names = ["bookmark at the newest time", "each hour once after 8 h", "two days back, written over", "ours"];
    for (name, (lost, more, all)) in names.iter().zip(sums) {
        #[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
        let percent = |events: u64| 100.0 * events as f64 / all as f64;
        println!("{name}: of {all} events {:.2} % lost, {:.2} % too many", percent(lost), percent(more));
    }
    let [bookmark, horizon, look_back, ours] = sums;
    report("strategies, of which ours", first, n, usize::from((ours.0, ours.1) != (0, 0)));
    assert_eq!((ours.0, ours.1), (0, 0), "ours");
    // The models can fail, and so this check can.
    assert!(bookmark.0 > 0 && horizon.0 > 0 && look_back.0 > 0 && look_back.1 > 0, "{sums:?}");
}
