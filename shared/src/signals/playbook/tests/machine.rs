//! Random lives of an object, against the rules told once more without edges: a condition has a value and what made it so.

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

/// What made a condition what it is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Cause {
    Start,
    Behaviour,
    HeldBack,
}

/// A condition with the value that was last known.
#[derive(Clone, Copy, Debug)]
struct Track(Option<bool>, Cause);

impl Track {
    /// Whether it came to hold by behaviour.
    fn see(&mut self, truth: Truth, is_rebased: bool, starts_low: bool) -> bool {
        if self.0.is_none() && starts_low {
            self.0 = Some(false);
        }
        let Some(now) = (truth != U).then_some(truth == T) else { return false };
        let Some(before) = self.0.replace(now) else { return false };
        if before == now {
            return false;
        }
        self.1 = if is_rebased { Cause::HeldBack } else { Cause::Behaviour };
        now && !is_rebased
    }

    fn is_owed(self) -> bool {
        self.0 == Some(true) && self.1 == Cause::HeldBack
    }

    fn forgive(&mut self) {
        if self.is_owed() {
            self.1 = Cause::Start;
        }
    }
}

/// An entry: when, until when, met when, and whether it is told.
#[derive(Clone, Debug)]
struct Time {
    on: i32,
    out: Option<i32>,
    met: Option<i32>,
    told: bool,
}

struct Naive {
    entry: Track,
    exit: Track,
    objective: Track,
    waits_to_cool: bool,
    times: Vec<Time>,
}

const NEW: Track = Track(None, Cause::Start);

impl Naive {
    fn is_in(&self) -> bool {
        self.times.last().is_some_and(|time| time.out.is_none())
    }

    fn waits_for_objective(&self, day: i32) -> Vec<usize> {
        let is_in_time = |time: &Time| time.out.is_none_or(|out| day - out <= 30);
        (0..self.times.len()).filter(|at| self.times[*at].met.is_none() && is_in_time(&self.times[*at])).collect()
    }

    /// Whether it can enter; when not yet, `None`.
    fn can_enter(&self, rule: &Playbook, day: i32) -> Option<bool> {
        match self.times.last() {
            None => Some(true),
            Some(_) if self.is_in() || rule.re_entry == ReEntry::Never => Some(false),
            Some(last) if day - last.out.unwrap() >= rule.cool_down_days.cast_signed() => Some(true),
            Some(_) => None,
        }
    }

    fn begin(
        &mut self,
        rule: &Playbook,
        day: i32,
        truths: [Truth; 3],
        word: &str,
        held_out: bool,
        told: &mut Vec<String>,
    ) {
        let number = self.times.len() + 1;
        let met = rule.objective.is_some() && truths[2] == T;
        self.waits_to_cool = false;
        self.entry.forgive();
        if rule.exit.is_some() && truths[1] != U {
            self.exit = Track(Some(truths[1] == T), Cause::Start);
        }
        self.times.push(Time { on: day, out: None, met: met.then_some(day), told: !held_out });
        if held_out {
            told.push(format!("held {number}"));
            return;
        }
        told.push(format!("in {number}{word}"));
        if met {
            told.push(format!("met {number}"));
        }
    }

    fn meet(&mut self, day: i32, told: &mut Vec<String>) {
        for at in self.waits_for_objective(day) {
            self.times[at].met = Some(day);
            if self.times[at].told {
                told.push(format!("met {}", at + 1));
            }
        }
    }

    fn leave(&mut self, day: i32, word: &str, told: &mut Vec<String>) {
        let number = self.times.len();
        let last = self.times.last_mut().unwrap();
        last.out = Some(day);
        if last.told {
            told.push(format!("out {number}{word}"));
        }
    }

    /// Nothing is owed to those whom it would not move.
    fn forgive(&mut self, rule: &Playbook, day: i32) {
        if self.can_enter(rule, day) == Some(false) {
            self.entry.forgive();
            self.waits_to_cool = false;
        }
        if !self.is_in() {
            self.exit.forgive();
        }
        if self.waits_for_objective(day).is_empty() {
            self.objective.forgive();
        }
    }

    fn look(
        &mut self,
        rule: &Playbook,
        day: i32,
        truths: [Truth; 3],
        is_rebased: bool,
        may_enter: bool,
        lot: bool,
    ) -> Vec<String> {
        let mut told = Vec::new();
        let (is_in, waits) = (self.is_in(), !self.waits_for_objective(day).is_empty());
        let mut rose = [false; 2];
        match rule.entry {
            Some(_) => rose[0] = self.entry.see(truths[0], is_rebased, rule.takes_standing),
            None => (self.entry, self.waits_to_cool) = (NEW, false),
        }
        match rule.exit {
            Some(_) => rose[1] = self.exit.see(truths[1], is_rebased, is_in),
            None => self.exit = NEW,
        }
        match rule.objective {
            Some(_) => drop(self.objective.see(truths[2], is_rebased, waits)),
            None => self.objective = NEW,
        }
        self.waits_to_cool &= self.entry.0 == Some(true);
        if !is_rebased {
            if rule.objective.is_some() && truths[2] == T && !self.objective.is_owed() {
                self.meet(day, &mut told);
            }
            let is_over = |on: i32| rule.exit_after_days.is_some_and(|days| day - on >= days.cast_signed());
            if is_in && (rose[1] || is_over(self.times.last().unwrap().on)) {
                self.leave(day, "", &mut told);
            }
            let is_cooled = self.waits_to_cool && truths[0] == T;
            match self.can_enter(rule, day) {
                Some(true) if (rose[0] || is_cooled) && may_enter => self.begin(rule, day, truths, "", lot, &mut told),
                Some(true) if rose[0] || is_cooled => (self.entry.1, self.waits_to_cool) = (Cause::HeldBack, false),
                None if rose[0] => self.waits_to_cool = true,
                _ => {}
            }
        }
        self.forgive(rule, day);
        told
    }

    fn release(&mut self, rule: &Playbook, day: i32, truths: [Truth; 3], lot: bool) -> Vec<String> {
        let mut told = Vec::new();
        if rule.objective.is_some() && self.objective.is_owed() && truths[2] == T {
            self.objective.forgive();
            self.meet(day, &mut told);
        }
        if rule.exit.is_some() && self.exit.is_owed() && truths[1] == T {
            self.exit.forgive();
            if self.is_in() {
                self.leave(day, " released", &mut told);
            }
        }
        let is_due = rule.entry.is_some() && self.entry.is_owed() && truths[0] == T;
        if is_due && self.can_enter(rule, day) == Some(true) {
            self.begin(rule, day, truths, " released", lot, &mut told);
        }
        self.forgive(rule, day);
        told
    }
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
        let mut naive = Naive { entry: NEW, exit: NEW, objective: NEW, waits_to_cool: false, times: Vec::new() };
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
