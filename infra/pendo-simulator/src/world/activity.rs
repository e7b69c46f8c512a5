//! Who is active on a day, and in which hours. Every answer is a hash of (seed, visitor, day); nothing depends on the day before.

use chrono::{DateTime, Datelike};

use crate::random::Dice;
use crate::row::{DAY_MS, HOUR_MS, NONE, Row};
use crate::world::tags::{self, Tags};
use crate::world::visitor::{self, Belongs, Sort};
use crate::world::{Course, World, hour, origin};

/// What is known of every visitor's habits.
pub(crate) struct Plan {
    habits: Vec<Habit>,
    tags: Vec<Tags>,
}

/// One visitor's habits.
pub(super) struct Habit {
    pub(super) number: u32,
    pub(super) visitor: u32,
    /// One account per row, and a second one that is used now and then; `NONE` is absent.
    pub(super) accounts: [u32; 2],
    pub(super) origins: [u32; 2],
    pub(super) second_app: bool,
    /// The chance of being active on a working day, in millionths.
    daily: u32,
    /// When the working day begins in UTC.
    opens_at: u32,
    course: Course,
}

impl Plan {
    /// The habits of a filled world.
    pub(super) fn of(world: &mut World) -> Plan {
        let count = u32::try_from(world.visitors.len()).unwrap_or(0);
        let accounts = u32::try_from(world.accounts.len()).unwrap_or(0);
        let habits = (0..count).map(|number| habit(world, number, accounts)).collect();
        Plan { habits, tags: tags::of(world) }
    }

    /// Makes the rows of one UTC day.
    pub(super) fn make_day(&self, world: &mut World, day_ms: i64) {
        let weekend = DateTime::from_timestamp_millis(day_ms).is_some_and(|day| day.weekday().number_from_monday() > 5);
        let mut fresh: Vec<Row> = Vec::new();
        for habit in &self.habits {
            let mut dice = Dice::at(&[world.seed, 0xDA, u64::from(habit.number), day_ms.cast_unsigned()]);
            let rhythm = if weekend { 90 } else { 1000 };
            let chance = u64::from(habit.daily) * u64::from(habit.course.thousandths(day_ms)) * rhythm / 1_000_000;
            if !dice.chance(u32::try_from(chance.min(950_000)).unwrap_or(0)) {
                continue;
            }
            let hours = 1 + u32::from(dice.chance(380_000)) + u32::from(dice.chance(150_000));
            let start = habit.opens_at + dice.below(8);
            for step in 0..hours {
                let hour_ms = day_ms + i64::from((start + step) % 24) * HOUR_MS;
                hour::make(world, &self.tags, habit, hour_ms, &mut dice, &mut fresh);
            }
        }
        debug_assert!(
            fresh.iter().all(|row| row.hour >= day_ms && row.hour < day_ms + DAY_MS),
            "a day makes its own rows"
        );
        fresh.sort_by_key(|row| row.hour);
        for row in fresh {
            let rows = &mut world.rows[row.kind as usize];
            // Rows that were put in by hand may lie in a day that is made only now.
            let place = if rows.last().is_none_or(|last| last.hour <= row.hour) {
                rows.len()
            } else {
                rows.partition_point(|known| known.hour <= row.hour)
            };
            rows.insert(place, row);
        }
    }
}

fn habit(world: &World, number: u32, accounts: u32) -> Habit {
    let mut dice = Dice::at(&[world.seed, 0x4AB, u64::from(number)]);
    let account = |place: u32| world.accounts.get(place as usize);
    let id = |place: u32| account(place).map_or(NONE, |account| account.id);
    let belongs = visitor::belongs(world.seed, number, accounts);
    let (ids, first) = match belongs {
        Belongs::One(first) => ([id(first); 2], Some(first)),
        Belongs::Two(first, second) => ([id(first), id(second)], Some(first)),
        Belongs::Empty => ([world.texts.find("").unwrap_or(NONE); 2], None),
        Belongs::Absent => ([NONE; 2], None),
    };
    let daily = match (visitor::sort(number), dice.below(100)) {
        (Sort::Anonymous, _) => 9_000,
        (_, 0..9) => 460_000,
        (_, 9..40) => 130_000,
        (_, 40..97) => 24_000,
        _ => 0,
    };
    Habit {
        number,
        visitor: world.visitors.get(number as usize).map_or(NONE, |visitor| visitor.id),
        accounts: ids,
        origins: [dice.below(HOME_ORIGINS), dice.below(HOME_ORIGINS)],
        second_app: number.is_multiple_of(3),
        daily,
        opens_at: first.map_or(8, |place| [8, 14, 7, 16, 0][place as usize % 5]),
        course: first.and_then(account).map_or(Course::Steady, |account| account.course),
    }
}

/// How many origins all visitors share.
pub(super) const HOME_ORIGINS: u32 = 160;

/// Makes the origins that habits refer to.
pub(super) fn make_origins(world: &mut World) {
    for number in 0..HOME_ORIGINS {
        let mut dice = Dice::at(&[world.seed, 0x0216, u64::from(number)]);
        origin::make(world, &mut dice);
    }
    world.texts.number("");
}
