//! What is taken for a journey, what is refused, and how it is shown.

use super::*;
use crate::fields::Problem;
use proptest::prelude::*;

fn stages(first: Value) -> Value {
    json!({"stages": [first, {"name": "End"}]})
}

fn checked(body: &Value) -> Result<(), Problem> {
    Journey::parse(body, "/body", &names())?.check_own(&SignalId::from_text("j1"), "/body")
}

#[test]
fn what_can_not_work_is_refused_where_it_stands() {
    let half = |is: &str, name: &str, latched: bool| json!({"name": name, "condition": {"column": "a", "is": is, "value": 5}, "latched": latched});
    let never = json!({"all": [half("above", "x", true)["condition"], half("below", "x", true)["condition"]]});
    let on =
        |journey: &str, stage: &str| json!({"any": [holds("a"), {"stage": journey, "is": "in", "values": [stage]}]});
    let with_goals = |goals: Value| stages(json!({"name": "One", "goals": goals}));
    let many =
        |count: usize| (0..count).map(|at| json!({"name": format!("S{at}"), "advance": "by_hand"})).collect::<Vec<_>>();
    let long = "x".repeat(101);
    for (body, place, says) in [
        (json!({}), "/stages", "is missing"),
        (json!({"stages": {}}), "/stages", "2 to 30"),
        (json!({"stages": many(1)}), "/stages", "2 to 30"),
        (json!({"stages": many(31)}), "/stages", "2 to 30"),
        (json!({"stages": [{"name": "A", "advance": "by_hand"}, {"name": "a"}]}), "/stages/1/name", "already"),
        (stages(json!({"name": " One"})), "/stages/0/name", "without space"),
        (stages(json!({"name": ""})), "/stages/0/name", "1 to 100"),
        (stages(json!({"name": long})), "/stages/0/name", "1 to 100"),
        (stages(json!({"name": "One"})), "/stages/0/goals", "can't be reached"),
        (stages(json!({"name": "One", "goals": [], "advance": "any"})), "/stages/0/goals", "can't be reached"),
        (stages(json!({"name": "One", "advance": "some"})), "/stages/0/advance", "\"by_hand\""),
        (stages(json!({"name": "One", "advance": "by_hand", "target_days": 0})), "/stages/0/target_days", "1 to 730"),
        (stages(json!({"name": "One", "goal": []})), "/stages/0/goal", "is not known"),
        (with_goals(json!(vec![goal("a", true); 21])), "/stages/0/goals", "at most 20"),
        (with_goals(json!([goal("a", true), goal("a", true)])), "/stages/0/goals/1/name", "already"),
        (with_goals(json!([{"name": "x"}])), "/stages/0/goals/0/condition", "is missing"),
        (with_goals(json!([{"name": "x", "condition": never}])), "/stages/0/goals/0/condition", "contradicts itself"),
        (with_goals(json!([half("above", "x", false), half("below", "y", false)])), "/stages/0/goals", "at once"),
        (
            with_goals(json!([{"name": "x", "condition": on("Own", "One")}])),
            "/stages/0/goals/0/condition",
            "own stages",
        ),
        (json!({"segment": on("own", "One"), "stages": many(2)}), "/segment", "own stages"),
        (json!({"segment": never, "stages": many(2)}), "/segment", "contradicts itself"),
        (
            json!({"segment": half("above", "x", true)["condition"],
                "stages": with_goals(json!([half("below", "y", true)]))["stages"]}),
            "/stages/0/goals/0/condition",
            "nobody of the segment",
        ),
    ] {
        let problem = checked(&body).unwrap_err();
        assert_eq!(problem.pointer, format!("/body{place}"), "{body}: {}", problem.detail);
        assert!(problem.detail.contains(says), "{body}: {}", problem.detail);
    }
    for body in [
        with_goals(json!([half("above", "x", true), half("below", "y", true)])),
        with_goals(json!([half("above", "x", true), half("below", "y", false)])),
        with_goals(json!([{"name": "x", "condition": on("Other", "First")}])),
        json!({"stages": many(30)}),
    ] {
        checked(&body).unwrap();
    }
}

#[test]
fn goals_are_latched_and_all_asked_for_unless_said_otherwise() {
    let taken = journey(stages(json!({"name": "One", "goals": [{"name": "x", "condition": holds("a")}]})));
    assert_eq!(
        taken.shown(&names()),
        json!({"stages": [
            {"name": "One", "advance": "all", "goals": [{"name": "x", "condition": holds("a"), "latched": true}]},
            {"name": "End", "advance": "all", "goals": []},
        ]})
    );
    assert_eq!(taken.stage_names(), ["One", "End"]);
}

#[test]
fn its_facts_are_those_of_segment_and_goals() {
    let stage = json!({"stage": "Other", "is": "in", "values": ["First"], "for_days": 30});
    let body = json!({"segment": holds("s"), "stages": [
        {"name": "One", "goals": [goal("a", true), {"name": "x", "condition": stage}]}, {"name": "End"},
    ]});
    let columns = ["a", "s"].map(|name| (Fact::Column(name.to_owned()), 0));
    let other = (Fact::Stage(SignalId::from_text("j2")), 29);
    assert_eq!(journey(body).facts(), columns.into_iter().chain([other]).collect());
}

fn any_stage() -> impl Strategy<Value = Value> {
    let goals = proptest::collection::btree_map(proptest::sample::select(COLUMNS.to_vec()), any::<bool>(), 0..4);
    let advance = proptest::sample::select(vec!["all", "any", "by_hand"]);
    (goals, advance, proptest::option::of(1..=730_u32)).prop_map(|(goals, advance, target)| {
        let goals: Vec<Value> = goals.into_iter().map(|(name, latched)| goal(name, latched)).collect();
        let advance = if goals.is_empty() { "by_hand" } else { advance };
        let mut stage = json!({"name": "", "goals": goals, "advance": advance});
        if let Some(days) = target {
            stage["target_days"] = days.into();
        }
        stage
    })
}

proptest! {
    #[test]
    fn what_is_shown_is_what_was_taken(stages in proptest::collection::vec(any_stage(), 2..6), has_segment in any::<bool>()) {
        let mut stages = stages;
        for (at, stage) in stages.iter_mut().enumerate() {
            stage["name"] = format!("Stage {at}").into();
        }
        let mut body = json!({"stages": stages});
        if has_segment {
            body["segment"] = json!({"not": holds("s")});
        }
        let taken = journey(body.clone());
        let shown = taken.shown(&names());
        prop_assert_eq!(&shown, &body);
        prop_assert_eq!(&journey(shown), &taken);
        prop_assert_eq!(&serde_json::from_value::<Journey>(json!(taken)).unwrap(), &taken);
    }
}
