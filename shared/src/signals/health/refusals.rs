//! Facts about what a body may say, and how it is shown.

use super::Health;
use super::tests::{health, names, of, percent, with};
use serde_json::{Value, json};

fn refused(body: &Value) -> (String, String) {
    let problem = Health::parse(body, "", &names()).unwrap_err();
    (problem.pointer, problem.detail)
}

#[test]
fn what_is_wrong_is_refused_at_its_place() {
    let input = |more: Value| of(&[with(percent("a", 1.0), &more)]);
    let bands = |bands: Value| input(json!({"bands": bands}));
    let top = |more: Value| with(of(&[percent("a", 1.0)]), &more);
    let profile = |more: Value| {
        let profile = with(json!({"name": "All", "inputs": [percent("a", 1.0)]}), &more);
        json!({"profiles": [profile]})
    };
    let at_input = |name: &str| format!("/profiles/0/inputs/0{name}");
    let text = json!({"name": "t", "field": "tier", "weight": 1, "bands": [{"from": 0, "to": 1, "scores": [0, 1]}]});
    let instant = json!({"name": "t", "field": "last", "weight": 1, "bands": [{"from": 0, "to": 1, "scores": [0, 1]}]});
    let number = json!({"name": "t", "field": "a", "weight": 1, "categories": {"1": 3}});
    let none = json!({"name": "t", "field": "a", "weight": 1});
    let column = json!({"name": "t", "column": "plan", "weight": 1, "categories": {"a": 1}, "stale_after_days": 3});
    let segment =
        json!({"all": [{"field": "a", "is": "above", "value": 3}, {"field": "a", "is": "below", "value": 2}]});
    let second = json!({"profiles": [{"name": "A", "inputs": [percent("a", 1.0)]}, {"name": "B", "inputs": [percent("a", 1.0)]}]});
    let cases = [
        (json!({}), "/profiles".to_owned(), "missing"),
        (json!({"profiles": []}), "/profiles".to_owned(), "1 to 10"),
        (of(&[]), "/profiles/0/inputs".to_owned(), "1 to 40"),
        (top(json!({"colour": 1})), "/colour".to_owned(), "not known"),
        (top(json!({"missing": "green"})), "/missing".to_owned(), "skip, neutral or worst"),
        (top(json!({"minimum_weight": 1.5})), "/minimum_weight".to_owned(), "from 0 to 1, not 1.5"),
        (top(json!({"hysteresis": -1})), "/hysteresis".to_owned(), "from 0 to 25"),
        (top(json!({"hysteresis": 25})), "/hysteresis".to_owned(), "none would become good"),
        (top(json!({"bands": {"poor_up_to": 75, "fair_up_to": 50}})), "/bands/fair_up_to".to_owned(), "0 < poor_up_to"),
        (input(json!({"weight": 0})), at_input("/weight"), "sum to nothing"),
        (input(json!({"weight": -1})), at_input("/weight"), "from 0.001 to 1000"),
        (input(json!({"weight": "much"})), at_input("/weight"), "not text"),
        (input(json!({"name": " "})), at_input("/name"), "1 to 100 characters"),
        (input(json!({"column": "plan"})), at_input(""), "one thing"),
        (input(json!({"field": "zzz"})), at_input("/field"), "no calculated field"),
        (input(json!({"group": "Usage"})), at_input("/group"), "no group \"Usage\""),
        (input(json!({"otherwise": 3})), at_input("/otherwise"), "categories"),
        (input(json!({"categories": {"a": 3}})), at_input("/categories"), "not both"),
        (input(json!({"stale_after_days": 0})), at_input("/stale_after_days"), "1 to 366"),
        (input(json!({"veto": {"below": 0, "caps_at": 3}})), at_input("/veto/below"), "below 0"),
        (input(json!({"veto": {"below": 3, "caps_at": 100}})), at_input("/veto/caps_at"), "caps nothing"),
        (bands(json!([])), at_input("/bands"), "1 to 20"),
        (bands(json!([{"from": 1, "to": 1, "scores": [0, 1]}])), at_input("/bands/0/to"), "upwards"),
        (bands(json!([{"from": 0, "to": 1, "scores": [0]}])), at_input("/bands/0/scores"), "two scores"),
        (bands(json!([{"from": 0, "to": 1, "scores": [0, 101]}])), at_input("/bands/0/scores/1"), "from 0 to 100"),
        (
            bands(json!([{"from": 0, "to": 1, "scores": [0, 1]}, {"from": 2, "to": 3, "scores": [0, 1]}])),
            at_input("/bands/1/from"),
            "ends at 1",
        ),
        (of(&[text]), at_input("/field"), "categories"),
        (of(&[instant]), at_input("/field"), "point in time"),
        (of(&[number]), at_input("/categories"), "bands"),
        (of(&[none]), at_input(""), "give \"bands\" or \"categories\""),
        (of(&[column]), at_input("/stale_after_days"), "keeps no past"),
        (
            of(&[percent("a", 1.0), with(percent("b", 1.0), &json!({"name": "A"}))]),
            "/profiles/0/inputs/1/name".to_owned(),
            "own name",
        ),
        (profile(json!({"groups": [{"name": "g", "weight": 1}]})), "/profiles/0/groups/0".to_owned(), "no input is of"),
        (
            profile(json!({"groups": [{"name": "g", "weight": 0}]})),
            "/profiles/0/groups/0/weight".to_owned(),
            "sum to nothing",
        ),
        (profile(json!({"segment": segment})), "/profiles/0/segment".to_owned(), "exclude each other"),
        (second, "/profiles/1".to_owned(), "takes everybody"),
    ];
    for (body, pointer, detail) in cases {
        let (at, says) = refused(&body);
        assert_eq!(at, pointer, "{body}: {says}");
        assert!(says.contains(detail), "{says}");
    }
}

#[test]
fn a_health_score_is_shown_with_all_that_it_says() {
    let body = json!({"profiles": [{"name": "All", "inputs": [
        {"name": "product", "health": "product", "weight": 1, "bands": [{"from": 0, "to": 100, "scores": [0, 100]}]},
        {"name": "seats", "column": "seats", "weight": 2, "group": "usage", "inverse": true,
         "bands": [{"from": 0, "to": 9, "scores": [0, 100]}]},
    ], "groups": [{"name": "Usage", "weight": 2}]}]});
    let shown = health(&body).shown(&names());
    let expected = json!({
        "profiles": [{"name": "All", "inputs": [
            {"name": "product", "health": "Product", "weight": 1.0, "bands": [{"from": 0.0, "to": 100.0, "scores": [0.0, 100.0]}]},
            {"name": "seats", "column": "seats", "weight": 2.0, "group": "Usage", "inverse": true,
             "bands": [{"from": 0.0, "to": 9.0, "scores": [0.0, 100.0]}]},
        ], "groups": [{"name": "Usage", "weight": 2.0, "rule": "mean"}]}],
        "missing": "skip", "minimum_weight": 0.5, "bands": {"poor_up_to": 50.0, "fair_up_to": 75.0}, "hysteresis": 3.0,
    });
    assert_eq!(shown, expected);
}
