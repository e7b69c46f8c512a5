//! Laws of the language of conditions, over conditions and pasts that are drawn; other tests draw from here, too.

mod cases;
mod drawn;
mod said;

pub(in crate::signals) use drawn::{TODAY, condition, names, past};

use super::*;
use crate::signals::facts::Past;
use drawn::{BACK, column, comparison, field, number, operator};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

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

proptest! {
    // Most conditions are decided by other days than the last that they look at.
    #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]
    // Whoever loads just these facts of these days decides as whoever loads everything.
    #[test]
    fn its_facts_are_all_that_it_looks_at(condition in prop_oneof![condition(), comparison().prop_map(Condition::Is)], past in past()) {
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
}
