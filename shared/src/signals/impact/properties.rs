//! What holds whatever is given.

use super::world::{Chosen, World, world};
use super::{Entry, Impact, Question, Unit, Verdict, measure};
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use std::collections::BTreeMap;

const KINDS: [Chosen; 4] = [Chosen::ByLot, Chosen::LowLastWeek, Chosen::BySegmentAndSize, Chosen::LowAndHeldOut];

fn of(world: &World) -> Impact {
    measure(&world.question, &world.units, &world.entries)
}

fn numbers(impact: &Impact) -> Option<[f64; 3]> {
    match impact.verdict {
        Verdict::Measured { effect, low, high, .. } => Some([effect, low, high]),
        _ => None,
    }
}

/// The same units and entries in another order.
fn shuffled(world: &World, seed: u64) -> World {
    let mut random = StdRng::seed_from_u64(seed);
    let mut order: Vec<usize> = (0..world.units.len()).collect();
    order.shuffle(&mut random);
    let mut place = vec![0; order.len()];
    order.iter().enumerate().for_each(|(to, from)| place[*from] = to);
    let mut entries: Vec<Entry> =
        world.entries.iter().map(|entry| Entry { unit: place[entry.unit], ..*entry }).collect();
    entries.shuffle(&mut random);
    World { units: order.iter().map(|from| world.units[*from].clone()).collect(), entries, question: world.question }
}

/// All outcomes changed.
fn with(mut world: World, of: impl Fn(f64) -> f64) -> World {
    world.units.iter_mut().flat_map(|unit| unit.outcome.values_mut()).for_each(|value| *value = of(*value));
    world
}

fn is_near(left: &[f64; 3], right: &[f64; 3], scale: f64) -> bool {
    left.iter().zip(right).all(|(left, right)| (left - right).abs() < 1e-6 * scale)
}

#[test]
fn the_order_of_units_and_entries_does_not_matter() {
    for (seed, chosen) in (31..).zip(KINDS) {
        let world = world(chosen, 300, 2.0, seed);
        assert_eq!(of(&world), of(&shuffled(&world, seed)), "{chosen:?}");
    }
}

#[test]
fn a_constant_changes_no_effect_and_a_factor_scales_it() {
    let mut measured = 0;
    for (seed, chosen) in (31..).zip(KINDS) {
        let plain = numbers(&of(&world(chosen, 300, 2.0, seed)));
        let moved = numbers(&of(&with(world(chosen, 300, 2.0, seed), |value| value + 1_000.0)));
        let scaled = numbers(&of(&with(world(chosen, 300, 2.0, seed), |value| value * 1e-3)));
        let turned = numbers(&of(&with(world(chosen, 300, 2.0, seed), |value| value * -50.0)));
        let Some(plain) = plain else { continue };
        measured += 1;
        assert!(is_near(&plain, &moved.unwrap(), 1.0), "{chosen:?}");
        assert!(is_near(&plain, &scaled.unwrap().map(|value| value * 1e3), 1.0), "{chosen:?}");
        let [effect, low, high] = turned.unwrap().map(|value| value / -50.0);
        assert!(is_near(&plain, &[effect, high, low], 1.0), "{chosen:?}");
    }
    assert!(measured >= 3);
}

#[test]
fn units_without_values_change_nothing() {
    let mut world = world(Chosen::ByLot, 200, 2.0, 5);
    let before = of(&world);
    let empty = Unit { id: "Z".to_owned(), outcome: BTreeMap::new(), ..world.units[0].clone() };
    world.units.push(empty);
    assert_eq!(numbers(&before).is_some(), numbers(&of(&world)).is_some());
}

#[test]
fn values_that_never_vary_have_no_effect() {
    let impact = of(&with(world(Chosen::ByLot, 240, 2.0, 7), |_| 5.0));
    assert_eq!(numbers(&impact), Some([0.0, 0.0, 0.0]), "{impact:?}");
    assert_eq!(impact.regression_to_the_mean, None);
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => -100.0..100.0f64,
        2 => Just(0.0),
        1 => prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(1e300), Just(-1e59), Just(1e-300)],
    ]
}

fn unit() -> impl Strategy<Value = Unit> {
    let outcome = prop::collection::btree_map((0..40i32).prop_map(|week| week * 7), value(), 0..40);
    let segment = prop::option::of(prop_oneof![Just("a".to_owned()), Just("b".to_owned())]);
    (outcome, segment, prop::option::of(value()), prop::option::of(any::<i32>())).prop_map(
        |(outcome, segment, size, since)| Unit { id: String::new(), segment, size, since, stage: None, outcome },
    )
}

fn entry() -> impl Strategy<Value = Entry> {
    let day = prop_oneof![8 => 80..200i32, 1 => any::<i32>()];
    (0..45usize, day, any::<Option<i32>>(), any::<Option<i32>>(), any::<bool>(), any::<bool>()).prop_map(
        |(unit, entered, exited, met, is_held_out, in_others)| Entry {
            unit,
            entered: entered / 14 * 14,
            exited,
            met,
            is_held_out,
            in_others,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics_and_every_number_is_one(
        mut units in prop::collection::vec(unit(), 0..40),
        entries in prop::collection::vec(entry(), 0..40),
        (today, window_days, minimum) in (prop_oneof![4 => Just(280), 1 => any::<i32>()], any::<u32>(), 0..4usize),
        (window, confidence) in (prop_oneof![Just(7u32), Just(28), Just(30)], prop_oneof![Just(0.95), Just(f64::NAN), Just(2.0)]),
    ) {
        for (at, unit) in units.iter_mut().enumerate() {
            unit.id = format!("{at:03}");
        }
        let window_days = if window_days.is_multiple_of(8) { window_days } else { window };
        let question = Question { today, window_days, minimum, confidence, has_objective: true };
        let impact = measure(&question, &units, &entries);
        let told = format!("{impact:?}");
        prop_assert!(!told.contains("NaN") && !told.contains("inf"), "{}", told);
        if let Some([effect, low, high]) = numbers(&impact) {
            prop_assert!(low <= effect && effect <= high);
        }
        let json = serde_json::to_value(&impact).unwrap();
        prop_assert!(json["verdict"]["kind"].is_string());
    }
}
