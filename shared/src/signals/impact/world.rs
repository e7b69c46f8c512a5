//! Worlds in which the truth is known.
//!
//! Units have a level of their own, noise that lasts (AR(1)) and a trend; everybody shares seasons and shocks of their segment. Who enters is
//! chosen in one of several ways, and gains the planted effect from the week after.

use super::{Entry, Question, Unit};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeMap;

const WEEKS: i32 = 40;
const FIRST_DAY: i32 = 20_003;
/// Weeks after which units may enter.
const ENTRY: [i32; 4] = [28, 30, 32, 34];

/// How units come into the playbook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Chosen {
    /// By lot, in any week.
    ByLot,
    /// By lot, until nearly nobody is left.
    UntilFewAreLeft,
    /// Those whose last week was low for their segment, one of three of them.
    LowLastWeek,
    /// Those whose last two weeks were far below their own weeks before, half of them.
    Dipped,
    /// More often in one segment and the larger they are.
    BySegmentAndSize,
    /// As `LowLastWeek`, where values multiply rather than add and have no negatives.
    LowOfMany,
    /// As `LowLastWeek`, all of them, but for those held out by lot: one of two.
    LowAndHeldOut,
    /// Everybody, within two weeks.
    Everybody,
    /// All large ones and no others.
    OnlyLarge,
    /// Nearly all that grow by 1 a week; the others hardly move.
    Growing,
    /// The same with 0.3 a week.
    GrowingSlowly,
}

/// A world.
pub(super) struct World {
    pub(super) units: Vec<Unit>,
    pub(super) entries: Vec<Entry>,
    pub(super) question: Question,
}

impl World {
    /// The change of each unit that entered, from the four weeks before to the four after.
    pub(super) fn changes(&self) -> Vec<f64> {
        let entered = self.entries.iter().filter(|entry| !entry.is_held_out);
        let change = |entry: &Entry| {
            let mean = |from: i32| {
                let days = self.units[entry.unit].outcome.range(from + 1..=from + 28);
                days.map(|(_, value)| value / 4.0).sum::<f64>()
            };
            mean(entry.entered) - mean(entry.entered - 28)
        };
        entered.map(change).collect()
    }
}

/// A number from the standard normal distribution (Box & Muller 1958).
fn normal(random: &mut StdRng) -> f64 {
    let (one, two): (f64, f64) = (random.random(), random.random());
    (-2.0 * (1.0 - one).ln()).sqrt() * (std::f64::consts::TAU * two).cos()
}

struct Hidden {
    segment: usize,
    size: f64,
    level: f64,
    trend: f64,
    noise: f64,
    grows: bool,
    entered: Option<i32>,
    is_held_out: bool,
    values: Vec<f64>,
}

/// A world of so many units in which the playbook raises every value after entry by `effect`. The noise of a week is 3.
pub(super) fn world(chosen: Chosen, count: usize, effect: f64, seed: u64) -> World {
    let mut random = StdRng::seed_from_u64(seed);
    let mut hidden: Vec<Hidden> = (0..count).map(|_| unit(&mut random, chosen)).collect();
    let phase = std::f64::consts::TAU * random.random::<f64>();
    let mut shocks = [0.0; 3];
    for week in 0..WEEKS {
        for shock in &mut shocks {
            *shock = 0.5 * *shock + 0.5 * normal(&mut random);
        }
        let season = (f64::from(week) / 5.0 + phase).sin();
        for unit in &mut hidden {
            unit.noise = 0.6 * unit.noise + 2.0 * (1.0f64 - 0.36).sqrt() * normal(&mut random);
            let noise = unit.noise + 3.0 * normal(&mut random);
            let usual = unit.level + unit.trend * f64::from(week) + noise + season + shocks[unit.segment];
            let gain =
                if unit.entered.is_some_and(|entered| entered < week) && !unit.is_held_out { effect } else { 0.0 };
            let value = if chosen == Chosen::LowOfMany { 10.0 * (usual / 20.0).exp() + gain } else { usual + gain };
            unit.values.push(value);
        }
        if ENTRY.contains(&week) {
            enter(&mut random, &mut hidden, chosen, week);
        }
    }
    told(hidden)
}

fn unit(random: &mut StdRng, chosen: Chosen) -> Hidden {
    let segment = random.random_range(0..3usize);
    let size = (3.0 + normal(random)).exp();
    let growth = match chosen {
        Chosen::Growing => 1.0,
        Chosen::GrowingSlowly => 0.3,
        _ => 0.0,
    };
    let grows = growth > 0.0 && random.random_bool(0.5);
    let by_segment = [0.0, 4.0, 8.0][segment];
    Hidden {
        segment,
        size,
        level: 20.0 + by_segment + size.ln() + 2.5 * normal(random),
        trend: if grows { growth } else { 0.08 * normal(random) },
        noise: 2.0 * normal(random),
        grows,
        entered: None,
        is_held_out: false,
        values: Vec::new(),
    }
}

fn enter(random: &mut StdRng, hidden: &mut [Hidden], chosen: Chosen, week: i32) {
    let mut lasts: [Vec<f64>; 3] = Default::default();
    hidden.iter().for_each(|unit| lasts[unit.segment].extend(unit.values.last()));
    lasts.iter_mut().for_each(|last| last.sort_by(f64::total_cmp));
    for unit in hidden.iter_mut().filter(|unit| unit.entered.is_none()) {
        let [.., a, b, c, d, e, f] = unit.values.as_slice() else { continue };
        let lowest = lasts[unit.segment].get(lasts[unit.segment].len() / 5).is_some_and(|low| f < low);
        let chance = match chosen {
            Chosen::ByLot => 0.09,
            Chosen::UntilFewAreLeft => 0.25,
            Chosen::LowLastWeek | Chosen::LowOfMany => 0.33 * f64::from(u8::from(lowest)),
            Chosen::Dipped => 0.5 * f64::from(u8::from((e + f) / 2.0 < (a + b + c + d) / 4.0 - 2.5)),
            Chosen::BySegmentAndSize => {
                let lean = -3.2 + 1.2 * f64::from(u8::from(unit.segment == 1)) + 0.6 * (unit.size.ln() - 3.0);
                1.0 / (1.0 + (-lean).exp())
            }
            Chosen::LowAndHeldOut => f64::from(u8::from(lowest)),
            Chosen::Everybody => 0.97,
            Chosen::OnlyLarge => 0.9 * f64::from(u8::from(unit.size.ln() > 3.3)),
            Chosen::Growing | Chosen::GrowingSlowly => 0.9 * f64::from(u8::from(unit.grows)),
        };
        if chance > 0.0 && random.random_bool(chance) {
            unit.entered = Some(week);
            unit.is_held_out = chosen == Chosen::LowAndHeldOut && random.random_bool(0.5);
        }
    }
}

fn told(hidden: Vec<Hidden>) -> World {
    let mut world = World { units: Vec::new(), entries: Vec::new(), question: Question::on(FIRST_DAY + 7 * WEEKS) };
    for (at, unit) in hidden.into_iter().enumerate() {
        if let Some(week) = unit.entered {
            let entered = FIRST_DAY + 7 * week + 1;
            let is_held_out = unit.is_held_out;
            world.entries.push(Entry {
                unit: at,
                entered,
                exited: None,
                met: None,
                is_held_out,
                in_others: at % 7 == 0,
            });
        }
        let days = (0..WEEKS).map(|week| FIRST_DAY + 7 * week);
        let outcome: BTreeMap<i32, f64> = days.zip(unit.values).collect();
        let segment = Some(["small", "middle", "large"][unit.segment].to_owned());
        let id = format!("A-{at:04}");
        world.units.push(Unit { id, segment, size: Some(unit.size), since: None, stage: None, outcome });
    }
    world
}
