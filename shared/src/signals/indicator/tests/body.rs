//! Bodies: what is read is what is shown, and what is wrong is told.

use super::*;
use crate::signals::condition::laws::condition;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// An indicator that a body can say.
pub(super) fn any_indicator() -> impl Strategy<Value = Indicator> {
    let facts = vec![field("used"), field("trend"), Fact::Column("seats".to_owned())];
    let strength = (select(facts.clone()), option::of(select(facts)), -1e6..1e6_f64, 0.001..1e6_f64, any::<bool>())
        .prop_map(|(fact, of, from, wide, is_up)| {
            let to = if is_up { from + wide } else { from - wide };
            Strength { fact, of, from, to }
        });
    let possible = || condition().prop_filter("can be met", |condition| condition.contradiction().is_none());
    let template = option::of(select(TEMPLATES.map(|template| template.name.to_owned()).to_vec()));
    let days = (1..=6_u32, 0..=9_u32);
    (template, possible(), days, option::of(possible()), option::of(strength), any::<bool>()).prop_map(
        |(template, condition, (for_days, cool_down_days), unless, strength, takes_standing)| Indicator {
            template,
            condition,
            for_days,
            unless,
            cool_down_days,
            strength,
            takes_standing,
        },
    )
}

proptest! {
    #[test]
    fn what_is_shown_is_what_is_read(indicator in any_indicator()) {
        let shown = indicator.shown(&names());
        prop_assert_eq!(parsed(&shown), Ok(indicator.clone()), "{}", shown);
        let stored = serde_json::to_string(&indicator).unwrap();
        prop_assert_eq!(serde_json::from_str::<Indicator>(&stored).unwrap(), indicator);
    }
}

#[test]
fn a_condition_is_enough() {
    let indicator = indicator(json!({}));
    assert_eq!((indicator.for_days, indicator.cool_down_days, indicator.takes_standing), (1, 0, false));
    assert_eq!((indicator.template, indicator.unless, indicator.strength), (None, None, None));
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_what_to_do() {
    let with = |name: &str, value: Value| {
        let mut body = json!({"condition": {"field": "used", "is": "at_least", "value": 10}});
        body[name] = value;
        body
    };
    let strength = |also: Value| {
        let mut strength = json!({"field": "used", "from": 0, "to": 10});
        strength.as_object_mut().unwrap().extend(also.as_object().unwrap().clone());
        with("strength", strength)
    };
    let used = |is: &str| json!({"field": "used", "is": is, "value": 5});
    let nobody = json!({"all": [used("above"), used("below")]});
    let cases = [
        (with("colour", json!("red")), "/colour", "use template, condition"),
        (json!({}), "/condition", "give a condition"),
        (
            with("condition", json!({"field": "uses", "is": "above", "value": 1})),
            "/condition/field",
            "there is \"used\"",
        ),
        (with("condition", nobody.clone()), "/condition", "nothing meets all comparisons of \"used\" at once; widen"),
        (with("unless", nobody), "/unless", "widen one of them"),
        (with("unless", json!({"any": []})), "/unless/any", "give at least one"),
        (with("for_days", json!(0)), "/for_days", "a whole number of days, 1 to 366"),
        (with("for_days", json!(367)), "/for_days", "a whole number of days, 1 to 366"),
        (with("for_days", json!("14")), "/for_days", "a whole number of days, 1 to 366"),
        (with("cool_down_days", json!(-1)), "/cool_down_days", "a whole number of days, 0 to 3660"),
        (with("cool_down_days", json!(4000)), "/cool_down_days", "a whole number of days, 0 to 3660"),
        (with("takes_standing", json!("no")), "/takes_standing", "must be true or false"),
        (with("template", json!("growth")), "/template", "use seat_saturation, limit_approach"),
        (with("template", json!(7)), "/template", "must be the name of a template"),
        (with("strength", json!(7)), "/strength", "must be a JSON object"),
        (strength(json!({"is": "above"})), "/strength/is", "use field, column, health, other, from or to"),
        (strength(json!({"field": "uses"})), "/strength/field", "there is \"used\""),
        (strength(json!({"field": "last seen"})), "/strength/field", "compare a field of days_since_last_used"),
        (strength(json!({"column": "seats"})), "/strength", "looks at one thing"),
        (strength(json!({"other": {"stage": "onboarding"}})), "/strength/other/stage", "use field, column or health"),
        (strength(json!({"other": {"field": "segment"}})), "/strength/other/field", "is a text"),
        (strength(json!({"from": "0"})), "/strength/from", "must be the number at which the strength is 0"),
        (strength(json!({"from": 10})), "/strength/to", "give a \"to\" that is not 10"),
        (
            with("strength", json!({"field": "used", "from": 0})),
            "/strength/to",
            "give the number at which the strength is 100",
        ),
    ];
    for (body, pointer, advice) in cases {
        let Err(problem) = parsed(&body) else { panic!("{body} was taken") };
        assert_eq!(problem.pointer, format!("/rule{pointer}"), "{body}: {problem}");
        assert!(problem.detail.contains(advice), "{body}: {problem}");
    }
    for good in [with("for_days", json!(366)), with("cool_down_days", json!(3660)), strength(json!({"to": -10}))] {
        assert!(parsed(&good).is_ok(), "{good}");
    }
}

#[test]
fn its_facts_reach_back_as_far_as_it_looks() {
    let indicator = indicator(json!({
        "condition": {"field": "used", "is": "changed", "by_percent": 20, "days": 28, "for_days": 3},
        "for_days": 14,
        "unless": {"field": "trend", "is": "below", "value": 0, "for_days": 7},
        "strength": {"field": "used", "other": {"column": "seats"}, "from": 0, "to": 1},
    }));
    let facts = [(field("used"), 28 + 2 + 13), (field("trend"), 6), (Fact::Column("seats".to_owned()), 0)];
    assert_eq!(indicator.facts(), BTreeMap::from(facts));
}
