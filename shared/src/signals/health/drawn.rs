//! Health scores and pasts as laws draw them.

use super::tests::{DAY, field};
use super::*;
use crate::fields::Reason;
use crate::id::SignalId;
use crate::signals::condition::laws::condition;
use crate::signals::facts::{Gap, Known};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// The fields that inputs which are drawn look at.
const FIELDS: [&str; 3] = ["a", "b", "c"];

fn points() -> impl Strategy<Value = f64> {
    prop_oneof![select(vec![0.0, 30.0, 50.0, 100.0]), 0.0..=100.0_f64]
}

fn weight() -> impl Strategy<Value = f64> {
    prop_oneof![select(vec![1.0, 2.0, 5.0]), WEIGHT_MIN..=WEIGHT_MAX]
}

fn bands() -> impl Strategy<Value = Vec<Linear>> {
    (-20..20_i32, vec((1..20_i32, points(), points()), 1..4)).prop_map(|(start, steps)| {
        let mut from = f64::from(start);
        let band = |(width, low, high)| {
            let to = from + f64::from(width);
            let band = Linear { from, to, scores: [low, high] };
            from = to;
            band
        };
        steps.into_iter().map(band).collect()
    })
}

fn scoring() -> impl Strategy<Value = Scoring> {
    (bands(), any::<bool>()).prop_map(|(bands, inverse)| Scoring::Bands { bands, inverse })
}

fn categories() -> impl Strategy<Value = Scoring> {
    let categories = btree_map(select(vec!["x", "y/z", "2"]).prop_map(str::to_owned), points(), 1..3);
    (categories, option::of(points())).prop_map(|(categories, otherwise)| Scoring::Categories { categories, otherwise })
}

fn veto() -> impl Strategy<Value = Veto> {
    (1.0..=100.0_f64, 0.0..100.0_f64).prop_map(|(below, caps_at)| Veto { below, caps_at })
}

/// An input before it has a name; its group is the first or the second, or none.
fn input() -> impl Strategy<Value = (Input, Option<usize>)> {
    let number = (select(FIELDS.to_vec()).prop_map(field), scoring(), option::of(1..4_u32));
    let looks = prop_oneof![
        6 => number,
        1 => (Just(field("tier")), categories(), option::of(1..4_u32)),
        1 => (Just(Fact::Column("plan".to_owned())), categories(), Just(None)),
        1 => (Just(Fact::Column("seats".to_owned())), scoring(), Just(None)),
        1 => (Just(Fact::Health(SignalId::from_text("p"))), scoring(), option::of(1..4_u32)),
    ];
    (looks, weight(), option::weighted(0.3, veto()), option::of(0..2_usize)).prop_map(
        |((fact, scoring, stale_after_days), weight, veto, group)| {
            let name = String::new();
            (Input { name, fact, weight, group: None, scoring, stale_after_days, veto }, group)
        },
    )
}

fn profile() -> impl Strategy<Value = Profile> {
    let group = || (weight(), select(vec![Rule::Mean, Rule::Best, Rule::Worst]));
    (vec(input(), 1..7), [group(), group()]).prop_map(|(drawn, groups)| {
        let name = |at: usize| format!("Group {at}");
        let mut inputs = Vec::new();
        let mut used = [false; 2];
        for (at, (input, group)) in drawn.into_iter().enumerate() {
            group.into_iter().for_each(|group| used[group] = true);
            inputs.push(Input { name: format!("input {at}"), group: group.map(name), ..input });
        }
        let groups = groups.into_iter().enumerate().filter(|(at, _)| used[*at]);
        let groups = groups.map(|(at, (weight, rule))| Group { name: name(at), weight, rule }).collect();
        Profile { name: "All".to_owned(), segment: None, inputs, groups }
    })
}

/// A score of one profile for everybody.
pub(super) fn health() -> impl Strategy<Value = Health> {
    let missing = select(vec![WhenMissing::Skip, WhenMissing::Neutral, WhenMissing::Worst]);
    let bands = (1.0..=50.0_f64, 51.0..=74.0_f64).prop_map(|(poor_up_to, fair_up_to)| Bands { poor_up_to, fair_up_to });
    (profile(), missing, prop_oneof![Just(0.0), 0.0..=1.0_f64], bands, 0.0..=HYSTERESIS_MAX).prop_map(
        |(profile, missing, minimum_weight, bands, hysteresis)| Health {
            profiles: vec![profile],
            missing,
            minimum_weight,
            bands,
            hysteresis,
        },
    )
}

/// Several profiles with segments, and perhaps one for the rest.
pub(super) fn with_segments() -> impl Strategy<Value = Health> {
    let segment = condition().prop_filter("it can be met", |segment| segment.contradiction().is_none());
    (health(), vec((profile(), segment), 0..3), any::<bool>()).prop_map(|(health, others, has_rest)| {
        let segments = others.into_iter().map(|(profile, segment)| Profile { segment: Some(segment), ..profile });
        let rest = health.profiles.iter().cloned();
        let mut profiles: Vec<Profile> = segments.chain(rest).collect();
        if !has_rest && profiles.len() > 1 {
            profiles.pop();
        }
        for (at, profile) in profiles.iter_mut().enumerate() {
            profile.name = format!("Profile {at}");
        }
        Health { profiles, ..health }
    })
}

fn known() -> impl Strategy<Value = Known> {
    let gaps = [Gap::NotSeen, Gap::Stale, Gap::NotScored, Gap::Value(Reason::NeverUsed), Gap::Value(Reason::Unmatched)];
    prop_oneof![
        6 => (-25..60).prop_map(|number| Known::Number(f64::from(number))),
        1 => select(vec!["x", "y/z", "2", "other"]).prop_map(|text| Known::Text(text.to_owned())),
        2 => select(gaps.to_vec()).prop_map(Known::nothing),
    ]
}

pub(super) fn past() -> impl Strategy<Value = Past> {
    let health = Fact::Health(SignalId::from_text("p"));
    let facts: Vec<Fact> = FIELDS.iter().map(|name| field(name)).chain([field("tier"), health]).collect();
    let days = btree_map(DAY - 5..=DAY, known(), 0..7);
    let columns = btree_map(select(vec!["plan", "seats"]).prop_map(str::to_owned), known(), 0..3);
    (columns, btree_map(select(facts), days, 0..6)).prop_map(|(columns, days)| Past { columns, days })
}

/// What a step sees, and what was set by hand.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) past: Past,
    pub(super) is_rebased: bool,
    pub(super) over: Option<Override>,
}

pub(super) fn seen() -> impl Strategy<Value = Seen> {
    let over = (0.0..=100.0_f64).prop_map(|score| Override {
        score,
        reason: "r".to_owned(),
        by: None,
        until: DAY,
        since: DAY,
    });
    (past(), prop::bool::weighted(0.2), option::weighted(0.2, over)).prop_map(|(past, is_rebased, over)| Seen {
        past,
        is_rebased,
        over,
    })
}
