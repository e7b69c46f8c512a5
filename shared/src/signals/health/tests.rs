//! Facts about what health scores come to.

use super::*;
use crate::fields::Reason;
use crate::id::{FieldId, SignalId};
use crate::signals::condition::{Named, NamedKind, Names};
use crate::signals::facts::{Gap, Known};
use serde_json::{Value, json};

pub(super) const DAY: i32 = 20_000;

pub(super) fn field(name: &str) -> Fact {
    Fact::Field(FieldId::from_text(&format!("id of {name}")))
}

pub(super) fn names() -> Names {
    let field = |name: &str, kind| Named {
        name: name.to_owned(),
        id: FieldId::from_text(&format!("id of {name}")),
        kind,
        version: 1,
    };
    let health =
        Named { name: "Product".to_owned(), id: SignalId::from_text("p"), kind: NamedKind::Number, version: 1 };
    Names {
        fields: vec![
            field("a", NamedKind::Number),
            field("b", NamedKind::Number),
            field("c", NamedKind::Number),
            field("last", NamedKind::Instant),
            field("tier", NamedKind::Text),
        ],
        health: vec![health],
        journeys: Vec::new(),
        columns: ["plan", "seats"].map(str::to_owned).into(),
    }
}

/// 0 to 100 as it is.
pub(super) fn percent(field: &str, weight: f64) -> Value {
    json!({"name": field, "field": field, "weight": weight, "bands": [{"from": 0, "to": 100, "scores": [0, 100]}]})
}

/// An input with more members.
pub(super) fn with(mut input: Value, more: &Value) -> Value {
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    input
}

pub(super) fn of(inputs: &[Value]) -> Value {
    json!({"profiles": [{"name": "All", "inputs": inputs}]})
}

pub(super) fn health(body: &Value) -> Health {
    Health::parse(body, "", &names()).unwrap()
}

fn past(values: &[(&str, Option<f64>)]) -> Past {
    let mut past = Past::default();
    for (name, value) in values {
        past.note(field(name), DAY, value.map_or(Known::nothing(Gap::NotSeen), Known::Number));
    }
    past
}

fn score(body: &Value, values: &[(&str, Option<f64>)]) -> Scored {
    health(body).score(&past(values), DAY)
}

fn costs(scored: &Scored) -> Vec<(&str, f64)> {
    scored.drivers.iter().map(|driver| (driver.input.as_str(), driver.costs)).collect()
}

#[test]
fn a_score_is_the_weighted_mean_and_each_input_costs_what_it_lacks() {
    let scored = score(&of(&[percent("a", 3.0), percent("b", 1.0)]), &[("a", Some(80.0)), ("b", Some(20.0))]);
    assert_eq!(scored.score, Some(65.0));
    assert_eq!(costs(&scored), [("b", 20.0), ("a", 15.0)], "what costs most comes first");
    assert_eq!(scored.covered, 1.0);
    assert_eq!(scored.profile.as_deref(), Some("All"));
}

#[test]
fn points_rise_evenly_within_a_band_and_stay_outside_of_all() {
    let bands = json!([{"from": 0, "to": 5, "scores": [0, 50]}, {"from": 5, "to": 15, "scores": [60, 100]}]);
    let input = |more| with(json!({"name": "a", "field": "a", "weight": 1, "bands": bands}), &more);
    let at = |value, more| score(&of(&[input(more)]), &[("a", Some(value))]).score.unwrap();
    let plain = [-3.0, 0.0, 1.0, 4.0, 5.0, 10.0, 15.0, 99.0].map(|value| at(value, json!({})));
    assert_eq!(plain, [0.0, 0.0, 10.0, 40.0, 60.0, 80.0, 100.0, 100.0]);
    let inverse = [-3.0, 1.0, 5.0, 99.0].map(|value| at(value, json!({"inverse": true})));
    assert_eq!(inverse, [100.0, 90.0, 40.0, 0.0], "lower is better");
}

#[test]
fn a_text_scores_by_its_category_and_a_column_may_hold_a_number() {
    let plan = json!({"name": "plan", "column": "plan", "weight": 1, "categories": {"pro": 100, "free": 30, "2": 7}});
    let at = |known: Known, more: Value| {
        let mut past = Past::default();
        past.columns.insert("plan".to_owned(), known);
        let scored = health(&of(&[with(plan.clone(), &more)])).score(&past, DAY);
        (scored.score, scored.inputs[0].missing)
    };
    let text = |text: &str| Known::Text(text.to_owned());
    assert_eq!(at(text("free"), json!({})), (Some(30.0), None));
    assert_eq!(at(Known::Number(2.0), json!({})), (Some(7.0), None));
    assert_eq!(at(text("gold"), json!({})), (None, Some(Missing::NoCategory)));
    assert_eq!(at(text("gold"), json!({"otherwise": 10})), (Some(10.0), None));
    assert_eq!(at(Known::nothing(Gap::Empty), json!({"otherwise": 10})), (None, Some(Missing::Empty)));

    let seats =
        json!({"name": "s", "column": "seats", "weight": 1, "bands": [{"from": 0, "to": 10, "scores": [0, 100]}]});
    let seats = |known: Known| {
        let past = Past { columns: [("seats".to_owned(), known)].into(), ..Past::default() };
        let scored = health(&of(std::slice::from_ref(&seats))).score(&past, DAY);
        (scored.score, scored.inputs[0].missing)
    };
    assert_eq!(seats(text(" 4 ")), (Some(40.0), None), "tables have numbers as texts");
    assert_eq!(seats(text("many")), (None, Some(Missing::NoNumber)));
}

#[test]
fn an_input_that_is_missing_counts_as_the_rule_says_and_its_weight_is_not_covered() {
    let inputs = [percent("a", 3.0), percent("b", 1.0)];
    let at = |missing: &str, a, b| {
        let body = with(of(&inputs), &json!({"missing": missing}));
        let scored = score(&body, &[("a", a), ("b", b)]);
        (scored.score, scored.covered)
    };
    assert_eq!(at("skip", Some(80.0), None), (Some(80.0), 0.75));
    assert_eq!(at("neutral", Some(80.0), None), (Some(72.5), 0.75));
    assert_eq!(at("worst", Some(80.0), None), (Some(60.0), 0.75));
    for missing in ["skip", "neutral", "worst"] {
        assert_eq!(at(missing, None, Some(80.0)), (None, 0.25), "{missing}: less than half is known");
        assert_eq!(at(missing, None, None), (None, 0.0), "{missing}");
        let generous = with(of(&inputs), &json!({"missing": missing, "minimum_weight": 0}));
        assert_eq!(score(&generous, &[]).score, None, "{missing}: nothing known is never scored");
    }
    let generous = with(of(&inputs), &json!({"minimum_weight": 0}));
    assert_eq!(score(&generous, &[("b", Some(80.0))]).score, Some(80.0));
    let nothing = score(&generous, &[]);
    assert_eq!((nothing.score, nothing.not_scored), (None, Some(NotScored::TooLittleKnown)));
    assert_eq!(costs(&nothing), [("a", 0.0), ("b", 0.0)], "what is missing is told");
    let half = of(&[percent("a", 1.0), percent("b", 1.0)]);
    assert_eq!(score(&half, &[("a", Some(80.0))]).score, Some(80.0), "half is enough");
}

#[test]
fn a_group_counts_as_one_by_its_mean_its_best_or_its_worst() {
    let inputs: Vec<Value> =
        [("a", 1.0), ("b", 3.0)].map(|(name, weight)| with(percent(name, weight), &json!({"group": "Usage"}))).into();
    let inputs = [inputs, vec![percent("c", 1.0)]].concat();
    let at = |rule: &str, b| {
        let groups = json!([{"name": "Usage", "weight": 3, "rule": rule}]);
        let body = json!({"profiles": [{"name": "All", "inputs": inputs, "groups": groups}], "minimum_weight": 0.4});
        score(&body, &[("a", Some(100.0)), ("b", b), ("c", Some(0.0))])
    };
    assert_eq!(at("mean", Some(20.0)).score, Some(30.0), "the group has (100 + 3 × 20) ÷ 4 = 40");
    assert_eq!(at("best", Some(20.0)).score, Some(75.0));
    assert_eq!(at("worst", Some(20.0)).score, Some(15.0));
    assert_eq!(costs(&at("worst", Some(20.0))), [("b", 60.0), ("c", 25.0)], "the worst bears what the group costs");
    let part = at("mean", None);
    assert_eq!((part.score, part.covered), (Some(75.0), 0.4375), "3 × 1/4 of the group and 1 of 4");
}

#[test]
fn too_little_of_a_group_is_too_little_of_the_whole() {
    let inputs: Vec<Value> =
        [("a", 1.0), ("b", 9.0)].map(|(name, weight)| with(percent(name, weight), &json!({"group": "usage"}))).into();
    let body = json!({"profiles": [{"name": "All", "inputs": inputs, "groups": [{"name": "Usage", "weight": 3}]}]});
    let scored = score(&body, &[("a", Some(100.0))]);
    assert_eq!((scored.score, scored.covered), (None, 0.1));
}

#[test]
fn a_veto_caps_the_whole_and_bears_what_it_takes() {
    let veto = json!({"veto": {"below": 30, "caps_at": 40}});
    let body = of(&[with(percent("a", 1.0), &veto), percent("b", 9.0)]);
    let at = |a, b| score(&body, &[("a", a), ("b", Some(b))]);
    let capped = at(Some(20.0), 100.0);
    assert_eq!((capped.score, capped.vetoed_by.as_deref()), (Some(40.0), Some("a")));
    assert_eq!(costs(&capped), [("a", 60.0)], "8 of its own and 52 by its veto");
    assert!(capped.inputs[0].vetoed && !capped.inputs[1].vetoed);
    assert_eq!(at(Some(30.0), 100.0).score, Some(93.0), "30 is not below 30");
    let low = at(Some(20.0), 10.0);
    assert_eq!((low.score, low.vetoed_by, low.inputs[0].vetoed), (Some(11.0), None, true), "it takes nothing away");
    assert_eq!(at(None, 100.0).score, Some(100.0), "what is missing caps nothing");
}

#[test]
fn of_several_vetoes_the_lowest_cap_counts() {
    let veto = |cap| json!({"veto": {"below": 30, "caps_at": cap}});
    let body = of(&[with(percent("a", 1.0), &veto(40)), with(percent("b", 1.0), &veto(10)), percent("c", 8.0)]);
    let scored = score(&body, &[("a", Some(0.0)), ("b", Some(0.0)), ("c", Some(100.0))]);
    assert_eq!((scored.score, scored.vetoed_by.as_deref()), (Some(10.0), Some("b")));
}

#[test]
fn the_last_known_value_counts_until_it_is_stale() {
    let body = of(&[with(percent("a", 1.0), &json!({"stale_after_days": 3}))]);
    let at = |days: i32, gap: Gap| {
        let mut past = Past::default();
        past.note(field("a"), DAY - days, Known::Number(60.0));
        past.note(field("a"), DAY, Known::nothing(gap));
        let scored = health(&body).score(&past, DAY);
        (scored.score, scored.inputs[0].days_old, scored.inputs[0].missing)
    };
    assert_eq!(at(3, Gap::NotSeen), (Some(60.0), 3, None));
    assert_eq!(at(3, Gap::Stale), (Some(60.0), 3, None));
    assert_eq!(at(4, Gap::NotSeen), (None, 0, Some(Missing::Stale)));
    let never = Reason::NeverUsed;
    assert_eq!(
        at(1, Gap::Value(never)),
        (None, 0, Some(Missing::Value(never))),
        "usage itself tells that there is none"
    );
    assert_eq!(health(&body).facts(), [(field("a"), 3)].into());
}

#[test]
fn the_first_profile_that_fits_counts_and_overlap_is_told() {
    let plan = |plan: &str| json!({"column": "plan", "is": "in", "values": [plan, "both"]});
    let body = json!({"profiles": [
        {"name": "Enterprise", "segment": plan("enterprise"), "inputs": [percent("a", 1.0)]},
        {"name": "Pro", "segment": plan("pro"), "inputs": [percent("b", 1.0)]},
    ]});
    let object = |plan: &str| {
        let mut past = past(&[("a", Some(10.0)), ("b", Some(90.0))]);
        past.columns.insert("plan".to_owned(), Known::Text(plan.to_owned()));
        past
    };
    let health_of = |plan: &str| health(&body).score(&object(plan), DAY);
    assert_eq!(health_of("both").profile.as_deref(), Some("Enterprise"));
    assert_eq!(health_of("pro").score, Some(90.0));
    assert_eq!(health_of("free").not_scored, Some(NotScored::NoProfile));
    let objects = [object("both"), object("pro"), object("free"), object("both")];
    assert_eq!(health(&body).overlap(&objects, DAY), Overlap { none: 1, one: 1, several: 2 });
    let mut with_rest = body.clone();
    with_rest["profiles"].as_array_mut().unwrap().push(json!({"name": "Rest", "inputs": [percent("c", 1.0)]}));
    assert_eq!(health(&with_rest).overlap(&objects, DAY), Overlap { none: 0, one: 2, several: 2 });
    let unknown = health(&with_rest).score(&past(&[("c", Some(5.0))]), DAY);
    assert_eq!(unknown.profile.as_deref(), Some("Rest"), "a segment that is unknown does not hold");
}

#[test]
fn an_answer_shows_values_as_they_are_and_has_a_schema() {
    let scored = score(&of(&[percent("a", 1.0), percent("b", 1.0)]), &[("a", Some(40.0)), ("b", None)]);
    let shown = serde_json::to_value(&scored).unwrap();
    assert_eq!((&shown["score"], &shown["inputs"][0]["was"]), (&json!(40.0), &json!(40.0)));
    assert_eq!((&shown["inputs"][1]["was"], &shown["inputs"][1]["missing"]), (&Value::Null, &json!("not_seen")));
    let schema = schemars::schema_for!(Scored).to_value();
    for member in shown.as_object().unwrap().keys() {
        assert!(schema["properties"][member].is_object(), "{member}");
    }
    assert!(schemars::schema_for!(Renewal).to_value()["properties"]["drivers"].is_object());
}
