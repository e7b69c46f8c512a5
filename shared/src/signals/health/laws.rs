//! Laws of health scores, over scores and pasts that are drawn.

use super::drawn::{Seen, health, past, seen, with_segments};
use super::tests::{DAY, field, names};
use super::*;
use crate::signals::condition::laws::names as names_of_conditions;
use crate::signals::event::{Band, By, What};
use crate::signals::facts::Known;
use crate::signals::sight::Sight;
use proptest::collection::vec;
use proptest::prelude::*;

fn is_near(one: Option<f64>, other: Option<f64>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => (one - other).abs() < 1e-6,
        (None, None) => true,
        _ => false,
    }
}

/// Rising all the way; then the inverse falls all the way.
fn rising(bands: &mut [Linear]) {
    let mut all: Vec<f64> = bands.iter().flat_map(|band| band.scores).collect();
    all.sort_by(f64::total_cmp);
    for (band, scores) in bands.iter_mut().zip(all.chunks(2)) {
        band.scores = [scores[0], scores[1]];
    }
}

/// The weighted mean by its formula, by inputs' own points, without groups and vetoes.
fn naive(weights_and_points: &[(f64, Option<f64>)]) -> Option<f64> {
    let known: Vec<(f64, f64)> =
        weights_and_points.iter().filter_map(|(weight, points)| Some((*weight, (*points)?))).collect();
    let weight: f64 = known.iter().map(|(weight, _)| weight).sum();
    (weight > 0.0).then(|| known.iter().map(|(weight, points)| weight * points).sum::<f64>() / weight)
}

fn sight(seen: &Seen) -> Sight<'_> {
    Sight { past: &seen.past, day: DAY, at_ms: 0, is_rebased: seen.is_rebased }
}

proptest! {
    #[test]
    fn what_is_shown_is_read_as_the_same(health in health()) {
        let names = names();
        prop_assert_eq!(Health::parse(&health.shown(&names), "", &names), Ok(health.clone()));
        let stored = serde_json::to_string(&health).unwrap();
        prop_assert_eq!(serde_json::from_str::<Health>(&stored).unwrap(), health);
    }

    #[test]
    fn segments_are_shown_and_read_as_the_same_and_their_facts_are_told(health in with_segments()) {
        let (mut names, of_conditions) = (names(), names_of_conditions());
        names.fields.extend(of_conditions.fields);
        names.health.extend(of_conditions.health);
        names.journeys.extend(of_conditions.journeys);
        names.columns.extend(of_conditions.columns);
        prop_assert_eq!(Health::parse(&health.shown(&names), "", &names), Ok(health.clone()));
        let facts = health.facts();
        for (fact, days) in health.profiles.iter().filter_map(|profile| profile.segment.as_ref()).flat_map(Condition::facts) {
            prop_assert!(facts[&fact] >= days);
        }
    }

    #[test]
    fn a_score_lies_between_0_and_100_or_is_none_and_costs_make_up_the_rest(health in health(), past in past()) {
        let scored = health.score(&past, DAY);
        prop_assert_eq!(scored.score.is_none(), scored.not_scored.is_some());
        let costs: f64 = scored.drivers.iter().map(|driver| driver.costs).sum();
        match scored.score {
            Some(score) => {
                prop_assert!((0.0..=100.0).contains(&score));
                prop_assert!((score - (100.0 - costs)).abs() < 1e-6, "{} and {}", score, costs);
            }
            None => prop_assert_eq!(costs, 0.0),
        }
        prop_assert!(scored.drivers.is_sorted_by(|one, next| one.costs >= next.costs));
        prop_assert!(scored.inputs.iter().all(|input| input.costs >= 0.0));
        prop_assert!(scored.inputs.iter().all(|input| input.scored.is_some() != input.missing.is_some()));
    }

    #[test]
    fn it_rests_on_no_more_than_the_facts_and_days_that_it_tells(health in health(), past in past()) {
        let facts = health.facts();
        let mut told = Past { columns: past.columns.clone(), ..Past::default() };
        for (fact, days) in &past.days {
            let Some(back) = facts.get(fact) else { continue };
            for (day, known) in days.range(DAY - i32::try_from(*back).unwrap()..) {
                told.note(fact.clone(), *day, known.clone());
            }
        }
        prop_assert_eq!(health.score(&told, DAY).score, health.score(&past, DAY).score);
    }

    #[test]
    fn too_little_weight_is_not_scored_and_all_missing_never_is(health in health(), past in past()) {
        let scored = health.score(&past, DAY);
        let any = scored.inputs.iter().any(|input| input.scored.is_some());
        prop_assert_eq!(scored.score.is_some(), any && scored.covered >= health.minimum_weight);
        prop_assert_eq!(health.score(&Past::default(), DAY).score, None);
    }

    #[test]
    fn without_groups_and_vetoes_it_is_the_weighted_mean(mut health in health(), past in past()) {
        health.missing = WhenMissing::Skip;
        health.minimum_weight = 0.0;
        let profile = &mut health.profiles[0];
        profile.groups.clear();
        profile.inputs.iter_mut().for_each(|input| (input.group, input.veto) = (None, None));
        let scored = health.score(&past, DAY);
        let inputs: Vec<(f64, Option<f64>)> = scored.inputs.iter().map(|input| (input.weight, input.scored)).collect();
        prop_assert!(is_near(scored.score, naive(&inputs)), "{:?}", scored);
    }

    #[test]
    fn better_in_one_input_is_never_worse_in_all(
        mut health in health(), past in past(), at in any::<prop::sample::Index>(), value in -25.0..60.0_f64, more in 0.0..30.0_f64,
    ) {
        let profile = &mut health.profiles[0];
        for input in &mut profile.inputs {
            if let Scoring::Bands { bands, .. } = &mut input.scoring {
                rising(bands);
            }
        }
        let at = at.index(profile.inputs.len());
        // The input that changes is the only one that looks at the field.
        profile.inputs[at].fact = field("alone");
        let Scoring::Bands { inverse, .. } = profile.inputs[at].scoring else { return Ok(()) };
        let score = |value| {
            let mut past = past.clone();
            past.note(field("alone"), DAY, Known::Number(value));
            health.score(&past, DAY).score
        };
        let (low, high) = (score(value), score(value + more));
        prop_assert_eq!(low.is_some(), high.is_some());
        let (worse, better) = if inverse { (high, low) } else { (low, high) };
        prop_assert!(worse <= better, "{:?} and {:?}", worse, better);
    }

    #[test]
    fn weights_count_by_their_shares(health in health(), past in past(), times in 0.01..100.0_f64) {
        let mut scaled = health.clone();
        for profile in &mut scaled.profiles {
            profile.inputs.iter_mut().for_each(|input| input.weight *= times);
            // What is in a group is scaled in it; alone beside groups, with them.
            profile.groups.iter_mut().for_each(|group| group.weight *= times);
        }
        // On the very edge of the minimum weight the last place may decide.
        let edge = (health.score(&past, DAY).covered - health.minimum_weight).abs() <= 1e-6;
        prop_assume!(!edge || health.minimum_weight == 0.0);
        prop_assert!(is_near(scaled.score(&past, DAY).score, health.score(&past, DAY).score));
    }

    #[test]
    fn an_input_that_is_skipped_might_as_well_not_be_there(mut health in health(), past in past()) {
        health.missing = WhenMissing::Skip;
        health.minimum_weight = 0.0;
        let scored = health.score(&past, DAY);
        let mut without = health.clone();
        let profile = &mut without.profiles[0];
        let mut is_known = scored.inputs.iter().map(|input| input.scored.is_some());
        profile.inputs.retain(|_| is_known.next().unwrap_or_default());
        let again = without.score(&past, DAY);
        prop_assert!(is_near(again.score, scored.score));
        let costs = |scored: &Scored| scored.drivers.iter().filter(|driver| driver.costs > 0.0).count();
        prop_assert_eq!(costs(&again), costs(&scored));
    }

    #[test]
    fn a_veto_caps(health in health(), past in past()) {
        let scored = health.score(&past, DAY);
        for (input, of) in scored.inputs.iter().zip(&health.profiles[0].inputs) {
            let is_low = of.veto.zip(input.scored).is_some_and(|(veto, points)| points < veto.below);
            if let (Some(score), Some(veto), true) = (scored.score, of.veto, is_low) {
                prop_assert!(input.vetoed && score <= veto.caps_at + 1e-9);
            }
        }
        let mut free = health.clone();
        free.profiles[0].inputs.iter_mut().for_each(|input| input.veto = None);
        let free = free.score(&past, DAY).score;
        prop_assert_eq!(scored.vetoed_by.is_some(), scored.score < free);
        prop_assert!(scored.score <= free);
    }

    #[test]
    fn a_step_repeated_changes_nothing_and_tells_once(health in health(), seen in vec(seen(), 1..12)) {
        let mut memory = Memory::default();
        for seen in &seen {
            let (_, changes) = health.step(&mut memory, &sight(seen), seen.over.as_ref());
            prop_assert!(changes.len() <= 1);
            let stored: Memory = serde_json::from_str(&serde_json::to_string(&memory).unwrap()).unwrap();
            prop_assert_eq!(&stored, &memory);
            let mut again = memory.clone();
            prop_assert_eq!(health.step(&mut again, &sight(seen), seen.over.as_ref()).1, vec![]);
            prop_assert_eq!(&again, &memory);
            prop_assert!(again.rests_on_the_same_as(&memory));
        }
    }

    #[test]
    fn re_based_it_tells_nothing_and_what_is_told_is_a_change(health in health(), seen in vec(seen(), 1..12)) {
        let mut memory = Memory::default();
        for seen in &seen {
            let before = memory.clone();
            let (scored, changes) = health.step(&mut memory, &sight(seen), seen.over.as_ref());
            prop_assert!(!seen.is_rebased || changes.is_empty());
            prop_assert!(before.band.is_some() || changes.is_empty());
            prop_assert_eq!(memory.score, scored.score);
            prop_assert_eq!(memory.owed.is_some_and(|owed| Some(owed.from) == owed.to || owed.to != memory.band), false);
            for change in changes {
                let What::HealthChanged { from, to, score, by, .. } = change.what else { panic!() };
                prop_assert_eq!((from, to, score), (before.band, memory.band, scored.score));
                prop_assert_ne!(from, to);
                prop_assert_eq!(memory.owed, None);
                let by_hand = seen.over.is_some() || before.set.is_some();
                prop_assert_eq!(by, if by_hand { By::Hand } else { By::Behaviour });
                prop_assert!(by_hand || memory.rests_on_the_same_as(&before));
            }
        }
    }

    #[test]
    fn the_band_follows_the_score(health in health(), seen in vec(seen(), 1..12)) {
        // Restated: what behaviour leads to goes on by itself, and what is set lies on top.
        let mut memory = Memory::default();
        let mut beneath: Option<Band> = None;
        for seen in &seen {
            let (scored, _) = health.step(&mut memory, &sight(seen), seen.over.as_ref());
            if let (Some(score), false) = (scored.calculated, scored.awaits_pendo()) {
                beneath = Some(health.bands.after(beneath, score, health.hysteresis));
            }
            let expected = seen.over.as_ref().map_or(beneath, |over| Some(health.bands.of(over.score)));
            prop_assert_eq!(memory.band, expected);
        }
    }

    #[test]
    fn whoever_hears_and_releases_all_knows_the_band(health in health(), seen in vec(seen(), 1..12)) {
        let mut memory = Memory::default();
        let mut heard: Option<Band> = None;
        for seen in &seen {
            let before = memory.band;
            let (_, changes) = health.step(&mut memory, &sight(seen), seen.over.as_ref());
            for change in changes.into_iter().chain(release(&mut memory)) {
                let What::HealthChanged { from, to, .. } = change.what else { panic!() };
                prop_assert_eq!(from, heard);
                heard = to;
            }
            if before.is_none() {
                heard = memory.band;
            }
            prop_assert_eq!(heard, memory.band);
        }
    }

    #[test]
    fn a_score_that_swings_within_the_hysteresis_is_told_once_at_most(
        scores in vec(prop_oneof![Just(0.0), Just(3.0), 0.0..=3.0_f64], 1..30), start in 0.0..=100.0_f64, is_upper: bool,
    ) {
        let input = Input {
            name: "a".to_owned(),
            fact: field("a"),
            weight: 1.0,
            group: None,
            scoring: Scoring::Bands { bands: vec![Linear { from: 0.0, to: 100.0, scores: [0.0, 100.0] }], inverse: false },
            stale_after_days: None,
            veto: None,
        };
        let profile = Profile { name: "All".to_owned(), segment: None, inputs: vec![input], groups: Vec::new() };
        let bands = Bands::default();
        let health = Health { profiles: vec![profile], missing: WhenMissing::Skip, minimum_weight: 0.5, bands, hysteresis: 3.0 };
        let boundary = if is_upper { bands.fair_up_to } else { bands.poor_up_to };
        let mut memory = Memory::default();
        let mut told = 0;
        // It comes from anywhere, which may be told, too.
        for (at, score) in [start].into_iter().chain(scores.iter().map(|score| boundary + score)).enumerate() {
            let mut past = Past::default();
            past.note(field("a"), DAY, Known::Number(score));
            let seen = Seen { past, is_rebased: false, over: None };
            let changes = health.step(&mut memory, &sight(&seen), None).1;
            told += if at > 1 { changes.len() } else { 0 };
        }
        prop_assert!(told <= 1);
    }
}
