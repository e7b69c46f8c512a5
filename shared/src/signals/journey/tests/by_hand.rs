//! What moves without behaviour: what people do, what they release, and what edits do.

use super::*;

#[test]
fn what_turns_on_a_rebase_is_owed() {
    let mut object = Object::of(three());
    object.day([F, F, F, F, T]);
    assert_eq!(object.rebased([T, T, F, F, T]), NOTHING);
    assert_eq!(object.day([T, T, F, F, T]), NOTHING);
    assert!(object.memory.is_owed());
    assert_eq!(object.release([U, T, F, F, T]), ["met One b"], "a can't be told");
    assert_eq!(object.release([T, T, F, F, T]), ["met One a", "One > Two 1 Release"]);
    assert_eq!(object.release([T, T, F, F, T]), NOTHING);
    assert!(!object.memory.is_owed());
    assert_eq!(object.rebased([T, T, F, F, F]), NOTHING);
    assert_eq!(object.day([T, T, F, F, F]), NOTHING);
    assert_eq!(object.memory.stage(), Some("Two"));
    assert_eq!(object.release([T, T, F, F, F]), ["left Two"]);
    assert_eq!(object.rebased([F, F, F, F, T]), NOTHING);
    assert_eq!(object.release([F, F, F, F, T]), ["- > One 2 Release"]);
}

#[test]
fn where_a_person_put_it_no_run_moves_it_without_behaviour() {
    let mut object = Object::of(three());
    let all = [T, T, T, F, T];
    object.day(all);
    assert_eq!(object.memory.stage(), Some("Three"));
    assert_eq!(object.move_to("One", all), Ok(vec!["Three > One 1 Hand".to_owned()]));
    assert_eq!(object.day(all), NOTHING);
    assert_eq!(object.release(all), NOTHING);
    assert_eq!(object.day([F, T, T, F, T]), NOTHING, "latched");
    assert_eq!(object.day(all), ["One > Two 1 Behaviour", "met Two c"]);
    assert_eq!(object.move_to("Two", all), Err(Refused::AlreadyThere));
    assert_eq!(object.move_to("two", all), Err(Refused::NoSuchStage));
    assert_eq!(object.move_to("One", [T, T, T, T, F]), Err(Refused::OutsideSegment));
    assert_eq!(object.move_to("One", [T, F, T, T, U]), Ok(vec!["Two > One 2 Hand".to_owned()]));
    assert_eq!(object.day(all), ["met One b", "One > Two 2 Behaviour", "met Two c"], "a held already and b came to");
}

#[test]
fn an_edit_moves_nobody_but_may_owe_a_move() {
    let mut object = Object::of(three());
    object.day([F, F, F, F, T]);
    object.day([T, F, F, F, T]);
    let mut body = three();
    body["stages"][0]["goals"] = json!([goal("a", true)]);
    object.journey = journey(body);
    assert_eq!(object.rebased([T, F, F, F, T]), NOTHING);
    assert_eq!(object.day([T, F, F, F, T]), NOTHING);
    assert!(object.memory.is_owed());
    assert_eq!(object.release([T, F, F, F, T]), ["One > Two 1 Release"]);
}

#[test]
fn the_object_of_a_stage_that_is_gone_goes_to_the_nearest_earlier_one() {
    let mut object = Object::of(three());
    object.day([T, T, F, F, T]);
    assert_eq!(object.memory.stage(), Some("Two"));
    let one_and_three = json!({"segment": holds("s"), "stages": [
        {"name": "Zero", "goals": [goal("d", true)]},
        {"name": "One", "goals": [goal("a", true), goal("b", false)]},
        {"name": "Three"},
    ]});
    object.journey = journey(one_and_three);
    assert_eq!(object.rebased([T, T, F, F, T]), NOTHING);
    assert_eq!(object.memory.stage(), Some("One"));
    assert_eq!(object.day([T, T, F, F, T]), NOTHING);
    assert_eq!(object.release([T, T, F, F, T]), ["met One a", "met One b", "One > Three 1 Release"]);
    let other = json!({"stages": [{"name": "X", "advance": "by_hand"}, {"name": "Y"}]});
    object.journey = journey(other);
    assert_eq!(object.day([T, T, F, F, T]), NOTHING);
    assert_eq!(object.memory.stage(), Some("X"));
}

#[test]
fn a_goal_that_loses_its_latch_may_be_owed_as_lost() {
    let mut object = Object::of(three());
    object.day([F, F, F, F, T]);
    object.day([T, F, F, F, T]);
    assert_eq!(object.day([F, F, F, F, T]), NOTHING);
    let mut body = three();
    body["stages"][0]["goals"][0]["latched"] = false.into();
    object.journey = journey(body.clone());
    assert_eq!(object.rebased([F, F, F, F, T]), NOTHING);
    object.journey = journey(three());
    assert_eq!(object.release([F, F, F, F, T]), NOTHING, "it is latched again");
    object.journey = journey(body);
    assert_eq!(object.release([F, F, F, F, T]), ["lost One a"]);
}
