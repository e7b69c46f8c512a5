//! Conditions and pasts that are drawn.

use super::super::*;
use crate::fields::Reason;
use crate::id::{FieldId, SignalId};
use crate::signals::facts::{Gap, Past};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use proptest::sample::select;

/// The day on which conditions are looked at.
pub(in crate::signals) const TODAY: i32 = 20_000;
/// How many days back a comparison that is drawn looks at most.
pub(super) const BACK: u32 = 5;

fn named<I>(name: &str, id: I, kind: NamedKind) -> Named<I> {
    Named { name: name.to_owned(), id, kind, version: 1 }
}

pub(super) fn field(name: &str) -> Fact {
    Fact::Field(FieldId::from_text(&format!("id of {name}")))
}

/// What conditions that are drawn look at.
pub(in crate::signals) fn names() -> Names {
    let field = |name: &str, kind| named(name, FieldId::from_text(&format!("id of {name}")), kind);
    let stages = ["start", "done"].map(str::to_owned).to_vec();
    Names {
        fields: vec![
            field("used", NamedKind::Number),
            field("trend", NamedKind::Number),
            field("last seen", NamedKind::Instant),
            field("segment", NamedKind::Text),
        ],
        health: vec![named("overall", SignalId::from_text("h"), NamedKind::Number)],
        journeys: vec![(named("onboarding", SignalId::from_text("j"), NamedKind::Text), stages)],
        columns: ["seats", "plan", "renews on"].map(str::to_owned).into(),
    }
}

pub(super) fn column(name: &str) -> Fact {
    Fact::Column(name.to_owned())
}

fn daily() -> Vec<Fact> {
    vec![field("used"), field("trend"), Fact::Health(SignalId::from_text("h"))]
}

fn numbers() -> Vec<Fact> {
    daily().into_iter().chain([column("seats")]).collect()
}

pub(super) fn number() -> impl Strategy<Value = f64> {
    prop_oneof![4 => select(vec![-1.0, 0.0, 0.5, 1.0, 2.0, 100.0]), 1 => -1e9..1e9_f64]
}

pub(super) fn operator() -> impl Strategy<Value = Operator> {
    use Operator::{Above, AtLeast, AtMost, Below, Equals, NotEquals};
    select(vec![Above, AtLeast, Below, AtMost, Equals, NotEquals])
}

fn over() -> impl Strategy<Value = Over> {
    prop_oneof![
        2 => Just(Over::Now),
        1 => (1..=BACK).prop_map(Over::Held),
        1 => (1..=BACK).prop_map(Over::Crossed),
        1 => (1..=BACK).prop_map(Over::Ago),
    ]
}

/// A comparison that a body can say.
pub(super) fn comparison() -> impl Strategy<Value = Comparison> {
    let texts = |texts: Vec<&'static str>| btree_set(select(texts).prop_map(str::to_owned), 1..3);
    let lists = |fact: Fact, some: Vec<&'static str>| {
        (Just(fact), texts(some), any::<bool>()).prop_map(|(fact, some, is_in)| {
            let test = if is_in { Test::In(some) } else { Test::NotIn(some) };
            (fact, test)
        })
    };
    let target = prop_oneof![
        3 => number().prop_map(Target::Number),
        1 => (select(numbers()), number()).prop_map(|(fact, times)| Target::Fact(fact, times)),
    ];
    let percent = prop_oneof![(1..=300).prop_map(f64::from), (-100..=-1).prop_map(f64::from), 0.001..1e6_f64];
    let tests = prop_oneof![
        4 => (select(numbers()), operator(), target).prop_map(|(fact, is, target)| (fact, Test::Number(is, target))),
        2 => (select(daily()), percent, 1..=BACK)
            .prop_map(|(fact, percent, days)| (fact, Test::Changed { by: percent / 100.0, days })),
        1 => lists(field("segment"), vec!["a", "b", "2"]),
        1 => lists(column("plan"), vec!["a", "b", "2"]),
        1 => lists(Fact::Stage(SignalId::from_text("j")), vec!["start", "done"]),
        1 => (1..=BACK).prop_map(|days| (column("renews on"), Test::WithinNext(days))),
        1 => (1..=BACK).prop_map(|days| (column("renews on"), Test::WithinPast(days))),
    ];
    (tests, over()).prop_map(|((fact, test), over)| {
        let over = if matches!(fact, Fact::Column(_)) { Over::Now } else { over };
        Comparison { fact, test, over }
    })
}

/// A condition that a body can say.
pub(in crate::signals) fn condition() -> impl Strategy<Value = Condition> {
    comparison().prop_map(Condition::Is).prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 1..4).prop_map(Condition::All),
            vec(inner.clone(), 1..4).prop_map(Condition::Any),
            inner.prop_map(|part| Condition::Not(Box::new(part))),
        ]
    })
}

fn known() -> impl Strategy<Value = Known> {
    let texts = vec!["a", "b", "2", "start", "done", "no date", "2024-10-02", "2024-10-04", "2024-10-07T10:00:00Z"];
    prop_oneof![
        6 => number().prop_map(Known::Number),
        3 => select(texts).prop_map(|text| Known::Text(text.to_owned())),
        2 => select(vec![Gap::Value(Reason::NeverUsed), Gap::NotScored, Gap::Stale]).prop_map(Known::nothing),
    ]
}

/// What is known of an object around today, with holes.
pub(in crate::signals) fn past() -> impl Strategy<Value = Past> {
    let facts =
        daily().into_iter().chain([field("segment"), Fact::Stage(SignalId::from_text("j"))]).collect::<Vec<_>>();
    let far = i32::try_from(2 * BACK).unwrap() + 4;
    let days = btree_map(TODAY - far..=TODAY + 2, known(), 4..20);
    let columns = btree_map(select(vec!["seats", "plan", "renews on"]).prop_map(str::to_owned), known(), 0..4);
    (columns, btree_map(select(facts), days, 2..6)).prop_map(|(columns, days)| Past { columns, days })
}
