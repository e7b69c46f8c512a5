//! Random lives of an object, against the rules told once more.

use super::naive::Naive;
use super::*;
use proptest::prelude::*;

const ID: &str = "p";
const OBJECT: &str = "account-7";

/// What happens to an object.
#[derive(Clone, Debug)]
enum Act {
    Look {
        after: i32,
        truths: [Truth; 3],
        is_rebased: bool,
        may_enter: bool,
    },
    Enrol {
        truths: [Truth; 3],
    },
    TakeOut,
    Release {
        truths: [Truth; 3],
    },
    /// Another definition stands; the next look is a rebase.
    Edit(usize),
}

/// Definitions, from one of which to the other a playbook is edited.
fn definitions(hold_out: u8) -> Vec<Playbook> {
    let mut all = vec![
        full(),
        json!({"entry": holds("e"), "exit": holds("x"), "objective": holds("o"), "re_entry": "after_exit",
            "cool_down_days": 4, "exit_after_days": 6, "takes_standing": true}),
        json!({"entry": holds("e"), "exit": holds("x"), "exit_after_days": 3}),
        json!({"entry": holds("e"), "objective": holds("o"), "re_entry": "after_exit", "cool_down_days": 2}),
        json!({"entry": holds("o"), "exit": holds("x"), "objective": holds("e"), "re_entry": "after_exit"}),
        json!({"exit": holds("x"), "objective": holds("o")}),
    ];
    for body in &mut all {
        if body.get("entry").is_some() {
            body["hold_out_percent"] = hold_out.into();
        }
    }
    all.into_iter().map(playbook).collect()
}

fn truth() -> impl Strategy<Value = Truth> {
    prop_oneof![5 => Just(T), 5 => Just(F), 2 => Just(U)]
}

fn act() -> impl Strategy<Value = Act> {
    let truths = || [truth(), truth(), truth()];
    let after = prop_oneof![3 => 0..3_i32, 1 => 3..40_i32];
    let look = (after, truths(), proptest::bool::weighted(0.2), proptest::bool::weighted(0.8))
        .prop_map(|(after, truths, is_rebased, may_enter)| Act::Look { after, truths, is_rebased, may_enter });
    prop_oneof![
        12 => look,
        1 => truths().prop_map(|truths| Act::Enrol { truths }),
        1 => Just(Act::TakeOut),
        1 => truths().prop_map(|truths| Act::Release { truths }),
        1 => (0..6_usize).prop_map(Act::Edit),
    ]
}

/// What must be so whatever happens.
fn check(memory: &Memory) {
    let open = memory.entries.iter().filter(|entry| entry.exited.is_none()).count();
    assert!(open <= 1 && (open == 0 || memory.entries.last().unwrap().exited.is_none()));
    for (at, entry) in memory.entries.iter().enumerate() {
        assert_eq!(entry.entry as usize, at + 1 + memory.dropped as usize);
        assert!(entry.exited.is_none_or(|out| out >= entry.on) && entry.met.is_none_or(|met| met >= entry.on));
        assert!(entry.met.zip(entry.exited).is_none_or(|(met, out)| met <= out + OBJECTIVE_DAYS_AFTER_EXIT));
    }
    let stored = serde_json::to_string(memory).unwrap();
    assert_eq!(&serde_json::from_str::<Memory>(&stored).unwrap(), memory);
}

proptest! {
    #[test]
    fn a_life_is_told_as_the_rules_say(
        hold_out in proptest::sample::select(vec![0_u8, 50]),
        first in 0..6_usize,
        acts in proptest::collection::vec(act(), 1..60),
    ) {
        let rules = definitions(hold_out);
        let (mut at, mut day, mut is_edited) = (first, 20_000, false);
        let mut memory = Memory::default();
        let mut naive = Naive::new();
        let id = SignalId::from_text(ID);
        let mut all: Vec<String> = Vec::new();
        for act in acts {
            let rule = &rules[at];
            let lot = rule.is_held_out(&id, OBJECT);
            // Definition 4 has entry and objective the other way round.
            let by_rule = |truths: [Truth; 3]| if at == 4 { [truths[2], truths[1], truths[0]] } else { truths };
            let seen = |truths: [Truth; 3]| past(&[("e", truths[0]), ("x", truths[1]), ("o", truths[2])]);
            let before = memory.entries.len();
            let told_now = match act {
                Act::Edit(other) => {
                    is_edited |= other != at;
                    at = other;
                    continue;
                }
                Act::Look { after, truths, is_rebased, may_enter } => {
                    day += after;
                    let is_rebased = is_rebased || std::mem::take(&mut is_edited);
                    let past = seen(truths);
                    let sight = Sight { past: &past, day, at_ms: 0, is_rebased };
                    let wants = rule.wants(&memory, &sight);
                    let changes = told(&rule.step(&id, OBJECT, &mut memory, &sight, may_enter));
                    prop_assert_eq!(wants && may_enter, memory.entries.len() > before);
                    prop_assert!(!is_rebased || changes.is_empty(), "a rebase moves nobody: {:?}", changes);
                    prop_assert!(truths.contains(&T) || !changes.iter().any(|change| change.starts_with("in")));
                    let again = memory.clone();
                    prop_assert_eq!(&told(&rule.step(&id, OBJECT, &mut memory, &sight, may_enter)), &NOTHING);
                    prop_assert_eq!(&memory, &again);
                    prop_assert_eq!(&changes, &naive.look(rule, day, by_rule(truths), is_rebased, may_enter, lot));
                    changes
                }
                Act::Enrol { truths } => {
                    let past = seen(truths);
                    let sight = Sight { past: &past, day, at_ms: 0, is_rebased: false };
                    match rule.enrol(&mut memory, &sight, By::Hand) {
                        Err(_) => {
                            prop_assert!(naive.is_in());
                            Vec::new()
                        }
                        Ok(changes) => {
                            let mut expected = Vec::new();
                            naive.begin(rule, day, by_rule(truths), " by hand", false, &mut expected);
                            prop_assert_eq!(told(&changes), &expected[..]);
                            expected
                        }
                    }
                }
                Act::TakeOut => {
                    let past = Past::default();
                    let sight = Sight { past: &past, day, at_ms: 0, is_rebased: false };
                    let mut expected = Vec::new();
                    if naive.is_in() {
                        naive.leave(day, " by hand", &mut expected);
                        naive.forgive(rule, day);
                    }
                    prop_assert_eq!(told(&rule.take_out(&mut memory, &sight).unwrap_or_default()), &expected[..]);
                    expected
                }
                Act::Release { truths } => {
                    let past = seen(truths);
                    let sight = Sight { past: &past, day, at_ms: 0, is_rebased: false };
                    let changes = told(&rule.release(&id, OBJECT, &mut memory, &sight));
                    prop_assert_eq!(&changes, &naive.release(rule, day, by_rule(truths), lot));
                    prop_assert_eq!(&told(&rule.release(&id, OBJECT, &mut memory, &sight)), &NOTHING);
                    changes
                }
            };
            check(&memory);
            let owed = [&memory.entry, &memory.exit, &memory.objective].map(|edge| edge.owed.is_some());
            prop_assert_eq!(owed, naive.owes());
            prop_assert_eq!(memory.is_owed(), owed.contains(&true));
            prop_assert!(memory.entries.len() <= before + 1, "two entries at once");
            all.extend(told_now);
        }
        // Each change is told once at most, and what is told is what is remembered.
        let mut once = all.clone();
        once.sort();
        once.dedup();
        prop_assert_eq!(once.len(), all.len());
        let count = |word: &str| all.iter().filter(|told| told.starts_with(word)).count();
        let kept = |is: fn(&Enrolment) -> bool| memory.entries.iter().filter(|entry| is(entry)).count();
        prop_assert_eq!(count("held"), kept(|entry| entry.is_held_out));
        prop_assert_eq!(count("in"), kept(|entry| !entry.is_held_out));
        prop_assert_eq!(count("out"), kept(|entry| !entry.is_held_out && entry.exited.is_some()));
        prop_assert_eq!(count("met"), kept(|entry| !entry.is_held_out && entry.met.is_some()));
    }
}
