//! What can happen in a history, and how one is drawn from a seed.
//!
//! Left out by name, since README and architecture list them as limits: a visitor's rows that become another visitor's with
//! all totals equal (every row has an event count of its own; guides, which have none, never shrink), and the oldest day
//! going away (an anchor of each kind lies before all else and stays).

use crate::harness::{HOUR_MS, ms};
use crate::size::Random;
use pendo_simulator::{DEFAULT_APP, Kind, RawRow, SECOND_APP, Trouble};

/// One thing that happens.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    /// Rows appear; each says when it can be seen.
    Rows(Vec<RawRow>),
    /// This share of the rows goes away, in percent; guides stay.
    Remove {
        percent: u64,
        salt: u64,
    },
    /// A feature's or page's tag is edited.
    Edit {
        kind: Kind,
        object: &'static str,
        hours: i64,
        keeps: u64,
    },
    /// The subscription moves to another zone: for so many hours Pendo shows nothing.
    Reprocess {
        hours: i64,
    },
    /// Hours go by without a run.
    Advance(i64),
    /// So many ticks arrive at once.
    Ticks(u32),
    /// Two or three runs at the same time.
    Overlap(u32),
    /// A run is dropped after so many steps.
    Cut(usize),
    /// One run meets troubles.
    Faults {
        percent: u32,
        troubles: Vec<Trouble>,
        salt: u64,
    },
    /// The connection's zone.
    Zone(&'static str),
    /// A field of the pool appears, or goes when it is there.
    Field(usize),
    /// A field that stands computes from now on what another one of the pool does.
    Redefine {
        at: usize,
        to: usize,
    },
    /// A contact is uploaded.
    Contact {
        id: usize,
        account: usize,
        email: usize,
    },
    DeleteContact(usize),
    /// An account is uploaded with a key to match by.
    Account {
        id: usize,
        key: usize,
    },
    Matching(usize),
    Pause(bool),
    /// A visitor goes on Pendo's exclude list.
    Exclude(usize),
    /// The workspace excludes others than before.
    Exclusions(usize),
}

pub(crate) const APPS: [i64; 2] = [DEFAULT_APP, SECOND_APP];
pub(crate) const OBJECTS: [&str; 4] = ["o-1", "o-2", "o \"3\" \\ ", "o-4 || true"];
pub(crate) const ZONES: [&str; 5] = ["UTC", "America/New_York", "Europe/Berlin", "Asia/Tokyo", "Pacific/Auckland"];
/// Where histories begin: an ordinary day, days before clocks change, and one before a leap day.
pub(crate) const STARTS: [&str; 4] =
    ["2026-06-30T12:30:00Z", "2026-03-28T23:30:00Z", "2026-10-31T20:30:00Z", "2028-02-28T12:30:00Z"];
/// Kinds that have an object and are grouped by it, and those without.
pub(crate) const KINDS: [Kind; 5] = [Kind::Event, Kind::Page, Kind::Feature, Kind::Track, Kind::Guide];

/// Visitors: hostile ones, look-alikes and plain ones.
pub(crate) fn visitors() -> Vec<String> {
    let long = "x".repeat(2_048);
    let hostile = [
        "a\"b",
        "a\\b",
        "a\nb",
        "a\u{0}b",
        "\u{202e}left\u{202c}",
        "😀@x",
        "1",
        "01",
        "1.0",
        " v1@x",
        "V1@X",
        "v1@x",
        "' || true || '",
        "<script>alert(1)</script>",
        "\u{ff41}@x",
        "İ@x",
        "ß@x",
        "null",
        "_PENDO_T_one",
        "_PENDO_T_two",
    ];
    let plain = (2..12).map(|n| format!("v{n}@x"));
    hostile.into_iter().map(str::to_owned).chain([long]).chain(plain).collect()
}

/// Pendo accounts: none, empty, hostile and plain ones.
pub(crate) fn pendo_accounts() -> Vec<Option<String>> {
    let named = ["A-0", "A-1", "A-2", "A-3", "a-1", "A-1 ", "", " ", "A\"4", "A\\5", "A\n6", "7", "007", "no one's"];
    named.into_iter().map(|id| Some(id.to_owned())).chain([None]).collect()
}

/// The history of a seed.
pub(crate) fn draw(seed: u64, length: u64) -> (&'static str, Vec<Operation>) {
    let mut random = Random::new(seed);
    let start = *random.of(&STARTS);
    let mut now_ms = ms(start);
    let mut count = 0;
    // The larger part of the history is drawn before the first tick.
    let mut operations = vec![Operation::Rows(rows(&mut random, &mut count, now_ms, 40, false))];
    for _ in 0..length {
        let operation = match random.below(100) {
            0..=21 => {
                let size = 1 + random.below(8);
                Operation::Rows(rows(&mut random, &mut count, now_ms, size, true))
            }
            22..=27 => Operation::Remove { percent: *random.of(&[3, 10, 40, 70]), salt: random.next() },
            28..=31 => Operation::Edit {
                kind: *random.of(&[Kind::Feature, Kind::Page]),
                object: random.of::<&str>(&OBJECTS),
                hours: *random.of(&[0, 0, 1, 5, 30]),
                keeps: *random.of(&[100, 60, 10, 0]),
            },
            32 => Operation::Reprocess { hours: *random.of(&[1, 3]) },
            33..=49 => {
                let hours = *random.of(&[1, 1, 1, 2, 5, 12, 24, 30]);
                now_ms += hours * HOUR_MS;
                Operation::Advance(hours)
            }
            50..=63 => Operation::Ticks(*random.of(&[1, 1, 1, 2, 3])),
            64..=66 => Operation::Overlap(2 + u32::try_from(random.below(2)).unwrap()),
            67..=70 => Operation::Cut(usize::try_from(3 + random.below(400)).unwrap()),
            71..=75 => Operation::Faults { percent: *random.of(&[10, 30, 60]), troubles: quick(), salt: random.next() },
            76..=78 => Operation::Zone(random.of::<&str>(&ZONES)),
            79..=81 => Operation::Field(index(&mut random, 25)),
            82..=83 => Operation::Redefine { at: index(&mut random, 25), to: index(&mut random, 25) },
            84..=88 => Operation::Contact {
                id: index(&mut random, 8),
                account: index(&mut random, 4),
                email: index(&mut random, visitors().len()),
            },
            89..=90 => Operation::DeleteContact(index(&mut random, 8)),
            91..=93 => Operation::Account { id: index(&mut random, 5), key: index(&mut random, 9) },
            94..=95 => Operation::Matching(index(&mut random, 3)),
            96 => Operation::Pause(random.is(40)),
            97..=98 => Operation::Exclusions(index(&mut random, 5)),
            _ => Operation::Exclude(index(&mut random, visitors().len())),
        };
        operations.push(operation);
    }
    (start, operations)
}

/// The troubles that make no client wait for seconds.
fn quick() -> Vec<Trouble> {
    use Trouble::{
        BadRequest, Cut, CutCleanly, Duplicates, Empty, Html, MissingFields, NullResults, NumbersAsText, Outside,
        Shrink, Timeout, TooManyNow, UnknownFields,
    };
    vec![
        TooManyNow,
        BadRequest,
        Cut,
        CutCleanly,
        Html,
        Empty,
        NullResults,
        Shrink,
        NumbersAsText,
        UnknownFields,
        MissingFields,
        Outside,
        Duplicates,
        Timeout,
    ]
}

fn index(random: &mut Random, end: usize) -> usize {
    usize::try_from(random.below(end as u64)).unwrap()
}

/// Rows of the last forty days; `can_be_late` ones may be seen hours or days from now.
fn rows(random: &mut Random, count: &mut u32, now_ms: i64, size: u64, can_be_late: bool) -> Vec<RawRow> {
    let (visitors, accounts) = (visitors(), pendo_accounts());
    let hour_ms = now_ms - now_ms.rem_euclid(HOUR_MS);
    let mut rows = Vec::new();
    for _ in 0..size {
        *count += 1;
        let kind = *random.of(&KINDS);
        let back = *random.of(&[0, 1, 1, 2, 3, 5, 9, 26, 47, 60, 200, 300, 960]);
        let back = i64::try_from(random.below(back + 1)).unwrap();
        let at_ms = hour_ms - back * HOUR_MS + i64::from(*count % 3_500) * 1_000;
        let (object, visitor) = (*random.of(&OBJECTS), random.of(&visitors).clone());
        let mut row = RawRow::new(kind, object, &visitor, None, at_ms);
        row.account_id = random.of(&accounts).clone();
        row.app_id = *random.of(&APPS);
        if kind != Kind::Guide {
            // A number of its own for every row, small and large.
            row.events = if random.is(20) { 1_000 + *count } else { *count };
            row.minutes = 1 + *count % 7;
        } else if random.is(25) {
            row.event_type = Some("ui:web:guideDismissed".to_owned());
        }
        let parts = if random.is(30) { 3 } else { 1 };
        for part in 0..parts {
            row.remote_ip = format!("203.0.113.{part}");
            // Guides do not come late: they could then replace each other with all totals equal.
            if can_be_late && kind != Kind::Guide && random.is(30) {
                row.arrives_at_ms = now_ms + i64::try_from(random.below(100)).unwrap() * HOUR_MS;
            }
            rows.push(row.clone());
        }
    }
    rows
}
