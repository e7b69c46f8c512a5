//! Templates: each gives an indicator that does what it says.

use super::*;
use crate::signals::condition::Names;
use std::collections::BTreeSet;

/// Choices that name what is there.
fn choices(template: &str) -> Value {
    match template {
        "seat_saturation" => json!({"seats_used": "used", "seats": "seats"}),
        "limit_approach" | "limit_breach" => json!({"used": "used", "limit": "seats"}),
        "gate_hit" => json!({"attempts": "used", "plan": "plan", "plans_with_it": ["pro", "max"]}),
        "usage_growth" => json!({"trend": "trend"}),
        "power_user_concentration" => json!({"concentration": "used"}),
        "multi_user_adoption" => json!({"users": "used"}),
        other => panic!("{other} is not tested"),
    }
}

fn filled(template: &str, also: Value) -> Indicator {
    let mut choices = choices(template);
    choices.as_object_mut().unwrap().extend(also.as_object().unwrap().clone());
    parsed(&fill(template, &choices, "").unwrap()).unwrap()
}

/// One more day for each value of a field; what each made the indicator do.
fn days(object: &mut Object, indicator: &Indicator, name: &str, values: &[f64]) -> String {
    let day = |value: &f64| {
        object.day += 1;
        told(&object.note(name, Some(*value)).step(indicator))
    };
    values.iter().map(day).collect()
}

fn with_column(name: &str, known: Known) -> Object {
    let mut object = Object::new();
    object.past.columns.insert(name.to_owned(), known);
    object
}

#[test]
fn each_is_an_ordinary_body_once_it_is_filled() {
    for template in TEMPLATES {
        let body = fill(template.name, &choices(template.name), "").unwrap();
        let indicator = parsed(&body).unwrap();
        assert_eq!(indicator.template.as_deref(), Some(template.name));
        assert_eq!(parsed(&indicator.shown(&names())).unwrap(), indicator);
        let Err(problem) = Indicator::parse(&body, "", &Names::default()) else { panic!("{body} names nothing") };
        assert!(problem.detail.contains("there is none yet"), "{problem}");
        assert!(problem.pointer.starts_with("/condition"), "{}", problem.pointer);
    }
    let all: BTreeSet<&str> = TEMPLATES.iter().map(|template| template.name).collect();
    assert_eq!(all.len(), TEMPLATES.len());
}

#[test]
fn what_stands_by_default_is_what_is_told_of_it() {
    for template in TEMPLATES {
        let mut given = choices(template.name);
        for parameter in template.parameters {
            match parameter.takes {
                Takes::Number { least, most, default } => {
                    assert!((least..=most).contains(&default));
                    given[parameter.name] = default.into();
                }
                Takes::Days { most, default } => {
                    assert!((1..=most).contains(&default));
                    given[parameter.name] = default.into();
                }
                Takes::Field | Takes::Column | Takes::Texts => assert!(given.get(parameter.name).is_some()),
            }
        }
        let filled = |choices: &Value| fill(template.name, choices, "").unwrap();
        assert_eq!(filled(&given), filled(&choices(template.name)));
    }
}

#[test]
fn whatever_can_be_given_is_taken_at_its_ends() {
    for template in TEMPLATES {
        for parameter in template.parameters {
            let ends = match parameter.takes {
                Takes::Number { least, most, .. } => [json!(least), json!(most)],
                Takes::Days { most, .. } => [json!(1), json!(most)],
                Takes::Field | Takes::Column | Takes::Texts => continue,
            };
            for end in ends {
                filled(template.name, json!({parameter.name: end}));
            }
        }
    }
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_what_to_do() {
    let cases = [
        ("growth", json!({}), "/template", "use seat_saturation"),
        ("seat_saturation", json!([]), "/choices", "must be a JSON object"),
        ("seat_saturation", json!({"seats": "seats"}), "/choices/seats_used", "give the name of a calculated field"),
        ("seat_saturation", json!({"seats_used": "used"}), "/choices/seats", "give the name of a column"),
        ("seat_saturation", json!({"seats_used": 1, "seats": "seats"}), "/choices/seats_used", "must be the name"),
        (
            "seat_saturation",
            json!({"seats_used": "used", "seats": "seats", "at_percent": 0}),
            "/choices/at_percent",
            "1 to 1000",
        ),
        (
            "seat_saturation",
            json!({"seats_used": "used", "seats": "seats", "for_days": 0}),
            "/choices/for_days",
            "1 to 366",
        ),
        (
            "seat_saturation",
            json!({"seats_used": "used", "seats": "seats", "plan": "x"}),
            "/choices/plan",
            "use seats_used, seats",
        ),
        ("gate_hit", json!({"attempts": "used", "plan": "plan"}), "/choices/plans_with_it", "give a list of texts"),
        (
            "gate_hit",
            json!({"attempts": "used", "plan": "plan", "plans_with_it": []}),
            "/choices/plans_with_it",
            "at least one",
        ),
    ];
    for (template, choices, pointer, advice) in cases {
        let Err(problem) = fill(template, &choices, "/rule") else { panic!("{template} took {choices}") };
        assert_eq!(problem.pointer, format!("/rule{pointer}"), "{problem}");
        assert!(problem.detail.contains(advice), "{problem}");
    }
}

#[test]
fn the_list_is_told_with_what_is_to_be_chosen() {
    let told = json!(TEMPLATES[0]);
    assert_eq!(told["name"], "seat_saturation");
    assert_eq!(
        told["parameters"][2]["takes"],
        json!({"type": "number", "least": 1.0, "most": 1000.0, "default": 80.0})
    );
    let schema = schemars::schema_for!(Template);
    let members: BTreeSet<&str> =
        schema.get("properties").unwrap().as_object().unwrap().keys().map(String::as_str).collect();
    let there: BTreeSet<&str> = told.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, there);
    assert!(TEMPLATES.iter().all(|template| template.about.ends_with('.') && template.needs.ends_with('.')));
}

#[test]
fn seats_are_saturated_after_fourteen_days_at_80_percent() {
    let indicator = filled("seat_saturation", json!({}));
    let mut object = with_column("seats", Known::Number(100.0));
    let busy = [79.0, 80.0, 81.0, 80.0, 80.0, 80.0, 80.0, 80.0, 80.0, 80.0, 80.0, 80.0, 80.0, 80.0, 100.0];
    assert_eq!(days(&mut object, &indicator, "used", &busy), "..............F");
    assert_eq!(object.memory.strength, 50);
    assert_eq!(days(&mut object, &indicator, "used", &[79.0]), "C");
    let mut none = with_column("seats", Known::Number(0.0));
    let standing = Indicator { takes_standing: true, ..filled("seat_saturation", json!({"for_days": 1})) };
    assert_eq!(days(&mut none, &standing, "used", &[0.0, 5.0]), "..", "nothing is all of nothing");
}

#[test]
fn a_limit_is_approached_at_80_and_breached_at_100_percent() {
    let (approach, breach) = (filled("limit_approach", json!({})), filled("limit_breach", json!({})));
    let used = [50.0, 79.0, 80.0, 99.0, 100.0, 120.0, 70.0];
    assert_eq!(days(&mut with_column("seats", Known::Number(100.0)), &approach, "used", &used), "..F...C");
    assert_eq!(days(&mut with_column("seats", Known::Number(100.0)), &breach, "used", &used), "....F.C");
}

#[test]
fn a_gate_is_hit_outside_of_the_plans_that_have_the_feature() {
    let indicator = filled("gate_hit", json!({}));
    let on = |plan: &str| days(&mut with_column("plan", Known::Text(plan.to_owned())), &indicator, "used", &[0.0, 1.0]);
    assert_eq!([on("free"), on("pro"), on("max")], [".F", "..", ".."]);
    assert_eq!(days(&mut Object::new(), &indicator, "used", &[0.0, 1.0]), "..", "nobody knows the plan");
}

#[test]
fn usage_grows_in_two_periods_one_after_the_other() {
    let indicator = filled("usage_growth", json!({"days": 2}));
    let trend = [0.3, 0.1, 0.1, 0.2, 0.1, 0.3, 0.2, 0.25, 0.1];
    assert_eq!(days(&mut Object::new(), &indicator, "trend", &trend), ".....FCFC");
}

#[test]
fn use_is_concentrated_where_few_have_half_of_it() {
    let indicator = filled("power_user_concentration", json!({}));
    let mut object = Object::new();
    assert_eq!(days(&mut object, &indicator, "used", &[0.4, 0.75, 0.4]), ".FC");
    assert_eq!(object.memory.strength, 50);
}

#[test]
fn several_adopt_where_it_came_to_three_within_the_days() {
    let indicator = filled("multi_user_adoption", json!({"within_days": 3}));
    assert_eq!(days(&mut Object::new(), &indicator, "used", &[2.0, 2.0, 3.0, 4.0, 4.0, 4.0]), "..F..C");
}
