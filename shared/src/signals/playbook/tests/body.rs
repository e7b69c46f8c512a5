//! What is taken for a playbook, what is refused, and how it is shown.

use super::*;
use proptest::prelude::*;

fn refused(body: Value) -> (String, String) {
    let problem = Playbook::parse(&body, "/body", &names()).unwrap_err();
    (problem.pointer, problem.detail)
}

#[test]
fn the_least_is_a_playbook_by_hand() {
    let least = playbook(json!({}));
    assert_eq!(
        least.shown(&names()),
        json!({"re_entry": "never", "cool_down_days": 0, "cap_percent": 10, "hold_out_percent": 0, "takes_standing": false})
    );
    assert_eq!(serde_json::from_value::<Playbook>(json!(least)).unwrap(), least);
}

#[test]
fn what_can_not_work_is_refused_where_it_stands() {
    let never = json!({"all": [
        {"column": "x", "is": "above", "value": 5}, {"column": "x", "is": "below", "value": 5},
    ]});
    let half = |is: &str| json!({"column": "s", "is": is, "value": 5});
    let entry = holds("e");
    for (body, place, says) in [
        (json!([]), "", "must be a JSON object"),
        (json!({"entr": 1}), "/entr", "is not known"),
        (json!({"entry": never}), "/entry", "contradicts itself"),
        (json!({"segment": never}), "/segment", "contradicts itself"),
        (json!({"entry": half("above"), "segment": half("below")}), "/entry", "nobody of the segment"),
        (json!({"exit": never}), "/exit", "contradicts itself"),
        (json!({"objective": never}), "/objective", "contradicts itself"),
        (json!({"entry": entry, "exit": entry}), "/exit", "same as the entry"),
        (json!({"entry": entry, "objective": entry}), "/objective", "same as the entry"),
        (json!({"entry": entry, "cool_down_days": 3}), "/cool_down_days", "after_exit"),
        (json!({"entry": entry, "cool_down_days": 731, "re_entry": "after_exit"}), "/cool_down_days", "0 to 730"),
        (json!({"exit_after_days": 0}), "/exit_after_days", "1 to 730"),
        (json!({"exit_after_days": 1.5}), "/exit_after_days", "whole number"),
        (json!({"cap_percent": 0}), "/cap_percent", "1 to 100"),
        (json!({"cap_percent": 101}), "/cap_percent", "1 to 100"),
        (json!({"hold_out_percent": 51, "entry": entry}), "/hold_out_percent", "0 to 50"),
        (json!({"hold_out_percent": 5}), "/hold_out_percent", "give \"entry\""),
        (json!({"takes_standing": true}), "/takes_standing", "give \"entry\""),
        (json!({"takes_standing": 1}), "/takes_standing", "true or false"),
        (json!({"re_entry": "always"}), "/re_entry", "\"never\" or \"after_exit\""),
        (json!({"re_entry": 1}), "/re_entry", "not a number"),
        (json!({"measure": {"field": "Clicks"}}), "/measure/field", "no calculated field"),
        (json!({"measure": {"field": "Last seen"}}), "/measure/field", "by a number"),
        (json!({"measure": {"field": "Logins", "window_days": 0}}), "/measure/window_days", "1 to 180"),
        (json!({"measure": {"window_days": 7}}), "/measure/field", "is missing"),
    ] {
        let (pointer, detail) = refused(body.clone());
        assert_eq!(pointer, format!("/body{place}"), "{body}: {detail}");
        assert!(detail.contains(says), "{body}: {detail}");
    }
}

#[test]
fn its_facts_are_those_of_all_conditions_and_of_the_measure() {
    let logins = |days: u32| json!({"field": "Logins", "is": "below", "value": 3, "for_days": days});
    let body = json!({"entry": logins(14), "exit": logins(40), "segment": holds("s"), "objective": holds("o"),
        "measure": {"field": "logins"}});
    let facts = playbook(body).facts();
    let columns = ["o", "s"].map(|name| (Fact::Column(name.to_owned()), 0));
    let logins = (Fact::Field(FieldId::from_text("f1")), 39);
    assert_eq!(facts, columns.into_iter().chain([logins]).collect());
    let measured = playbook(json!({"measure": {"field": "f1"}})).facts();
    assert_eq!(measured, BTreeMap::from([(Fact::Field(FieldId::from_text("f1")), 28)]));
}

fn any_condition() -> impl Strategy<Value = Value> {
    let column = proptest::sample::select(vec!["e", "x", "o", "s"]);
    let number = (column, -50..50_i32)
        .prop_map(|(name, value)| json!({"column": name, "is": "above", "value": f64::from(value)}));
    let held = (1..60_u32, 0..9_u8).prop_map(
        |(days, value)| json!({"field": "Logins", "is": "below", "value": f64::from(value), "for_days": days}),
    );
    let leaf = prop_oneof![number, held];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 1..3).prop_map(|list| json!({"all": list})),
            proptest::collection::vec(inner.clone(), 1..3).prop_map(|list| json!({"any": list})),
            inner.prop_map(|part| json!({"not": part})),
        ]
    })
}

fn any_body() -> impl Strategy<Value = Value> {
    let condition = || proptest::option::of(any_condition());
    let conditions = (condition(), condition(), condition(), condition());
    let numbers = (proptest::option::of(1..=730_u32), 0..=730_u32, 1..=100_u8, 0..=50_u8);
    (conditions, numbers, any::<[bool; 3]>(), 1..=180_u32).prop_map(
        |((entry, segment, exit, objective), (after, cool, cap, out), [again, standing, measured], window)| {
            let mut body = json!({"re_entry": if again { "after_exit" } else { "never" }, "cap_percent": cap});
            for (name, part) in [("entry", &entry), ("segment", &segment), ("exit", &exit), ("objective", &objective)] {
                if let Some(part) = part {
                    body[name] = part.clone();
                }
            }
            if let Some(days) = after {
                body["exit_after_days"] = days.into();
            }
            body["cool_down_days"] = if again { cool } else { 0 }.into();
            body["hold_out_percent"] = if entry.is_some() { out } else { 0 }.into();
            body["takes_standing"] = (standing && entry.is_some()).into();
            if measured {
                body["measure"] = json!({"field": "Logins", "window_days": window});
            }
            body
        },
    )
}

proptest! {
    #[test]
    fn what_is_shown_is_what_was_taken(body in any_body()) {
        // Drawn conditions may contradict each other, which is refused and asserted elsewhere.
        if let Ok(taken) = Playbook::parse(&body, "", &names()) {
            let shown = taken.shown(&names());
            prop_assert_eq!(&Playbook::parse(&shown, "", &names()).unwrap(), &taken);
            prop_assert_eq!(&shown, &body);
            prop_assert_eq!(&serde_json::from_value::<Playbook>(json!(taken)).unwrap(), &taken);
        }
    }

    #[test]
    fn a_body_of_anything_is_taken_or_refused_at_a_place(members in proptest::collection::btree_map("[a-z_]{1,12}", 0..9_i32, 0..4)) {
        if let Err(problem) = Playbook::parse(&json!(members), "", &names()) {
            prop_assert!(problem.pointer.is_empty() || problem.pointer.starts_with('/'));
        }
    }
}
