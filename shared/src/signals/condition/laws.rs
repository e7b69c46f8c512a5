//! Laws of the language of conditions, over conditions and pasts that are drawn; other tests draw from here, too.

use super::*;
use crate::fields::Reason;
use crate::id::{FieldId, SignalId};
use crate::signals::facts::{Gap, Past};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

/// The day on which conditions are looked at.
pub(in crate::signals) const TODAY: i32 = 20_000;
/// How many days back a comparison that is drawn looks at most.
const BACK: u32 = 5;

fn named<I>(name: &str, id: I, kind: NamedKind) -> Named<I> {
    Named { name: name.to_owned(), id, kind, version: 1 }
}

fn field(name: &str) -> Fact {
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

fn column(name: &str) -> Fact {
    Fact::Column(name.to_owned())
}

fn daily() -> Vec<Fact> {
    vec![field("used"), field("trend"), Fact::Health(SignalId::from_text("h"))]
}

fn numbers() -> Vec<Fact> {
    daily().into_iter().chain([column("seats")]).collect()
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![4 => select(vec![-1.0, 0.0, 0.5, 1.0, 2.0, 100.0]), 1 => -1e9..1e9_f64]
}

fn operator() -> impl Strategy<Value = Operator> {
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
pub(in crate::signals) fn comparison() -> impl Strategy<Value = Comparison> {
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

fn all_of(conditions: impl IntoIterator<Item = Condition>) -> Condition {
    Condition::All(conditions.into_iter().collect())
}

fn not(condition: Condition) -> Condition {
    Condition::Not(Box::new(condition))
}

fn back(days: u32) -> i32 {
    TODAY - i32::try_from(days).unwrap()
}

/// What is known in one, and else what is known in the other.
fn filled(past: &Past, other: Past) -> Past {
    let mut filled = other;
    for (name, known) in past.columns.iter().filter(|(_, known)| known.is_known()) {
        filled.columns.insert(name.clone(), known.clone());
    }
    for (fact, days) in &past.days {
        for (day, known) in days.iter().filter(|(_, known)| known.is_known()) {
            filled.note(fact.clone(), *day, known.clone());
        }
    }
    filled
}

proptest! {
    #[test]
    fn what_is_shown_is_what_is_read(condition in condition()) {
        let shown = condition.shown(&names());
        prop_assert_eq!(Condition::parse(&shown, "", &names()), Ok(condition.clone()), "{}", shown);
        let stored = serde_json::to_string(&condition).unwrap();
        prop_assert_eq!(serde_json::from_str::<Condition>(&stored).unwrap(), condition);
    }

    #[test]
    fn not_twice_is_nothing(condition in condition(), past in past()) {
        let twice = not(not(condition.clone())).at(&past, TODAY);
        prop_assert_eq!(twice, condition.at(&past, TODAY));
    }

    #[test]
    fn not_all_is_any_not_for_the_same_reasons(parts in vec(condition(), 1..4), past in past()) {
        let any_not = Condition::Any(parts.iter().cloned().map(not).collect());
        prop_assert_eq!(not(Condition::All(parts)).at(&past, TODAY), any_not.at(&past, TODAY));
    }

    #[test]
    fn groups_are_kleenes_least_and_greatest(parts in vec(condition(), 1..4), past in past()) {
        let rank = |truth| match truth { Truth::False => 0, Truth::Unknown => 1, Truth::True => 2 };
        let each: Vec<i32> = parts.iter().map(|part| rank(part.at(&past, TODAY).truth)).collect();
        let all = rank(all_of(parts.clone()).at(&past, TODAY).truth);
        let any = rank(Condition::Any(parts).at(&past, TODAY).truth);
        prop_assert_eq!((Some(all), Some(any)), (each.iter().min().copied(), each.iter().max().copied()));
    }

    // What is not known matters only where it decides: knowing more overturns nothing.
    #[test]
    fn knowing_more_overturns_nothing(condition in condition(), past in past(), more in past()) {
        let before = condition.at(&past, TODAY).truth;
        let after = condition.at(&filled(&past, more), TODAY).truth;
        prop_assert!(before == Truth::Unknown || before == after, "{:?} became {:?}", before, after);
    }

    // Whoever loads just these facts of these days decides as whoever loads everything.
    #[test]
    fn its_facts_are_all_that_it_looks_at(condition in condition(), past in past()) {
        let mut cut = Past::default();
        for (fact, days) in condition.facts() {
            if let Fact::Column(name) = &fact {
                cut.columns.extend(past.columns.get(name).map(|known| (name.clone(), known.clone())));
            }
            for (day, known) in past.days.get(&fact).into_iter().flatten() {
                if (back(days)..=TODAY).contains(day) {
                    cut.note(fact.clone(), *day, known.clone());
                }
            }
        }
        prop_assert_eq!(condition.at(&cut, TODAY), condition.at(&past, TODAY));
    }

    #[test]
    fn held_is_each_of_its_days(mut of in comparison(), days in 1..=BACK, past in past()) {
        of.over = Over::Now;
        let each: Vec<Truth> = (0..days).map(|ago| Condition::Is(of.clone()).at(&past, back(ago)).truth).collect();
        let expected = if each.contains(&Truth::False) {
            Truth::False
        } else if each.contains(&Truth::Unknown) {
            Truth::Unknown
        } else {
            Truth::True
        };
        of.over = Over::Held(days);
        prop_assert_eq!(Condition::Is(of).at(&past, TODAY).truth, expected);
    }

    #[test]
    fn crossed_holds_now_and_did_not_on_a_day_before(mut of in comparison(), days in 1..=BACK, past in past()) {
        of.over = Over::Now;
        let now = Condition::Is(of.clone());
        let did_not = Condition::Any((1..=days).map(|ago| not(Condition::Is(Comparison { over: Over::Ago(ago), ..of.clone() }))).collect());
        let expected = if now.at(&past, TODAY).truth == Truth::True {
            did_not.at(&past, TODAY).truth
        } else {
            now.at(&past, TODAY).truth
        };
        of.over = Over::Crossed(days);
        prop_assert_eq!(Condition::Is(of).at(&past, TODAY).truth, expected);
    }

    #[test]
    fn ago_is_the_comparison_of_that_day_and_tells_what_was_then(mut of in comparison(), days in 1..=BACK, past in past()) {
        of.over = Over::Ago(days);
        let ago = Condition::Is(of.clone()).at(&past, TODAY);
        of.over = Over::Now;
        let then = Condition::Is(of).at(&past, back(days));
        prop_assert_eq!(ago.truth, then.truth);
        let told = |verdict: &Verdict| (verdict.because[0].was.clone(), verdict.because[0].against);
        prop_assert_eq!(told(&ago), told(&then));
    }

    #[test]
    fn columns_are_the_same_on_all_days(
        name in select(vec!["seats", "plan", "renews on"]),
        is in operator(),
        target in prop_oneof![number().prop_map(Target::Number), number().prop_map(|times| Target::Fact(column("seats"), times))],
        past in past(),
        ago in 0..=BACK,
    ) {
        let of = Condition::Is(Comparison { fact: column(name), test: Test::Number(is, target), over: Over::Now });
        prop_assert_eq!(of.at(&past, TODAY), of.at(&past, back(ago)));
    }

    #[test]
    fn what_holds_is_no_contradiction(condition in condition(), past in past()) {
        prop_assert!(condition.contradiction().is_none() || condition.at(&past, TODAY).truth != Truth::True);
    }

    // Few facts, numbers and days, so that many of these contradict themselves and many hold.
    #[test]
    fn what_must_hold_at_once_is_a_contradiction_where_no_number_meets_it(
        tests in vec((operator(), select(vec![0.0, 1.0, 2.0, 1e300]), select(vec![Over::Now, Over::Held(2), Over::Ago(1)])), 1..6)
    ) {
        let demanded = tests.iter().map(|(is, number, over)| {
            Condition::Is(Comparison { fact: field("used"), test: Test::Number(*is, Target::Number(*number)), over: *over })
        });
        let found = all_of(demanded).contradiction();
        let tried = [-1.0, 0.0, 0.25, 0.5, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 1e300, 1e301];
        let none_meets = |is_ago: bool| {
            let of = |(.., over): &&(Operator, f64, Over)| matches!(over, Over::Ago(_)) == is_ago;
            !tried.iter().any(|tried| tests.iter().filter(of).all(|(is, number, _)| is.compare(*tried, *number)))
        };
        prop_assert_eq!(found, (none_meets(false) || none_meets(true)).then(|| field("used")));
    }
}

fn read(body: &Value) -> Result<Condition, crate::fields::Problem> {
    Condition::parse(body, "/condition", &names())
}

#[test]
fn contradictions_are_found() {
    let used = |is: &str, value: f64| json!({"field": "used", "is": is, "value": value});
    let plan = |is: &str, values: &[&str]| json!({"column": "plan", "is": is, "values": values});
    let found = |parts: Vec<Value>| read(&json!({"all": parts})).unwrap().contradiction();
    assert_eq!(found(vec![used("above", 5.0), used("below", 5.0)]), Some(field("used")));
    assert_eq!(found(vec![used("equals", 5.0), json!({"all": [used("equals", 6.0)]})]), Some(field("used")));
    assert_eq!(found(vec![used("equals", 5.0), used("not_equals", 5.0)]), Some(field("used")));
    assert_eq!(found(vec![plan("in", &["a", "b"]), plan("not_in", &["b", "a"])]), Some(column("plan")));
    assert_eq!(found(vec![plan("in", &["a"]), plan("in", &["b"])]), Some(column("plan")));
    assert_eq!(found(vec![used("at_least", 5.0), used("at_most", 5.0)]), None);
    assert_eq!(found(vec![plan("in", &["a", "b"]), plan("not_in", &["b"])]), None);
    assert_eq!(found(vec![json!({"any": [used("above", 5.0), used("below", 5.0)]})]), None);
    let then = json!({"field": "used", "is": "below", "value": 5, "days_ago": 7});
    assert_eq!(found(vec![used("above", 5.0), then]), None, "it can have risen since");
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_what_to_do() {
    let used = json!({"field": "used", "is": "at_least", "value": 1});
    let deep = (0..DEPTH_MAX).fold(used.clone(), |inner, _| json!({"not": inner}));
    let with = |name: &str, value: Value| {
        let mut body = used.clone();
        body[name] = value;
        body
    };
    let changed = |by: f64, days: u32| json!({"field": "used", "is": "changed", "by_percent": by, "days": days});
    let cases = [
        (with("colour", json!("red")), "/colour", "use field, column"),
        (json!({"all": [used], "name": "x"}), "/name", "use all"),
        (json!({"field": "uses", "is": "above", "value": 1}), "/field", "there is \"used\", \"trend\""),
        (json!({"health": "x", "is": "above", "value": 1}), "/health", "there is \"overall\""),
        (json!({"stage": "x", "is": "in", "values": ["done"]}), "/stage", "there is \"onboarding\""),
        (json!({"column": "x", "is": "above", "value": 1}), "/column", "there is \"plan\""),
        (json!({"field": "last seen", "is": "above", "value": 1}), "/field", "compare a field of days_since_last_used"),
        (json!({"field": "segment", "is": "above", "value": 1}), "/field", "compare it by \"in\" or \"not_in\""),
        (json!({"stage": "onboarding", "is": "above", "value": 1}), "/is", "compare it by \"in\" or \"not_in\""),
        (
            json!({"field": "used", "is": "above", "other": {"field": "segment"}}),
            "/other/field",
            "compare it by \"in\"",
        ),
        (with("other", json!({"column": "seats"})), "/other", "give \"value\" or \"other\", not both"),
        (
            json!({"field": "used", "is": "above", "other": {"stage": "onboarding"}}),
            "/other/stage",
            "use field, column or health",
        ),
        (with("times", json!(2)), "/times", "goes with \"other\" only"),
        (json!({"all": []}), "/all", "give at least one"),
        (json!({"any": []}), "/any", "give at least one"),
        (json!({"all": used}), "/all", "must be a list of conditions"),
        (json!({"all": [used], "any": [used]}), "/any", "use all"),
        (deep, "/not/not/not/not/not/not", "6 deep at most"),
        (json!({"all": vec![used.clone(); PARTS_MAX]}), "/all/49", "at most 50 parts"),
        (changed(20.0, 0), "/days", "a whole number of days, 1 to 366"),
        (changed(20.0, 400), "/days", "a whole number of days, 1 to 366"),
        (with("for_days", json!(0)), "/for_days", "a whole number of days, 1 to 366"),
        (with("crossed_within_days", json!(400)), "/crossed_within_days", "a whole number of days, 1 to 366"),
        (with("days_ago", json!(1.5)), "/days_ago", "a whole number of days, 1 to 366"),
        (json!({"field": "used", "is": "at_least", "value": 1, "for_days": 2, "days_ago": 2}), "/days_ago", "not both"),
        (changed(0.0, 7), "/by_percent", "give how much it must change"),
        (changed(-150.0, 7), "/by_percent", "give -100 or more"),
        (json!({"column": "seats", "is": "changed", "by_percent": 5, "days": 7}), "/is", "name one of these"),
        (json!({"stage": "onboarding", "is": "in", "values": ["gone"]}), "/values/0", "there is \"start\", \"done\""),
        (json!({"stage": "onboarding", "is": "in", "values": []}), "/values", "a list of 1 to 100 texts"),
        (
            json!({"column": "seats", "is": "above", "value": 1, "crossed_within_days": 7}),
            "/crossed_within_days",
            "the directory keeps no past",
        ),
        (
            json!({"column": "seats", "is": "above", "value": 1, "days_ago": 7}),
            "/days_ago",
            "the directory keeps no past",
        ),
        (json!({"field": "used", "is": "within_next_days", "days": 7}), "/is", "give \"column\""),
        (json!({"field": "used", "is": "like", "value": 1}), "/is", "use above, at_least"),
        (with("values", json!(["a"])), "/values", "does not go with \"at_least\""),
        (json!({"is": "above", "value": 1}), "", "give field, column, health or stage"),
        (
            json!({"field": "used", "column": "seats", "is": "above", "value": 1}),
            "",
            "give field, column, health or stage",
        ),
        (json!({"field": "used", "value": 1}), "/is", "give an operator"),
        (json!({"field": "used", "is": "above"}), "/value", "give a number"),
        (json!({"field": "used", "is": "above", "value": "5"}), "/value", "must be a number"),
        (json!("used"), "", "must be a JSON object"),
    ];
    for (body, pointer, advice) in cases {
        let Err(problem) = read(&body) else { panic!("{body} was taken") };
        assert_eq!(problem.pointer, format!("/condition{pointer}"), "{body}: {problem}");
        assert!(problem.detail.contains(advice), "{body}: {problem}");
        assert!(!problem.is_too_large);
    }
}

#[test]
fn a_share_is_shown_in_the_percent_that_were_written() {
    for percent in (-100..=1000).filter(|percent| *percent != 0) {
        let body = json!({"field": "used", "is": "changed", "by_percent": f64::from(percent), "days": 7});
        assert_eq!(read(&body).unwrap().shown(&names()), body);
    }
}

#[test]
fn names_are_found_whatever_their_case_and_by_id() {
    let of = |name: &str| read(&json!({"field": name, "is": "at_least", "value": 1}));
    assert_eq!(of("USED"), of("used"));
    assert_eq!(of("id of used"), of("used"));
    assert!(of("used").is_ok());
}
