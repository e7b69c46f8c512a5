//! What is said of bodies that are wrong, and what is taken.

use super::drawn::{column, field};
use super::*;
use serde_json::{Value, json};

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
