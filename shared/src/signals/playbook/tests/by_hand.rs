//! What moves without behaviour: what people do, what they release, and what the lot decides.

use super::*;

#[test]
fn what_turns_on_a_rebase_moves_when_it_is_released() {
    let mut object = Object::of(full());
    object.day(F, F, F);
    assert_eq!(object.rebased(T, F, F), NOTHING);
    assert_eq!(object.day(T, F, F), NOTHING);
    assert!(object.memory.is_owed());
    assert_eq!(object.release([U, F, F]), NOTHING, "nobody can tell now");
    assert_eq!(object.release([T, F, F]), ["in 1 released"]);
    assert_eq!(object.release([T, F, F]), NOTHING);
    assert_eq!(object.rebased(T, T, T), NOTHING);
    assert_eq!(object.day(T, T, T), NOTHING);
    assert_eq!(object.release([T, T, T]), ["met 1", "out 1 released"]);
    assert!(!object.memory.is_owed());
}

#[test]
fn after_a_rebase_behaviour_counts_again() {
    let mut object = Object::of(full());
    object.day(T, F, F);
    assert_eq!(object.rebased(F, F, F), NOTHING);
    assert_eq!(object.day(T, F, F), ["in 1"], "it came to hold by behaviour, whatever made it fall");
    object.day(T, F, F);
    object.rebased(T, T, F);
    object.day(T, F, F);
    assert!(!object.memory.is_owed(), "what turned back is not owed");
    assert_eq!(object.day(T, T, F), ["out 1"]);
}

#[test]
fn over_the_cap_an_entry_waits_for_release() {
    let mut object = Object::of(full());
    object.day(F, F, F);
    let wants = object.see([T, F, F], false, |playbook, memory, sight| playbook.wants(memory, sight));
    assert!(wants);
    assert_eq!(object.look([T, F, F], false, false), NOTHING);
    let wants = object.see([T, F, F], false, |playbook, memory, sight| playbook.wants(memory, sight));
    assert!(!wants);
    assert_eq!(object.day(T, F, F), NOTHING);
    assert_eq!(object.release([T, F, F]), ["in 1 released"]);
}

#[test]
fn those_held_out_are_followed_and_not_told() {
    let mut body = full();
    body["hold_out_percent"] = 50.into();
    let mut object = Object::of(body);
    let id = SignalId::from_text("p");
    let is_out = |object_id: &String| object.playbook.is_held_out(&id, object_id);
    let lots: Vec<String> = (0..1_000).map(|at| format!("account-{at}")).collect();
    let held_out = lots.iter().filter(|id| is_out(id)).count();
    assert!((430..570).contains(&held_out), "{held_out} of 1000 by a lot of one half");
    let drawn = lots.into_iter().find(|id| is_out(id)).unwrap();
    let mut look = |truths| {
        object.day += 1;
        told(&object.see(truths, false, |playbook, memory, sight| playbook.step(&id, &drawn, memory, sight, true)))
    };
    look([F, F, F]);
    assert_eq!(look([T, F, F]), ["held 1"]);
    assert_eq!(look([T, F, T]), NOTHING);
    assert_eq!(look([F, T, T]), NOTHING);
    assert_eq!(look([T, T, T]), ["held 2"]);
    let first = &object.memory.entries[0];
    assert_eq!((first.met, first.exited), (Some(first.on + 1), Some(first.on + 2)));
    let refused = object.see([T, T, T], false, |playbook, memory, sight| playbook.enrol(memory, sight, By::Hand));
    assert_eq!(refused, Err(Refused::HeldOut));
    let out = object.see([T, T, T], false, |playbook, memory, sight| playbook.take_out(memory, sight));
    assert_eq!(out, Ok(Vec::new()));
    let enrolled = object.see([T, T, T], false, |playbook, memory, sight| playbook.enrol(memory, sight, By::Hand));
    assert_eq!(told(&enrolled.unwrap()), ["in 3 by hand", "met 3"]);
}

#[test]
fn people_enrol_and_take_out() {
    let mut object = Object::of(json!({"segment": holds("s"), "exit": holds("x")}));
    assert_eq!(object.day(T, T, F), NOTHING);
    let enrolled = object.see([T, T, F], false, |playbook, memory, sight| playbook.enrol(memory, sight, By::Hand));
    assert_eq!(told(&enrolled.unwrap()), ["in 1 by hand"]);
    let refused = object.see([T, T, F], false, |playbook, memory, sight| playbook.enrol(memory, sight, By::Hand));
    assert_eq!(refused, Err(Refused::AlreadyEnrolled));
    assert_eq!(object.day(T, T, F), NOTHING);
    let out = object.see([T, T, F], false, |playbook, memory, sight| playbook.take_out(memory, sight));
    assert_eq!(told(&out.unwrap()), ["out 1 by hand"]);
    let refused = object.see([T, T, F], false, |playbook, memory, sight| playbook.take_out(memory, sight));
    assert_eq!(refused, Err(Refused::NotEnrolled));
    let ended = object.day;
    for (days, expected) in [(-1, Err(Refused::WasEnrolled)), (0, Ok(vec!["in 2 by hand".to_owned()]))] {
        object.day = ended + days;
        let enrolled = object.see([T, T, F], false, |playbook, memory, sight| playbook.enrol(memory, sight, By::Hand));
        assert_eq!(enrolled.map(|changes| told(&changes)), expected);
    }
    object.see([T, T, F], false, |playbook, memory, sight| playbook.take_out(memory, sight)).unwrap();
    let past = past(&[("s", F)]);
    let sight = Sight { past: &past, day: object.day, at_ms: 1, is_rebased: false };
    assert_eq!(object.playbook.enrol(&mut object.memory, &sight, By::Hand), Err(Refused::OutsideSegment));
}
