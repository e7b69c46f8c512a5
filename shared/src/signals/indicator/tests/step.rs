//! Steps, case by case.

use super::*;

#[test]
fn it_fires_once_and_is_cleared_once() {
    let mut object = Object::new();
    assert_eq!(object.days(&indicator(json!({})), &[5.0, 10.0, 11.0, 9.0, 8.0, 12.0]), ".F.C.F");
    let day = Some(TODAY + 6);
    let memory = object.memory;
    assert_eq!((memory.is_firing, memory.fired_on, memory.last_fired, memory.times), (true, day, day, 2));
}

#[test]
fn it_tells_why() {
    let (indicator, mut object) = (indicator(json!({})), Object::new());
    object.days(&indicator, &[5.0]);
    object.note("used", Some(12.0));
    let fired = object.step(&indicator);
    assert_eq!(fired[0].what, What::IndicatorFired { strength: 100, by: By::Behaviour });
    assert_eq!(fired[0].because[0].was, Known::Number(12.0));
    object.note("used", Some(4.0));
    let cleared = object.step(&indicator);
    assert_eq!(cleared[0].what, What::IndicatorCleared {});
    assert_eq!(cleared[0].because[0].was, Known::Number(4.0));
}

#[test]
fn the_first_look_is_where_it_starts_from_unless_who_stands_there_is_taken() {
    let stands = indicator(json!({"takes_standing": true}));
    assert_eq!(Object::new().days(&indicator(json!({})), &[12.0, 12.0, 5.0, 12.0]), "...F");
    assert_eq!(Object::new().days(&stands, &[12.0, 12.0, 5.0, 12.0]), "F.CF");
    let mut rebased = Object { is_rebased: true, ..Object::new() };
    assert_eq!(rebased.days(&stands, &[12.0]), ".", "it is owed");
    assert_eq!(told(&rebased.release(&stands)), 'F');
}

#[test]
fn days_count_in_a_row_with_today() {
    let of_three = indicator(json!({"for_days": 3}));
    assert_eq!(Object::new().days(&of_three, &[5.0, 10.0, 10.0, 10.0, 10.0]), "...F.");
    assert_eq!(Object::new().days(&of_three, &[5.0, 10.0, 10.0, 5.0, 10.0, 10.0, 10.0, 5.0]), "......FC");
}

#[test]
fn what_nobody_can_tell_neither_fires_nor_clears() {
    let (of_two, mut object) = (indicator(json!({"for_days": 2})), Object::new());
    assert_eq!(object.days(&of_two, &[5.0, 10.0, 10.0]), "..F");
    assert_eq!(object.next(&of_two, None), '.');
    assert_eq!(object.next(&of_two, Some(10.0)), '.', "the day before is not known");
    assert_eq!(object.next(&of_two, Some(9.0)), 'C');
    assert_eq!(object.next(&of_two, Some(10.0)), '.');
    assert_eq!(object.next(&of_two, None), '.');
    assert_eq!(object.next(&of_two, Some(10.0)), '.');
    assert_eq!(object.next(&of_two, Some(10.0)), 'F');
}

#[test]
fn unless_holds_back_clears_and_lets_go_again() {
    let unless = indicator(json!({"unless": {"field": "trend", "is": "below", "value": 0}}));
    let mut object = Object::new();
    let mut next = |used: f64, trend: Option<f64>| {
        object.day += 1;
        told(&object.note("used", Some(used)).note("trend", trend).step(&unless))
    };
    assert_eq!(next(5.0, None), '.');
    assert_eq!(next(10.0, None), 'F', "what was never known holds nothing back");
    assert_eq!(next(10.0, Some(-1.0)), 'C');
    assert_eq!(next(10.0, None), '.', "it stays what it last was");
    assert_eq!(next(10.0, Some(1.0)), 'F');
    assert_eq!(next(5.0, Some(1.0)), 'C');
    assert_eq!(next(5.0, Some(-1.0)), '.');
    assert_eq!(next(10.0, Some(-1.0)), '.');
    assert_eq!(next(10.0, Some(1.0)), 'F');
}

#[test]
fn a_rise_within_the_cool_down_waits_for_its_end() {
    let cools = indicator(json!({"cool_down_days": 4}));
    assert_eq!(Object::new().days(&cools, &[5.0, 10.0, 5.0, 10.0, 10.0, 10.0, 10.0]), ".FC..F.");
    assert_eq!(Object::new().days(&cools, &[5.0, 10.0, 5.0, 10.0, 5.0, 5.0, 10.0]), ".FC...F", "it did not last");
    let mut object = Object::new();
    object.days(&cools, &[5.0, 10.0, 5.0, 10.0]);
    assert_eq!(object.next(&cools, Some(11.0)), '.');
    object.is_rebased = true;
    assert_eq!(object.next(&cools, Some(12.0)), '.', "nothing moves where values are others");
    object.is_rebased = false;
    object.day += 1;
    object.note("used", Some(13.0));
    assert_eq!(object.step(&cools)[0].because[0].was, Known::Number(13.0), "for the reasons of that day");
}

#[test]
fn what_turns_without_behaviour_is_owed_and_can_be_released() {
    let (plain, mut object) = (indicator(json!({})), Object::new());
    object.days(&plain, &[5.0]);
    object.is_rebased = true;
    assert_eq!(object.next(&plain, Some(10.0)), '.');
    object.is_rebased = false;
    assert_eq!(object.next(&plain, Some(11.0)), '.', "it did not rise by behaviour");
    let fired = object.release(&plain);
    assert_eq!(fired[0].what, What::IndicatorFired { strength: 100, by: By::Release });
    assert_eq!(fired[0].because[0].was, Known::Number(11.0));
    object.is_rebased = true;
    assert_eq!(object.next(&plain, Some(5.0)), '.', "an exit is owed, too");
    assert!(object.memory.is_firing);
    assert_eq!(told(&object.release(&plain)), 'C');
    assert_eq!(object.release(&plain), Vec::new());
}

#[test]
fn what_is_owed_is_released_only_while_it_stands() {
    let (plain, mut object) = (indicator(json!({})), Object::new());
    object.days(&plain, &[5.0]);
    object.is_rebased = true;
    object.next(&plain, Some(10.0));
    object.is_rebased = false;
    object.note("used", None);
    assert_eq!(object.release(&plain), Vec::new(), "nobody can tell");
    object.note("used", Some(5.0));
    assert_eq!(object.release(&plain), Vec::new(), "it fell since");
    assert_eq!(told(&object.step(&plain)), '.');
    assert_eq!(object.memory.edge.owed, None);
}

#[test]
fn a_release_within_the_cool_down_waits_too() {
    let (cools, mut object) = (indicator(json!({"cool_down_days": 4})), Object::new());
    assert_eq!(object.days(&cools, &[5.0, 10.0, 5.0]), ".FC");
    object.is_rebased = true;
    object.next(&cools, Some(10.0));
    object.is_rebased = false;
    assert_eq!(object.release(&cools), Vec::new());
    assert_eq!(object.next(&cools, Some(10.0)), '.');
    object.day += 1;
    let fired = object.note("used", Some(10.0)).step(&cools);
    assert_eq!(fired[0].what, What::IndicatorFired { strength: 100, by: By::Release });
}

#[test]
fn strength_grows_between_its_ends_and_follows_while_it_fires() {
    let strong = |strength: Value| indicator(json!({"strength": strength, "takes_standing": true}));
    let at = |strength: Value, used: f64| {
        let mut object = Object::new();
        object.past.columns.insert("seats".to_owned(), Known::Text("20".to_owned()));
        object.days(&strong(strength), &[used]);
        object.memory.strength
    };
    let up = json!({"field": "used", "from": 10, "to": 30});
    assert_eq!([10.0, 15.0, 29.8, 30.0, 1e9].map(|used| at(up.clone(), used)), [0, 25, 99, 100, 100]);
    let down = json!({"field": "used", "from": 30, "to": 10});
    assert_eq!([10.0, 15.0, 30.0, 31.0].map(|used| at(down.clone(), used)), [100, 75, 0, 0]);
    let share = json!({"field": "used", "other": {"column": "seats"}, "from": 0.8, "to": 1.2});
    assert_eq!([16.0, 18.0, 20.0, 24.0, 40.0].map(|used| at(share.clone(), used)), [0, 25, 50, 100, 100]);
    let far = json!({"field": "used", "from": -1.7e308, "to": 1.7e308});
    assert_eq!(at(far, 10.0), 50);
    let untold = json!({"field": "trend", "from": 0, "to": 1});
    assert_eq!(at(untold, 10.0), 0, "what can't be told comes before nobody");

    let (strong, mut object) = (strong(up), Object::new());
    object.days(&strong, &[20.0]);
    assert_eq!(object.memory.strength, 50);
    assert_eq!(object.days(&strong, &[25.0]), ".");
    assert_eq!(object.memory.strength, 75);
    assert_eq!(object.next(&strong, None), '.');
    assert_eq!(object.memory.strength, 75);
    assert_eq!(object.days(&strong, &[5.0]), "C");
    assert_eq!(object.memory.strength, 75, "how strong it last was");
}

#[test]
fn a_share_of_nothing_has_no_strength() {
    let share = json!({"field": "used", "other": {"field": "trend"}, "from": 0, "to": 1});
    let indicator = indicator(json!({"strength": share, "takes_standing": true}));
    for none in [Some(0.0), Some(-5.0), None] {
        let mut object = Object::new();
        let fired = object.note("used", Some(10.0)).note("trend", none).step(&indicator);
        assert_eq!(fired[0].what, What::IndicatorFired { strength: 0, by: By::Behaviour });
    }
}

#[test]
fn a_memory_is_stored_as_it_is_and_begins_empty() {
    assert_eq!(serde_json::from_value::<Memory>(json!({})).unwrap(), Memory::default());
    assert!(serde_json::from_value::<Memory>(json!({"is_fired": true})).is_err());
    let mut object = Object::new();
    object.days(&indicator(json!({"cool_down_days": 9})), &[5.0, 10.0, 5.0, 10.0]);
    assert_eq!(object.memory.waits, Some(By::Behaviour));
    let stored = serde_json::to_string(&object.memory).unwrap();
    assert_eq!(serde_json::from_str::<Memory>(&stored).unwrap(), object.memory);
    assert!(stored.len() < 200, "{stored}");
}

#[test]
fn a_replay_starts_from_its_first_day_and_tells_the_days() {
    let mut past = Past::default();
    for (day, used) in (TODAY..).zip([12.0, 12.0, 5.0, 11.0, 5.0]) {
        past.note(field("used"), day, Known::Number(used));
    }
    let replayed = indicator(json!({"takes_standing": true})).replay(&past, TODAY..=TODAY + 4);
    let days: Vec<(i32, char)> = replayed.into_iter().map(|(day, change)| (day - TODAY, told(&[change]))).collect();
    assert_eq!(days, [(3, 'F'), (4, 'C')]);
}
